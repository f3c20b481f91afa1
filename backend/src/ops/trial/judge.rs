//! What is in the way, from what is known: a list of causes in the order in which a packet meets them, of which the first that
//! holds is told, with what would mend it. Pure.

use super::{
    Outcome,
    facts::{Facts, Party, Stack, Target},
    naming::Named,
    remedy::{self, Lack},
};
use drawbridge_api::{Driver, Hindrance, HindranceKind as Kind, Network, Remedy, TrialKind};
use drawbridge_kernel::ForeignDrop;
use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
};

/// A trial that has failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Obstacle {
    /// How it ended.
    pub(super) outcome: Outcome,
    /// What was tried.
    pub(super) kind: TrialKind,
    /// The address that was tried.
    pub(super) address: IpAddr,
    /// The port, where one was tried.
    pub(super) port: Option<u16>,
}

/// The first thing in the way.
pub(super) fn judge(obstacle: Obstacle, facts: &Facts) -> Hindrance {
    let causes = [
        stopped,
        broadcast,
        link_local,
        no_way,
        no_way_on,
        apart,
        kept_apart,
        odd,
        nothing_listens,
        nobody_there,
        foreign,
    ];
    causes.iter().find_map(|cause| cause(&obstacle, facts)).unwrap_or_else(|| unseen(&obstacle, facts))
}

/// Why a name has no address. `named` is what the resolvers said of it.
pub(super) fn unknown_name(name: &str, named: &Named, facts: &Facts) -> Hindrance {
    let source = &facts.source.name;
    let party = match &facts.target {
        Target::Stopped { name } => {
            return start(name, format!("{name} does not run, and only containers that run have names."));
        }
        Target::Host { .. } | Target::Elsewhere if !named.is_answered() => {
            return Hindrance {
                kind: Kind::NameUnknown,
                reason: format!("No container is called {name}, and the resolvers that {source} asks give no answer."),
                remedy: Remedy::Advice(
                    "See whether the resolvers in the host’s /etc/resolv.conf can be reached from here, or name another with --dns.".into(),
                ),
            };
        }
        Target::Host { .. } | Target::Elsewhere => {
            return Hindrance {
                kind: Kind::NameUnknown,
                reason: format!("No container is called {name}, and no resolver that {source} asks knows the name."),
                remedy: Remedy::Advice(
                    "Check the spelling: `docker ps -a` lists the containers. A resolver is named with --dns, or in the host’s /etc/resolv.conf.".into(),
                ),
            };
        }
        Target::Running { party, .. } => party,
    };
    if facts.source.networks.is_empty() {
        return Hindrance {
            kind: Kind::NameUnknown,
            reason: format!("{source} is in no network of Drawbridge, and names are answered in networks only."),
            remedy: remedy::together(facts, party, Lack::Names),
        };
    }
    match facts.shared(party).next() {
        None if party.stack == Stack::Shared => Hindrance {
            kind: Kind::Apart,
            reason: format!(
                "{} shares a network stack and is in no network itself, and names are answered for those in one.",
                party.name
            ),
            remedy: remedy::together(facts, party, Lack::Names),
        },
        None => Hindrance {
            kind: Kind::Apart,
            reason: format!(
                "{source} ({}) and {} ({}) share no network, and names are answered within a network only.",
                listed(&facts.source),
                party.name,
                listed(party),
            ),
            remedy: remedy::together(facts, party, Lack::Names),
        },
        Some((network, _)) if network.predefined => Hindrance {
            kind: Kind::NameUnknown,
            reason: format!(
                "{source} and {} share only {}, the default network, on which names are not answered.",
                party.name, network.name
            ),
            remedy: remedy::together(facts, party, Lack::Names),
        },
        Some((network, _)) => Hindrance {
            kind: Kind::NameUnknown,
            reason: format!(
                "{} is in {} as {source} is, and yet its resolver does not know {name}.",
                party.name, network.name
            ),
            remedy: Remedy::Advice(format!(
                "Look whether {source} still asks 127.0.0.11: its /etc/resolv.conf may have been changed."
            )),
        },
    }
}

