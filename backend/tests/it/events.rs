//! `/events` as clients hear them: order, attributes, replay and filters, with the docker command.

use crate::harness::{DEADLINE, Daemon, docker_is_there, wait_for};
use drawbridge_kernel::testing::check_in_sandbox;
use serde_json::Value;
use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

/// This moment as the command hands it on unchanged; it cuts `0s` down to whole seconds.
fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    format!("{}.{:09}", since.as_secs(), since.subsec_nanos())
}

/// All that was told so far, as `type action name`.
fn told(daemon: &Daemon, filters: &[&str]) -> Vec<String> {
    let now = now();
    let filters = filters.iter().flat_map(|filter| ["--filter", filter]);
    let args = ["events", "--since", "1h", "--until", &now, "--format", "{{json .}}"].into_iter().chain(filters);
    let lines = daemon.docker(&args.collect::<Vec<_>>());
    let words = lines.lines().map(|line| {
        let event: Value = serde_json::from_str(line).unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        assert!(event["scope"] == "local" && event["timeNano"].as_i64().unwrap() > event["time"].as_i64().unwrap());
        format!("{} {} {}", text(&event["Type"]), text(&event["Action"]), text(&event["Actor"]["Attributes"]["name"]))
    });
    words.collect()
}

#[test]
fn a_life_is_told_in_dockers_order() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        daemon.docker(&["run", "--rm", "--name", "one", "busybox", "true"]);
        let life = ["create", "attach", "connect", "start", "disconnect", "die", "destroy"];
        let of = |word: &str| match word {
            "connect" | "disconnect" => format!("network {word} bridge"),
            word => format!("container {word} one"),
        };
        wait_for("the end to be told", || (told(&daemon, &["event=destroy"]).len() == 1).then_some(()));
        let all = told(&daemon, &[]);
        let begun = all.iter().position(|line| line == "container create one").unwrap();
        assert_eq!(all[begun..], life.map(of));
    });
}

#[test]
fn stops_commands_and_networks_are_told() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        daemon.docker(&["network", "create", "lab"]);
        let begun = Instant::now();
        let id = daemon.docker(&[
            "run",
            "-d",
            "--name",
            "two",
            "--label",
            "tier=back",
            "--network",
            "lab",
            "busybox",
            "sleep",
            "1000",
        ]);
        daemon.docker(&["exec", "two", "sh", "-c", "exit 0"]);
        daemon.docker(&["stop", "-t", "0", "two"]);
        daemon.docker(&["rm", "two"]);
        daemon.docker(&["network", "rm", "lab"]);
        assert_eq!(
            told(&daemon, &["type=network", "network=lab"]),
            ["network create lab", "network connect lab", "network disconnect lab", "network destroy lab"]
        );
        // Docker kills at once when the time is none; the first signal is told too.
        let container = told(&daemon, &["container=two"]);
        let expected = [
            "container create two",
            "container start two",
            "container exec_create: sh -c exit 0 two",
            "container exec_start: sh -c exit 0 two",
            "container exec_die two",
            "container kill two",
            "container kill two",
            "container stop two",
            "container die two",
            "container destroy two",
        ];
        assert_eq!(container, expected);
        assert_eq!(told(&daemon, &["label=tier=back", "event=die"]), ["container die two"]);
        assert_eq!(told(&daemon, &["label=tier=front"]), Vec::<String>::new());
        let die = daemon.docker(&["events", "--since", "1h", "--until", &now(), "--filter", "event=die", "--format",
            "{{.ID}} {{.From}} {{.Status}} {{.Actor.Attributes.exitCode}} {{.Actor.Attributes.execDuration}} {{.Actor.Attributes.tier}}"]);
        let ran_s = die.split(' ').nth(4).and_then(|ran_s| ran_s.parse().ok()).unwrap_or(u64::MAX);
        assert!(ran_s <= begun.elapsed().as_secs(), "{die}");
        assert_eq!(die, format!("{id} busybox die 137 {ran_s} back"));
    });
}

#[test]
fn headers_come_before_the_first_event() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let ask = |query: &str| {
            let mut stream = UnixStream::connect(daemon.socket()).unwrap();
            stream.set_read_timeout(Some(DEADLINE)).unwrap();
            write!(stream, "GET /v1.50/events{query} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n").unwrap();
            stream
        };
        let mut buffer = [0; 4096];
        let length = ask("").read(&mut buffer).unwrap();
        let head = String::from_utf8_lossy(&buffer[..length]);
        assert!(head.starts_with("HTTP/1.1 200 OK") && head.contains("application/json"), "{head}");
        for (query, status) in [
            ("?since=soon", "400"),
            ("?since=20&until=10", "400"),
            ("?filters=%7B%22nope%22%3A%5B%22a%22%5D%7D", "400"),
            ("?until=10", "200"),
            ("?until=1700000000.5", "200"),
        ] {
            let mut answer = String::new();
            // An end that lies in the past is the end of the answer.
            ask(query).read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{query}: {answer}");
        }
    });
}
