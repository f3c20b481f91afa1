//! Networks of every kind, by the docker command: what is asked for in them, before, while and after a container runs.

use crate::harness::{Daemon, docker_is_there, run, wait_for};
use drawbridge_kernel::testing::check_in_sandbox;
use serde_json::Value;

/// Runs a test with a daemon, if this machine can.
fn with_daemon(body: impl FnOnce(&Daemon) + Send) {
    if docker_is_there() {
        check_in_sandbox(|| body(&Daemon::start()));
    }
}

fn inspect(daemon: &Daemon, what: &[&str]) -> Value {
    let list: Value = serde_json::from_str(&daemon.docker(what)).unwrap();
    list[0].clone()
}

/// What inspect says of a container's networks.
fn networks(daemon: &Daemon, name: &str) -> Value {
    inspect(daemon, &["container", "inspect", name])["NetworkSettings"]["Networks"].clone()
}

const SLEEP: [&str; 3] = ["busybox", "sleep", "100000"];

/// `docker run -d --name NAME ARGS busybox sleep`.
fn start(daemon: &Daemon, name: &str, args: &[&str]) {
    daemon.docker(&[&["run", "-d", "--name", name], args, &SLEEP].concat());
}

#[test]
fn several_networks_from_making_to_removal() {
    with_daemon(|daemon| {
        daemon.docker(&["network", "create", "--subnet", "10.5.0.0/16", "demo"]);
        let net2 = daemon.docker(&["network", "create", "net2"]);
        let asked = "name=demo,alias=a1,ip=10.5.0.8,mac-address=02:42:00:00:00:07,link-local-ip=169.254.9.9";
        let create = ["create", "--name", "qq", "--network", asked, "--network", &net2[..12]];
        daemon.docker(&[&create[..], &SLEEP].concat());

        let before = networks(daemon, "qq");
        assert_eq!(before["demo"]["IPAMConfig"]["IPv4Address"], "10.5.0.8");
        assert_eq!(before["demo"]["Aliases"], serde_json::json!(["a1"]));
        for (network, key) in
            [("demo", "NetworkID"), ("demo", "IPAddress"), ("net2", "NetworkID"), ("net2", "EndpointID")]
        {
            assert_eq!(before[network][key], "", "{network} {key}");
        }
        assert_eq!(daemon.docker(&["network", "inspect", "-f", "{{len .Containers}}", "demo"]), "0");

        daemon.docker(&["start", "qq"]);
        let running = networks(daemon, "qq");
        assert_eq!(running["demo"]["IPAddress"], "10.5.0.8");
        assert_eq!(running["demo"]["MacAddress"], "02:42:00:00:00:07");
        assert_eq!(running["demo"]["Gateway"], "10.5.0.1");
        assert_eq!(running["net2"]["NetworkID"], net2);
        let short = &daemon.docker(&["ps", "-q"])[..12];
        assert_eq!(running["demo"]["DNSNames"], serde_json::json!(["qq", "a1", short]));
        let inside = daemon.docker(&["exec", "qq", "ip", "addr"]);
        let eth0 = inside.find("eth0").unwrap();
        let eth1 = inside.find("eth1").unwrap();
        assert!(
            inside[eth0..eth1].contains("10.5.0.8/16") && inside[eth0..eth1].contains("169.254.9.9/16"),
            "{inside}"
        );
        let listed = daemon.docker(&["ps", "--filter", "network=net2", "--format", "{{.Names}}"]);
        assert_eq!(listed, "qq");

        daemon.docker(&["stop", "-t", "0", "qq"]);
        let after = networks(daemon, "qq");
        assert_eq!(after["demo"]["IPAddress"], "");
        assert_eq!(after["net2"]["NetworkID"], net2);
        assert_eq!(after["demo"]["DNSNames"], running["demo"]["DNSNames"]);
        assert_eq!(after["demo"]["IPAMConfig"]["IPv4Address"], "10.5.0.8");
        // The address that it asked for waits for it.
        for name in ["r1", "r2"] {
            start(daemon, name, &["--network", "demo"]);
        }
        daemon.docker(&["start", "qq"]);
        assert_eq!(networks(daemon, "qq")["demo"]["IPAddress"], "10.5.0.8");
        let message = daemon.docker_refuses(&[&["run", "--network", "demo", "--ip", "10.5.0.8"], &SLEEP[..]].concat());
        assert!(
            message.contains("Address already in use: 10.5.0.8 in network demo belongs to container qq"),
            "{message}"
        );
    });
}

