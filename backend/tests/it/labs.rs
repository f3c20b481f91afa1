//! Labs as files, by `drawbridge lab` and `/api/labs`: up, up again, changed, failed, seen by docker-compose, down; and what
//! there is as a file and as a script.

use crate::harness::{Daemon, Folders, api, docker_is_there, is_there, run, wait_for};
use drawbridge_kernel::{
    Kernel,
    testing::{check_in_sandbox, in_sandbox, is_able},
};
use drawbridge_plan::{Observed, Scope};
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

const LAB: &str = r#"
name: school
services:
  web:
    image: busybox
    command: ["sh", "-c", "mkdir -p /www; echo ${GREETING:-hello} >/www/index.html; exec httpd -f -h /www"]
    ports: ["127.0.0.1:18181:80"]
    networks: {front: {}, back: {aliases: [www], ipv4_address: 10.77.0.7}}
    depends_on: {db: {condition: service_healthy}}
    stop_grace_period: 0s
  db:
    image: busybox
    command: ["sh", "-c", "touch /data/ready; exec sleep 1000"]
    networks: [back]
    volumes: ["data:/data"]
    healthcheck: {test: ["CMD", "test", "-f", "/data/ready"], interval: 100ms, retries: 300}
    stop_grace_period: 0s
  probe:
    image: busybox
    command: sleep 1000
    network_mode: service:web
    stop_grace_period: 0s
networks:
  front:
  back: {internal: true, ipam: {config: [{subnet: 10.77.0.0/24}]}}
volumes:
  data:
"#;

fn lab(daemon: &Daemon, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_drawbridge"));
    command.arg("lab").args(args).arg("--docker-socket").arg(daemon.socket());
    command.output().unwrap()
}

pub(crate) fn done(daemon: &Daemon, args: &[&str]) -> String {
    let output = lab(daemon, args);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "lab {args:?}: {stdout}{stderr}");
    stdout.into_owned()
}

pub(crate) fn refused(daemon: &Daemon, args: &[&str]) -> String {
    let output = lab(daemon, args);
    assert!(!output.status.success(), "lab {args:?}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn file(daemon: &Daemon, text: &str) -> String {
    let path = daemon.folders().root.join("school.yaml");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Every container, network and volume there is, by id and name.
pub(crate) fn things(daemon: &Daemon) -> String {
    let ps = daemon.docker(&["ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Names}} {{.State}}"]);
    let networks = daemon.docker(&["network", "ls", "--no-trunc", "--format", "{{.ID}} {{.Name}}"]);
    format!("{ps}\n{networks}\n{}", daemon.docker(&["volume", "ls", "-q"]))
}

/// What a web server says to a container. A server that has just been started may not listen yet.
pub(crate) fn fetch(daemon: &Daemon, from: &str, url: &str) -> String {
    said(url, || daemon.docker_output(&["exec", from, "wget", "-qO-", url]))
}

/// What one says to the host.
fn fetch_here(url: &str) -> String {
    said(url, || Command::new("curl").args(["-sS", url]).output().unwrap())
}

fn said(url: &str, mut ask: impl FnMut() -> Output) -> String {
    let answer = wait_for(url, || Some(ask()).filter(|output| output.status.success()));
    String::from_utf8_lossy(&answer.stdout).trim().to_owned()
}

fn id(daemon: &Daemon, name: &str) -> String {
    daemon.docker(&["inspect", "-f", "{{.Id}}", name])
}

#[test]
fn a_lab_comes_up_changes_and_goes() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let before = things(&daemon);
        let path = file(&daemon, LAB);
        let plan = lab(&daemon, &["up", "--plan", &path]);
        let plan = (plan.status.code(), String::from_utf8_lossy(&plan.stdout).into_owned());
        assert_eq!(plan.0, Some(2));
        assert!(plan.1.contains("type bridge") && plan.1.contains("10.77.0.7"), "{}", plan.1);
        assert_eq!(things(&daemon), before, "a plan changes nothing");

        let said = done(&daemon, &["up", &path]);
        assert!(
            said.contains("Network school_front: created") && said.contains("Container school-web-1: created"),
            "{said}"
        );
        assert_eq!(fetch(&daemon, "school-db-1", "http://www"), "hello");
        assert_eq!(fetch(&daemon, "school-probe-1", "http://127.0.0.1"), "hello");
        assert_eq!(fetch_here("http://127.0.0.1:18181/"), "hello");
        let by_label = daemon.docker(&["ps", "-q", "--filter", "label=com.docker.compose.project=school"]);
        assert_eq!(by_label.lines().count(), 3);

        let there = things(&daemon);
        assert_eq!(done(&daemon, &["up", &path]), "");
        assert_eq!(things(&daemon), there, "once more is no more");
        assert!(lab(&daemon, &["up", "--plan", &path]).status.success(), "nothing is left to be done");

        let (db, web, probe) = (id(&daemon, "school-db-1"), id(&daemon, "school-web-1"), id(&daemon, "school-probe-1"));
        file(&daemon, &LAB.replace(":-hello", ":-changed"));
        let said = done(&daemon, &["up", &path]);
        assert!(said.contains("Container school-web-1: recreated"), "{said}");
        assert_eq!(fetch_here("http://127.0.0.1:18181/"), "changed");
        assert_eq!(id(&daemon, "school-db-1"), db, "what has not changed is left alone");
        assert_ne!(id(&daemon, "school-web-1"), web);
        assert_ne!(id(&daemon, "school-probe-1"), probe, "it shares the network of what was made anew");

        // A network of another range takes its containers along.
        file(&daemon, &LAB.replace("10.77.0", "10.78.0"));
        let said = done(&daemon, &["up", &path]);
        assert!(said.contains("Network school_back: recreated"), "{said}");
        assert_ne!(id(&daemon, "school-db-1"), db);
        assert_eq!(fetch(&daemon, "school-db-1", "http://10.78.0.7"), "hello");
        assert_eq!(daemon.docker(&["ps", "-aq"]).lines().count(), 3);

        assert!(
            done(&daemon, &["list"]).contains("school                          3/3        2"),
            "{}",
            done(&daemon, &["list"])
        );
        done(&daemon, &["down", &path, "--volumes"]);
        assert_eq!(things(&daemon), before);
        assert!(refused(&daemon, &["down", "school"]).contains("there is no lab school"));
    });
}

