//! A plan as a shell script: it runs as it stands on a machine that has nothing, and makes what the plan would.

use crate::harness::{Daemon, api, docker_is_there, run};
use drawbridge_kernel::testing::check_in_sandbox;
use serde_json::{Value, json};
use std::fs;

/// Runs the script of a preview in namespaces of its own, and then `look` there, and says what that prints.
fn on_a_bare_machine(daemon: &Daemon, (method, path, body): (&str, &str, Option<Value>), look: &str) -> String {
    let (status, plan) = api(daemon, method, path, body);
    assert_eq!(status, 200, "{plan}");
    let script = daemon.folders().root.join("plan.sh");
    fs::write(&script, plan["script"].as_str().unwrap()).unwrap();
    let bare = "mount --make-rprivate / && mount -t tmpfs none /run/netns && ip link set lo up";
    let whole = format!("{bare} && sh {} >&2 && {look}", script.display());
    run("unshare", &["--net", "--mount", "sh", "-c", &whole])
}

#[test]
fn the_script_of_a_plan_runs_where_there_is_nothing() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        fs::create_dir_all("/run/netns").unwrap();
        daemon.docker(&["network", "create", "--subnet", "10.9.0.0/24", "lab"]);
        let network = json!({ "name": "demo", "subnet": "10.7.0.0/24", "internal": true });
        let look = "ip -br -4 address; cat /proc/sys/net/ipv4/ip_forward; nft list set inet drawbridge internal";
        let seen = on_a_bare_machine(&daemon, ("POST", "/api/networks?preview=true", Some(network)), look);
        assert!(seen.contains("10.7.0.1/24"), "{seen}");
        assert!(seen.contains("\n1\n"), "{seen}");
        assert!(seen.contains("br-"), "{seen}");
        assert!(!seen.contains("172.17.0.1"), "what the plan does not stand on is not made: {seen}");

        let container = json!({
            "name": "made", "image": "busybox", "command": ["sleep", "1000"], "network": "lab", "start": true,
            "ports": [{ "container_port": 80, "protocol": "tcp", "host_port": 8080 }],
        });
        // A bridge takes a moment to see that its port is up.
        let reaches = "for _ in $(seq 30); do nsenter --net=/run/netns/$ns ping -c 1 -W 1 10.9.0.1 && break; done";
        let look = format!(
            "ns=$(ls /run/netns) && ip -br -4 address && nsenter --net=/run/netns/$ns ip -4 address show eth0 && \
             {reaches} && nft list map inet drawbridge published4"
        );
        let seen = on_a_bare_machine(&daemon, ("POST", "/api/containers?preview=true", Some(container.clone())), &look);
        for words in ["10.9.0.1/24", "10.9.0.2/24", "1 received", "tcp . 8080 : 10.9.0.2 . 80"] {
            assert!(seen.contains(words), "{words} is not in {seen}");
        }

        // What takes something away makes it first.
        let (status, made) = api(&daemon, "POST", "/api/containers", Some(container));
        assert_eq!(status, 201, "{made}");
        let stop = format!("/api/containers/{}/stop?preview=true", made["id"].as_str().unwrap());
        // A namespace ends a little after its name, and its cable with it.
        let look =
            "for _ in $(seq 300); do ip -br link | grep -q veth || break; sleep 0.1; done; ip -br link; ls /run/netns";
        let seen = on_a_bare_machine(&daemon, ("POST", &stop, None), look);
        assert!(seen.contains("br-") && !seen.contains("veth"), "{seen}");
        assert!(!seen.contains(&made["id"].as_str().unwrap()[..12]), "{seen}");
    });
}
