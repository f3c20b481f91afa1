//! Which programs this machine has, and which OCI runtime of them is taken.

use super::{
    Inner, Runtime, RuntimeError,
    host::{CgroupLayout, Host},
    moves::Moves,
    paths::Folders,
    turns::Turns,
};
use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::process::Command;

/// An OCI runtime, as it was found.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) kind: Kind,
    pub(super) path: PathBuf,
    /// `runc 1.1.5`, and why the other one was not taken.
    pub(super) description: String,
}

/// The runtimes that are known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Crun,
    Runc,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Crun => "crun",
            Kind::Runc => "runc",
        }
    }

    /// What it must be told to leave the daemon's cgroups alone. runc then goes on without each controller that it may
    /// not use; crun uses none.
    pub(super) fn without_cgroups(self) -> &'static str {
        match self {
            Kind::Crun => "--cgroup-manager=disabled",
            Kind::Runc => "--rootless=true",
        }
    }
}

/// Where a daemon that was started with a short PATH would miss programs.
const FURTHER_FOLDERS: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

impl Runtime {
    /// Looks for the programs and at the machine, and makes the folders. crun is taken where it runs: it is a C program,
    /// several times quicker than runc.
    ///
    /// # Errors
    /// `Missing`, with the package to install; `Io` when the folders can't be made.
    pub async fn detect(data_dir: &Path, run_dir: &Path) -> Result<Runtime, RuntimeError> {
        let monitor = find("conmon").ok_or(RuntimeError::Missing { program: "conmon", package: "conmon" })?;
        let host = Host::detect();
        let program = choose(&host, find("crun"), find("runc")).await?;
        let absolute = |path: &Path| std::path::absolute(path).map_err(RuntimeError::io("find", path));
        let folders = Folders::new(absolute(data_dir)?, absolute(run_dir)?);
        let root = folders.runtime_root();
        fs::create_dir_all(&root).map_err(RuntimeError::io("make", &root))?;
        let (turns, moves) = (Turns::default(), Moves::default());
        Ok(Runtime { inner: Arc::new(Inner { folders, program, monitor, host, turns, moves }) })
    }

    /// The runtime in use, its version, and why a better one was not taken: `runc 1.1.5`.
    pub fn description(&self) -> String {
        self.inner.program.description.clone()
    }

    /// What containers have to do without on this machine, one sentence each.
    pub fn warnings(&self) -> Vec<String> {
        let cgroup = self.inner.host.unusable_cgroup.as_ref().map(|path| {
            format!("no cgroup can be made in {}: containers run in the daemon's own, without limits", path.display())
        });
        let absent = (self.inner.host.cgroups == CgroupLayout::Absent)
            .then(|| "no cgroup file system is mounted at /sys/fs/cgroup".to_owned());
        cgroup.into_iter().chain(absent).collect()
    }
}

async fn choose(host: &Host, crun: Option<PathBuf>, runc: Option<PathBuf>) -> Result<Program, RuntimeError> {
    let unfit = crun.as_ref().and_then(|_| unfit(host));
    match (crun, runc) {
        (Some(path), _) if unfit.is_none() => {
            let description = version(Kind::Crun, &path).await?;
            Ok(Program { kind: Kind::Crun, path, description })
        }
        (_, Some(path)) => {
            let mut description = version(Kind::Runc, &path).await?;
            if let Some(reason) = unfit {
                description.push_str(&format!(" (not crun: {reason})"));
            }
            Ok(Program { kind: Kind::Runc, path, description })
        }
        // crun is there and unfit, or neither is.
        (Some(_), None) => Err(RuntimeError::Missing { program: "runc", package: "runc" }),
        (None, None) => Err(RuntimeError::Missing { program: "crun", package: "crun" }),
    }
}

/// Why crun would refuse every container here. It says so only when it is asked to start one.
fn unfit(host: &Host) -> Option<&'static str> {
    match host.cgroups {
        CgroupLayout::Hybrid => Some("it refuses hybrid cgroups"),
        CgroupLayout::Unified | CgroupLayout::Legacy | CgroupLayout::Absent => None,
    }
}

/// `runc 1.1.5` out of `runc version 1.1.5+ds1`.
async fn version(kind: Kind, path: &Path) -> Result<String, RuntimeError> {
    let output = Command::new(path)
        .arg("--version")
        .output()
        .await
        .map_err(|source| RuntimeError::Spawn { program: kind.name().to_owned(), source })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.lines().next().and_then(|line| line.split_whitespace().nth(2)).unwrap_or("of unknown version");
    Ok(format!("{} {}", kind.name(), version.split('+').next().unwrap_or(version)))
}

pub(super) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(FURTHER_FOLDERS.iter().map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|file| file.is_absolute() && is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}
