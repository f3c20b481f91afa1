//! Addresses and routes: what the kernel says of them, and the requests that make and remove one (rtnetlink(7)).

use crate::{
    error::KernelError,
    socket::{Request, Socket},
};
use ipnet::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, Parseable};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressHeaderFlags, AddressMessage, AddressProtocol, AddressScope},
    route::{RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType},
};
use nix::errno::Errno;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address of a link that somebody set, not one that the kernel made by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LinkAddress {
    /// The link's number.
    pub(crate) index: u32,
    /// The address with its prefix length.
    pub(crate) address: IpNet,
}

/// A unicast route of the main table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LinkRoute {
    /// What it leads to; a default route has prefix length 0.
    pub(crate) destination: IpNet,
    /// The next hop, if there is one.
    pub(crate) gateway: Option<IpAddr>,
    /// The number of the link that it leaves by, if it is one.
    pub(crate) index: Option<u32>,
}

/// `ip addr show`, of one link or of all; only addresses that stay: what the kernel gives itself (its link-local ones, those that
/// a router announced) is left out.
pub(crate) fn list(socket: &mut Socket, index: Option<u32>) -> Result<Vec<LinkAddress>, KernelError> {
    let question = || {
        let mut message = AddressMessage::default();
        message.header.index = index.unwrap_or(0);
        RouteNetlinkMessage::GetAddress(message)
    };
    let bodies = socket.dump(question)?.map_err(|refusal| refusal.when("list addresses"))?;
    let mut addresses = Vec::new();
    for body in &bodies {
        let message =
            AddressMessage::parse(body).map_err(|error| KernelError::answer("a question about addresses", error))?;
        if index.is_none_or(|index| message.header.index == index) {
            addresses.extend(address(&message));
        }
    }
    Ok(addresses)
}

fn address(message: &AddressMessage) -> Option<LinkAddress> {
    let header = &message.header;
    if !header.flags.contains(AddressHeaderFlags::Permanent) {
        return None;
    }
    // On a point-to-point link IFA_ADDRESS is the other side's; IFA_LOCAL is ours (rtnetlink(7)). IPv6 has only the first.
    let local = message.attributes.iter().find_map(|attribute| {
        let AddressAttribute::Local(address) = attribute else { return None };
        Some(*address)
    });
    let address = local.or_else(|| {
        message.attributes.iter().find_map(|attribute| {
            let AddressAttribute::Address(address) = attribute else { return None };
            Some(*address)
        })
    });
    let address = address?;
    let is_somebodys = match header.scope {
        AddressScope::Universe => true,
        AddressScope::Link => !is_the_kernels(address, message),
        _ => false,
    };
    is_somebodys.then(|| {
        IpNet::new(address, header.prefix_len).ok().map(|address| LinkAddress { index: header.index, address })
    })?
}

/// Whether the kernel has made a link-local address by itself. It says so since Linux 5.18 (`IFAPROT_KERNEL_LL`,
/// include/uapi/linux/if_addr.h); before, it is known by the middle of what was made of an Ethernet address (RFC 4291,
/// appendix A).
fn is_the_kernels(address: IpAddr, message: &AddressMessage) -> bool {
    let said = message.attributes.iter().find_map(|attribute| {
        let AddressAttribute::Protocol(protocol) = attribute else { return None };
        Some(*protocol)
    });
    let of_ethernet = matches!(address, IpAddr::V6(address) if address.octets()[11..13] == [0xff, 0xfe]);
    address.is_ipv6() && said.map_or(of_ethernet, |protocol| protocol == AddressProtocol::LinkLocal)
}

/// `ip addr add ADDRESS dev LINK`, with `nodad` for IPv6: nobody else has an address that is leased, and until the kernel has
/// asked around for one, a second, nothing can be sent from the address.
pub(crate) fn add(index: u32, address: IpNet) -> Request {
    let mut message = address_message(index, address);
    if address.addr().is_ipv6() {
        message.header.flags = AddressHeaderFlags::Nodad;
    }
    Request::new(RouteNetlinkMessage::NewAddress(message), NLM_F_CREATE | NLM_F_EXCL)
}

/// `ip addr del ADDRESS dev LINK`
pub(crate) fn remove(index: u32, address: IpNet) -> Request {
    Request::new(RouteNetlinkMessage::DelAddress(address_message(index, address)), 0)
}

