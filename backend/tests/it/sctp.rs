//! Ports of SCTP, with programs that speak it where the kernel does. Without it the road is the same, which `kernel/tests/it/reach`
//! shows with packets of its own making; here it is tried what people are told then.

use crate::harness::{Daemon, api, docker_is_there, run};
use drawbridge_kernel::testing::{check_in_sandbox, inside};
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

const SLEEP: [&str; 3] = ["busybox", "sleep", "100000"];

/// Runs a few lines of Python, whose standard library has sockets of SCTP; whether they went through, and what they said.
fn python(lines: &str) -> (bool, String) {
    let output = Command::new("python3").args(["-c", &format!("import socket\n{lines}")]).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A program that is killed when the test is done with it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The same for lines that go on after they have said that they are up.
fn python_later(lines: &str) -> Running {
    let mut command = Command::new("python3");
    let command = command.args(["-c", &format!("import socket\n{lines}")]).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut said = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said.trim(), "up");
    Running(child)
}

#[test]
fn sctp_goes_through_or_it_is_said_why_not() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let output = daemon.docker_output(&[&["run", "-d", "-p", "7777:80/sctp"], &SLEEP[..]].concat());
        assert!(output.status.success());
        let told = String::from_utf8_lossy(&output.stderr).contains("no SCTP sockets");
        let found = api(&daemon, "GET", "/api/doctor", None).1;
        let sctp = found.as_array().unwrap().iter().find(|finding| finding["subject"] == "SCTP").unwrap();
        assert_eq!(told, sctp["health"] == "warning", "{sctp}");
        // Packets are led on in either case.
        let map = run("nft", &["list", "map", "inet", "drawbridge", "published4"]);
        assert!(map.contains("sctp . 7777 : 172.17.0.2 . 80"), "{map}");
        // Where there are sockets, programs speak through the port: by the kernel and, from ::1, by the daemon.
        let has_sockets = python("socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP)");
        assert_eq!(told, !has_sockets.0, "{}", has_sockets.1);
        if told {
            assert!(has_sockets.1.contains("Protocol not supported"), "{}", has_sockets.1);
            let refused = daemon.docker_refuses(&[&["run", "-d", "-p", "80/sctp"], &SLEEP[..]].concat());
            assert!(refused.contains("no sctp sockets to hold") && refused.contains("name one"), "{refused}");
            return;
        }
        let id = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let server = inside(&id[..12], || {
            python_later(
                "s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP)
s.bind(('0.0.0.0', 80)); s.listen(8); print('up', flush=True)
while True:
    c, _ = s.accept(); c.send(b'hello'); c.close()",
            )
        });
        for (family, at) in [("AF_INET", "127.0.0.1"), ("AF_INET", "172.17.0.1"), ("AF_INET6", "::1")] {
            let ask = format!(
                "s = socket.socket(socket.{family}, socket.SOCK_STREAM, socket.IPPROTO_SCTP)
s.settimeout(30); s.connect(('{at}', 7777)); assert s.recv(16) == b'hello'"
            );
            let (reached, words) = python(&ask);
            assert!(reached, "{at}: {words}");
        }
        drop(server);
    });
}
