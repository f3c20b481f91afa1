//! Routes of the main table, as `ip route` and `ip -6 route` print them (`print_route` in iproute2, ip/iproute.c).

use super::{link::ShownLink, name_of};
use crate::{address::dump_routes, error::KernelError, socket::Socket};
use netlink_packet_core::Parseable;
use netlink_packet_route::{
    AddressFamily,
    route::{
        RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteNextHop, RoutePreference,
        RouteProtocol, RouteScope, RouteType,
    },
};

/// Of one link or of all.
pub(super) fn list(
    socket: &mut Socket,
    links: &[ShownLink],
    only: Option<&ShownLink>,
    family: AddressFamily,
) -> Result<Vec<String>, KernelError> {
    let bodies = dump_routes(socket, family)?;
    let routes = bodies.iter().filter_map(|body| RouteMessage::parse(body).ok());
    let shown = routes.filter(|route| {
        let cloned = route.header.flags.contains(RouteFlags::Cloned);
        !cloned && route.header.table == RouteHeader::RT_TABLE_MAIN && only.is_none_or(|link| leaves_by(route, link))
    });
    Ok(shown.flat_map(|route| in_words(&route, links, only.is_some())).collect())
}

fn leaves_by(route: &RouteMessage, link: &ShownLink) -> bool {
    route.attributes.iter().any(|attribute| matches!(attribute, RouteAttribute::Oif(index) if *index == link.index))
}

/// `default via 172.17.0.1 dev eth0`, and a line for each hop of a route that has several. The link is left out where it was
/// asked for.
fn in_words(route: &RouteMessage, links: &[ShownLink], one_link: bool) -> Vec<String> {
    let (mut to, mut via, mut dev, mut source) = (String::new(), String::new(), String::new(), String::new());
    let (mut metric, mut preference, mut hops) = (String::new(), String::new(), Vec::new());
    let length = route.header.destination_prefix_length;
    for attribute in &route.attributes {
        if let RouteAttribute::Destination(address) = attribute {
            to = destination(&text(address), length, route.header.address_family);
        } else if let RouteAttribute::Gateway(address) = attribute {
            via = format!(" via {}", text(address));
        } else if let RouteAttribute::Via(far) = attribute {
            via = format!(" via {far:?}");
        } else if let RouteAttribute::Oif(index) = attribute
            && !one_link
        {
            dev = format!(" dev {}", name_of(links, *index));
        } else if let RouteAttribute::PrefSource(address) = attribute {
            source = format!(" src {}", text(address));
        } else if let RouteAttribute::Priority(number) = attribute {
            metric = format!(" metric {number}");
        } else if let RouteAttribute::Preference(value) = attribute {
            preference = format!(" pref {}", preferred(*value));
        } else if let RouteAttribute::MultiPath(several) = attribute {
            hops = several.iter().map(|hop| hop_in_words(hop, links)).collect();
        }
    }
    if to.is_empty() {
        to = destination("", length, route.header.address_family);
    }
    let kind = kind(route.header.kind);
    let protocol = match route.header.protocol {
        RouteProtocol::Boot => String::new(),
        other => format!(" proto {}", protocol(other)),
    };
    let scope = match route.header.scope {
        RouteScope::Universe => String::new(),
        other => format!(" scope {}", scope(other)),
    };
    let flags = flags(route.header.flags);
    let mut lines = vec![format!("{kind}{to}{via}{dev}{protocol}{scope}{source}{metric}{flags}{preference}")];
    lines.extend(hops);
    lines
}

/// `\tnexthop via 10.1.0.2 dev br0 weight 1`
fn hop_in_words(hop: &RouteNextHop, links: &[ShownLink]) -> String {
    let via = hop.attributes.iter().find_map(|attribute| {
        let RouteAttribute::Gateway(address) = attribute else { return None };
        Some(format!(" via {}", text(address)))
    });
    let dev = name_of(links, hop.interface_index);
    format!("\tnexthop{} dev {dev} weight {}", via.unwrap_or_default(), u16::from(hop.hops) + 1)
}

/// A host's own address goes without its length.
fn destination(address: &str, length: u8, family: AddressFamily) -> String {
    let whole = if family == AddressFamily::Inet { 32 } else { 128 };
    match (address, length) {
        ("", 0) => "default".to_owned(),
        ("", _) => format!("0/{length}"),
        (address, length) if length == whole => address.to_owned(),
        (address, length) => format!("{address}/{length}"),
    }
}

fn text(address: &RouteAddress) -> String {
    if let RouteAddress::Inet(address) = address {
        address.to_string()
    } else if let RouteAddress::Inet6(address) = address {
        address.to_string()
    } else {
        "???".to_owned()
    }
}

fn kind(kind: RouteType) -> String {
    let word = match kind {
        RouteType::Unicast | RouteType::Unspec => return String::new(),
        RouteType::Local => "local",
        RouteType::Broadcast => "broadcast",
        RouteType::Anycast => "anycast",
        RouteType::Multicast => "multicast",
        RouteType::BlackHole => "blackhole",
        RouteType::Unreachable => "unreachable",
        RouteType::Prohibit => "prohibit",
        RouteType::Throw => "throw",
        RouteType::Nat => "nat",
        RouteType::ExternalResolve => "xresolve",
        other => return format!("{} ", u8::from(other)),
    };
    format!("{word} ")
}

/// The words of /etc/iproute2/rt_protos.
fn protocol(protocol: RouteProtocol) -> String {
    let word = match protocol {
        RouteProtocol::Unspec => "unspec",
        RouteProtocol::IcmpRedirect => "redirect",
        RouteProtocol::Kernel => "kernel",
        RouteProtocol::Static => "static",
        RouteProtocol::Ra => "ra",
        RouteProtocol::Zebra => "zebra",
        RouteProtocol::Bird => "bird",
        RouteProtocol::Dhcp => "dhcp",
        RouteProtocol::KeepAlived => "keepalived",
        RouteProtocol::Babel => "babel",
        RouteProtocol::Bgp => "bgp",
        RouteProtocol::Isis => "isis",
        RouteProtocol::Ospf => "ospf",
        RouteProtocol::Rip => "rip",
        RouteProtocol::Eigrp => "eigrp",
        other => return u8::from(other).to_string(),
    };
    word.to_owned()
}

fn scope(scope: RouteScope) -> String {
    match scope {
        RouteScope::Universe => "global".to_owned(),
        RouteScope::Site => "site".to_owned(),
        RouteScope::Link => "link".to_owned(),
        RouteScope::Host => "host".to_owned(),
        RouteScope::NoWhere => "nowhere".to_owned(),
        other => u8::from(other).to_string(),
    }
}

fn flags(flags: RouteFlags) -> String {
    let named = [(RouteFlags::Dead, " dead"), (RouteFlags::Onlink, " onlink"), (RouteFlags::Linkdown, " linkdown")];
    named.into_iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, word)| word).collect()
}

fn preferred(preference: RoutePreference) -> String {
    match preference {
        RoutePreference::Low => "low".to_owned(),
        RoutePreference::Medium => "medium".to_owned(),
        RoutePreference::High => "high".to_owned(),
        other => u8::from(other).to_string(),
    }
}