fn address_message(index: u32, address: IpNet) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = family(address.addr());
    message.header.prefix_len = address.prefix_len();
    message.header.index = index;
    message.attributes = vec![AddressAttribute::Local(address.addr()), AddressAttribute::Address(address.addr())];
    message
}

fn family(address: IpAddr) -> AddressFamily {
    match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}

/// `ip route show table main`, both families; only unicast routes.
pub(crate) fn list_routes(socket: &mut Socket) -> Result<Vec<LinkRoute>, KernelError> {
    let mut bodies = dump_routes(socket, AddressFamily::Inet)?;
    bodies.extend(dump_routes(socket, AddressFamily::Inet6)?);
    // A route of a kind that the parser does not know is not one of ours.
    Ok(bodies.iter().filter_map(|body| route(&RouteMessage::parse(body).ok()?)).collect())
}

/// The bodies of all messages of `ip route show table main`, of one family.
pub(crate) fn dump_routes(socket: &mut Socket, family: AddressFamily) -> Result<Vec<Vec<u8>>, KernelError> {
    let question = || {
        let mut message = RouteMessage::default();
        message.header.address_family = family;
        message.header.table = RouteHeader::RT_TABLE_MAIN;
        RouteNetlinkMessage::GetRoute(message)
    };
    match socket.dump(question)? {
        Ok(bodies) => Ok(bodies),
        // A kernel without IPv6, or a namespace that has had no address yet: its tables are made with the first route.
        Err(_) if family == AddressFamily::Inet6 => Ok(Vec::new()),
        Err(refusal) if refusal.errno == Errno::ENOENT => Ok(Vec::new()),
        Err(refusal) => Err(refusal.when("list routes")),
    }
}

fn route(message: &RouteMessage) -> Option<LinkRoute> {
    let header = &message.header;
    if header.table != RouteHeader::RT_TABLE_MAIN || header.kind != RouteType::Unicast {
        return None;
    }
    // Without a destination it leads everywhere.
    let mut destination = if header.address_family == AddressFamily::Inet {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED)
    } else {
        IpAddr::V6(Ipv6Addr::UNSPECIFIED)
    };
    let (mut gateway, mut index) = (None, None);
    for attribute in &message.attributes {
        if let RouteAttribute::Destination(address) = attribute {
            destination = ip(address)?;
        } else if let RouteAttribute::Gateway(address) = attribute {
            gateway = ip(address);
        } else if let RouteAttribute::Oif(number) = attribute {
            index = Some(*number);
        }
    }
    let destination = IpNet::new(destination, header.destination_prefix_length).ok()?;
    Some(LinkRoute { destination, gateway, index })
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    if let RouteAddress::Inet(address) = address {
        Some(IpAddr::V4(*address))
    } else if let RouteAddress::Inet6(address) = address {
        Some(IpAddr::V6(*address))
    } else {
        None
    }
}

/// `ip route add default via GATEWAY dev LINK`
pub(crate) fn add_default_route(index: u32, gateway: IpAddr) -> Request {
    let mut message = route_message(index, gateway);
    // What ip-route(8) writes for a route that a person sets.
    message.header.protocol = RouteProtocol::Boot;
    Request::new(RouteNetlinkMessage::NewRoute(message), NLM_F_CREATE | NLM_F_EXCL)
}

/// `ip route del default via GATEWAY dev LINK`
pub(crate) fn remove_default_route(index: u32, gateway: IpAddr) -> Request {
    Request::new(RouteNetlinkMessage::DelRoute(route_message(index, gateway)), 0)
}

fn route_message(index: u32, gateway: IpAddr) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = family(gateway);
    message.header.table = RouteHeader::RT_TABLE_MAIN;
    message.header.scope = RouteScope::Universe;
    message.header.kind = RouteType::Unicast;
    let gateway = match gateway {
        IpAddr::V4(address) => RouteAddress::Inet(address),
        IpAddr::V6(address) => RouteAddress::Inet6(address),
    };
    message.attributes = vec![RouteAttribute::Gateway(gateway), RouteAttribute::Oif(index)];
    message
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::{Socket, list_routes};
    use crate::{netns, testing::is_able};

    #[test]
    fn a_namespace_that_never_had_an_address_has_no_routes() {
        if is_able() {
            let listed = netns::scratch(|| list_routes(&mut Socket::open().expect("a socket")));
            assert_eq!(listed.expect("a namespace").expect("listed"), []);
        }
    }
}
