//! A container's main process from start to removal.

use super::{
    Exit, Inner, ProcessSpec, ProcessState, Runtime, RuntimeError, bundle, etc, fill,
    host::cgroup_below,
    paths::Paths,
    processes::{self, Boot, Processes},
    user, wait,
};
use crate::{clock::lap, settings::Namespace};
use drawbridge_api::ContainerId;
use drawbridge_kernel::{mount, process::Process, remove, tree::Tree};
use std::{
    fs, io,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{process::Command, task::spawn_blocking, time::timeout};

/// What Docker reports for a process whose end nobody saw.
const UNSEEN: i32 = 255;

/// How long a monitor may take to write down an exit. It has only to empty two pipes.
const LONGEST_FAREWELL: Duration = Duration::from_secs(5);

/// The signals that have a name in every Linux; above them are the real-time signals (signal(7)).
const LAST_NAMED_SIGNAL: i32 = 31;
const SIGKILL: i32 = 9;

impl Runtime {
    /// Mounts the container's file system and starts its main process; returns its number. It and its monitor go on
    /// when the daemon ends.
    ///
    /// # Errors
    /// `Running` when it runs already. After any other error nothing is left. A start that is dropped half way goes on
    /// to its end.
    pub async fn start(&self, spec: &ProcessSpec) -> Result<i32, RuntimeError> {
        let (runtime, owned_spec) = (self.clone(), spec.clone());
        self.inner.turns.take(&spec.id, async move { runtime.start_now(&owned_spec).await }).await?
    }

    async fn start_now(&self, spec: &ProcessSpec) -> Result<i32, RuntimeError> {
        match self.state(&spec.id).await? {
            ProcessState::Running { .. } => return Err(RuntimeError::Running(spec.id.clone())),
            ProcessState::Exited(_) | ProcessState::Unknown => {}
        }
        let paths = self.inner.folders.container(&spec.id);
        if paths.run.exists() {
            first_error(self.inner.clean_up(&spec.id, &paths).await)?;
        }
        match self.inner.start(spec, &paths).await {
            Ok(pid) => Ok(pid),
            Err(error) => {
                // The reason counts; what could not be cleaned up is met again by the next start, or by remove.
                self.inner.clean_up(&spec.id, &paths).await;
                Err(error)
            }
        }
    }

    /// Sends a signal, by number, to the main process.
    ///
    /// # Errors
    /// `NotRunning` when it has ended; `Signal` for a number that is no signal.
    pub async fn signal(&self, id: &ContainerId, signal: i32) -> Result<(), RuntimeError> {
        let paths = self.inner.folders.container(id);
        let main = processes::find(&paths, id)?.and_then(|processes| processes.main);
        let main = main.ok_or_else(|| RuntimeError::NotRunning(id.clone()))?;
        if signal > LAST_NAMED_SIGNAL {
            let number = signal.to_string();
            return self.inner.run(&["kill", id.as_str(), &number]).await.map_err(|message| RuntimeError::Signal {
                signal,
                id: id.clone(),
                source: io::Error::other(message),
            });
        }
        main.signal(signal).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => RuntimeError::NotRunning(id.clone()),
            _ => RuntimeError::Signal { signal, id: id.clone(), source },
        })
    }

    /// Waits until the main process has ended, whichever daemon started it.
    ///
    /// # Errors
    /// `NotRunning` when there is no trace of one.
    pub async fn exit(&self, id: &ContainerId) -> Result<Exit, RuntimeError> {
        let paths = self.inner.folders.container(id);
        if let Some(exit) = read_exit(&paths)? {
            return Ok(exit);
        }
        let Some(Processes { main, monitor, boot }) = processes::find(&paths, id)? else {
            // It may have ended between the two looks.
            return read_exit(&paths)?.ok_or_else(|| RuntimeError::NotRunning(id.clone()));
        };
        if boot == Boot::Another {
            return Ok(Exit { code: UNSEEN, at_ms: processes::booted_at_ms() });
        }
        if let Some(monitor) = monitor {
            wait::ended(monitor).await.map_err(RuntimeError::io("wait for the monitor in", &paths.run))?;
        }
        if let Some(exit) = read_exit(&paths)? {
            return Ok(exit);
        }
        // Somebody killed the monitor. The process goes on without, and takes its exit code with it.
        if let Some(main) = main {
            wait::ended(main).await.map_err(RuntimeError::io("wait for the process in", &paths.run))?;
        }
        Ok(Exit { code: UNSEEN, at_ms: crate::clock::now_ms() })
    }

    /// Whether the main process runs, has ended, or was never there.
    ///
    /// # Errors
    /// `Io` and `Json` when the container's files are there and can't be read.
    pub async fn state(&self, id: &ContainerId) -> Result<ProcessState, RuntimeError> {
        let paths = self.inner.folders.container(id);
        if let Some(exit) = read_exit(&paths)? {
            return Ok(ProcessState::Exited(exit));
        }
        let Some(processes) = processes::find(&paths, id)? else {
            return Ok(read_exit(&paths)?.map_or(ProcessState::Unknown, ProcessState::Exited));
        };
        if let Some(main) = processes.main {
            return Ok(ProcessState::Running { pid: main.pid() });
        }
        // It has ended just now, and the monitor is about to say how.
        let exit = timeout(LONGEST_FAREWELL, self.exit(id)).await;
        let unseen = || Ok(Exit { code: UNSEEN, at_ms: crate::clock::now_ms() });
        Ok(ProcessState::Exited(exit.unwrap_or_else(|_| unseen())?))
    }

    /// Takes away what a run has left: processes if there are any, the runtime's state with its cgroups, the mount, the
    /// bundle and the exit file. The log and what the container wrote stay. Harmless twice. Goes on after an error.
    pub async fn clean_up(&self, id: &ContainerId) -> Vec<RuntimeError> {
        let (inner, owned_id) = (Arc::clone(&self.inner), id.clone());
        let paths = self.inner.folders.container(id);
        let errors = self.inner.turns.take(id, async move { inner.clean_up(&owned_id, &paths).await }).await;
        errors.unwrap_or_else(|error| vec![error])
    }

    /// Whether a run has left something that [`Runtime::clean_up`] would take away, or goes on.
    pub fn has_left(&self, id: &ContainerId) -> bool {
        self.inner.folders.container(id).run.exists()
    }

    /// [`Runtime::clean_up`], and the log and what the container wrote are gone too.
    pub async fn remove(&self, id: &ContainerId) -> Vec<RuntimeError> {
        let (inner, owned_id) = (Arc::clone(&self.inner), id.clone());
        let paths = self.inner.folders.container(id);
        let errors = self.inner.turns.take(id, async move {
            // When the last one lets go of an overlay, the kernel writes all that is not written of the disk which its upper
            // folder is on (fs/overlayfs/super.c, ovl_sync_fs()), whosever it is. So it is held until this container's files
            // are gone, which need not be written then, and nobody waits for the rest.
            let held = Tree::of_folder(&paths.rootfs());
            let mut errors = inner.clean_up(&owned_id, &paths).await;
            if errors.is_empty() {
                let removed = spawn_blocking(move || remove_tree(&paths.data)).await;
                errors.extend(removed.unwrap_or(Err(RuntimeError::ShuttingDown)).err());
            }
            spawn_blocking(move || drop(held));
            errors
        });
        errors.await.unwrap_or_else(|error| vec![error])
    }
}

