//! For tests, of this crate and of the daemon: a sandbox with a network, mounts and `/run/netns` of its own.

use crate::netns;
use nix::{
    mount::{MsFlags, mount},
    sys::signal::{Signal, kill},
    unistd::{Pid, Uid},
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{
    collections::HashSet,
    env, fs,
    os::unix::fs::MetadataExt,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

/// How long killed processes may take to end.
const END_WITHIN: Duration = Duration::from_secs(30);

/// Runs a test's body in a sandbox. Without root it says that it can't and lets the test pass, save that it fails when
/// `DRAWBRIDGE_KERNEL=1` says that it must run.
///
/// # Panics
/// As `body` does; also when the sandbox can't be made.
pub fn check_in_sandbox(body: impl FnOnce() + Send) {
    if is_able() {
        in_sandbox(body);
    }
}

/// Whether a test of the kernel can run; says so when not.
///
/// # Panics
/// When it can't and `DRAWBRIDGE_KERNEL=1` says that it must.
pub fn is_able() -> bool {
    if Uid::effective().is_root() {
        return true;
    }
    assert!(env::var_os("DRAWBRIDGE_KERNEL").is_none_or(|value| value != "1"), "a test of the kernel needs root");
    println!("not run: a test of the kernel needs root");
    false
}

/// Runs `body` on a thread of its own in a new network and mount namespace: loopback up, mounts private, an empty
/// `/run/netns`. Threads and processes started from it are in the sandbox too. When it returns, every process that is
/// still in the sandbox, or in a namespace named in it, is killed, and with the thread all of it ends.
///
/// # Panics
/// As `body` does; also without root, and when a process can't be ended.
pub fn in_sandbox<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    let run = || {
        prepare();
        let result = catch_unwind(AssertUnwindSafe(body));
        let ended = end_processes();
        match result {
            Ok(value) => {
                assert!(ended, "a process of the sandbox does not end");
                value
            }
            Err(panic) => resume_unwind(panic),
        }
    };
    netns::sandbox(run).unwrap_or_else(|error| panic!("no sandbox: {error}"))
}

/// Runs `body` on a thread in the network namespace of this name, one of those that `ip netns` lists.
///
/// # Panics
/// As `body` does; also when there is no such namespace.
pub fn inside<T: Send>(name: &str, body: impl FnOnce() -> T + Send) -> T {
    let name = name.parse().unwrap_or_else(|error| panic!("{error}"));
    netns::inside(&name, body).unwrap_or_else(|error| panic!("cannot enter {name}: {error}"))
}

/// Runs `body` on a thread in a network namespace of its own, which has no name and nothing but a loopback: interfaces that come and
/// go elsewhere are not seen there. Threads, processes and sockets that are begun in it stay in it.
///
/// # Panics
/// As `body` does; also when the namespace can't be made.
pub fn alone<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    let run = || {
        set_loopback_up();
        body()
    };
    netns::scratch(run).unwrap_or_else(|error| panic!("no namespace: {error}"))
}

/// Lowers by one how many descriptors this process may have, as far as it can raise that again; returns the new limit.
///
/// # Panics
/// When the kernel refuses.
pub fn lower_descriptor_limit() -> u64 {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let lower = maximum.unwrap_or(1025) - 1;
    let lowered = setrlimit(Resource::Nofile, Rlimit { current: Some(lower), maximum });
    lowered.unwrap_or_else(|errno| panic!("lower the limit of descriptors: {errno}"));
    lower
}

fn prepare() {
    let must = |what: &str, result: nix::Result<()>| result.unwrap_or_else(|errno| panic!("{what}: {errno}"));
    must(
        "make mounts private",
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>),
    );
    fs::create_dir_all(netns::DIRECTORY).unwrap_or_else(|error| panic!("make {}: {error}", netns::DIRECTORY));
    must("cover /run/netns", mount(Some("tmpfs"), netns::DIRECTORY, Some("tmpfs"), MsFlags::empty(), Some("mode=755")));
    set_loopback_up();
}

fn set_loopback_up() {
    let up = Command::new("ip").args(["link", "set", "lo", "up"]).status();
    assert!(up.is_ok_and(|status| status.success()), "set the loopback up");
}

/// Kills what is in the sandbox until nothing is; false when something does not end in time.
fn end_processes() -> bool {
    let deadline = Instant::now() + END_WITHIN;
    let namespaces = namespaces();
    loop {
        let left = processes_in(&namespaces);
        if left.is_empty() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        for pid in left {
            // One that has ended meanwhile is as good.
            let _ = kill(pid, Signal::SIGKILL);
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// The inode numbers of the sandbox's own network and mount namespace and of the namespaces named in it.
fn namespaces() -> HashSet<u64> {
    let own = ["net", "mnt"].map(|kind| Path::new("/proc/thread-self/ns").join(kind));
    let named = fs::read_dir(netns::DIRECTORY).into_iter().flatten().flatten().map(|entry| entry.path());
    own.into_iter().chain(named).filter_map(|path| Some(fs::metadata(path).ok()?.ino())).collect()
}

/// Processes with a namespace among these, save this one, whose other threads are elsewhere. What has ended and is only
/// waiting for its parent has no namespaces.
fn processes_in(namespaces: &HashSet<u64>) -> Vec<Pid> {
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| u32::try_from(*pid) != Ok(std::process::id()))
        .filter(|pid| {
            ["net", "mnt"].iter().any(|kind| {
                fs::metadata(format!("/proc/{pid}/ns/{kind}")).is_ok_and(|found| namespaces.contains(&found.ino()))
            })
        })
        .map(Pid::from_raw)
        .collect()
}
