//! Containers' processes for real: the OCI runtime, conmon, the built-in image, each test in a sandbox of its own.

mod life;
mod output;
mod recovery;

use crate::harness::{DEADLINE, Folders};
use drawbridge::{
    images::Images,
    runtime::{
        EtcFiles, Exec, ExecSpec, Exit, Follow, LogOptions, LogStream, Privileges, ProcessSpec, ProcessState, Runtime,
        RuntimeError, Stdin,
    },
};
use drawbridge_api::{Console, ContainerId};
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
        let layers = image.layers.iter().map(|layer| images.layer_dir(&layer.diff_id)).collect();
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
            domainname: String::new(),
            id,
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            env: vec![PATH.to_owned()],
            working_dir: String::new(),
            user: String::new(),
            console: Console::default(),
            netns: None,
            layers: self.layers.clone(),
            etc: EtcFiles::Own {
                hosts: "127.0.0.1\tlocalhost\n".to_owned(),
                resolv_conf: "nameserver 192.0.2.1\n".to_owned(),
            },
            settings: Default::default(),
            mounts: Vec::new(),
            ipc: None,
            pids: None,
            shm: None,
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

    /// Waits until it has printed a line.
    async fn prints(&self, id: &ContainerId, line: &str) {
        let mut reader = self.runtime.logs(id, LogOptions { follow: Follow::Yes, ..LogOptions::default() });
        while let Some(entry) = soon(reader.next()).await.unwrap() {
            if entry.bytes == line.as_bytes() {
                return;
            }
        }
        panic!("it has ended without {line:?}");
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
        terminal: None,
    }
}

/// Output, errors and exit code.
async fn finish(mut exec: Exec) -> (String, String, i32) {
    let (mut out, mut err) = (String::new(), String::new());
    drop(exec.stdin.take());
    let (mut stdout, mut stderr) = exec.stdout.take().zip(exec.stderr.take()).expect("it has pipes");
    let read = async { tokio::try_join!(stdout.read_to_string(&mut out), stderr.read_to_string(&mut err)) };
    soon(read).await.expect("the pipes are open");
    let code = soon(exec.wait()).await.expect("it is our child");
    (out, err, code)
}
