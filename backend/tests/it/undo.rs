//! Taking changes back: each kind, shown first, in the order that is asked for, and refused where it can't be.

use crate::harness::{Daemon, api, docker_is_there};
use drawbridge_kernel::testing::check_in_sandbox;
use serde_json::{Value, json};

/// The latest change.
fn latest(daemon: &Daemon) -> Value {
    api(daemon, "GET", "/api/changes?limit=1", None).1[0].clone()
}

fn undo(daemon: &Daemon, id: &Value, query: &str) -> (u16, Value) {
    api(daemon, "POST", &format!("/api/changes/{id}/undo{query}"), None)
}

/// Takes the latest change back, which must be of this kind: shown first, which changes nothing.
fn take_back(daemon: &Daemon, verb: &str) -> Value {
    let change = latest(daemon);
    assert_eq!(change["verb"], verb, "{change:#}");
    let (status, plan) = undo(daemon, &change["id"], "?preview=true");
    assert_eq!(status, 200, "{plan}");
    assert_eq!(latest(daemon)["id"], change["id"], "a preview is no change");
    let (status, answer) = undo(daemon, &change["id"], "");
    assert_eq!(status, 204, "{answer}");
    let undoer = latest(daemon);
    assert_eq!(undoer["origin"], json!({ "undo": change["id"] }), "{undoer:#}");
    change["id"].clone()
}

fn refused(daemon: &Daemon, id: &Value, words: &str) {
    let (status, answer) = undo(daemon, id, "?preview=true");
    assert_eq!(status, 409, "{answer}");
    assert!(answer["message"].as_str().unwrap().contains(words), "{words} is not in {answer}");
}

#[test]
fn changes_are_taken_back_from_the_last_to_the_first() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let networks = || daemon.docker(&["network", "ls", "--format", "{{.Name}}"]);

        daemon.docker(&["network", "create", "--subnet", "10.9.0.0/24", "--internal", "--label", "a=b", "lab"]);
        let made = latest(&daemon)["id"].clone();
        take_back(&daemon, "create network");
        assert!(!networks().contains("lab"));
        refused(&daemon, &made, "taken back already");
        // What took it back is a change that can be taken back, with all that the network was.
        take_back(&daemon, "remove network");
        let look = "{{(index .IPAM.Config 0).Subnet}} {{.Internal}} {{.Labels.a}}";
        assert_eq!(daemon.docker(&["network", "inspect", "-f", look, "lab"]), "10.9.0.0/24 true b");

        daemon.docker(&["run", "-d", "--name", "box1", "-p", "8080:80", "busybox", "sleep", "1000"]);
        let started = latest(&daemon)["id"].clone();
        daemon.docker(&["network", "connect", "--alias", "one", "--ip", "10.9.0.7", "lab", "box1"]);
        let connected = latest(&daemon)["id"].clone();
        let id = daemon.docker(&["inspect", "-f", "{{.Id}}", "box1"]);
        let ports = json!({ "ports": [{ "container_port": 80, "protocol": "tcp", "host_port": 8081 }] });
        let (status, answer) = api(&daemon, "PUT", &format!("/api/containers/{id}/ports"), Some(ports));
        assert_eq!(status, 200, "{answer}");
        refused(&daemon, &connected, "changed since by change");
        take_back(&daemon, "publish ports of");
        assert_eq!(daemon.docker(&["port", "box1"]).lines().next(), Some("80/tcp -> 0.0.0.0:8080"));
        let (status, _) = undo(&daemon, &connected, "");
        assert_eq!(status, 204, "what came between was taken back");
        take_back(&daemon, "disconnect container");
        let look = "{{.NetworkSettings.Networks.lab.IPAddress}} {{.NetworkSettings.Networks.lab.Aliases}}";
        assert_eq!(daemon.docker(&["inspect", "-f", look, "box1"]), "10.9.0.7 [one]");
        take_back(&daemon, "connect container");

        let (status, answer) = undo(&daemon, &started, "");
        assert_eq!(status, 204, "{answer}");
        assert_eq!(daemon.docker(&["inspect", "-f", "{{.State.Status}}", "box1"]), "exited");
        take_back(&daemon, "stop container");
        assert_eq!(daemon.docker(&["inspect", "-f", "{{.State.Status}}", "box1"]), "running");
    });
}

#[test]
fn what_is_lost_or_changed_is_not_taken_back() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        daemon.docker(&["network", "create", "lab"]);
        let made = latest(&daemon)["id"].clone();
        daemon.docker(&["run", "-d", "--name", "box1", "--network", "lab", "busybox", "sleep", "1000"]);
        // Its own rule for what is in use.
        let (status, answer) = undo(&daemon, &made, "?preview=true");
        assert_eq!(status, 403, "{answer}");
        assert!(answer["message"].as_str().unwrap().contains("box1"), "{answer}");
        daemon.docker(&["rm", "-f", "box1"]);
        let changes = api(&daemon, "GET", "/api/changes?limit=50", None).1;
        let of = |verb: &str| {
            let found = changes.as_array().unwrap().iter().find(|change| change["verb"] == verb);
            found.unwrap_or_else(|| panic!("no {verb} in {changes:#}"))["id"].clone()
        };
        refused(&daemon, &of("remove container"), "with the files written in it");
        refused(&daemon, &of("start container"), "changed since by change");
        assert_eq!(undo(&daemon, &json!(99_999), "").0, 404);

        daemon.docker(&["network", "rm", "lab"]);
        let removed = latest(&daemon)["id"].clone();
        refused(&daemon, &made, "changed since by change");
        daemon.docker(&["network", "create", "lab"]);
        refused(&daemon, &removed, "changed since by change");
    });
}
