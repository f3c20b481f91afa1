//! Sockets between programs of this machine, where std is not enough.

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{CWD, Mode, OFlags, openat},
    ioctl::{Getter, Opcode, ioctl},
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

/// How many bytes of what was sent the other side has not taken yet (linux/sockios.h; for sockets the same as TIOCOUTQ).
const SIOCOUTQ: Opcode = 0x5411;

/// Whether all that was sent on a connection has been taken by the other side (`SIOCOUTQ`, unix(7)).
#[expect(unsafe_code, reason = "rustix knows FIONREAD, and not its counterpart")]
pub fn is_taken(connection: impl AsFd) -> bool {
    // SAFETY: the kernel writes one int (net/unix/af_unix.c, `unix_ioctl`), which is what the getter has room for.
    let unread = unsafe { ioctl(connection, Getter::<SIOCOUTQ, i32>::new()) };
    !matches!(unread, Ok(1..))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{Read, Write},
        net::Shutdown,
        os::unix::net::UnixStream,
        thread,
        time::{Duration, Instant},
    };

    #[test]
    fn what_was_sent_is_taken_when_it_was_read() {
        let (mut ours, mut theirs) = UnixStream::pair().expect("a pair of sockets");
        assert!(is_taken(&ours));
        ours.write_all(b"head").expect("there is room");
        assert!(!is_taken(&ours));
        theirs.read_exact(&mut [0; 4]).expect("it was sent");
        assert!(is_taken(&ours));
    }

    #[test]
    fn a_half_closed_connection_is_not_hung_up() {
        let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
        assert!(!is_hung_up(&ours));
        theirs.shutdown(Shutdown::Write).expect("it is open");
        assert!(!is_hung_up(&ours));
        drop(theirs);
        // Programs that other tests start have all our descriptors until they run.
        let deadline = Instant::now() + Duration::from_secs(30);
        while !is_hung_up(&ours) {
            assert!(Instant::now() < deadline, "nobody has the other end any more");
            thread::yield_now();
        }
    }
}
