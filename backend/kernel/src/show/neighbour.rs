//! Neighbours as `ip neighbour` prints them, and forwarding tables as `bridge fdb` does (`print_neigh` and `print_fdb` in
//! iproute2, ip/ipneigh.c and bridge/fdb.c).

use super::{colons, link::ShownLink, name_of};
use crate::{error::KernelError, socket::Socket};
use netlink_packet_core::Parseable;
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState},
};

/// `ip neighbour`, of one link or of all; without those that are reached without asking, as ip(8) leaves them out.
pub(super) fn list(
    socket: &mut Socket,
    links: &[ShownLink],
    only: Option<&ShownLink>,
) -> Result<Vec<String>, KernelError> {
    let mut lines = Vec::new();
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        let question = || {
            let mut message = NeighbourMessage::default();
            message.header.family = family;
            RouteNetlinkMessage::GetNeighbour(message)
        };
        let bodies = match socket.dump(question)? {
            Ok(bodies) => bodies,
            Err(_) if family == AddressFamily::Inet6 => continue,
            Err(refusal) => return Err(refusal.when("list neighbours")),
        };
        let neighbours = bodies.iter().filter_map(|body| NeighbourMessage::parse(body).ok());
        let shown = neighbours.filter(|neighbour| {
            neighbour.header.state != NeighbourState::Noarp
                && only.is_none_or(|link| link.index == neighbour.header.ifindex)
        });
        lines.extend(shown.map(|neighbour| in_words(&neighbour, links, only.is_some())));
    }
    Ok(lines)
}

/// `172.17.0.1 dev eth0 lladdr 02:42:ac:11:00:01 REACHABLE`
fn in_words(neighbour: &NeighbourMessage, links: &[ShownLink], one_link: bool) -> String {
    let (mut address, mut lladdr) = (String::new(), String::new());
    for attribute in &neighbour.attributes {
        if let NeighbourAttribute::Destination(far) = attribute {
            address = text(far);
        } else if let NeighbourAttribute::LinkLayerAddress(bytes) = attribute {
            lladdr = format!(" lladdr {}", colons(bytes));
        }
    }
    let dev = if one_link { String::new() } else { format!(" dev {}", name_of(links, neighbour.header.ifindex)) };
    let router = if neighbour.header.flags.contains(NeighbourFlags::Router) { " router" } else { "" };
    format!("{address}{dev}{lladdr}{router} {}", state(neighbour.header.state))
}

fn text(address: &NeighbourAddress) -> String {
    if let NeighbourAddress::Inet(address) = address {
        address.to_string()
    } else if let NeighbourAddress::Inet6(address) = address {
        address.to_string()
    } else {
        "???".to_owned()
    }
}

fn state(state: NeighbourState) -> String {
    match state {
        NeighbourState::Incomplete => "INCOMPLETE".to_owned(),
        NeighbourState::Reachable => "REACHABLE".to_owned(),
        NeighbourState::Stale => "STALE".to_owned(),
        NeighbourState::Delay => "DELAY".to_owned(),
        NeighbourState::Probe => "PROBE".to_owned(),
        NeighbourState::Failed => "FAILED".to_owned(),
        NeighbourState::Noarp => "NOARP".to_owned(),
        NeighbourState::Permanent => "PERMANENT".to_owned(),
        NeighbourState::None => "NONE".to_owned(),
        other => format!("{:x}", u16::from(other)),
    }
}

/// `bridge fdb show br NAME` of a bridge, `bridge fdb show brport NAME` of a port.
pub(super) fn forwarding(socket: &mut Socket, links: &[ShownLink], of: &ShownLink) -> Result<Vec<String>, KernelError> {
    let is_bridge = of.kind == "bridge";
    let question = || {
        let mut message = NeighbourMessage::default();
        message.header.family = AddressFamily::Bridge;
        if is_bridge {
            message.attributes = vec![NeighbourAttribute::Controller(of.index)];
        } else {
            message.header.ifindex = of.index;
        }
        RouteNetlinkMessage::GetNeighbour(message)
    };
    let bodies = socket.dump(question)?.map_err(|refusal| refusal.when("list a forwarding table"))?;
    let entries = bodies.iter().filter_map(|body| NeighbourMessage::parse(body).ok());
    let shown = entries.filter(|entry| is_bridge || entry.header.ifindex == of.index);
    Ok(shown.map(|entry| entry_in_words(&entry, links, !is_bridge)).collect())
}

/// `02:42:ac:11:00:02 dev veth0 master docker0`
fn entry_in_words(entry: &NeighbourMessage, links: &[ShownLink], one_port: bool) -> String {
    let (mut lladdr, mut vlan, mut master) = (String::new(), String::new(), String::new());
    for attribute in &entry.attributes {
        if let NeighbourAttribute::LinkLayerAddress(bytes) = attribute {
            lladdr = colons(bytes);
        } else if let NeighbourAttribute::Vlan(id) = attribute {
            vlan = format!(" vlan {id}");
        } else if let NeighbourAttribute::Controller(index) = attribute {
            master = format!(" master {}", name_of(links, *index));
        }
    }
    let dev = if one_port { String::new() } else { format!(" dev {}", name_of(links, entry.header.ifindex)) };
    let flags = entry.header.flags;
    let named = [
        (NeighbourFlags::Own, " self"),
        (NeighbourFlags::Router, " router"),
        (NeighbourFlags::ExtLearned, " extern_learn"),
        (NeighbourFlags::Offloaded, " offload"),
        (NeighbourFlags::Sticky, " sticky"),
    ];
    let words: String = named.into_iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, word)| word).collect();
    let state = match entry.header.state {
        NeighbourState::Permanent => " permanent",
        NeighbourState::Noarp => " static",
        NeighbourState::Stale => " stale",
        NeighbourState::Reachable | NeighbourState::None => "",
        _ => " state=other",
    };
    format!("{lladdr}{dev}{vlan}{words}{master}{state}")
}
