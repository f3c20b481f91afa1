//! Links with their addresses, as `ip address` prints them (`print_addrinfo` in iproute2, ip/ipaddress.c).

use super::link::ShownLink;
use crate::{error::KernelError, socket::Socket};
use netlink_packet_core::Parseable;
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressFlags, AddressMessage, AddressScope},
};
use std::net::IpAddr;

/// What stands for ever in a lifetime (`INFINITY_LIFE_TIME` in include/net/addrconf.h).
const FOREVER: u32 = u32::MAX;

/// `ip address` of these links.
pub(super) fn of_links(
    socket: &mut Socket,
    all: &[ShownLink],
    shown: &[ShownLink],
) -> Result<Vec<String>, KernelError> {
    let addresses = list(socket)?;
    let mut lines = Vec::new();
    for link in shown {
        lines.extend([link.head(all), link.hardware()]);
        let own = addresses.iter().filter(|address| address.header.index == link.index);
        lines.extend(own.flat_map(in_words));
    }
    Ok(lines)
}

/// `ip -4 address`: only links that have one, without their second line.
pub(super) fn ipv4_only(socket: &mut Socket, all: &[ShownLink]) -> Result<Vec<String>, KernelError> {
    let addresses = list(socket)?;
    let mut lines = Vec::new();
    for link in all {
        let of_link = |address: &&AddressMessage| {
            address.header.index == link.index && address.header.family == AddressFamily::Inet
        };
        let own: Vec<String> = addresses.iter().filter(of_link).flat_map(in_words).collect();
        if !own.is_empty() {
            lines.push(link.head(all));
            lines.extend(own);
        }
    }
    Ok(lines)
}

/// All addresses of the socket's namespace, IPv4 first, as the kernel has them.
fn list(socket: &mut Socket) -> Result<Vec<AddressMessage>, KernelError> {
    let question = || RouteNetlinkMessage::GetAddress(AddressMessage::default());
    let bodies = socket.dump(question)?.map_err(|refusal| refusal.when("list addresses"))?;
    let mut addresses: Vec<AddressMessage> =
        bodies.iter().filter_map(|body| AddressMessage::parse(body).ok()).collect();
    addresses.sort_by_key(|address| address.header.family != AddressFamily::Inet);
    Ok(addresses)
}

/// `    inet 172.17.0.2/16 brd 172.17.255.255 scope global eth0` and the line of its lifetime.
fn in_words(message: &AddressMessage) -> Vec<String> {
    let (mut local, mut far, mut broadcast, mut label, mut flags, mut life) = (None, None, None, None, None, None);
    for attribute in &message.attributes {
        if let AddressAttribute::Local(address) = attribute {
            local = Some(*address);
        } else if let AddressAttribute::Address(address) = attribute {
            far = Some(*address);
        } else if let AddressAttribute::Broadcast(address) = attribute {
            broadcast = Some(*address);
        } else if let AddressAttribute::Label(text) = attribute {
            label = Some(text.as_str());
        } else if let AddressAttribute::Flags(bits) = attribute {
            flags = Some(*bits);
        } else if let AddressAttribute::CacheInfo(info) = attribute {
            life = Some((info.ifa_valid, info.ifa_preferred));
        }
    }
    let Some(address) = local.or(far) else { return Vec::new() };
    let family = if matches!(address, IpAddr::V4(_)) { "inet" } else { "inet6" };
    let mut line = format!("    {family} {address}");
    // On a point-to-point link the other side has an address of its own.
    if let Some(far) = far.filter(|far| *far != address) {
        line.push_str(&format!(" peer {far}"));
    }
    line.push_str(&format!("/{}", message.header.prefix_len));
    if let Some(broadcast) = broadcast {
        line.push_str(&format!(" brd {broadcast}"));
    }
    line.push_str(&format!(" scope {}", scope(message.header.scope)));
    let flags = flags.unwrap_or_else(|| AddressFlags::from_bits_retain(u32::from(message.header.flags.bits())));
    for word in words(flags, matches!(address, IpAddr::V6(_))) {
        line.push_str(&format!(" {word}"));
    }
    if let Some(label) = label {
        line.push_str(&format!(" {label}"));
    }
    let mut lines = vec![line];
    if let Some((valid, preferred)) = life {
        lines.push(format!("       valid_lft {} preferred_lft {}", seconds(valid), seconds(preferred)));
    }
    lines
}

fn scope(scope: AddressScope) -> String {
    match scope {
        AddressScope::Universe => "global".to_owned(),
        other => other.to_string(),
    }
}

/// The flags that are printed, in their order (`ifa_flag_names`); the first means something else with IPv6.
fn words(flags: AddressFlags, is_ipv6: bool) -> Vec<&'static str> {
    let first = if is_ipv6 { "temporary" } else { "secondary" };
    let named = [
        (AddressFlags::Secondary, first),
        (AddressFlags::Nodad, "nodad"),
        (AddressFlags::Optimistic, "optimistic"),
        (AddressFlags::Dadfailed, "dadfailed"),
        (AddressFlags::Homeaddress, "home"),
        (AddressFlags::Deprecated, "deprecated"),
        (AddressFlags::Tentative, "tentative"),
        (AddressFlags::Managetempaddr, "mngtmpaddr"),
        (AddressFlags::Noprefixroute, "noprefixroute"),
        (AddressFlags::Mcautojoin, "autojoin"),
        (AddressFlags::StablePrivacy, "stable-privacy"),
    ];
    let mut words: Vec<&str> =
        named.into_iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, word)| word).collect();
    if !flags.contains(AddressFlags::Permanent) {
        words.push("dynamic");
    }
    words
}

fn seconds(seconds: u32) -> String {
    if seconds == FOREVER { "forever".to_owned() } else { format!("{seconds}sec") }
}
