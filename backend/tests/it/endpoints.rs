//! What a container may ask for in a network, beside what `ipam` and `networks` try: link-local addresses, settings of its
//! interface, static addresses that last, files that two share, and what `docker network create` is told no to.

use crate::harness::{Daemon, api, docker_is_there, run, wait_for};
use drawbridge_kernel::testing::{self, check_in_sandbox};
use serde_json::json;
use std::{
    net::{TcpListener, TcpStream},
    time::Duration,
};

const SLEEP: [&str; 3] = ["busybox", "sleep", "100000"];

fn start(daemon: &Daemon, name: &str, args: &[&str]) -> String {
    daemon.docker(&[&["run", "-d", "--name", name], args, &SLEEP].concat())
}

fn inside(daemon: &Daemon, name: &str, command: &[&str]) -> String {
    daemon.docker(&[&["exec", name], command].concat())
}

/// How often the daemon had to make the kernel as the rows want it.
fn repairs(daemon: &Daemon) -> usize {
    let (_, changes) = api(daemon, "GET", "/api/changes", None);
    changes.as_array().unwrap().iter().filter(|change| change["verb"] == "reconcile").count()
}

#[test]
fn link_local_addresses_of_both_families() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let mut daemon = Daemon::start();
        let before = repairs(&daemon);
        daemon.docker(&["network", "create", "--ipv6", "dual"]);
        daemon.docker(&["network", "create", "plain"]);
        let asked = ["--link-local-ip", "169.254.7.7", "--link-local-ip", "fe80::77"];
        start(&daemon, "one", &[&["--network", "dual"][..], &asked].concat());
        start(&daemon, "two", &["--network", "dual"]);
        start(&daemon, "four", &["--network", "plain", "--link-local-ip", "fe80::78"]);
        let addresses = |name| inside(&daemon, name, &["ip", "addr", "show", "eth0"]);
        let one = addresses("one");
        assert!(one.contains("inet 169.254.7.7/16") && one.contains("inet6 fe80::77/64 scope link"), "{one}");
        assert!(!one.contains("tentative"), "{one}");
        assert!(addresses("four").contains("inet6 fe80::78/64"), "{}", addresses("four"));
        inside(&daemon, "two", &["ping", "-c", "1", "-W", "5", "fe80::77%eth0"]);
        let config = "{{json .NetworkSettings.Networks.dual.IPAMConfig}}";
        let shown = daemon.docker(&["inspect", "-f", config, "one"]);
        assert_eq!(shown, r#"{"LinkLocalIPs":["169.254.7.7","fe80::77"]}"#);

        daemon.docker(&["network", "connect", "--link-local-ip", "fe80::79", "dual", "four"]);
        assert!(inside(&daemon, "four", &["ip", "addr", "show", "eth1"]).contains("inet6 fe80::79/64"));
        // Neither the kernel's own link-local addresses nor those that were asked for look like drift.
        daemon.kill();
        daemon.start_again();
        assert_eq!(repairs(&daemon), before);
        let refused = |address| {
            daemon.docker_refuses(&[&["run", "--network", "dual", "--link-local-ip", address], &SLEEP[..]].concat())
        };
        for address in ["10.0.0.1", "fd00::1"] {
            assert!(refused(address).contains(&format!("invalid link-local IP address: {address}")));
        }
    });
}

