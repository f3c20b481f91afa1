//! Commands run in a running container. They are the daemon's children: one that is running when the daemon ends loses
//! its caller anyway, so nothing of them is stored.

use super::{
    Daemon, OpError,
    failed_start::exit_code,
    lookup,
    session::{self, AtInputEnd, Piece, Session, pump},
};
use crate::{
    model::ContainerRecord,
    notices::ContainerDeed,
    runtime::{Exec, ExecSpec, ExecTerminal, LogStream, Privileges, Stdin},
    store::image,
};
use drawbridge_api::{Console, ContainerId, ContainerState, Input, TerminalSize};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::mpsc;

/// How many ended commands are remembered, so that a client that comes a little late still learns the exit code. Docker
/// forgets them after five minutes; a number bounds memory whatever the rate.
const REMEMBERED: usize = 512;

/// What is to be run.
#[derive(Clone, Debug)]
pub struct NewExec {
    /// Program and arguments.
    pub args: Vec<String>,
    /// `NAME=value`, over the container's.
    pub env: Vec<String>,
    /// Where it starts; the container's when empty.
    pub working_dir: String,
    /// `user[:group]`; the container's when empty.
    pub user: String,
    /// Whether its input is fed by the caller.
    pub stdin: Stdin,
    /// What it may do.
    pub privileges: Privileges,
    /// The size of its terminal, if it is to have one.
    pub terminal: Option<TerminalSize>,
    /// What of its output the caller wants to see.
    pub outputs: Outputs,
    /// The keys by which its caller leaves it, in the caller's words.
    pub detach_keys: String,
}

/// Which outputs of a command somebody wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outputs {
    /// Its standard output.
    pub stdout: bool,
    /// Its standard error.
    pub stderr: bool,
}

/// Where a command is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecState {
    /// Not started.
    Created,
    /// On its way.
    Starting,
    /// Running as this process.
    Running(i32),
    /// Ended with this code.
    Ended(i32),
}

/// A command in a container.
#[derive(Clone, Debug)]
pub struct ExecRecord {
    /// Its identity: 64 hex digits.
    pub id: String,
    /// The container it is for.
    pub container: ContainerId,
    /// What is to be run.
    pub spec: NewExec,
    /// Where it is in its life.
    pub state: ExecState,
}

/// All commands that are known.
#[derive(Debug, Default)]
pub(super) struct Execs {
    records: Mutex<HashMap<String, (u64, ExecRecord)>>,
    /// Terminals of those that run.
    terminals: Mutex<HashMap<String, ExecTerminal>>,
}

impl Execs {
    fn terminals(&self) -> MutexGuard<'_, HashMap<String, ExecTerminal>> {
        self.terminals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (u64, ExecRecord)>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, record: ExecRecord) {
        let mut records = self.lock();
        if records.len() >= REMEMBERED {
            let oldest = records
                .iter()
                .filter(|(_, (_, record))| !matches!(record.state, ExecState::Starting | ExecState::Running(_)))
                // Those that are yet to be started last: their clients are on their way.
                .min_by_key(|(_, (age, record))| (record.state == ExecState::Created, *age))
                .map(|(id, _)| id.clone());
            if let Some(id) = oldest {
                records.remove(&id);
            }
        }
        let age = records.values().map(|(age, _)| age + 1).max().unwrap_or(0);
        records.insert(record.id.clone(), (age, record));
    }

    /// Takes a command that was not started for starting; of two callers one gets it.
    fn claim(&self, id: &str) -> Result<ExecRecord, OpError> {
        let mut records = self.lock();
        let (_, record) = records.get_mut(id).ok_or_else(|| OpError::NoSuchExec(id.to_owned()))?;
        if record.state != ExecState::Created {
            return Err(OpError::ExecStarted(id.to_owned()));
        }
        record.state = ExecState::Starting;
        Ok(record.clone())
    }

    fn set_size(&self, id: &str, size: TerminalSize) {
        if let Some((_, record)) = self.lock().get_mut(id) {
            record.spec.terminal = record.spec.terminal.map(|_| size);
        }
    }

    fn set(&self, id: &str, state: ExecState) {
        if let Some((_, record)) = self.lock().get_mut(id) {
            record.state = state;
        }
    }
}

