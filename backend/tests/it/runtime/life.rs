//! A main process from start to removal: what it has, what it prints, what is left when it can't be started.

use super::*;
use drawbridge::settings::Namespace;
use drawbridge_kernel::{
    process::{alive, raise_descriptor_limit},
    testing::lower_descriptor_limit,
};
use std::time::Instant;

#[test]
fn a_process_runs_prints_and_ends() {
    check(async |stage| {
        let spec = stage.sh("echo out; echo err >&2; printf half; exit 3");
        stage.start(&spec).await;
        let exit = stage.exit(&spec.id).await;
        assert_eq!(exit.code, 3);
        assert!((drawbridge::clock::now_ms() - exit.at_ms).abs() < 30_000);
        assert_eq!(stage.runtime.state(&spec.id).await.unwrap(), ProcessState::Exited(exit));
        let printed = stage.printed(&spec.id, LogOptions::default()).await;
        assert!(["out\n!err\nhalf", "out\nhalf!err\n", "!err\nout\nhalf"].contains(&printed.as_str()), "{printed:?}");

        assert!(stage.runtime.clean_up(&spec.id).await.is_empty());
        assert!(stage.runtime.clean_up(&spec.id).await.is_empty(), "twice is harmless");
        assert_eq!(stage.runtime.state(&spec.id).await.unwrap(), ProcessState::Unknown);
        assert_eq!(stage.printed(&spec.id, LogOptions::default()).await, printed, "the log is kept");
        stage.remove(&spec.id).await;
        assert_eq!(stage.printed(&spec.id, LogOptions::default()).await, "");
        assert!(stage.runtime.remove(&spec.id).await.is_empty());
    });
}

#[test]
fn what_was_written_stays_over_runs() {
    check(async |stage| {
        let spec = stage.sh("cat /kept; echo kept > /kept");
        for expected in ["", "kept\n"] {
            stage.start(&spec).await;
            assert_eq!(stage.exit(&spec.id).await.code, 0);
            let printed = stage.printed(&spec.id, LogOptions::default()).await;
            assert!(printed.ends_with(expected), "{printed:?}");
        }
        stage.remove(&spec.id).await;
    });
}

#[test]
fn a_start_that_fails_leaves_nothing() {
    check(async |stage| {
        let refused = async |spec: &ProcessSpec| {
            let error = stage.runtime.start(spec).await.expect_err("it can't be started");
            assert!(!stage.run_file(&spec.id, "").exists());
            assert_eq!(stage.runtime.state(&spec.id).await.unwrap(), ProcessState::Unknown);
            stage.remove(&spec.id).await;
            error
        };
        let create = "failed to create task for container: failed to create shim task: OCI runtime create failed: \
                      runc create failed: unable to start container process: ";
        let error = refused(&stage.spec(&["nosuchcmd"])).await;
        assert!(matches!(error, RuntimeError::CommandNotFound { .. }));
        let text = "exec: \"nosuchcmd\": executable file not found in $PATH: unknown";
        assert_eq!(error.to_string(), format!("{create}{text}"));
        let error = refused(&stage.spec(&["/etc/passwd"])).await;
        assert!(matches!(error, RuntimeError::CommandNotExecutable { .. }));
        assert_eq!(error.to_string(), format!("{create}exec: \"/etc/passwd\": permission denied: unknown"));

        let user = ProcessSpec { user: "nobody2".into(), ..stage.spec(&["true"]) };
        let text = "unable to find user nobody2: no matching entries in passwd file";
        assert_eq!(refused(&user).await.to_string(), text);
        assert!(matches!(refused(&stage.spec(&[])).await, RuntimeError::NoCommand));
        let netns = ProcessSpec { netns: Some("/run/netns/missing".into()), ..stage.spec(&["true"]) };
        assert!(refused(&netns).await.to_string().contains("/run/netns/missing"));
        let layers = ProcessSpec { layers: vec!["/missing".into()], ..stage.spec(&["true"]) };
        assert!(matches!(refused(&layers).await, RuntimeError::Io { action: "mount", .. }));
    });
}