#[test]
fn what_fails_leaves_everything_as_it_was() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let before = things(&daemon);
        let path = file(&daemon, &LAB.replace("touch /data/ready", "exit 3"));
        let error = refused(&daemon, &["up", &path]);
        assert!(error.contains("web depends on container school-db-1, which ended with code 3"), "{error}");
        assert_eq!(things(&daemon), before);

        file(&daemon, LAB);
        done(&daemon, &["up", &path]);
        let there = things(&daemon);
        let (db, web) = (id(&daemon, "school-db-1"), id(&daemon, "school-web-1"));
        // All of it would change, and the last container can't be started: another has its port.
        daemon.docker(&["run", "-d", "--name", "other", "-p", "127.0.0.1:18182:80", "busybox", "sleep", "1000"]);
        file(&daemon, &LAB.replace("10.77.0", "10.78.0").replace("18181", "18182"));
        let error = refused(&daemon, &["up", &path]);
        assert!(error.contains("Port 127.0.0.1:18182 is taken: container other has it"), "{error}");
        daemon.docker(&["rm", "-f", "other"]);
        let back = things(&daemon);
        assert_eq!((id(&daemon, "school-db-1"), id(&daemon, "school-web-1")), (db, web), "the same ones run again");
        // The network is another of the same name and range.
        let without_ids = |text: &str| {
            text.lines().map(|line| line.split_once(' ').map_or(line, |(_, rest)| rest).to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(without_ids(&back), without_ids(&there));
        assert_eq!(fetch(&daemon, "school-db-1", "http://10.77.0.7"), "hello");
        file(&daemon, LAB);
        assert_eq!(done(&daemon, &["up", &path]), "", "it is as the first file says");
    });
}

#[test]
fn docker_compose_sees_the_same_project() {
    if !is_there("docker-compose") || !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let path = file(&daemon, &LAB.replace("name: school", "version: '2.4'"));
        done(&daemon, &["up", "--name", "school", &path]);
        let compose = |args: &[&str]| {
            let output = Command::new("docker-compose")
                .args(["--no-ansi", "-p", "school", "-f", &path])
                .args(args)
                .env("DOCKER_HOST", format!("unix://{}", daemon.socket().display()))
                .output()
                .unwrap();
            assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        assert_eq!(compose(&["ps", "-q", "web"]), id(&daemon, "school-web-1"));
        assert_eq!(fetch(&daemon, "school-db-1", "http://web"), "hello");
        assert_eq!(compose(&["exec", "-T", "db", "wget", "-qO-", "http://web"]), "hello");
        compose(&["down", "-t", "0", "-v"]);
        assert_eq!(daemon.docker(&["ps", "-aq"]), "");
        assert_eq!(daemon.docker(&["network", "ls", "--format", "{{.Name}}"]), "bridge\nhost\nnone");
    });
}

