//! What a network looks like from inside a namespace: echoes of ICMP, routes, neighbours and who listens. The sockets are opened
//! inside and carried out; no program of a container is needed. The daemon's own namespace is the one without a name.

use crate::{address, error::KernelError, link, netns, socket::Socket};
use drawbridge_api::NsName;
use ipnet::IpNet;
use netlink_packet_core::Parseable;
use netlink_packet_route::{
    RouteNetlinkMessage,
    neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, ipproto, recvfrom, sendto, socket_with, sockopt,
    },
};
use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

/// The message types that are sent and waited for, by family: echo request, echo reply, unreachable, time exceeded (RFC 792,
/// RFC 4443).
const TYPES4: [u8; 4] = [8, 0, 3, 11];
const TYPES6: [u8; 4] = [128, 129, 1, 3];
/// The header of an echo, and of an error before the packet that it is about.
const ICMP_HEADER: usize = 8;
/// An IPv6 header; what is sent has no extension headers.
const IPV6_HEADER: usize = 40;

/// What came back for an echo request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo {
    /// Who sent it.
    pub from: IpAddr,
    /// What it says.
    pub kind: EchoKind,
    /// How long it took.
    pub took: Duration,
}

/// What the answer to an echo request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EchoKind {
    /// The target answers.
    Reply,
    /// The packet came as far as this router, and may not go further.
    Expired,
    /// Somebody says that the target can't be reached; the number is ICMP's code.
    Unreachable(u8),
}

/// A socket for echo requests. It stays in the namespace in which it was opened.
#[derive(Debug)]
pub struct Echoes {
    socket: OwnedFd,
    target: IpAddr,
    /// Tells our requests from those of others: every socket hears all answers.
    id: u16,
}

impl Echoes {
    /// Opens the socket; none when there is no such namespace.
    ///
    /// # Errors
    /// When the kernel gives no raw socket, as without `CAP_NET_RAW` (raw(7)).
    pub fn open(namespace: Option<&NsName>, target: IpAddr, id: u16) -> Result<Option<Echoes>, KernelError> {
        let open = || {
            let (family, protocol) = match target {
                IpAddr::V4(_) => (AddressFamily::INET, ipproto::ICMP),
                IpAddr::V6(_) => (AddressFamily::INET6, ipproto::ICMPV6),
            };
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            socket_with(family, SocketType::RAW, flags, Some(protocol))
                .map(|socket| Echoes { socket, target, id })
                .map_err(|errno| KernelError::system("open a socket for echo requests", errno))
        };
        match namespace {
            None => open().map(Some),
            Some(name) => netns::visit_one(name, open),
        }
    }

    /// `ping -c 1 [-t HOPS]`: sends one request, and waits for what comes back. None when nothing does in time.
    ///
    /// # Errors
    /// When it can't be sent: `NetworkUnreachable` without a route, `PermissionDenied` where a rule rejects it.
    pub fn ask(&self, sequence: u16, hops: Option<u8>, timeout: Duration) -> io::Result<Option<Echo>> {
        match (self.target, hops) {
            (IpAddr::V4(_), hops) => sockopt::set_ip_ttl(&self.socket, hops.unwrap_or(64).into())?,
            (IpAddr::V6(_), hops) => sockopt::set_ipv6_unicast_hops(&self.socket, hops)?,
        }
        let packet = request(self.target, self.id, sequence);
        let sent = Instant::now();
        sendto(&self.socket, &packet, SendFlags::empty(), &SocketAddr::new(self.target, 0))?;
        let deadline = sent + timeout;
        let mut buffer = [0; 2048];
        loop {
            match recvfrom(&self.socket, &mut buffer[..], RecvFlags::empty()) {
                Ok((_, length, from)) => {
                    let from = from.and_then(|from| SocketAddr::try_from(from).ok()).map(|from| from.ip());
                    let kind = read(&buffer[..length], self.target, self.id, sequence);
                    if let (Some(from), Some(kind)) = (from, kind) {
                        return Ok(Some(Echo { from, kind, took: sent.elapsed() }));
                    }
                }
                Err(Errno::AGAIN) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Ok(None);
                    }
                    let left = Timespec::try_from(left).ok();
                    match poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], left.as_ref()) {
                        Ok(_) | Err(Errno::INTR) => {}
                        Err(errno) => return Err(errno.into()),
                    }
                }
                Err(Errno::INTR) => {}
                // What the kernel heard of an earlier packet.
                Err(Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::CONNREFUSED) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

