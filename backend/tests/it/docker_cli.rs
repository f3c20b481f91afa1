//! The unmodified docker command against the real daemon on the real kernel: the commands of the chapter, and what is
//! refused.

use crate::harness::{Daemon, docker_is_there, links, run, wait_for};
use drawbridge_kernel::testing::check_in_sandbox;
use serde_json::Value;

fn inspect(daemon: &Daemon, args: &[&str]) -> Value {
    let list: Value = serde_json::from_str(&daemon.docker(args)).unwrap();
    list[0].clone()
}

#[test]
fn the_engine_says_what_it_is() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let version =
            daemon.docker(&["version", "--format", "{{.Server.APIVersion}} {{.Server.MinAPIVersion}} {{.Server.Os}}"]);
        assert_eq!(version, "1.50 1.24 linux");
        let info =
            daemon.docker(&["info", "--format", "{{.Containers}} {{.Images}} {{.OSType}} {{.Swarm.LocalNodeState}}"]);
        assert_eq!(info, "0 1 linux inactive");
        daemon.docker(&["info"]);
        daemon.docker(&["version"]);
        assert_eq!(daemon.docker(&["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]), "busybox:latest");
    });
}

#[test]
fn the_chapters_two_boxes() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let networks = daemon.docker(&["network", "ls", "--format", "{{.Name}} {{.Driver}} {{.Scope}}"]);
        assert_eq!(networks, "bridge bridge local\nhost host local\nnone null local");

        let box1 = daemon.run_sleeper("box1");
        let box2 = daemon.run_sleeper("box2");
        let listed = daemon.docker(&["container", "ls", "--format", "{{.Names}} {{.Image}} {{.Command}}"]);
        assert_eq!(listed, "box2 busybox \"/bin/sh -c 'while t…\"\nbox1 busybox \"/bin/sh -c 'while t…\"");

        let bridge = inspect(&daemon, &["network", "inspect", "bridge"]);
        assert_eq!(bridge["IPAM"]["Config"][0]["Subnet"], "172.17.0.0/16");
        assert_eq!(bridge["IPAM"]["Config"][0]["Gateway"], "172.17.0.1");
        assert_eq!(bridge["Options"]["com.docker.network.bridge.name"], "docker0");
        assert_eq!(bridge["Containers"][&box1]["Name"], "box1");
        assert_eq!(bridge["Containers"][&box1]["IPv4Address"], "172.17.0.2/16");
        assert_eq!(bridge["Containers"][&box1]["MacAddress"], "02:42:ac:11:00:02");
        assert_eq!(bridge["Containers"][&box2]["IPv4Address"], "172.17.0.3/16");

        let ping = daemon.docker(&["exec", "box1", "ping", "-c", "1", "172.17.0.3"]);
        assert!(ping.contains("1 packets transmitted, 1 packets received"), "{ping}");
        let addresses = daemon.docker(&["exec", "box1", "ip", "addr"]);
        assert!(addresses.contains("inet 172.17.0.2/16") && addresses.contains("eth0"), "{addresses}");
        let ip = daemon.docker(&["container", "inspect", "--format", "{{.NetworkSettings.IPAddress}}", "box2"]);
        assert_eq!(ip, "172.17.0.3");

        // What a class looks at with ip and nft.
        let namespaces = run("ip", &["netns", "list"]);
        assert!(namespaces.contains(&box1[..12]) && namespaces.contains(&box2[..12]), "{namespaces}");
        let links = run("ip", &["-d", "link"]);
        assert!(links.contains("alias drawbridge:network:") && links.contains("alias drawbridge:endpoint:"), "{links}");
        let table = run("nft", &["list", "table", "inet", "drawbridge"]);
        assert!(table.contains("chain forward") && table.contains("\"docker0\""), "{table}");

        daemon.docker(&["stop", "-t", "0", "box1"]);
        daemon.docker(&["rm", "-f", "box2"]);
        // What is started with `--rm` goes a little after `docker stop` has returned.
        wait_for("box1 to go", || daemon.docker(&["ps", "-aq"]).is_empty().then_some(()));
        assert_eq!(run("ip", &["netns", "list"]), "");
        wait_for("the veths to go", || (!run("ip", &["link"]).contains("veth")).then_some(()));
    });
}

#[test]
fn a_network_of_ones_own() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let id = daemon.docker(&["network", "create", "-d", "bridge", "demo-network"]);
        assert_eq!(daemon.docker(&["network", "ls", "-q", "--no-trunc", "--filter", "name=demo"]), id);
        let demo = inspect(&daemon, &["network", "inspect", "demo-network"]);
        assert_eq!(demo["IPAM"]["Config"][0]["Subnet"], "172.18.0.0/16");
        assert!(run("ip", &["link", "show", &format!("br-{}", &id[..12])]).contains("UP"));
        daemon.docker(&["run", "-d", "--name", "one", "--network", "demo-network", "busybox", "sleep", "1000"]);
        let message = daemon.docker_refuses(&["network", "rm", "demo-network"]);
        assert!(message.contains("has active endpoints (name:\"one\""), "{message}");
        daemon.docker(&["rm", "-f", "one"]);
        daemon.docker(&["network", "rm", "demo-network"]);
        let message = daemon.docker_refuses(&["network", "inspect", "demo-network"]);
        assert!(message.contains("network demo-network not found"), "{message}");
        assert!(!run("ip", &["link"]).contains("br-"));
    });
}

