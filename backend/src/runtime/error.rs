//! What can go wrong with a container's processes. The texts of a failed start are those that clients of Docker know,
//! since people search for them and scripts match them.

use drawbridge_api::ContainerId;
use std::{fmt, io, path::PathBuf};

/// What was asked of the OCI runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// A container's main process.
    Start,
    /// A further process in a running container.
    Exec,
    /// A change of how its processes run: frozen, thawed, with other limits.
    Control,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Attempt::Start => {
                "failed to create task for container: failed to create shim task: OCI runtime create failed: \
                 runc create failed"
            }
            Attempt::Exec => "OCI runtime exec failed: exec failed",
            Attempt::Control => "OCI runtime update failed",
        })
    }
}

/// Why a process could not be started, watched or taken away.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// A program of another package is missing.
    #[error("{program} is not installed; install the Debian package {package}")]
    Missing {
        /// What was looked for in PATH.
        program: &'static str,
        /// The package that brings it.
        package: &'static str,
    },
    /// The program named in the container's command does not exist there. Shells call this exit code 127.
    #[error("{attempt}: unable to start container process: {detail}: unknown")]
    CommandNotFound {
        /// What was asked.
        attempt: Attempt,
        /// `exec: "NAME": executable file not found in $PATH`
        detail: String,
    },
    /// The program exists and may not be executed. Shells call this exit code 126.
    #[error("{attempt}: unable to start container process: {detail}: unknown")]
    CommandNotExecutable {
        /// What was asked.
        attempt: Attempt,
        /// `exec: "NAME": permission denied`
        detail: String,
    },
    /// The runtime or the monitor refused, in their own words.
    #[error("{attempt}: {message}: unknown")]
    Failed {
        /// What was asked.
        attempt: Attempt,
        /// The last thing that was said.
        message: String,
    },
    /// No process was named.
    #[error("no command specified")]
    NoCommand,
    /// The container's settings make no sense, or not on this machine.
    #[error("{0}")]
    Invalid(String),
    /// The image's /etc/passwd has no such user.
    #[error("unable to find user {0}: no matching entries in passwd file")]
    UnknownUser(String),
    /// The image's /etc/group has no such group.
    #[error("unable to find group {0}: no matching entries in group file")]
    UnknownGroup(String),
    /// There is no process to wait for or to signal.
    #[error("container {0} is not running")]
    NotRunning(ContainerId),
    /// Its main process runs already.
    #[error("container {0} is already running")]
    Running(ContainerId),
    /// A file or folder, or a system call on one.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// A verb: `write`.
        action: &'static str,
        /// What it was done to.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A child process could not be started or waited for.
    #[error("cannot run {program}")]
    Spawn {
        /// Its name.
        program: String,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A signal could not be sent.
    #[error("cannot send signal {signal} to container {id}")]
    Signal {
        /// Its number.
        signal: i32,
        /// To whom.
        id: ContainerId,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A document for the runtime could not be written as JSON.
    #[error("cannot write the runtime's configuration")]
    Json(#[from] serde_json::Error),
    /// A document for the runtime could not be put together.
    #[error("cannot build the runtime's configuration")]
    Config(#[from] oci_spec::OciSpecError),
    /// The daemon is ending, and its helper threads with it.
    #[error("the daemon is shutting down")]
    ShuttingDown,
}

impl RuntimeError {
    /// For `map_err`: a verb and what it was done to.
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> RuntimeError {
        let path = path.into();
        move |source| RuntimeError::Io { action, path, source }
    }

    /// The meaning of what a runtime said last, when it was to start this program.
    pub(super) fn refused(attempt: Attempt, program: &str, message: &str) -> RuntimeError {
        let detail = detail(program, message);
        let is = |words: &[&str]| words.iter().any(|word| detail.contains(word));
        if is(&["executable file not found", "stat "]) && is(&["not found", "no such file or directory"]) {
            RuntimeError::CommandNotFound { attempt, detail }
        } else if detail.starts_with("exec: ") && detail.ends_with("permission denied") {
            RuntimeError::CommandNotExecutable { attempt, detail }
        } else {
            RuntimeError::Failed { attempt, message: unprefixed(message).to_owned() }
        }
    }
}

/// A message without the name of the runtime's own command, which is said by [`Attempt`] already.
fn unprefixed(message: &str) -> &str {
    let message = message.trim();
    ["runc run failed: ", "runc create failed: ", "exec failed: "]
        .iter()
        .find_map(|prefix| message.strip_prefix(prefix))
        .unwrap_or(message)
}

/// Why the process itself could not be executed, in runc's words whichever runtime it was.
fn detail(program: &str, message: &str) -> String {
    let message = unprefixed(message);
    let message = message.strip_prefix("unable to start container process: ").unwrap_or(message);
    // crun 1.8.1, src/libcrun/linux.c and utils.c.
    if message.starts_with("executable file `") && message.contains("` not found in $PATH") {
        return format!("exec: \"{program}\": executable file not found in $PATH");
    }
    if message.starts_with("open executable: ") && message.ends_with("Permission denied") {
        return format!("exec: \"{program}\": permission denied");
    }
    message.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_reads_as_clients_know_it() {
        let start = |message| RuntimeError::refused(Attempt::Start, "nosuchcmd", message);
        let missing = start(
            "runc run failed: unable to start container process: exec: \"nosuchcmd\": executable file not found in $PATH\n",
        );
        assert!(matches!(missing, RuntimeError::CommandNotFound { .. }));
        assert_eq!(
            missing.to_string(),
            "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create \
             failed: unable to start container process: exec: \"nosuchcmd\": executable file not found in $PATH: unknown"
        );
        assert_eq!(
            start("executable file `nosuchcmd` not found in $PATH: No such file or directory").to_string(),
            missing.to_string()
        );
        assert!(matches!(
            start(
                "runc run failed: unable to start container process: exec: \"/x\": stat /x: no such file or directory"
            ),
            RuntimeError::CommandNotFound { .. }
        ));
        assert!(matches!(
            start("runc run failed: unable to start container process: exec: \"/etc\": permission denied"),
            RuntimeError::CommandNotExecutable { .. }
        ));
        let other = RuntimeError::refused(Attempt::Exec, "true", "exec failed: container does not exist");
        assert_eq!(other.to_string(), "OCI runtime exec failed: exec failed: container does not exist: unknown");
    }
}
