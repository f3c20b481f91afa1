//! Looking at containers and carrying files through the docker command: cp, export, diff, top, stats, system df.

use crate::harness::{Daemon, docker_is_there, wait_for};
use drawbridge_kernel::testing::check_in_sandbox;
use serde_json::Value;
use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

fn tar_names(path: &Path) -> Vec<String> {
    let output = Command::new("tar").arg("tf").arg(path).output().unwrap();
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn files_go_both_ways() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let here = daemon.folders().root.join("here");
        fs::create_dir_all(here.join("folder/deep")).unwrap();
        fs::write(here.join("file"), "carried").unwrap();
        fs::write(here.join("folder/deep/x"), "deep").unwrap();
        symlink("deep/x", here.join("folder/link")).unwrap();
        let path = |name: &str| here.join(name).display().to_string();
        daemon.docker(&["run", "-d", "--name", "runs", "-v", "data:/data", "busybox", "sleep", "1000"]);
        daemon.docker(&["create", "--name", "rests", "-v", "data:/data", "busybox", "cat", "/root/folder/deep/x"]);
        for name in ["runs", "rests"] {
            daemon.docker(&["cp", &path("file"), &format!("{name}:/root/")]);
            daemon.docker(&["cp", &path("file"), &format!("{name}:/root/other")]);
            daemon.docker(&["cp", &path("folder"), &format!("{name}:/root")]);
            daemon.docker(&["cp", &path("file"), &format!("{name}:/data/{name}")]);
            daemon.docker(&["cp", &format!("{name}:/root/folder"), &path(name)]);
            assert_eq!(fs::read_to_string(here.join(name).join("deep/x")).unwrap(), "deep");
            assert_eq!(fs::read_link(here.join(name).join("link")).unwrap(), Path::new("deep/x"));
            daemon.docker(&["cp", &format!("{name}:/root/other"), &path("back")]);
            assert_eq!(fs::read_to_string(here.join("back")).unwrap(), "carried");
            for (from, to, word) in [
                (format!("{name}:/nope"), path("x"), "Could not find the file /nope in container"),
                (path("file"), format!("{name}:/nope/x/"), "o such"),
                (path("folder"), format!("{name}:/root/other"), "annot copy"),
            ] {
                let message = daemon.docker_refuses(&["cp", &from, &to]);
                assert!(message.contains(word), "{from} {to}: {message}");
            }
        }
        // A volume is reached whether its container runs or not.
        assert_eq!(daemon.docker(&["exec", "runs", "cat", "/data/runs", "/data/rests"]), "carriedcarried");
        assert_eq!(daemon.docker(&["start", "-a", "rests"]), "deep");
        for (from, to) in [("runs:/etc/", "slash"), ("runs:/", "whole")] {
            daemon.docker(&["cp", "-q", from, &path(to)]);
        }
        assert!(here.join("slash/passwd").exists() && here.join("whole/etc/passwd").exists());
        // A link of the container's own leads nowhere out of it.
        daemon.docker(&["exec", "runs", "ln", "-s", "../../../../../../../../etc", "/root/way"]);
        daemon.docker(&["cp", &path("file"), "runs:/root/way/carried"]);
        assert!(!Path::new("/etc/carried").exists());
        assert_eq!(daemon.docker(&["exec", "runs", "cat", "/etc/carried"]), "carried");

        daemon.docker(&["create", "--name", "closed", "--read-only", "busybox"]);
        let message = daemon.docker_refuses(&["cp", &path("file"), "closed:/root/"]);
        assert!(message.contains("container rootfs is marked read-only"), "{message}");
        let tar = path("all.tar");
        daemon.docker(&["export", "-o", &tar, "rests"]);
        let names = tar_names(Path::new(&tar));
        for expected in ["bin/busybox", "root/folder/deep/x", "etc/passwd"] {
            assert!(names.iter().any(|name| name == expected), "{expected}");
        }
        let whole = path("running.tar");
        daemon.docker(&["export", "-o", &whole, "runs"]);
        let names = tar_names(Path::new(&whole));
        assert!(
            names.iter().any(|name| name == "bin/busybox") && !names.iter().any(|name| name.starts_with("proc/1/"))
        );
        daemon.docker(&["cp", "runs:/etc/.", &path("etc")]);
        assert!(here.join("etc/passwd").exists() && here.join("etc/resolv.conf").exists());
        let mounts = fs::read_to_string("/proc/thread-self/mounts").unwrap();
        assert!(!mounts.contains("/look-"), "nothing stays mounted");
        daemon.docker(&["rm", "-f", "runs", "rests", "closed"]);
    });
}

