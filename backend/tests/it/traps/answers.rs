//! Traps in how requests are answered: statuses, bodies, words, headers.

use super::{ask, create, inspect, start};
use crate::{
    harness::{Daemon, wait_for},
    streams::Raw,
};
use drawbridge_kernel::testing::check_in_sandbox;
use std::{
    io::Write,
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

#[test]
fn a_wait_keeps_its_condition() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        start(&daemon, "one", "");
        // All have their headers before anything ends.
        let conditions = ["?condition=next-exit", "", "?condition=removed"];
        let mut waits = conditions.map(|condition| {
            Raw::send(&daemon, &format!("POST /containers/one/wait{condition}"), "Connection: close\r\n", None)
        });
        for wait in &waits {
            assert!(wait.head.starts_with("HTTP/1.1 200") && wait.head.contains("application/json"), "{}", wait.head);
        }
        ask(&daemon, "POST /containers/one/kill", "");
        for wait in &mut waits[..2] {
            wait.hears(b"{\"StatusCode\":137}");
        }
        wait_for("its end", || (inspect(&daemon, "one")["State"]["Running"] == false).then_some(()));
        // One that does not run is not waited for; a past end is no next one.
        assert_eq!(ask(&daemon, "POST /containers/one/wait", "").json()["StatusCode"], 137);
        let mut next =
            Raw::send(&daemon, "POST /containers/one/wait?condition=next-exit", "Connection: close\r\n", None);
        ask(&daemon, "POST /containers/one/start", "");
        ask(&daemon, "POST /containers/one/kill?signal=9", "");
        next.hears(b"{\"StatusCode\":137}");
        ask(&daemon, "DELETE /containers/one", "");
        waits[2].hears(b"{\"StatusCode\":137}");
        assert_eq!(ask(&daemon, "POST /containers/one/wait?condition=removed", "").status, 404);
    });
}

