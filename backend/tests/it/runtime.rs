//! Containers' processes for real: the OCI runtime, conmon, the built-in image, each test in a sandbox of its own.

use crate::harness::{DEADLINE, Folders};
use drawbridge::{
    images::Images,
    runtime::{
        Exec, ExecSpec, Exit, Follow, LogOptions, LogStream, Privileges, ProcessSpec, ProcessState, Runtime,
        RuntimeError, Stdin,
    },
};
use drawbridge_api::ContainerId;
use drawbridge_kernel::testing::check_in_sandbox;
use futures_util::TryStreamExt;
use std::{fs, path::PathBuf, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

const SIGTERM: i32 = 15;
const SIGKILL: i32 = 9;
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A runtime on folders of its own, with the built-in image.
struct Stage {
    folders: Folders,
    runtime: Runtime,
    layers: Vec<PathBuf>,
}

impl Stage {
    async fn new() -> Self {
        let folders = Folders::new();
        let config = folders.config();
        let images = Images::open(&config.data_dir).expect("the folder can be made");
        let image = images.busybox().await.expect("the host has a static busybox");
        let layers = image.layers.iter().map(|layer| images.layer_dir(layer)).collect();
        let runtime = Runtime::detect(&config.data_dir, &config.run_dir).await.expect("the host has conmon and runc");
        Self { folders, runtime, layers }
    }

    /// What a daemon that is started anew has.
    async fn another_runtime(&self) -> Runtime {
        let config = self.folders.config();
        Runtime::detect(&config.data_dir, &config.run_dir).await.expect("it was there before")
    }

    fn spec(&self, args: &[&str]) -> ProcessSpec {
        let id = ContainerId::from_bytes(rand::random());
        ProcessSpec {
            hostname: id.short().to_owned(),
            id,
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            env: vec![PATH.to_owned()],
            working_dir: String::new(),
            user: String::new(),
            netns: None,
            layers: self.layers.clone(),
            hosts: "127.0.0.1\tlocalhost\n".to_owned(),
            resolv_conf: "nameserver 192.0.2.1\n".to_owned(),
        }
    }

    fn sh(&self, script: &str) -> ProcessSpec {
        self.spec(&["sh", "-c", script])
    }

    async fn start(&self, spec: &ProcessSpec) -> i32 {
        self.runtime.start(spec).await.unwrap_or_else(|error| panic!("start: {}", chain(&error)))
    }

    async fn exit(&self, id: &ContainerId) -> Exit {
        soon(self.runtime.exit(id)).await.unwrap_or_else(|error| panic!("exit: {}", chain(&error)))
    }

    /// What it has printed, in order; `!` before what went to standard error.
    async fn printed(&self, id: &ContainerId, options: LogOptions) -> String {
        let entries = self.runtime.logs(id, options).into_stream().try_collect::<Vec<_>>();
        let entries = soon(entries).await.unwrap_or_else(|error| panic!("logs: {}", chain(&error)));
        let text = entries.iter().map(|entry| {
            let mark = match entry.stream {
                LogStream::Stdout => "",
                LogStream::Stderr => "!",
            };
            format!("{mark}{}", String::from_utf8_lossy(&entry.bytes))
        });
        text.collect()
    }

    /// Runs it to its end and returns what it printed.
    async fn run(&self, spec: &ProcessSpec) -> String {
        self.start(spec).await;
        self.exit(&spec.id).await;
        let printed = self.printed(&spec.id, LogOptions::default()).await;
        self.remove(&spec.id).await;
        printed
    }

    async fn remove(&self, id: &ContainerId) {
        let errors = self.runtime.remove(id).await;
        assert!(errors.is_empty(), "{errors:?}");
        self.assert_nothing_of(id);
    }

    /// Neither processes nor mounts nor cgroups nor files.
    fn assert_nothing_of(&self, id: &ContainerId) {
        let config = self.folders.config();
        for folder in
            [config.data_dir.join("containers"), config.run_dir.join("containers"), config.run_dir.join("runtime")]
        {
            assert!(!folder.join(id.as_str()).exists(), "{} still has it", folder.display());
        }
        assert!(!fs::read_to_string("/proc/thread-self/mounts").unwrap().contains(id.as_str()), "a mount is left");
        for hierarchy in fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten() {
            let folder = hierarchy.path().join("drawbridge").join(id.as_str());
            assert!(!folder.exists(), "{} is left", folder.display());
        }
        assert_eq!(processes_of(id), Vec::<PathBuf>::new());
    }

    fn run_file(&self, id: &ContainerId, name: &str) -> PathBuf {
        self.folders.config().run_dir.join("containers").join(id.as_str()).join(name)
    }

    fn monitor(&self, id: &ContainerId) -> i32 {
        fs::read_to_string(self.run_file(id, "monitor-pid")).unwrap().trim().parse().unwrap()
    }
}

fn check(body: impl AsyncFnOnce(Stage) + Send) {
    check_in_sandbox(|| {
        // One thread: tokio's others are started from it, and are in the sandbox too.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { body(Stage::new().await).await });
    });
}

/// Those whose arguments name the container: its monitor, and the runtime at work on it.
fn processes_of(id: &ContainerId) -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let names_it = |process: &PathBuf| {
        let arguments = fs::read(process.join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&arguments).contains(id.as_str())
    };
    processes.filter(names_it).collect()
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future).await.expect("it ends within half a minute")
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}

