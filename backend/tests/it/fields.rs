//! What `docker run` can be told of a container's process, tried inside it: each row is a set of options, a command and
//! what it must print.

use crate::harness::{Daemon, docker_is_there, wait_for};
use drawbridge_kernel::testing::check_in_sandbox;
use serde_json::Value;
use std::collections::BTreeSet;

/// Options of `docker run`, a script, and what it prints.
const ROWS: &[(&[&str], &str, &str)] = &[
    (&["--user", "www-data"], "id -u; id -g", "33\n33"),
    (&["--user", "1000:2000", "--group-add", "wheel", "--group-add", "77"], "id -G", "2000 10 77"),
    (&["--workdir", "/var/new"], "pwd", "/var/new"),
    (&["--env", "A=1", "--env", "B"], "echo $A-${B-none}", "1-none"),
    (&["--cap-add", "NET_ADMIN"], "ip link set lo mtu 1400 && echo made", "made"),
    (&["--cap-drop", "ALL"], "grep CapEff /proc/self/status", "CapEff:\t0000000000000000"),
    (&["--cap-drop", "CHOWN"], "chown 1 /tmp 2>/dev/null || echo no", "no"),
    (&["--read-only"], "touch /x 2>/dev/null || echo no; touch /dev/shm/x && echo yes", "no\nyes"),
    (
        &["--read-only", "--tmpfs", "/run:size=1m,mode=700"],
        "touch /run/x; df -k /run | tail -1 | awk '{print $2}'",
        "1024",
    ),
    (&["--sysctl", "net.ipv4.ip_forward=1"], "cat /proc/sys/net/ipv4/ip_forward", "1"),
    (&["--sysctl", "kernel.msgmax=4096"], "cat /proc/sys/kernel/msgmax", "4096"),
    (&["--ulimit", "nofile=100:200"], "ulimit -Sn; ulimit -Hn", "100\n200"),
    (
        &["--memory", "64m"],
        "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max",
        "67108864",
    ),
    (&["--pids-limit", "7"], "cat /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids.max", "7"),
    (&["--cpuset-cpus", "0"], "grep Cpus_allowed_list /proc/self/status", "Cpus_allowed_list:\t0"),
    (
        &["--device", "/dev/fuse:/dev/mine:r"],
        "(exec 3</dev/mine) && echo read; (exec 3>/dev/mine) 2>/dev/null || echo no",
        "read\nno",
    ),
    (&["--device-cgroup-rule", "c 10:229 r"], "echo made", "made"),
    (&["--security-opt", "no-new-privileges"], "grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t1"),
    (&["--security-opt", "seccomp=unconfined"], "grep Seccomp: /proc/self/status", "Seccomp:\t0"),
    (&[], "grep Seccomp: /proc/self/status", "Seccomp:\t2"),
    (
        &["--init"],
        "tr '\\0' ' ' < /proc/1/cmdline | cut -d' ' -f1; echo $$ | grep -qv '^1$' && echo below",
        "/sbin/docker-init\nbelow",
    ),
    (&["--shm-size", "1m"], "df -k /dev/shm | tail -1 | awk '{print $2}'", "1024"),
    (&["--pid", "host"], "test -d /proc/1 && grep -c 'Name:.sh$' /proc/1/status", "0"),
    (&["--ipc", "none"], "mount | grep -c ' /dev/shm ' || true", "0"),
    (&["--uts", "host"], "test \"$(hostname)\" = \"$(cat /proc/sys/kernel/hostname)\" && echo same", "same"),
    (&["--oom-score-adj", "500"], "cat /proc/self/oom_score_adj", "500"),
    (
        &["--privileged"],
        "mount -t tmpfs none /mnt 2>/dev/null || mkdir /mnt && mount -t tmpfs none /mnt && test -w /proc/sys/net/ipv4/ip_forward && echo free",
        "free",
    ),
    (&["--entrypoint", "/bin/echo"], "", "-c"),
    (&["--stop-signal", "SIGINT", "--stop-timeout", "1"], "echo fine", "fine"),
];

