//! The packets that are tried on foreign rules, and what a rule's comparisons say of them. A packet here stands for many:
//! its bridge, direction, family and protocol are known, its port and far end are only where one connection is meant.

use super::model::{Atom, Base, Family, Hook, Sense, Test};
use drawbridge_api::IfName;
use ipnet::IpNet;
use std::net::IpAddr;

/// A bridge of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bridge {
    pub(super) name: IfName,
    /// Its ranges.
    pub(super) ranges: Vec<IpNet>,
}

/// What is known of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct World {
    pub(super) bridges: Vec<Bridge>,
    /// The links that the default routes leave by; none when there is no such route.
    pub(super) uplinks: Vec<String>,
    /// The one connection that is meant.
    pub(super) aim: Option<Aim>,
}

/// One connection from a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aim {
    /// The container's address, where it is known.
    pub source: Option<IpAddr>,
    /// What it goes to.
    pub destination: IpAddr,
    /// The TCP port that it goes to; none for an ICMP echo.
    pub port: Option<u16>,
}

/// The first packet of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    pub(super) bridge: &'a Bridge,
    pub(super) way: Way,
    pub(super) family: Family,
    pub(super) protocol: Protocol,
    pub(super) uplinks: &'a [String],
    pub(super) aim: Option<Aim>,
}

/// Where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From a container to somewhere outside.
    Out,
    /// From outside to a container's published port, its destination already turned to the container.
    In,
    /// From one port of the bridge to another; only family `bridge` sees these.
    Within,
}

/// The protocols that are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Tcp,
    Udp,
    /// Tried only where one echo is meant.
    Icmp,
}

/// How likely something is, from never to always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Chance {
    Never,
    /// For few packets, that the rule singles out.
    Some,
    /// It can't be told.
    Maybe,
    Always,
}

/// An interface of the packet, as far as it is known.
enum Link<'a> {
    Bridge(&'a str),
    /// Any of these; not known when there are none, save that it is not the bridge.
    Outside {
        names: &'a [String],
        bridge: &'a str,
    },
    /// A port of the bridge.
    Port,
    /// Not decided yet.
    None,
}

/// What a table's hooks see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// What passes from port to port of a bridge.
    Frames,
    /// What is routed.
    Packets,
}

impl World {
    /// The packets to try on a chain that begins at `base` in a table of `families`.
    pub(super) fn packets(&self, base: Base, families: &[Family], at: Level) -> Vec<Packet<'_>> {
        let ways: &[Way] = match base.hook {
            _ if at == Level::Frames => &[Way::Within],
            Hook::Forward => &[Way::Out, Way::In],
            // There a packet from outside is still one to the host, like any other.
            Hook::Prerouting => &[Way::Out],
        };
        let protocols: &[Protocol] = match self.aim {
            None => &[Protocol::Tcp, Protocol::Udp],
            Some(Aim { port: Some(_), .. }) => &[Protocol::Tcp],
            Some(Aim { port: None, .. }) => &[Protocol::Icmp],
        };
        let is_meant = |way: Way, family: Family| {
            self.aim.is_none_or(|aim| way != Way::In && family_of(&IpNet::from(aim.destination)) == family)
        };
        let mut packets = Vec::new();
        for bridge in &self.bridges {
            for family in families.iter().copied().filter(|family| bridge.speaks(*family)) {
                for way in ways.iter().copied().filter(|way| is_meant(*way, family)) {
                    for protocol in protocols.iter().copied() {
                        packets.push(Packet { bridge, way, family, protocol, uplinks: &self.uplinks, aim: self.aim });
                    }
                }
            }
        }
        packets
    }
}

impl Bridge {
    /// Whether it carries packets of a family. One without any range is taken to carry IPv4.
    fn speaks(&self, family: Family) -> bool {
        self.ranges.iter().any(|range| family_of(range) == family) || (family == Family::V4 && self.ranges.is_empty())
    }
}

fn family_of(range: &IpNet) -> Family {
    match range {
        IpNet::V4(_) => Family::V4,
        IpNet::V6(_) => Family::V6,
    }
}