fn exec(args: &[&str]) -> ExecSpec {
    ExecSpec {
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        env: vec![PATH.to_owned()],
        working_dir: String::new(),
        user: String::new(),
        privileges: Privileges::Default,
        stdin: Stdin::Closed,
    }
}

/// Output, errors and exit code.
async fn finish(mut exec: Exec) -> (String, String, i32) {
    let (mut out, mut err) = (String::new(), String::new());
    drop(exec.stdin.take());
    let (stdout, stderr) = (&mut exec.stdout, &mut exec.stderr);
    let read = async { tokio::try_join!(stdout.read_to_string(&mut out), stderr.read_to_string(&mut err)) };
    soon(read).await.expect("the pipes are open");
    let code = soon(exec.wait()).await.expect("it is our child");
    (out, err, code)
}

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
fn a_later_daemon_finds_what_runs() {
    check(async |stage| {
        let spec = stage.sh("trap 'exit 7' TERM; while true; do sleep 0.05; done");
        let pid = stage.start(&spec).await;
        assert!(matches!(stage.runtime.start(&spec).await, Err(RuntimeError::Running(_))));

        let later = stage.another_runtime().await;
        assert_eq!(later.state(&spec.id).await.unwrap(), ProcessState::Running { pid });
        let exec_later = later.exec(&spec.id, &exec(&["echo", "hello"])).await.unwrap();
        assert_eq!(finish(exec_later).await, ("hello\n".into(), String::new(), 0));
        let (exit, signalled) = tokio::join!(soon(later.exit(&spec.id)), later.signal(&spec.id, SIGTERM));
        signalled.unwrap();
        assert_eq!(exit.unwrap().code, 7);
        assert!(matches!(later.signal(&spec.id, SIGTERM).await, Err(RuntimeError::NotRunning(_))));
        stage.remove(&spec.id).await;

        let spec = stage.spec(&["sleep", "1000"]);
        stage.start(&spec).await;
        stage.runtime.signal(&spec.id, SIGKILL).await.unwrap();
        assert_eq!(stage.exit(&spec.id).await.code, 128 + SIGKILL);
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
fn further_processes_run_beside() {
    check(async |stage| {
        let spec = stage.spec(&["sleep", "1000"]);
        stage.start(&spec).await;
        let run = async |spec_of: &ExecSpec| finish(stage.runtime.exec(&spec.id, spec_of).await.unwrap()).await;

        let script = "echo $1; echo err >&2; exit 5";
        let (out, err, code) = run(&exec(&["sh", "-c", script, "sh", "an argument"])).await;
        assert_eq!((out.as_str(), err.as_str(), code), ("an argument\n", "err\n", 5));
        let (out, _, _) =
            run(&ExecSpec { user: "33:8".into(), working_dir: "/tmp".into(), ..exec(&["sh", "-c", "id; pwd"]) }).await;
        assert_eq!(out, "uid=33(www-data) gid=8(mail)\n/tmp\n");
        let capabilities = &["sh", "-c", "grep CapEff /proc/self/status"];
        let (plain, _, _) = run(&exec(capabilities)).await;
        let (all, _, _) = run(&ExecSpec { privileges: Privileges::All, ..exec(capabilities) }).await;
        assert_eq!(plain, "CapEff:\t00000000a80425fb\n");
        assert!(all != plain && all.len() == plain.len(), "{all}");

        let mut cat = stage.runtime.exec(&spec.id, &ExecSpec { stdin: Stdin::Piped, ..exec(&["cat"]) }).await.unwrap();
        assert!(cat.pid > 0);
        cat.stdin.as_mut().unwrap().write_all(b"through\n").await.unwrap();
        assert_eq!(finish(cat).await, ("through\n".into(), String::new(), 0));

        let error = stage.runtime.exec(&spec.id, &exec(&["nosuch"])).await.expect_err("it is not there");
        assert!(matches!(error, RuntimeError::CommandNotFound { .. }));
        let text = "OCI runtime exec failed: exec failed: unable to start container process: exec: \"nosuch\": executable \
                    file not found in $PATH: unknown";
        assert_eq!(error.to_string(), text);
        let error = stage.runtime.exec(&spec.id, &exec(&["/etc/passwd"])).await.expect_err("it is no program");
        assert!(matches!(error, RuntimeError::CommandNotExecutable { .. }), "{error}");
        let left = fs::read_dir(stage.run_file(&spec.id, "")).unwrap().flatten();
        let left: Vec<_> =
            left.map(|entry| entry.file_name()).filter(|name| name.to_string_lossy().starts_with("exec")).collect();
        assert!(left.is_empty(), "{left:?}");

        let long = stage.runtime.exec(&spec.id, &exec(&["sleep", "1000"])).await.unwrap();
        stage.remove(&spec.id).await;
        assert_eq!(finish(long).await.2, 128 + SIGKILL);
        let error = stage.runtime.exec(&spec.id, &exec(&["true"])).await.expect_err("it is gone");
        assert!(matches!(error, RuntimeError::NotRunning(_)));
    });
}

#[test]
fn a_killed_monitor_takes_only_the_exit_code_along() {
    check(async |stage| {
        let spec = stage.spec(&["sleep", "1000"]);
        let pid = stage.start(&spec).await;
        drawbridge_kernel::process::kill(stage.monitor(&spec.id), SIGKILL).unwrap();
        assert_eq!(stage.runtime.state(&spec.id).await.unwrap(), ProcessState::Running { pid });
        let (exit, signalled) = tokio::join!(stage.exit(&spec.id), stage.runtime.signal(&spec.id, SIGKILL));
        signalled.unwrap();
        assert_eq!(exit.code, 255);
        assert!(matches!(stage.runtime.state(&spec.id).await.unwrap(), ProcessState::Exited(Exit { code: 255, .. })));
        stage.remove(&spec.id).await;
    });
}

#[test]
fn what_ran_before_a_reboot_has_ended() {
    check(async |stage| {
        let spec = stage.spec(&["sleep", "1000"]);
        stage.start(&spec).await;
        // As after one, save that the processes are still there: their numbers may be others' by then.
        let record = stage.run_file(&spec.id, "process.json");
        let text = fs::read_to_string(&record).unwrap();
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        fs::write(&record, text.replace(boot.trim(), "another")).unwrap();
        assert!(matches!(stage.runtime.state(&spec.id).await.unwrap(), ProcessState::Exited(Exit { code: 255, .. })));
        assert!(matches!(stage.runtime.signal(&spec.id, SIGKILL).await, Err(RuntimeError::NotRunning(_))));
        fs::write(&record, text).unwrap();
        stage.remove(&spec.id).await;
    });
}

#[test]
fn a_number_that_came_back_is_somebody_else() {
    check(async |stage| {
        let spec = stage.spec(&["sleep", "1000"]);
        stage.start(&spec).await;
        let record = stage.run_file(&spec.id, "process.json");
        let text = fs::read_to_string(&record).unwrap();
        let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
        for who in ["main", "monitor"] {
            let ticks = json[who]["start_ticks"].as_u64().unwrap();
            json[who]["start_ticks"] = (ticks - 1).into();
        }
        fs::write(&record, json.to_string()).unwrap();
        assert!(matches!(stage.runtime.signal(&spec.id, SIGKILL).await, Err(RuntimeError::NotRunning(_))));
        assert!(matches!(stage.runtime.state(&spec.id).await.unwrap(), ProcessState::Exited(Exit { code: 255, .. })));
        fs::write(&record, text).unwrap();
        stage.remove(&spec.id).await;
    });
}

#[test]
fn a_start_without_its_record_is_found_or_taken_away() {
    check(async |stage| {
        let spec = stage.spec(&["sleep", "1000"]);
        let pid = stage.start(&spec).await;
        fs::remove_file(stage.run_file(&spec.id, "process.json")).unwrap();
        assert_eq!(stage.runtime.state(&spec.id).await.unwrap(), ProcessState::Running { pid });
        // Killed before the runtime had written the number: only the monitor is known.
        fs::remove_file(stage.run_file(&spec.id, "pid")).unwrap();
        assert_eq!(stage.runtime.state(&spec.id).await.unwrap(), ProcessState::Unknown);
        stage.remove(&spec.id).await;
    });
}

#[test]
fn a_dropped_start_is_cleaned_up() {
    check(async |stage| {
        // The moments at which it may be dropped are spread over the whole of it.
        for step in 0..12 {
            let spec = stage.spec(&["sleep", "1000"]);
            let _ = timeout(Duration::from_millis(step * 5), stage.runtime.start(&spec)).await;
            stage.remove(&spec.id).await;
        }
    });
}

#[test]
fn a_log_is_followed_to_its_end() {
    check(async |stage| {
        let script = "i=0; while [ $i -lt 40 ]; do echo line $i; i=$((i + 1)); sleep 0.01; done; printf end";
        let spec = stage.sh(script);
        stage.start(&spec).await;
        let follow = LogOptions { follow: Follow::Yes, ..LogOptions::default() };
        let whole: String = (0..40).map(|i| format!("line {i}\n")).chain(["end".to_owned()]).collect();
        assert_eq!(stage.printed(&spec.id, follow.clone()).await, whole);
        assert_eq!(stage.printed(&spec.id, follow.clone()).await, whole, "of one that has ended");
        let tail = LogOptions { tail: Some(2), ..follow };
        assert_eq!(stage.printed(&spec.id, tail).await, "line 39\nend");

        let mut reader = stage.runtime.logs(&spec.id, LogOptions::default());
        let middle = loop {
            let entry = reader.next().await.unwrap().expect("40 lines");
            if entry.bytes == b"line 20\n" {
                break entry.time;
            }
        };
        // Lines that were read at once have one time.
        let since = LogOptions { since: Some(middle), ..LogOptions::default() };
        let later = stage.printed(&spec.id, since).await;
        assert!(whole.ends_with(&later) && later.contains("line 20\n") && later.len() < whole.len(), "{later}");
        let until = LogOptions { until: Some(middle), follow: Follow::Yes, ..LogOptions::default() };
        let earlier = stage.printed(&spec.id, until).await;
        assert!(
            whole.starts_with(&earlier) && earlier.contains("line 20\n") && earlier.len() < whole.len(),
            "{earlier}"
        );
        stage.remove(&spec.id).await;
        let unknown = LogOptions { follow: Follow::Yes, ..LogOptions::default() };
        assert_eq!(stage.printed(&spec.id, unknown).await, "");
    });
}

#[test]
fn a_large_output_comes_whole_and_in_order() {
    check(async |stage| {
        let spec = stage.spec(&["seq", "200000"]);
        stage.start(&spec).await;
        stage.exit(&spec.id).await;
        let printed = stage.printed(&spec.id, LogOptions::default()).await;
        let expected: String = (1..=200_000).map(|i| format!("{i}\n")).collect();
        assert!(printed == expected);
        let tail = LogOptions { tail: Some(30_000), ..LogOptions::default() };
        assert!(expected.ends_with(&stage.printed(&spec.id, tail.clone()).await));
        assert_eq!(stage.printed(&spec.id, tail).await.lines().count(), 30_000);
        stage.remove(&spec.id).await;
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
