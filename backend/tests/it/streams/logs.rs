//! `docker logs`: what was printed, by time and number, followed, of a terminal, over a restart of the daemon.

use super::{Raw, create};
use crate::harness::{Daemon, docker_is_there, wait_for};
use drawbridge_kernel::testing::check_in_sandbox;
use std::fs;

fn start(daemon: &Daemon, name: &str) {
    let answer = Raw::ask(daemon, &format!("POST /v1.50/containers/{name}/start"), None);
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
}

#[test]
fn a_log_is_cut_by_number_and_time() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        // Lines that the monitor reads at once have one time, and are whole: each waits until what is before it has been read.
        let script = "for i in 1 2 3; do echo line-$i; until [ -e /go-$i ]; do sleep 0.01; done; done
            echo -n par; until [ -e /go-par ]; do sleep 0.01; done; echo tial; printf end";
        daemon.docker(&["run", "-d", "--name", "one", "busybox", "sh", "-c", script]);
        for (printed, go) in [("line-1", "/go-1"), ("line-2", "/go-2"), ("line-3", "/go-3"), ("par", "/go-par")] {
            wait_for(printed, || daemon.docker(&["logs", "one"]).ends_with(printed).then_some(()));
            daemon.docker(&["exec", "one", "touch", go]);
        }
        assert_eq!(daemon.docker(&["wait", "one"]), "0");
        assert_eq!(daemon.docker(&["logs", "one"]), "line-1\nline-2\nline-3\npartial\nend");
        assert_eq!(daemon.docker(&["logs", "-n", "2", "one"]), "partial\nend");
        assert_eq!(daemon.docker(&["logs", "-n", "0", "one"]), "");
        let stamped = daemon.docker(&["logs", "-t", "one"]);
        let lines: Vec<(&str, &str)> = stamped.lines().map(|line| line.split_once(' ').unwrap()).collect();
        assert_eq!(
            lines.iter().map(|(_, text)| *text).collect::<Vec<_>>(),
            ["line-1", "line-2", "line-3", "partial", "end"]
        );
        assert!(lines.iter().all(|(time, _)| time.len() == 30 && time.ends_with('Z')), "{stamped}");
        // A moment that is told back is one's own: what was printed then is there.
        assert_eq!(daemon.docker(&["logs", "--since", lines[2].0, "one"]), "line-3\npartial\nend");
        assert_eq!(daemon.docker(&["logs", "--until", lines[1].0, "one"]), "line-1\nline-2");
        assert_eq!(daemon.docker(&["logs", "--since", lines[1].0, "--until", lines[2].0, "one"]), "line-2\nline-3");
        assert_eq!(daemon.docker(&["logs", "--since", "1h", "-n", "1", "one"]), "end");
        assert_eq!(daemon.docker(&["logs", "--details", "-n", "1", "one"]), "end", "a space before it, trimmed here");
        let refused = daemon.docker_refuses(&["logs", "--tail", "some", "one"]);
        assert!(refused.contains("invalid tail"), "{refused}");
    });
}

#[test]
fn a_log_is_followed_over_the_daemons_death_and_a_rotation() {
    check_in_sandbox(|| {
        let mut daemon = Daemon::start();
        let script = "while [ ! -e /go ]; do sleep 0.1; done; n=0; while [ $n -lt 2000 ]; do n=$((n+1)); echo $n; done; sleep 1000";
        create(&daemon, "one", &format!(r#""Tty":true,"Cmd":["sh","-c","{script}"]"#));
        start(&daemon, "one");
        daemon.kill();
        daemon.start_again();
        let mut follower =
            Raw::send(&daemon, "GET /containers/one/logs?stdout=1&follow=1", "Connection: close\r\n", None);
        assert!(follower.head.contains("raw-stream"), "{}", follower.head);
        let exec = Raw::ask(&daemon, "POST /containers/one/exec", Some(r#"{"Cmd":["touch","/go"]}"#));
        let exec = &exec.split("\"Id\":\"").nth(1).unwrap()[..64];
        Raw::ask(&daemon, &format!("POST /exec/{exec}/start"), Some("{}"));
        follower.hears(b"\n1\r\n");
        follower.hears(b"\n2000\r\n");

        // As conmon does when its log has grown enough: a new file takes the old one's place.
        let folder = fs::read_dir(daemon.folders().config().data_dir.join("containers")).unwrap().next().unwrap();
        let log = folder.unwrap().path().join("log");
        let line = |text: &str| format!("2026-11-25T00:48:42.1Z stdout F {text}\n");
        fs::write(log.with_extension("new"), line("after")).unwrap();
        fs::rename(log.with_extension("new"), &log).unwrap();
        follower.hears(b"after\n");
        fs::write(&log, line("cut")).unwrap();
        follower.hears(b"cut\n");

        let mut all =
            Raw::send(&daemon, "GET /containers/one/logs?stdout=1&follow=1&until=1.5s", "Connection: close\r\n", None);
        all.hears(b"cut\n");
        all.read_to_end();
        Raw::ask(&daemon, "POST /containers/one/kill", None);
        follower.read_to_end();
        wait_for("its end", || {
            Raw::ask(&daemon, "GET /containers/one/json", None).contains("\"Running\":false").then_some(())
        });
    });
}

#[test]
fn a_slow_reader_holds_nobody_up() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        // In long lines, for each is a frame: short ones take a busy machine minutes.
        let script = "yes $(printf %01000d 0) | head -c 20000000; echo last";
        create(&daemon, "loud", &format!(r#""Cmd":["sh","-c","{script}"]"#));
        let mut slow = Raw::upgrade(&daemon, "POST /containers/loud/attach?stream=1&stdout=1", "");
        let before = memory_kib(&daemon);
        start(&daemon, "loud");
        wait_for("its end", || {
            Raw::ask(&daemon, "GET /containers/loud/json", None).contains("\"Status\":\"exited\"").then_some(())
        });
        let grown = memory_kib(&daemon).saturating_sub(before);
        assert!(grown < 20_000, "20 MB were printed, nobody read them, and the daemon grew by {grown} KiB");
        // The log has it all, so the reader still gets it.
        slow.read_to_end();
        let (mut printed, mut frames) = (Vec::new(), &slow.rest[..]);
        while let Some(([_, _, _, _, length @ ..], rest)) = frames.split_first_chunk::<8>() {
            let (piece, others) = rest.split_at(u32::from_be_bytes(*length) as usize);
            printed.extend_from_slice(piece);
            frames = others;
        }
        assert!(printed.len() == 20_000_005 && printed.ends_with(b"last\n"), "{} bytes", printed.len());
    });
}

/// What the daemon has in memory.
pub(super) fn memory_kib(daemon: &Daemon) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
