//! What an element of the tables does, in one sentence.

use crate::element::{Element, Family};
use std::net::{IpAddr, SocketAddr};

/// What an element does, one sentence.
pub fn sentence(element: &Element) -> String {
    let family = Family::to_string;
    let socket = |address: IpAddr, port: u16| SocketAddr::new(address, port);
    match element {
        Element::Bridge(name) => format!("{name} is a bridge of ours: what passes into it must be allowed below."),
        Element::Pair { from, to } if from == to => format!("Packets may pass within {from}."),
        Element::Pair { from, to } => format!("Packets may pass from {from} to {to}."),
        Element::Apart(name) => format!("Containers on {name} reach one another at published ports only."),
        Element::Trusted { from, bridge } => {
            format!("What comes in by {from} reaches published ports on {bridge} at their containers' own addresses.")
        }
        Element::Internal(name) => format!("Nothing passes into or out of {name}."),
        Element::Sent(name) => format!("Counts what is forwarded from {name}."),
        Element::Received(name) => format!("Counts what is forwarded to {name}."),
        Element::Masquerade { family: of, bridge } => {
            format!("{} packets from {bridge} leave this machine with the host's address.", family(of))
        }
        Element::Snat { bridge, source } => {
            format!("Packets from {bridge} leave this machine with the address {source}.")
        }
        Element::Unprotected { family: of, bridge } => {
            format!("Every port of the containers on {bridge} is reached from outside by {}.", family(of))
        }
        Element::Routed { family: of, bridge } => {
            format!("Containers on {bridge} are reached at their own {} addresses.", family(of))
        }
        Element::Published { host, to } if host.address.is_unspecified() => format!(
            "Connections to {} port {} at any {} address of the host go to {to}.",
            host.protocol,
            host.port,
            family(&Family::of(host.address))
        ),
        Element::Published { host, to } => {
            format!("Connections to {} go to {to} ({}).", socket(host.address, host.port), host.protocol)
        }
        Element::Counted(host) => format!("Counts what goes through {host}, both ways."),
        Element::Open(service) => format!(
            "{} ({}) is published at the container's own address.",
            socket(service.address, service.port),
            service.protocol
        ),
        Element::Hairpin(address) => format!("{address} may reach itself through its published port."),
        Element::Detour { address, bridge } => {
            format!("{address} reaches published ports of its neighbours by way of {bridge}'s address.")
        }
        Element::Leased(address) => format!("Only its holder may send from {address}."),
        Element::Source { link, address } => format!("The holder of {address} is behind {link}."),
        Element::Router(link) => {
            format!("The container behind {link} is a router: what it sends may come from others' addresses.")
        }
        Element::Range { link, range } => {
            format!("Of {range} the router behind {link} sends from its own address only.")
        }
        Element::ApartPort(link) => format!("Frames from {link} go to published services of its bridge at the most."),
        Element::ApartService(service) => format!(
            "{} ({}) is published, so its neighbours may reach it.",
            socket(service.address, service.port),
            service.protocol
        ),
    }
}
