//! Attaching without a terminal: before the start, several at once, with and without input, its end, its framing.

use super::{Raw, create, raw::framed};
use crate::harness::{Daemon, docker_is_there, wait_for};
use drawbridge_kernel::testing::check_in_sandbox;
use std::{
    io::Write,
    process::{Command, Stdio},
};

fn start(daemon: &Daemon, name: &str) {
    let answer = Raw::ask(daemon, &format!("POST /v1.50/containers/{name}/start"), None);
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
}

/// Runs the docker command with an input; returns what it printed and its exit code.
fn piped(daemon: &Daemon, args: &[&str], input: &[u8]) -> (Vec<u8>, Option<i32>) {
    let mut child = Command::new("docker")
        .arg("-H")
        .arg(format!("unix://{}", daemon.socket().display()))
        .args(args)
        .env("DOCKER_CONFIG", daemon.folders().root.join("docker-config"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        let output = child.wait_with_output().unwrap();
        (output.stdout, output.status.code())
    })
}

#[test]
fn what_is_piped_in_comes_out_whole() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let large: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
        let (output, code) = piped(&daemon, &["run", "-i", "--rm", "busybox", "cat"], &large);
        assert!(output == large && code == Some(0), "{} of {} bytes, {code:?}", output.len(), large.len());
        daemon.run_sleeper("box1");
        let (output, code) = piped(&daemon, &["exec", "-i", "box1", "sh", "-c", "cat; exit 4"], &large);
        assert!(output == large && code == Some(4), "{} of {} bytes, {code:?}", output.len(), large.len());
        // A process that reads nothing of it.
        let (output, code) = piped(&daemon, &["exec", "-i", "box1", "echo", "deaf"], &large);
        assert_eq!((&output[..], code), (&b"deaf\n"[..], Some(0)));
        let (output, code) = piped(&daemon, &["run", "-i", "--rm", "busybox", "echo", "deaf"], &large);
        assert_eq!((&output[..], code), (&b"deaf\n"[..], Some(0)));
        daemon.docker(&["exec", "-d", "box1", "sh", "-c", "echo done > /tmp/done"]);
        wait_for("a command that nobody waits for", || {
            let output = daemon.docker_output(&["exec", "box1", "cat", "/tmp/done"]);
            (output.stdout == b"done\n").then_some(())
        });
    });
}

#[test]
fn output_before_the_start_is_never_lost() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        // Gone before its client has read a byte.
        let body = r#""Cmd":["sh","-c","echo out; echo err >&2; echo -n rest"],"HostConfig":{"AutoRemove":true}"#;
        for version in ["1.50", "1.41"] {
            create(&daemon, "short", body);
            let request = format!("POST /v{version}/containers/short/attach?stream=1&stdout=1&stderr=1");
            let mut both = Raw::upgrade(&daemon, &request, "");
            let kind = if version == "1.50" { "multiplexed-stream" } else { "raw-stream" };
            assert!(both.head.contains(kind), "{}", both.head);
            // The command half-closes at once when it has no input to give.
            both.has_said_all();
            let mut errors = Raw::upgrade(&daemon, "POST /containers/short/attach?stream=1&stderr=1", "");
            let mut plain = Raw::send(&daemon, "POST /containers/short/attach?stream=1&stdout=1", "", None);
            assert!(plain.head.starts_with("HTTP/1.1 200"), "{}", plain.head);
            start(&daemon, "short");
            both.read_to_end();
            let printed = both.rest.clone();
            for piece in [framed(1, "out\n"), framed(2, "err\n"), framed(1, "rest")] {
                assert!(printed.windows(piece.len()).any(|window| window == piece), "{printed:?}");
            }
            errors.read_to_end();
            assert_eq!(errors.rest, framed(2, "err\n"));
            plain.hears(b"rest");
            wait_for("its removal", || {
                Raw::ask(&daemon, "GET /containers/short/json", None).starts_with("HTTP/1.1 404").then_some(())
            });
        }
    });
}

