//! Connections that the kernel tracks (include/uapi/linux/netfilter/nfnetlink_conntrack.h). A flow of datagrams keeps the
//! translation that its first one got, for as long as it goes on: when a port is published elsewhere, or no more, flows
//! through it would never learn of it. TCP needs none of this, since the other end says that there is no such connection.

use crate::{
    error::KernelError,
    netlink::Channel,
    nfnetlink::{self, Attributes, FAMILY_SIZE_BYTES, attribute, attributes},
};
use drawbridge_api::{HostPort, Protocol};
use drawbridge_plan::Element;
use netlink_packet_core::{NLM_F_ACK, NLM_F_DUMP, NLMSG_DONE, NLMSG_ERROR};
use netlink_sys::protocols::NETLINK_NETFILTER;
use nix::{errno::Errno, libc};
use std::{
    collections::BTreeSet,
    iter,
    net::{IpAddr, SocketAddr},
};

/// `NFNL_SUBSYS_CTNETLINK`, the upper byte of a message's type.
const CTNETLINK: u16 = 1 << 8;
const GET: u16 = CTNETLINK | 1;
const DELETE: u16 = CTNETLINK | 2;
/// Attributes of a connection, of one of its two directions, and of addresses and ports in it.
mod cta {
    pub(super) const ORIGINAL: u16 = 1;
    pub(super) const REPLY: u16 = 2;
    pub(super) const ID: u16 = 12;
    pub(super) const ZONE: u16 = 18;
    pub(super) const IP: u16 = 1;
    pub(super) const PROTOCOL: u16 = 2;
    pub(super) const V4_SOURCE: u16 = 1;
    pub(super) const V4_DESTINATION: u16 = 2;
    pub(super) const V6_SOURCE: u16 = 3;
    pub(super) const V6_DESTINATION: u16 = 4;
    pub(super) const NUMBER: u16 = 1;
    pub(super) const SOURCE_PORT: u16 = 2;
    pub(super) const DESTINATION_PORT: u16 = 3;
}

/// Forgets the flows that a change of published ports of UDP has made wrong: those that lead where a port led that is no more
/// published there, and those to one of the host's own addresses that began before a port of theirs was published.
/// `conntrack -D -p udp --orig-port-dst PORT --reply-src ADDRESS`, for each.
///
/// A kernel without ctnetlink is left as it is: its flows end by themselves, 30 s after their last datagram.
pub(crate) fn forget(
    coming: &[Element],
    gone: &[Element],
    own: impl FnOnce() -> Result<BTreeSet<IpAddr>, KernelError>,
) -> Result<(), KernelError> {
    let stale = Stale { coming: ways(coming), gone: ways(gone), own: BTreeSet::new() };
    let families: BTreeSet<u8> = stale.coming.iter().chain(&stale.gone).map(|(_, to)| family(to.ip())).collect();
    if families.is_empty() {
        return Ok(());
    }
    let stale = Stale { own: own()?, ..stale };
    let mut channel = Channel::open(NETLINK_NETFILTER, iter::empty())?;
    for family in families {
        for flow in flows(&mut channel, family, &stale)? {
            delete(&mut channel, family, &flow)?;
        }
    }
    Ok(())
}

/// A published port of UDP, and where it leads.
type Way = (HostPort, SocketAddr);

fn ways(elements: &[Element]) -> Vec<Way> {
    let ways = elements.iter().filter_map(|element| {
        let Element::Published { host, to } = element else { return None };
        (host.protocol == Protocol::Udp).then_some((*host, *to))
    });
    ways.collect()
}

/// Which flows are to be forgotten.
struct Stale {
    coming: Vec<Way>,
    gone: Vec<Way>,
    /// The host's own addresses.
    own: BTreeSet<IpAddr>,
}

impl Stale {
    fn has(&self, flow: &Flow) -> bool {
        let untranslated = flow.answering == flow.asked;
        self.gone.iter().any(|(host, to)| host.port == flow.asked.port() && *to == flow.answering)
            || untranslated
                && self.own.contains(&flow.asked.ip())
                && self.coming.iter().any(|(host, _)| reaches(host, flow.asked))
    }
}

