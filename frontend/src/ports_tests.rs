//! What port words say, and that every row, request and `-p` leads back to itself.

use super::*;
use crate::sample::published;

fn row(address: &str, host: &str, container: &str, protocol: Protocol) -> Row {
    Row { address: address.into(), host: host.into(), container: container.into(), protocol }
}

#[test]
fn published_ports_read_as_in_docker_ps() {
    let check = |ports: &[PublishedPort], words: &[&str]| {
        let read: Vec<String> = ranges(ports).iter().map(ToString::to_string).collect();
        assert_eq!(read, words);
    };
    let tcp = Protocol::Tcp;
    check(&[], &[]);
    check(&[published("0.0.0.0", 8080, 80, tcp)], &["0.0.0.0:8080→80/tcp"]);
    check(
        &[published("::", 8080, 80, tcp), published("0.0.0.0", 8080, 80, tcp)],
        &["0.0.0.0:8080→80/tcp", "[::]:8080→80/tcp"],
    );
    check(
        &[
            published("0.0.0.0", 8002, 82, tcp),
            published("0.0.0.0", 8000, 80, tcp),
            published("0.0.0.0", 8001, 81, tcp),
            published("0.0.0.0", 8003, 90, tcp),
            published("0.0.0.0", 8001, 81, Protocol::Udp),
            published("127.0.0.1", 8004, 91, tcp),
        ],
        &["0.0.0.0:8000-8002→80-82/tcp", "0.0.0.0:8003→90/tcp", "0.0.0.0:8001→81/udp", "127.0.0.1:8004→91/tcp"],
    );
    check(
        &[published("0.0.0.0", 65535, 80, tcp), published("0.0.0.0", 65534, 65535, tcp)],
        &["0.0.0.0:65534→65535/tcp", "0.0.0.0:65535→80/tcp"],
    );
}

#[test]
fn a_range_sums_its_ports() {
    let ports = [published("0.0.0.0", 8000, 80, Protocol::Tcp), published("0.0.0.0", 8001, 81, Protocol::Tcp)];
    let range = ranges(&ports)[0];
    let counted = |port: u16, bytes| PortTraffic {
        container: sample_id(),
        host: HostPort { port, ..ports[0].host },
        traffic: Traffic { packets: 1, bytes },
    };
    let report = [counted(8000, 10), counted(8001, 5), counted(8002, 99)];
    assert_eq!(range.traffic(&report), Some(Traffic { packets: 2, bytes: 15 }));
    assert_eq!(range.traffic(&report[2..]), None);
}

fn sample_id() -> drawbridge_api::ContainerId {
    drawbridge_api::ContainerId::from_bytes([1; 32])
}

#[test]
fn nft_knows_a_port_by_its_set_and_key() {
    let check = |address, set, key: &str| {
        assert_eq!(nft_key(&published(address, 8080, 80, Protocol::Tcp).host), (set, key.to_owned()));
    };
    check("0.0.0.0", "4", "tcp . 8080");
    check("::", "6", "tcp . 8080");
    check("127.0.0.1", "4_at", "127.0.0.1 . tcp . 8080");
    check("::1", "6_at", "::1 . tcp . 8080");
}

#[test]
fn a_way_in_is_said_in_few_words() {
    let check = |ports: &[PublishedPort], outside: &str, inside: &str| {
        assert_eq!(entry(ports), Some(Entry { outside: outside.into(), inside: inside.into() }));
    };
    let tcp = Protocol::Tcp;
    assert_eq!(entry(&[]), None);
    check(&[published("0.0.0.0", 8080, 80, tcp), published("::", 8080, 80, tcp)], "8080/tcp", "80/tcp");
    check(&[published("127.0.0.1", 53, 5353, Protocol::Udp)], "127.0.0.1:53/udp", "5353/udp");
    check(&[published("::1", 53, 53, tcp)], "[::1]:53/tcp", "53/tcp");
    let many: Vec<_> = (0..12).map(|n| published("0.0.0.0", 8000 + n, 80 + n, tcp)).collect();
    check(&many, "12 ports", "12 ports");
}

/// A row, the words for it, and back again.
fn check(row: Row, words: &str, count: usize) {
    let publish = row.parse().unwrap();
    assert_eq!(publish.to_string(), words);
    let requests = publish.requests();
    assert_eq!(requests.len(), count, "{words}");
    assert_eq!(publishes(&requests), [publish], "{words} does not come back from its requests");
    assert_eq!(Row::from(publish).parse(), Ok(publish), "{words} does not come back from its row");
}

