//! What others make on the machine: seen within a second, told apart from ours, and left alone. The namespaces are made as the
//! chapter makes them, with its script.

use crate::harness::{DEADLINE, Daemon, api, docker_is_there, is_there, links, run, wait_for};
use drawbridge_kernel::testing::check_in_sandbox;
use serde_json::Value;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::Command,
    thread,
    time::{Duration, Instant},
};

/// The chapter's `add-ns-to-br.sh`, word for word.
const SCRIPT: &str = r"#!/bin/bash

bridge=$1
namespace=$2
addr=$3

vethA=veth-$namespace
vethB=eth00

sudo ip netns add $namespace
sudo ip link add $vethA type veth peer name $vethB

sudo ip link set $vethB netns $namespace
sudo ip netns exec $namespace ip addr add $addr dev $vethB
sudo ip netns exec $namespace ip link set $vethB up

sudo ip link set $vethA up

sudo brctl addif $bridge $vethA
";
/// How soon something is to be seen.
const SOON: Duration = Duration::from_secs(1);

/// A shell in the daemon's folder, where `sudo` is there also on a machine whose root has no need of it.
fn shell(daemon: &Daemon, command: &str) -> String {
    let folder = daemon.folders().root.join("class");
    fs::create_dir_all(&folder).unwrap();
    let sudo = folder.join("sudo");
    fs::write(&sudo, "#!/bin/sh\nexec \"$@\"\n").unwrap();
    fs::set_permissions(&sudo, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(folder.join("add-ns-to-br.sh"), SCRIPT).unwrap();
    let path = format!("{}:/usr/sbin:/sbin:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
    let output = Command::new("sh").args(["-c", command]).current_dir(&folder).env("PATH", path).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command}: {stdout}{stderr}");
    stdout.into_owned()
}

/// What the panel has of others, as the last event told it.
fn told(daemon: &Daemon) -> Value {
    let (status, snapshot) = api(daemon, "GET", "/api/snapshot", None);
    assert_eq!(status, 200);
    snapshot["found"].clone()
}

/// Waits until what is told satisfies `condition`. These machines are shared: what counts is that it comes by itself.
fn soon(daemon: &Daemon, what: &str, condition: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let found = told(daemon);
        if condition(&found) {
            return found;
        }
        assert!(begun.elapsed() < DEADLINE, "{what} is not seen: {found:#}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

#[test]
fn the_chapters_namespaces_are_seen_and_left_alone() {
    if !docker_is_there() || !is_there("brctl") {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let ours = daemon.docker(&["run", "-d", "--name", "box1", "busybox", "sleep", "1000"]);
        assert_eq!(told(&daemon), serde_json::json!({ "links": [], "namespaces": [] }), "nothing of ours");

        shell(&daemon, "sudo brctl addbr mydocker0");
        let shown = shell(&daemon, "brctl show");
        assert!(shown.lines().any(|line| line.starts_with("mydocker0\t\t8000.000000000000\tno")), "{shown}");
        soon(&daemon, "the bridge", |found| names(&found["links"]) == ["mydocker0"]);

        shell(&daemon, "sh add-ns-to-br.sh mydocker0 ns1 172.16.1.1/16");
        shell(&daemon, "sh add-ns-to-br.sh mydocker0 ns2 172.16.1.2/16");
        shell(&daemon, "sudo ip link set dev mydocker0 up");
        let pinged = shell(&daemon, "sudo ip netns exec ns1 ping -c 2 -i 0.2 172.16.1.2");
        assert!(pinged.contains("2 packets transmitted, 2 received, 0% packet loss"), "{pinged}");
        let found = soon(&daemon, "the namespaces", |found| {
            let inside = |number: usize| &found["namespaces"][number]["links"];
            names(&found["namespaces"]) == ["ns1", "ns2"]
                && [0, 1].iter().all(|number| inside(*number).as_array().is_some_and(|links| links.len() == 2))
                && found["links"][0]["up"] == true
                && found["links"].as_array().unwrap().iter().filter(|link| link["bridge"] == "mydocker0").count() == 2
                && found["namespaces"][1]["links"][1]["up"] == true
        });
        let veth = found["links"].as_array().unwrap().iter().find(|link| link["name"] == "veth-ns1").unwrap();
        assert_eq!(veth["peer"], serde_json::json!({ "namespace": "ns1", "name": "eth00" }));
        let inner = &found["namespaces"][0]["links"][1];
        assert_eq!(inner["name"], "eth00");
        assert_eq!(inner["addresses"][0], "172.16.1.1/16");
        assert_eq!(inner["peer"], serde_json::json!({ "namespace": null, "name": "veth-ns1" }));

        // All of it, ours marked.
        let (_, all) = api(&daemon, "GET", "/api/observed", None);
        let is_ours = |list: &str, name: &str| {
            let list = all[list].as_array().unwrap();
            list.iter().find(|item| item["name"] == name).map(|item| item["ours"].as_bool().unwrap())
        };
        assert_eq!(is_ours("links", "docker0"), Some(true));
        assert_eq!(is_ours("links", "mydocker0"), Some(false));
        assert_eq!(is_ours("namespaces", &ours[..12]), Some(true));
        assert_eq!(is_ours("namespaces", "ns2"), Some(false));

        // Nothing that the daemon does touches it: not a repair, not a restart, not the end of all that is ours.
        let before = links(&["mydocker0"]);
        let mut daemon = daemon;
        daemon.docker(&["rm", "-f", "box1"]);
        daemon.kill();
        daemon.start_again();
        assert_eq!(names(&told(&daemon)["namespaces"]), ["ns1", "ns2"]);
        daemon.take_down();
        assert_eq!(links(&["mydocker0"]), before);
        run("ip", &["netns", "exec", "ns1", "ping", "-c", "1", "-W", "30", "172.16.1.2"]);
        daemon.start_again();

        shell(&daemon, "sudo ip netns del ns1");
        soon(&daemon, "the end of ns1", |found| names(&found["namespaces"]) == ["ns2"]);
        shell(&daemon, "sudo ip netns del ns2; sudo ip link del mydocker0");
        soon(&daemon, "the end of all", |found| *found == serde_json::json!({ "links": [], "namespaces": [] }));
    });
}

#[test]
fn what_is_found_is_told_within_a_second() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        // Each is made just after the one before was told of. Where the machine is busy it takes more of them, until three were
        // in time; where the daemon were late of itself, none would be.
        let (mut number, mut in_time) = (0, 0);
        wait_for("three that were told of within a second", || {
            number += 1;
            let name = format!("by-hand{number}");
            let begun = Instant::now();
            run("ip", &["netns", "add", &name]);
            soon(&daemon, &name, |found| names(&found["namespaces"]).contains(&name.as_str()));
            in_time += usize::from(begun.elapsed() < SOON);
            (in_time == 3).then_some(())
        });
    });
}
