//! Ranges, addresses and IPv6 of networks, by the docker command, and what they do in the kernel.

use crate::harness::{Daemon, docker_is_there, run, wait_for};
use drawbridge_kernel::testing::check_in_sandbox;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::TcpStream,
};

/// Runs a test with a daemon, if this machine can.
fn with_daemon(body: impl FnOnce(&Daemon) + Send) {
    if docker_is_there() {
        check_in_sandbox(|| body(&Daemon::start()));
    }
}

fn inspect(daemon: &Daemon, name: &str) -> Value {
    let list: Value = serde_json::from_str(&daemon.docker(&["network", "inspect", name])).unwrap();
    list[0].clone()
}

const SLEEP: [&str; 3] = ["busybox", "sleep", "100000"];

fn start(daemon: &Daemon, name: &str, args: &[&str]) {
    daemon.docker(&[&["run", "-d", "--name", name], args, &SLEEP].concat());
}

fn address(daemon: &Daemon, name: &str, field: &str) -> String {
    daemon.docker(&[
        "inspect",
        "-f",
        &format!("{{{{range .NetworkSettings.Networks}}}}{{{{.{field}}}}}{{{{end}}}}"),
        name,
    ])
}

#[test]
fn a_network_is_as_it_was_asked_for() {
    with_daemon(|daemon| {
        daemon.docker(
            &[
                &["network", "create", "--subnet", "10.5.0.0/16", "--gateway", "10.5.0.1", "--ip-range", "10.5.1.0/24"]
                    [..],
                &["--aux-address", "router=10.5.1.1", "--attachable", "--label", "a=b"],
                &["-o", "com.docker.network.driver.mtu=1400", "-o", "com.docker.network.bridge.name=br-x"],
                &["-o", "com.docker.network.container_iface_prefix=lan", "--ipam-opt", "k=v", "net2"],
            ]
            .concat(),
        );
        let found = inspect(daemon, "net2");
        let first = json!({"Subnet": "10.5.0.0/16", "IPRange": "10.5.1.0/24", "Gateway": "10.5.0.1",
            "AuxiliaryAddresses": {"router": "10.5.1.1"}});
        assert_eq!(found["IPAM"], json!({"Driver": "default", "Options": {"k": "v"}, "Config": [first]}));
        assert_eq!((&found["Attachable"], &found["Internal"]), (&json!(true), &json!(false)));
        assert_eq!(found["Labels"], json!({"a": "b"}));
        assert_eq!((&found["EnableIPv4"], &found["EnableIPv6"]), (&json!(true), &json!(false)));
        let bridge = run("ip", &["addr", "show", "br-x"]);
        assert!(bridge.contains("10.5.0.1/16") && bridge.contains("mtu 1400"), "{bridge}");

        for (name, expected) in [("c0", "10.5.1.0"), ("c2", "10.5.1.2")] {
            start(daemon, name, &["--network", "net2"]);
            assert_eq!(address(daemon, name, "IPAddress"), expected);
        }
        let links = daemon.docker(&["exec", "c0", "ip", "addr", "show", "lan0"]);
        assert!(links.contains("10.5.1.0/16") && links.contains("mtu 1400"), "{links}");
        let message = daemon.docker_refuses(&[&["run", "--network", "net2", "--ip", "10.5.1.1"], &SLEEP[..]].concat());
        assert!(message.contains("10.5.1.1 in network net2 belongs to the network itself"), "{message}");
    });
}