impl Inner {
    async fn start(&self, spec: &ProcessSpec, paths: &Paths) -> Result<i32, RuntimeError> {
        let _hastened = self.moves.hasten();
        let host = self.host.clone();
        let (owned_spec, owned_paths) = (spec.clone(), paths.clone());
        let prepared = spawn_blocking(move || {
            write_files(&owned_spec, &owned_paths)?;
            lap("start: file system");
            fill::volumes(&owned_paths.rootfs(), &owned_spec.mounts)?;
            let user = user::find(&owned_paths.rootfs(), &owned_spec.user, &owned_spec.settings.groups)?;
            let config = serde_json::to_vec(&bundle::config(&owned_spec, user, &owned_paths, &host)?)?;
            write(&owned_paths.config(), &config)
        });
        prepared.await.map_err(|_| RuntimeError::ShuttingDown)??;
        lap("start: bundle");
        let pid = self.launch(spec, paths).await?;
        lap("start: monitor and runtime");
        processes::record(paths, pid)?;
        Ok(pid)
    }

    async fn clean_up(&self, id: &ContainerId, paths: &Paths) -> Vec<RuntimeError> {
        let mut errors = self.end(id, paths).await;
        let owned_paths = paths.clone();
        let removed = spawn_blocking(move || remove_run(&owned_paths)).await;
        errors.extend(removed.unwrap_or(Err(RuntimeError::ShuttingDown)).err());
        errors
    }