/// Notes a command for a running container, and returns its id.
///
/// # Errors
/// `NotRunning`, or `Invalid` for no command.
pub fn create(daemon: &Daemon, text: &str, new: NewExec) -> Result<String, OpError> {
    let record = running(daemon, text)?;
    if new.args.is_empty() {
        return Err(OpError::Invalid("no exec command specified".into()));
    }
    let id = ContainerId::from_bytes(rand::random()).to_string();
    daemon.tell_container(&record, ContainerDeed::ExecCreate { exec: id.clone(), args: new.args.clone() });
    daemon.execs.insert(ExecRecord { id: id.clone(), container: record.id, spec: new, state: ExecState::Created });
    Ok(id)
}

/// A command by its id.
///
/// # Errors
/// `NoSuchExec`.
pub fn find(daemon: &Daemon, id: &str) -> Result<ExecRecord, OpError> {
    let records = daemon.execs.lock();
    records.get(id).map(|(_, record)| record.clone()).ok_or_else(|| OpError::NoSuchExec(id.to_owned()))
}

/// The ids of a container's commands that have not ended, in the order in which they were noted.
pub fn of_container(daemon: &Daemon, container: &ContainerId) -> Vec<String> {
    let records = daemon.execs.lock();
    let mut alive: Vec<_> = records
        .values()
        .filter(|(_, record)| record.container == *container && !matches!(record.state, ExecState::Ended(_)))
        .collect();
    alive.sort_by_key(|(age, _)| *age);
    alive.into_iter().map(|(_, record)| record.id.clone()).collect()
}

/// Starts a command. Its exit code is noted before the session's output ends, since clients ask for the code as soon as
/// they see the end. `size` is its terminal's, if it has one, over the one it was noted with.
///
/// # Errors
/// `NoSuchExec`, `ExecStarted`, `NotRunning`, or why it could not be started.
pub async fn start(daemon: &Arc<Daemon>, id: &str, size: Option<TerminalSize>) -> Result<Session, OpError> {
    let mut exec = daemon.execs.claim(id)?;
    if let (Some(own), Some(size)) = (&mut exec.spec.terminal, size) {
        *own = size;
    }
    let started = launch(daemon, &exec).await;
    daemon.execs.set(
        id,
        match &started {
            Ok(process) => ExecState::Running(process.pid),
            Err(OpError::Runtime(error)) => ExecState::Ended(exit_code(error)),
            Err(_) => ExecState::Ended(128),
        },
    );
    let mut process = started?;
    if let Some(terminal) = process.terminal.take() {
        daemon.execs.terminals().insert(id.to_owned(), terminal);
    }
    let (pieces, output) = session::channel();
    let input = process.stdin.take();
    let console = Console {
        terminal: exec.spec.terminal.is_some(),
        input: if input.is_some() { Input::Once } else { Input::Closed },
        size: exec.spec.terminal.unwrap_or_default(),
    };
    tokio::spawn(see_off(Arc::clone(daemon), exec, process, pieces));
    // A terminal's input has no end that could be told.
    let at_input_end = if console.terminal { AtInputEnd::Leave } else { AtInputEnd::TellProcess };
    Ok(Session { console, output, input, at_input_end })
}

/// Passes on what a command prints, and notes how it ended. The task ends with the command.
async fn see_off(daemon: Arc<Daemon>, exec: ExecRecord, mut process: Exec, pieces: mpsc::Sender<Piece>) {
    let (nobody, _) = session::channel();
    let Outputs { stdout, stderr } = exec.spec.outputs;
    let pass_on = |source: Option<_>, stream, wanted: bool| {
        let pieces = if wanted { pieces.clone() } else { nobody.clone() };
        async move {
            if let Some(source) = source {
                pump(source, stream, pieces).await;
            }
        }
    };
    tokio::join!(
        pass_on(process.stdout.take(), LogStream::Stdout, stdout),
        pass_on(process.stderr.take(), LogStream::Stderr, stderr),
    );
    let code = process.wait().await.unwrap_or_else(|error| {
        tracing::error!(exec = %exec.id, error = &error as &dyn std::error::Error, "lost the end of a command");
        255
    });
    ended(&daemon, &exec.id, code);
    // The stream ends here, and not before.
    drop(pieces);
}

