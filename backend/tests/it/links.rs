//! Links on the default network (`--link`): lines of the hosts file and variables, as Docker 28 has them.

use crate::harness::{Daemon, docker_is_there, wait_for};
use drawbridge_kernel::testing::check_in_sandbox;

const SLEEP: [&str; 3] = ["busybox", "sleep", "100000"];

fn start(daemon: &Daemon, name: &str, args: &[&str]) -> String {
    daemon.docker(&[&["run", "-d", "--name", name], args, &SLEEP].concat())
}

fn address(daemon: &Daemon, name: &str) -> String {
    daemon.docker(&["inspect", "-f", "{{.NetworkSettings.IPAddress}}", name])
}

fn hosts(daemon: &Daemon, name: &str) -> Vec<String> {
    let text = daemon.docker(&["exec", name, "cat", "/etc/hosts"]);
    text.lines().map(|line| line.replace('\t', " ")).collect()
}

#[test]
fn a_link_is_a_line_and_variables() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        start(&daemon, "db", &["--hostname", "store", "-e", "MODE=fast", "--expose", "6379"]);
        start(&daemon, "web", &["--link", "db:cache", "-e", "CACHE_ENV_MODE=own"]);
        let of_db = address(&daemon, "db");
        let line = format!("{of_db} cache store db");
        assert!(hosts(&daemon, "web").contains(&line), "{:?}", hosts(&daemon, "web"));
        daemon.docker(&["exec", "web", "ping", "-c", "1", "-W", "30", "cache"]);
        let variables = daemon.docker(&["exec", "web", "env"]);
        for expected in [
            format!("CACHE_PORT=tcp://{of_db}:6379"),
            format!("CACHE_PORT_6379_TCP_ADDR={of_db}"),
            "CACHE_NAME=/web/cache".to_owned(),
            "CACHE_ENV_MODE=own".to_owned(),
        ] {
            assert!(variables.lines().any(|line| line == expected), "{expected}: {variables}");
        }
        // Its first process has them too, as soon as it is what it is to be.
        let first = || daemon.docker(&["exec", "web", "cat", "/proc/1/environ"]);
        wait_for("its variables", || first().contains("CACHE_NAME=/web/cache").then_some(()));
        assert_eq!(daemon.docker(&["inspect", "-f", "{{json .HostConfig.Links}}", "web"]), r#"["/db:/web/cache"]"#);
        let names = daemon.docker(&["ps", "--no-trunc", "--format", "{{.Names}}", "--filter", "name=db"]);
        assert_eq!(names, "db,web/cache");

        // What comes back at another address is followed.
        daemon.docker(&["stop", "-t", "0", "db"]);
        start(&daemon, "squatter", &[]);
        assert_eq!(address(&daemon, "squatter"), of_db);
        daemon.docker(&["start", "db"]);
        let moved = address(&daemon, "db");
        assert_ne!(moved, of_db);
        let now = hosts(&daemon, "web");
        assert!(now.contains(&format!("{moved} cache store db")) && !now.contains(&line), "{now:?}");
        daemon.docker(&["restart", "-t", "0", "web"]);
        assert!(hosts(&daemon, "web").contains(&format!("{moved} cache store db")));

        daemon.docker(&["rm", "--link", "web/cache"]);
        assert_eq!(daemon.docker(&["inspect", "-f", "{{json .HostConfig.Links}}", "web"]), "null");
        daemon.docker(&["restart", "-t", "0", "web"]);
        assert!(!hosts(&daemon, "web").iter().any(|line| line.contains("cache")));
    });
}

#[test]
fn a_link_needs_somebody_who_runs() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let refused = |args: &[&str]| daemon.docker_refuses(&[&["run", "-d", "--name", "xx"], args, &SLEEP].concat());
        let message = refused(&["--link", "nobody:db"]);
        assert!(message.contains("could not get container for nobody: No such container: nobody"), "{message}");
        start(&daemon, "db", &[]);
        daemon.docker(&["stop", "-t", "0", "db"]);
        let message = refused(&["--link", "db:db"]);
        assert!(message.contains("Cannot link to a non running container: /db AS /xx/db"), "{message}");
        daemon.docker(&["start", "db"]);
        daemon.docker(&["start", "xx"]);
        daemon.docker(&["network", "create", "lab"]);
        start(&daemon, "far", &["--network", "lab"]);
        daemon.docker(&["rm", "-f", "xx"]);
        let message = refused(&["--link", "far:db"]);
        assert!(message.contains("Cannot link to /far, as it does not belong to the default network"), "{message}");
        daemon.docker(&["rm", "-f", "xx"]);
        // A link goes with whom it leads to.
        start(&daemon, "web", &["--link", "db"]);
        daemon.docker(&["rm", "-f", "db"]);
        assert_eq!(daemon.docker(&["inspect", "-f", "{{json .HostConfig.Links}}", "web"]), "null");
        daemon.docker(&["restart", "-t", "0", "web"]);
        wait_for("web to run", || {
            (daemon.docker(&["inspect", "-f", "{{.State.Running}}", "web"]) == "true").then_some(())
        });
    });
}