    /// Ends the processes. A start that is still under way, its daemon killed, is first waited for: the runtime takes
    /// back nothing of what it has made half.
    async fn end(&self, id: &ContainerId, paths: &Paths) -> Vec<RuntimeError> {
        let mut errors = Vec::new();
        let mut found = processes::find(paths, id);
        if let Ok(None) = found
            && let Some(monitor) = processes::unfinished_monitor(paths, id)
        {
            if timeout(LONGEST_FAREWELL, started(paths, monitor)).await.is_err()
                && let Some(monitor) = processes::unfinished_monitor(paths, id)
            {
                // Takes the runtime below it along (conmon sets PR_SET_PDEATHSIG).
                errors.extend(self.kill(id, monitor).await.err());
            }
            found = processes::find(paths, id);
        }
        let has_ended = matches!(&found, Ok(Some(Processes { main: None, .. })));
        if paths.runtime_state.exists()
            && !(has_ended && self.forget(id, paths).await)
            && let Err(message) = self.run(&["delete", "--force", id.as_str()]).await
        {
            // crun does not know a container again whose start was cut off before it wrote its state down.
            tracing::warn!(container = %id, message, "the runtime could not delete a container, so it is done by hand");
            if let Ok(Some(Processes { main: Some(main), .. })) = processes::find(paths, id) {
                errors.extend(self.kill(id, main).await.err());
            }
            errors.extend(remove_tree(&paths.runtime_state).err());
        }
        // The runtime has killed the main process, unless it had no state left to know it by.
        let left = match found {
            Ok(Some(Processes { main, monitor, .. })) => [main, monitor],
            Ok(None) => [None, processes::unfinished_monitor(paths, id)],
            Err(error) => {
                errors.push(error);
                [None, None]
            }
        };
        for process in left.into_iter().flatten() {
            errors.extend(self.part(id, process).await.err());
        }
        errors.extend(self.host.remove_cgroups(&paths.cgroup(id)));
        errors
    }

    /// Takes away what the runtime keeps of a container whose main process has ended: its cgroups, unless something is in
    /// them still, and its notes. Its own `delete` does no more then, and takes ten times as long to begin. Whether all of
    /// it is gone.
    async fn forget(&self, id: &ContainerId, paths: &Paths) -> bool {
        let (host, cgroup, state) = (self.host.clone(), paths.cgroup(id), paths.runtime_state.clone());
        let forget = move || {
            // A container without cgroups of its own may have left processes that only the runtime finds.
            host.unusable_cgroup.is_none() && host.remove_cgroups(&cgroup).is_empty() && remove_tree(&state).is_ok()
        };
        spawn_blocking(forget).await.unwrap_or(false)
    }

    /// Waits for the end that is coming, and brings it about if it does not come.
    async fn part(&self, id: &ContainerId, process: Process) -> Result<(), RuntimeError> {
        let pid = process.pid();
        let start_ticks = process.start_ticks();
        match timeout(LONGEST_FAREWELL, wait::ended(process)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => match Process::open_started(pid, start_ticks) {
                Ok(process) => self.kill(id, process).await,
                Err(_) => Ok(()),
            },
        }
    }

