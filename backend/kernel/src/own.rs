//! By what this process's own transactions of nf_tables are told from those of others. The kernel announces a commit with the
//! port of the socket that it came from (`nf_tables_gen_notify` in net/netfilter/nf_tables_api.c). The process number in the
//! announcement is no help: it is that of a thread, as the first pid namespace counts (`task_pid_nr`).

use std::{
    collections::VecDeque,
    hash::{BuildHasher, Hasher, RandomState},
    sync::{
        LazyLock, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

/// How many ports are set aside. More sockets than that are never open at once, for each plan has one.
const PORTS: u32 = 4096;
/// How long our own `nft` processes are remembered. What one did is announced before it ends, and is read soon after; its number
/// comes back to somebody else's after many others.
const PROGRAM_FOR: Duration = Duration::from_secs(60);
/// How many at the most. One is started when the tables are written, at the start or after damage; where many daemons are one
/// process, as in tests, some hundred in a minute.
const PROGRAMS: usize = 1024;

/// The first of the ports, by chance: the kernel proposes process numbers first, which are small, then large numbers by
/// chance (`netlink_autobind` in net/netlink/af_netlink.c), which meet these once in half a million times.
static FIRST: LazyLock<u32> = LazyLock::new(|| {
    let chance = RandomState::new().build_hasher().finish();
    0x8000_0000 | ((chance as u32) & !(PORTS - 1))
});
static NEXT: AtomicU32 = AtomicU32::new(0);
/// The ports of programs, with the times from which they had them.
static PROGRAM_PORTS: Mutex<VecDeque<(u32, Instant)>> = Mutex::new(VecDeque::new());

/// Ports for a new socket to try, each once.
pub(crate) fn ports() -> impl Iterator<Item = u32> {
    (0..PORTS).map(|_| *FIRST | (NEXT.fetch_add(1, Ordering::Relaxed) & (PORTS - 1)))
}

/// Remembers a program that was started to change the tables: its socket's port is its process number.
pub(crate) fn remember_program(pid: u32) {
    let mut programs = PROGRAM_PORTS.lock().unwrap_or_else(PoisonError::into_inner);
    programs.push_back((pid, Instant::now()));
    if programs.len() > PROGRAMS {
        programs.pop_front();
    }
}

/// Whether a program that was remembered not long before `now` has this port.
fn is_program(port: u32, now: Instant) -> bool {
    let programs = PROGRAM_PORTS.lock().unwrap_or_else(PoisonError::into_inner);
    programs.iter().any(|(pid, since)| *pid == port && now.duration_since(*since) < PROGRAM_FOR)
}

/// Whether what came from this port was done by this process, or by a program for it.
pub(crate) fn is_own(port: u32) -> bool {
    port & !(PORTS - 1) == *FIRST || is_program(port, Instant::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_ports_are_known_and_others_are_not() {
        assert!(ports().take(5).all(is_own));
        assert!(!is_own(std::process::id()) && !is_own(*FIRST ^ PORTS));
        // No nft has this number.
        remember_program(1);
        assert!(is_own(1));
        assert!(!is_program(1, Instant::now() + PROGRAM_FOR));
    }
}