fn stopped(_: &Obstacle, facts: &Facts) -> Option<Hindrance> {
    let Target::Stopped { name } = &facts.target else { return None };
    Some(start(name, format!("{name} does not run.")))
}

fn start(name: &str, reason: String) -> Hindrance {
    Hindrance { kind: Kind::Stopped, reason, remedy: Remedy::Command(format!("docker start {name}")) }
}

/// A socket sends there only when it was opened for it (SO_BROADCAST, socket(7)).
fn broadcast(obstacle: &Obstacle, facts: &Facts) -> Option<Hindrance> {
    facts.is_broadcast.then(|| Hindrance {
        kind: Kind::NobodyThere,
        reason: format!(
            "{} is a broadcast address: it is everybody’s on the link, and nobody’s own.",
            obstacle.address
        ),
        remedy: Remedy::Advice("Try the address of one container: `docker network inspect` lists them.".into()),
    })
}

/// Such an address is on every link, and a target is an address without a link (RFC 4007 §6).
fn link_local(obstacle: &Obstacle, _: &Facts) -> Option<Hindrance> {
    let IpAddr::V6(address) = obstacle.address else { return None };
    address.is_unicast_link_local().then(|| Hindrance {
        kind: Kind::NoRoute,
        reason: format!(
            "{address} is a link-local address: there may be one on each link, and it does not say on which."
        ),
        remedy: Remedy::Advice(
            "Try another address of the target, or its name: `docker network inspect` lists both.".into(),
        ),
    })
}

/// Routes come first: without one nothing leaves the container.
fn no_way(obstacle: &Obstacle, facts: &Facts) -> Option<Hindrance> {
    let source = &facts.source;
    let (name, address) = (&source.name, obstacle.address);
    let networks = &source.networks;
    let is_internal = !networks.is_empty() && networks.iter().all(|(network, _)| network.internal);
    let way = facts.around.way(address);
    let leaves = way.is_none_or(|way| way.gateway.is_some());
    let party = if let Target::Running { party, .. } = &facts.target { Some(party) } else { None };
    // An internal bridge may have an address, and so a way to the host, and no further.
    if is_internal && leaves && !matches!(facts.target, Target::Host { .. }) {
        let remedy = match party {
            Some(party) => remedy::together(facts, party, Lack::Way(address)),
            None => remedy::way_out(facts),
        };
        return Some(Hindrance {
            kind: Kind::Internal,
            reason: format!(
                "{name} is in internal networks only ({}), and nothing leaves those: it can’t get to {address}.",
                listed(source)
            ),
            remedy,
        });
    }
    // Where there is a gateway it is the gateway that has no route, and an ICMP message of it that says so.
    if way.is_some_and(|way| way.gateway.is_some() || obstacle.outcome != Outcome::NoRoute) {
        return None;
    }
    if source.stack == Stack::Shared {
        return Some(Hindrance {
            kind: Kind::NoRoute,
            reason: format!("{name} has the network stack of the host, and the host has no route to {address}."),
            remedy: route_of_host(),
        });
    }
    let lacks_ipv6 = address.is_ipv6() && !facts.around.ways.iter().any(|way| way.destination.addr().is_ipv6());
    let remedy = match party {
        Some(party) => remedy::together(facts, party, Lack::Way(address)),
        None if lacks_ipv6 => remedy::way_out_by_ipv6(facts),
        None => remedy::way_out(facts),
    };
    let reason = if networks.is_empty() {
        format!("{name} has no network, and so no route to {address}.")
    } else if lacks_ipv6 {
        format!("{name} has no IPv6, and so no route to {address}: none of its networks ({}) has it.", listed(source))
    } else {
        format!("{name} has no route to {address}: none of its networks ({}) leads there.", listed(source))
    };
    Some(Hindrance { kind: Kind::NoRoute, reason, remedy })
}

/// The gateway is the host, which sends on what it has a route for.
fn no_way_on(obstacle: &Obstacle, facts: &Facts) -> Option<Hindrance> {
    // Where packets get on all the same, another table of routes has one.
    let is_refused = matches!(obstacle.outcome, Outcome::NoRoute | Outcome::Unreachable);
    let is_stuck = matches!(facts.target, Target::Elsewhere) && !facts.host_has_way && is_refused;
    is_stuck.then(|| Hindrance {
        kind: Kind::NoRoute,
        reason: format!(
            "The host has no route to {}, so what {} sends there gets no further than its gateway.",
            obstacle.address, facts.source.name
        ),
        remedy: route_of_host(),
    })
}

