//! Mounts and volumes through the docker command: what a container sees, what stays of it, and what is refused.

use crate::harness::{Daemon, docker_is_there};
use drawbridge_kernel::testing::check_in_sandbox;
use serde_json::{Value, json};
use std::fs;

fn sh(daemon: &Daemon, options: &[&str], script: &str) -> String {
    let args: Vec<&str> =
        ["run", "--rm"].iter().chain(options).copied().chain(["busybox", "sh", "-c", script]).collect();
    daemon.docker(&args)
}

fn inspect(daemon: &Daemon, args: &[&str]) -> Value {
    let list: Value = serde_json::from_str(&daemon.docker(args)).unwrap();
    list[0].clone()
}

#[test]
fn folders_of_the_host() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let host = daemon.folders().root.join("host");
        fs::create_dir(&host).unwrap();
        fs::write(host.join("file"), "given").unwrap();
        let path = host.display().to_string();
        assert_eq!(sh(&daemon, &["-v", &format!("{path}:/in")], "cat /in/file; echo back > /in/new"), "given");
        assert_eq!(fs::read_to_string(host.join("new")).unwrap(), "back\n");
        assert_eq!(sh(&daemon, &["-v", &format!("{path}:/in:ro")], "touch /in/x 2>/dev/null || echo no"), "no");
        let one = format!("{path}/file:/etc/motd");
        assert_eq!(sh(&daemon, &["-v", &one], "cat /etc/motd"), "given");
        // A mount nearer to the root does not hide one that is deeper, in whatever order they were given.
        let (deep, flat) = (format!("{path}:/a/b"), format!("{path}:/a"));
        assert_eq!(sh(&daemon, &["-v", &deep, "-v", &flat], "cat /a/b/file /a/file"), "givengiven");

        let missing = daemon.folders().root.join("missing").display().to_string();
        let mount = format!("type=bind,source={missing},target=/in");
        let message = daemon.docker_refuses(&["run", "--rm", "--mount", &mount, "busybox", "true"]);
        let expected = format!("invalid mount config for type \"bind\": bind source path does not exist: {missing}");
        assert!(message.contains(&expected), "{message}");
        sh(&daemon, &["-v", &format!("{missing}:/in")], "touch /in/made");
        assert!(daemon.folders().root.join("missing/made").exists());

        let message = daemon.docker_refuses(&["create", "-v", &deep, "-v", &deep.replace("/host:", ":"), "busybox"]);
        assert!(message.contains("Duplicate mount point: /a/b"), "{message}");
        daemon.docker(&[
            "create",
            "--name",
            "seen",
            "-v",
            &format!("{path}:/in:ro"),
            "--mount",
            "type=tmpfs,target=/t",
            "busybox",
        ]);
        let seen = inspect(&daemon, &["inspect", "seen"]);
        let mounts = json!([
            { "Type": "bind", "Source": path, "Destination": "/in", "Mode": "ro", "RW": false, "Propagation": "rprivate" },
            { "Type": "tmpfs", "Source": "", "Destination": "/t", "Mode": "", "RW": true, "Propagation": "" },
        ]);
        assert_eq!(seen["Mounts"], mounts);
        assert_eq!(seen["HostConfig"]["Binds"], json!([format!("{path}:/in:ro")]));
    });
}

