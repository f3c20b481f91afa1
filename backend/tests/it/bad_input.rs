//! Requests that make no sense: each is answered with a 4xx and a message in JSON, and the daemon goes on.

use crate::harness::{DEADLINE, Daemon};
use drawbridge_kernel::testing::check_in_sandbox;
use serde_json::Value;
use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
};

const JSON: &str = "application/json";

/// Method, path, content type, body, status.
const ROWS: &[(&str, &str, &str, &str, u16)] = &[
    ("POST", "/containers/create", JSON, "", 400),
    ("POST", "/containers/create", JSON, "{", 400),
    ("POST", "/containers/create", JSON, "[]", 400),
    ("POST", "/containers/create", JSON, "null", 400),
    ("POST", "/containers/create", JSON, "{\"Image\":5}", 400),
    ("POST", "/containers/create", JSON, "{\"Image\":\"busybox\",\"HostConfig\":[]}", 400),
    ("POST", "/containers/create", JSON, "{\"Image\":\"busybox\",\"HostConfig\":{\"Memory\":\"x\"}}", 400),
    ("POST", "/containers/create", JSON, "{\"Image\":\"busybox\",\"HostConfig\":{\"Memory\":-5}}", 400),
    ("POST", "/containers/create", JSON, "{\"Image\":\"busybox\",\"HostConfig\":{\"Binds\":[\"::\"]}}", 400),
    ("POST", "/containers/create", JSON, "{\"Image\":\"busybox\",\"HostConfig\":{\"Mounts\":[{}]}}", 400),
    ("POST", "/containers/create", JSON, "{\"Image\":\"busybox\",\"HostConfig\":{\"PortBindings\":{\"x\":[]}}}", 400),
    (
        "POST",
        "/containers/create",
        JSON,
        "{\"Image\":\"busybox\",\"HostConfig\":{\"Ulimits\":[{\"Name\":\"x\"}]}}",
        400,
    ),
    ("POST", "/containers/create", JSON, "{\"Image\":\"busybox\",\"Healthcheck\":{\"Interval\":1}}", 400),
    ("POST", "/containers/create", JSON, "{\"Image\":\"busybox\",\"StopSignal\":\"SIGNOPE\"}", 400),
    ("POST", "/containers/create", "text/plain", "{\"Image\":\"busybox\"}", 400),
    ("POST", "/containers/create", "", "{\"Image\":\"busybox\"}", 400),
    ("POST", "/containers/create?name=-x", JSON, "{\"Image\":\"busybox\"}", 400),
    ("POST", "/containers/create?name=a", JSON, "{\"Image\":\"busybox\"}", 400),
    ("POST", "/containers/create", JSON, "{\"Image\":\"nope\"}", 404),
    ("GET", "/containers/json?limit=x", "", "", 400),
    ("GET", "/containers/json?filters=%7B", "", "", 400),
    ("GET", "/containers/json?filters=%7B%22name%22%3A5%7D", "", "", 400),
    ("GET", "/containers/%ff/json", "", "", 400),
    ("GET", "/containers/nope/json", "", "", 404),
    ("GET", "/containers/nope/top", "", "", 404),
    ("GET", "/containers/nope/stats", "", "", 404),
    ("GET", "/containers/nope/changes", "", "", 404),
    ("GET", "/containers/nope/export", "", "", 404),
    ("GET", "/containers/nope/archive?path=/", "", "", 404),
    ("GET", "/containers/there/archive", "", "", 400),
    ("GET", "/containers/there/archive?path=/nope", "", "", 404),
    ("PUT", "/containers/there/archive?path=/nope", "", "", 404),
    ("PUT", "/containers/there/archive?path=/etc/passwd", "", "", 400),
    (
        "PUT",
        "/containers/there/archive?path=/",
        "application/x-tar",
        "this is no tar, but it is long enough to look at",
        400,
    ),
    ("GET", "/containers/there/top", "", "", 409),
    ("POST", "/containers/there/kill", "", "", 409),
    ("POST", "/containers/there/pause", "", "", 409),
    ("POST", "/containers/there/unpause", "", "", 409),
    ("POST", "/containers/there/stop?t=x", "", "", 400),
    ("POST", "/containers/there/wait?condition=x", "", "", 400),
    ("POST", "/containers/there/rename", "", "", 400),
    ("POST", "/containers/there/rename?name=there", "", "", 400),
    ("POST", "/containers/there/update", JSON, "{\"Memory\":1}", 400),
    ("POST", "/containers/there/update", JSON, "5", 400),
    ("POST", "/containers/there/exec", JSON, "{\"Cmd\":[\"true\"]}", 409),
    ("POST", "/containers/prune?filters=x", "", "", 400),
    ("POST", "/volumes/create", JSON, "{\"Name\":\"a/b\"}", 400),
    ("POST", "/volumes/create", JSON, "{\"Driver\":\"nope\"}", 404),
    ("GET", "/volumes/nope", "", "", 404),
    ("DELETE", "/volumes/nope", "", "", 404),
    ("GET", "/volumes?filters=%7B%22dangling%22%3A%5B%22x%22%5D%7D", "", "", 400),
    ("GET", "/system/df?type=nope", "", "", 400),
    ("GET", "/nope", "", "", 404),
    ("DELETE", "/version", "", "", 404),
    ("GET", "/swarm", "", "", 503),
    ("GET", "/nodes", "", "", 503),
    ("GET", "/tasks", "", "", 503),
];

