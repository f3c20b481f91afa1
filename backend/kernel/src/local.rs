//! Sockets between programs of this machine, where std is not enough.

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{CWD, Mode, OFlags, openat},
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with},
};
use std::{
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    path::Path,
};

/// Connects to a unix socket that keeps packets apart (`SOCK_SEQPACKET`, unix(7)). The path may be longer than the 107
/// bytes of an address. The descriptor does not block.
///
/// # Errors
/// What socket(2) and connect(2) say; `NotFound` without a socket there, `ConnectionRefused` when nobody listens.
pub fn connect_packets(path: &Path) -> io::Result<OwnedFd> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let folder = openat(CWD, folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let short = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name);
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
    connect(&socket, &SocketAddrUnix::new(short)?)?;
    Ok(socket)
}

/// Whether the other side of a connection has gone for good, and not only said all it had to say (`POLLHUP`, poll(2)).
pub fn is_hung_up(connection: impl AsFd) -> bool {
    let mut polled = [PollFd::new(&connection, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut polled, Some(&now)).is_ok() && polled[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{net::Shutdown, os::unix::net::UnixStream};

    #[test]
    fn a_half_closed_connection_is_not_hung_up() {
        let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
        assert!(!is_hung_up(&ours));
        theirs.shutdown(Shutdown::Write).expect("it is open");
        assert!(!is_hung_up(&ours));
        drop(theirs);
        assert!(is_hung_up(&ours));
    }
}
