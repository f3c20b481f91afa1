//! What the inspector shows of the kernel: word for word what iproute2 prints of it at the same moment, counters that follow the
//! traffic, and the commands that make a thing from nothing.

use crate::harness::{Daemon, api, docker_is_there, run, wait_for};
use drawbridge_kernel::testing::check_in_sandbox;
use serde_json::Value;

/// Compares each listing of an answer with what its own command prints. Neighbours change by themselves, so it is looked again.
fn check_printed(daemon: &Daemon, path: &str, kinds: &[&str]) {
    let mut told = String::new();
    let same = || {
        let (status, listings) = api(daemon, "GET", path, None);
        assert_eq!(status, 200, "{path}: {listings}");
        let listings = listings.as_array().unwrap().clone();
        let found: Vec<&str> = listings.iter().map(|listing| listing["kind"].as_str().unwrap()).collect();
        assert_eq!(found, kinds, "{path}");
        for listing in &listings {
            let command = listing["command"].as_str().unwrap();
            let words: Vec<&str> = command.split(' ').collect();
            // Blanks at the ends of lines, and the second one that `ip neighbour` puts before a state, say nothing.
            let tidy = |line: &str| line.trim_end().replace("  ", " ");
            let printed: Vec<String> = run(words[0], &words[1..]).lines().map(tidy).collect();
            let shown: Vec<String> =
                listing["lines"].as_array().unwrap().iter().map(|line| tidy(line.as_str().unwrap())).collect();
            if shown != printed {
                let difference = format!("{command}\nshown:   {shown:#?}\nprinted: {printed:#?}");
                if difference != told {
                    println!("{difference}");
                    told = difference;
                }
                return None;
            }
        }
        Some(())
    };
    wait_for(&format!("{path} to be what its commands print"), same);
}

fn received(daemon: &Daemon, link: &str) -> u64 {
    let (_, report) = api(daemon, "GET", "/api/links", None);
    let links = report["links"].as_array().unwrap();
    let found = links.iter().find(|counted| counted["name"] == link);
    found.unwrap_or_else(|| panic!("{link} is not in {report}"))["received"]["bytes"].as_u64().unwrap()
}

/// Waits until the first container reaches the second: a bridge takes a moment to see that its ports are up.
fn is_reached(daemon: &Daemon) {
    let ping = ["exec", "box1", "ping", "-c", "1", "-W", "1", "172.17.0.3"];
    wait_for("box2 to be reached", || daemon.docker_output(&ping).status.success().then_some(()));
}

#[test]
fn the_kernel_is_shown_as_ip_prints_it() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        daemon.docker(&["network", "create", "--ipv6", "--subnet", "10.77.0.0/24", "--subnet", "fd77::/64", "demo"]);
        daemon.run_sleeper("box1");
        daemon.run_sleeper("box2");
        daemon.docker(&["network", "connect", "demo", "box1"]);
        is_reached(&daemon);
        // Nobody has this one: a neighbour without an answer.
        let _ = daemon.docker_output(&["exec", "box1", "ping", "-c", "1", "-W", "1", "10.77.0.99"]);
        for command in [
            "ip link add solo type dummy",
            "ip link add pair type veth peer name other",
            "ip route add unreachable 10.66.0.0/16",
            "ip route add 10.67.0.0/16 metric 50 nexthop via 10.77.0.2 nexthop via 10.77.0.3",
        ] {
            let words: Vec<&str> = command.split(' ').collect();
            // Not every kernel has dummy links.
            let _ = std::process::Command::new(words[0]).args(&words[1..]).output().unwrap();
        }
        let roads = ["addresses", "routes4", "routes6", "neighbours"];
        check_printed(&daemon, "/api/kernel", &roads);
        let bridge = daemon.docker(&["network", "inspect", "-f", "{{.ID}}", "demo"]);
        let bridge = format!("br-{}", &bridge[..12]);
        for link in ["docker0", &bridge] {
            let all = ["addresses", "routes4", "routes6", "neighbours", "forwarding"];
            check_printed(&daemon, &format!("/api/kernel/links/{link}"), &all);
        }
        check_printed(&daemon, "/api/kernel/links/pair", &roads);
        check_printed(&daemon, "/api/kernel/links/lo", &roads);
        let ports = run("ip", &["-o", "link", "show", "master", "docker0"]);
        let port = ports.lines().next().and_then(|line| line.split([' ', '@']).nth(1)).unwrap();
        check_printed(&daemon, &format!("/api/kernel/links/{port}"), &["addresses", "forwarding"]);
        let id = daemon.docker(&["inspect", "-f", "{{.Id}}", "box1"]);
        check_printed(&daemon, &format!("/api/kernel/namespaces/{}", &id[..12]), &roads);

        for (path, status) in
            [("links/none", 404), ("links/a%20b", 400), ("namespaces/none", 404), ("namespaces/a%2Fb", 400)]
        {
            let (answered, refusal) = api(&daemon, "GET", &format!("/api/kernel/{path}"), None);
            assert_eq!(answered, status, "{path}: {refusal}");
        }
    });
}

#[test]
fn links_count_what_passes() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        daemon.run_sleeper("box1");
        daemon.run_sleeper("box2");
        let port = run("ip", &["-o", "link", "show", "master", "docker0"]);
        let port = port.lines().next().and_then(|line| line.split([' ', '@']).nth(1)).unwrap().to_owned();
        // The questions for addresses are behind them then.
        is_reached(&daemon);
        let before = received(&daemon, &port);
        daemon.docker(&["exec", "box1", "ping", "-c", "3", "-i", "0.2", "-s", "1000", "172.17.0.3"]);
        let passed = received(&daemon, &port) - before;
        // Three echoes of 1042 bytes, and perhaps a question for an address.
        assert!((3_126..6_000).contains(&passed), "{passed} bytes");
    });
}

#[test]
fn what_makes_a_thing_is_told_at_any_time() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        // Without `--rm`: it is asked for after its end, too.
        daemon.docker(&["run", "-d", "--name", "box1", "busybox", "sleep", "3600"]);
        let steps = |path: &str| {
            let (status, plan) = api(&daemon, "GET", path, None);
            assert_eq!(status, 200, "{path}: {plan}");
            plan["steps"].as_array().unwrap().clone()
        };
        let made = |steps: &[Value]| steps.iter().map(|step| step["commands"].to_string()).collect::<String>();
        let container = steps("/api/containers/box1/plan");
        let id = daemon.docker(&["inspect", "-f", "{{.Id}}", "box1"]);
        let commands = made(&container);
        for words in [format!("ip netns add {}", &id[..12]), "type veth".to_owned(), "172.17.0.2/16".to_owned()] {
            assert!(commands.contains(&words), "{words} is not in {commands}");
        }
        assert!(made(&steps("/api/networks/bridge/plan")).contains("docker0"));
        // They are those that the change has carried out.
        let (_, changes) = api(&daemon, "GET", "/api/changes?limit=1", None);
        assert_eq!(changes[0]["verb"], "start container");
        let carried_out = changes[0]["steps"].as_array().unwrap();
        assert_eq!(made(&container), made(carried_out));

        daemon.docker(&["stop", "-t", "0", "box1"]);
        assert!(steps("/api/containers/box1/plan").is_empty(), "nothing of it is in the kernel");
        assert_eq!(api(&daemon, "GET", "/api/containers/none/plan", None).0, 404);
    });
}