#[test]
fn a_process_has_the_defaults() {
    check(async |stage| {
        let added = std::process::Command::new("ip").args(["netns", "add", "t"]).status().unwrap();
        assert!(added.success());
        let script = "hostname; cat /etc/hostname /etc/hosts /etc/resolv.conf; pwd; id -u; echo $HOME
            grep -E '^(CapEff|CapBnd|CapInh|Seccomp):' /proc/self/status
            cat /proc/sys/net/ipv4/ping_group_range /proc/sys/net/ipv4/ip_unprivileged_port_start
            ls /sys/class/net; stat -c %a /tmp; mount -t tmpfs x /tmp; unshare -n true
            echo x > /dev/null && echo x > /dev/shm/x && echo x > /x && echo written";
        let spec = ProcessSpec {
            netns: Some("/run/netns/t".into()),
            hostname: "box".into(),
            working_dir: "/made/here".into(),
            ..stage.sh(script)
        };
        let printed = stage.run(&spec).await;
        let lines: Vec<&str> = printed.lines().collect();
        let head = ["box", "box", "127.0.0.1\tlocalhost", "nameserver 192.0.2.1", "/made/here", "0", "/root"];
        assert_eq!(lines[..7], head, "{printed}");
        for line in
            ["CapInh:\t0000000000000000", "CapEff:\t00000000a80425fb", "CapBnd:\t00000000a80425fb", "Seccomp:\t2"]
        {
            assert!(lines.contains(&line), "{line} is missing:\n{printed}");
        }
        for line in ["0\t2147483647", "0", "lo", "1777", "written"] {
            assert!(lines.contains(&line), "{line} is missing:\n{printed}");
        }
        let refused = printed
            .lines()
            .filter(|line| line.starts_with('!') && (line.contains("not permitted") || line.contains("denied")))
            .count();
        assert_eq!(refused, 2, "{printed}");

        let user = ProcessSpec { user: "www-data".into(), ..stage.sh("id; grep CapEff /proc/self/status") };
        let printed = stage.run(&ProcessSpec { netns: Some("/run/netns/t".into()), ..user }).await;
        assert!(printed.starts_with("uid=33(www-data) gid=33(www-data)\n"), "{printed}");
        assert!(printed.contains("CapEff:\t0000000000000000"), "{printed}");
    });
}

#[test]
fn many_start_at_once() {
    check(async |stage| {
        let specs: Vec<_> = (0..8).map(|i| stage.sh(&format!("exit {i}"))).collect();
        let all = futures_util::future::join_all(specs.iter().map(async |spec| {
            stage.start(spec).await;
            stage.exit(&spec.id).await.code
        }));
        assert_eq!(all.await, (0..8).collect::<Vec<_>>());
        futures_util::future::join_all(specs.iter().map(|spec| stage.remove(&spec.id))).await;
    });
}

#[test]
fn what_outlives_a_main_process_without_pids_of_its_own_is_ended_too() {
    check(async |stage| {
        // With the host's numbers the kernel does not end the others when the first one ends (pid_namespaces(7)).
        let mut spec = stage.sh("sleep 1000 > /dev/null 2>&1 & echo $!");
        spec.settings.pids = Namespace::Host;
        stage.start(&spec).await;
        stage.exit(&spec.id).await;
        let pid = stage.printed(&spec.id, LogOptions::default()).await.trim().parse().unwrap();
        assert!(alive(pid), "it is nobody's to end yet");
        assert!(stage.runtime.clean_up(&spec.id).await.is_empty());
        assert!(!alive(pid), "its container is gone");
        stage.remove(&spec.id).await;
    });
}

#[test]
fn the_descriptors_that_the_daemon_raised_for_itself_are_not_the_containers() {
    check(async |stage| {
        let given = lower_descriptor_limit();
        raise_descriptor_limit().unwrap();
        let spec = stage.sh("ulimit -S -n; ulimit -H -n; echo told; sleep 1000");
        stage.start(&spec).await;
        stage.prints(&spec.id, "told\n").await;
        // runc 1.1 sets a command's limits while its child begins, which raises the soft one: now and then the child is later.
        let asked = exec(&["sh", "-c", "ulimit -S -n"]);
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let printed = finish(stage.runtime.exec(&spec.id, &asked).await.unwrap()).await.0;
            if printed == format!("{given}\n") {
                break;
            }
            assert!(Instant::now() < deadline, "a command has {printed} descriptors, not {given}");
        }
        stage.runtime.signal(&spec.id, SIGKILL).await.unwrap();
        stage.exit(&spec.id).await;
        let printed = stage.printed(&spec.id, LogOptions::default()).await;
        assert_eq!(printed.lines().next(), Some(given.to_string().as_str()));
        assert_ne!(printed.lines().nth(1), printed.lines().next(), "they may raise it as the daemon may");
        stage.remove(&spec.id).await;
    });
}
