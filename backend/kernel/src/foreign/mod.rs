//! Which rule of somebody else's would drop our traffic, and the one command that mends it. Rules are read and never
//! touched. In reading order: [`model`] is what a table comes to, whatever it was written in; [`nft`] and [`iptables`] read
//! it; [`packet`] says what is tried on it, and [`walk`] how that fares; [`remedy`] whose the rule is and what to do;
//! [`sources`] asks the programs.
//!
//! A table that accepts a packet does so for itself: the others are still asked. So what is inserted into a foreign table
//! for our bridges opens nothing that our own table keeps shut.

mod iptables;
mod model;
mod nft;
mod packet;
mod remedy;
mod sources;
#[cfg(test)]
mod tests;
mod walk;

use crate::error::KernelError;
use drawbridge_api::IfName;
pub use packet::Aim;

use model::{Family, Hook, Policy, Table};
use packet::{Chance, Level, Packet, Protocol, Way, World};
use remedy::{Keeper, Place, describe, families, remedy};
use sources::Sources;
use std::collections::BTreeSet;
use walk::walk;

/// A rule of somebody else's that drops our traffic, or may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignDrop {
    /// The rule and where it is: `policy drop of chain FORWARD in the iptables table filter`. Several, with semicolons
    /// between them, where one command mends them all.
    pub rule: String,
    /// What it does to whom: `ufw drops packets from and to docker0`; `may drop` where that hangs on something that
    /// can't be told.
    pub effect: String,
    /// One line for a shell, run as root, after which it lets our traffic pass. It lasts as long as its tool keeps what
    /// it is told: ufw and firewalld for good, the others until they are started anew.
    pub remedy: String,
}

/// Which foreign rules would drop what is forwarded from or to these bridges, in the network namespace of the calling
/// thread. Looked at are nftables, what iptables-nft wrote there, and iptables-legacy: hook forward, and hook prerouting
/// where its policy is drop. Tried is the first packet of a TCP and of a UDP connection, from a container to outside and
/// from outside to a published port; a rule that drops some ports or some far ends only is somebody's decision on these,
/// and no finding. Changes nothing; runs `nft` and, where there are such tables, `iptables`, for some 10 ms each.
///
/// Sources: nft(8), libnftables-json(5), iptables-extensions(8); net/netfilter/nf_tables_core.c.
///
/// # Errors
/// When nft is not installed or refuses, or the kernel does not list its links, as without root. What iptables does not
/// tell is no error but a finding.
pub fn foreign_drops(bridges: &[IfName]) -> Result<Vec<ForeignDrop>, KernelError> {
    look(bridges, None)
}

/// The same for one connection from a container on these bridges: a rule about its port or its far end is a finding then.
///
/// # Errors
/// As of [`foreign_drops`].
pub fn foreign_drops_of(bridges: &[IfName], aim: Aim) -> Result<Vec<ForeignDrop>, KernelError> {
    look(bridges, Some(aim))
}

fn look(bridges: &[IfName], aim: Option<Aim>) -> Result<Vec<ForeignDrop>, KernelError> {
    if bridges.is_empty() {
        return Ok(Vec::new());
    }
    let sources = Sources::find()?;
    let world = World { aim, ..sources::world(bridges)? };
    let mut tables = nft::tables(&sources.ruleset()?);
    for table in &mut tables {
        if let Some(told) = sources.iptables_nft(table) {
            *table = told;
        }
    }
    let (legacy, unread) = sources.iptables_legacy();
    tables.extend(legacy);
    let mut drops = judge(&tables, &world, &|family, table, chain, handle| sources.rule(family, table, chain, handle));
    drops.extend(unread.map(|names| ForeignDrop {
        rule: format!("rules of iptables-legacy ({names}), which can't be read without that program"),
        effect: format!("iptables may drop packets from and to {}", listed(bridges.iter())),
        remedy: "apt-get install iptables".to_owned(),
    }));
    Ok(drops)
}

/// The drops that one command mends.
struct Group<'a> {
    keeper: Keeper,
    place: Place<'a>,
    rules: Vec<String>,
    lost: Vec<(Packet<'a>, Chance)>,
}

