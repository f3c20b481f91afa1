//! Ports of the host: taking one, so that no other program can have it while a container's port is published there; which are
//! free, and who has one. All of it is about the network namespace of the calling thread.
//!
//! Packets for a published port are turned to the container before they would reach a socket, so a held one lies still, save
//! where the daemon relays what the kernel does not turn.
//!
//! # What a held port costs
//!
//! 4.0 KB of the kernel's memory by TCP, 2.7 KB by UDP, for each socket: of Linux 6.18's slabs, 2496 bytes for
//! `struct tcp6_sock` (`tcp_sock` 2368, `udpv6_sock` 1472), 832 for the socket with its inode, 192 each for file and directory
//! entry, by TCP 128 each for the two buckets in which ports are looked up. It is the same bound or listening. One socket has
//! one port, so the ports of a range can't share one; but one of IPv6 takes its port for IPv4 too, which [`hold_both`] does.
//! `cargo xtask bench ports` prints these sizes as the machine at hand has them.
//!
//! Nothing smaller holds a port. The kernel's own short forms of a socket (SYN_RECV, TIME_WAIT) last for a minute or two;
//! `net.ipv4.ip_local_reserved_ports` keeps a port only from sockets that ask for any; a BPF program at bind(2) would be a
//! second, unseen owner of every program's ports, which `ss -l` does not show, and is asked only where cgroup v2 is mounted.

mod holder;
mod poll;

use drawbridge_api::{HostPort, Protocol};
pub use holder::{Holder, holder};
pub use poll::{Poll, interface_of, stream_socket};
use rustix::{
    io::Errno,
    net::{
        AddressFamily, SocketFlags, SocketType, bind, getsockname, ipproto, listen, socket_with,
        sockopt::{set_ipv6_v6only, set_socket_recv_buffer_size, set_socket_reuseaddr},
    },
};
use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::OwnedFd,
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
    /// `::` where it is of both families.
    at: HostPort,
    families: Families,
}

/// For what a socket takes its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Families {
    /// For the family of its address.
    Own,
    /// For every address of IPv6 and of IPv4 (`IPV6_V6ONLY` off, ipv6(7)).
    Both,
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

/// Takes a port. With port 0 the kernel chooses one of net.ipv4.ip_local_port_range; [`Held::port`] tells which. An IPv6
/// socket takes the port for IPv6 only.
///
/// # Errors
/// When it is taken, the host lacks the address, or the kernel lacks the protocol; a caller can go on without holding in the
/// last case.
pub fn hold(port: HostPort) -> Result<Held, HoldError> {
    hold_for(port, Families::Own)
}

/// Takes a port for every address of both families with one socket, which costs half of what two do. With port 0 the kernel
/// chooses one that is free in both.
///
/// # Errors
/// As of [`hold`], which tells for each family by itself what is in the way.
pub fn hold_both(protocol: Protocol, port: u16) -> Result<Held, HoldError> {
    hold_for(HostPort { address: Ipv6Addr::UNSPECIFIED.into(), protocol, port }, Families::Both)
}

fn hold_for(port: HostPort, families: Families) -> Result<Held, HoldError> {
    let system = |errno: Errno| HoldError::System { port, source: errno.into() };
    let fd = open(port).map_err(|errno| match errno {
        Errno::AFNOSUPPORT | Errno::PROTONOSUPPORT | Errno::SOCKTNOSUPPORT => HoldError::Unsupported(port),
        other => system(other),
    })?;
    take(&fd, port, families).map_err(|errno| match errno {
        Errno::ADDRINUSE => HoldError::Taken(port),
        Errno::ADDRNOTAVAIL => HoldError::NoSuchAddress(port),
        other => system(other),
    })?;
    let own = getsockname(&fd).map_err(system)?;
    let own = SocketAddr::try_from(own).map_err(system)?;
    Ok(Held { fd, at: HostPort { port: own.port(), ..port }, families })
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

fn take(fd: &OwnedFd, port: HostPort, families: Families) -> Result<(), Errno> {
    if port.address.is_ipv6() {
        set_ipv6_v6only(fd, families == Families::Own)?;
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

    /// Its protocol.
    pub fn protocol(&self) -> Protocol {
        self.at.protocol
    }

    /// The ports that it takes: that of one address, or those of `0.0.0.0` and `::`.
    pub fn hosts(&self) -> impl Iterator<Item = HostPort> + use<> {
        let four = HostPort { address: Ipv4Addr::UNSPECIFIED.into(), ..self.at };
        [(self.families == Families::Both).then_some(four), Some(self.at)].into_iter().flatten()
    }

    /// Makes room for datagrams that wait to be read.
    ///
    /// # Errors
    /// When the kernel gives it none.
    pub fn make_room(&self) -> io::Result<()> {
        Ok(set_socket_recv_buffer_size(&self.fd, RELAYED_BYTES)?)
    }
}

/// The next higher port that can be taken now, at that address and of that protocol; none when there is none, or no port of
/// it can be taken at all.
pub fn next_free(port: HostPort) -> Option<u16> {
    next(port.port, |number| hold(HostPort { port: number, ..port }))
}

/// The next higher port that can be taken now for every address of both families.
pub fn next_free_for_both(protocol: Protocol, port: u16) -> Option<u16> {
    next(port, |number| hold_both(protocol, number))
}

fn next(port: u16, take: impl Fn(u16) -> Result<Held, HoldError>) -> Option<u16> {
    for number in port.checked_add(1)?..=u16::MAX {
        match take(number) {
            Ok(_) => return Some(number),
            Err(HoldError::Taken(_)) => {}
            Err(HoldError::NoSuchAddress(_) | HoldError::Unsupported(_) | HoldError::System { .. }) => return None,
        }
    }
    None
}