#[test]
fn a_network_may_have_several_ranges() {
    with_daemon(|daemon| {
        daemon.docker(&["network", "create", "--subnet", "10.5.0.0/24", "--subnet", "10.6.0.0/24", "two"]);
        // The command sends them in an order of its own.
        let config = inspect(daemon, "two")["IPAM"]["Config"].as_array().unwrap().clone();
        let ranges: BTreeSet<_> =
            config.iter().map(|range| (range["Subnet"].as_str(), range["Gateway"].as_str())).collect();
        let range = |number: u8| (format!("10.{number}.0.0/24"), format!("10.{number}.0.1"));
        let expected = [range(5), range(6)];
        assert_eq!(
            ranges,
            expected.iter().map(|(range, gateway)| (Some(range.as_str()), Some(gateway.as_str()))).collect()
        );
        for (name, address, gateway) in [("one", "10.5.0.7", "10.5.0.1"), ("two", "10.6.0.7", "10.6.0.1")] {
            start(daemon, &format!("box-{name}"), &["--network", "two", "--ip", address]);
            let routes = daemon.docker(&["exec", &format!("box-{name}"), "ip", "route"]);
            assert!(routes.contains(&format!("default via {gateway}")), "{routes}");
        }
    });
}

#[test]
fn networks_are_listed_and_pruned_by_filters() {
    with_daemon(|daemon| {
        for (name, label) in [("old", "x=1"), ("busy", "x=1"), ("kept", "keep")] {
            daemon.docker(&["network", "create", "--label", label, name]);
        }
        start(daemon, "web", &["--network", "busy"]);
        daemon.docker(&["create", "--network", "old", "--name", "idle", "busybox"]);
        let listed = |filters: &[&str]| {
            let filters = filters.iter().flat_map(|filter| ["--filter", filter]);
            let args: Vec<&str> = ["network", "ls", "--format", "{{.Name}}"].into_iter().chain(filters).collect();
            daemon.docker(&args).replace('\n', " ")
        };
        assert_eq!(listed(&["dangling=true"]), "kept old");
        assert_eq!(listed(&["dangling=false", "type=custom"]), "busy");
        assert_eq!(listed(&["label=x=1", "name=u"]), "busy");
        assert_eq!(listed(&["type=builtin"]), "bridge host none");
        assert!(daemon.docker_refuses(&["network", "ls", "--filter", "nope=1"]).contains("invalid filter 'nope'"));

        let pruned = daemon.docker(&["network", "prune", "-f", "--filter", "label!=keep"]);
        assert!(pruned.contains("old") && !pruned.contains("busy") && !pruned.contains("kept"), "{pruned}");
        assert_eq!(daemon.docker(&["network", "prune", "-f", "--filter", "until=24h"]), "");
        assert_eq!(listed(&["type=custom"]), "busy kept");
        assert!(daemon.docker_refuses(&["start", "idle"]).contains("network old not found"));
    });
}

#[test]
fn pools_skip_what_the_host_uses() {
    with_daemon(|daemon| {
        run("ip", &["link", "add", "up0", "type", "bridge"]);
        run("ip", &["link", "set", "up0", "up"]);
        run("ip", &["addr", "add", "172.18.3.4/24", "dev", "up0"]);
        run("ip", &["route", "add", "172.19.0.0/17", "dev", "up0"]);
        daemon.docker(&["network", "create", "demo"]);
        assert_eq!(inspect(daemon, "demo")["IPAM"]["Config"][0]["Subnet"], "172.20.0.0/16");
        let message = daemon.docker_refuses(&["network", "create", "--subnet", "172.18.0.0/16", "ov"]);
        assert!(message.contains("Pool overlaps with other one on this address space"), "{message}");
        assert!(message.contains("of interface up0"), "{message}");
    });
}

#[test]
fn no_address_is_given_twice_by_64_at_once() {
    with_daemon(|daemon| {
        daemon.docker(&["network", "create", "--subnet", "10.7.0.0/24", "crowd"]);
        std::thread::scope(|scope| {
            for number in 0..64 {
                scope.spawn(move || {
                    let name = format!("c{number}");
                    daemon.docker(&[&["run", "-d", "--name", &name, "--network", "crowd"], &SLEEP[..]].concat());
                });
            }
        });
        let members = inspect(daemon, "crowd")["Containers"].as_object().unwrap().clone();
        let addresses: BTreeSet<&str> = members.values().filter_map(|member| member["IPv4Address"].as_str()).collect();
        assert_eq!((members.len(), addresses.len()), (64, 64));
        assert!(addresses.contains("10.7.0.65/24"), "{addresses:?}");
    });
}

