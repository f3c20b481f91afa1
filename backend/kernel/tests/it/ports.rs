//! Ports of the host that are held are refused to others, and it is told who has one.

use crate::wanted::{shell, soon};
use drawbridge_api::{HostPort, Protocol};
use drawbridge_kernel::{
    port::{HoldError, Poll, hold, hold_both, holder, next_free},
    testing::check_in_sandbox,
};
use std::{
    net::{IpAddr, TcpListener, TcpStream, UdpSocket},
    process::{Command, Stdio},
};

fn at(address: &str, protocol: Protocol, port: u16) -> HostPort {
    HostPort { address: address.parse().expect("valid"), protocol, port }
}

/// Whether a program that asks nicely, and one that means to share, are both refused.
fn refused(address: &str, protocol: Protocol, port: u16) -> bool {
    let kind = if protocol == Protocol::Tcp { "SOCK_STREAM" } else { "SOCK_DGRAM" };
    let family = if address.contains(':') { "AF_INET6" } else { "AF_INET" };
    ["", "SO_REUSEADDR", "SO_REUSEPORT"].iter().all(|option| {
        let set = if option.is_empty() { String::new() } else { format!("s.setsockopt(SOL_SOCKET, {option}, 1)\n") };
        let script =
            format!("from socket import *\ns = socket({family}, {kind})\n{set}s.bind(('{address}', {port}))\n");
        let output = Command::new("python3").args(["-c", &script]).output().expect("there is python3");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() || stderr.contains("Address already in use"), "{stderr}");
        !output.status.success()
    })
}

/// Whether a process is said to have a port. Programs that other tests start have all our descriptors until they run, so another may
/// be said to have it for a moment.
fn has(port: HostPort, pid: u32) -> bool {
    holder(port).is_some_and(|holder| holder.pid == pid)
}

/// What is there in a moment: programs that other tests start have all our descriptors until they run.
fn soon_some<T>(mut find: impl FnMut() -> Option<T>) -> T {
    let mut found = None;
    assert!(
        soon(|| {
            found = find();
            found.is_some()
        }),
        "it does not come"
    );
    found.expect("it is there")
}

#[test]
fn a_held_port_is_refused_to_others() {
    check_in_sandbox(|| {
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            for (address, others) in
                [("0.0.0.0", ["0.0.0.0", "127.0.0.1"]), ("127.0.0.1", ["0.0.0.0", "127.0.0.1"]), ("::", ["::", "::1"])]
            {
                let held = hold(at(address, protocol, 8080)).expect("it is free");
                assert_eq!(held.port(), 8080);
                for other in others {
                    assert!(refused(other, protocol, 8080), "{other} beside {address} of {protocol}");
                    let again = hold(at(other, protocol, 8080));
                    assert!(matches!(again, Err(HoldError::Taken(_))), "{again:?}");
                }
                drop(held);
                // Programs that other tests start have all our descriptors until they run.
                assert!(soon(|| !refused(address, protocol, 8080)), "{address} of {protocol} was let go");
            }
        }
    });
}

#[test]
fn families_and_protocols_are_apart() {
    check_in_sandbox(|| {
        let held: Vec<_> =
            [("0.0.0.0", Protocol::Tcp), ("0.0.0.0", Protocol::Udp), ("::", Protocol::Tcp), ("::", Protocol::Udp)]
                .map(|(address, protocol)| hold(at(address, protocol, 53)).expect("it is free"))
                .into();
        assert!(matches!(hold(at("198.51.100.1", Protocol::Tcp, 80)), Err(HoldError::NoSuchAddress(_))));
        match hold(at("0.0.0.0", Protocol::Sctp, 53)) {
            Ok(_) | Err(HoldError::Unsupported(_)) => {}
            Err(error) => panic!("{error}"),
        }
        drop(held);
    });
}

#[test]
fn the_kernel_chooses_where_nothing_is_asked_for() {
    check_in_sandbox(|| {
        shell("sysctl -qw net.ipv4.ip_local_port_range='40000 40010'");
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            let one = hold(at("0.0.0.0", protocol, 0)).expect("some are free");
            let two = hold(at("0.0.0.0", protocol, 0)).expect("some are free");
            assert!((40000..=40010).contains(&one.port()) && (40000..=40010).contains(&two.port()));
            assert_ne!(one.port(), two.port());
        }
    });
}

