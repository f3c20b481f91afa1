//! What clients do that mean no harm and do it: idle, gone in mid-stream, half said. What the daemon holds is counted
//! before and after.

use super::{Raw, create, logs::memory_kib};
use crate::harness::{DEADLINE, Daemon, wait_for};
use drawbridge_kernel::testing::check_in_sandbox;
use std::{
    collections::HashSet,
    fs,
    io::Write,
    os::unix::net::UnixStream,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

/// What a daemon holds: open descriptors, children of it, and tasks of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    descriptors: usize,
    children: usize,
    tasks: u64,
}

fn held(daemon: &Daemon) -> Held {
    let process = format!("/proc/{}", daemon.pid());
    let tasks = fs::read_dir(format!("{process}/task")).unwrap().flatten();
    let children = tasks.map(|task| {
        let list = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        list.split_whitespace().count()
    });
    let children = children.sum();
    // The store keeps a reader open for each that was ever needed at the same moment, and so does the kernel's room a netlink
    // socket: those are not the clients'.
    let netlink = fs::read_to_string(format!("{process}/net/netlink")).unwrap();
    let inodes = netlink.lines().filter_map(|line| line.split_whitespace().last());
    let netlink: HashSet<String> = inodes.map(|inode| format!("socket:[{inode}]")).collect();
    let is_kept = |link: &str| link.contains(".sqlite") || netlink.contains(link);
    let is_counted = |path: PathBuf| !fs::read_link(path).is_ok_and(|link| is_kept(&link.to_string_lossy()));
    let descriptors = fs::read_dir(format!("{process}/fd")).unwrap().flatten();
    let descriptors = descriptors.filter(|entry| is_counted(entry.path())).count();
    let info = Raw::ask(daemon, "GET /info", None);
    let tasks = info.split("\"NGoroutines\":").nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
    Held { descriptors, children, tasks }
}

/// What a daemon holds when a container that was started is at rest: a start is answered before the task that waits for the
/// process's end has opened it.
fn held_at_rest(daemon: &Daemon) -> Held {
    let is_process =
        |path: PathBuf| fs::read_link(path).is_ok_and(|link| link.to_string_lossy() == "anon_inode:[pidfd]");
    let descriptors = format!("/proc/{}/fd", daemon.pid());
    wait_for("the end of the process to be waited for", || {
        let mut open = fs::read_dir(&descriptors).unwrap().flatten();
        open.any(|entry| is_process(entry.path())).then_some(())
    });
    held(daemon)
}

