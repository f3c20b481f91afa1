//! Traps in a container's life: removal, signals, what is told when nobody looked, where output goes.

use super::{ask, create, encoded, inspect, start};
use crate::{
    harness::{Daemon, wait_for},
    streams::Raw,
};
use drawbridge_kernel::testing::check_in_sandbox;
use serde_json::{Value, json};

/// What was told so far, oldest first.
fn told(daemon: &Daemon, filters: &str) -> Vec<Value> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let until = format!("{}.{:09}", now.as_secs(), now.subsec_nanos());
    let answer = ask(daemon, &format!("GET /events?since=1&until={until}&filters={}", encoded(filters)), "");
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn actions(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["Action"].as_str().unwrap()).collect()
}

#[test]
fn what_removes_itself_goes_whoever_ends_it() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let own = r#""Volumes":{"/data":{}},"HostConfig":{"AutoRemove":true}"#;
        let ends = ["POST /containers/one/stop?t=0", "POST /containers/one/kill", "DELETE /containers/one?force=1"];
        for end in ends {
            start(&daemon, "one", own);
            // Before that it is still the OCI runtime, which ends otherwise when it is asked to.
            wait_for("its process", || {
                ask(&daemon, "GET /containers/one/top", "").body.contains("\"sleep 1000\"").then_some(())
            });
            let mut removed =
                Raw::send(&daemon, "POST /containers/one/wait?condition=removed", "Connection: close\r\n", None);
            assert_eq!(ask(&daemon, end, "").status, 204, "{end}");
            removed.hears(b"{\"StatusCode\":137}");
            assert_eq!(ask(&daemon, "GET /containers/one/json", "").status, 404, "{end}");
        }
        // A start that fails is an end, too.
        create(&daemon, "one", r#""Cmd":["nosuch"],"HostConfig":{"AutoRemove":true}"#);
        assert_eq!(ask(&daemon, "POST /containers/one/start", "").status, 400);
        wait_for("its removal", || (ask(&daemon, "GET /containers/one/json", "").status == 404).then_some(()));
        // Told when its files are gone, after its row.
        let gone = || told(&daemon, r#"{"event":["destroy"],"type":["container"]}"#).len();
        wait_for("its removal to be told of", || (gone() >= 4).then_some(()));
        assert_eq!(gone(), 4);
        // `DELETE` without `v` keeps volumes; --rm takes them along.
        wait_for("its volumes to go", || {
            let volumes = ask(&daemon, "GET /volumes", "").json()["Volumes"].as_array().unwrap().len();
            (volumes <= 1).then_some(())
        });
        let refused = create(&daemon, "both", r#""HostConfig":{"AutoRemove":true,"RestartPolicy":{"Name":"always"}}"#);
        assert_eq!(
            (refused.status, refused.message().as_str()),
            (400, "can't create 'AutoRemove' container with restart policy")
        );
    });
}

