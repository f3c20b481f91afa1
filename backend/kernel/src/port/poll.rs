//! Waiting for whoever comes to held ports: one descriptor for all of them, and calls that do not wait.

use super::Held;
use drawbridge_api::{IfName, Protocol};
use rustix::{
    buffer::spare_capacity,
    event::{
        Timespec,
        epoll::{self, CreateFlags, Event, EventData, EventFlags},
    },
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, acceptfrom_with, ipproto,
        netdevice::index_to_name, recvfrom, sendto, socket_with,
    },
};
use std::{
    io,
    net::{SocketAddr, TcpStream},
    os::fd::OwnedFd,
};

/// How many ports are told of at once.
const AT_ONCE: usize = 64;

/// Tells to which of many held ports somebody has come. It is readable when there is one (epoll(7)), so that whoever waits
/// waits for one descriptor.
#[derive(Debug)]
pub struct Poll(OwnedFd);

impl Poll {
    /// Waits for nothing yet.
    ///
    /// # Errors
    /// When too many files are open.
    pub fn new() -> io::Result<Poll> {
        Ok(Poll(epoll::create(CreateFlags::CLOEXEC)?))
    }

    /// The descriptor to wait for.
    ///
    /// # Errors
    /// When too many files are open.
    pub fn descriptor(&self) -> io::Result<OwnedFd> {
        self.0.try_clone()
    }

    /// Tells of a port by this number, as long as something waits there.
    ///
    /// # Errors
    /// When the kernel has no room, or fs.epoll.max_user_watches is reached (epoll(7)).
    pub fn add(&self, port: &Held, number: u64) -> io::Result<()> {
        Ok(epoll::add(&self.0, &port.fd, EventData::new_u64(number), EventFlags::IN)?)
    }

    /// Tells of a port no more. To close its socket is not enough: a program that is just being started has a copy.
    pub fn remove(&self, port: &Held) {
        // What was never added can't be removed, and that is as it should be.
        let _ = epoll::delete(&self.0, &port.fd);
    }

    /// The numbers of some ports at which something waits now; none when there are none.
    ///
    /// # Errors
    /// When the kernel refuses, which it has no reason to.
    pub fn ready(&self) -> io::Result<Vec<u64>> {
        let mut events: Vec<Event> = Vec::with_capacity(AT_ONCE);
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        match epoll::wait(&self.0, spare_capacity(&mut events), Some(&now)) {
            Ok(_) | Err(Errno::INTR) => Ok(events.iter().map(|event| event.data.u64()).collect()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Held {
    /// A connection that waits, which does not block, and who made it; none when none waits. One of SCTP is read and written
    /// like one of TCP (sctp(7), the one-to-one style).
    ///
    /// # Errors
    /// `EMFILE` when too many files are open; the connection still waits then.
    pub fn accept(&self) -> io::Result<Option<(TcpStream, SocketAddr)>> {
        match acceptfrom_with(&self.fd, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
            Ok((stream, from)) => Ok(from.and_then(|from| from.try_into().ok()).map(|from| (stream.into(), from))),
            // Whoever it was has gone again.
            Err(Errno::AGAIN | Errno::CONNABORTED | Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A datagram that waits, and who sent it; none when none waits.
    ///
    /// # Errors
    /// When the kernel refuses, which it has no reason to.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<(usize, SocketAddr)>> {
        match recvfrom(&self.fd, buffer, RecvFlags::DONTWAIT) {
            Ok((length, _, from)) => Ok(from.and_then(|from| from.try_into().ok()).map(|from| (length, from))),
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends a datagram from this port, or loses it where there is no room.
    ///
    /// # Errors
    /// When there is no way to the receiver.
    pub fn send(&self, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
        match sendto(&self.fd, datagram, SendFlags::DONTWAIT, &to) {
            Ok(_) | Err(Errno::AGAIN | Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// A socket to connect with that does not block; none of a protocol without connections.
///
/// # Errors
/// When the kernel has no such sockets, or too many files are open.
pub fn stream_socket(protocol: Protocol, to: SocketAddr) -> io::Result<Option<TcpStream>> {
    let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let protocol = match protocol {
        Protocol::Tcp => ipproto::TCP,
        Protocol::Sctp => ipproto::SCTP,
        Protocol::Udp => return Ok(None),
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(Some(socket_with(family, SocketType::STREAM, flags, Some(protocol))?.into()))
}

/// The interface of an address that means something on one link only (RFC 4007), by its scope id; none when it has gone.
pub fn interface_of(scope_id: u32) -> Option<IfName> {
    let any = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None).ok()?;
    index_to_name(any, scope_id).ok()?.parse().ok()
}