#[test]
fn options_hold_inside() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let mut wrong = Vec::new();
        for (options, script, expected) in ROWS {
            let mut args = vec!["run", "--rm"];
            args.extend(*options);
            // An entrypoint of one's own gets the rest as its arguments.
            let words = if options.contains(&"--entrypoint") { vec!["-c"] } else { vec!["sh", "-c", script] };
            args.push("busybox");
            args.extend(words);
            let output = daemon.docker_output(&args);
            let printed = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            if printed != *expected {
                wrong.push(format!(
                    "{options:?}: {printed:?}, not {expected:?}; {}",
                    String::from_utf8_lossy(&output.stderr)
                ));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        for (options, word) in [
            (["--cap-add", "NOPE"].as_slice(), "unknown capability: \"CAP_NOPE\""),
            (&["--memory", "1m"], "Minimum memory limit allowed is 6MB"),
            (&["--cpus", "900"], "range of CPUs is from 0.01 to"),
            (&["--cpuset-cpus", "900"], "Requested CPUs are not available"),
            (&["--device", "/dev/nope"], "error gathering device information while adding custom device \"/dev/nope\""),
            (&["--security-opt", "nope=1"], "invalid --security-opt"),
            (&["--ipc", "container:nope"], "No such container: nope"),
            (&["--runtime", "nope"], "unknown or invalid runtime name: nope"),
            (&["--ulimit", "nofile=999999999"], "is above the daemon's own hard limit"),
            (&["--user", "nope"], "unable to find user nobody"),
        ] {
            let word = if word.ends_with("nobody") { "unable to find user nope" } else { word };
            let mut args = vec!["run", "--rm"];
            args.extend(options);
            args.extend(["busybox", "true"]);
            let message = daemon.docker_refuses(&args);
            assert!(message.contains(word), "{options:?}: {message}");
        }
        assert_eq!(daemon.docker(&["ps", "-aq"]), "", "nothing is left of them");
    });
}

#[test]
fn shared_memory_and_processes_are_joined() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        daemon.docker(&["run", "-d", "--name", "one", "--ipc", "shareable", "busybox", "sleep", "1000"]);
        daemon.docker(&["exec", "one", "sh", "-c", "echo mine > /dev/shm/note"]);
        let seen = daemon.docker(&["run", "--rm", "--ipc", "container:one", "busybox", "cat", "/dev/shm/note"]);
        assert_eq!(seen, "mine");
        // The runtime has started it, and may just not have become it yet.
        wait_for("sleep", || {
            let seen = daemon.docker(&["run", "--rm", "--pid", "container:one", "busybox", "cat", "/proc/1/comm"]);
            (seen == "sleep").then_some(())
        });
        daemon.docker(&[
            "exec",
            "--privileged",
            "one",
            "sh",
            "-c",
            "mkdir -p /m && mount -t tmpfs none /m 2>&1 || true",
        ]);
        // A command that is run later may do what the container may, and no more.
        daemon.docker(&["run", "-d", "--name", "two", "--cap-drop", "ALL", "busybox", "sleep", "1000"]);
        let rights = daemon.docker(&["exec", "two", "grep", "CapEff", "/proc/self/status"]);
        assert_eq!(rights, "CapEff:\t0000000000000000");
        daemon.docker(&["rm", "-f", "one", "two"]);
    });
}

fn inspect(daemon: &Daemon, name: &str) -> Value {
    let list: Value = serde_json::from_str(&daemon.docker(&["inspect", name])).unwrap();
    list[0].clone()
}

/// The keys of Docker 28's answer, each with the kind of its value: recorded for a container that was only created.
const RECORDED: &str = include_str!("fields_created.json");