fn route_of_host() -> Remedy {
    Remedy::Advice(
        "Give the host a route to it with `ip route add`, or see whether the address is right: `ip route` lists what it has."
            .into(),
    )
}

fn apart(obstacle: &Obstacle, facts: &Facts) -> Option<Hindrance> {
    let Target::Running { party, .. } = &facts.target else { return None };
    let both_are_in_networks = !facts.source.networks.is_empty() && !party.networks.is_empty();
    if !both_are_in_networks || facts.shared(party).next().is_some() {
        return None;
    }
    let source = &facts.source;
    Some(Hindrance {
        kind: Kind::Apart,
        reason: format!(
            "{} ({}) and {} ({}) share no network, and packets between networks are dropped.",
            source.name,
            listed(source),
            party.name,
            listed(party)
        ),
        remedy: remedy::together(facts, party, Lack::Way(obstacle.address)),
    })
}

fn kept_apart(obstacle: &Obstacle, facts: &Facts) -> Option<Hindrance> {
    let Target::Running { party, .. } = &facts.target else { return None };
    if obstacle.outcome == Outcome::Refused || party.name == facts.source.name {
        return None;
    }
    let by_this = |(_, addresses): &&(Network, Vec<IpAddr>)| addresses.contains(&obstacle.address);
    let (network, _) = facts.shared(party).find(by_this)?;
    (network.driver == Driver::Bridge && !network.icc).then(|| Hindrance {
        kind: Kind::IccOff,
        reason: format!(
            "Containers of {} are kept apart (its icc is off): they reach one another at published ports only.",
            network.name
        ),
        remedy: remedy::elsewhere(facts, network, party),
    })
}

fn odd(obstacle: &Obstacle, _: &Facts) -> Option<Hindrance> {
    (obstacle.outcome == Outcome::Odd).then(|| Hindrance {
        kind: Kind::OddAnswer,
        reason: "Something answers there, but it does not speak HTTP.".to_owned(),
        remedy: Remedy::Advice(
            "Try a TCP connection instead, or the port at which the program speaks HTTP. HTTPS is not spoken here."
                .into(),
        ),
    })
}

/// Of a target whose sockets can be seen: whether one of them waits at the port.
fn nothing_listens(obstacle: &Obstacle, facts: &Facts) -> Option<Hindrance> {
    let (Some(port), TrialKind::Tcp | TrialKind::Http) = (obstacle.port, obstacle.kind) else { return None };
    let at = SocketAddr::new(obstacle.address, port);
    let (name, listeners) = match &facts.target {
        Target::Running { party, around, namespace: Some(_) } => (party.name.clone(), &around.listeners),
        Target::Host { around } => ("the host".to_owned(), &around.listeners),
        Target::Elsewhere if obstacle.outcome == Outcome::Refused && !facts.foreign.iter().any(is_reset) => {
            return Some(Hindrance {
                kind: Kind::NothingListens,
                reason: format!("{} was reached and says that nothing listens at port {port}.", obstacle.address),
                remedy: Remedy::Advice(format!("Start the program that should listen at {at}, or try another port.")),
            });
        }
        Target::Running { .. } | Target::Stopped { .. } | Target::Elsewhere => return None,
    };
    let here: Vec<&SocketAddr> = listeners.iter().filter(|listener| listener.port() == port).collect();
    let is_reached = |listener: &&&SocketAddr| !listener.ip().is_loopback();
    if here.iter().any(|listener| is_reached(&listener)) {
        return None;
    }
    if !here.is_empty() {
        return Some(Hindrance {
            kind: Kind::OnlyLoopback,
            reason: format!("In {name} port {port} is listened at on its loopback only, which nobody else reaches."),
            remedy: Remedy::Advice(format!("Let the program listen at 0.0.0.0:{port} instead of {}.", here[0])),
        });
    }
    let others: BTreeSet<u16> =
        listeners.iter().filter(|listener| is_reached(&listener)).map(SocketAddr::port).collect();
    let others: Vec<String> = others.iter().map(u16::to_string).collect();
    let (reason, remedy) = if others.is_empty() {
        (
            format!("In {name} nothing listens at TCP port {port}; nothing listens at any other."),
            format!("Start the program in {name} that should listen at port {port}."),
        )
    } else {
        (
            format!("In {name} nothing listens at TCP port {port}; it listens at {}.", others.join(", ")),
            format!("Try port {}, or start the program that should listen at port {port}.", others[0]),
        )
    };
    Some(Hindrance { kind: Kind::NothingListens, reason, remedy: Remedy::Advice(remedy) })
}