impl Packet<'_> {
    /// Whether it passes all tests of a rule.
    pub(super) fn passes(&self, tests: &[Test], hook: Hook) -> Chance {
        tests.iter().map(|test| self.test(test, hook)).min().unwrap_or(Chance::Always)
    }

    fn test(&self, test: &Test, hook: Hook) -> Chance {
        let all = |atoms: &Vec<Atom>| atoms.iter().map(|atom| self.atom(atom, hook)).min().unwrap_or(Chance::Always);
        let chance = test.any.iter().map(all).max().unwrap_or(Chance::Never);
        match (test.sense, chance) {
            (Sense::Is, chance) => chance,
            (Sense::IsNot, Chance::Never) => Chance::Always,
            (Sense::IsNot, Chance::Always) => Chance::Never,
            (Sense::IsNot, Chance::Some | Chance::Maybe) => Chance::Maybe,
        }
    }

    fn atom(&self, atom: &Atom, hook: Hook) -> Chance {
        let (from, to) = self.links(hook);
        let bridge_name = |pattern: &str| sure(self.way == Way::Within && glob(pattern, self.bridge.name.as_str()));
        match atom {
            Atom::In(pattern) => from.is_called(pattern),
            Atom::Out(pattern) => to.is_called(pattern),
            Atom::InBridge(pattern) | Atom::OutBridge(pattern) => bridge_name(pattern),
            Atom::InKind(kind) => from.is_kind(kind),
            Atom::OutKind(kind) => to.is_kind(kind),
            Atom::State(state) => sure(state == "new"),
            // Before translation nothing has been turned yet, and a first packet has no other status.
            Atom::Status(status) => sure(status == "dnat" && self.way == Way::In && hook == Hook::Forward),
            Atom::Direction(direction) => sure(direction == "original"),
            Atom::Protocol(protocol) => sure(self.protocol.is_called(protocol)),
            Atom::Family(family) => sure(*family == self.family),
            Atom::From(range) => self.address(range, Way::Out),
            Atom::To(range) => self.address(range, Way::In),
            Atom::Port(first, last) => match self.aim.and_then(|aim| aim.port) {
                Some(port) => sure((*first..=*last).contains(&port)),
                None => Chance::Some,
            },
            Atom::Always => Chance::Always,
            Atom::Never => Chance::Never,
            Atom::Some => Chance::Some,
            Atom::Unknown => Chance::Maybe,
        }
    }

    fn links(&self, hook: Hook) -> (Link<'_>, Link<'_>) {
        let bridge = self.bridge.name.as_str();
        let (bridge, outside) = (Link::Bridge(bridge), Link::Outside { names: self.uplinks, bridge });
        let (from, to) = match self.way {
            Way::Out => (bridge, outside),
            Way::In => (outside, bridge),
            Way::Within => (Link::Port, Link::Port),
        };
        match hook {
            Hook::Forward => (from, to),
            Hook::Prerouting => (from, Link::None),
        }
    }

    /// Whether the address at one end lies in `range`: the container's end if the packet goes `own`, else the far one.
    fn address(&self, range: &IpNet, own: Way) -> Chance {
        if family_of(range) != self.family {
            return Chance::Never;
        }
        if range.prefix_len() == 0 {
            return Chance::Always;
        }
        let known = self.aim.and_then(|aim| if own == Way::Out { aim.source } else { Some(aim.destination) });
        if let Some(known) = known {
            return sure(range.contains(&known));
        }
        if self.way != own && self.way != Way::Within {
            return Chance::Some;
        }
        let ranges = self.bridge.ranges.iter().filter(|known| family_of(known) == self.family);
        let chances = ranges.map(|known| match () {
            () if range.contains(known) => Chance::Always,
            () if known.contains(range) => Chance::Some,
            () => Chance::Never,
        });
        join(chances).unwrap_or(Chance::Maybe)
    }
}

impl Protocol {
    /// Its name, for people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
            Protocol::Icmp => "ICMP",
        }
    }

    fn is_called(self, text: &str) -> bool {
        match self {
            Protocol::Tcp => matches!(text, "tcp" | "6"),
            Protocol::Udp => matches!(text, "udp" | "17"),
            Protocol::Icmp => matches!(text, "icmp" | "1" | "icmpv6" | "ipv6-icmp" | "58"),
        }
    }
}

impl Link<'_> {
    fn is_called(&self, pattern: &str) -> Chance {
        match self {
            _ if pattern == "*" => Chance::Always,
            Link::Bridge(name) => sure(glob(pattern, name)),
            // Nothing is forwarded from or to the loopback.
            Link::Outside { bridge, .. } if pattern == "lo" || pattern == *bridge => Chance::Never,
            Link::Outside { names, .. } => {
                join(names.iter().map(|name| sure(glob(pattern, name)))).unwrap_or(Chance::Some)
            }
            Link::Port => Chance::Maybe,
            Link::None => Chance::Never,
        }
    }

    fn is_kind(&self, kind: &str) -> Chance {
        match self {
            Link::Bridge(_) => sure(kind == "bridge"),
            Link::Outside { .. } | Link::Port => Chance::Maybe,
            Link::None => Chance::Never,
        }
    }
}

fn sure(holds: bool) -> Chance {
    if holds { Chance::Always } else { Chance::Never }
}

/// What is said of all; if it differs, it can't be told.
fn join(mut chances: impl Iterator<Item = Chance>) -> Option<Chance> {
    let first = chances.next()?;
    Some(if chances.all(|chance| chance == first) { first } else { Chance::Maybe })
}

fn glob(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}
