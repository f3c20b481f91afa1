//! The way of a packet through a chain, as the kernel goes it (nft_do_chain in net/netfilter/nf_tables_core.c, and
//! ipt_do_table): rule by rule, into other chains and back, until something is decided. Where a comparison can't be
//! told, both ways are gone.

use super::{
    model::{Base, Hook, Policy, Rule, Table, Verdict},
    packet::{Chance, Packet},
};
use std::collections::HashMap;

/// What may become of a packet in a base chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome<'a> {
    /// Whether it may get through.
    pub(super) passes: Chance,
    /// What drops it, as far as that is not for a few packets only: the surest, and of those the first.
    pub(super) dropped_by: Option<(Chance, Site<'a>)>,
}

/// A place where packets end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Site<'a> {
    /// The end of the base chain.
    Policy,
    /// A rule of a chain of this name.
    Rule(&'a str, &'a Rule),
}

/// Walks from a base chain.
pub(super) fn walk<'a>(table: &'a Table, chain: &'a str, base: Base, packet: &Packet<'_>) -> Outcome<'a> {
    let outcome = Outcome { passes: Chance::Never, dropped_by: None };
    let mut walk = Walk { table, packet, hook: base.hook, outcome, seen: HashMap::new() };
    let left = walk.chain(chain, Chance::Always);
    match base.policy {
        Policy::Accept => walk.accept(left),
        Policy::Drop => walk.drop(left, Site::Policy),
    }
    walk.outcome
}

struct Walk<'a, 'p> {
    table: &'a Table,
    packet: &'p Packet<'p>,
    hook: Hook,
    outcome: Outcome<'a>,
    /// How much comes out of a chain, by how much goes in: no chain is walked twice alike.
    seen: HashMap<(&'a str, Chance), Chance>,
}

impl<'a> Walk<'a, '_> {
    /// How likely the packet comes out at the chain's end, or returns, if it enters it so likely.
    fn chain(&mut self, name: &'a str, entering: Chance) -> Chance {
        let Some(chain) = self.table.chains.get(name) else { return entering };
        if entering == Chance::Never {
            return Chance::Never;
        }
        if let Some(leaving) = self.seen.get(&(name, entering)) {
            return *leaving;
        }
        // The kernel takes no chain that leads back to itself; should one be told all the same, it ends here.
        self.seen.insert((name, entering), Chance::Never);
        let (mut here, mut returned) = (entering, Chance::Never);
        for rule in &chain.rules {
            if here == Chance::Never {
                break;
            }
            let matches = self.packet.passes(&rule.tests, self.hook);
            let taken = here.min(matches);
            let skipped = if matches == Chance::Always { Chance::Never } else { here };
            here = match &rule.verdict {
                _ if taken == Chance::Never => here,
                Verdict::Continue => here,
                Verdict::Accept => {
                    self.accept(taken);
                    skipped
                }
                Verdict::Drop => {
                    self.drop(taken, Site::Rule(name, rule));
                    skipped
                }
                Verdict::Return => {
                    returned = returned.max(taken);
                    skipped
                }
                Verdict::Jump(target) => skipped.max(self.chain(target, taken)),
                Verdict::Goto(target) => {
                    returned = returned.max(self.chain(target, taken));
                    skipped
                }
            };
        }
        let leaving = here.max(returned);
        self.seen.insert((name, entering), leaving);
        leaving
    }

    fn accept(&mut self, chance: Chance) {
        self.outcome.passes = self.outcome.passes.max(chance);
    }

    /// A rule that singles out a few packets to drop them is somebody's decision on just these.
    fn drop(&mut self, chance: Chance, site: Site<'a>) {
        let surest = self.outcome.dropped_by.map_or(Chance::Some, |(surest, _)| surest);
        if chance > surest {
            self.outcome.dropped_by = Some((chance, site));
        }
    }
}