#[test]
fn volumes_outlive_their_containers() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let mut daemon = Daemon::start();
        assert_eq!(daemon.docker(&["volume", "create", "--label", "a=b", "data"]), "data");
        sh(&daemon, &["-v", "data:/data"], "echo kept > /data/file");
        daemon.kill();
        daemon.start_again();
        assert_eq!(sh(&daemon, &["--mount", "source=data,target=/data,readonly"], "cat /data/file"), "kept");
        let seen = inspect(&daemon, &["volume", "inspect", "data"]);
        assert_eq!((&seen["Driver"], &seen["Scope"]), (&json!("local"), &json!("local")));
        assert_eq!((&seen["Labels"], &seen["Options"]), (&json!({ "a": "b" }), &Value::Null));
        let folder = seen["Mountpoint"].as_str().unwrap().to_owned();
        assert_eq!(fs::read_to_string(format!("{folder}/file")).unwrap(), "kept\n");

        daemon.docker(&["create", "--name", "user", "-v", "data:/data:ro", "busybox"]);
        let message = daemon.docker_refuses(&["volume", "rm", "data"]);
        assert!(message.contains("remove data: volume is in use - ["), "{message}");
        for (filter, expected) in [
            ("name=dat", "data"),
            ("label=a=b", "data"),
            ("label=x", ""),
            ("dangling=true", ""),
            ("dangling=false", "data"),
        ] {
            assert_eq!(daemon.docker(&["volume", "ls", "-q", "--filter", filter]), expected, "{filter}");
        }
        assert_eq!(
            daemon.docker(&["ps", "-a", "--filter", "volume=data", "--format", "{{.Names}} {{.Mounts}}"]),
            "user data"
        );
        // Those of another container.
        assert_eq!(sh(&daemon, &["--volumes-from", "user"], "touch /data/x 2>/dev/null || cat /data/file"), "kept");
        daemon.docker(&["rm", "-v", "user"]);
        daemon.docker(&["volume", "rm", "data"]);
        assert!(!fs::exists(&folder).unwrap());
        let message = daemon.docker_refuses(&["volume", "inspect", "data"]);
        assert!(message.contains("get data: no such volume"), "{message}");
        // One of the same name is a new one.
        assert_eq!(sh(&daemon, &["-v", "data:/data"], "ls /data"), "");
    });
}

#[test]
fn an_empty_volume_is_filled_and_a_made_up_one_goes() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        assert_eq!(
            sh(&daemon, &["-v", "users:/etc"], "grep -c root /etc/passwd; ls -ld /etc/shadow | cut -c1-10"),
            "1\n-rw-------"
        );
        assert_eq!(sh(&daemon, &["-v", "empty:/etc:nocopy"], "ls /etc/passwd 2>/dev/null || echo none"), "none");
        assert_eq!(sh(&daemon, &["-v", "tmp:/tmp"], "stat -c %a /tmp"), "1777");

        let anonymous =
            |daemon: &Daemon| daemon.docker(&["volume", "ls", "-q"]).lines().filter(|name| name.len() == 64).count();
        sh(&daemon, &["-v", "/own"], "touch /own/x");
        assert_eq!(anonymous(&daemon), 0, "--rm takes it along");
        daemon.docker(&["run", "--name", "one", "-v", "/own", "busybox", "touch", "/own/x"]);
        assert_eq!(anonymous(&daemon), 1);
        daemon.docker(&["rm", "one"]);
        assert_eq!(anonymous(&daemon), 1, "without -v it stays");
        let pruned = daemon.docker(&["volume", "prune", "-f"]);
        assert!(pruned.contains("Deleted Volumes:") && !pruned.contains("users"), "{pruned}");
        daemon.docker(&["run", "--name", "two", "-v", "/own", "busybox", "true"]);
        daemon.docker(&["rm", "-v", "two"]);
        assert_eq!(anonymous(&daemon), 0, "with -v it goes");
        let pruned = daemon.docker(&["volume", "prune", "-af"]);
        assert!(["users", "empty", "tmp"].iter().all(|name| pruned.contains(name)), "{pruned}");
        assert_eq!(daemon.docker(&["volume", "ls", "-q"]), "");
    });
}

#[test]
fn what_is_no_volume_is_refused_by_name() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let elsewhere = daemon.folders().root.join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        let device = format!("device={}", elsewhere.display());
        daemon.docker(&["volume", "create", "-o", "type=none", "-o", "o=bind", "-o", &device, "there"]);
        sh(&daemon, &["-v", "there:/x"], "touch /x/made");
        assert!(elsewhere.join("made").exists());
        daemon.docker(&["volume", "rm", "there"]);
        assert!(elsewhere.join("made").exists(), "what it stood for is not its own");
        for (args, word) in [
            (["volume", "create", "-d", "nope", "x1"].as_slice(), "plugin \"nope\" not found"),
            (&["volume", "create", "a/b"], "includes invalid characters for a local volume name"),
            (&["volume", "create", "-o", "nope=1", "x1"], "invalid option: \"nope\""),
            (&["volume", "create", "-o", "type=nfs", "x1"], "is not built yet"),
            (&["volume", "rm", "nope"], "get nope: no such volume"),
            (&["volume", "ls", "--filter", "nope=1"], "invalid filter 'nope'"),
        ] {
            let message = daemon.docker_refuses(args);
            assert!(message.contains(word), "{args:?}: {message}");
        }
        assert_eq!(daemon.docker(&["volume", "rm", "-f", "nope"]), "nope");
    });
}
