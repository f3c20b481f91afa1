//! Ports of the host: taking one, so that no other program can have it while a container's port is published there; which are
//! free, and who has one. All of it is about the network namespace of the calling thread.
//!
//! Packets for a published port are turned to the container before they would reach a socket, so a held one lies still, save
//! where the daemon relays what the kernel does not turn.
//!
//! A held port takes some 4 KB of the kernel's memory for each of its addresses: of Linux 6.18's slabs, 2368 bytes for
//! `struct tcp_sock`, 832 for the socket with its inode, 192 each for file and directory entry, 256 for the two buckets in which
//! ports are looked up. It is the same bound or listening, and for UDP 2.7 KB. Nothing smaller holds a port: the kernel's own
//! short forms of a socket (SYN_RECV, TIME_WAIT) last for a minute or two, `net.ipv4.ip_local_reserved_ports` keeps
//! a port only from sockets that ask for any, and a BPF program at bind(2) would be a second, unseen owner of every program's ports.

use drawbridge_api::{HostPort, Protocol};
use rustix::{
    io::Errno,
    net::{
        AddressFamily, SocketFlags, SocketType, bind, getsockname, ipproto, listen, socket_with,
        sockopt::{set_ipv6_v6only, set_socket_recv_buffer_size, set_socket_reuseaddr},
    },
};
use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
};

/// How many connections may wait to be accepted, where the daemon accepts any: as many as a usual kernel allows
/// (net.core.somaxconn is 4096 since Linux 5.4).
const BACKLOG: i32 = 4096;

/// Room for datagrams that wait to be relayed: as many bytes as any socket has at first (net.core.rmem_default).
const RELAYED_BYTES: usize = 212_992;

/// A port that is held until this is dropped. Its socket is not inherited by programs and does not block.
#[derive(Debug)]
pub struct Held {
    fd: OwnedFd,
    at: HostPort,
}

/// Why a port is not held.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// A socket of another program, or of ours, has the port at that address or at one that overlaps with it.
    #[error("port {0} is taken")]
    Taken(HostPort),
    /// The host does not have that address.
    #[error("the host has no address {}", .0.address)]
    NoSuchAddress(HostPort),
    /// This kernel has no sockets of that protocol or address family, so no program can take the port either.
    #[error("this kernel has no {} sockets for {}", .0.protocol, .0.address)]
    Unsupported(HostPort),
    /// Something else.
    #[error("cannot take port {port}")]
    System {
        /// The port.
        port: HostPort,
        /// What the kernel says: `EACCES` below net.ipv4.ip_unprivileged_port_start without CAP_NET_BIND_SERVICE,
        /// `EMFILE` when too many files are open.
        #[source]
        source: io::Error,
    },
}

/// A process that has a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its number.
    pub pid: u32,
    /// Its name (`/proc/PID/comm`, proc(5)), at most 15 bytes.
    pub command: String,
}

/// Takes a port. With port 0 the kernel chooses one of net.ipv4.ip_local_port_range; [`Held::port`] tells which. An IPv6
/// socket takes the port for IPv6 only.
///
/// # Errors
/// When it is taken, the host lacks the address, or the kernel lacks the protocol; a caller can go on without holding in the
/// last case.
pub fn hold(port: HostPort) -> Result<Held, HoldError> {
    let system = |errno: Errno| HoldError::System { port, source: errno.into() };
    let fd = open(port).map_err(|errno| match errno {
        Errno::AFNOSUPPORT | Errno::PROTONOSUPPORT | Errno::SOCKTNOSUPPORT => HoldError::Unsupported(port),
        other => system(other),
    })?;
    take(&fd, port).map_err(|errno| match errno {
        Errno::ADDRINUSE => HoldError::Taken(port),
        Errno::ADDRNOTAVAIL => HoldError::NoSuchAddress(port),
        other => system(other),
    })?;
    let own = getsockname(&fd).map_err(system)?;
    let own = SocketAddr::try_from(own).map_err(system)?;
    Ok(Held { fd, at: HostPort { port: own.port(), ..port } })
}