/// Tells a command's terminal its size; one that is not started yet begins with it.
///
/// # Errors
/// `NoSuchExec`, or `NotRunning` when it has ended.
pub fn resize(daemon: &Daemon, id: &str, size: TerminalSize) -> Result<(), OpError> {
    let exec = find(daemon, id)?;
    match exec.state {
        ExecState::Ended(_) => return Err(OpError::NotRunning(exec.container.to_string())),
        ExecState::Created | ExecState::Starting => daemon.execs.set_size(id, size),
        ExecState::Running(_) => {
            if let Some(terminal) = daemon.execs.terminals().get(id) {
                terminal.resize(size)?;
            }
        }
    }
    Ok(())
}

/// Tells that a client has left a command by the detach keys.
pub fn detached(daemon: &Daemon, id: &str) {
    // One that is gone has nothing more to be told of.
    if let Ok(record) = find(daemon, id).and_then(|exec| lookup::get(daemon, &exec.container)) {
        daemon.tell_container(&record, ContainerDeed::ExecDetach { exec: id.to_owned() });
    }
}

async fn launch(daemon: &Daemon, exec: &ExecRecord) -> Result<Exec, OpError> {
    let record = running(daemon, exec.container.as_str())?;
    let spec = spec(daemon, &record, &exec.spec)?;
    let started = daemon.runtime.exec(&record.id, &spec).await?;
    daemon.tell_container(&record, ContainerDeed::ExecStart { exec: exec.id.clone(), args: exec.spec.args.clone() });
    Ok(started)
}

/// Notes a command's end.
fn ended(daemon: &Daemon, id: &str, code: i32) {
    daemon.execs.set(id, ExecState::Ended(code));
    daemon.execs.terminals().remove(id);
    let container = find(daemon, id).and_then(|exec| lookup::get(daemon, &exec.container));
    // A container that has gone with its commands has nothing more to be told of.
    if let Ok(record) = container {
        daemon.tell_container(&record, ContainerDeed::ExecDie { exec: id.to_owned(), exit_code: code });
    }
}

fn running(daemon: &Daemon, text: &str) -> Result<ContainerRecord, OpError> {
    let record = lookup::find(daemon, text)?;
    if record.life.paused {
        return Err(OpError::State(format!("Container {} is paused, unpause the container before exec", record.id)));
    }
    if record.state == ContainerState::Running { Ok(record) } else { Err(OpError::NotRunning(record.id.to_string())) }
}

fn spec(daemon: &Daemon, record: &ContainerRecord, new: &NewExec) -> Result<ExecSpec, OpError> {
    let image = image::get(&*daemon.engine.store.read()?, &record.image_id)?;
    let image = image.ok_or_else(|| OpError::NoSuchImage(record.spec.image.clone()))?;
    let defaults = super::process::image_defaults(&image)?;
    let hostname = super::process::hostname(record, &daemon.host.name);
    let linked = super::linking::known_environment(daemon, record);
    // The container's own environment, then what this command adds.
    let mut whole = record.spec.clone();
    whole.env.extend(new.env.iter().cloned());
    whole.console.terminal = new.terminal.is_some();
    let first_of = |texts: [&String; 3]| texts.into_iter().find(|text| !text.is_empty()).cloned().unwrap_or_default();
    Ok(ExecSpec {
        args: new.args.clone(),
        env: super::process::environment(&whole, &defaults, &hostname, linked),
        working_dir: first_of([&new.working_dir, &record.spec.working_dir, &defaults.working_dir]),
        user: first_of([&new.user, &record.spec.user, &defaults.user]),
        privileges: new.privileges,
        stdin: new.stdin,
        terminal: new.terminal,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u8) -> ExecRecord {
        ExecRecord {
            id: number.to_string(),
            container: ContainerId::from_bytes([number; 32]),
            spec: NewExec {
                args: vec!["true".into()],
                env: Vec::new(),
                working_dir: String::new(),
                user: String::new(),
                stdin: Stdin::Closed,
                privileges: Privileges::Default,
                terminal: None,
                outputs: Outputs { stdout: true, stderr: true },
                detach_keys: String::new(),
            },
            state: ExecState::Created,
        }
    }

    #[test]
    fn a_command_is_started_once() {
        let execs = Execs::default();
        execs.insert(record(1));
        assert!(execs.claim("1").is_ok());
        assert!(matches!(execs.claim("1"), Err(OpError::ExecStarted(_))));
        assert!(matches!(execs.claim("2"), Err(OpError::NoSuchExec(_))));
        execs.set("1", ExecState::Ended(0));
        assert!(matches!(execs.claim("1"), Err(OpError::ExecStarted(_))));
    }
}