    async fn kill(&self, id: &ContainerId, process: Process) -> Result<(), RuntimeError> {
        let failed = |source| RuntimeError::Signal { signal: SIGKILL, id: id.clone(), source };
        match process.signal(SIGKILL) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
        }
        let end = timeout(LONGEST_FAREWELL, wait::ended(process)).await;
        end.map_err(|_| failed(io::ErrorKind::TimedOut.into()))?.map_err(failed)
    }

    /// Runs one command of the runtime; an error is what it said last.
    pub(super) async fn run(&self, args: &[&str]) -> Result<(), String> {
        let mut command = Command::new(&self.program.path);
        if self.host.unusable_cgroup.is_some() {
            command.arg(self.program.kind.without_cgroups());
        }
        let output = command.arg("--root").arg(self.folders.runtime_root()).args(args).output().await;
        let output = output.map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(if said.is_empty() { output.status.to_string() } else { said })
    }
}

/// Returns when the runtime has started something, or the monitor has given up.
async fn started(paths: &Paths, monitor: Process) {
    let changes = wait::Changes::of(&paths.run);
    let ended = wait::ended(monitor);
    tokio::pin!(ended);
    while !paths.pid().exists() {
        tokio::select! {
            () = changes.next() => {}
            _ = &mut ended => return,
        }
    }
}

/// Everything that the runtime needs to find, the mount included.
fn write_files(spec: &ProcessSpec, paths: &Paths) -> Result<(), RuntimeError> {
    for folder in [paths.upper(), paths.work(), paths.rootfs()] {
        fs::create_dir_all(&folder).map_err(RuntimeError::io("make", &folder))?;
    }
    etc::write(spec, paths)?;
    if !spec.settings.cgroup_parent.is_empty() {
        let cgroup = cgroup_below(&spec.settings.cgroup_parent, &spec.id);
        write(&paths.cgroup_note(), cgroup.to_string_lossy().as_bytes())?;
    }
    if spec.settings.ipc == Namespace::Shareable {
        let shm = paths.shm();
        fs::create_dir_all(&shm).map_err(RuntimeError::io("make", &shm))?;
        mount::memory(&shm, spec.settings.shm_bytes).map_err(RuntimeError::io("mount", shm))?;
    }
    let target = paths.rootfs();
    mount::overlay(&spec.layers, &paths.upper(), &paths.work(), &target).map_err(RuntimeError::io("mount", target))
}

fn write(path: &Path, content: &[u8]) -> Result<(), RuntimeError> {
    fs::write(path, content).map_err(RuntimeError::io("write", path))
}

/// Unmounts and removes the bundle. Nothing is removed while it is mounted, since that would be the container's own
/// files; and nobody mounts it meanwhile, since it is our turn.
fn remove_run(paths: &Paths) -> Result<(), RuntimeError> {
    for target in [paths.rootfs(), paths.shm()] {
        while mount::is_mounted(&target) {
            mount::unmount(&target).map_err(RuntimeError::io("unmount", &target))?;
        }
    }
    remove_tree(&paths.run)
}

fn remove_tree(path: &Path) -> Result<(), RuntimeError> {
    match remove::folder(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(RuntimeError::io("remove", path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The monitor writes the file whole, by renaming it; its time is that of the exit.
fn read_exit(paths: &Paths) -> Result<Option<Exit>, RuntimeError> {
    let path = paths.exit();
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(RuntimeError::io("read", path)(error)),
    };
    let modified = fs::metadata(&path).and_then(|metadata| metadata.modified()).unwrap_or_else(|_| SystemTime::now());
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    let at_ms = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    Ok(Some(Exit { code: text.trim().parse().unwrap_or(UNSEEN), at_ms }))
}

fn first_error(errors: Vec<RuntimeError>) -> Result<(), RuntimeError> {
    errors.into_iter().next().map_or(Ok(()), Err)
}
