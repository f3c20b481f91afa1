//! One table of somebody else's, whatever language it was read in: chains of rules, and what a rule compares.

use ipnet::IpNet;
use std::collections::HashMap;

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) origin: Origin,
    pub(super) name: String,
    /// By name.
    pub(super) chains: HashMap<String, Chain>,
}

/// What a table was made with, so what it is changed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// nft(8), with the table's family.
    Nft { family: String },
    /// iptables(8): the program for this table's family and kernel side, such as `iptables` or `ip6tables-legacy`.
    Iptables { family: Family, program: String },
}

/// The family of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

/// A chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chain {
    /// Where packets enter it, for those that packets enter from the kernel.
    pub(super) base: Option<Base>,
    pub(super) rules: Vec<Rule>,
}

/// Where a chain begins, and what becomes of a packet that gets to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Base {
    pub(super) hook: Hook,
    pub(super) policy: Policy,
}

/// The hooks that forwarded packets pass and that are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hook {
    Prerouting,
    Forward,
}

/// What becomes of a packet that no rule of a base chain decides on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    Accept,
    Drop,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// All must hold.
    pub(super) tests: Vec<Test>,
    pub(super) verdict: Verdict,
    /// How to find it again.
    pub(super) label: Label,
}

/// How to find a rule again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Label {
    /// Its number in the table, for nft(8).
    Handle(u64),
    /// The rule as iptables-save(8) writes it.
    Text(String),
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accept,
    /// Dropped or rejected.
    Drop,
    /// Nothing that ends the packet's way.
    Continue,
    Return,
    Jump(String),
    Goto(String),
}

/// A comparison: holds if all of any alternative holds, and the other way round if negated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Test {
    pub(super) any: Vec<Vec<Atom>>,
    pub(super) sense: Sense,
}

/// Whether a test must hold or must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sense {
    Is,
    IsNot,
}

/// One property of a packet, with the value that it is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Atom {
    /// The link that it came from: a name, or the beginning of one with `*`.
    In(String),
    /// The link that it leaves by.
    Out(String),
    /// The bridge that it came from, in family `bridge`.
    InBridge(String),
    /// The bridge that it leaves by, in family `bridge`.
    OutBridge(String),
    /// The kind of the link that it came from.
    InKind(String),
    /// The kind of the link that it leaves by.
    OutKind(String),
    /// Conntrack's state, in small letters.
    State(String),
    /// Conntrack's status, in small letters.
    Status(String),
    /// Conntrack's direction: `original` or `reply`.
    Direction(String),
    /// The protocol inside IP, by name or number.
    Protocol(String),
    Family(Family),
    From(IpNet),
    To(IpNet),
    /// Of TCP or UDP: the destination port, from the first to the last.
    Port(u16, u16),
    /// Always so.
    Always,
    /// Never so for a packet that is routed from or to a bridge of ours.
    Never,
    /// So for some packets only: of some port, length, rate or far end.
    Some,
    /// Can't be told.
    Unknown,
}

impl Test {
    /// One atom that must hold.
    pub(super) fn is(atom: Atom) -> Test {
        Test { any: vec![vec![atom]], sense: Sense::Is }
    }
}

impl Table {
    /// Whether it sees frames from port to port of a bridge.
    pub(super) fn is_of_bridges(&self) -> bool {
        matches!(&self.origin, Origin::Nft { family } if family == "bridge")
    }
}
