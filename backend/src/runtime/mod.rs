//! Processes in containers: an OCI runtime (runc or crun) under the monitor conmon. Start, signal, wait, run further
//! ones beside, read what was printed, take away. No networks, no images, no database, and nothing of either dialect.
//!
//! The monitor outlives the daemon, and so does all that is known of a container: it lies in files ([`paths`]), and
//! nothing here is remembered between two calls, save whose turn it is.

mod bundle;
mod capability;
mod detect;
mod error;
mod exec;
mod host;
mod life;
mod log_entry;
mod log_tail;
mod logs;
mod monitor;
mod paths;
mod processes;
mod seccomp;
mod turns;
mod user;
mod wait;

pub use capability::Privileges;
pub use error::{Attempt, RuntimeError};
pub use exec::{Exec, ExecSpec, Stdin};
pub use log_entry::{LogEntry, LogStream};
pub use logs::{Follow, LogOptions, LogReader};

use drawbridge_api::ContainerId;
use host::Host;
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
}

impl Runtime {
    /// The folder with a container's `hosts`, `hostname`, `resolv.conf` and `log`. There only once it was started.
    pub fn container_dir(&self, id: &ContainerId) -> PathBuf {
        self.inner.folders.data(id)
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
    /// Program and arguments; at least the program.
    pub args: Vec<String>,
    /// `NAME=value`; the runtime adds HOME alone.
    pub env: Vec<String>,
    /// Where it starts, made when it is missing; `/` when empty.
    pub working_dir: String,
    /// `user[:group]`, by name or number; root when empty.
    pub user: String,
    /// The network namespace's file; the daemon's own namespace when absent.
    pub netns: Option<PathBuf>,
    /// The folders of the image's layers, lowest first; at least one.
    pub layers: Vec<PathBuf>,
    /// The text of `/etc/hosts`.
    pub hosts: String,
    /// The text of `/etc/resolv.conf`.
    pub resolv_conf: String,
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
