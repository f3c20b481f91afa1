//! What the machine has already, ours and others': ranges of addresses with who has them, interfaces, addresses.

use drawbridge_api::{HostAddress, IfName, NetworkName};
use drawbridge_kernel::{HostLink, HostView};
use drawbridge_plan::alloc;
use ipnet::IpNet;

/// A range that somebody has, and who, as the end of a sentence.
pub(super) type Range = (IpNet, String);

/// Every range in use, with what has it, as the end of a sentence.
pub(super) fn ranges(networks: &[(IpNet, NetworkName)], host: &HostView) -> Vec<Range> {
    let ours = networks.iter().map(|(range, name)| (*range, format!("network {name}")));
    ours.chain(foreign_ranges(host)).collect()
}

/// Whether the host has an interface of that name that is not ours.
pub(super) fn is_foreign(host: &HostView, name: &IfName) -> bool {
    host.links.iter().any(|link| link.name == name.as_str() && !is_ours(link))
}

/// Whether an interface is one of ours, by its mark.
pub(super) fn is_ours(link: &HostLink) -> bool {
    link.alias.as_deref().is_some_and(|alias| alias.starts_with("drawbridge:"))
}

/// The host's own addresses: not its loopback's, and not our bridges'.
pub(super) fn host_addresses(host: &HostView) -> Vec<HostAddress> {
    let foreign = host.links.iter().filter(|link| link.name != "lo" && !is_ours(link));
    let addresses = foreign.flat_map(|link| {
        link.addresses.iter().map(|address| HostAddress { interface: link.name.clone(), address: *address })
    });
    addresses.collect()
}

/// The ranges that the host uses for itself: its addresses, its routes (a VPN's are such), its resolvers. Routes to our
/// own bridges are left out: the rows say those better.
fn foreign_ranges(host: &HostView) -> impl Iterator<Item = (IpNet, String)> + '_ {
    let (ours, theirs): (Vec<_>, Vec<_>) = host.links.iter().partition(|link| is_ours(link));
    let our_ranges: Vec<IpNet> = ours.iter().flat_map(|link| &link.addresses).map(IpNet::trunc).collect();
    let addresses = theirs.into_iter().flat_map(|link| {
        link.addresses.iter().map(move |address| (address.trunc(), format!("interface {}", link.name)))
    });
    let routes = host
        .routes
        .iter()
        .filter(move |route| !our_ranges.contains(&route.trunc()))
        .map(|route| (*route, format!("the host's route to {route}")));
    let resolvers =
        host.nameservers.iter().map(|address| (IpNet::from(*address), format!("the host's name server {address}")));
    addresses.chain(routes).chain(resolvers)
}

/// The first of these ranges that shares an address with one.
pub(super) fn conflict<'a>(range: IpNet, mut taken: impl Iterator<Item = &'a Range>) -> Option<&'a Range> {
    taken.find(|(other, _)| alloc::overlap(*other, range))
}
