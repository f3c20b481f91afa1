//! `run -it`, `attach`, `start -ai` and `exec -it`, typed at a terminal.

use super::{Raw, Typist, create};
use crate::harness::{Daemon, docker_is_there, wait_for};
use drawbridge_kernel::testing::check_in_sandbox;

#[test]
fn a_shell_is_used_left_and_come_back_to() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let mut daemon = Daemon::start();
        let mut typist = Typist::runs(&daemon, &["run", "-it", "--name", "shell", "busybox", "sh"]);
        typist.sees("# ");
        typist.types("tty; echo $TERM; stty size; kept=$((40+2))\n");
        typist.sees("/dev/pts/0");
        typist.sees("xterm");
        typist.sees("30 100");
        // The shell has the new size when the resize is told of.
        wait_for("the resize", || {
            typist.resizes(40, 120);
            let words = [
                "events",
                "--since",
                "1h",
                "--until",
                "-1ms",
                "--filter",
                "event=resize",
                "--format",
                "{{.Actor.Attributes.width}}",
            ];
            daemon.docker(&words).ends_with("120").then_some(())
        });
        typist.types("stty size\n");
        typist.sees("40 120");
        typist.types("\x10\x11");
        assert_eq!(typist.ends(), Some(0), "it was left by the detach keys");

        // As long as the daemon is away nobody can come, and the shell waits.
        daemon.kill();
        daemon.start_again();
        let mut typist = Typist::runs(&daemon, &["attach", "shell"]);
        typist.types("echo and-$kept\n");
        typist.sees("and-42");
        typist.types("exit 3\n");
        assert_eq!(typist.ends(), Some(3));

        let mut typist = Typist::runs(&daemon, &["start", "-ai", "shell"]);
        typist.sees("# ");
        typist.types("echo again-$((1+1)); exit 5\n");
        typist.sees("again-2");
        assert_eq!(typist.ends(), Some(5));
    });
}

#[test]
fn a_command_has_a_terminal_of_its_own() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        daemon.run_sleeper("box1");
        let mut typist = Typist::runs(&daemon, &["exec", "-it", "-e", "GREETING=hello", "-w", "/tmp", "box1", "sh"]);
        typist.sees("# ");
        typist.types("tty; echo $GREETING $TERM; pwd; stty size\n");
        typist.sees("/dev/pts/");
        typist.sees("hello xterm");
        typist.sees("/tmp");
        typist.sees("30 100");
        // What is typed is seen, too, and is not what it prints.
        typist.types("while [ \"$(stty size)\" != '41 121' ]; do sleep 0.01; done; echo re''sized\n");
        wait_for("the new size", || {
            typist.resizes(41, 121);
            typist.has_seen("resized").then_some(())
        });
        typist.types("exit 9\n");
        assert_eq!(typist.ends(), Some(9));
    });
}

#[test]
fn the_detach_keys_are_found_by_the_daemon() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        create(&daemon, "shell", r#""Cmd":["cat"],"Tty":true,"OpenStdin":true"#);
        let attach = |query: &str| {
            Raw::upgrade(&daemon, &format!("POST /v1.50/containers/shell/attach?stream=1&stdin=1&stdout=1{query}"), "")
        };
        let mut first = attach("");
        assert!(first.head.contains("101 Switching") && first.head.contains("vnd.docker.raw-stream"), "{}", first.head);
        let answer = Raw::ask(&daemon, "POST /v1.50/containers/shell/resize?h=10&w=20", None);
        assert!(answer.starts_with("HTTP/1.1 409"), "it does not run: {answer}");
        assert!(Raw::ask(&daemon, "POST /v1.50/containers/shell/start", None).starts_with("HTTP/1.1 204"));
        first.says("one\r");
        // What is typed comes back from the terminal, what was read from the process.
        first.hears(b"one\r\none\r\n");
        let mut second = attach("&detachKeys=ctrl-a,b");
        second.says("two\r");
        second.hears(b"two\r\ntwo\r\n");
        first.hears(b"two\r\ntwo\r\n");
        second.says("x\x01");
        second.says("b");
        second.read_to_end();
        first.hears(b"x");
        first.says("\x10");
        first.says("\x11");
        first.read_to_end();
        let events = Raw::ask(
            &daemon,
            "GET /v1.50/events?since=1h&until=1ns&filters=%7B%22event%22%3A%5B%22detach%22%5D%7D",
            None,
        );
        assert_eq!(events.matches("\"Action\":\"detach\"").count(), 2, "{events}");
        let bad = Raw::ask(&daemon, "POST /v1.50/containers/shell/attach?stream=1&detachKeys=shift-a", None);
        assert!(bad.starts_with("HTTP/1.1 400"), "{bad}");
        let state = Raw::ask(&daemon, "GET /v1.50/containers/shell/json", None);
        assert!(state.contains("\"Running\":true") && state.contains("\"Tty\":true"), "{state}");
    });
}