#[test]
fn files_that_make_no_sense_are_refused_with_the_line() {
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let (status, answer) =
            api(&daemon, "POST", "/api/labs", Some(json!({ "name": "x", "text": "services:\n  a: {imgae: b}\n" })));
        assert_eq!(status, 400);
        assert_eq!(answer["message"], "line 2: service a has no `image`; name one, such as busybox");
        let text = "services:\n  a:\n    image: busybox\n    volumes: ['./here:/there']\n";
        let (_, answer) = api(&daemon, "POST", "/api/labs", Some(json!({ "name": "x", "text": text })));
        assert!(answer["message"].as_str().unwrap().starts_with("line 4: ./here is beside the file"), "{answer}");
        assert_eq!(api(&daemon, "DELETE", "/api/labs/none", None).0, 404);
    });
}

/// The lab files of the repository that need no image but busybox.
fn lab_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docker/lab");
    ["two-boxes", "demo-network", "names"].map(|name| folder.join(name).with_extension("yaml")).into()
}

#[test]
fn the_lab_files_come_up_and_are_exported_whole() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let before = things(&daemon);
        let files = lab_files();
        for path in &files {
            done(&daemon, &["up", path.to_str().unwrap()]);
        }
        daemon.docker(&["exec", "client", "ping", "-6", "-c", "1", "-W", "30", "fixed"]);
        daemon.docker(&["exec", "demo-box3", "ping", "-c", "1", "-W", "30", "demo-box2"]);
        let exported = done(&daemon, &["export"]);
        for path in &files {
            done(&daemon, &["down", path.to_str().unwrap()]);
        }
        assert_eq!(things(&daemon), before);
        let copy = file(&daemon, &exported);
        done(&daemon, &["up", &copy]);
        daemon.docker(&["exec", "client", "ping", "-6", "-c", "1", "-W", "30", "fixed"]);
        daemon.docker(&["exec", "demo-box3", "ping", "-c", "1", "-W", "30", "demo-box2"]);
        // By ids and labels it is another; what is asked for is the same.
        let again = done(&daemon, &["export"]);
        assert_eq!(sorted(&again), sorted(&exported));
        let one = done(&daemon, &["export", "exported"]);
        assert!(one.contains("container_name: demo-box3"), "{one}");
        done(&daemon, &["down", "exported"]);
        assert_eq!(things(&daemon), before);
    });
}

/// Lines in an order of their own: services come in that of their making.
fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

fn observe() -> Observed {
    let keys = [drawbridge::engine::IP_FORWARD.to_owned(), drawbridge::engine::IP6_FORWARD.to_owned()];
    Kernel::open().unwrap().observe(&Scope::Everything, &keys).unwrap()
}

#[test]
fn the_script_makes_the_same_on_a_bare_machine() {
    if !is_able() || !docker_is_there() {
        return;
    }
    let (script, made) = in_sandbox(|| {
        let daemon = Daemon::start();
        for path in lab_files() {
            done(&daemon, &["up", path.to_str().unwrap()]);
        }
        done(&daemon, &["up", &file(&daemon, LAB)]);
        daemon.docker(&["network", "create", "--ipv6", "--subnet", "fd00:7::/64", "six"]);
        daemon.docker(&[
            "run",
            "-d",
            "--name",
            "in-six",
            "--network",
            "six",
            "-p",
            "18183:80/udp",
            "busybox",
            "sleep",
            "1000",
        ]);
        (done(&daemon, &["export", "--script"]), observe())
    });
    let typed = in_sandbox(|| {
        let folders = Folders::new();
        let path = folders.root.join("networks.sh");
        fs::write(&path, &script).unwrap();
        run("sh", &[path.to_str().unwrap()]);
        observe()
    });
    assert!(made.objects.len() > 60, "{}", made.objects.len());
    assert_eq!(typed, made);
}