#[test]
fn ipv6_beside_ipv4() {
    with_daemon(|daemon| {
        daemon.docker(&["network", "create", "--ipv6", "dual"]);
        let config = inspect(daemon, "dual")["IPAM"]["Config"].clone();
        let subnet = config[1]["Subnet"].as_str().unwrap().to_owned();
        assert!(subnet.starts_with("fd") && subnet.ends_with("::/64"), "{config}");
        assert_eq!(inspect(daemon, "dual")["EnableIPv6"], true);
        assert_eq!(run("sysctl", &["-n", "net.ipv6.conf.all.forwarding"]).trim(), "1");
        let base = subnet.trim_end_matches("/64");
        for (name, host) in [("one", 2), ("two", 3)] {
            start(daemon, name, &["--network", "dual"]);
            // At once: nothing waits for duplicate address detection.
            let inside = daemon.docker(&["exec", name, "ip", "-6", "addr", "show", "eth0"]);
            assert!(!inside.contains("tentative"), "{inside}");
            assert_eq!(address(daemon, name, "GlobalIPv6Address"), format!("{base}{host}"));
        }
        assert_eq!(address(daemon, "one", "IPv6Gateway"), format!("{base}1"));
        let ping = daemon.docker(&["exec", "two", "ping", "-c", "1", "-W", "30", &format!("{base}2")]);
        assert!(ping.contains("1 packets received"), "{ping}");
        let routes = daemon.docker(&["exec", "one", "ip", "-6", "route"]);
        assert!(routes.contains(&format!("default via {base}1 dev eth0")), "{routes}");
        daemon.docker(&["exec", "one", "ping", "-c", "1", "-W", "30", &format!("{base}1")]);

        // A container on a network without it gets IPv6 with a second one, and keeps its namespace.
        start(daemon, "late", &[]);
        let namespace = run("ip", &["netns", "identify", &daemon.docker(&["inspect", "-f", "{{.State.Pid}}", "late"])]);
        assert!(!daemon.docker(&["exec", "late", "ip", "-6", "addr"]).contains("eth"));
        daemon.docker(&["network", "connect", "--ip6", &format!("{base}99"), "dual", "late"]);
        daemon.docker(&["exec", "late", "ping", "-c", "1", "-W", "30", &format!("{base}2")]);
        let pid = daemon.docker(&["inspect", "-f", "{{.State.Pid}}", "late"]);
        assert_eq!(run("ip", &["netns", "identify", &pid]), namespace);
        daemon.docker(&["network", "disconnect", "dual", "late"]);
        assert!(!daemon.docker(&["exec", "late", "ip", "-6", "addr"]).contains("eth"));
    });
}

