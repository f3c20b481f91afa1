//! Streams of containers and commands: terminals, input, framing, and what becomes of clients that go or read slowly. With
//! the docker command at a terminal of its own, and with requests written by hand.

mod attach;
mod logs;
mod raw;
mod robust;
mod terminal;

pub(crate) use raw::Raw;
use std::{
    fs::File,
    io::{Read, Write},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::harness::{DEADLINE, Daemon};
use drawbridge_api::TerminalSize;
use drawbridge_kernel::terminal::{Terminal, resize};

/// Somebody at a terminal, who runs the docker command.
pub(crate) struct Typist {
    child: Child,
    screen: File,
    /// Everything that was printed so far.
    seen: String,
}

impl Typist {
    pub(crate) fn runs(daemon: &Daemon, args: &[&str]) -> Self {
        let Terminal { outer, inner } = Terminal::open(TerminalSize { rows: 30, columns: 100 }).unwrap();
        let child = Command::new("docker")
            .arg("-H")
            .arg(format!("unix://{}", daemon.socket().display()))
            .args(args)
            .env("DOCKER_CONFIG", daemon.folders().root.join("docker-config"))
            .stdin(Stdio::from(inner.try_clone().unwrap()))
            .stdout(Stdio::from(inner.try_clone().unwrap()))
            .stderr(Stdio::from(inner))
            .spawn()
            .expect("the docker command runs");
        Self { child, screen: outer.into(), seen: String::new() }
    }

    pub(crate) fn types(&mut self, text: &str) {
        self.screen.write_all(text.as_bytes()).unwrap();
    }

    /// Waits for a text behind all that was waited for before.
    pub(crate) fn sees(&mut self, text: &str) {
        let begun = Instant::now();
        while !self.has_seen(text) {
            assert!(begun.elapsed() < DEADLINE, "never saw {text:?} but: {}", self.seen);
        }
    }

    /// Whether a text has come behind all that was waited for before; reads on if not.
    pub(crate) fn has_seen(&mut self, text: &str) -> bool {
        if let Some(at) = self.seen.find(text) {
            self.seen.drain(..at + text.len());
            return true;
        }
        self.read();
        false
    }

    fn read(&mut self) {
        let mut buffer = [0; 4096];
        match self.screen.read(&mut buffer) {
            Ok(length @ 1..) => self.seen.push_str(&String::from_utf8_lossy(&buffer[..length])),
            // Nothing yet, or nobody has the terminal open any more.
            Ok(0) | Err(_) => thread::sleep(Duration::from_millis(5)),
        }
    }

    /// Gives the terminal another size and tells the command so, which has no ear for it before it has told its first size.
    pub(crate) fn resizes(&self, rows: u16, columns: u16) {
        resize(&self.screen, TerminalSize { rows, columns }).unwrap();
        // The terminal is nobody's controlling one.
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-WINCH", &pid]).status().unwrap().success());
    }

    /// The command's exit code.
    pub(crate) fn ends(mut self) -> Option<i32> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(begun.elapsed() < DEADLINE, "the command did not end; it printed: {}", self.seen);
            self.read();
        }
    }
}

impl Drop for Typist {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes a container that is not started; `body` is what is beside the image.
pub(crate) fn create(daemon: &Daemon, name: &str, body: &str) -> String {
    let answer = Raw::ask(
        daemon,
        &format!("POST /v1.50/containers/create?name={name}"),
        Some(&format!(r#"{{"Image":"busybox",{body}}}"#)),
    );
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    answer.split("\"Id\":\"").nth(1).unwrap()[..64].to_owned()
}