/// Whether programs can use SCTP. Asking loads the module where there is one.
pub fn has_sctp() -> bool {
    open(HostPort { address: Ipv4Addr::UNSPECIFIED.into(), protocol: Protocol::Sctp, port: 0 }).is_ok()
}

fn open(port: HostPort) -> Result<OwnedFd, Errno> {
    let family = if port.address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let (kind, protocol) = match port.protocol {
        Protocol::Tcp => (SocketType::STREAM, ipproto::TCP),
        Protocol::Udp => (SocketType::DGRAM, ipproto::UDP),
        Protocol::Sctp => (SocketType::STREAM, ipproto::SCTP),
    };
    socket_with(family, kind, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, Some(protocol))
}

fn take(fd: &OwnedFd, port: HostPort) -> Result<(), Errno> {
    if port.address.is_ipv6() {
        set_ipv6_v6only(fd, true)?;
    }
    let address = SocketAddr::new(port.address, port.port);
    match port.protocol {
        Protocol::Tcp | Protocol::Sctp => {
            // Connections that ended lately still have the port for a minute; this lets us by. It would let others by as well
            // that say the same, as nearly all servers do, but not past a socket that listens (`inet_csk_bind_conflict` in
            // net/ipv4/inet_connection_sock.c), which is why this one does.
            set_socket_reuseaddr(fd, true)?;
            bind(fd, &address)?;
            listen(fd, BACKLOG)
        }
        Protocol::Udp => {
            // Nothing that lies in it is ever read; the kernel takes the least that it allows (`SOCK_MIN_RCVBUF`).
            set_socket_recv_buffer_size(fd, 0)?;
            bind(fd, &address)
        }
    }
}

impl Held {
    /// Its number: the kernel's choice when 0 was asked for.
    pub fn port(&self) -> u16 {
        self.at.port
    }

    /// The listening socket, for what is accepted there; none when the protocol is not TCP.
    pub fn into_listener(self) -> Option<TcpListener> {
        match self.at.protocol {
            Protocol::Tcp => Some(self.fd.into()),
            Protocol::Udp | Protocol::Sctp => None,
        }
    }
}

impl Held {
    /// The socket for datagrams, with room for some that wait to be read.
    ///
    /// # Errors
    /// When the kernel gives it no room.
    pub fn into_udp_socket(self) -> io::Result<UdpSocket> {
        set_socket_recv_buffer_size(&self.fd, RELAYED_BYTES)?;
        Ok(self.fd.into())
    }
}

impl AsFd for Held {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<Held> for OwnedFd {
    fn from(held: Held) -> OwnedFd {
        held.fd
    }
}

/// The next higher port that can be taken now, at that address and of that protocol; none when there is none, or no port of
/// it can be taken at all.
pub fn next_free(port: HostPort) -> Option<u16> {
    for number in port.port.checked_add(1)?..=u16::MAX {
        match hold(HostPort { port: number, ..port }) {
            Ok(_) => return Some(number),
            Err(HoldError::Taken(_)) => {}
            Err(HoldError::NoSuchAddress(_) | HoldError::Unsupported(_) | HoldError::System { .. }) => return None,
        }
    }
    None
}

/// Which process has a port at that address or at one that overlaps with it: one that listens before one that is connected.
/// A best effort: a socket that is bound and does nothing more is not listed by the kernel, nor is one of a process in another pid
/// namespace found, nor one of SCTP.
pub fn holder(port: HostPort) -> Option<Holder> {
    let mut sockets: Vec<Listed> = tables(port)
        .iter()
        .flat_map(|table| {
            // Not /proc/net, which is that of the process's first thread.
            let text = fs::read_to_string(format!("/proc/thread-self/net/{table}")).unwrap_or_default();
            text.lines().skip(1).filter_map(Listed::parse).collect::<Vec<_>>()
        })
        .filter(|socket| socket.port == port.port && overlaps(socket.address, port.address))
        .collect();
    sockets.sort_by_key(|socket| socket.state != LISTENING);
    sockets.iter().find_map(|socket| owner(socket.inode))
}

/// `TCP_LISTEN` (include/net/tcp_states.h).
const LISTENING: u8 = 10;

/// Where sockets are listed that can be in the way. An IPv6 socket that is bound to `::` has the port for IPv4 as well unless
/// it says otherwise.
fn tables(port: HostPort) -> &'static [&'static str] {
    match (port.protocol, port.address) {
        (Protocol::Tcp, IpAddr::V4(_)) => &["tcp", "tcp6"],
        (Protocol::Tcp, IpAddr::V6(_)) => &["tcp6"],
        (Protocol::Udp, IpAddr::V4(_)) => &["udp", "udp6"],
        (Protocol::Udp, IpAddr::V6(_)) => &["udp6"],
        (Protocol::Sctp, _) => &[],
    }
}

