//! Requests written by hand on the daemon's socket, and the connections that they turn into.

use crate::harness::{DEADLINE, Daemon};
use std::{
    io::{ErrorKind, Read, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

/// A connection on which a request was made.
pub(crate) struct Raw {
    pub(crate) stream: UnixStream,
    /// Status line and headers.
    pub(crate) head: String,
    /// What came behind them and was not waited for.
    pub(crate) rest: Vec<u8>,
}

impl Raw {
    /// Makes a request that takes the connection over: `POST /v1.50/containers/one/attach?..`.
    pub(crate) fn upgrade(daemon: &Daemon, request: &str, body: &str) -> Self {
        Self::send(daemon, request, "Connection: Upgrade\r\nUpgrade: tcp\r\n", Some(body))
    }

    /// Makes a request and returns the whole answer.
    pub(crate) fn ask(daemon: &Daemon, request: &str, body: Option<&str>) -> String {
        let mut raw = Self::send(daemon, request, "Connection: close\r\n", body);
        raw.read_to_end();
        format!("{}{}", raw.head, String::from_utf8_lossy(&raw.rest))
    }

    pub(crate) fn send(daemon: &Daemon, request: &str, headers: &str, body: Option<&str>) -> Self {
        let mut stream = UnixStream::connect(daemon.socket()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let body = body.unwrap_or_default();
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let length = body.len();
        write!(stream, "{request} HTTP/1.1\r\nHost: d\r\n{headers}{kind}Content-Length: {length}\r\n\r\n{body}")
            .unwrap();
        let mut raw = Self { stream, head: String::new(), rest: Vec::new() };
        let begun = Instant::now();
        loop {
            if let Some(end) = raw.rest.windows(4).position(|window| window == b"\r\n\r\n") {
                let rest = raw.rest.split_off(end + 4);
                raw.head = String::from_utf8_lossy(&raw.rest).into_owned();
                raw.rest = rest;
                return raw;
            }
            assert!(begun.elapsed() < DEADLINE, "{request}: no answer but {:?}", raw.rest);
            assert!(raw.read(), "{request}: closed after {:?}", String::from_utf8_lossy(&raw.rest));
        }
    }

    /// Reads what is there; false at the end.
    fn read(&mut self) -> bool {
        let mut buffer = [0; 16 << 10];
        match self.stream.read(&mut buffer) {
            Ok(0) => false,
            Ok(length) => {
                self.rest.extend_from_slice(&buffer[..length]);
                true
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => true,
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) fn says(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    /// Has no more to say, and still listens.
    pub(crate) fn has_said_all(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Waits until these bytes come.
    pub(crate) fn hears(&mut self, bytes: &[u8]) {
        let begun = Instant::now();
        loop {
            if let Some(at) = self.rest.windows(bytes.len()).position(|window| window == bytes) {
                self.rest.drain(..at + bytes.len());
                return;
            }
            // What has been looked through is kept for the message only.
            let seen = self.rest.len().saturating_sub(1000);
            self.rest.drain(..seen);
            assert!(begun.elapsed() < DEADLINE, "never heard {bytes:?} but: {}", String::from_utf8_lossy(&self.rest));
            assert!(self.read(), "the end before {bytes:?}; there was {}", String::from_utf8_lossy(&self.rest));
        }
    }

    /// Waits for the end; what came before it is in `rest`.
    pub(crate) fn read_to_end(&mut self) {
        let begun = Instant::now();
        while self.read() {
            assert!(begun.elapsed() < DEADLINE, "no end after {:?}", String::from_utf8_lossy(&self.rest));
        }
    }
}

/// A piece of output with Docker's header before it.
pub(crate) fn framed(stream: u8, text: &str) -> Vec<u8> {
    let mut frame = vec![stream, 0, 0, 0, 0, 0, 0, u8::try_from(text.len()).unwrap()];
    frame.extend_from_slice(text.as_bytes());
    frame
}
