//! The commands that bring containers into networks in which they reach what they tried, as they can be typed: each name in them
//! is free, or is that of what is there. Pure.

use super::facts::{Facts, Party, Stack};
use drawbridge_api::{Network, Remedy};
use std::net::IpAddr;

/// What two containers lack.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lack {
    /// A way to this address.
    Way(IpAddr),
    /// A network in which names are answered, which the default one is not.
    Names,
}

/// How the source and another container come into one network.
pub(super) fn together(facts: &Facts, other: &Party, lack: Lack) -> Remedy {
    let source = &facts.source;
    if let Some(party) = [source, other].into_iter().find(|party| party.stack == Stack::Shared) {
        return Remedy::Advice(format!(
            "{} has the network stack of the host or of another container, and can be connected to no network: try an address instead of the name, or make it anew with `--network`.",
            party.name
        ));
    }
    let fitting = |party: &Party| {
        let has_address = |network: &&(Network, Vec<IpAddr>)| match lack {
            Lack::Way(address) => network.1.contains(&address),
            Lack::Names => !network.0.predefined,
        };
        let any = || party.networks.first().filter(|_| matches!(lack, Lack::Way(_)));
        party.networks.iter().find(has_address).or_else(any).map(|(network, _)| network.name.to_string())
    };
    let command = match (fitting(other), fitting(source)) {
        (Some(network), _) => join(&network, source),
        (None, Some(network)) => join(&network, other),
        (None, None) => in_new(facts, "lab", &[source, other]),
    };
    Remedy::Command(command)
}

/// How the source and another container come out of a network in which they are kept apart into one in which they are not.
/// Names are answered by the addresses in all networks that two are both in, so the source has to leave this one.
pub(super) fn elsewhere(facts: &Facts, network: &Network, other: &Party) -> Remedy {
    let join = in_new(facts, "together", &[&facts.source, other]);
    Remedy::Command(format!("{join} && docker network disconnect {} {}", network.name, facts.source.name))
}

/// A network of their own for them, called so or nearly so.
fn in_new(facts: &Facts, name: &str, parties: &[&Party]) -> String {
    let name = free(facts, name);
    let joins = parties.iter().map(|party| join(&name, party));
    let commands: Vec<String> = std::iter::once(format!("docker network create {name}")).chain(joins).collect();
    commands.join(" && ")
}

/// A way for the source out of the machine, by IPv4.
pub(super) fn way_out(facts: &Facts) -> Remedy {
    let source = &facts.source;
    if source.networks.iter().any(|(network, _)| network.name.as_str() == "bridge") {
        return Remedy::Command(in_new(facts, "out", &[source]));
    }
    Remedy::Command(join("bridge", source))
}

/// A way for the source out of the machine, by IPv6.
pub(super) fn way_out_by_ipv6(facts: &Facts) -> Remedy {
    let name = free(facts, "six");
    Remedy::Command(format!("docker network create --ipv6 {name} && {}", join(&name, &facts.source)))
}

fn join(network: &str, party: &Party) -> String {
    let name = &party.name;
    match party.stack {
        Stack::Alone => format!("docker network disconnect none {name} && docker network connect {network} {name}"),
        Stack::Own | Stack::Shared => format!("docker network connect {network} {name}"),
    }
}

/// The name, or the first number behind it that makes it nobody's.
fn free(facts: &Facts, name: &str) -> String {
    let numbered = (2..).map(|number: u32| format!("{name}{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names.find(|name| !facts.taken.contains(name)).unwrap_or_else(|| name.to_owned())
}
