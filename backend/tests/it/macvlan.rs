//! Networks on the wire of one of the host's interfaces, by the docker command.

use crate::harness::{Daemon, docker_is_there, run};
use drawbridge_kernel::testing::check_in_sandbox;

const SLEEP: [&str; 3] = ["busybox", "sleep", "100000"];

fn start(daemon: &Daemon, name: &str, args: &[&str]) {
    daemon.docker(&[&["run", "-d", "--name", name], args, &SLEEP].concat());
}

#[test]
fn containers_are_on_the_wire() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        // The other end of the wire is a router.
        run("ip", &["link", "add", "up0", "type", "veth", "peer", "name", "up1"]);
        run("ip", &["link", "set", "up0", "up"]);
        run("ip", &["link", "set", "up1", "up"]);
        run("ip", &["addr", "add", "192.0.2.1/24", "dev", "up1"]);
        let daemon = Daemon::start();
        let create = ["network", "create", "-d", "macvlan", "--subnet", "192.0.2.0/24"];
        daemon.docker(&[&create[..], &["--gateway", "192.0.2.1", "-o", "parent=up0", "lan"]].concat());
        let shown =
            daemon.docker(&["network", "inspect", "-f", "{{.Driver}} {{.Options.parent}} {{.Internal}}", "lan"]);
        assert_eq!(shown, "macvlan up0 false");
        start(&daemon, "one", &["--network", "lan", "-p", "8080:80"]);
        start(&daemon, "two", &["--network", "lan", "--ip", "192.0.2.77", "--mac-address", "02:00:00:00:00:77"]);
        let inside = daemon.docker(&["exec", "two", "ip", "addr", "show", "eth0"]);
        assert!(inside.contains("192.0.2.77/24") && inside.contains("02:00:00:00:00:77"), "{inside}");
        for to in ["192.0.2.1", "192.0.2.77"] {
            let ping = daemon.docker(&["exec", "one", "ping", "-c", "1", "-W", "30", to]);
            assert!(ping.contains("1 packets received"), "{ping}");
        }
        assert!(daemon.docker(&["exec", "one", "ip", "route"]).contains("default via 192.0.2.1 dev eth0"));
        assert_eq!(daemon.docker(&["port", "one"]), "", "it is reached at its own address");

        start(&daemon, "late", &[]);
        daemon.docker(&["network", "connect", "lan", "late"]);
        daemon.docker(&["exec", "late", "ping", "-c", "1", "-W", "30", "192.0.2.77"]);
        daemon.docker(&["network", "disconnect", "lan", "late"]);
        assert!(!daemon.docker(&["exec", "late", "ip", "link"]).contains("eth1"));

        for (args, words) in [
            (&["-o", "parent=nope0", "m"][..], "invalid parent interface nope0"),
            (&["-o", "parent=docker0", "m"], "invalid parent interface docker0"),
            (
                &["-o", "parent=up0", "-o", "macvlan_mode=passthru", "m"],
                "network lan is already using parent interface up0",
            ),
            (&["-o", "parent=up0", "-o", "macvlan_mode=x", "m"], "it is one of bridge, private, vepa and passthru"),
            (&["m"], "without a parent"),
        ] {
            let message = daemon.docker_refuses(&[&["network", "create", "-d", "macvlan"], args].concat());
            assert!(message.contains(words), "{args:?}: {message}");
        }
        assert!(daemon.docker_refuses(&["network", "create", "-d", "ipvlan", "m"]).contains("not built yet"));
        let message = daemon.docker_refuses(&["network", "rm", "lan"]);
        assert!(message.contains("has active endpoints"), "{message}");
        daemon.docker(&["rm", "-f", "one", "two", "late"]);
        daemon.docker(&["network", "rm", "lan"]);
        assert!(run("ip", &["link", "show", "up0"]).contains("UP"), "what was shared is as it was");
    });
}