#[test]
fn a_running_container_is_plugged_and_unplugged() {
    with_daemon(|daemon| {
        for name in ["demo", "other"] {
            daemon.docker(&["network", "create", name]);
        }
        start(daemon, "web", &[]);
        start(daemon, "peer", &["--network", "demo"]);
        daemon.docker(&["network", "connect", "--alias", "www", "--ip", "172.18.0.9", "demo", "web"]);
        let addresses = daemon.docker(&["exec", "web", "ip", "addr", "show", "eth1"]);
        assert!(addresses.contains("172.18.0.9/16") && addresses.contains("UP"), "{addresses}");
        let ping = daemon.docker(&["exec", "web", "ping", "-c", "1", "172.18.0.2"]);
        assert!(ping.contains("1 packets received"), "{ping}");
        let demo = inspect(daemon, &["network", "inspect", "demo"]);
        assert_eq!(demo["Containers"].as_object().unwrap().len(), 2);
        // The first by name of those that lead out.
        let routes = daemon.docker(&["exec", "web", "ip", "route"]);
        assert!(routes.contains("default via 172.17.0.1 dev eth0"), "{routes}");

        for (args, words) in [
            (&["connect", "demo", "web"][..], "endpoint with name web already exists in network demo"),
            (&["connect", "nope", "web"], "network nope not found"),
            (&["connect", "demo", "nope"], "No such container: nope"),
            (&["connect", "host", "web"], "container sharing network namespace with another container or host"),
            (&["connect", "none", "web"], "one of the networks in private (none) mode"),
            (
                &["connect", "--ip", "10.0.0.1", "other", "web"],
                "no configured subnet or ip-range contain the IP address 10.0.0.1",
            ),
            (&["disconnect", "other", "web"], "is not connected to network other"),
        ] {
            let message = daemon.docker_refuses(&[&["network"], args].concat());
            assert!(message.contains(words), "{args:?}: {message}");
        }

        daemon.docker(&["network", "disconnect", "bridge", "web"]);
        let routes = daemon.docker(&["exec", "web", "ip", "route"]);
        assert!(routes.contains("default via 172.18.0.1 dev eth1") && !routes.contains("172.17"), "{routes}");
        daemon.docker(&["network", "disconnect", "demo", "web"]);
        assert_eq!(networks(daemon, "web"), serde_json::json!({}));
        let links = daemon.docker(&["exec", "web", "ip", "link"]);
        assert!(!links.contains("eth"), "{links}");
        daemon.docker(&["network", "connect", "other", "web"]);
        assert!(daemon.docker(&["exec", "web", "ip", "addr"]).contains("172.19.0.2/16"));

        // What it is in is kept, and can be changed, while it does not run.
        daemon.docker(&["stop", "-t", "0", "web"]);
        daemon.docker(&["network", "connect", "--alias", "www", "demo", "web"]);
        daemon.docker(&["network", "disconnect", "other", "web"]);
        daemon.docker(&["start", "web"]);
        let now = networks(daemon, "web");
        assert_eq!((&now["demo"]["Aliases"][0], now.as_object().unwrap().len()), (&Value::from("www"), 1));
        daemon.docker(&["rm", "-f", "web"]);
        wait_for("its veth to go", || (run("ip", &["link"]).matches("veth").count() == 1).then_some(()));
    });
}