/// Whether what is sent there comes to this port.
fn reaches(host: &HostPort, asked: SocketAddr) -> bool {
    host.port == asked.port() && (host.address.is_unspecified() || host.address == asked.ip())
}

fn family(address: IpAddr) -> u8 {
    let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    u8::try_from(family).expect("both are small numbers (include/linux/socket.h)")
}

/// The flows that are to be forgotten, each as the attributes that name it.
fn flows(channel: &mut Channel, family: u8, stale: &Stale) -> Result<Vec<Attributes>, KernelError> {
    let sequence = channel.next_sequence();
    let mut datagram = Vec::new();
    nfnetlink::write(&mut datagram, GET, NLM_F_DUMP, sequence, family, 0, &Attributes::default());
    channel.send(&datagram)?;
    let mut flows = Vec::new();
    loop {
        for part in channel.receive()? {
            let part = part?;
            match part.header.message_type {
                NLMSG_DONE => return Ok(flows),
                NLMSG_ERROR => match part.refusal()? {
                    // No ctnetlink.
                    Some(refusal) if refusal.errno == Errno::EINVAL => return Ok(flows),
                    Some(refusal) => return Err(refusal.when("list tracked connections")),
                    None => return Ok(flows),
                },
                _ => {
                    let body = part.body.get(FAMILY_SIZE_BYTES..).unwrap_or_default();
                    if Flow::read(body).is_some_and(|flow| stale.has(&flow)) {
                        flows.push(name(body));
                    }
                }
            }
        }
    }
}

/// A flow of datagrams.
struct Flow {
    /// Whom the first one was sent to.
    asked: SocketAddr,
    /// Who answers: another one where that was translated.
    answering: SocketAddr,
}

impl Flow {
    /// None when it is of another protocol.
    fn read(flow: &[u8]) -> Option<Flow> {
        let (original, reply) = (attribute(flow, cta::ORIGINAL)?, attribute(flow, cta::REPLY)?);
        if attribute(attribute(original, cta::PROTOCOL)?, cta::NUMBER)? != [Protocol::Udp.number()] {
            return None;
        }
        Some(Flow {
            asked: end(original, [cta::V4_DESTINATION, cta::V6_DESTINATION], cta::DESTINATION_PORT)?,
            answering: end(reply, [cta::V4_SOURCE, cta::V6_SOURCE], cta::SOURCE_PORT)?,
        })
    }
}

/// One end of a direction.
fn end(direction: &[u8], [four, six]: [u16; 2], port: u16) -> Option<SocketAddr> {
    let addresses = attribute(direction, cta::IP)?;
    let address = match attribute(addresses, four) {
        Some(bytes) => IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
        None => IpAddr::from(<[u8; 16]>::try_from(attribute(addresses, six)?).ok()?),
    };
    let port = attribute(attribute(direction, cta::PROTOCOL)?, port)?;
    Some(SocketAddr::new(address, u16::from_be_bytes(port.try_into().ok()?)))
}

/// What names a flow: its first direction, its zone, and the number that no other has.
fn name(flow: &[u8]) -> Attributes {
    let naming = attributes(flow).filter(|(kind, _)| [cta::ORIGINAL, cta::ZONE, cta::ID].contains(kind));
    naming.fold(Attributes::default(), |name, (kind, value)| match kind {
        cta::ORIGINAL => name.nested(kind, value),
        _ => name.bytes(kind, value),
    })
}

fn delete(channel: &mut Channel, family: u8, flow: &Attributes) -> Result<(), KernelError> {
    let sequence = channel.next_sequence();
    let mut datagram = Vec::new();
    nfnetlink::write(&mut datagram, DELETE, NLM_F_ACK, sequence, family, 0, flow);
    channel.send(&datagram)?;
    loop {
        for part in channel.receive()? {
            let part = part?;
            if part.header.sequence_number != sequence || part.header.message_type != NLMSG_ERROR {
                continue;
            }
            return match part.refusal()? {
                // It has ended meanwhile.
                None => Ok(()),
                Some(refusal) if refusal.errno == Errno::ENOENT => Ok(()),
                Some(refusal) => Err(refusal.when("forget a tracked connection")),
            };
        }
    }
}