/// What is said of these tables. `text` tells an nft rule by its family, table, chain and number.
fn judge(tables: &[Table], world: &World, text: &dyn Fn(&str, &str, &str, u64) -> Option<String>) -> Vec<ForeignDrop> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for table in tables {
        let mut chains: Vec<_> = table.chains.iter().filter_map(|(name, chain)| Some((name, chain.base?))).collect();
        chains.sort_by_key(|(name, _)| *name);
        // A rule in prerouting is about packets to the host as well; only a policy is sure to be about ours.
        chains.retain(|(_, base)| base.hook == Hook::Forward || base.policy == Policy::Drop);
        let level = if table.is_of_bridges() { Level::Frames } else { Level::Packets };
        for (chain, base) in chains {
            for packet in world.packets(base, families(&table.origin), level) {
                let outcome = walk(table, chain, base, &packet);
                let Some((_, site)) = outcome.dropped_by else { continue };
                let place = Place { table, chain, base, site };
                let keeper = Keeper::of(&place);
                let known = groups.iter().position(|group| group.is_mended_with(keeper, &place));
                let index = known.unwrap_or_else(|| {
                    groups.push(Group { keeper, place, rules: Vec::new(), lost: Vec::new() });
                    groups.len() - 1
                });
                let group = &mut groups[index];
                let rule = describe(&place, text);
                if !group.rules.contains(&rule) {
                    group.rules.push(rule);
                }
                group.lost.push((packet, outcome.passes));
            }
        }
    }
    groups.iter().map(Group::finding).collect()
}

impl Group<'_> {
    /// Whether one command mends this and what is at `place`.
    fn is_mended_with(&self, keeper: Keeper, place: &Place<'_>) -> bool {
        // These two speak for all families and chains at once.
        let is_one = matches!(keeper, Keeper::Ufw | Keeper::Firewalld);
        let is_here = || std::ptr::eq(self.place.table, place.table) && self.place.chain == place.chain;
        self.keeper == keeper && (is_one || is_here())
    }

    fn finding(&self) -> ForeignDrop {
        let bridges = self.bridges(|_| true);
        let word = if self.lost.iter().all(|(_, passes)| *passes == Chance::Never) { "drops" } else { "may drop" };
        let is_all = |test: &dyn Fn(&Packet<'_>) -> bool| self.lost.iter().all(|(packet, _)| test(packet));
        let family = if is_all(&|packet| packet.family == Family::V6) { "IPv6 " } else { "" };
        let protocol = [Protocol::Tcp, Protocol::Udp, Protocol::Icmp]
            .into_iter()
            .find(|protocol| is_all(&|packet| packet.protocol == *protocol))
            .map_or(String::new(), |protocol| format!("{} ", protocol.name()));
        ForeignDrop {
            rule: self.rules.join("; "),
            effect: format!("{} {word} {family}{protocol}packets {}", self.keeper.name(), self.ways()),
            remedy: remedy(self.keeper, &self.place, &bridges),
        }
    }

    fn bridges(&self, filter: impl Fn(&Packet<'_>) -> bool) -> Vec<&IfName> {
        let lost = self.lost.iter().filter(|(packet, _)| filter(packet));
        let names: BTreeSet<&IfName> = lost.map(|(packet, _)| &packet.bridge.name).collect();
        names.into_iter().collect()
    }

    fn ways(&self) -> String {
        let [out, into, within] = [Way::Out, Way::In, Way::Within].map(|way| self.bridges(|packet| packet.way == way));
        let said = |word: &str, names: &[&IfName]| {
            (!names.is_empty()).then(|| format!("{word} {}", listed(names.iter().copied())))
        };
        if out == into && !out.is_empty() {
            return format!("from and to {}", listed(out.into_iter()));
        }
        let parts = [said("from", &out), said("to", &into), said("within", &within)];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" and ")
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a IfName>) -> String {
    names.map(IfName::as_str).collect::<Vec<_>>().join(", ")
}