#[test]
fn input_ends_once_or_is_kept() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        create(&daemon, "once", r#""Cmd":["cat"],"OpenStdin":true,"StdinOnce":true"#);
        let mut once = Raw::upgrade(&daemon, "POST /containers/once/attach?stream=1&stdin=1&stdout=1", "");
        once.says("before the start\n");
        start(&daemon, "once");
        once.hears(&framed(1, "before the start\n"));
        let mut listener = Raw::upgrade(&daemon, "POST /containers/once/attach?stream=1&stdout=1", "");
        once.says("last\n");
        once.has_said_all();
        once.hears(&framed(1, "last\n"));
        once.read_to_end();
        listener.hears(&framed(1, "last\n"));
        listener.read_to_end();

        create(&daemon, "kept", r#""Cmd":["cat"],"OpenStdin":true"#);
        start(&daemon, "kept");
        for word in ["first\n", "second\n"] {
            let mut client = Raw::upgrade(&daemon, "POST /containers/kept/attach?stream=1&stdin=1&stdout=1", "");
            client.says(word);
            client.hears(&framed(1, word));
            client.has_said_all();
            client.read_to_end();
        }
        // What was said before comes again for who asks for it.
        let mut client = Raw::upgrade(&daemon, "POST /containers/kept/attach?stream=1&logs=1&stdin=1&stdout=1", "");
        client.hears(&framed(1, "first\n"));
        client.hears(&framed(1, "second\n"));
        client.says("third\n");
        client.hears(&framed(1, "third\n"));
        let mut past = Raw::upgrade(&daemon, "POST /containers/kept/attach?logs=1&stdout=1", "");
        past.hears(&framed(1, "third\n"));
        past.read_to_end();

        create(&daemon, "closed", r#""Cmd":["cat"]"#);
        let mut closed = Raw::upgrade(&daemon, "POST /containers/closed/attach?stream=1&stdin=1&stdout=1", "");
        start(&daemon, "closed");
        closed.read_to_end();
        assert_eq!(closed.rest, b"", "its input is empty");
    });
}

#[test]
fn a_command_is_started_once_and_told_of() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        create(&daemon, "one", r#""Cmd":["sleep","1000"]"#);
        let exec = |body: &str| {
            let answer = Raw::ask(&daemon, "POST /containers/one/exec", Some(body));
            answer.split("\"Id\":\"").nth(1).map_or(answer.clone(), |rest| rest[..64].to_owned())
        };
        assert!(exec(r#"{"Cmd":["true"]}"#).starts_with("HTTP/1.1 409"), "it does not run");
        start(&daemon, "one");
        assert!(exec(r#"{"Cmd":["true"],"DetachKeys":"shift-a"}"#).starts_with("HTTP/1.1 400"));
        let id = exec(
            r#"{"Cmd":["sh","-c","read a; echo $a; exit 6"],"AttachStdin":true,"AttachStdout":true,"User":"1:1"}"#,
        );
        let inspect = || Raw::ask(&daemon, &format!("GET /exec/{id}/json"), None);
        assert!(inspect().contains("\"ExitCode\":null") && inspect().contains("\"Running\":false"), "{}", inspect());
        let mut client = Raw::upgrade(&daemon, &format!("POST /exec/{id}/start"), r#"{"Detach":false}"#);
        assert!(inspect().contains("\"Running\":true") && inspect().contains("\"user\":\"1:1\""), "{}", inspect());
        let again = Raw::ask(&daemon, &format!("POST /exec/{id}/start"), Some("{}"));
        assert!(again.starts_with("HTTP/1.1 409"), "{again}");
        client.says("word\n");
        client.hears(&framed(1, "word\n"));
        client.read_to_end();
        // Before the stream has ended, so whoever asks then knows it.
        assert!(inspect().contains("\"ExitCode\":6") && inspect().contains("\"Running\":false"), "{}", inspect());
        let answer = Raw::ask(&daemon, &format!("POST /exec/{id}/resize?h=1&w=1"), None);
        assert!(answer.starts_with("HTTP/1.1 409"), "{answer}");
        assert!(Raw::ask(&daemon, "POST /exec/nope/start", Some("{}")).starts_with("HTTP/1.1 404"));

        // A size that is told before the start is the terminal's first.
        let id = exec(r#"{"Cmd":["stty","size"],"AttachStdout":true,"Tty":true}"#);
        assert!(Raw::ask(&daemon, &format!("POST /exec/{id}/resize?h=11&w=22"), None).starts_with("HTTP/1.1 200"));
        let mut client = Raw::upgrade(&daemon, &format!("POST /exec/{id}/start"), r#"{"Tty":true}"#);
        assert!(client.head.contains("raw-stream"), "{}", client.head);
        client.read_to_end();
        // runc takes the carriage return out of the terminal inside and puts it in outside; a process that is quicker than the
        // first of these has it twice.
        let printed: Vec<u8> = client.rest.iter().copied().filter(|byte| *byte != b'\r').collect();
        assert_eq!(printed, b"11 22\n");
    });
}