/// An echo request. ICMPv6's sum is the kernel's matter (raw(7), ipv6(7)).
fn request(target: IpAddr, id: u16, sequence: u16) -> Vec<u8> {
    let kind = if target.is_ipv4() { TYPES4[0] } else { TYPES6[0] };
    let mut packet = vec![kind, 0, 0, 0];
    packet.extend(id.to_be_bytes());
    packet.extend(sequence.to_be_bytes());
    packet.extend(*b"drawbridge asks for an echo");
    if target.is_ipv4() {
        let sum = checksum(&packet);
        packet[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    packet
}

/// RFC 1071.
fn checksum(packet: &[u8]) -> u16 {
    let words =
        packet.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])));
    let sum: u32 = words.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !((folded & 0xffff) + (folded >> 16)) as u16
}

/// What a received packet says of our request; none when it is about another. IPv4's come with their IP header (raw(7)).
fn read(packet: &[u8], target: IpAddr, id: u16, sequence: u16) -> Option<EchoKind> {
    let (icmp, types) = match target {
        IpAddr::V4(_) => (packet.get(usize::from(packet.first()? & 0x0f) * 4..)?, TYPES4),
        IpAddr::V6(_) => (packet, TYPES6),
    };
    let is_ours =
        |echo: &[u8]| echo.get(4..6) == Some(&id.to_be_bytes()) && echo.get(6..8) == Some(&sequence.to_be_bytes());
    let (kind, code) = (*icmp.first()?, *icmp.get(1)?);
    if kind == types[1] {
        return is_ours(icmp).then_some(EchoKind::Reply);
    }
    if kind != types[2] && kind != types[3] {
        return None;
    }
    // The packet that it is about, of which the request's header is sure to be there.
    let about = icmp.get(ICMP_HEADER..)?;
    let inner = match target {
        IpAddr::V4(target) => {
            let header = usize::from(about.first()? & 0x0f) * 4;
            (about.get(16..20)? == target.octets()).then(|| about.get(header..))??
        }
        IpAddr::V6(target) => (about.get(24..40)? == target.octets()).then(|| about.get(IPV6_HEADER..))??,
    };
    let is_request = *inner.first()? == types[0] && is_ours(inner);
    is_request.then_some(if kind == types[3] { EchoKind::Expired } else { EchoKind::Unreachable(code) })
}

/// A route of a namespace's main table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// What it leads to.
    pub destination: IpNet,
    /// The next hop, if there is one.
    pub gateway: Option<IpAddr>,
    /// The link that it leaves by; empty when it is not one.
    pub interface: String,
}

/// What is seen in a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// `ip addr`: the global addresses.
    pub addresses: Vec<IpNet>,
    /// `ip route`
    pub ways: Vec<Way>,
    /// `ip neigh`: addresses that were asked for on a link, and that nobody there has.
    pub absent: Vec<IpAddr>,
    /// `ss -ltn`: where TCP connections are waited for.
    pub listeners: Vec<SocketAddr>,
}

impl Surroundings {
    /// The route that a packet to this address takes: the longest that fits.
    pub fn way(&self, target: IpAddr) -> Option<&Way> {
        self.ways.iter().filter(|way| way.destination.contains(&target)).max_by_key(|way| way.destination.prefix_len())
    }
}

/// Looks around in a namespace; none when there is no such.
///
/// # Errors
/// When the kernel refuses to say.
pub(crate) fn surroundings(namespace: Option<&NsName>) -> Result<Option<Surroundings>, KernelError> {
    match namespace {
        None => look().map(Some),
        Some(name) => netns::visit_one(name, look),
    }
}

fn look() -> Result<Surroundings, KernelError> {
    let mut socket = Socket::open()?;
    let links = link::list(&mut socket)?;
    let name = |index: Option<u32>| links.iter().find(|link| Some(link.index) == index).map(|link| link.name.clone());
    let ways = address::list_routes(&mut socket)?.into_iter().map(|route| Way {
        destination: route.destination,
        gateway: route.gateway,
        interface: name(route.index).unwrap_or_default(),
    });
    Ok(Surroundings {
        ways: ways.collect(),
        addresses: address::list(&mut socket, None)?.into_iter().map(|address| address.address).collect(),
        absent: absent(&mut socket)?,
        listeners: ["tcp", "tcp6"]
            .iter()
            // A kernel without IPv6 has no second file.
            .flat_map(|file| {
                listeners(&fs::read_to_string(format!("/proc/thread-self/net/{file}")).unwrap_or_default())
            })
            .collect(),
    })
}

