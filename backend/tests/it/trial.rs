//! Trying a network from inside a container: each probe, and each thing that can be in the way, on the real kernel.

use crate::harness::{Daemon, api, docker_is_there, run, wait_for};
use drawbridge_kernel::testing::check_in_sandbox;
use serde_json::{Value, json};

/// Containers of every kind: `near` and `web` on the network `lab`, `far` on another, `shut` on an internal one, `one` and `two`
/// where icc is off; `web` listens at port 80 everywhere and at 81 for itself.
fn laid_out(daemon: &Daemon) {
    for network in [
        &["lab"][..],
        &["other"],
        &["--internal", "closed"],
        &["-o", "com.docker.network.bridge.enable_icc=false", "apart"],
    ] {
        daemon.docker(&[&["network", "create"], network].concat());
    }
    let servers = "echo hello > /index.html; httpd -p 127.0.0.1:81 -h /; exec httpd -f -p 0.0.0.0:80 -h /";
    daemon.docker(&["run", "-d", "--name", "web", "--network", "lab", "busybox", "sh", "-c", servers]);
    for (name, network) in [
        ("near", "lab"),
        ("far", "other"),
        ("shut", "closed"),
        ("one", "apart"),
        ("two", "apart"),
        ("plain", "bridge"),
        ("none", "none"),
    ] {
        daemon.docker(&["run", "-d", "--name", name, "--network", network, "busybox", "sleep", "100000"]);
    }
    daemon.docker(&["create", "--name", "idle", "--network", "lab", "busybox", "sleep", "1"]);
    wait_for("web to listen", || {
        let sockets = daemon.docker(&["exec", "web", "netstat", "-tln"]);
        [" 127.0.0.1:81 ", " 0.0.0.0:80 "].iter().all(|address| sockets.contains(address)).then_some(())
    });
}

fn attempt(daemon: &Daemon, from: &str, trial: Value) -> Value {
    let (status, answer) = api(daemon, "POST", &format!("/api/containers/{from}/try"), Some(trial));
    assert_eq!(status, 200, "{answer}");
    answer
}

fn reaches(daemon: &Daemon, from: &str, trial: Value, words: &str) -> Value {
    let answer = attempt(daemon, from, trial);
    assert_eq!(answer["reached"], true, "{answer:#}");
    assert!(answer.to_string().contains(words), "{words} is not in {answer:#}");
    answer
}

/// What is in the way, and that its words are there.
fn meets(daemon: &Daemon, from: &str, trial: Value, kind: &str, words: &str) {
    let answer = attempt(daemon, from, trial);
    assert_eq!(answer["reached"], false, "{answer:#}");
    assert_eq!(answer["hindrance"]["kind"], kind, "{answer:#}");
    assert!(answer["hindrance"].to_string().contains(words), "{words} is not in {answer:#}");
}