fn nobody_there(obstacle: &Obstacle, facts: &Facts) -> Option<Hindrance> {
    let way = facts.around.way(obstacle.address)?;
    let next = way.gateway.unwrap_or(obstacle.address);
    if !facts.around.absent.contains(&next) {
        return None;
    }
    let interface = &way.interface;
    let reason = match way.gateway {
        Some(gateway) => {
            format!("The gateway {gateway} does not answer on {interface}, so nothing leaves {}.", facts.source.name)
        }
        None => format!("Nobody on the link behind {interface} has the address {}.", obstacle.address),
    };
    let remedy = match (&facts.target, way.gateway) {
        (Target::Running { party, .. }, _) => {
            format!("Look whether the interfaces of {} are up: `docker exec {} ip addr`.", party.name, party.name)
        }
        (_, Some(gateway)) => format!(
            "Look whether {gateway} is still an address of the bridge; `drawbridge plan` says what has changed."
        ),
        (_, None) => {
            "Start what should have that address, or try one that is in use: `docker network inspect` lists them."
                .to_owned()
        }
    };
    Some(Hindrance { kind: Kind::NobodyThere, reason, remedy: Remedy::Advice(remedy) })
}

fn foreign(obstacle: &Obstacle, facts: &Facts) -> Option<Hindrance> {
    // What goes to the host is not forwarded.
    if matches!(facts.target, Target::Host { .. }) {
        return None;
    }
    // Who was refused was there, or a rule has answered in its place.
    let drop = facts.foreign.iter().find(|drop| obstacle.outcome != Outcome::Refused || is_reset(drop))?;
    Some(Hindrance {
        kind: Kind::ForeignRule,
        reason: format!("{}: {}.", drop.effect, drop.rule),
        remedy: Remedy::Command(drop.remedy.clone()),
    })
}

/// Whether the rule answers as the target does where nothing listens: `reject with tcp reset`, `--reject-with tcp-reset`.
fn is_reset(drop: &ForeignDrop) -> bool {
    drop.rule.contains("with tcp reset") || drop.rule.contains("with tcp-reset")
}

fn unseen(obstacle: &Obstacle, facts: &Facts) -> Hindrance {
    let (reason, remedy) = match &facts.target {
        Target::Running { party, namespace: Some(namespace), .. } => (
            format!("The packets get to {}, and no rule of Drawbridge’s is in the way: a rule inside it may drop them.", party.name),
            Remedy::Command(format!("nsenter --net=/run/netns/{namespace} nft list ruleset")),
        ),
        Target::Host { .. } => (
            "The packets get to the host, and no rule of Drawbridge’s is in the way: a firewall of the host may drop them.".to_owned(),
            Remedy::Command("nft list ruleset".into()),
        ),
        Target::Running { .. } | Target::Stopped { .. } | Target::Elsewhere => {
            let said = match obstacle.outcome {
                Outcome::Unreachable | Outcome::NoRoute => "somebody on the way says that it can’t be reached",
                _ => "nothing comes back",
            };
            (
                format!("The packets leave by the host’s routes and {said}: nothing that can be seen from here is in the way."),
                Remedy::Advice("Trace the route to see how far packets come, and look at the far end and at the firewalls between.".into()),
            )
        }
    };
    Hindrance { kind: Kind::Unseen, reason, remedy }
}

fn listed(party: &Party) -> String {
    let names: Vec<&str> = party.networks.iter().map(|(network, _)| network.name.as_str()).collect();
    if names.is_empty() { "no network".to_owned() } else { names.join(", ") }
}
