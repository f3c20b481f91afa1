//! Sockets that hold the host's ports, and what is passed on by them.

use crate::{
    harness::{Daemon, api, docker_is_there, run, wait_for},
    ports::{page, serve},
};
use drawbridge_kernel::testing::{check_in_sandbox, inside};
use serde_json::json;
use std::{fs, net::TcpListener};

/// How many sockets listen at a port, of both families (proc(5); `0A` is `TCP_LISTEN`).
fn listening(port: u16) -> usize {
    let end = format!(":{port:04X}");
    let count = |table: &str| {
        let text = fs::read_to_string(format!("/proc/thread-self/net/{table}")).unwrap();
        let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        lines.filter(|fields| fields[1].ends_with(&end) && fields[3] == "0A").count()
    };
    count("tcp") + count("tcp6")
}

/// Whether a program could have it. Programs that are being started have the daemon's descriptors for a moment, and those that
/// other tests start have ours: what we have had a moment ago is waited for, too.
fn gets_free(at: &str) {
    wait_for(at, || TcpListener::bind(at).ok());
}

#[test]
fn a_port_of_every_address_is_one_socket() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let mut daemon = Daemon::start();
        let id = serve(&daemon, "web", &["-p", "8080:80"]);
        assert_eq!(listening(8080), 1);
        daemon.kill();
        daemon.start_again();
        assert_eq!(listening(8080), 1);
        assert_eq!(page("[::1]:8080").as_deref(), Some("web"));

        // One family is given up and the other is held on, each way round.
        let path = format!("/api/containers/{id}/ports");
        let ports = |address: Option<&str>| {
            let port = json!({ "container_port": 80, "protocol": "tcp", "host_address": address, "host_port": 8080 });
            Some(json!({ "ports": [port] }))
        };
        for (address, here, given_up) in
            [("0.0.0.0", "127.0.0.1:8080", "[::1]:8080"), ("::", "[::1]:8080", "127.0.0.1:8080")]
        {
            assert_eq!(api(&daemon, "PUT", &path, ports(Some(address))).0, 200);
            gets_free(given_up);
            assert!(TcpListener::bind(here).is_err(), "{here}");
            assert_eq!(page(here).as_deref(), Some("web"));
            wait_for("all addresses", || (api(&daemon, "PUT", &path, ports(None)).0 == 200).then_some(()));
            for held in [here, given_up] {
                assert!(TcpListener::bind(held).is_err(), "{held}");
                assert_eq!(page(held).as_deref(), Some("web"), "{held}");
            }
        }
        // Who has it already at one address keeps it from being had at all.
        daemon.docker(&["stop", "-t", "0", "web"]);
        for taken in ["127.0.0.1:8080", "[::1]:8080"] {
            let listener = wait_for(taken, || TcpListener::bind(taken).ok());
            let refused = daemon.docker_refuses(&["start", "web"]);
            assert!(refused.contains(&format!("process {} (", std::process::id())), "{refused}");
            drop(listener);
        }
        wait_for("the start", || daemon.docker_output(&["start", "web"]).status.success().then_some(()));
    });
}

#[test]
fn containers_of_internal_networks_are_not_passed_on() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        // With IPv4 only: what comes by IPv6 is passed on by the daemon.
        serve(&daemon, "web", &["-p", "8080:80"]);
        for (network, flag, subnet) in [("inner", Some("--internal"), "fd21::/64"), ("outer", None, "fd22::/64")] {
            let args = ["network", "create", "--ipv6", "--subnet", subnet];
            daemon.docker(&args.into_iter().chain(flag).chain([network]).collect::<Vec<_>>());
        }
        let start = |network: &str| daemon.docker(&["run", "-d", "--network", network, "busybox", "sleep", "1000"]);
        let (inner, outer) = (start("inner"), start("outer"));
        let gateway = |network: &str| {
            daemon.docker(&["network", "inspect", "-f", "{{range .IPAM.Config}}{{.Gateway}} {{end}}", network])
        };
        let passed_on = || inside(&outer[..12], || page("[fd22::1]:8080"));
        assert_eq!(wait_for("the first packet's way", passed_on), "web");
        for gateway in gateway("inner").split_whitespace() {
            let at = if gateway.contains(':') { format!("[{gateway}]:8080") } else { format!("{gateway}:8080") };
            assert_eq!(inside(&inner[..12], || page(&at)), None, "{at}");
        }
        // By the bridge's own address, which means something on that link only.
        let bridge = daemon.docker(&["network", "inspect", "-f", "{{.Id}}", "inner"]);
        let told = run("ip", &["-6", "-o", "addr", "show", "scope", "link", "dev", &format!("br-{}", &bridge[..12])]);
        if let Some(address) = told.split_whitespace().find(|word| word.starts_with("fe80")) {
            let address = address.split('/').next().unwrap();
            let index = inside(&inner[..12], || run("cat", &["/proc/thread-self/net/if_inet6"]));
            let index =
                index.lines().find(|line| line.ends_with("eth0")).and_then(|line| line.split_whitespace().nth(1));
            let index = u32::from_str_radix(index.unwrap(), 16).unwrap();
            assert_eq!(inside(&inner[..12], || page(&format!("[{address}%{index}]:8080"))), None, "{address}");
        }
    });
}