#[test]
fn it_is_told_who_has_a_port() {
    check_in_sandbox(|| {
        let own = std::process::id();
        let tcp = TcpListener::bind("127.0.0.1:8080").expect("it is free");
        let udp = UdpSocket::bind("[::]:5353").expect("it is free");
        for asked in [
            at("127.0.0.1", Protocol::Tcp, 8080),
            at("0.0.0.0", Protocol::Tcp, 8080),
            at("::1", Protocol::Udp, 5353),
            // A socket of both families.
            at("127.0.0.1", Protocol::Udp, 5353),
        ] {
            assert!(soon(|| has(asked, own)), "{asked}: {:?}", holder(asked));
        }
        assert_eq!(holder(at("127.0.0.2", Protocol::Tcp, 8080)), None);
        assert_eq!(holder(at("127.0.0.1", Protocol::Udp, 8080)), None);
        drop((tcp, udp));
        assert!(soon(|| holder(at("127.0.0.1", Protocol::Tcp, 8080)).is_none()));

        let held = hold(at("::", Protocol::Tcp, 8081)).expect("it is free");
        assert!(soon(|| has(at("::1", Protocol::Tcp, 8081), own)));
        drop(held);

        let mut other = Command::new("busybox")
            .args(["nc", "-l", "-p", "8082"])
            .stdin(Stdio::null())
            .spawn()
            .expect("there is busybox");
        let asked = at("0.0.0.0", Protocol::Tcp, 8082);
        assert!(soon(|| holder(asked).is_some()), "it does not listen");
        let found = holder(asked).expect("it listens");
        assert_eq!((found.pid, found.command.as_str()), (other.id(), "busybox"));
        other.kill().expect("it runs");
        other.wait().expect("it ends");
    });
}

#[test]
fn the_next_free_port_is_found() {
    check_in_sandbox(|| {
        let held: Vec<_> = [8081, 8082].map(|port| hold(at("127.0.0.1", Protocol::Tcp, port)).expect("free")).into();
        assert_eq!(next_free(at("0.0.0.0", Protocol::Tcp, 8080)), Some(8083));
        assert_eq!(next_free(at("0.0.0.0", Protocol::Udp, 8080)), Some(8081));
        assert_eq!(next_free(at("0.0.0.0", Protocol::Tcp, 65535)), None);
        assert_eq!(next_free(at("198.51.100.1", Protocol::Tcp, 8080)), None);
        drop(held);
    });
}

#[test]
fn one_socket_has_a_port_for_both_families() {
    check_in_sandbox(|| {
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            let held = hold_both(protocol, 8080).expect("it is free");
            let hosts: Vec<String> = held.hosts().map(|host| host.to_string()).collect();
            assert_eq!(hosts, [format!("0.0.0.0:8080/{protocol}"), format!("[::]:8080/{protocol}")]);
            for other in ["0.0.0.0", "127.0.0.1", "::", "::1"] {
                assert!(refused(other, protocol, 8080), "{other} of {protocol}");
                let again = hold(at(other, protocol, 8080));
                assert!(matches!(again, Err(HoldError::Taken(_))), "{again:?}");
            }
            assert!(soon(|| has(at("127.0.0.1", protocol, 8080), std::process::id())), "{protocol}");
            drop(held);
            // Whichever family has it, it is not to be had for both.
            for one in ["127.0.0.1", "0.0.0.0", "::1", "::"] {
                assert!(soon(|| hold_both(protocol, 8080).is_ok()), "{protocol} was let go");
                let held = soon_some(|| hold(at(one, protocol, 8080)).ok());
                assert!(matches!(hold_both(protocol, 8080), Err(HoldError::Taken(_))), "beside {one} of {protocol}");
                drop(held);
            }
            let chosen = hold_both(protocol, 0).expect("some are free").port();
            assert_ne!(chosen, 0);
        }
    });
}

#[test]
fn a_held_port_listens_and_is_taken_again_at_once() {
    check_in_sandbox(|| {
        let held = hold(at("127.0.0.1", Protocol::Tcp, 8080)).expect("free");
        let poll = Poll::new().expect("a descriptor");
        poll.add(&held, 7).expect("it listens");
        assert!(poll.ready().expect("it can be asked").is_empty());
        assert!(held.accept().expect("it listens").is_none(), "nobody has come");
        let client = TcpStream::connect("127.0.0.1:8080").expect("it listens");
        // The last packet of the handshake may be on its way still when this end is connected.
        assert!(soon(|| poll.ready().expect("it can be asked") == [7]), "nobody is told of");
        let (server, from) = held.accept().expect("it listens").expect("it was told of");
        assert_eq!(from.ip(), "127.0.0.1".parse::<IpAddr>().expect("valid"));
        assert!(poll.ready().expect("it can be asked").is_empty());
        // Ended by this side first, the connection keeps the port for a minute.
        drop(server);
        drop(client);
        drop(held);
        assert!(soon(|| hold(at("127.0.0.1", Protocol::Tcp, 8080)).is_ok()), "free again");
    });
}

#[test]
fn datagrams_that_come_to_a_held_port_are_read_and_answered() {
    check_in_sandbox(|| {
        let held = hold_both(Protocol::Udp, 5353).expect("free");
        held.make_room().expect("there is room");
        let mut buffer = [0; 16];
        assert!(held.receive(&mut buffer).expect("a socket").is_none());
        for to in ["127.0.0.1:5353", "[::1]:5353"] {
            let client = UdpSocket::bind(if to.starts_with('[') { "[::1]:0" } else { "127.0.0.1:0" }).expect("free");
            client.connect(to).expect("a way");
            client.send(b"hello").expect("it is there");
            let (length, from) = soon_some(|| held.receive(&mut buffer).expect("a socket"));
            assert_eq!((length, from.port()), (5, client.local_addr().expect("bound").port()), "{to}");
            held.send(b"answer", from).expect("a way");
            assert_eq!(client.recv(&mut buffer).expect("an answer"), 6);
        }
    });
}
