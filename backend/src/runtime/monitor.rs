//! Starting a container's main process under conmon(8), which stays: it keeps the log, and the exit code.
//!
//! conmon forks itself away from the daemon, runs the OCI runtime, and says on a pipe how that went, once. It is told
//! the pipe's number in `_OCI_SYNCPIPE`.

use super::{
    Attempt, Inner, ProcessSpec, RuntimeError,
    detect::Kind,
    paths::{self, Paths},
};
use drawbridge_api::Input;
use serde::Deserialize;
use std::{fs, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::Command,
    time::timeout,
};

/// Hands conmon the daemon's pipe as descriptor 3. A descriptor that the daemon itself made inheritable would be
/// inherited by whatever it starts at the same moment; this way only conmon has it.
const WITH_PIPE: &str = r#"exec "$@" 3>&1 >/dev/null"#;

/// conmon asks its runtime to `create` a container; `run --detach` takes the same arguments and starts it too. That
/// saves the second process that would say `start`: 4 of 39 ms were measured with runc 1.1.5. Nothing needs to happen
/// between the two, since the network namespace is made before.
const RUN: &str = r#"runtime=$1 root=$2 log=$3 option=$4; shift 5
exec "$runtime" $option --root "$root" --log "$log" --log-format json run --detach "$@""#;

/// A start takes some 40 ms; on a machine that is far too busy it may take seconds.
const LONGEST_START: Duration = Duration::from_secs(60);

/// What conmon says: the main process's number, or -1 and the runtime's last words.
#[derive(Debug, Deserialize)]
struct Report {
    pid: i32,
    #[serde(default)]
    message: String,
}

impl Inner {
    /// Runs conmon on a finished bundle; returns the main process's number. After an error a monitor may still be there.
    pub(super) async fn launch(&self, spec: &ProcessSpec, paths: &Paths) -> Result<i32, RuntimeError> {
        let program = spec.args.first().map_or("", String::as_str);
        let mut child = self
            .conmon(spec, paths)
            .spawn()
            .map_err(|source| RuntimeError::Spawn { program: "conmon".to_owned(), source })?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let report = async {
            let mut line = String::new();
            if let Some(stdout) = stdout {
                // conmon keeps its end open for as long as it lives; it has but one line to say, some kilobytes long.
                BufReader::new(stdout.take(64 << 10)).read_line(&mut line).await?;
            }
            Ok::<_, std::io::Error>(line)
        };
        let complaint = async {
            let mut text = String::new();
            if let Some(stderr) = stderr {
                stderr.take(64 << 10).read_to_string(&mut text).await?;
            }
            Ok::<_, std::io::Error>(text)
        };
        let failed = |message: &str| RuntimeError::refused(Attempt::Start, program, message);
        let all = timeout(LONGEST_START, async { tokio::try_join!(child.wait(), report, complaint) }).await;
        let (status, line, complaint) = all
            .map_err(|_| failed("the OCI runtime gave no answer within a minute"))?
            .map_err(|source| RuntimeError::Spawn { program: "conmon".to_owned(), source })?;
        match serde_json::from_str(&line) {
            Ok(Report { pid, .. }) if pid > 0 => Ok(pid),
            Ok(Report { message, .. }) => Err(failed(&last_words(paths).unwrap_or(message))),
            Err(_) => {
                let last = complaint.lines().rfind(|line| !line.trim().is_empty()).map(str::to_owned);
                let words = last_words(paths).or(last);
                Err(failed(&words.unwrap_or_else(|| format!("conmon ended with {status} and gave no reason"))))
            }
        }
    }

    fn conmon(&self, spec: &ProcessSpec, paths: &Paths) -> Command {
        let (id, console) = (&spec.id, spec.console);
        let option = match (&self.host.unusable_cgroup, self.program.kind) {
            (Some(_), kind) => kind.without_cgroups(),
            // An option that changes nothing, so that the script has one in either case.
            (None, Kind::Crun) => "--cgroup-manager=cgroupfs",
            (None, Kind::Runc) => "--rootless=false",
        };
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", WITH_PIPE, "sh"])
            .arg(&self.monitor)
            .args(["--cid", id.as_str(), "--cuuid", id.as_str()])
            .args(["--runtime", "/bin/sh", "--runtime-arg=-c"])
            .arg(format!("--runtime-arg={RUN}"))
            .arg("--runtime-arg=sh")
            .arg(paths::option("--runtime-arg", &self.program.path))
            .arg(paths::option("--runtime-arg", &self.folders.runtime_root()))
            .arg(paths::option("--runtime-arg", &paths.runtime_log()))
            .arg(format!("--runtime-arg={option}"))
            .arg(paths::option("--bundle", &paths.run))
            .arg(paths::option("--container-pidfile", &paths.pid()))
            .arg(paths::option("--conmon-pidfile", &paths.monitor_pid()))
            .arg(paths::option("--persist-dir", &paths.run))
            .arg(format!("--log-path=k8s-file:{}", paths::LOG))
            // Its socket and FIFOs go into the bundle, reached through a descriptor: sun_path is 108 bytes (unix(7)).
            .args(["--full-attach", "--log-level", "error"])
            // A log needs no more safety than the file system gives; the fsync would delay every exit.
            .arg("--no-sync-log")
            .current_dir(&paths.data)
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            // glib refuses arguments that are not in the locale's encoding.
            .env("LC_ALL", "C.UTF-8")
            .env("_OCI_SYNCPIPE", "3")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // A log that has grown to that is begun anew, in another file of the same name.
        if let max_bytes @ 1.. = spec.settings.log.max_bytes {
            command.arg(format!("--log-size-max={max_bytes}"));
        }
        if console.terminal {
            command.arg("--terminal");
        }
        if console.input != Input::Closed {
            command.arg("--stdin");
        }
        // A terminal has no end of input; to close it would hang it up.
        if console.terminal || console.input == Input::Kept {
            command.arg("--leave-stdin-open");
        }
        command
    }
}

/// The last error in the runtime's log: one JSON document a line.
fn last_words(paths: &Paths) -> Option<String> {
    last_error(&fs::read_to_string(paths.runtime_log()).ok()?)
}

/// One line of the log of runc and crun (`--log-format json`).
#[derive(Deserialize)]
struct LogLine {
    level: String,
    msg: String,
}

pub(super) fn last_error(log: &str) -> Option<String> {
    let mut lines = log.lines().filter_map(|line| serde_json::from_str::<LogLine>(line).ok());
    lines.rfind(|line| line.level == "error" || line.level == "fatal").map(|line| line.msg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_error_counts() {
        let log = "{\"level\":\"error\",\"msg\":\"first\"}\nnoise\n{\"level\":\"error\",\"msg\":\"second\"}\n{\"level\":\"warning\",\"msg\":\"third\"}\n";
        assert_eq!(last_error(log).as_deref(), Some("second"));
        assert_eq!(last_error(""), None);
    }
}