#[test]
fn statuses_and_bodies_are_dockers() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        create(&daemon, "one", "");
        let rows = [
            ("POST /containers/one/stop", "", 304),
            ("POST /containers/one/start", "", 204),
            ("POST /containers/one/start", "", 304),
            ("POST /containers/one/pause", "", 204),
            ("POST /containers/one/unpause", "", 204),
            ("POST /containers/one/rename?name=two", "", 204),
            ("POST /containers/two/resize?h=1&w=2", "", 200),
            ("POST /networks/create", r#"{"Name":"lab"}"#, 201),
            ("POST /networks/lab/connect", r#"{"Container":"two"}"#, 200),
            ("POST /networks/lab/disconnect", r#"{"Container":"two"}"#, 200),
            ("DELETE /networks/lab", "", 204),
            ("POST /images/busybox/tag?repo=other&tag=1", "", 201),
            ("POST /volumes/create", r#"{"Name":"data"}"#, 201),
            ("DELETE /volumes/data", "", 204),
            ("POST /containers/two/exec", r#"{"Cmd":["true"]}"#, 201),
            ("POST /containers/two/restart?t=0", "", 204),
            ("POST /containers/two/kill", "", 204),
            ("DELETE /containers/two?force=1&v=1", "", 204),
            ("GET /v1.50/nope", "", 404),
        ];
        for (request, body, status) in rows {
            let answer = ask(&daemon, request, body);
            assert_eq!(answer.status, status, "{request}: {answer:?}");
            if matches!(status, 200 | 204 | 304) {
                let has_length = answer.head.contains("content-length: ") && !answer.head.contains("content-length: 0");
                assert!(answer.body.is_empty() && !has_length, "{request}: {answer:?}");
            }
            for header in ["api-version: 1.50", "docker-experimental: false", "ostype: linux", "server: docker/28.2.2"]
            {
                assert!(answer.head.contains(header), "{request} lacks {header}: {answer:?}");
            }
        }
        let answer = ask(&daemon, "GET /v1.50/nope", "");
        assert_eq!(
            (answer.body.as_str(), answer.head.contains("application/json")),
            (r#"{"message":"page not found"}"#, true)
        );
    });
}

/// Requests, statuses, and words that clients look for; `ID` stands for the id of the container `clash`.
const REFUSALS: &[(&str, &str, u16, &str)] = &[
    ("GET /containers/nope/json", "", 404, "No such container: nope"),
    ("GET /networks/nope", "", 404, "network nope not found"),
    ("GET /images/nope/json", "", 404, "No such image: nope:latest"),
    ("GET /exec/nope/json", "", 404, "No such exec instance: nope"),
    ("GET /volumes/nope", "", 404, "get nope: no such volume"),
    (
        "DELETE /containers/web",
        "",
        409,
        "cannot remove container \"web\": container is running: stop the container before removing or force remove",
    ),
    ("DELETE /networks/bridge", "", 403, "bridge is a pre-defined network and cannot be removed"),
    (
        "DELETE /networks/lab",
        "",
        403,
        "error while removing network: network lab has active endpoints (name:\"web\" id:\"",
    ),
    ("POST /networks/create", r#"{"Name":"lab"}"#, 409, "network with name lab already exists"),
    (
        "POST /networks/create",
        r#"{"Name":"ov","IPAM":{"Config":[{"Subnet":"172.17.0.0/24"}]}}"#,
        403,
        "invalid pool request: Pool overlaps with other one on this address space",
    ),
    (
        "POST /networks/create",
        r#"{"Name":"ov","IPAM":{"Config":[{"Subnet":"172.17.0.0/33"}]}}"#,
        400,
        "invalid network config:\ninvalid subnet 172.17.0.0/33: invalid CIDR block notation",
    ),
    ("POST /networks/create", r#"{"Name":"ov","Driver":"nope"}"#, 404, "plugin \"nope\" not found"),
    (
        "POST /networks/lab/connect",
        r#"{"Container":"web"}"#,
        403,
        "endpoint with name web already exists in network lab",
    ),
    (
        "POST /networks/lab/connect",
        r#"{"Container":"hostc"}"#,
        400,
        "container sharing network namespace with another container or host cannot be connected to any other network",
    ),
    ("POST /networks/lab/disconnect", r#"{"Container":"clash"}"#, 500, "container ID is not connected to network lab"),
    ("POST /containers/clash/kill", "", 409, "cannot kill container: clash: container ID is not running"),
    ("POST /containers/clash/exec", r#"{"Cmd":["true"]}"#, 409, "container ID is not running"),
    (
        "POST /containers/clash/start",
        "",
        500,
        "failed to set up container networking: driver failed programming external connectivity on endpoint clash (",
    ),
    ("POST /containers/clash/start", "", 500, "Bind for 0.0.0.0:8080 failed: port is already allocated"),
    ("GET /containers/json?filters=x", "", 400, "invalid filter"),
    ("GET /containers/json?filters=%7B%22nope%22%3A%5B%221%22%5D%7D", "", 400, "invalid filter 'nope'"),
    (
        "POST /containers/create?name=-x",
        r#"{"Image":"busybox"}"#,
        400,
        "Invalid container name (-x), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
    ),
    (
        "POST /containers/create?name=web",
        r#"{"Image":"busybox"}"#,
        409,
        "Conflict. The container name \"/web\" is already in use by container \"",
    ),
    ("POST /containers/create", r#"{"Image":"nosuch"}"#, 404, "No such image: nosuch:latest"),
    (
        "POST /containers/create",
        r#"{"Image":"busybox","NetworkingConfig":{"EndpointsConfig":{"bridge":{"Aliases":["x"]}}}}"#,
        400,
        "invalid config for network bridge: invalid endpoint settings:\nnetwork-scoped alias is supported only for containers in user defined networks",
    ),
    (
        "POST /containers/create",
        r#"{"Image":"busybox","NetworkingConfig":{"EndpointsConfig":{"bridge":{"IPAMConfig":{"IPv4Address":"172.17.0.9"}}}}}"#,
        400,
        "user specified IP address is supported on user defined networks only",
    ),
    (
        "POST /v1.43/containers/create",
        r#"{"Image":"busybox","NetworkingConfig":{"EndpointsConfig":{"bridge":{},"lab":{}}}}"#,
        400,
        "Container cannot be created with multiple network endpoints: bridge, lab",
    ),
    ("POST /containers/create", r#"{"Image":"busybox","HostConfig":{"CpuRealtimeRuntime":9000000}}"#, 400, "real-time"),
    (
        "POST /containers/create",
        r#"{"Image":"busybox","HostConfig":{"LogConfig":{"Type":"nope"}}}"#,
        400,
        "logger: no log driver named 'nope' is registered",
    ),
    ("POST /containers/web/wait?condition=x", "", 400, "invalid condition: \"x\""),
    ("GET /v9.9/info", "", 400, "client version 9.9 is too new. Maximum supported API version is 1.50"),
    (
        "GET /v1.23/info",
        "",
        400,
        "client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version",
    ),
    ("POST /containers/missing/start", "", 400, "exec: \"nosuchcmd\": executable file not found in $PATH"),
    ("POST /containers/denied/start", "", 400, "exec: \"/etc/passwd\": permission denied"),
];

#[test]
fn refusals_have_dockers_words() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let published = r#""HostConfig":{"PortBindings":{"80/tcp":[{"HostPort":"8080"}]}}"#;
        start(&daemon, "web", published);
        create(&daemon, "clash", published);
        create(&daemon, "missing", r#""Cmd":["nosuchcmd"]"#);
        create(&daemon, "denied", r#""Cmd":["/etc/passwd"]"#);
        start(&daemon, "hostc", r#""HostConfig":{"NetworkMode":"host"}"#);
        ask(&daemon, "POST /networks/create", r#"{"Name":"lab"}"#);
        ask(&daemon, "POST /networks/lab/connect", r#"{"Container":"web"}"#);
        let id = inspect(&daemon, "clash")["Id"].as_str().unwrap().to_owned();
        let mut wrong = Vec::new();
        for (request, body, status, words) in REFUSALS {
            let answer = ask(&daemon, request, body);
            let words = words.replace("ID", if words.contains("ID ") { &id } else { "ID" });
            if answer.status != *status || !answer.message().contains(&words) {
                wrong.push(format!("{request} {body}: {} {}", answer.status, answer.body));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let state = &inspect(&daemon, "clash")["State"];
        assert!(state["Status"] == "created" && state["ExitCode"] == 128, "{state}");
        let error = state["Error"].as_str().unwrap();
        let (_, named) = error.split_once("on endpoint clash (").unwrap();
        let (endpoint, why) = named.split_once("): ").unwrap();
        assert!(endpoint.len() == 64 && endpoint.bytes().all(|digit| digit.is_ascii_hexdigit()), "{error}");
        assert!(why.starts_with("Bind for 0.0.0.0:8080 failed: port is already allocated"), "{error}");
        for (name, code) in [("missing", 127), ("denied", 126)] {
            assert_eq!(inspect(&daemon, name)["State"]["ExitCode"], code, "{name}");
        }
        let mut form = Raw::send(
            &daemon,
            "POST /containers/create",
            "Connection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n",
            None,
        );
        form.read_to_end();
        assert!(form.head.starts_with("HTTP/1.1 400"), "{}", form.head);
        // Nothing of this is the daemon's fault, also where Docker answers with 500.
        let log = std::fs::read_to_string(daemon.folders().root.join("log")).unwrap();
        assert!(!log.contains("swarm manager") && !log.contains("ERROR"), "{log}");
        assert!(log.contains("request not met"), "{log}");
    });
}

#[test]
fn failures_after_the_headers_stand_in_the_stream() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let mut archive = tar_of("Dockerfile", "FROM busybox\nCOPY nothing /there\n");
        let head = format!(
            "POST /build?version=1 HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Type: application/x-tar\r\nContent-Length: {}\r\n\r\n",
            archive.len()
        );
        let mut stream = UnixStream::connect(daemon.socket()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&archive).unwrap();
        archive.clear();
        let mut raw = Raw { stream, head: String::new(), rest: Vec::new() };
        raw.read_to_end();
        let text = String::from_utf8_lossy(&raw.rest).into_owned();
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        assert!(text.contains(r#"{"stream":"Step 1/2 : FROM busybox\n"}"#), "{text}");
        assert!(text.contains("\"errorDetail\":{") && text.contains("\"error\":\""), "{text}");
    });
}

fn tar_of(name: &str, content: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    builder.append_data(&mut header, name, content.as_bytes()).unwrap();
    builder.into_inner().unwrap()
}

#[test]
fn odd_requests_are_taken() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        create(&daemon, "one", r#""Unknown":1,"HostConfig":{"AlsoUnknown":{}}"#);
        let odd = |request: &str, headers: &str, body: &[u8]| {
            let stream = wait_for("a body in time", || {
                let mut stream = UnixStream::connect(daemon.socket()).unwrap();
                stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
                let length = body.len();
                let begun = Instant::now();
                write!(
                    stream,
                    "{request} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n"
                )
                .unwrap();
                // Apart from its head, as Python's clients send it, also where nobody reads it.
                std::thread::sleep(Duration::from_millis(20));
                match stream.write_all(body) {
                    Ok(()) => Some(stream),
                    // A machine that stood still: such a body is waited for two seconds, and no longer.
                    Err(_) if begun.elapsed() > Duration::from_secs(1) => None,
                    Err(error) => panic!("{request}: {error}"),
                }
            });
            let mut raw = Raw { stream, head: String::new(), rest: Vec::new() };
            raw.read_to_end();
            String::from_utf8_lossy(&raw.rest)[..12].to_owned()
        };
        assert_eq!(odd("POST /containers/one/start", "Content-Type: text/plain\r\n", b""), "HTTP/1.1 204");
        assert_eq!(
            odd("POST /containers/one/start?unknown=1", "Traceparent: 00-1\r\nX-Meta-A: b\r\n", b"{}"),
            "HTTP/1.1 304"
        );
        assert_eq!(
            odd("POST /containers/nope/start", "Content-Type: application/json\r\n", &[b' '; 100_000]),
            "HTTP/1.1 404"
        );
        assert_eq!(odd("POST /swarm/init", "Content-Type: application/json\r\n", b"{}"), "HTTP/1.1 503");
        assert_eq!(
            odd(
                "POST /containers/create",
                "Content-Type: application/json; charset=utf-8\r\n",
                br#"{"Image":"busybox"}"#
            ),
            "HTTP/1.1 201"
        );
        assert_eq!(
            odd("POST /containers/one/exec", "Content-Type: text/plain\r\n", br#"{"Cmd":["true"]}"#),
            "HTTP/1.1 400"
        );

        // A connection that is kept carries a session as its last request.
        let mut kept = Raw::send(&daemon, "GET /_ping", "", None);
        kept.hears(b"OK");
        kept.says("POST /containers/one/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n");
        kept.hears(b"HTTP/1.1 101 ");
    });
}

#[test]
fn what_is_not_ours_answers_as_an_engine_without_it() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        for path in ["/swarm", "/nodes", "/services", "/tasks", "/secrets", "/configs"] {
            let answer = ask(&daemon, &format!("GET {path}"), "");
            assert!(
                answer.status == 503 && answer.message().starts_with("This node is not a swarm manager."),
                "{answer:?}"
            );
        }
        assert_eq!(ask(&daemon, "GET /plugins", "").body, "[]");
        for request in ["POST /grpc", "POST /session"] {
            assert_eq!(ask(&daemon, request, "").status, 404, "{request}");
        }
        let ping = ask(&daemon, "GET /_ping", "");
        for header in
            ["builder-version: 1", "swarm: inactive", "pragma: no-cache", "content-type: text/plain; charset=utf-8"]
        {
            assert!(ping.head.contains(header), "{ping:?}");
        }
        let head = ask(&daemon, "HEAD /_ping", "");
        assert_eq!((head.status, head.body.as_str()), (200, ""));
        let info = ask(&daemon, "GET /info", "").json();
        assert_eq!(info["Swarm"]["LocalNodeState"], "inactive");
        // The daemon's log tells of no failure.
        let log = std::fs::read_to_string(daemon.folders().root.join("log")).unwrap();
        assert!(!log.contains("request failed"), "{log}");
    });
}