#[test]
fn ipv6_alone_and_published() {
    with_daemon(|daemon| {
        daemon.docker(&["network", "create", "--ipv4=false", "--ipv6", "--subnet", "fd00:66::/64", "six"]);
        let six = inspect(daemon, "six");
        assert_eq!(six["IPAM"]["Config"], json!([{"Subnet": "fd00:66::/64", "Gateway": "fd00:66::1"}]));
        assert_eq!((&six["EnableIPv4"], &six["EnableIPv6"]), (&json!(false), &json!(true)));
        start(daemon, "web", &["--network", "six", "-p", "8080:80"]);
        assert_eq!(address(daemon, "web", "IPAddress"), "");
        assert_eq!(daemon.docker(&["port", "web"]), "80/tcp -> [::]:8080");
        let map = run("nft", &["list", "map", "inet", "drawbridge", "published6"]);
        assert!(map.contains("tcp . 8080 : fd00:66::2 . 80"), "{map}");
        daemon.docker(&["exec", "-d", "web", "sh", "-c", "echo hello > /index.html; exec httpd -p 80 -h /"]);
        wait_for("an answer over IPv6", || {
            let mut stream = TcpStream::connect("[fd00:66::1]:8080").ok()?;
            stream.write_all(b"GET /index.html HTTP/1.0\r\n\r\n").ok()?;
            let mut text = String::new();
            stream.read_to_string(&mut text).ok()?;
            text.contains("hello").then_some(())
        });
        for (args, words) in [
            (&["--ipv4=false", "none4"][..], "IPv4 or IPv6 must be enabled"),
            (&["--ipv6", "--subnet", "fd00:66::/80", "ov"], "overlaps fd00:66::/64 of network six"),
            (&["--ipv6", "--subnet", "fe80::/64", "ov"], "invalid subnet fe80::/64"),
        ] {
            let message = daemon.docker_refuses(&[&["network", "create"], args].concat());
            assert!(message.contains(words), "{args:?}: {message}");
        }
        daemon.docker(&["rm", "-f", "web"]);
        daemon.docker(&["network", "rm", "six"]);
    });
}

#[test]
fn a_namespace_is_shared() {
    with_daemon(|daemon| {
        daemon.docker(&["network", "create", "demo"]);
        start(daemon, "web", &["--network", "demo", "--hostname", "front"]);
        start(daemon, "side", &["--network", "container:web"]);
        let web = daemon.docker(&["inspect", "-f", "{{.Id}}", "web"]);
        let mode = daemon.docker(&["inspect", "-f", "{{.HostConfig.NetworkMode}} {{.Config.Hostname}}", "side"]);
        assert_eq!(mode, format!("container:{web} front"));
        assert_eq!(daemon.docker(&["inspect", "-f", "{{json .NetworkSettings.Networks}}", "side"]), "{}");
        for what in [&["ip", "addr"][..], &["hostname"], &["cat", "/etc/hosts"]] {
            let inside = |name| daemon.docker(&[&["exec", name], what].concat());
            assert_eq!(inside("side"), inside("web"), "{what:?}");
        }
        let message = daemon.docker_refuses(&["network", "connect", "bridge", "side"]);
        assert!(message.contains("container sharing network namespace with another container or host"), "{message}");
        daemon.docker(&["stop", "-t", "0", "side"]);
        assert!(daemon.docker(&["exec", "web", "ip", "addr"]).contains("eth0"), "its namespace is still there");
        daemon.docker(&["stop", "-t", "0", "web"]);
        let message = daemon.docker_refuses(&["start", "side"]);
        assert!(message.contains(&format!("cannot join network of a non running container: {web}")), "{message}");
        let message = daemon.docker_refuses(&[&["run", "--network", "container:nope"], &SLEEP[..]].concat());
        assert!(message.contains("No such container: nope"), "{message}");
    });
}

#[test]
fn an_interface_has_the_name_that_is_asked_for() {
    with_daemon(|daemon| {
        for name in ["demo", "other"] {
            daemon.docker(&["network", "create", name]);
        }
        let asked = "name=demo,driver-opt=com.docker.network.endpoint.ifname=wan0";
        start(daemon, "web", &["--network", asked, "--network", "other"]);
        let links = daemon.docker(&["exec", "web", "ip", "-o", "link"]);
        assert!(links.contains("wan0") && links.contains("eth0") && !links.contains("eth1"), "{links}");
        let taken = daemon.docker_refuses(
            &[
                &[
                    "run",
                    "--network",
                    asked,
                    "--network",
                    "name=other,driver-opt=com.docker.network.endpoint.ifname=wan0",
                ],
                &SLEEP[..],
            ]
            .concat(),
        );
        assert!(taken.contains("interface name wan0 is that of the container's endpoint in network demo"), "{taken}");
    });
}