#[test]
fn an_interface_has_the_settings_that_are_asked_for() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        for name in ["base", "lab"] {
            daemon.docker(&["network", "create", name]);
        }
        let option = "com.docker.network.endpoint.sysctls=net.ipv4.conf.IFNAME.log_martians=1";
        let asked = format!("name=lab,driver-opt={option}");
        start(&daemon, "one", &["--network", "base", "--network", &asked]);
        let setting = |interface: &str| {
            inside(&daemon, "one", &["cat", &format!("/proc/sys/net/ipv4/conf/{interface}/log_martians")])
        };
        assert_eq!((setting("eth1"), setting("eth0")), ("1".to_owned(), "0".to_owned()));
        let wrong = "name=lab,driver-opt=com.docker.network.endpoint.sysctls=net.ipv4.ip_forward=1";
        let message = daemon.docker_refuses(&[&["run", "--network", wrong], &SLEEP[..]].concat());
        assert!(message.contains("write net.X.Y.IFNAME.SETTING=VALUE"), "{message}");
        start(&daemon, "two", &[]);
        daemon.docker(&["network", "connect", "--driver-opt", option, "lab", "two"]);
        let two = |interface: &str| {
            inside(&daemon, "two", &["cat", &format!("/proc/sys/net/ipv4/conf/{interface}/log_martians")])
        };
        assert_eq!(
            (two("eth1"), two("eth0")),
            ("1".to_owned(), "0".to_owned()),
            "it runs, and gets them with the interface"
        );
        let unknown = "com.docker.network.endpoint.sysctls=net.ipv4.conf.IFNAME.no_such_setting=1";
        let message = daemon.docker_refuses(&["network", "connect", "--driver-opt", unknown, "base", "two"]);
        assert!(message.contains("net.ipv4.conf.eth2.no_such_setting"), "{message}");
        assert!(
            !daemon.docker(&["network", "inspect", "base"]).contains("\"two\""),
            "it is in no network without them"
        );
    });
}

#[test]
fn static_addresses_last() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let mut daemon = Daemon::start();
        daemon.docker(&["network", "create", "--ipv6", "--subnet", "10.44.0.0/24", "--subnet", "fd00:44::/64", "lab"]);
        let mac = "02:00:00:00:00:07";
        let asked = ["--network", "lab", "--ip", "10.44.0.2", "--ip6", "fd00:44::2", "--mac-address", mac];
        start(&daemon, "fixed", &asked);
        let has_all = |daemon: &Daemon| {
            let text = inside(daemon, "fixed", &["ip", "addr", "show", "eth0"]);
            for part in ["10.44.0.2/24", "fd00:44::2/64", mac] {
                assert!(text.contains(part), "{part}: {text}");
            }
        };
        has_all(&daemon);
        daemon.docker(&["restart", "-t", "0", "fixed"]);
        has_all(&daemon);
        daemon.kill();
        daemon.start_again();
        has_all(&daemon);
        // While it does not run, nobody gets what it asks for.
        daemon.docker(&["stop", "-t", "0", "fixed"]);
        start(&daemon, "other", &["--network", "lab"]);
        let other = inside(&daemon, "other", &["ip", "addr", "show", "eth0"]);
        assert!(other.contains("10.44.0.3/24") && other.contains("fd00:44::3/64"), "{other}");
        daemon.kill();
        daemon.start_again();
        daemon.docker(&["start", "fixed"]);
        has_all(&daemon);
    });
}

#[test]
fn files_are_shared_with_the_namespace() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        for name in ["lab", "more"] {
            daemon.docker(&["network", "create", name]);
        }
        start(&daemon, "web", &["--network", "lab", "--hostname", "front"]);
        start(&daemon, "side", &["--network", "container:web"]);
        inside(&daemon, "side", &["sh", "-c", "echo 192.0.2.9 added >> /etc/hosts"]);
        assert!(inside(&daemon, "web", &["cat", "/etc/hosts"]).contains("192.0.2.9 added"));
        // A network that the one joins is in the files of both.
        daemon.docker(&["network", "connect", "more", "web"]);
        let both = ["web", "side"].map(|name| inside(&daemon, name, &["cat", "/etc/hosts", "/etc/resolv.conf"]));
        assert_eq!(both[0], both[1]);
        assert_eq!(both[0].matches("\tfront").count(), 2, "{}", both[0]);
        let paths = "{{.HostsPath}} {{.HostnamePath}} {{.ResolvConfPath}}";
        let [web, side] = ["web", "side"].map(|name| daemon.docker(&["inspect", "-f", paths, name]));
        assert_eq!(web, side);
        // A new start of the one that shares leaves them as they are.
        daemon.docker(&["restart", "-t", "0", "side"]);
        assert!(inside(&daemon, "side", &["cat", "/etc/hosts"]).contains("192.0.2.9 added"));
    });
}

