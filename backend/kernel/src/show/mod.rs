//! What the kernel has, printed as iproute2 prints it, for people who want to see it and to compare it with their own shell. In
//! reading order: links, addresses, routes, neighbours (and forwarding tables, which are neighbours of a bridge).
//!
//! The words are those of iproute2 6.1; `tests/it/show.rs` compares them with what `ip` says of the same kernel.

mod address;
mod link;
mod neighbour;
mod route;

use crate::{
    error::KernelError,
    netns::{self, Entry},
    socket::Socket,
};
use drawbridge_api::{IfName, Listing, ListingKind, NsName};
use link::ShownLink;
use netlink_packet_route::AddressFamily;
use std::os::fd::AsFd;

/// `ip -4 address`, `ip route`, `ip -6 route` and `ip neighbour` of the host. Of addresses only those of IPv4: links without
/// one are the host ends of veth pairs, of which there are hundreds.
pub(crate) fn host() -> Result<Vec<Listing>, KernelError> {
    let mut socket = Socket::open()?;
    let links = link::list(&mut socket)?;
    let mut listings =
        vec![listing(ListingKind::Addresses, "ip -4 address".to_owned(), address::ipv4_only(&mut socket, &links)?)];
    listings.extend(roads(&mut socket, &links, None, "")?);
    Ok(listings)
}

/// `ip address show dev NAME` and so on; none when there is no such link.
pub(crate) fn link(name: &IfName) -> Result<Option<Vec<Listing>>, KernelError> {
    let mut socket = Socket::open()?;
    let mut links = link::list(&mut socket)?;
    let Some(place) = links.iter().position(|link| link.name == name.as_str()) else { return Ok(None) };
    if let Some(id) = links[place].nsid {
        links[place].peer_namespace = namespace_of(&mut socket, id)?;
    }
    let one = links[place].clone();
    let lines = address::of_links(&mut socket, &links, std::slice::from_ref(&one))?;
    let mut listings = vec![listing(ListingKind::Addresses, format!("ip address show dev {name}"), lines)];
    let is_port = one.master.is_some();
    // A port of a bridge has neither addresses nor routes of its own.
    if !is_port {
        listings.extend(roads(&mut socket, &links, Some(&one), "")?);
    }
    if one.kind == "bridge" || is_port {
        let word = if one.kind == "bridge" { "br" } else { "brport" };
        let lines = neighbour::forwarding(&mut socket, &links, &one)?;
        listings.push(listing(ListingKind::Forwarding, format!("bridge fdb show {word} {name}"), lines));
    }
    Ok(Some(listings))
}

/// The same in a named namespace, of all its links; none when there is no such namespace.
pub(crate) fn namespace(name: &NsName) -> Result<Option<Vec<Listing>>, KernelError> {
    netns::visit_one(name, || {
        let mut socket = Socket::open()?;
        let links = link::list(&mut socket)?;
        let prefix = format!("nsenter --net={}/{name} ", netns::DIRECTORY);
        let lines = address::of_links(&mut socket, &links, &links)?;
        let mut listings = vec![listing(ListingKind::Addresses, format!("{prefix}ip address"), lines)];
        listings.extend(roads(&mut socket, &links, None, &prefix)?);
        Ok(listings)
    })
}

/// Routes of both families and neighbours, of one link or of all.
fn roads(
    socket: &mut Socket,
    links: &[ShownLink],
    only: Option<&ShownLink>,
    prefix: &str,
) -> Result<Vec<Listing>, KernelError> {
    let dev = only.map(|link| format!(" show dev {}", link.name)).unwrap_or_default();
    Ok(vec![
        listing(
            ListingKind::Routes4,
            format!("{prefix}ip route{dev}"),
            route::list(socket, links, only, AddressFamily::Inet)?,
        ),
        listing(
            ListingKind::Routes6,
            format!("{prefix}ip -6 route{dev}"),
            route::list(socket, links, only, AddressFamily::Inet6)?,
        ),
        listing(ListingKind::Neighbours, format!("{prefix}ip neighbour{dev}"), neighbour::list(socket, links, only)?),
    ])
}

fn listing(kind: ListingKind, command: String, lines: Vec<String>) -> Listing {
    Listing { kind, command, lines: lines.into_iter().map(|line| line.trim_end().to_owned()).collect() }
}

/// The name under `/run/netns` of the namespace that the host knows by this number, if it has one there.
fn namespace_of(socket: &mut Socket, id: i32) -> Result<Option<String>, KernelError> {
    for name in netns::names()? {
        if let Entry::Mounted(file) = netns::look(&name)?
            && netns::nsid(socket, file.as_fd())? == Some(id)
        {
            return Ok(Some(name.to_string()));
        }
    }
    Ok(None)
}

/// The name of a link by its number, as ip(8) falls back to it.
fn name_of(links: &[ShownLink], index: u32) -> String {
    links.iter().find(|link| link.index == index).map_or_else(|| format!("if{index}"), |link| link.name.clone())
}

/// Bytes as an Ethernet address is written.
fn colons(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(":")
}