fn address(daemon: &Daemon, name: &str) -> String {
    daemon.docker(&["inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name])
}

#[test]
fn a_container_reaches_what_it_can_and_learns_what_is_in_the_way() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        laid_out(&daemon);
        let of = |name: &str| address(&daemon, name);

        reaches(&daemon, "near", json!({ "kind": "ping", "target": "web" }), "reply from");
        reaches(&daemon, "near", json!({ "kind": "tcp", "target": "web", "port": 80 }), "accepts TCP connections");
        reaches(&daemon, "near", json!({ "kind": "http", "target": "web", "path": "/index.html" }), "hello");
        reaches(&daemon, "near", json!({ "kind": "http", "target": "web", "path": "/no" }), "404");
        reaches(&daemon, "near", json!({ "kind": "resolve", "target": "web" }), &of("web"));
        reaches(&daemon, "near", json!({ "kind": "trace", "target": of("web") }), "is reached directly");
        reaches(&daemon, "near", json!({ "kind": "ping", "target": "172.18.0.1" }), "reply from");
        reaches(&daemon, "near", json!({ "kind": "trace", "target": "172.17.0.1" }), "is reached directly");

        let (web, far, two) = (of("web"), of("far"), of("two"));
        let tcp = |target: &str, port: u16| json!({ "kind": "tcp", "target": target, "port": port });
        let ping = |target: &str| json!({ "kind": "ping", "target": target });
        meets(&daemon, "near", tcp("web", 8080), "nothing_listens", "it listens at 80");
        meets(&daemon, "near", tcp("web", 81), "only_loopback", "127.0.0.1:81");
        meets(&daemon, "web", tcp("near", 80), "nothing_listens", "nothing listens at any other");
        meets(&daemon, "near", ping("idle"), "stopped", "docker start idle");
        meets(&daemon, "near", ping("far"), "apart", "docker network connect other near");
        meets(&daemon, "near", ping(&far), "apart", "docker network connect other near");
        meets(&daemon, "near", tcp(&far, 80), "apart", "packets between networks are dropped");
        meets(&daemon, "one", ping(&two), "icc_off", "its icc is off");
        meets(&daemon, "one", tcp("two", 80), "icc_off", "published ports only");
        meets(&daemon, "shut", ping("192.0.2.7"), "internal", "docker network connect bridge shut");
        meets(
            &daemon,
            "none",
            ping(&web),
            "no_route",
            "docker network disconnect none none && docker network connect lab none",
        );
        meets(&daemon, "near", ping("172.18.0.200"), "nobody_there", "172.18.0.200");
        meets(
            &daemon,
            "near",
            json!({ "kind": "resolve", "target": "nosuch" }),
            "name_unknown",
            "No container is called nosuch",
        );
        meets(&daemon, "near", json!({ "kind": "resolve", "target": "far" }), "apart", "share no network");
        meets(
            &daemon,
            "plain",
            json!({ "kind": "resolve", "target": "web" }),
            "apart",
            "docker network connect lab plain",
        );
        meets(&daemon, "near", tcp("172.18.0.1", 4), "nothing_listens", "the host");

        // The host has no way there, and containers have one to the host.
        meets(&daemon, "near", tcp("203.0.113.9", 80), "no_route", "The host has no route to 203.0.113.9");
        meets(&daemon, "near", ping("203.0.113.9"), "no_route", "The host has no route to 203.0.113.9");
        for everybody in ["255.255.255.255", "172.18.255.255", "172.19.255.255"] {
            meets(&daemon, "near", ping(everybody), "nobody_there", "is a broadcast address");
            meets(&daemon, "near", tcp(everybody, 80), "nobody_there", "is a broadcast address");
        }
        meets(&daemon, "near", ping("fe80::1"), "no_route", "is a link-local address");
        let itself = json!({ "kind": "resolve", "target": "10.9.0.2" });
        reaches(&daemon, "near", itself, "10.9.0.2 is an address itself: there is nothing to resolve");

        for (from, trial, status) in [
            ("idle", ping("web"), 409),
            ("nosuch", ping("web"), 404),
            ("near", ping(""), 400),
            ("near", ping("http://web/"), 400),
            ("near", json!({ "kind": "tcp", "target": "web" }), 400),
            ("near", json!({ "kind": "tcp", "target": "web", "port": 0 }), 400),
            ("near", json!({ "kind": "http", "target": "web", "path": "/ HTTP/1.1\r\nX: y" }), 400),
        ] {
            let (answered, body) = api(&daemon, "POST", &format!("/api/containers/{from}/try"), Some(trial));
            assert_eq!(answered, status, "{body}");
        }
    });
}

/// Does what is told, as it is told, and tries again.
fn mended(daemon: &Daemon, from: &str, trial: &Value) {
    let answer = attempt(daemon, from, trial.clone());
    assert_eq!(answer["reached"], false, "{answer:#}");
    let told = answer["hindrance"]["remedy"]["command"].as_str().unwrap_or_else(|| panic!("no command: {answer:#}"));
    for command in told.split(" && ") {
        let words: Vec<&str> = command.split(' ').collect();
        assert_eq!(words[0], "docker", "{told}");
        daemon.docker(&words[1..]);
    }
    let answer = attempt(daemon, from, trial.clone());
    assert_eq!(answer["reached"], true, "after {told}: {answer:#}");
}

