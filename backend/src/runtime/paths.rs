//! Where a container's files are. Everything follows from the two folders of the daemon and the container's id, so a
//! daemon that starts anew finds all of it.
//!
//! `DATA_DIR/containers/ID/` is kept until the container is removed; `RUN_DIR/containers/ID/` lives as long as its
//! processes, and is the OCI bundle.

use super::host::cgroup_below;
use drawbridge_api::ContainerId;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The daemon's two folders.
#[derive(Clone, Debug)]
pub(super) struct Folders {
    data_dir: PathBuf,
    run_dir: PathBuf,
}

impl Folders {
    pub(super) fn new(data_dir: PathBuf, run_dir: PathBuf) -> Folders {
        Folders { data_dir, run_dir }
    }

    /// Where the runtime keeps its state; its own, so that other users of the same runtime are not met.
    pub(super) fn runtime_root(&self) -> PathBuf {
        self.run_dir.join("runtime")
    }

    /// What is kept of a container until it is removed.
    pub(super) fn data(&self, id: &ContainerId) -> PathBuf {
        self.containers().join(id.as_str())
    }

    /// The folder that has a folder for each container.
    pub(super) fn containers(&self) -> PathBuf {
        self.data_dir.join("containers")
    }

    pub(super) fn container(&self, id: &ContainerId) -> Paths {
        Paths {
            data: self.data(id),
            run: self.run_dir.join("containers").join(id.as_str()),
            runtime_state: self.runtime_root().join(id.as_str()),
        }
    }
}

/// One container's files.
#[derive(Clone, Debug)]
pub(super) struct Paths {
    /// Kept until the container is removed.
    pub(super) data: PathBuf,
    /// The bundle; gone when the run has been cleaned up.
    pub(super) run: PathBuf,
    /// The runtime's own folder for it.
    pub(super) runtime_state: PathBuf,
}

impl Paths {
    /// Those of another container.
    pub(super) fn beside(&self, other: &ContainerId) -> Paths {
        Paths {
            data: self.data.with_file_name(other.as_str()),
            run: self.run.with_file_name(other.as_str()),
            runtime_state: self.runtime_state.with_file_name(other.as_str()),
        }
    }

    /// What the container has written, kept over its runs.
    pub(super) fn upper(&self) -> PathBuf {
        self.data.join("upper")
    }

    /// The kernel's own folder beside it.
    pub(super) fn work(&self) -> PathBuf {
        self.data.join("work")
    }

    /// What it has printed, kept over its runs.
    pub(super) fn log(&self) -> PathBuf {
        self.data.join(LOG)
    }

    /// The file that is put at `/etc/hosts`.
    pub(super) fn hosts(&self) -> PathBuf {
        self.data.join("hosts")
    }

    /// The file that is put at `/etc/hostname`.
    pub(super) fn hostname(&self) -> PathBuf {
        self.data.join("hostname")
    }

    /// The file that is put at `/etc/resolv.conf`.
    pub(super) fn resolv_conf(&self) -> PathBuf {
        self.data.join("resolv.conf")
    }

    /// Which text was last written to it, by its SHA-256.
    pub(super) fn resolv_conf_hash(&self) -> PathBuf {
        self.data.join("resolv.conf.hash")
    }

    /// Where its file system is mounted.
    pub(super) fn rootfs(&self) -> PathBuf {
        self.run.join("rootfs")
    }

    /// Where its shared memory is mounted, when other containers may have it too.
    pub(super) fn shm(&self) -> PathBuf {
        self.run.join("shm")
    }

    /// What the runtime is told.
    pub(super) fn config(&self) -> PathBuf {
        self.run.join("config.json")
    }

    /// Where its cgroup is, when it is in one that somebody named.
    pub(super) fn cgroup_note(&self) -> PathBuf {
        self.run.join("cgroup")
    }

    /// Its cgroup from the top of each hierarchy.
    pub(super) fn cgroup(&self, id: &ContainerId) -> PathBuf {
        let noted = fs::read_to_string(self.cgroup_note()).ok();
        noted.map_or_else(|| cgroup_below("", id), PathBuf::from)
    }

    /// The main process's number, written by the runtime.
    pub(super) fn pid(&self) -> PathBuf {
        self.run.join("pid")
    }

    /// The monitor's number, written by the monitor.
    pub(super) fn monitor_pid(&self) -> PathBuf {
        self.run.join("monitor-pid")
    }

    /// Which processes these are, beyond their numbers.
    pub(super) fn record(&self) -> PathBuf {
        self.run.join("process.json")
    }

    /// The exit code, written by the monitor when the main process has ended (`--persist-dir`, conmon(8)).
    pub(super) fn exit(&self) -> PathBuf {
        self.run.join("exit")
    }

    /// The socket on which the monitor takes what is to be written to the main process.
    pub(super) fn attach(&self) -> PathBuf {
        self.run.join("attach")
    }

    /// The FIFO on which the monitor is told of a terminal's size.
    pub(super) fn control(&self) -> PathBuf {
        self.run.join("ctl")
    }

    /// What the runtime has to say.
    pub(super) fn runtime_log(&self) -> PathBuf {
        self.run.join("runtime.log")
    }
}

/// The log's name in its folder, which is the monitor's working folder: conmon's `--log-path` splits at colons, so a
/// path with one could not be given whole.
pub(super) const LOG: &str = "log";

/// Puts a path into an argument; the monitor's options are text.
pub(super) fn option(name: &str, path: &Path) -> std::ffi::OsString {
    let mut option = std::ffi::OsString::from(name);
    option.push("=");
    option.push(path);
    option
}