#[test]
fn inspect_has_every_key_and_zero_value() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        daemon.docker(&["create", "--name", "created", "-p", "81:80", "busybox"]);
        let ours = inspect(&daemon, "created");
        let recorded: Value = serde_json::from_str(RECORDED).unwrap();
        for part in ["", "/State", "/HostConfig", "/Config", "/NetworkSettings"] {
            let keys = |value: &Value| {
                value.pointer(part).and_then(Value::as_object).unwrap().keys().cloned().collect::<BTreeSet<_>>()
            };
            assert_eq!(keys(&ours), keys(&recorded), "{part}");
        }
        assert_eq!(ours["State"], recorded["State"]);
        let mut host = ours["HostConfig"].clone();
        // The runtime is the one that this machine has.
        host["Runtime"] = recorded["HostConfig"]["Runtime"].clone();
        host["CgroupnsMode"] = recorded["HostConfig"]["CgroupnsMode"].clone();
        assert_eq!(host, recorded["HostConfig"]);
        for key in [
            "Labels",
            "Volumes",
            "Entrypoint",
            "OnBuild",
            "WorkingDir",
            "User",
            "Domainname",
            "Tty",
            "AttachStdin",
            "AttachStdout",
            "AttachStderr",
        ] {
            assert_eq!(ours["Config"][key], recorded["Config"][key], "{key}");
        }
        assert_eq!(ours["Mounts"], recorded["Mounts"]);
    });
}

#[test]
fn inspect_shows_what_was_asked() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        #[rustfmt::skip]
        daemon.docker(&[
            "create", "--name", "asked", "--memory", "64m", "--cpus", "0.5", "--cap-add", "net_admin", "--init",
            "--pids-limit", "9", "--ulimit", "nofile=10:20", "--sysctl", "net.core.somaxconn=9", "--tmpfs", "/run",
            "--annotation", "a=b", "--log-opt", "max-size=1m", "--security-opt", "no-new-privileges", "busybox",
        ]);
        let host = inspect(&daemon, "asked")["HostConfig"].clone();
        for (key, expected) in [
            ("Memory", "67108864"),
            ("MemorySwap", "134217728"),
            ("NanoCpus", "500000000"),
            ("CapAdd", "[\"CAP_NET_ADMIN\"]"),
            ("Init", "true"),
            ("PidsLimit", "9"),
            ("Ulimits", "[{\"Hard\":20,\"Name\":\"nofile\",\"Soft\":10}]"),
            ("Sysctls", "{\"net.core.somaxconn\":\"9\"}"),
            ("Tmpfs", "{\"/run\":\"\"}"),
            ("Annotations", "{\"a\":\"b\"}"),
            ("SecurityOpt", "[\"no-new-privileges\"]"),
            ("LogConfig", "{\"Config\":{\"max-size\":\"1m\"},\"Type\":\"json-file\"}"),
        ] {
            assert_eq!(host[key], serde_json::from_str::<Value>(expected).unwrap(), "{key}");
        }
    });
}

#[test]
fn a_cgroup_of_somebodys_own_is_used_and_left() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        // Below our own, where the end of the test finds what is left.
        let parent = format!("/drawbridge/below-{}", std::process::id());
        let id = daemon.docker(&["run", "-d", "--name", "one", "--cgroup-parent", &parent, "busybox", "sleep", "1000"]);
        let pid = daemon.docker(&["inspect", "-f", "{{.State.Pid}}", "one"]);
        let cgroups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
        assert!(cgroups.contains(&format!("{parent}/{id}")), "{cgroups}");
        assert_eq!(daemon.docker(&["inspect", "-f", "{{.HostConfig.CgroupParent}}", "one"]), parent);
        // What it uses is found there, as soon as the runtime, which has threads, has become it.
        wait_for("sleep", || daemon.docker(&["top", "one"]).contains("sleep 1000").then_some(()));
        assert_eq!(daemon.docker(&["stats", "--no-stream", "--format", "{{.PIDs}}", "one"]), "1");
        daemon.docker(&["rm", "-f", "one"]);
        let top = std::path::Path::new("/sys/fs/cgroup");
        for hierarchy in std::fs::read_dir(top).unwrap().flatten().map(|entry| entry.path()).chain([top.to_owned()]) {
            let left = hierarchy.join(parent.trim_start_matches('/'));
            // Its own is gone, that which was named is not ours to take away.
            // A process leaves a little after its end.
            let gone = || (!left.exists() || std::fs::remove_dir(&left).is_ok()).then_some(());
            wait_for(&format!("{} to go", left.display()), gone);
        }
        let message = daemon.docker_refuses(&["create", "--cgroup-parent", "/a/../b", "busybox"]);
        assert!(message.contains("invalid cgroup parent"), "{message}");
    });
}