#[test]
fn ports_are_published_where_the_default_route_leads() {
    with_daemon(|daemon| {
        for name in ["a-net", "z-net"] {
            daemon.docker(&["network", "create", name]);
        }
        daemon.docker(&["network", "create", "--internal", "closed"]);
        start(daemon, "web", &["-p", "8080:80"]);
        let leads_to = |address: &str| {
            let map = run("nft", &["list", "map", "inet", "drawbridge", "published4"]);
            assert!(map.contains(&format!("tcp . 8080 : {address} . 80")), "{map}");
            assert_eq!(map.matches(" . 80").count(), 2, "{map}");
        };
        leads_to("172.17.0.2");
        daemon.docker(&["network", "connect", "closed", "web"]);
        daemon.docker(&["network", "connect", "z-net", "web"]);
        leads_to("172.17.0.2");
        daemon.docker(&["network", "connect", "a-net", "web"]);
        leads_to("172.18.0.2");
        assert!(daemon.docker(&["exec", "web", "ip", "route"]).contains("default via 172.18.0.1"));
        daemon.docker(&["network", "disconnect", "a-net", "web"]);
        leads_to("172.17.0.2");
        daemon.docker(&["network", "disconnect", "bridge", "web"]);
        leads_to("172.19.0.2");
        assert_eq!(daemon.docker(&["port", "web"]), "80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080");
        daemon.docker(&["network", "disconnect", "z-net", "web"]);
        assert_eq!(daemon.docker(&["port", "web"]), "", "an internal network is not reached");
        daemon.docker(&["network", "connect", "--gw-priority", "5", "z-net", "web"]);
        daemon.docker(&["network", "connect", "a-net", "web"]);
        leads_to("172.19.0.2");
    });
}

#[test]
fn what_makes_no_sense_in_a_network_is_refused() {
    with_daemon(|daemon| {
        daemon.docker(&["network", "create", "--subnet", "10.5.0.0/24", "demo"]);
        start(daemon, "hostc", &["--network", "host"]);
        start(daemon, "nonec", &["--network", "none"]);
        for (args, words) in [
            (&["--ip", "172.17.0.9"][..], "user specified IP address is supported on user defined networks only"),
            (
                &["--network", "demo", "--ip", "10.6.0.1"],
                "no configured subnet or ip-range contain the IP address 10.6.0.1",
            ),
            (&["--network", "demo", "--ip", "10.5.0.255"], "no configured subnet or ip-range contain the IP address"),
            (&["--network", "demo", "--ip", "10.5.0.1"], "Address already in use: 10.5.0.1"),
            (&["--network", "demo", "--mac-address", "01:00:00:00:00:01"], "invalid MAC address"),
            (&["--network", "demo", "--network", "nope"], "network nope not found"),
        ] {
            let message = daemon.docker_refuses(&[&["run", "-d"], args, &SLEEP].concat());
            assert!(message.contains(words), "{args:?}: {message}");
        }
        daemon.docker(&["create", "--name", "idle", "--network", "demo", "busybox"]);
        let message = daemon.docker_refuses(&["network", "connect", "--alias", "x", "bridge", "idle"]);
        assert!(message.contains("network-scoped alias is supported only for containers in user defined"), "{message}");
        let message = daemon.docker_refuses(&["network", "connect", "demo", "hostc"]);
        assert!(message.contains("container sharing network namespace with another container or host"), "{message}");
        assert!(daemon.docker_refuses(&["network", "disconnect", "host", "hostc"]).contains("disconnected from host"));
        daemon.docker(&["network", "disconnect", "none", "nonec"]);
        daemon.docker(&["network", "connect", "demo", "nonec"]);
        assert_eq!(networks(daemon, "nonec")["demo"]["IPAddress"], "10.5.0.2");
        let host = networks(daemon, "hostc");
        assert_eq!(
            (host["host"]["IPAddress"].as_str(), host["host"]["EndpointID"].as_str().map(str::len)),
            (Some(""), Some(64))
        );
        let members = daemon.docker(&["network", "inspect", "-f", "{{range .Containers}}{{.Name}}{{end}}", "host"]);
        assert_eq!(members, "hostc");
    });
}