/// `ip neigh show nud failed nud incomplete`
fn absent(socket: &mut Socket) -> Result<Vec<IpAddr>, KernelError> {
    let question = || RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default());
    let bodies = socket.dump(question)?.map_err(|refusal| refusal.when("list neighbours"))?;
    let messages = bodies.iter().filter_map(|body| NeighbourMessage::parse(body).ok());
    let failed =
        messages.filter(|message| matches!(message.header.state, NeighbourState::Failed | NeighbourState::Incomplete));
    Ok(failed
        .flat_map(|message| message.attributes)
        .filter_map(|attribute| match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(address)) => Some(IpAddr::V4(address)),
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(address)) => Some(IpAddr::V6(address)),
            _ => None,
        })
        .collect())
}

/// The listening sockets of /proc/net/tcp or tcp6: addresses as words in the machine's byte order, state `0A` (proc(5),
/// net/ipv4/tcp_ipv4.c).
fn listeners(text: &str) -> Vec<SocketAddr> {
    let listener = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let (address, port) = fields.next()?.split_once(':')?;
        if fields.nth(1)? != "0A" {
            return None;
        }
        let mut bytes = Vec::new();
        for word in address.as_bytes().chunks(8) {
            let word = u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()?;
            bytes.extend(word.to_ne_bytes());
        }
        let address = match *bytes.as_slice() {
            [a, b, c, d] => IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
            _ => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)),
        };
        Some(SocketAddr::new(address, u16::from_str_radix(port, 16).ok()?))
    };
    text.lines().filter_map(listener).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: IpAddr = IpAddr::V4(Ipv4Addr::new(172, 17, 0, 3));

    /// An IPv4 packet with this inside.
    fn carried(to: [u8; 4], inside: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 1, 0, 0, 172, 17, 0, 2];
        packet.extend(to);
        packet.extend(inside);
        packet
    }

    #[test]
    fn answers_are_told_from_those_of_others() {
        let asked = request(TARGET, 7, 3);
        assert_eq!(checksum(&asked), 0, "the sum over a packet with its sum is nothing");
        let mut reply = asked.clone();
        reply[0] = 0;
        assert_eq!(read(&carried([172, 17, 0, 2], &reply), TARGET, 7, 3), Some(EchoKind::Reply));
        assert_eq!(read(&carried([172, 17, 0, 2], &reply), TARGET, 7, 4), None);
        assert_eq!(read(&carried([172, 17, 0, 2], &reply), TARGET, 8, 3), None);
        assert_eq!(read(&carried([172, 17, 0, 3], &asked), TARGET, 7, 3), None, "our own request is no answer");
        for (kind, code, told) in [(3, 1, EchoKind::Unreachable(1)), (11, 0, EchoKind::Expired)] {
            let mut error = vec![kind, code, 0, 0, 0, 0, 0, 0];
            error.extend(carried([172, 17, 0, 3], &asked));
            assert_eq!(read(&carried([172, 17, 0, 2], &error), TARGET, 7, 3), Some(told));
            error[ICMP_HEADER + 19] = 9;
            assert_eq!(read(&carried([172, 17, 0, 2], &error), TARGET, 7, 3), None, "about another target");
        }
        for end in 0..40 {
            let _ = read(&carried([172, 17, 0, 2], &reply)[..end.min(48)], TARGET, 7, 3);
        }
    }

    #[test]
    fn listeners_are_read_from_proc() {
        let head = "  sl  local_address rem_address   st tx_queue rx_queue\n";
        let (v4, loopback) =
            if cfg!(target_endian = "little") { ("00000000", "0100007F") } else { ("00000000", "7F000001") };
        let text = format!(
            "{head}   0: {v4}:0050 00000000:0000 0A 0\n   1: {loopback}:1F90 00000000:0000 0A 0\n   2: {loopback}:1F91 0100007F:9999 01 0\n"
        );
        let expected: Vec<SocketAddr> =
            ["0.0.0.0:80", "127.0.0.1:8080"].map(|text| text.parse().expect("valid")).to_vec();
        assert_eq!(listeners(&text), expected);
        let text =
            format!("{head}   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0\n");
        assert_eq!(listeners(&text), vec!["[::]:80".parse().expect("valid")]);
    }
}
