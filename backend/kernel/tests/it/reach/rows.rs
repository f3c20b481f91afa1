//! The table.

use super::world::Outcome;

/// One attempt: from where, to which address and port, and what becomes of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// A container, `host` or `neighbour`; `s as a` is s with a's address for its source.
    pub(super) from: &'static str,
    /// Where to.
    pub(super) to: &'static str,
    /// tcp, udp or sctp.
    pub(super) protocol: Protocol,
    /// Whether it is reached, with the source that is seen there.
    pub(super) expected: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

/// Whether br_netfilter hands bridged packets to the routed hooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    On,
    Off,
}

use Outcome::{Dropped, Reached, Refused};
use Protocol::{Sctp, Tcp, Udp};

/// The world's networks are in `world`. With br_netfilter the bridge turns a neighbour's packet itself, and the source stays.
pub(super) fn rows(br_netfilter: Setting) -> Vec<Row> {
    let by_bridge = |on, off| Reached(if br_netfilter == Setting::On { on } else { off });
    let row = |(from, to, protocol, expected)| Row { from, to, protocol, expected };
    [
        // In, from the host by any of its addresses.
        ("host", "127.0.0.1:8080", Tcp, Reached("172.18.0.1")),
        ("host", "127.0.0.1:8080", Udp, Reached("172.18.0.1")),
        ("host", "127.9.9.9:8080", Tcp, Reached("172.18.0.1")),
        ("host", "192.0.2.1:8080", Tcp, Reached("192.0.2.1")),
        ("host", "192.0.2.1:8080", Udp, Reached("192.0.2.1")),
        ("host", "172.18.0.1:8080", Tcp, Reached("172.18.0.1")),
        ("host", "172.19.0.1:8080", Tcp, Reached("172.19.0.1")),
        ("host", "[2001:db8::1]:8080", Tcp, Reached("2001:db8::1")),
        ("host", "[2001:db8::1]:8080", Udp, Reached("2001:db8::1")),
        ("host", "[fd18::1]:8080", Tcp, Reached("fd18::1")),
        // Published at one address only.
        ("host", "127.0.0.1:8081", Tcp, Reached("172.18.0.1")),
        ("host", "192.0.2.1:8081", Tcp, Refused),
        ("host", "192.0.2.1:8082", Tcp, Reached("192.0.2.1")),
        ("host", "127.0.0.1:8082", Tcp, Refused),
        ("host", "[2001:db8::1]:8082", Tcp, Reached("2001:db8::1")),
        ("host", "[fd18::1]:8082", Tcp, Refused),
        // The same port at two addresses and two protocols leads to different places.
        ("host", "192.0.2.1:8090", Tcp, Reached("192.0.2.1")),
        ("host", "192.0.2.9:8090", Tcp, Reached("192.0.2.1")),
        ("host", "192.0.2.1:8090", Udp, Refused),
        // The host reaches containers directly, published or not.
        ("host", "172.18.0.2:80", Tcp, Reached("172.18.0.1")),
        ("host", "172.18.0.2:81", Tcp, Reached("172.18.0.1")),
        ("host", "172.21.0.2:80", Tcp, Reached("172.21.0.1")),
        ("host", "[fd18::2]:81", Tcp, Reached("fd18::1")),
        // In, from a neighbour machine: its address reaches the container.
        ("neighbour", "192.0.2.1:8080", Tcp, Reached("192.0.2.2")),
        ("neighbour", "192.0.2.1:8080", Udp, Reached("192.0.2.2")),
        ("neighbour", "192.0.2.9:8080", Tcp, Reached("192.0.2.2")),
        ("neighbour", "172.18.0.1:8080", Tcp, Reached("192.0.2.2")),
        ("neighbour", "[2001:db8::1]:8080", Tcp, Reached("2001:db8::2")),
        ("neighbour", "[2001:db8::1]:8080", Udp, Reached("2001:db8::2")),
        ("neighbour", "[fd18::1]:8080", Tcp, Reached("2001:db8::2")),
        ("neighbour", "192.0.2.1:8081", Tcp, Refused),
        ("neighbour", "192.0.2.1:8082", Tcp, Reached("192.0.2.2")),
        ("neighbour", "[2001:db8::1]:8082", Tcp, Reached("2001:db8::2")),
        ("neighbour", "192.0.2.1:8083", Tcp, Reached("192.0.2.2")),
        ("neighbour", "192.0.2.1:8085", Tcp, Reached("192.0.2.2")),
        ("neighbour", "[2001:db8::1]:8085", Tcp, Reached("2001:db8::2")),
        ("neighbour", "192.0.2.1:8099", Tcp, Refused),
        // Not by routing to the container, whether the port is published or not.
        ("neighbour", "172.18.0.2:80", Tcp, Dropped),
        ("neighbour", "172.18.0.2:81", Tcp, Dropped),
        ("neighbour", "172.18.0.2:80", Udp, Dropped),
        ("neighbour", "[fd18::2]:80", Tcp, Dropped),
        ("neighbour", "[fd18::2]:81", Tcp, Dropped),
        ("neighbour", "172.20.0.2:80", Tcp, Dropped),
        ("neighbour", "172.21.0.2:80", Tcp, Dropped),
        ("neighbour", "[fd21::2]:80", Tcp, Dropped),
        // Not by a route to 127.0.0.0/8.
        ("neighbour", "127.0.0.1:8081", Tcp, Dropped),
        ("neighbour", "127.0.0.1:8080", Tcp, Dropped),
        ("a", "127.0.0.1:8081", Tcp, Refused),
        // Itself, and its neighbours on the bridge, through the host.
        ("a", "192.0.2.1:8080", Tcp, Reached("172.18.0.1")),
        ("a", "192.0.2.1:8080", Udp, Reached("172.18.0.1")),
        ("a", "172.18.0.1:8080", Tcp, Reached("172.18.0.1")),
        ("a", "[2001:db8::1]:8080", Tcp, Reached("fd18::1")),
        ("a", "[fd18::1]:8080", Tcp, Reached("fd18::1")),
        ("b", "192.0.2.1:8080", Tcp, by_bridge("172.18.0.3", "172.18.0.1")),
        ("b", "192.0.2.1:8080", Udp, by_bridge("172.18.0.3", "172.18.0.1")),
        ("b", "172.18.0.1:8080", Tcp, by_bridge("172.18.0.3", "172.18.0.1")),
        ("b", "[2001:db8::1]:8080", Tcp, by_bridge("fd18::3", "fd18::1")),
        ("b", "172.18.0.2:80", Tcp, Reached("172.18.0.3")),
        ("b", "172.18.0.2:81", Udp, Reached("172.18.0.3")),
        ("b", "[fd18::2]:81", Tcp, Reached("fd18::3")),
        // From another network: published ports only, and with the container's own address.
        ("c", "192.0.2.1:8080", Tcp, Reached("172.19.0.2")),
        ("c", "192.0.2.1:8080", Udp, Reached("172.19.0.2")),
        ("c", "172.18.0.1:8080", Tcp, Reached("172.19.0.2")),
        ("c", "172.19.0.1:8080", Tcp, Reached("172.19.0.2")),
        ("c", "[2001:db8::1]:8080", Tcp, Reached("fd19::2")),
        ("c", "[fd19::1]:8080", Tcp, Reached("fd19::2")),
        ("c", "172.18.0.2:80", Tcp, Dropped),
        ("c", "172.18.0.2:81", Tcp, Dropped),
        ("c", "172.18.0.2:80", Udp, Dropped),
        ("c", "[fd18::2]:80", Tcp, Dropped),
        ("c", "172.21.0.2:80", Tcp, Dropped),
        ("c", "172.22.0.2:81", Tcp, Dropped),
        ("c", "[fd22::2]:81", Tcp, Dropped),
        // Without ICC: published ports only.
        ("e", "172.20.0.2:81", Tcp, Dropped),
        ("e", "172.20.0.2:80", Tcp, Dropped),
        ("e", "172.20.0.2:81", Udp, Dropped),
        ("e", "[fd20::2]:81", Tcp, Dropped),
        ("e", "192.0.2.1:8083", Tcp, Reached("172.20.0.1")),
        ("e", "172.20.0.1:8083", Tcp, Reached("172.20.0.1")),
        ("e", "[2001:db8::1]:8083", Tcp, Reached("fd20::1")),
        ("d", "192.0.2.1:8083", Tcp, Reached("172.20.0.1")),
        ("e", "192.0.2.2:7000", Tcp, Reached("192.0.2.1")),
        // An internal network: its own containers and the host, nothing else.
        ("f", "172.21.0.3:80", Tcp, Reached("172.21.0.2")),
        ("f", "[fd21::3]:80", Tcp, Reached("fd21::2")),
        ("f", "172.21.0.1:7001", Tcp, Reached("172.21.0.2")),
        ("f", "172.21.0.1:8080", Tcp, Dropped),
        ("f", "[fd21::1]:8080", Tcp, Dropped),
        ("f", "172.21.0.1:7009", Tcp, Refused),
        ("f", "192.0.2.2:7000", Tcp, Dropped),
        ("f", "[2001:db8::2]:7000", Tcp, Dropped),
        ("f", "172.18.0.2:80", Tcp, Dropped),
        // Gateway modes: unprotected and routed.
        ("neighbour", "172.22.0.2:80", Tcp, Reached("192.0.2.2")),
        ("neighbour", "172.22.0.2:81", Tcp, Reached("192.0.2.2")),
        ("neighbour", "[fd22::2]:81", Tcp, Reached("2001:db8::2")),
        ("neighbour", "172.23.0.2:80", Tcp, Reached("192.0.2.2")),
        ("neighbour", "172.23.0.2:81", Tcp, Dropped),
        ("neighbour", "172.23.0.2:80", Udp, Dropped),
        ("neighbour", "[fd23::2]:80", Tcp, Reached("2001:db8::2")),
        ("neighbour", "[fd23::2]:81", Tcp, Dropped),
        ("c", "172.23.0.2:80", Tcp, Reached("172.19.0.2")),
        ("c", "172.23.0.2:81", Tcp, Dropped),
        // A network that trusts the wire: what is published, at the container's own address, and nothing else.
        ("neighbour", "172.27.0.2:80", Tcp, Reached("192.0.2.2")),
        ("neighbour", "172.27.0.2:81", Tcp, Dropped),
        ("neighbour", "[fd27::2]:80", Tcp, Reached("2001:db8::2")),
        ("neighbour", "[fd27::2]:81", Tcp, Dropped),
        ("neighbour", "192.0.2.1:8086", Tcp, Reached("192.0.2.2")),
        ("c", "172.27.0.2:80", Tcp, Dropped),
        // What Docker 28 says of them besides: only what is outside gets past an unprotected network's published ports, the host
        // reaches each container, and a routed network's host ports are nobody's.
        ("c", "[fd23::2]:80", Tcp, Reached("fd19::2")),
        ("host", "172.22.0.2:81", Tcp, Reached("172.22.0.1")),
        ("host", "172.23.0.2:81", Tcp, Reached("172.23.0.1")),
        ("host", "[fd23::2]:81", Tcp, Reached("fd23::1")),
        ("i", "192.0.2.1:8080", Tcp, Reached("172.23.0.2")),
        ("h", "172.23.0.2:80", Tcp, Reached("172.22.0.2")),
        ("h", "172.18.0.2:80", Tcp, Dropped),
        ("i", "172.18.0.2:80", Tcp, Dropped),
        ("neighbour", "[fd20::2]:80", Tcp, Dropped),
        // Isolated: its own containers, not even the host.
        ("j", "172.24.0.3:80", Tcp, Reached("172.24.0.2")),
        ("host", "172.24.0.2:80", Tcp, Dropped),
        ("neighbour", "172.24.0.2:80", Tcp, Dropped),
        ("neighbour", "[fd24::2]:80", Tcp, Dropped),
        ("j", "192.0.2.2:7000", Tcp, Dropped),
        ("j", "192.0.2.1:8080", Tcp, Dropped),
        // Out.
        ("a", "192.0.2.2:7000", Tcp, Reached("192.0.2.1")),
        ("a", "192.0.2.2:7000", Udp, Reached("192.0.2.1")),
        ("a", "[2001:db8::2]:7000", Tcp, Reached("2001:db8::1")),
        ("h", "192.0.2.2:7000", Tcp, Reached("192.0.2.1")),
        ("i", "192.0.2.2:7000", Tcp, Reached("172.23.0.2")),
        ("i", "[2001:db8::2]:7000", Tcp, Reached("fd23::2")),
        ("l", "192.0.2.2:7000", Tcp, Reached("172.25.0.2")),
        ("l", "[2001:db8::2]:7000", Tcp, Reached("fd25::2")),
        ("m", "192.0.2.2:7000", Tcp, Reached("192.0.2.9")),
        ("m", "[2001:db8::2]:7000", Tcp, Reached("2001:db8::9")),
        ("a", "192.0.2.1:7001", Tcp, Reached("172.18.0.2")),
        ("a", "[2001:db8::1]:7001", Tcp, Reached("fd18::2")),
        ("a", "192.0.2.1:7009", Tcp, Refused),
        // SCTP, by all of these roads.
        ("host", "127.0.0.1:8080", Sctp, Reached("172.18.0.1")),
        ("host", "192.0.2.1:8080", Sctp, Reached("192.0.2.1")),
        ("host", "[2001:db8::1]:8080", Sctp, Reached("2001:db8::1")),
        ("host", "172.18.0.2:81", Sctp, Reached("172.18.0.1")),
        ("neighbour", "192.0.2.1:8080", Sctp, Reached("192.0.2.2")),
        ("neighbour", "192.0.2.9:8080", Sctp, Reached("192.0.2.2")),
        ("neighbour", "[2001:db8::1]:8080", Sctp, Reached("2001:db8::2")),
        ("neighbour", "192.0.2.1:8082", Sctp, Dropped),
        ("neighbour", "172.18.0.2:80", Sctp, Dropped),
        ("neighbour", "[fd18::2]:80", Sctp, Dropped),
        ("neighbour", "127.0.0.1:8080", Sctp, Dropped),
        ("neighbour", "172.22.0.2:81", Sctp, Reached("192.0.2.2")),
        ("neighbour", "172.23.0.2:80", Sctp, Dropped),
        ("neighbour", "172.23.0.2:82", Sctp, Reached("192.0.2.2")),
        ("a", "192.0.2.1:8080", Sctp, Reached("172.18.0.1")),
        ("a", "[2001:db8::1]:8080", Sctp, Reached("fd18::1")),
        ("b", "192.0.2.1:8080", Sctp, by_bridge("172.18.0.3", "172.18.0.1")),
        ("b", "[fd18::2]:81", Sctp, Reached("fd18::3")),
        ("c", "192.0.2.1:8080", Sctp, Reached("172.19.0.2")),
        ("c", "[2001:db8::1]:8080", Sctp, Reached("fd19::2")),
        ("c", "172.18.0.2:80", Sctp, Dropped),
        ("e", "192.0.2.1:8083", Sctp, Reached("172.20.0.1")),
        ("e", "172.20.0.2:80", Sctp, Dropped),
        ("f", "172.18.0.2:80", Sctp, Dropped),
        ("f", "172.21.0.1:8080", Sctp, Dropped),
        ("a", "192.0.2.2:7000", Sctp, Reached("192.0.2.1")),
        ("a", "[2001:db8::2]:7000", Sctp, Reached("2001:db8::1")),
        ("m", "192.0.2.2:7000", Sctp, Reached("192.0.2.9")),
        // With another's address: what is not even heard by a neighbour, of its own network or another.
        ("s as a", "192.0.2.2:7000", Sctp, Dropped),
        ("s as a", "172.18.0.3:80", Sctp, Dropped),
        ("s as a", "[fd18::3]:80", Sctp, Dropped),
        ("s as gateway", "172.18.0.3:80", Sctp, Dropped),
        ("s as c", "172.18.0.3:80", Sctp, Dropped),
        // A router forwards what is another's and not of the network that it sends to.
        ("p", "172.29.0.2:80", Tcp, Reached("172.28.0.2")),
        ("p", "172.29.0.2:80", Udp, Reached("172.28.0.2")),
        ("p", "172.29.0.2:80", Sctp, Reached("172.28.0.2")),
        ("p", "[fd29::2]:80", Tcp, Reached("fd28::2")),
        ("q", "172.28.0.2:81", Tcp, Reached("172.29.0.2")),
        ("q", "[fd28::2]:81", Udp, Reached("fd29::2")),
        ("r as t", "172.29.0.2:80", Sctp, Dropped),
        ("r as t", "[fd29::2]:80", Sctp, Dropped),
        // With another's address.
        ("s as a", "192.0.2.1:7001", Udp, Dropped),
        ("s as a", "192.0.2.2:7000", Udp, Dropped),
        ("s as a", "172.18.0.3:80", Udp, Dropped),
        ("s as gateway", "172.18.0.2:80", Udp, Dropped),
        ("s as a", "[2001:db8::1]:7001", Udp, Dropped),
    ]
    .map(row)
    .to_vec()
}
