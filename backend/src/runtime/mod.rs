//! Processes in containers: an OCI runtime (runc or crun) under the monitor conmon. Start, signal, wait, run further
//! ones beside, read what was printed, take away. No networks, no images, no database, and nothing of either dialect.
//!
//! The monitor outlives the daemon, and so does all that is known of a container: it lies in files ([`paths`]), and
//! nothing here is remembered between two calls, save whose turn it is.

mod attach;
mod bundle;
mod capability;
mod consumption;
mod control;
mod detect;
mod devices;
mod error;
mod etc;
mod exec;
mod fill;
mod host;
mod life;
mod limits;
mod log_entry;
mod log_tail;
mod logs;
mod monitor;
mod mounts;
mod moves;
mod paths;
mod processes;
mod seccomp;
mod seccomp_profile;
mod tree;
mod turns;
mod user;
mod wait;

pub use attach::MainInput;
pub use bundle::{MASKED_PATHS, READONLY_PATHS};
pub use capability::Privileges;
pub use consumption::{Consumption, Cpu, Interface, Io, Memory, Traffic, Version as CgroupVersion};
pub use error::{Attempt, RuntimeError};
pub use exec::{Exec, ExecSpec, ExecTerminal, Stdin};
pub use log_entry::{LogEntry, LogStream};
pub use logs::{Follow, LogOptions, LogReader};
pub use tree::Difference;

use crate::settings::Settings;
use drawbridge_api::{Console, ContainerId};
use host::{CgroupLayout, Host};
use moves::Moves;
use paths::Folders;
use std::{path::PathBuf, sync::Arc};
use turns::Turns;

/// The OCI runtime, the monitor, and where containers' files are. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Runtime {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    folders: Folders,
    program: detect::Program,
    monitor: PathBuf,
    host: Host,
    turns: Turns,
    moves: Moves,
}

impl Runtime {
    /// The folder with a container's `hosts`, `hostname`, `resolv.conf` and `log`. There only once it was started, or
    /// listened to.
    pub fn container_dir(&self, id: &ContainerId) -> PathBuf {
        self.inner.folders.data(id)
    }

    /// Checks a container's settings against this machine; what it will do without is returned, a sentence each.
    ///
    /// # Errors
    /// `Invalid` for what can't be had at all.
    pub fn check(&self, settings: &Settings) -> Result<Vec<String>, RuntimeError> {
        limits::check(settings, &self.inner.host)
    }

    /// Whose view of the cgroups a container has when nothing is said: `private` on version 2, `host` where version 1 is
    /// mounted.
    pub fn default_cgroup_namespace(&self) -> &'static str {
        if self.inner.host.cgroups == CgroupLayout::Unified { "private" } else { "host" }
    }

    /// Whether containers can be limited with a cgroup controller, by its name of version 1: `memory`.
    pub fn can_limit(&self, controller: &str) -> bool {
        self.inner.host.has_controller(controller)
    }

    /// Whether a small init can be put before a container's process.
    pub fn has_init(&self) -> bool {
        self.inner.host.init.is_some()
    }

    /// Where the shared memory of a container is that lets others have it. There while it runs.
    pub fn shared_memory(&self, id: &ContainerId) -> PathBuf {
        self.inner.folders.container(id).shm()
    }

    /// What a container has written over its image: the upper folder of its overlay. There only once it was started.
    pub fn written_dir(&self, id: &ContainerId) -> PathBuf {
        self.inner.folders.container(id).upper()
    }

    /// The containers of which files are kept: all that were ever started and not removed.
    ///
    /// # Errors
    /// `Io` when the folder can't be read.
    pub async fn kept(&self) -> Result<Vec<ContainerId>, RuntimeError> {
        let folder = self.inner.folders.containers();
        let read = move || match std::fs::read_dir(&folder) {
            Ok(entries) => Ok(entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(RuntimeError::io("read", &folder)(error)),
        };
        tokio::task::spawn_blocking(read).await.unwrap_or(Err(RuntimeError::ShuttingDown))
    }
}

/// What a container's main process is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessSpec {
    /// The container.
    pub id: ContainerId,
    /// The name it has for itself, `/etc/hostname`.
    pub hostname: String,
    /// The domain behind it (`kernel.domainname`); empty for none.
    pub domainname: String,
    /// Program and arguments; at least the program.
    pub args: Vec<String>,
    /// `NAME=value`; the runtime adds HOME alone.
    pub env: Vec<String>,
    /// Where it starts, made when it is missing; `/` when empty.
    pub working_dir: String,
    /// `user[:group]`, by name or number; root when empty.
    pub user: String,
    /// How it is talked to.
    pub console: Console,
    /// The network namespace's file; the daemon's own namespace when absent.
    pub netns: Option<PathBuf>,
    /// The folders of the image's layers, lowest first; at least one.
    pub layers: Vec<PathBuf>,
    /// The files of its `/etc`.
    pub etc: EtcFiles,
    /// What it may use, see and do.
    pub settings: Settings,
    /// What is mounted into it beside what every container has.
    pub mounts: Vec<ProcessMount>,
    /// The file of the IPC namespace that it joins, where its settings name another container's.
    pub ipc: Option<PathBuf>,
    /// The file of the PID namespace that it joins, likewise.
    pub pids: Option<PathBuf>,
    /// The shared memory of the container whose IPC namespace it joins.
    pub shm: Option<PathBuf>,
}

/// Where a container's `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf` come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EtcFiles {
    /// Its own, written anew.
    Own {
        /// The text of `/etc/hosts`.
        hosts: String,
        /// The text of `/etc/resolv.conf`.
        resolv_conf: String,
    },
    /// Those of another container, whose namespace it shares: what one of them writes, the other reads.
    Of(ContainerId),
}

/// Something that is mounted into a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessMount {
    /// What.
    pub source: MountSource,
    /// Where.
    pub target: PathBuf,
    /// Mount options: `ro`, `rslave`, `size=1m`.
    pub options: Vec<String>,
    /// Whether what the image has at its place is copied into it first.
    pub fill: Fill,
}

/// Whether a mount's source gets what the image has at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// It is mounted as it is.
    Never,
    /// When there is nothing in it.
    WhenEmpty,
}

/// What is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountSource {
    /// A file or folder of the host.
    Host(PathBuf),
    /// A memory file system of its own.
    Memory,
}

/// How a main process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// What it returned, 128 + signal when it was killed, 255 when nobody saw it.
    pub code: i32,
    /// UTC milliseconds since 1970.
    pub at_ms: i64,
}

/// Whether a container's main process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessState {
    /// It does.
    Running {
        /// Its number here on the host.
        pid: i32,
    },
    /// It has ended, and has not been cleaned up.
    Exited(Exit),
    /// There is no trace of one: never started, cleaned up, or lost with a reboot. What an interrupted start may have
    /// left is taken away by [`Runtime::clean_up`].
    Unknown,
}
