//! Moves of processes into cgroups, which the kernel lets wait.
//!
//! The first one waits until every processor has come to rest once (RCU), 5 to 10 ms as a rule; while one is under way, or
//! has been just now, others need not wait (`cgroup_threadgroup_rwsem` in kernel/cgroup/cgroup.c, kernel/rcu/sync.c). An OCI
//! runtime makes such a move for each container. So while one is being started, the daemon moves itself, to where it is: the
//! wait falls into the time that the programs take to begin.
//!
//! Not for commands that are run in a container: `runc exec` sets the limits of its child after the move, and runc 1.1's own
//! start, in the child, raises the soft limit of descriptors meanwhile. Without the wait it more often comes too late, and the
//! command has the hard limit for the soft one.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// What a move has spared others lasts for some milliseconds.
const AGAIN_AFTER: Duration = Duration::from_millis(2);

/// The daemon's own moves. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Moves {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// How many want to move something soon.
    waiting: usize,
    /// Whether a thread is at it.
    is_moving: bool,
}

/// Others' moves are quick while it is held.
pub(super) struct Hastened {
    moves: Moves,
}

impl Moves {
    /// Makes moves quick from a few milliseconds on. Where the daemon may not move itself, they are as they are.
    pub(super) fn hasten(&self) -> Hastened {
        let mut state = self.lock();
        state.waiting += 1;
        if !state.is_moving {
            let moves = self.clone();
            state.is_moving = thread::Builder::new().name("moves".to_owned()).spawn(move || moves.repeat()).is_ok();
        }
        drop(state);
        Hastened { moves: self.clone() }
    }

    fn repeat(&self) {
        // Looked up each time, since somebody may have moved the daemon meanwhile.
        let mut list = own_list("/proc/self/cgroup", Path::new("/sys/fs/cgroup"));
        loop {
            let mut state = self.lock();
            if state.waiting == 0 {
                state.is_moving = false;
                return;
            }
            drop(state);
            // 0 stands for whoever writes it.
            if list.as_mut().is_some_and(|list| list.write_all(b"0").is_err()) {
                list = None;
            }
            thread::sleep(AGAIN_AFTER);
        }
    }

    /// Two numbers are whole at any time.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hastened {
    fn drop(&mut self) {
        self.moves.lock().waiting -= 1;
    }
}

/// The list of the processes of a cgroup that the daemon is in, in whichever hierarchy it can be written, since one lock is
/// for all. Only where the daemon is found in it: to write to another would move it there.
fn own_list(cgroups: &str, top: &Path) -> Option<File> {
    let text = fs::read_to_string(cgroups).ok()?;
    let own = std::process::id().to_string();
    places(&text, top).into_iter().find_map(|folder| {
        let list = folder.join("cgroup.procs");
        let is_own = fs::read_to_string(&list).ok()?.lines().any(|line| line == own);
        is_own.then(|| File::options().write(true).open(&list).ok()).flatten()
    })
}

/// Where the cgroups in the lines of /proc/self/cgroup may be found (cgroups(7)): number, controllers, path.
fn places(text: &str, top: &Path) -> Vec<PathBuf> {
    let mut places = Vec::new();
    for line in text.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let path = path.trim_start_matches('/');
        match controllers {
            "" => places.extend([top.join(path), top.join("unified").join(path)]),
            named => places.push(top.join(named.trim_start_matches("name=")).join(path)),
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn a_cgroup_is_looked_for_in_its_hierarchy() {
        let top = Path::new("/c");
        let of = |line: &str| places(line, top).iter().map(|place| place.display().to_string()).collect::<Vec<_>>();
        assert_eq!(of("4:memory:/user.slice\n"), ["/c/memory/user.slice"]);
        assert_eq!(of("3:cpu,cpuacct:/\n1:name=systemd:/a:b\n"), ["/c/cpu,cpuacct/", "/c/systemd/a:b"]);
        assert_eq!(of("0::/system.slice/x.service\n").first().unwrap(), "/c/system.slice/x.service");
        assert_eq!(of("nonsense"), [""; 0]);
    }

    #[test]
    fn a_thread_is_at_it_for_as_long_as_somebody_wants_it() {
        let before = fs::read_to_string("/proc/self/cgroup").unwrap();
        let moves = Moves::default();
        let (one, other) = (moves.hasten(), moves.hasten());
        drop(one);
        assert!(moves.lock().is_moving);
        drop(other);
        let begun = Instant::now();
        while moves.lock().is_moving {
            assert!(begun.elapsed() < Duration::from_secs(60), "it goes on though nobody wants it");
            thread::yield_now();
        }
        assert_eq!(fs::read_to_string("/proc/self/cgroup").unwrap(), before, "the daemon is where it was");
        drop(moves.hasten());
    }
}