/// Sends a request and returns status and body.
fn send(daemon: &Daemon, head: &str, body: &[u8]) -> (u16, String) {
    let mut stream = UnixStream::connect(daemon.socket()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    // It may have been answered, and closed, before all was sent.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    (status, body)
}

fn head(method: &str, path: &str, content_type: &str, length: usize) -> String {
    let kind = if content_type.is_empty() { String::new() } else { format!("Content-Type: {content_type}\r\n") };
    format!("{method} {path} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n{kind}Content-Length: {length}\r\n\r\n")
}

#[test]
fn nonsense_is_answered_in_json() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let body = r#"{"Image":"busybox","Unknown":{"a":1},"HostConfig":{"AlsoUnknown":1}}"#;
        let (status, _) =
            send(&daemon, &head("POST", "/containers/create?name=there&x=y", JSON, body.len()), body.as_bytes());
        assert_eq!(status, 201, "unknown fields are no reason to refuse");
        let mut wrong = Vec::new();
        for (method, path, content_type, body, expected) in ROWS {
            let (status, answer) = send(&daemon, &head(method, path, content_type, body.len()), body.as_bytes());
            let message = serde_json::from_str::<Value>(&answer)
                .ok()
                .and_then(|answer| Some(answer["message"].as_str()?.to_owned()));
            if status != *expected || message.is_none_or(|message| message.is_empty()) {
                wrong.push(format!("{method} {path} {body}: {status} {answer}, not {expected}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
fn large_bodies_are_refused_and_chunked_ones_read() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let large = format!("{{\"Image\":\"{}\"}}", "x".repeat(10 << 20));
        let (status, answer) = send(&daemon, &head("POST", "/containers/create", JSON, large.len()), large.as_bytes());
        assert!(status == 413 || status == 0, "{status} {answer}");
        let chunked = "POST /containers/create?name=chunked HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Type: application/json\r\n\
                       Transfer-Encoding: chunked\r\n\r\n";
        let (status, answer) = send(&daemon, chunked, b"a\r\n{\"Image\":\"\r\n9\r\nbusybox\"}\r\n0\r\n\r\n");
        assert_eq!(status, 201, "{answer}");
        // A client that says what it expects, as curl does, is told to go on.
        let body = b"{\"Image\":\"busybox\"}";
        let expects = head("POST", "/containers/create", JSON, body.len())
            .replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n");
        let mut stream = UnixStream::connect(daemon.socket()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.write_all(expects.as_bytes()).unwrap();
        let mut first = [0; 25];
        stream.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    });
}
