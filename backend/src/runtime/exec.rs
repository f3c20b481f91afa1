//! Further processes in a running container: `runc exec`, as a child of the daemon with pipes. They have no monitor,
//! and the pipes end with the daemon.

use super::{
    Attempt, Inner, Privileges, Runtime, RuntimeError, bundle, capability, monitor::last_error, processes, user,
    wait::Changes,
};
use drawbridge_api::ContainerId;
use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::atomic::{AtomicU64, Ordering},
};
use tokio::{
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    task::spawn_blocking,
};

/// Whether somebody will write to the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stdin {
    /// Nobody: it reads `/dev/null`.
    Closed,
    /// The caller, through [`Exec::stdin`].
    Piped,
}

/// What a further process is to be. It has no terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecSpec {
    /// Program and arguments; at least the program.
    pub args: Vec<String>,
    /// `NAME=value`: the container's, with the caller's own over them.
    pub env: Vec<String>,
    /// Where it starts; `/` when empty.
    pub working_dir: String,
    /// `user[:group]`, by name or number; root when empty.
    pub user: String,
    /// What it may do.
    pub privileges: Privileges,
    /// Whether somebody will write to it.
    pub stdin: Stdin,
}

/// A process that was started in a running container. It goes on when this is dropped.
#[derive(Debug)]
pub struct Exec {
    /// Its number here on the host.
    pub pid: i32,
    /// Its input, if it was asked for. Drop it to end the input.
    pub stdin: Option<ChildStdin>,
    /// What it prints.
    pub stdout: ChildStdout,
    /// What it prints as errors.
    pub stderr: ChildStderr,
    child: Child,
}

impl Exec {
    /// Waits for its end; returns its exit code, 128 + signal when it was killed. The output has to be read meanwhile.
    ///
    /// # Errors
    /// `Spawn` when the child can't be waited for.
    pub async fn wait(&mut self) -> Result<i32, RuntimeError> {
        let status = self.child.wait().await;
        let status = status.map_err(|source| RuntimeError::Spawn { program: "exec".to_owned(), source })?;
        Ok(code(status))
    }
}

/// The runtime passes on its child's exit code, which for a killed one is 128 + signal already. When it was killed
/// itself, its child is counted as killed too.
fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(255)
}

impl Runtime {
    /// Starts a further process in a running container. Returns when it runs, or has run.
    ///
    /// # Errors
    /// `NotRunning`; `CommandNotFound` and its like when it can't be executed; `UnknownUser`, `UnknownGroup`.
    pub async fn exec(&self, id: &ContainerId, spec: &ExecSpec) -> Result<Exec, RuntimeError> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let paths = self.inner.folders.container(id);
        let main = processes::find(&paths, id)?.and_then(|processes| processes.main);
        main.ok_or_else(|| RuntimeError::NotRunning(id.clone()))?;

        // The process's number makes it unlike one that an earlier daemon has left.
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        let folder = paths.run.join(format!("exec-{}-{count}", std::process::id()));
        let (host, spec_of_thread, folder_of_thread) = (self.inner.host.clone(), spec.clone(), folder.clone());
        let (rootfs, config) = (paths.rootfs(), paths.config());
        let prepared = spawn_blocking(move || {
            let spec = spec_of_thread;
            let user = user::find(&rootfs, &spec.user, &[])?;
            let granted = capability::of_privileges(spec.privileges);
            let mut process = bundle::process(&spec.args, &spec.env, &spec.working_dir, user, &granted, &host)?;
            if spec.privileges == Privileges::Default {
                bundle::as_first(&mut process, &config)?;
            }
            fs::create_dir(&folder_of_thread).map_err(RuntimeError::io("make", &folder_of_thread))?;
            let path = process_file(&folder_of_thread);
            fs::write(&path, serde_json::to_vec(&process)?).map_err(RuntimeError::io("write", &path))
        });
        let started = match prepared.await.unwrap_or(Err(RuntimeError::ShuttingDown)) {
            Ok(()) => self.inner.exec(id, spec, &folder).await,
            Err(error) => Err(error),
        };
        // It has been read by now; and a folder that stays behind goes with the bundle.
        let _ = fs::remove_dir_all(&folder);
        started
    }
}

impl Inner {
    async fn exec(&self, id: &ContainerId, spec: &ExecSpec, folder: &Path) -> Result<Exec, RuntimeError> {
        let program = spec.args.first().map_or("", String::as_str);
        let (pid_file, log) = (folder.join("pid"), folder.join("log"));
        let changes = Changes::of(folder);
        let mut command = Command::new(&self.program.path);
        if self.host.unusable_cgroup.is_some() {
            command.arg(self.program.kind.without_cgroups());
        }
        command
            .arg("--root")
            .arg(self.folders.runtime_root())
            .arg("--log")
            .arg(&log)
            .args(["--log-format", "json", "exec", "--process"])
            .arg(process_file(folder))
            .arg("--pid-file")
            .arg(&pid_file)
            .arg(id.as_str())
            .stdin(match spec.stdin {
                Stdin::Closed => Stdio::null(),
                Stdin::Piped => Stdio::piped(),
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let failed = |source| RuntimeError::Spawn { program: self.program.kind.name().to_owned(), source };
        let mut child = command.spawn().map_err(failed)?;
        // Taken before the wait, which would close it.
        let stdin = child.stdin.take();
        let (stdout, stderr) = child.stdout.take().zip(child.stderr.take()).ok_or_else(|| failed(lost_pipe()))?;
        let pid = loop {
            if let Some(pid) = read_pid(&pid_file) {
                break pid;
            }
            tokio::select! {
                () = changes.next() => {}
                status = child.wait() => {
                    let status = status.map_err(failed)?;
                    match read_pid(&pid_file) {
                        Some(pid) => break pid,
                        None => return Err(refused(program, &log, stderr, status).await),
                    }
                }
            }
        };
        Ok(Exec { pid, stdin, stdout, stderr, child })
    }
}

/// Why the runtime did not start it: the last error of its log, or what it printed.
async fn refused(program: &str, log: &Path, mut stderr: ChildStderr, status: ExitStatus) -> RuntimeError {
    use tokio::io::AsyncReadExt;
    let words = match fs::read_to_string(log).ok().and_then(|log| last_error(&log)) {
        Some(words) => words,
        None => {
            let mut printed = String::new();
            // What can't be read can't be told; the status is.
            let _ = stderr.read_to_string(&mut printed).await;
            let last = printed.lines().rfind(|line| !line.trim().is_empty());
            last.map_or_else(|| format!("the runtime ended with {status}"), str::to_owned)
        }
    };
    RuntimeError::refused(Attempt::Exec, program, &words)
}

fn process_file(folder: &Path) -> PathBuf {
    folder.join("process.json")
}

/// The runtime renames the file into place, so it is whole.
fn read_pid(path: &Path) -> Option<i32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn lost_pipe() -> io::Error {
    io::Error::other("a pipe that was asked for is not there")
}