fn overlaps(socket: IpAddr, wanted: IpAddr) -> bool {
    let everywhere = socket.is_unspecified() || wanted.is_unspecified();
    match (socket, wanted) {
        (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)) => everywhere || socket == wanted,
        (IpAddr::V6(socket), IpAddr::V4(wanted)) => match socket.to_ipv4_mapped() {
            Some(socket) => wanted.is_unspecified() || socket == wanted,
            None => socket.is_unspecified(),
        },
        (IpAddr::V4(_), IpAddr::V6(_)) => false,
    }
}

/// A line of /proc/net/tcp and its like (proc(5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Listed {
    address: IpAddr,
    port: u16,
    state: u8,
    inode: u64,
}

impl Listed {
    fn parse(line: &str) -> Option<Listed> {
        let mut fields = line.split_ascii_whitespace();
        let (address, port) = fields.nth(1)?.split_once(':')?;
        let state = u8::from_str_radix(fields.nth(1)?, 16).ok()?;
        let inode = fields.nth(5)?.parse().ok().filter(|inode| *inode != 0)?;
        Some(Listed { address: parse_address(address)?, port: u16::from_str_radix(port, 16).ok()?, state, inode })
    }
}

/// Each 4 bytes of an address are printed as a number of this machine's byte order.
fn parse_address(digits: &str) -> Option<IpAddr> {
    let word = |at: usize| Some(u32::from_str_radix(digits.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    match digits.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

/// The process that has a socket open: one of its descriptors leads to `socket:[INODE]` (proc(5)).
fn owner(inode: u64) -> Option<Holder> {
    let wanted = format!("socket:[{inode}]");
    let processes = fs::read_dir("/proc").ok()?.flatten();
    processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).find_map(|pid| {
        let mut descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
        let has = descriptors.any(|descriptor| {
            fs::read_link(descriptor.path()).is_ok_and(|target| target.as_os_str().as_bytes() == wanted.as_bytes())
        });
        let command = || fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim_end().to_owned();
        has.then(|| Holder { pid, command: command() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("valid")
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn a_socket_is_read_as_the_kernel_lists_it() {
        let line =
            "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0 100";
        let expected = Listed { address: address("127.0.0.1"), port: 8080, state: LISTENING, inode: 4242 };
        assert_eq!(Listed::parse(line), Some(expected));
        assert_eq!(parse_address("0000000000000000FFFF00000100007F"), Some(address("::ffff:127.0.0.1")));
        assert_eq!(parse_address("000080FE000000000000000001000000"), Some(address("fe80::1")));
        for bad in ["", "0", "0100007G", "00000000000000000000000000000000000"] {
            assert_eq!(parse_address(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn addresses_overlap_as_bind_sees_it() {
        let overlaps = |socket, wanted| overlaps(address(socket), address(wanted));
        for (socket, wanted) in [
            ("0.0.0.0", "10.0.0.1"),
            ("10.0.0.1", "0.0.0.0"),
            ("10.0.0.1", "10.0.0.1"),
            ("::", "10.0.0.1"),
            ("::ffff:10.0.0.1", "0.0.0.0"),
            ("::", "fd00::1"),
        ] {
            assert!(overlaps(socket, wanted), "{socket} and {wanted}");
        }
        for (socket, wanted) in [("10.0.0.2", "10.0.0.1"), ("0.0.0.0", "::"), ("fd00::1", "0.0.0.0")] {
            assert!(!overlaps(socket, wanted), "{socket} and {wanted}");
        }
    }
}
