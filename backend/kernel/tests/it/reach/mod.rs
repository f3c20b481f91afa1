//! Who reaches whom, and with which address: the whole contract of networks and published ports in one table.

mod rows;
mod sctp;
mod world;

use drawbridge_kernel::testing::check_in_sandbox;
use rows::{Row, Setting, rows};
use std::{fs, sync::Mutex, thread};
use world::World;

/// How many attempts are under way at once: most of the time is spent waiting for what never comes.
const AT_ONCE: usize = 16;

#[test]
fn the_table_holds_without_br_netfilter() {
    check_in_sandbox(|| check(Setting::Off));
}

#[test]
fn the_table_holds_with_br_netfilter() {
    check_in_sandbox(|| check(Setting::On));
}

#[test]
fn the_table_is_large_enough_and_says_nothing_twice() {
    let rows = rows(Setting::Off);
    assert!(rows.len() >= 80, "{}", rows.len());
    assert!(rows.iter().filter(|row| row.to.contains('[')).count() >= 25, "IPv6");
    for (number, row) in rows.iter().enumerate() {
        let same = |other: &Row| (other.from, other.to, other.protocol) == (row.from, row.to, row.protocol);
        assert!(!rows[..number].iter().any(same), "{row:?} is there twice");
    }
}

fn check(br_netfilter: Setting) {
    for setting in ["iptables", "ip6tables"] {
        // Absent where the kernel has no br_netfilter; then it is off.
        let file = format!("/proc/sys/net/bridge/bridge-nf-call-{setting}");
        let written = fs::write(file, if br_netfilter == Setting::On { "1" } else { "0" });
        assert!(written.is_ok() || br_netfilter == Setting::Off, "{setting}: {written:?}");
    }
    let world = World::new();
    let left = Mutex::new(rows(br_netfilter));
    let wrong = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(row) = { left.lock().expect("no panic").pop() } {
                    let seen = world.attempt(&row);
                    if seen != row.expected {
                        wrong.lock().expect("no panic").push(format!("{row:?}: {seen:?}"));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no panic");
    assert!(wrong.is_empty(), "br_netfilter {br_netfilter:?}:\n{}", wrong.join("\n"));
}