#[test]
fn what_differs_from_the_image() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        daemon.docker(&["run", "--name", "quiet", "busybox", "true"]);
        assert_eq!(daemon.docker(&["diff", "quiet"]), "");
        let script = "mkdir /new && echo x > /new/file && echo y >> /etc/passwd && rm /etc/group";
        daemon.docker(&["run", "--name", "busy", "-v", "/own", "busybox", "sh", "-c", script]);
        assert_eq!(daemon.docker(&["diff", "busy"]), "C /etc\nD /etc/group\nC /etc/passwd\nA /new\nA /new/file");
        daemon.docker(&["rm", "-v", "busy", "quiet"]);
    });
}

#[test]
fn processes_and_what_they_use() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        daemon.docker(&["run", "-d", "--name", "one", "-m", "64m", "busybox", "sleep", "1000"]);
        daemon.docker(&["exec", "-d", "one", "sleep", "77"]);
        // What the runtime has started becomes what it is to be a little later.
        let top = wait_for("its processes", || {
            let top = daemon.docker(&["top", "one"]);
            (top.contains("sleep 1000") && top.contains("sleep 77")).then_some(top)
        });
        assert!(top.starts_with("UID") && !top.contains("drawbridge"), "{top}");
        assert_eq!(
            daemon.docker(&["top", "one", "-o", "pid,args"]).lines().next().unwrap().split_whitespace().last(),
            Some("COMMAND")
        );
        assert!(daemon.docker_refuses(&["top", "one", "-o", "args"]).contains("Couldn't find PID field"));

        let format = "{{.Name}} {{.MemUsage}} {{.PIDs}}";
        let stats = daemon.docker(&["stats", "--no-stream", "--format", format, "one"]);
        assert!(stats.starts_with("one ") && stats.contains(" / 64MiB "), "{stats}");
        daemon.docker(&["create", "--name", "rests", "busybox"]);
        let stats = daemon.docker(&["stats", "--no-stream", "--all", "--format", "{{.Name}} {{.CPUPerc}}"]);
        assert!(stats.contains("one ") && stats.contains("rests 0.00%"), "{stats}");
        assert!(daemon.docker_refuses(&["top", "rests"]).contains("is not running"));

        let df = daemon.docker(&["system", "df", "--format", "{{.Type}} {{.TotalCount}} {{.Active}}"]);
        assert_eq!(df, "Images 1 1\nContainers 2 1\nLocal Volumes 0 0\nBuild Cache 0 0");
        daemon.docker(&["system", "df", "-v"]);
        let info = daemon.docker(&[
            "info",
            "--format",
            "{{.ContainersRunning}} {{.ContainersPaused}} {{.ContainersStopped}} {{.MemoryLimit}}",
        ]);
        assert_eq!(info, "1 0 1 true");
        daemon.docker(&["rm", "-f", "one", "rests"]);
    });
}

/// The keys of Docker 28's answer for one that runs.
#[test]
fn stats_have_every_key() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        daemon.docker(&["run", "-d", "--name", "one", "busybox", "sleep", "1000"]);
        let output = Command::new("curl")
            .args(["-s", "--unix-socket"])
            .arg(daemon.socket())
            .arg("http://d/v1.50/containers/one/stats?stream=0")
            .output()
            .unwrap();
        let stats: Value = serde_json::from_slice(&output.stdout).unwrap();
        for pointer in [
            "/id",
            "/read",
            "/preread",
            "/num_procs",
            "/storage_stats",
            "/cpu_stats/cpu_usage/total_usage",
            "/cpu_stats/system_cpu_usage",
            "/cpu_stats/online_cpus",
            "/cpu_stats/throttling_data/periods",
            "/precpu_stats/cpu_usage/total_usage",
            "/memory_stats/usage",
            "/memory_stats/limit",
            "/memory_stats/stats",
            "/networks/eth0/rx_bytes",
            "/networks/eth0/tx_dropped",
            "/blkio_stats/io_service_bytes_recursive",
            "/pids_stats/current",
        ] {
            assert!(stats.pointer(pointer).is_some_and(|value| !value.is_null()), "{pointer}: {stats}");
        }
        daemon.docker(&["rm", "-f", "one"]);
    });
}