#[test]
fn what_one_machine_has_no_networks_for_is_refused() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        for (args, words) in [
            (&["--scope", "swarm"][..], "cannot create a swarm scoped network when swarm is not active"),
            (&["--scope", "global"], "invalid scope global"),
            (&["--ingress"], "Ingress network can only be global scope network"),
            (&["-d", "overlay"], "This node is not a swarm manager"),
            (&["-d", "ipvlan", "-o", "parent=lo"], "macvlan puts containers on the same wire"),
            (&["-d", "nosuch"], "plugin \"nosuch\" not found"),
            (&["-o", "com.docker.network.bridge.trusted_host_interfaces=a/b"], "trusted_host_interfaces: "),
        ] {
            let message = daemon.docker_refuses(&[&["network", "create"], args, &["x"]].concat());
            assert!(message.contains(words), "{args:?}: {message}");
        }
        let trusted = "com.docker.network.bridge.trusted_host_interfaces=wire0:wire1";
        daemon.docker(&["network", "create", "--scope", "local", "--attachable", "-o", trusted, "open"]);
        let shown =
            daemon.docker(&["network", "inspect", "-f", "{{json .Options}} {{.Attachable}} {{.Scope}}", "open"]);
        let options = json!({"com.docker.network.bridge.trusted_host_interfaces": "wire0:wire1"});
        assert_eq!(shown, format!("{options} true local"));
        let set = run("nft", &["list", "set", "inet", "drawbridge", "trusted"]);
        assert!(set.contains("\"wire0\" . \"br-") && set.contains("\"wire1\" . \"br-"), "{set}");
        daemon.docker(&["network", "rm", "open"]);
        assert!(!run("nft", &["list", "set", "inet", "drawbridge", "trusted"]).contains("wire0"));
    });
}

#[test]
fn our_own_api_asks_for_the_same() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let post = |path: &str, body| api(&daemon, "POST", path, Some(body));
        let lab = json!({"name": "lab", "subnet": "10.9.0.0/24", "ip_range": "10.9.0.128/25", "ipv6": true,
            "subnet6": "fd00:9::/64", "ranges": [{"subnet": "10.10.0.0/24"}], "reserved": {"r": "10.9.0.129"}, "mtu": 1400,
            "bridge": "br-lab", "labels": {"a": "b"}, "options": {"com.docker.network.container_iface_prefix": "lan"}});
        assert_eq!(post("/api/networks", lab).0, 201);
        start(&daemon, "one", &[]);
        let id = daemon.docker(&["inspect", "-f", "{{.Id}}", "one"]);
        let attachment = json!({"network": "lab", "address4": "10.9.0.200", "address6": "fd00:9::77", "aliases": ["web"],
            "link_local": ["169.254.3.4", "fe80::34"], "mac": "02:00:00:00:00:09", "gateway_priority": 7});
        assert_eq!(post(&format!("/api/containers/{id}/attachments"), attachment).0, 200);
        let link = inside(&daemon, "one", &["ip", "addr", "show", "lan0"]);
        for part in ["10.9.0.200/24", "fd00:9::77/64", "169.254.3.4/16", "fe80::34/64", "02:00:00:00:00:09", "mtu 1400"]
        {
            assert!(link.contains(part), "{part}: {link}");
        }
        for (body, words) in [
            (json!({"name": "xx", "options": {"com.docker.network.bridge.enable_icc": "false"}}), "a field of its own"),
            (json!({"name": "xx", "reserved": {"r": "10.77.0.1"}}), "lies in none of the ranges"),
            (json!({"name": "xx", "driver": "macvlan"}), "needs a parent"),
            (json!({"name": "xx", "driver": "host"}), "only one instance"),
            (json!({"name": "xx", "mtu": 9}), "invalid MTU 9"),
            (json!({"name": "xx", "subnet": "fd00:8::/64", "ipv6": true}), "write it as the IPv6 subnet"),
            (json!({"name": "xx", "subnet6": "10.8.0.0/24", "ipv6": true}), "write it as the IPv4 subnet"),
            (json!({"name": "xx", "subnet": "10.8.0.0/24", "reserved": {"router": ""}}), "router=172.20.0.9"),
            (json!({"name": "xx", "labels": {"": "x"}}), "has no name; write it as NAME=x"),
        ] {
            let (status, answer) = post("/api/networks", body);
            assert!(status == 400 && answer.to_string().contains(words), "{words}: {status} {answer}");
        }
        let (status, answer) = post("/api/containers", json!({"image": "nosuch"}));
        assert_eq!(status, 404, "{answer}");
        let words = "No such image: nosuch:latest; pull it with `docker pull nosuch:latest`, or build it first";
        assert_eq!(answer["message"], words);
    });
}

