//! A container's life through the docker command: pauses, names, limits that change, restarts, health.

use crate::harness::{Daemon, docker_is_there, wait_for};
use drawbridge_kernel::testing::check_in_sandbox;
use std::path::Path;

fn state(daemon: &Daemon, name: &str, format: &str) -> String {
    daemon.docker(&["inspect", "-f", format, name])
}

fn until(daemon: &Daemon, name: &str, format: &str, expected: &str) {
    wait_for(&format!("{name} to be {expected}"), || (state(daemon, name, format) == expected).then_some(()));
}

#[test]
fn pause_rename_update() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        daemon.docker(&["run", "-d", "--name", "one", "busybox", "sleep", "1000"]);
        daemon.docker(&["pause", "one"]);
        assert_eq!(state(&daemon, "one", "{{.State.Status}} {{.State.Running}} {{.State.Paused}}"), "paused true true");
        let status = daemon.docker(&["ps", "--format", "{{.Status}}"]);
        assert!(status.starts_with("Up ") && status.ends_with(" (Paused)"), "{status}");
        for (args, word) in [
            (["pause", "one"], "is already paused"),
            (["start", "one"], "cannot start a paused container, try unpause instead"),
            (["rm", "one"], "container is paused and must be unpaused first"),
        ] {
            let message = daemon.docker_refuses(&args);
            assert!(message.contains(word), "{args:?}: {message}");
        }
        let message = daemon.docker_refuses(&["exec", "one", "true"]);
        assert!(message.contains("is paused, unpause the container before exec"), "{message}");
        daemon.docker(&["unpause", "one"]);
        assert_eq!(daemon.docker(&["exec", "one", "echo", "awake"]), "awake");
        assert!(daemon.docker_refuses(&["unpause", "one"]).contains("is not paused"));

        daemon.docker(&["rename", "one", "other"]);
        assert_eq!(daemon.docker(&["ps", "--format", "{{.Names}}"]), "other");
        daemon.docker(&["create", "--name", "taken", "busybox"]);
        let message = daemon.docker_refuses(&["rename", "other", "taken"]);
        assert!(
            message.contains("Conflict. The container name \"/taken\" is already in use by container"),
            "{message}"
        );
        assert!(daemon.docker_refuses(&["rename", "other", "a/b"]).contains("Invalid container name (a/b)"));

        daemon.docker(&["update", "--memory", "32m", "--cpus", "0.5", "--restart", "unless-stopped", "other"]);
        let format = "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.RestartPolicy.Name}}";
        assert_eq!(state(&daemon, "other", format), "33554432 500000000 unless-stopped");
        let limit = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max";
        assert_eq!(daemon.docker(&["exec", "other", "sh", "-c", limit]), "33554432");
        let message = daemon.docker_refuses(&["update", "--memory", "1m", "other"]);
        assert!(message.contains("Minimum memory limit allowed is 6MB"), "{message}");

        // One that is paused can be stopped, and stays so for all its policy says.
        daemon.docker(&["pause", "other"]);
        daemon.docker(&["stop", "-t", "1", "other"]);
        assert_eq!(state(&daemon, "other", "{{.State.Status}} {{.State.Paused}}"), "exited false");
        daemon.docker(&["restart", "-t", "0", "other"]);
        daemon.docker(&["restart", "-t", "0", "other"]);
        assert_eq!(state(&daemon, "other", "{{.State.Status}} {{.RestartCount}}"), "running 0");
        daemon.docker(&["rm", "-f", "other"]);
        let pruned = daemon.docker(&["container", "prune", "-f"]);
        assert!(pruned.contains("Deleted Containers:") && pruned.contains("Total reclaimed space: 0B"), "{pruned}");
        assert_eq!(daemon.docker(&["ps", "-aq"]), "");
    });
}

#[test]
fn restart_policies() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let mut daemon = Daemon::start();
        daemon.docker(&["run", "-d", "--name", "twice", "--restart", "on-failure:2", "busybox", "sh", "-c", "exit 3"]);
        until(&daemon, "twice", "{{.State.Status}} {{.RestartCount}} {{.State.ExitCode}}", "exited 2 3");
        daemon.docker(&["run", "-d", "--name", "fine", "--restart", "on-failure", "busybox", "true"]);
        until(&daemon, "fine", "{{.State.Status}} {{.RestartCount}}", "exited 0");

        daemon.docker(&[
            "run",
            "-d",
            "--name",
            "loops",
            "--restart",
            "always",
            "busybox",
            "sh",
            "-c",
            "sleep 0.05; exit 1",
        ]);
        until(&daemon, "loops", "{{.State.Status}} {{.State.Running}} {{.State.Restarting}}", "restarting true true");
        wait_for("some restarts", || {
            (state(&daemon, "loops", "{{.RestartCount}}").parse::<u32>().unwrap() >= 3).then_some(())
        });
        daemon.docker(&["stop", "-t", "0", "loops"]);
        until(&daemon, "loops", "{{.State.Status}}", "exited");

        // A kill by somebody ends it for good, the end of the process by itself does not.
        for policy in ["always", "unless-stopped"] {
            daemon.docker(&["run", "-d", "--name", policy, "--restart", policy, "busybox", "sleep", "1000"]);
        }
        let pid: i32 = state(&daemon, "always", "{{.State.Pid}}").parse().unwrap();
        drawbridge_kernel::process::kill(pid, 9).unwrap();
        until(&daemon, "always", "{{.State.Status}} {{.RestartCount}}", "running 1");
        daemon.docker(&["kill", "always"]);
        daemon.docker(&["stop", "-t", "0", "unless-stopped"]);
        until(&daemon, "always", "{{.State.Status}}", "exited");

        // When the daemon comes up again, only the first of them does.
        daemon.kill();
        daemon.start_again();
        until(&daemon, "always", "{{.State.Status}}", "running");
        assert_eq!(state(&daemon, "unless-stopped", "{{.State.Status}}"), "exited");
        daemon.docker(&["rm", "-f", "always", "unless-stopped", "loops", "twice", "fine"]);
        let message = daemon.docker_refuses(&["run", "--rm", "--restart", "always", "busybox"]);
        assert!(message.contains("onflict"), "{message}");
        let message = daemon.docker_refuses(&["create", "--restart", "sometimes", "busybox"]);
        assert!(message.contains("unknown policy 'sometimes'"), "{message}");
    });
}