#[test]
fn rows_read_as_docker_words() {
    let (tcp, udp) = (Protocol::Tcp, Protocol::Udp);
    check(row("", "", "80", tcp), "80", 1);
    check(row(" ", " 8080 ", "80", tcp), "8080:80", 1);
    check(row("127.0.0.1", "8080", "80", udp), "127.0.0.1:8080:80/udp", 1);
    check(row("127.0.0.1", "", "80", tcp), "127.0.0.1::80", 1);
    check(row("[::1]", "8080", "80", Protocol::Sctp), "[::1]:8080:80/sctp", 1);
    check(row("::", "65535", "65535", tcp), "[::]:65535:65535", 1);
    check(row("", "8000-8002", "80 - 82", tcp), "8000-8002:80-82", 3);
    check(row("", "", "80-82", tcp), "80-82", 3);
    // One port of the container, at any free one of the host's range.
    check(row("", "8000-8010", "80", tcp), "8000-8010:80", 1);
}

#[test]
fn what_is_wrong_is_said_in_plain_words() {
    let tcp = Protocol::Tcp;
    let check = |row: Row, field, part: &str| {
        let problem = row.parse().unwrap_err();
        assert_eq!(problem.field, field, "{problem:?}");
        assert!(problem.text.contains(part), "{problem:?} should say {part:?}");
    };
    check(row("", "8080", "", tcp), Field::Container, "missing");
    for bad in ["0", "65536", "-1", "+80", "http", "80/tcp", "80-", "8 0", "1-2-3"] {
        check(row("", "", bad, tcp), Field::Container, "1 to 65535");
        check(row("", bad, "80", tcp), Field::Host, "1 to 65535");
    }
    for bad in ["localhost", "1.2.3", "1.2.3.4/24", "::1]", "fe80::1%eth0"] {
        check(row(bad, "", "80", tcp), Field::Address, "IPv4 or IPv6");
    }
    check(row("", "9-5", "80", tcp), Field::Host, "write 5-9");
    check(row("", "8000-8002", "80-81", tcp), Field::Host, "3 host ports for 2 container ports");
    check(row("", "8000", "80-81", tcp), Field::Host, "same length");
}

#[test]
fn rows_add_up_and_blank_ones_ask_for_nothing() {
    let tcp = Protocol::Tcp;
    let rows = [row("", "8000-8001", "80-81", tcp), Row::default(), row("", "8000", "53", Protocol::Udp)];
    let all = requests(&rows).unwrap();
    let ports: Vec<_> = all.iter().map(|request| (request.host_port, request.container_port)).collect();
    assert_eq!(ports, [(8000, 80), (8001, 81), (8000, 53)]);
    assert_eq!(requests(&[]), Ok(Vec::new()));

    let (index, problem) = requests(&[rows[0].clone(), row("0.0.0.0", "8001", "90", tcp)]).unwrap_err();
    assert_eq!((index, problem.field), (1, Field::Host));
    assert!(problem.text.contains("8001/tcp"), "{problem:?}");
    // The same port at two addresses, and of the kernel's choice, is no quarrel.
    let free = [row("127.0.0.1", "8001", "90", tcp), row("", "", "80", tcp), row("", "", "80", tcp)];
    assert!(requests(&free).is_ok());
    assert_eq!(requests(&[Row::default(), row("", "x", "1", tcp)]).unwrap_err().0, 1);
}

#[test]
fn requests_collapse_to_ranges_only_where_they_say_the_same() {
    let request = |host_port, container_port| PortRequest {
        container_port,
        protocol: Protocol::Tcp,
        host_address: None,
        host_port,
        host_port_end: None,
    };
    let words = |requests: &[PortRequest]| -> Vec<String> {
        let publishes = publishes(requests);
        let again: Vec<PortRequest> = publishes.iter().flat_map(Publish::requests).collect();
        assert_eq!(again, requests, "collapsing changes nothing");
        publishes.iter().map(ToString::to_string).collect()
    };
    assert_eq!(words(&[request(8000, 80), request(8001, 81), request(8003, 82)]), ["8000-8001:80-81", "8003:82"]);
    assert_eq!(words(&[request(0, 80), request(0, 81), request(8082, 82)]), ["80-81", "8082:82"]);
    let any_of = PortRequest { host_port_end: Some(8010), ..request(8000, 80) };
    assert_eq!(words(&[any_of, request(8011, 81)]), ["8000-8010:80", "8011:81"]);
    assert_eq!(words(&[request(65535, 65535)]), ["65535:65535"]);
}