#[test]
fn a_network_of_the_panel_has_the_options_of_the_docker_command() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        run("ip", &["link", "add", "wire0", "type", "veth", "peer", "name", "wire1"]);
        let bridge = |key: &str, value: &str| format!("com.docker.network.bridge.{key}={value}");
        for (fields, options, others) in [
            (json!({}), vec![], &[][..]),
            (json!({"icc": true, "masquerade": true, "gateway_mode": "nat"}), vec![], &[]),
            (json!({"icc": false}), vec![bridge("enable_icc", "false")], &[]),
            (
                json!({"masquerade": false, "inhibit_ipv4": true}),
                vec![bridge("enable_ip_masquerade", "false"), bridge("inhibit_ipv4", "true")],
                &[],
            ),
            (json!({"gateway_mode": "routed"}), vec![bridge("gateway_mode_ipv4", "routed")], &[]),
            (
                json!({"gateway_mode": "routed", "ipv6": true, "bridge": "br-x", "mtu": 1400}),
                vec![
                    bridge("gateway_mode_ipv4", "routed"),
                    bridge("gateway_mode_ipv6", "routed"),
                    bridge("name", "br-x"),
                    "com.docker.network.driver.mtu=1400".to_owned(),
                ],
                &["--ipv6"],
            ),
            (
                json!({"driver": "macvlan", "parent": "wire0", "macvlan_mode": "private"}),
                vec!["parent=wire0".to_owned(), "macvlan_mode=private".to_owned()],
                &["-d", "macvlan"],
            ),
            (
                json!({"options": {"com.docker.network.container_iface_prefix": "lan"}, "icc": false}),
                vec![bridge("enable_icc", "false"), "com.docker.network.container_iface_prefix=lan".to_owned()],
                &[],
            ),
        ] {
            let shown = || daemon.docker(&["network", "inspect", "-f", "{{json .Options}}", "made"]);
            let mut body = fields.clone();
            body["name"] = json!("made");
            let (status, answer) = api(&daemon, "POST", "/api/networks", Some(body));
            assert_eq!(status, 201, "{answer}");
            let by_panel = shown();
            daemon.docker(&["network", "rm", "made"]);
            let flags: Vec<&str> = options.iter().flat_map(|option| ["-o", option.as_str()]).collect();
            daemon.docker(&[&["network", "create"], others, &flags, &["made"]].concat());
            assert_eq!(by_panel, shown(), "{fields}");
            daemon.docker(&["network", "rm", "made"]);
        }
    });
}