#[test]
fn a_run_goes_on_while_nobody_watches() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let mut daemon = Daemon::start();
        daemon.docker(&[
            "run",
            "-d",
            "--name",
            "loops",
            "--restart",
            "always",
            "busybox",
            "sh",
            "-c",
            "sleep 1; exit 1",
        ]);
        daemon.docker(&["run", "-d", "--name", "frozen", "busybox", "sleep", "1000"]);
        daemon.docker(&["pause", "frozen"]);
        // It may be between two runs, and has no process then.
        let (runs, pid) = wait_for("a run", || {
            let seen = state(&daemon, "loops", "{{.RestartCount}} {{.State.Pid}}");
            let (runs, pid) = seen.split_once(' ')?;
            (pid != "0").then(|| (runs.to_owned(), pid.to_owned()))
        });
        daemon.kill();
        wait_for("its end meanwhile", || (!Path::new("/proc").join(&pid).exists()).then_some(()));
        daemon.start_again();
        wait_for("its restart", || (state(&daemon, "loops", "{{.RestartCount}}") != runs).then_some(()));
        assert_eq!(state(&daemon, "frozen", "{{.State.Status}}"), "paused");
        daemon.docker(&["rm", "-f", "loops", "frozen"]);
    });
}

#[test]
fn memory_that_runs_out_is_told() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        daemon.docker_output(&["run", "--name", "big", "-m", "8m", "busybox", "sh", "-c", "tail /dev/zero; exit 9"]);
        daemon.docker_output(&["run", "--name", "whole", "-m", "8m", "busybox", "tail", "/dev/zero"]);
        until(&daemon, "whole", "{{.State.OOMKilled}} {{.State.ExitCode}}", "true 137");
        daemon.docker(&["rm", "big", "whole"]);
    });
}

#[test]
fn health_is_checked() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        #[rustfmt::skip]
        daemon.docker(&[
            "run", "-d", "--name", "checked", "--health-cmd", "echo looked; test -f /tmp/well", "--health-interval", "100ms",
            "--health-retries", "2", "busybox", "sleep", "1000",
        ]);
        until(&daemon, "checked", "{{.State.Health.Status}}", "unhealthy");
        let log = state(
            &daemon,
            "checked",
            "{{(index .State.Health.Log 0).ExitCode}} {{(index .State.Health.Log 0).Output}}",
        );
        assert_eq!(log, "1 looked");
        assert!(daemon.docker(&["ps", "--format", "{{.Status}}"]).ends_with(" (unhealthy)"));
        daemon.docker(&["exec", "checked", "touch", "/tmp/well"]);
        until(&daemon, "checked", "{{.State.Health.Status}} {{.State.Health.FailingStreak}}", "healthy 0");
        assert_eq!(daemon.docker(&["ps", "-q", "--filter", "health=healthy"]).len(), 12);
        let format = "{{.Config.Healthcheck.Retries}} {{.Config.Healthcheck.Interval}}";
        assert_eq!(state(&daemon, "checked", format), "2 100ms");
        daemon.docker(&["stop", "-t", "0", "checked"]);
        assert_eq!(state(&daemon, "checked", "{{.State.Health.Status}}"), "unhealthy");

        #[rustfmt::skip]
        daemon.docker(&[
            "run", "-d", "--name", "slow", "--health-cmd", "sleep 100", "--health-interval", "100ms", "--health-timeout",
            "200ms", "--health-retries", "1", "busybox", "sleep", "1000",
        ]);
        until(&daemon, "slow", "{{.State.Health.Status}}", "unhealthy");
        let log =
            state(&daemon, "slow", "{{(index .State.Health.Log 0).ExitCode}} {{(index .State.Health.Log 0).Output}}");
        assert_eq!(log, "-1 Health check exceeded timeout (200ms)");
        // What took too long does not stay behind.
        let sleeps = || daemon.docker(&["exec", "slow", "ps", "-o", "args"]).matches("sleep 100\n").count();
        wait_for("the checks to be gone", || (sleeps() <= 1).then_some(()));
        daemon.docker(&["rm", "-f", "slow", "checked"]);
        let message = daemon.docker_refuses(&["create", "--health-cmd", "true", "--health-interval", "1us", "busybox"]);
        assert!(message.contains("annot be less than 1ms"), "{message}");
    });
}
