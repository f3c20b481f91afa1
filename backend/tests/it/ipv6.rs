//! IPv6 through the daemon, with a neighbour machine: out with the host's address or the container's own, in through published
//! ports, and no waiting for neighbours.

use crate::harness::{DEADLINE, Daemon, docker_is_there, run, wait_for};
use drawbridge_kernel::testing::{check_in_sandbox, inside};
use std::{
    io::{Read, Write},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

/// Far more than an attempt would need that succeeded, and what each costs that is dropped.
const PATIENCE: Duration = Duration::from_secs(2);

fn start(daemon: &Daemon, name: &str, args: &[&str]) -> String {
    let id = daemon.docker(&[&["run", "-d", "--name", name], args, &["busybox", "sleep", "100000"]].concat());
    id[..12].to_owned()
}

/// Another machine on a wire of the host's, with a route back to what is routed.
fn neighbour() {
    for command in [
        "ip netns add far",
        "ip link add wire type veth peer name eth0 netns far",
        "ip addr add 2001:db8::1/64 dev wire nodad",
        "ip addr add 192.0.2.1/24 dev wire",
        "ip link set wire up",
        "ip -n far link set lo up",
        "ip -n far addr add 2001:db8::2/64 dev eth0 nodad",
        "ip -n far addr add 192.0.2.2/24 dev eth0",
        "ip -n far link set eth0 up",
        "ip -n far route add 2001:db8:1::/64 via 2001:db8::1",
        "ip -n far route add fd00:66::/64 via 2001:db8::1",
    ] {
        let words: Vec<&str> = command.split(' ').collect();
        run(words[0], &words[1..]);
    }
    // The wire is older than the daemon: both of its ends have their own addresses, and have tried them out.
    let settled = |args: &[&str]| {
        let told = run("ip", &[args, &["-6", "-o", "addr", "show", "scope", "link"]].concat());
        told.contains("fe80::") && !told.contains("tentative")
    };
    wait_for("the wire", || (settled(&[]) && settled(&["-n", "far"])).then_some(()));
}

/// Answers each connection with the address that it came from; ends with the test.
fn serve(namespace: &str, port: u16) {
    let listener = inside(namespace, || TcpListener::bind(("::", port)).unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // One that has gone again needs no answer.
            let Ok(from) = stream.peer_addr() else { continue };
            let _ = stream.write_all(from.ip().to_string().as_bytes());
        }
    });
}

/// Who the other end takes us for; none when nobody answers.
fn seen_from(namespace: &str, to: &str) -> Option<IpAddr> {
    seen_within(DEADLINE, namespace, to)
}

/// Whether nobody answers.
fn is_out_of_reach(namespace: &str, to: &str) -> bool {
    seen_within(PATIENCE, namespace, to).is_none()
}

fn seen_within(patience: Duration, namespace: &str, to: &str) -> Option<IpAddr> {
    let to: SocketAddr = to.parse().unwrap();
    inside(namespace, || {
        let mut stream = TcpStream::connect_timeout(&to, patience).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        text.parse().ok()
    })
}

fn address(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

/// What takes a second at each attempt when it has to wait for the kernel does not at one of them: these machines are shared.
fn check_at_once(attempt: impl FnMut(usize) -> Duration) {
    let mut times = (0..).map(attempt);
    wait_for("an attempt that waits for nothing", || {
        times.next().filter(|time| *time < Duration::from_secs(1)).map(drop)
    });
}

#[test]
fn out_by_nat_and_in_by_published_ports() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        neighbour();
        let daemon = Daemon::start();
        daemon.docker(&["network", "create", "--ipv6", "--subnet", "fd00:66::/64", "dual"]);
        let web = start(&daemon, "web", &["--network", "dual", "-p", "8080:80"]);
        serve("far", 7000);
        serve(&web, 80);
        serve(&web, 81);
        // At once: no address is tried out first, and the neighbour is asked for but once.
        check_at_once(|_| {
            run("ip", &["-6", "neigh", "flush", "all"]);
            run("ip", &["-n", &web, "-6", "neigh", "flush", "all"]);
            let begun = Instant::now();
            assert_eq!(seen_from(&web, "[2001:db8::2]:7000"), address("2001:db8::1"), "NAT66");
            begun.elapsed()
        });
        assert_eq!(seen_from(&web, "192.0.2.2:7000"), address("::ffff:192.0.2.1"));
        assert_eq!(seen_from("far", "[2001:db8::1]:8080"), address("2001:db8::2"), "the client's own address");
        assert!(is_out_of_reach("far", "[fd00:66::2]:80"), "not by a route to the container");
        assert!(is_out_of_reach("far", "[fd00:66::2]:81"));
        assert!(is_out_of_reach("far", "[2001:db8::1]:81"));
        // A container with IPv4 alone is reached by IPv6 too, through the daemon.
        let four = start(&daemon, "four", &["-p", "8081:80"]);
        serve(&four, 80);
        assert!(seen_from("far", "[2001:db8::1]:8081").is_some());
        // A new neighbour on the bridge is reached in its first moment.
        check_at_once(|attempt| {
            let next = start(&daemon, &format!("next{attempt}"), &["--network", "dual"]);
            serve(&next, 90);
            let begun = Instant::now();
            assert_eq!(seen_from(&web, &format!("[fd00:66::{:x}]:90", attempt + 3)), address("fd00:66::2"));
            begun.elapsed()
        });
    });
}

#[test]
fn routed_with_its_own_addresses() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        neighbour();
        let daemon = Daemon::start();
        let mode = "com.docker.network.bridge.gateway_mode_ipv6=routed";
        daemon.docker(&["network", "create", "--ipv6", "--subnet", "2001:db8:1::/64", "-o", mode, "routed"]);
        let web = start(&daemon, "web", &["--network", "routed", "-p", "8080:80"]);
        serve("far", 7000);
        serve(&web, 80);
        serve(&web, 81);
        assert_eq!(seen_from(&web, "[2001:db8::2]:7000"), address("2001:db8:1::2"), "out as itself");
        assert_eq!(seen_from(&web, "192.0.2.2:7000"), address("::ffff:192.0.2.1"), "by IPv4 still with the host's");
        assert_eq!(seen_from("far", "[2001:db8:1::2]:80"), address("2001:db8::2"));
        assert!(is_out_of_reach("far", "[2001:db8:1::2]:81"), "what is not published");
        assert_eq!(seen_from("far", "192.0.2.1:8080"), address("::ffff:192.0.2.2"));
        run("ip", &["netns", "exec", "far", "ping", "-c", "1", "-W", "30", "2001:db8:1::2"]);
    });
}

#[test]
fn a_trusted_interface_reaches_published_ports_at_the_containers_address() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        neighbour();
        let daemon = Daemon::start();
        let trusted = "com.docker.network.bridge.trusted_host_interfaces=wire";
        daemon.docker(&["network", "create", "--ipv6", "--subnet", "fd00:66::/64", "-o", trusted, "lab"]);
        let web = start(&daemon, "web", &["--network", "lab", "-p", "8080:80"]);
        serve(&web, 80);
        serve(&web, 81);
        assert_eq!(seen_from("far", "[fd00:66::2]:80"), address("2001:db8::2"));
        assert!(is_out_of_reach("far", "[fd00:66::2]:81"), "what is not published");
        assert_eq!(seen_from("far", "[2001:db8::1]:8080"), address("2001:db8::2"));
    });
}