#[test]
fn commands_that_are_told_mend_what_they_are_told_for() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        laid_out(&daemon);
        for (name, network) in
            [("flat", "bridge"), ("void", "none"), ("gone", "none"), ("alone", "none"), ("hosty", "host")]
        {
            daemon.docker(&["run", "-d", "--name", name, "--network", network, "busybox", "sleep", "100000"]);
        }
        for name in ["together", "six"] {
            daemon.docker(&["network", "create", name]);
        }
        let ping = |target: &str| json!({ "kind": "ping", "target": target });
        let resolve = |target: &str| json!({ "kind": "resolve", "target": target });
        let advised = "can be connected to no network";
        meets(&daemon, "near", ping("hosty"), "apart", advised);
        meets(&daemon, "hosty", resolve("web"), "name_unknown", advised);
        meets(&daemon, "hosty", ping("203.0.113.9"), "no_route", "the host has no route to 203.0.113.9");

        mended(&daemon, "near", &ping(&address(&daemon, "far")));
        mended(&daemon, "none", &ping(&address(&daemon, "web")));
        mended(&daemon, "void", &ping("web"));
        mended(&daemon, "near", &ping("gone"));
        mended(&daemon, "plain", &resolve("flat"));
        mended(&daemon, "flat", &ping("web"));
        mended(&daemon, "one", &ping("two"));
        mended(&daemon, "shut", &ping(&address(&daemon, "web")));
        mended(&daemon, "alone", &ping("172.17.0.1"));
    });
}

#[test]
fn rules_of_others_and_rules_inside_are_told_apart() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        laid_out(&daemon);
        // A network behind the host, with somebody in it.
        run("ip", &["netns", "add", "outside"]);
        run("ip", &["link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns", "outside"]);
        run("ip", &["addr", "add", "192.0.2.1/24", "dev", "up0"]);
        run("ip", &["link", "set", "up0", "up"]);
        run("ip", &["-n", "outside", "addr", "add", "192.0.2.7/24", "dev", "eth0"]);
        run("ip", &["-n", "outside", "link", "set", "eth0", "up"]);
        let ping = |target: &str| json!({ "kind": "ping", "target": target });
        reaches(&daemon, "near", ping("192.0.2.7"), "reply from 192.0.2.7");
        reaches(&daemon, "near", json!({ "kind": "trace", "target": "192.0.2.7" }), "by way of 1 router");
        meets(
            &daemon,
            "near",
            json!({ "kind": "tcp", "target": "192.0.2.7", "port": 9 }),
            "nothing_listens",
            "192.0.2.7",
        );

        run("nft", &["add", "table", "inet", "fw"]);
        run("nft", &["add", "chain", "inet", "fw", "forward", "{ type filter hook forward priority 0; policy drop; }"]);
        meets(&daemon, "near", ping("192.0.2.7"), "foreign_rule", "policy drop");
        // One about a port is told to who tries this port.
        run("nft", &["flush", "table", "inet", "fw"]);
        run("nft", &["add", "chain", "inet", "fw", "forward", "{ policy accept; }"]);
        run("nft", &["add", "rule", "inet", "fw", "forward", "tcp", "dport", "9", "drop"]);
        let tcp = |port: u16| json!({ "kind": "tcp", "target": "192.0.2.7", "port": port });
        meets(&daemon, "near", tcp(9), "foreign_rule", "tcp dport 9");
        meets(&daemon, "near", tcp(10), "nothing_listens", "192.0.2.7");
        let answer = attempt(&daemon, "near", tcp(9));
        run("sh", &["-c", answer["hindrance"]["remedy"]["command"].as_str().unwrap()]);
        meets(&daemon, "near", tcp(9), "nothing_listens", "192.0.2.7");
        // One that answers in the place of who was asked is no far end at which nothing listens.
        run("nft", &["flush", "table", "inet", "fw"]);
        run("nft", &["add", "rule", "inet", "fw", "forward", "tcp", "dport", "9", "reject", "with", "tcp", "reset"]);
        meets(&daemon, "near", tcp(9), "foreign_rule", "tcp dport 9 reject with tcp reset");
        meets(&daemon, "near", tcp(10), "nothing_listens", "192.0.2.7");
        reaches(&daemon, "near", ping("192.0.2.7"), "reply from");
        run("nft", &["delete", "table", "inet", "fw"]);
        reaches(&daemon, "near", ping("192.0.2.7"), "reply from");

        let namespace = daemon.docker(&["inspect", "-f", "{{.Id}}", "web"])[..12].to_owned();
        let inside = format!("--net=/run/netns/{namespace}");
        run("nsenter", &[&inside, "nft", "add", "table", "inet", "fw"]);
        let chain = "{ type filter hook input priority 0; policy drop; }";
        run("nsenter", &[&inside, "nft", "add", "chain", "inet", "fw", "input", chain]);
        let command = format!("nsenter --net=/run/netns/{namespace} nft list ruleset");
        meets(&daemon, "near", ping("web"), "unseen", &command);
        meets(&daemon, "near", json!({ "kind": "tcp", "target": "web", "port": 80 }), "unseen", &command);
    });
}