/// Waits until the daemon holds no more than before.
fn lets_go(daemon: &Daemon, before: Held, what: &str) {
    let begun = Instant::now();
    loop {
        let now = held(daemon);
        if now.descriptors <= before.descriptors && now.children <= before.children && now.tasks <= before.tasks {
            return;
        }
        assert!(begun.elapsed() < DEADLINE, "{what} leave {now:?}, before them it was {before:?}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn idle_clients_cost_little_and_go_without_a_trace() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        create(&daemon, "idle", r#""Cmd":["cat"],"OpenStdin":true"#);
        create(&daemon, "unstarted", r#""Cmd":["cat"],"OpenStdin":true"#);
        Raw::ask(&daemon, "POST /containers/idle/start", None);
        let before = held_at_rest(&daemon);
        let memory = memory_kib(&daemon);
        let clients: Vec<Raw> = (0..200)
            .map(|number| {
                let name = if number % 2 == 0 { "idle" } else { "unstarted" };
                let input = if number % 4 < 2 { "&stdin=1" } else { "" };
                let client =
                    Raw::upgrade(&daemon, &format!("POST /containers/{name}/attach?stream=1&stdout=1{input}"), "");
                if number % 3 == 0 {
                    client.has_said_all();
                }
                client
            })
            .collect();
        let grown = memory_kib(&daemon).saturating_sub(memory);
        assert!(grown < 20_000, "200 idle clients cost {grown} KiB");
        assert!(Raw::ask(&daemon, "GET /_ping", None).ends_with("OK"), "others are served meanwhile");
        // They go as they are, in the middle of everything.
        drop(clients);
        lets_go(&daemon, before, "200 clients that have gone");
    });
}

#[test]
fn clients_that_go_in_mid_stream_leave_nothing() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        create(&daemon, "loud", r#""Cmd":["sh","-c","while echo 0123456789; do sleep 0.01; done"],"OpenStdin":true"#);
        Raw::ask(&daemon, "POST /containers/loud/start", None);
        let before = held_at_rest(&daemon);
        for request in ["logs?stdout=1&follow=1", "wait"] {
            let method = if request == "wait" { "POST" } else { "GET" };
            drop(Raw::send(&daemon, &format!("{method} /containers/loud/{request}"), "", None));
        }
        drop(Raw::send(&daemon, "GET /events", "", None));
        let page = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        for _ in 0..10 {
            let mut page = Raw::send(&daemon, "GET /containers/loud/attach/ws?stream=1&stdin=1&stdout=1", page, None);
            // Said, and never read by anybody.
            page.stream.write_all(b"\x82\xff\0\0\0\0\0\x01\0\0\0\0\0\0").unwrap();
            page.stream.write_all(&[b'x'; 1 << 14]).unwrap();
        }
        // Much to say to a process that reads nothing, and gone.
        let mut talker = Raw::upgrade(&daemon, "POST /containers/loud/attach?stream=1&stdin=1", "");
        talker.stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
        while talker.stream.write_all(&[b'x'; 4096]).is_ok() {}
        drop(talker);
        for _ in 0..5 {
            let body = r#"{"Cmd":["sh","-c","while echo 0123456789; do sleep 0.01; done"],"AttachStdout":true}"#;
            let exec = Raw::ask(&daemon, "POST /containers/loud/exec", Some(body));
            let exec = exec.split("\"Id\":\"").nth(1).unwrap()[..64].to_owned();
            let mut client = Raw::upgrade(&daemon, &format!("POST /exec/{exec}/start"), "{}");
            client.hears(b"0123456789\n");
        }
        // Commands go on without their clients, as with Docker, and end with the container.
        assert!(held(&daemon).children >= before.children + 5);
        Raw::ask(&daemon, "DELETE /containers/loud?force=1", None);
        lets_go(&daemon, before, "clients and commands that have gone");
    });
}

#[test]
fn bodies_are_bounded_and_may_never_end() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let before = held(&daemon);
        let head = "POST /v1.50/containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n";
        let mut unfinished = Vec::new();
        for framing in ["Content-Length: 1000\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"Ima"] {
            for _ in 0..20 {
                let mut stream = UnixStream::connect(daemon.socket()).unwrap();
                write!(stream, "{head}{framing}").unwrap();
                unfinished.push(stream);
            }
        }
        // Whole, in chunks.
        let mut stream = UnixStream::connect(daemon.socket()).unwrap();
        write!(stream, "{head}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
        for piece in ["{\"Image\":", "\"busybox\",\"Cmd\"", ":[\"true\"]}"] {
            write!(stream, "{:x}\r\n{piece}\r\n", piece.len()).unwrap();
            thread::sleep(Duration::from_millis(20));
        }
        write!(stream, "0\r\n\r\n").unwrap();
        let mut answer = Raw { stream, head: String::new(), rest: Vec::new() };
        answer.read_to_end();
        let answer = String::from_utf8_lossy(&answer.rest).into_owned();
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");

        let memory = memory_kib(&daemon);
        let large = format!("{{\"Image\":\"{}\"}}", "x".repeat(10 << 20));
        let mut stream = UnixStream::connect(daemon.socket()).unwrap();
        // Refused before it has come whole, so the rest may not be taken.
        let _ = write!(stream, "{head}Connection: close\r\nContent-Length: {}\r\n\r\n{large}", large.len());
        let mut refused = [0; 12];
        std::io::Read::read_exact(&mut stream, &mut refused).unwrap();
        assert_eq!(&refused, b"HTTP/1.1 413");
        let grown = memory_kib(&daemon).saturating_sub(memory);
        assert!(grown < 20_000, "a body that is refused cost {grown} KiB");
        drop((unfinished, stream));
        lets_go(&daemon, before, "bodies that were never finished");
    });
}