#[test]
fn output_codes_and_states() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let script = "echo out; echo err >&2; exit 3";
        daemon.docker(&["run", "-d", "--name", "one", "busybox", "sh", "-c", script]);
        assert_eq!(daemon.docker(&["wait", "one"]), "3");
        let logs = daemon.docker_output(&["logs", "one"]);
        assert_eq!((&logs.stdout[..], &logs.stderr[..]), (&b"out\n"[..], &b"err\n"[..]));
        assert_eq!(daemon.docker(&["inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "one"]), "exited 3");
        assert!(daemon.docker(&["ps", "-a", "--format", "{{.Status}}"]).starts_with("Exited (3) "));

        daemon.docker(&["start", "one"]);
        wait_for("the second run", || {
            (daemon.docker(&["logs", "one"]).lines().filter(|line| *line == "out").count() == 2).then_some(())
        });

        daemon.run_sleeper("two");
        let output = daemon.docker_output(&["exec", "two", "sh", "-c", "echo out; echo err >&2; exit 4"]);
        assert_eq!(output.status.code(), Some(4));
        assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"out\n"[..], &b"err\n"[..]));
        assert_eq!(daemon.docker(&["exec", "-e", "X=1", "-w", "/tmp", "two", "sh", "-c", "echo $X $PWD"]), "1 /tmp");

        let output = daemon.docker_output(&["run", "--rm", "busybox", "sh", "-c", "echo hi; exit 5"]);
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(5), &b"hi\n"[..]));
    });
}

#[test]
fn what_is_wrong_is_named_and_leaves_nothing() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        run("ip", &["link", "add", "mine0", "type", "bridge"]);
        let daemon = Daemon::start();
        daemon.run_sleeper("box1");
        let everything = || {
            let kernel = [links(&[]), run("nft", &["list", "ruleset"])];
            (kernel, daemon.docker(&["network", "ls"]), daemon.docker(&["ps", "-a", "--format", "{{.ID}} {{.State}}"]))
        };
        let before = everything();
        for (args, words) in [
            (&["network", "create", "a b"][..], "Invalid network name (a b)"),
            (
                &["network", "create", "--subnet", "172.17.0.0/33", "ov"],
                "invalid subnet 172.17.0.0/33: invalid CIDR block notation",
            ),
            (&["network", "create", "--subnet", "10.0.0.1/24", "ov"], "it should be 10.0.0.0/24"),
            (&["network", "create", "--subnet", "172.17.1.0/24", "ov"], "overlaps 172.17.0.0/16 of network bridge"),
            (&["network", "create", "bridge"], "operation is not permitted on predefined bridge network"),
            (&["network", "create", "-d", "nope", "ov"], "plugin \"nope\" not found"),
            (
                &["network", "create", "-o", "com.docker.network.bridge.name=mine0", "ov"],
                "interface mine0 already exists on this machine and is not Drawbridge's",
            ),
            (&["network", "rm", "bridge"], "bridge is a pre-defined network and cannot be removed"),
            (&["network", "rm", "nope"], "network nope not found"),
            (&["run", "-d", "--name", "-x", "busybox"], "Invalid container name (-x)"),
            (&["run", "-d", "--name", "box1", "busybox"], "The container name \"/box1\" is already in use"),
            (&["run", "-d", "--pull", "never", "nosuch"], "No such image: nosuch:latest"),
            (&["run", "-d", "--pull", "never", "--network", "nope", "busybox"], "network nope not found"),
            (&["start", "nope"], "No such container: nope"),
            (&["rm", "box1"], "container is running: stop the container before removing or force remove"),
            (&["exec", "nope", "true"], "No such container: nope"),
        ] {
            let message = daemon.docker_refuses(args);
            assert!(message.contains(words), "docker {args:?} said: {message}");
        }
        assert_eq!(everything(), before);

        let message = daemon.docker_output(&["run", "--rm", "busybox", "nosuchcmd"]);
        assert_eq!(message.status.code(), Some(127));
        assert!(String::from_utf8_lossy(&message.stderr).contains("executable file not found in $PATH"));
    });
}

#[test]
fn many_at_once() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        std::thread::scope(|scope| {
            for number in 0..16 {
                let daemon = &daemon;
                scope.spawn(move || daemon.run_sleeper(&format!("box{number}")));
            }
        });
        let addresses =
            daemon.docker(&["network", "inspect", "bridge", "-f", "{{range .Containers}}{{.IPv4Address}} {{end}}"]);
        let mut addresses: Vec<&str> = addresses.split_whitespace().collect();
        addresses.sort_unstable();
        addresses.dedup();
        assert_eq!(addresses.len(), 16, "no lease is given twice: {addresses:?}");
        let ids = daemon.docker(&["ps", "-q"]);
        // The command removes them all at once.
        daemon.docker(&[vec!["rm", "-f"], ids.split_whitespace().collect()].concat());
        assert_eq!(daemon.docker(&["ps", "-aq"]), "");
        assert_eq!(run("ip", &["netns", "list"]), "");
    });
}
