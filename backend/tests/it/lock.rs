//! One daemon at a time, on a data directory and in a network namespace.

use crate::harness::{Daemon, Folders};
use drawbridge_kernel::testing::check_in_sandbox;

#[test]
fn a_second_daemon_is_told_who_is_there() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let other = Folders::new();
        for (folders, why) in [
            (daemon.folders(), "another drawbridge is at work on".to_owned()),
            (&other, format!("another drawbridge (pid {}) is at work in this network namespace", daemon.pid())),
        ] {
            for command in ["serve", "down"] {
                let refusal = folders.drawbridge_refuses(command);
                assert!(refusal.contains(&why), "{command}: {refusal}");
            }
        }
        // The one that is there is none the worse for it.
        assert!(daemon.curl("/networks").contains("docker0"));
    });
}
