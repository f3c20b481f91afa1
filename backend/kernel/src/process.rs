//! Processes by their file descriptor: to wait for one that is nobody's child here, and to signal it without ever
//! meeting another that was given its number.

use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, Resource, Rlimit, Signal, getrlimit, pidfd_open, pidfd_send_signal, setrlimit},
};
use std::{
    fs, io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::OnceLock,
};

/// A process that was alive when it was opened (pidfd_open(2)). The descriptor becomes readable when it ends.
#[derive(Debug)]
pub struct Process {
    fd: OwnedFd,
    pid: i32,
    start_ticks: u64,
}

impl Process {
    /// Opens the process that has this number now.
    ///
    /// # Errors
    /// `NotFound` when it has none, or one that has ended and is not yet waited for.
    pub fn open(pid: i32) -> io::Result<Process> {
        let number = (pid > 0).then(|| Pid::from_raw(pid)).flatten().ok_or(io::ErrorKind::NotFound)?;
        let fd = pidfd_open(number, PidfdFlags::empty()).map_err(not_found)?;
        // Read after the descriptor is open: when the descriptor's process has ended since and its number is
        // another's, the times tell.
        let start_ticks = start_ticks(pid)?;
        Ok(Process { fd, pid, start_ticks })
    }

    /// Opens it only if it is the one that was started then: numbers come back, the pair doesn't before the next boot.
    ///
    /// # Errors
    /// `NotFound` when that process has ended.
    pub fn open_started(pid: i32, start_ticks: u64) -> io::Result<Process> {
        let process = Process::open(pid)?;
        if process.start_ticks == start_ticks { Ok(process) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    /// Its number.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// When it was started, in clock ticks since boot (field 22 of /proc/PID/stat, proc(5)).
    pub fn start_ticks(&self) -> u64 {
        self.start_ticks
    }

    /// `kill -SIGNAL PID`.
    ///
    /// # Errors
    /// `InvalidInput` for a number that is no signal; `NotFound` when it has ended.
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        let signal = Signal::from_named_raw(signal).ok_or(io::ErrorKind::InvalidInput)?;
        pidfd_send_signal(&self.fd, signal).map_err(not_found)
    }
}

impl AsFd for Process {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<Process> for OwnedFd {
    fn from(process: Process) -> OwnedFd {
        process.fd
    }
}

/// `kill -SIGNAL PID` for a process whose number is known to be its own still, such as an unreaped child.
///
/// # Errors
/// As [`Process::open`] and [`Process::signal`].
pub fn kill(pid: i32, signal: i32) -> io::Result<()> {
    Process::open(pid)?.signal(signal)
}

/// Whether a process of this number runs; one that has ended and is not yet waited for does not.
pub fn alive(pid: i32) -> bool {
    Process::open(pid).is_ok()
}

/// What this process might open before it raised its limit.
static GIVEN: OnceLock<DescriptorLimit> = OnceLock::new();

/// How many descriptors a process may have (getrlimit(2), RLIMIT_NOFILE); none stands for any number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DescriptorLimit {
    /// Now.
    pub soft: Option<u64>,
    /// What it may raise that to.
    pub hard: Option<u64>,
}

/// `ulimit -S -n $(ulimit -H -n)`: from here on this process may have as many descriptors as it is allowed at all. Its
/// children inherit that: see [`given_descriptor_limit`].
///
/// # Errors
/// What setrlimit(2) says.
pub fn raise_descriptor_limit() -> io::Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return Ok(());
    }
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    // Whoever raised it first found what was given.
    GIVEN.get_or_init(|| DescriptorLimit { soft: current, hard: maximum });
    Ok(())
}

/// What the limit was before it was raised here; none when it was not. A program with a large one may look at every number
/// below it, as those do that close all descriptors one by one or wait with select(2), so it is not for everybody.
pub fn given_descriptor_limit() -> Option<DescriptorLimit> {
    GIVEN.get().copied()
}

/// When the process was started, in clock ticks since boot: field 22 of /proc/PID/stat (proc(5)).
fn start_ticks(pid: i32) -> io::Result<u64> {
    // A read that meets the end of the process answers ESRCH (proc_single_show() in fs/proc/base.c).
    let ended = |error: &io::Error| error.raw_os_error() == Some(Errno::SRCH.raw_os_error());
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))
        .map_err(|error| if ended(&error) { io::ErrorKind::NotFound.into() } else { error })?;
    parse_stat(&stat).ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// The start time in a line of /proc/PID/stat; none for a process that has ended (states Z and X). The name, field 2,
/// may hold spaces and parentheses; the last `)` ends it.
fn parse_stat(stat: &str) -> Option<u64> {
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

fn not_found(error: Errno) -> io::Error {
    // ESRCH has no kind of its own in std.
    if error == Errno::SRCH { io::ErrorKind::NotFound.into() } else { error.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_number_and_start() {
        let own = Process::open(i32::try_from(std::process::id()).expect("pids are small")).expect("we are alive");
        assert!(Process::open_started(own.pid(), own.start_ticks()).is_ok());
        let other = Process::open_started(own.pid(), own.start_ticks() + 1);
        assert_eq!(other.expect_err("another start").kind(), io::ErrorKind::NotFound);
        assert!(own.signal(9999).is_err());
        assert!(!alive(0) && !alive(-1) && !alive(i32::MAX));
    }

    #[test]
    fn the_limit_of_descriptors_is_raised_and_remembered() {
        let lower = crate::testing::lower_descriptor_limit();
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        raise_descriptor_limit().expect("the soft limit is ours to raise");
        assert_eq!(getrlimit(Resource::Nofile).current, maximum);
        let given = DescriptorLimit { soft: Some(lower), hard: maximum };
        assert_eq!(given_descriptor_limit(), Some(given));
        raise_descriptor_limit().expect("twice is harmless");
        assert_eq!(given_descriptor_limit(), Some(given));
    }

    #[test]
    fn a_name_may_look_like_fields() {
        let stat = "7 (a) Z (b) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 1 2";
        assert_eq!(parse_stat(stat), Some(4242));
        assert_eq!(parse_stat("7 (a) Z 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 1 2"), None);
        assert_eq!(parse_stat("7 (a"), None);
    }
}