#[test]
fn settings_are_taken_over() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let create = |args: &[&str]| daemon.docker(&[&["network", "create"], args].concat());
        let refused = |args: &[&str]| daemon.docker_refuses(args);
        let settings = ["--config-only", "--subnet", "10.70.0.0/24", "--gateway", "10.70.0.9", "--label", "a=b"];
        create(&[&settings[..], &["-o", "com.docker.network.driver.mtu=1400", "settings"]].concat());
        let shown = |name: &str| {
            let format = "{{.Driver}} {{.ConfigOnly}} {{.ConfigFrom.Network}} {{json .IPAM.Config}} {{json .Labels}}";
            daemon.docker(&["network", "inspect", "-f", format, name])
        };
        let config = r#"[{"Subnet":"10.70.0.0/24","Gateway":"10.70.0.9"}] {"a":"b"}"#;
        assert_eq!(shown("settings"), format!("null true  {config}"));
        assert!(!run("ip", &["-o", "addr"]).contains("10.70.0"), "the kernel has nothing of it");
        let message = refused(&["run", "--network", "settings", "busybox", "true"]);
        assert!(message.contains("cannot create endpoint on configuration-only network settings"), "{message}");

        create(&["--config-from", "settings", "lab"]);
        assert_eq!(shown("lab"), format!("bridge false settings {config}"));
        start(&daemon, "web", &["--network", "lab"]);
        let link = inside(&daemon, "web", &["ip", "addr", "show", "eth0"]);
        assert!(link.contains("10.70.0.1/24") && link.contains("mtu 1400"), "{link}");
        for (args, words) in [
            (
                &["network", "create", "--config-from", "nobody", "xx"][..],
                "configuration network \"nobody\" does not exist",
            ),
            (&["network", "create", "--config-from", "settings", "--subnet", "10.71.0.0/24", "xx"], "user-specified"),
            (&["network", "create", "--config-from", "settings", "xx"], "Pool overlaps"),
            (&["network", "create", "--config-only", "--internal", "xx"], "can only contain network specific fields"),
            (&["network", "rm", "settings"], "configuration network \"settings\" is in use"),
        ] {
            let message = refused(args);
            assert!(message.contains(words), "{args:?}: {message}");
        }
        daemon.docker(&["network", "prune", "-f"]);
        daemon.docker(&["rm", "-f", "web"]);
        daemon.docker(&["network", "rm", "lab"]);
        daemon.docker(&["network", "rm", "settings"]);
    });
}

#[test]
fn a_container_that_is_to_forward_is_a_router() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        for (name, subnet) in [("one", "10.81.0.0/24"), ("two", "10.82.0.0/24")] {
            daemon.docker(&["network", "create", "--subnet", subnet, name]);
        }
        let near = start(&daemon, "near", &["--network", "one"]);
        let far = start(&daemon, "far", &["--network", "two"]);
        start(&daemon, "router", &["--network", "one", "--sysctl", "net.ipv4.ip_forward=1"]);
        daemon.docker(&["network", "connect", "two", "router"]);
        run("ip", &["-n", &near[..12], "route", "add", "10.82.0.0/24", "via", "10.81.0.3"]);
        run("ip", &["-n", &far[..12], "route", "add", "10.81.0.0/24", "via", "10.82.0.3"]);
        let listener = testing::inside(&far[..12], || TcpListener::bind("10.82.0.2:80").unwrap());
        let to = "10.82.0.2:80".parse().unwrap();
        let connect = || TcpStream::connect_timeout(&to, Duration::from_secs(2)).ok();
        let client = wait_for("the way through the router", || testing::inside(&near[..12], connect));
        // An earlier try may have come through just when it was given up.
        let own = client.local_addr().unwrap();
        let from = wait_for("its own address", || Some(listener.accept().unwrap().1).filter(|from| *from == own));
        assert_eq!(from.ip().to_string(), "10.81.0.2");
        let ranges = run("nft", &["list", "set", "bridge", "drawbridge", "ranges4"]);
        assert!(ranges.contains("10.81.0.0/24") && ranges.contains("10.82.0.0/24"), "{ranges}");
        daemon.docker(&["rm", "-f", "router"]);
        for set in ["ranges4", "routers"] {
            assert!(!run("nft", &["list", "set", "bridge", "drawbridge", set]).contains("veth"), "{set}");
        }
    });
}
