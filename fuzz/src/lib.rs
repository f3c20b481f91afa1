//! What is tried with bytes by chance. Each entry takes bytes and panics where a rule is broken; who makes the bytes is no
//! affair of these.

use drawbridge::dns::{
    Asker, Membership, Table,
    question::{BareNames, pass},
    table::{Link, Naming, WayOut},
};
use drawbridge_api::{ContainerId, DnsTransport, NetworkId};

/// A question's way: it is read, looked up and answered, or asked upstream, whose answer is the rest of the bytes. The
/// first byte says how much of them is the question, the second who asks and how.
pub fn dns_query(bytes: &[u8]) {
    let [share, how, packets @ ..] = bytes else { return };
    let (query, upstream) = packets.split_at(packets.len() * usize::from(*share) / 255);
    let transport = if how & 1 == 0 { DnsTransport::Udp } else { DnsTransport::Tcp };
    let asker = Asker {
        container: container(1 + (how >> 1 & 1)),
        namespace: "asker".parse().expect("letters are a valid name"),
        servers: if how & 4 == 0 { Vec::new() } else { vec![[192, 0, 2, 53].into()] },
        bare_names: if how & 8 == 0 { BareNames::Forwarded } else { BareNames::Completed },
    };
    let Some(sent) = pass(query, upstream, &table(), &asker, transport) else { return };
    assert!(sent.len() >= 12, "an answer has a header");
    assert_eq!(sent[..2], query[..2], "an answer has the number of its question");
    assert!(transport == DnsTransport::Tcp || sent.len() <= 65_507, "an answer fits into a datagram");
}

fn container(number: u8) -> ContainerId {
    ContainerId::from_bytes([number; 32])
}

/// Two containers in an open network, one of them in an internal one besides, where it is alone with a third.
fn table() -> Table {
    let member = |network: u8, way_out, name: &str, host: u8| Membership {
        network: NetworkId::from_bytes([network; 32]),
        network_name: format!("net{network}"),
        naming: Naming::Names,
        way_out,
        subnets: vec![format!("10.0.{network}.0/24").parse().expect("valid"), "fd00::/64".parse().expect("valid")],
        names: vec![name.to_owned(), "service".to_owned()],
        links: vec![Link { alias: "friend".to_owned(), target: "db".to_owned() }],
        addresses: vec![[10, 0, network, host].into(), format!("fd00::{host}").parse().expect("valid")],
    };
    let mut table = Table::default();
    table.set(&container(1), vec![member(1, WayOut::Open, "web", 2)]);
    table.set(&container(2), vec![member(2, WayOut::Closed, "db", 3)]);
    table.set(&container(3), vec![member(1, WayOut::Open, "db", 4), member(2, WayOut::Closed, "db", 4)]);
    table
}