#[test]
fn a_stop_uses_the_signal_that_is_asked_for() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let script = |signal: &str, code: u8| {
            format!(r#""Cmd":["sh","-c","trap 'exit {code}' {signal}; echo ready; while :; do sleep 0.05; done"]"#)
        };
        let code = |name: &str| inspect(&daemon, name)["State"]["ExitCode"].clone();
        let ready = |name: &str| {
            wait_for("the trap", || {
                ask(&daemon, &format!("GET /containers/{name}/logs?stdout=1"), "").body.contains("ready").then_some(())
            });
        };
        start(&daemon, "int", &format!(r#""StopSignal":"SIGINT",{}"#, script("INT", 7)));
        ready("int");
        ask(&daemon, "POST /containers/int/stop", "");
        assert_eq!(code("int"), 7, "its own signal");
        start(&daemon, "usr", &script("USR1", 8));
        ready("usr");
        ask(&daemon, "POST /containers/usr/stop?signal=SIGUSR1", "");
        assert_eq!(code("usr"), 8, "that of the request");
        // A process without handlers is deaf to what its namespace's first process may ignore.
        start(&daemon, "deaf", r#""StopTimeout":1,"Cmd":["sh","-c","echo ready; exec sleep 1000"]"#);
        // Before that it is still the OCI runtime, which has handlers.
        ready("deaf");
        assert_eq!(ask(&daemon, "POST /containers/deaf/kill?signal=HUP", "").status, 204);
        assert_eq!(inspect(&daemon, "deaf")["State"]["Running"], true);
        assert_eq!(ask(&daemon, "POST /containers/deaf/kill?signal=nope", "").status, 400);
        ask(&daemon, "POST /containers/deaf/stop", "");
        assert_eq!(code("deaf"), 137);
        let kills = told(&daemon, r#"{"container":["deaf"],"event":["kill"]}"#);
        let signals: Vec<&Value> = kills.iter().map(|event| &event["Actor"]["Attributes"]["signal"]).collect();
        assert_eq!(signals, ["1", "15", "9"]);
    });
}

#[test]
fn an_end_that_nobody_saw_is_told() {
    check_in_sandbox(|| {
        let mut daemon = Daemon::start();
        start(&daemon, "one", r#""Cmd":["sh","-c","while [ ! -e /go ]; do sleep 0.05; done; exit 5"]"#);
        start(&daemon, "gone", r#""HostConfig":{"AutoRemove":true}"#);
        let pid = |name: &str| i32::try_from(inspect(&daemon, name)["State"]["Pid"].as_i64().unwrap()).unwrap();
        let (one, gone) = (pid("one"), pid("gone"));
        daemon.kill();
        std::fs::write(format!("/proc/{one}/root/go"), "").unwrap();
        drawbridge_kernel::process::kill(gone, 9).unwrap();
        wait_for("their ends", || {
            [one, gone].iter().all(|pid| !std::path::Path::new(&format!("/proc/{pid}")).exists()).then_some(())
        });
        daemon.start_again();
        let deaths = told(&daemon, r#"{"event":["die"]}"#);
        let mut codes: Vec<_> = deaths
            .iter()
            .map(|event| &event["Actor"]["Attributes"])
            .map(|attributes| (attributes["name"].as_str().unwrap(), attributes["exitCode"].as_str().unwrap()))
            .collect();
        codes.sort_unstable();
        assert_eq!(codes, [("gone", "137"), ("one", "5")]);
        assert_eq!(actions(&told(&daemon, r#"{"container":["gone"]}"#)), ["die", "destroy"]);
    });
}

#[test]
fn checks_of_health_are_told_as_commands() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        start(&daemon, "one", r#""Healthcheck":{"Test":["CMD","true"],"Interval":50000000,"Retries":1}"#);
        wait_for("its health", || (inspect(&daemon, "one")["State"]["Health"]["Status"] == "healthy").then_some(()));
        // Told after it is shown, and its removal would come between.
        let is_told = || told(&daemon, r#"{"container":["one"],"event":["health_status: healthy"]}"#).len() == 1;
        wait_for("its health to be told of", || is_told().then_some(()));
        ask(&daemon, "DELETE /containers/one?force=1", "");
        let events = told(&daemon, r#"{"container":["one"],"type":["container"]}"#);
        let actions = actions(&events);
        let first = actions.iter().position(|action| *action == "exec_create: true ").unwrap();
        assert_eq!(
            actions[first..first + 4],
            ["exec_create: true ", "exec_start: true ", "exec_die", "health_status: healthy"]
        );
        let attributes = &events[first + 2]["Actor"]["Attributes"];
        assert!(attributes["exitCode"] == "0" && attributes["execID"].as_str().unwrap().len() == 64, "{attributes}");
    });
}

#[test]
fn commands_are_named_until_they_end() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        start(&daemon, "one", "");
        assert_eq!(inspect(&daemon, "one")["ExecIDs"], Value::Null);
        let exec = ask(&daemon, "POST /containers/one/exec", r#"{"Cmd":["sh","-c","read a"],"AttachStdin":true}"#);
        let id = exec.json()["Id"].clone();
        assert_eq!(inspect(&daemon, "one")["ExecIDs"], json!([id]));
        let id = id.as_str().unwrap();
        let mut client = Raw::upgrade(&daemon, &format!("POST /exec/{id}/start"), "{}");
        assert_eq!(inspect(&daemon, "one")["ExecIDs"], json!([id]));
        client.says("word\n");
        client.read_to_end();
        assert_eq!(inspect(&daemon, "one")["ExecIDs"], Value::Null);
    });
}

#[test]
fn log_drivers_keep_what_they_promise() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let run = |name: &str, config: &str| {
            let script = r#""Cmd":["sh","-c","seq 1 30000; echo last"]"#;
            let made = create(&daemon, name, &format!(r#"{script},"HostConfig":{{"LogConfig":{config}}}"#));
            assert_eq!((made.status, made.json()["Warnings"].as_array().unwrap().len()), (201, 0), "{made:?}");
            let mut listener = Raw::upgrade(&daemon, &format!("POST /containers/{name}/attach?stream=1&stdout=1"), "");
            ask(&daemon, &format!("POST /containers/{name}/start"), "");
            listener.hears(b"last\n");
            listener.read_to_end();
            ask(&daemon, &format!("GET /containers/{name}/logs?stdout=1"), "")
        };
        let none = run("none", r#"{"Type":"none"}"#);
        assert_eq!((none.status, none.message().as_str()), (501, "configured logging driver does not support reading"));
        assert_eq!(inspect(&daemon, "none")["LogPath"], "");
        let all = run("all", r#"{"Type":"json-file"}"#);
        assert_eq!((all.status, all.body.matches('\n').count()), (200, 30_001), "each line in its frame");
        let some = run("some", r#"{"Type":"local","Config":{"max-size":"20k","max-file":"1"}}"#);
        assert!(some.body.len() < 20_000 && some.body.ends_with("last\n"), "{}", some.body.len());
        assert_eq!(inspect(&daemon, "some")["HostConfig"]["LogConfig"]["Type"], "local");
    });
}

#[test]
fn a_page_attaches_by_a_web_socket() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        create(
            &daemon,
            "one",
            r#""Cmd":["sh","-c","while read a; do echo got $a; echo err >&2; done"],"OpenStdin":true"#,
        );
        let refused = ask(&daemon, "GET /containers/one/attach/ws?stream=1&stdout=1", "");
        assert_eq!(refused.status, 400, "{refused:?}");
        let headers = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let request = "GET /containers/one/attach/ws?stream=1&stdin=1&stdout=1&stderr=1";
        let mut page = Raw::send(&daemon, request, headers, None);
        assert!(
            page.head.starts_with("HTTP/1.1 101 ") && page.head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            "{}",
            page.head
        );
        ask(&daemon, "POST /containers/one/start", "");
        // A binary message of four bytes, masked with zeros (RFC 6455 section 5.2).
        std::io::Write::write_all(&mut page.stream, b"\x82\x84\0\0\0\0hey\n").unwrap();
        page.hears(b"\x82\x08got hey\n");
        page.hears(b"\x82\x04err\n");
        ask(&daemon, "POST /containers/one/kill", "");
        // The end is said.
        page.hears(b"\x88\x00");
    });
}
