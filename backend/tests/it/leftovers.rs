//! What a daemon leaves behind: nothing. The machine is counted before its start and after `drawbridge down`.

use crate::harness::{DEADLINE, Daemon, cgroups_of, docker_is_there, run, wait_for};
use drawbridge_kernel::testing::check_in_sandbox;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// Everything that the product makes on a machine, as it stands: one line for each thing. `sleep` is how long the test's
/// containers sleep, a number that no other process has on its command line.
fn everything(sleep: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    // The number in front of a link and the peer's behind `@` are the kernel's count, not the link's name.
    for link in run("ip", &["-o", "link"]).lines() {
        found.insert(format!("link {}", link.split(": ").nth(1).unwrap_or_default()));
    }
    for line in run("ip", &["-o", "addr"]).lines().chain(run("ip", &["route", "show", "table", "all"]).lines()) {
        found.insert(line.split_whitespace().filter(|word| !word.ends_with(':')).collect::<Vec<_>>().join(" "));
    }
    found.extend(run("ip", &["netns", "list"]).lines().map(|name| format!("namespace {name}")));
    found.extend(run("nft", &["list", "ruleset"]).lines().map(|line| format!("nft {}", line.trim())));
    let mounts = fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
    found.extend(mounts.lines().filter_map(|line| line.split(' ').nth(4)).map(|target| format!("mount {target}")));
    found.extend(processes(sleep));
    found
}

/// Processes of this sandbox and of containers made in it: their network namespace is ours, or they sleep as ours do.
fn processes(sleep: &str) -> Vec<String> {
    let ours = fs::read_link("/proc/thread-self/ns/net").unwrap();
    let entries = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let entries = entries.filter(|path| !path.ends_with(std::process::id().to_string()));
    let command = |path: &Path| {
        let bytes = fs::read(path.join("cmdline")).ok().filter(|bytes| !bytes.is_empty())?;
        let line = String::from_utf8_lossy(&bytes).replace('\0', " ");
        let is_ours = fs::read_link(path.join("ns/net")).is_ok_and(|ns| ns == ours) || line.contains(sleep);
        is_ours.then(|| format!("process {line}"))
    };
    entries.filter_map(|path| command(&path)).collect()
}

fn fill(daemon: &Daemon, sleep: &str) {
    daemon.docker(&["network", "create", "demo"]);
    daemon.docker(&["run", "-d", "--name", "one", "busybox", "sleep", sleep]);
    daemon.docker(&["run", "-d", "--name", "two", "--network", "demo", "busybox", "sleep", sleep]);
    daemon.docker(&["run", "--rm", "busybox", "true"]);
    daemon.docker(&["run", "-d", "--name", "three", "--network", "none", "busybox", "sleep", sleep]);
    daemon.docker(&["exec", "two", "true"]);
}

/// Compares with a deadline: a killed process and a veth in a dying namespace go a moment later.
fn check_same(sleep: &str, before: &BTreeSet<String>) {
    let begun = Instant::now();
    loop {
        let now = everything(sleep);
        let left: Vec<_> = now.symmetric_difference(before).collect();
        if left.is_empty() {
            return;
        }
        assert!(begun.elapsed() < DEADLINE, "left or missing: {left:#?}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A number that starts with these digits and that no other process sleeps for, whoever else tests on this machine.
fn own_number(digits: &str) -> String {
    format!("{digits}{}", std::process::id())
}

#[test]
fn nothing_is_left_of_what_was_removed() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let sleep = &own_number("31415.926");
        let before = everything(sleep);
        let mut daemon = Daemon::start();
        fill(&daemon, sleep);
        assert!(processes(sleep).iter().any(|line| line.contains("conmon")), "{:#?}", processes(sleep));
        // What the runtime has started becomes what it is to be a little later.
        let sleeping = format!("process sleep {sleep}");
        wait_for("all three to sleep", || {
            (processes(sleep).iter().filter(|line| line.contains(&sleeping)).count() == 3).then_some(())
        });
        let ids = daemon.docker(&["ps", "-aq", "--no-trunc"]);
        assert!(!cgroups_of(ids.lines()).is_empty(), "the test looks at the wrong place");
        daemon.docker(&["rm", "-f", "one", "two", "three"]);
        assert_eq!(cgroups_of(ids.lines()), Vec::<PathBuf>::new());
        daemon.docker(&["network", "rm", "demo"]);
        daemon.take_down();
        check_same(sleep, &before);
    });
}

#[test]
fn down_takes_running_containers_along() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let sleep = &own_number("27182.818");
        let before = everything(sleep);
        let mut daemon = Daemon::start();
        fill(&daemon, sleep);
        let ids = daemon.docker(&["ps", "-aq", "--no-trunc"]);
        daemon.take_down();
        assert_eq!(cgroups_of(ids.lines()), Vec::<PathBuf>::new());
        check_same(sleep, &before);
        // What is stored stays: networks and containers are there again, and start.
        daemon.start_again();
        assert_eq!(daemon.docker(&["network", "ls", "-q", "--filter", "name=demo"]).len(), 12);
        daemon.docker(&["start", "two"]);
        daemon.docker(&["exec", "two", "ping", "-c", "1", "172.18.0.1"]);
        daemon.take_down();
        check_same(sleep, &before);
    });
}
