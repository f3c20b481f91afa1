//! Further processes in a running container: `runc exec`, as a child of the daemon with pipes or a terminal. They have
//! no monitor, and pipes and terminal end with the daemon.
//!
//! With a terminal there are two, one inside the other: the runtime makes the inner one in the container, and copies
//! between it and the outer one, which is its own standard input and output and changes nothing. It takes over the outer
//! one's size when it gets SIGWINCH.

use super::{
    Attempt, Inner, Privileges, Runtime, RuntimeError, bundle, capability, monitor::last_error, processes, user,
    wait::Changes,
};
use drawbridge_api::{ContainerId, TerminalSize};
use drawbridge_kernel::{
    process::Process,
    terminal::{self, Terminal},
};
use std::{
    fs, io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::atomic::{AtomicU64, Ordering},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::unix::pipe,
    process::{Child, Command},
    task::spawn_blocking,
};

/// Tells a program that its terminal has another size (signal(7)).
const SIGWINCH: i32 = 28;

/// Whether somebody will write to the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stdin {
    /// Nobody: it reads `/dev/null`.
    Closed,
    /// The caller, through [`Exec::stdin`].
    Piped,
}

/// What a further process is to be.
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
    /// The size of its terminal, if it is to have one.
    pub terminal: Option<TerminalSize>,
}

/// A process that was started in a running container. It goes on when this is dropped.
pub struct Exec {
    /// Its number here on the host.
    pub pid: i32,
    /// Its input, if it was asked for. Drop it to end the input; that of a terminal has no end.
    pub stdin: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    /// What it prints; there until it is taken.
    pub stdout: Option<Box<dyn AsyncRead + Send + Unpin>>,
    /// What it prints as errors; with a terminal that is one with what it prints.
    pub stderr: Option<Box<dyn AsyncRead + Send + Unpin>>,
    /// Its terminal, if it has one.
    pub terminal: Option<ExecTerminal>,
    child: Child,
}

impl std::fmt::Debug for Exec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exec").field("pid", &self.pid).field("terminal", &self.terminal).finish_non_exhaustive()
    }
}

/// The terminal of a process that was started in a running container, to tell it its size.
#[derive(Debug)]
pub struct ExecTerminal {
    outer: OwnedFd,
    runtime: Process,
}

impl ExecTerminal {
    /// Tells it its size. Nothing happens when the process has ended.
    ///
    /// # Errors
    /// `Io` when the kernel refuses.
    pub fn resize(&self, size: TerminalSize) -> Result<(), RuntimeError> {
        terminal::resize(&self.outer, size).map_err(RuntimeError::io("resize", "the terminal"))?;
        // The outer terminal is nobody's controlling one, so the kernel signals nobody.
        match self.runtime.signal(SIGWINCH) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(RuntimeError::io("tell", "the runtime")(error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
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
            if let Some(size) = spec.terminal {
                bundle::give_terminal(&mut process, size)?;
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
            .arg(id.as_str());
        let failed = |source| RuntimeError::Spawn { program: self.program.kind.name().to_owned(), source };
        let outer = connect(&mut command, spec).map_err(failed)?;
        let mut child = command.spawn().map_err(failed)?;
        // It holds the inner end of a terminal, which ends when nobody has that open.
        drop(command);
        // Before the wait, which would close the child's input.
        let Ends { stdin, stdout, mut stderr, terminal } = match outer {
            Some(outer) => Ends::of_terminal(outer, child.id(), spec.stdin),
            None => Ends::of_pipes(&mut child),
        }
        .map_err(failed)?;
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
                        None => return Err(refused(program, &log, stderr.take(), status).await),
                    }
                }
            }
        };
        Ok(Exec { pid, stdin, stdout: Some(stdout), stderr, terminal, child })
    }
}

/// Gives a command its standard input and output: pipes, or a terminal, whose outer end is returned.
fn connect(command: &mut Command, spec: &ExecSpec) -> io::Result<Option<OwnedFd>> {
    let Some(size) = spec.terminal else {
        let stdin = match spec.stdin {
            Stdin::Closed => Stdio::null(),
            Stdin::Piped => Stdio::piped(),
        };
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        return Ok(None);
    };
    let Terminal { outer, inner } = Terminal::open(size)?;
    command.stdin(inner.try_clone()?).stdout(inner.try_clone()?).stderr(inner);
    Ok(Some(outer))
}

/// The daemon's ends of what a process reads and prints.
struct Ends {
    stdin: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    stdout: Box<dyn AsyncRead + Send + Unpin>,
    stderr: Option<Box<dyn AsyncRead + Send + Unpin>>,
    terminal: Option<ExecTerminal>,
}

impl Ends {
    fn of_pipes(child: &mut Child) -> io::Result<Ends> {
        let (stdout, stderr) = child.stdout.take().zip(child.stderr.take()).ok_or_else(lost_pipe)?;
        let stdin = child.stdin.take().map(|stdin| Box::new(stdin) as Box<dyn AsyncWrite + Send + Unpin>);
        Ok(Ends { stdin, stdout: Box::new(stdout), stderr: Some(Box::new(stderr)), terminal: None })
    }

    fn of_terminal(outer: OwnedFd, runtime: Option<u32>, stdin: Stdin) -> io::Result<Ends> {
        // A terminal is waited for as a pipe is.
        let stdout = pipe::Receiver::from_owned_fd_unchecked(outer.try_clone()?)?;
        let stdin = match stdin {
            Stdin::Closed => None,
            Stdin::Piped => {
                let sender = pipe::Sender::from_owned_fd_unchecked(outer.try_clone()?)?;
                Some(Box::new(sender) as Box<dyn AsyncWrite + Send + Unpin>)
            }
        };
        // A runtime that has ended at once has no terminal to resize any more.
        let runtime = runtime.and_then(|pid| Process::open(i32::try_from(pid).ok()?).ok());
        let terminal = runtime.map(|runtime| ExecTerminal { outer, runtime });
        Ok(Ends { stdin, stdout: Box::new(stdout), stderr: None, terminal })
    }
}

/// Why the runtime did not start it: the last error of its log, or what it printed.
async fn refused(
    program: &str,
    log: &Path,
    stderr: Option<Box<dyn AsyncRead + Send + Unpin>>,
    status: ExitStatus,
) -> RuntimeError {
    use tokio::io::AsyncReadExt;
    let words = match fs::read_to_string(log).ok().and_then(|log| last_error(&log)) {
        Some(words) => words,
        None => {
            let mut printed = String::new();
            if let Some(mut stderr) = stderr {
                // What can't be read can't be told; the status is.
                let _ = stderr.read_to_string(&mut printed).await;
            }
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
