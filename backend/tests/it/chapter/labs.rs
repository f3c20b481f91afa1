//! The chapter's scenes as lab files, with the images that its commands used: `docker/lab/port-forwarding.yaml` and
//! `flask-redis.yaml`. The others need no image but busybox and have a test of their own.

use crate::{
    harness::{Daemon, wait_for},
    labs::{done, things},
};
use std::{path::Path, process::Command};

fn file(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docker/lab").join(name).display().to_string()
}

/// Brings each up, looks at what it serves, and takes it down; the daemon must have no container.
pub(super) fn come_up(daemon: &Daemon) {
    let before = things(daemon);
    let path = file("port-forwarding.yaml");
    done(daemon, &["up", &path]);
    let page = page_at("http://127.0.0.1:8080");
    assert!(page.contains("Welcome to nginx!"), "{page}");
    let web = daemon.docker(&["inspect", "-f", "{{.NetworkSettings.IPAddress}}", "web"]);
    let inside = daemon.docker(&["exec", "client", "wget", "-qO-", &format!("http://{web}")]);
    assert_eq!(inside.trim(), page.trim());
    done(daemon, &["down", &path]);
    assert_eq!(things(daemon), before);

    let path = file("flask-redis.yaml");
    done(daemon, &["up", &path]);
    let counted = || count(&page_at("http://127.0.0.1:5000"));
    let first = counted();
    assert_eq!((counted(), counted()), (first + 1, first + 2));
    assert_eq!(daemon.docker(&["exec", "redis-server", "redis-cli", "get", "hits"]), (first + 2).to_string());
    done(daemon, &["down", &path, "--volumes"]);
    assert_eq!(things(daemon), before);
    for port in ["8080", "5000"] {
        let output = Command::new("curl").args(["-sS", &format!("http://127.0.0.1:{port}")]).output().unwrap();
        assert!(!output.status.success(), "somebody still answers at {port}");
    }
}

/// The page at a published port, once its server listens; asked for once, since some pages count.
fn page_at(address: &str) -> String {
    wait_for(address, || {
        let output = Command::new("curl").args(["-sS", "--fail", address]).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    })
}

fn count(page: &str) -> u32 {
    let number = page.split(' ').find_map(|word| word.parse().ok());
    number.unwrap_or_else(|| panic!("it does not count: {page}"))
}
