//! Which processes a container's are. Numbers come back, after a day or after a reboot; so a process is known by number,
//! start time and boot, and failing that by what it is.

use super::{RuntimeError, paths::Paths};
use drawbridge_api::ContainerId;
use drawbridge_kernel::process::Process;
use serde::{Deserialize, Serialize};
use std::{fs, io, path::Path};

/// Written when a start has succeeded.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    boot: String,
    main: Identity,
    monitor: Identity,
}

/// A process, and when it was started; none when it had ended before that could be seen.
#[derive(Debug, Serialize, Deserialize)]
struct Identity {
    pid: i32,
    start_ticks: Option<u64>,
}

/// The processes of a container that are alive.
#[derive(Debug)]
pub(super) struct Processes {
    /// Its main process.
    pub(super) main: Option<Process>,
    /// The conmon above it, which writes the exit file.
    pub(super) monitor: Option<Process>,
    /// Whether they are of this boot; those of another have ended with it.
    pub(super) boot: Boot,
}

/// Whether the machine has been started anew since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Boot {
    Same,
    Another,
}

/// Writes down who they are. The main process may have ended already.
pub(super) fn record(paths: &Paths, pid: i32) -> Result<(), RuntimeError> {
    let identity = |pid| Identity { pid, start_ticks: Process::open(pid).ok().map(|process| process.start_ticks()) };
    let monitor = read_number(&paths.monitor_pid()).unwrap_or_default();
    let record = Record { boot: boot()?, main: identity(pid), monitor: identity(monitor) };
    let path = paths.record();
    // Renamed into place: half a record would be none.
    let draft = path.with_extension("draft");
    fs::write(&draft, serde_json::to_vec(&record)?).map_err(RuntimeError::io("write", &draft))?;
    fs::rename(&draft, &path).map_err(RuntimeError::io("write", &path))
}

/// Looks for them. None when nothing was started here, or not to its end.
pub(super) fn find(paths: &Paths, id: &ContainerId) -> Result<Option<Processes>, RuntimeError> {
    let path = paths.record();
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(find_unrecorded(paths, id)),
        Err(error) => return Err(RuntimeError::io("read", path)(error)),
    };
    let record: Record = serde_json::from_slice(&text)?;
    if record.boot != boot()? {
        return Ok(Some(Processes { main: None, monitor: None, boot: Boot::Another }));
    }
    let open = |identity: &Identity| Process::open_started(identity.pid, identity.start_ticks?).ok();
    Ok(Some(Processes { main: open(&record.main), monitor: open(&record.monitor), boot: Boot::Same }))
}

/// The daemon was killed between the monitor's start and the record. The monitor is known by its arguments, which
/// hold the container's id, and the main process by being below it: its child, or for a moment still that of the runtime
/// between them.
fn find_unrecorded(paths: &Paths, id: &ContainerId) -> Option<Processes> {
    let monitor = unfinished_monitor(paths, id)?;
    let main = read_number(&paths.pid()).and_then(|pid| Process::open(pid).ok())?;
    let mut above = std::iter::successors(parent(main.pid()), |pid| parent(*pid)).take(4);
    above.any(|pid| pid == monitor.pid()).then_some(Processes {
        main: Some(main),
        monitor: Some(monitor),
        boot: Boot::Same,
    })
}

/// The monitor of a start that may not have come to its end.
pub(super) fn unfinished_monitor(paths: &Paths, id: &ContainerId) -> Option<Process> {
    let monitor = read_number(&paths.monitor_pid()).and_then(|pid| Process::open(pid).ok())?;
    let arguments = fs::read(format!("/proc/{}/cmdline", monitor.pid())).ok()?;
    arguments.split(|byte| *byte == 0).any(|argument| argument == id.as_str().as_bytes()).then_some(monitor)
}

fn read_number(path: &Path) -> Option<i32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Field 4 of /proc/PID/stat (proc(5)).
fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Different after each boot (random(4)).
fn boot() -> Result<String, RuntimeError> {
    let path = "/proc/sys/kernel/random/boot_id";
    Ok(fs::read_to_string(path).map_err(RuntimeError::io("read", path))?.trim().to_owned())
}

/// When the machine was started, UTC milliseconds since 1970: `btime` of /proc/stat (proc(5)).
pub(super) fn booted_at_ms() -> i64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let seconds = stat.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse::<i64>().ok());
    seconds.unwrap_or_default() * 1000
}
