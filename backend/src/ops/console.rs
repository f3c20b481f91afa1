//! Listening and talking to a container's main process. What it prints is read from its log, from the place where the
//! log ends when the client comes: so nothing is lost before the start, nobody who listens can hold the container up, and
//! a daemon that starts anew changes nothing. What is written to it goes to its monitor.

use super::{
    Daemon, OpError, lookup,
    session::{self, AtInputEnd, Piece, Session},
};
use crate::{
    model::ContainerRecord,
    notices::ContainerDeed,
    runtime::{Follow, LogOptions, LogReader, LogStream},
};
use drawbridge_api::{ContainerId, ContainerState, Event, EventKind, Input, TerminalSize};
use std::sync::Arc;
use tokio::{
    io::DuplexStream,
    sync::{
        broadcast::{Receiver, error::RecvError},
        mpsc,
    },
};

/// Written to a process that does not read: that much is taken, and then the client waits. In bytes.
const INPUT_IN_FLIGHT: usize = 32 << 10;

/// What a client wants of a main process.
#[derive(Clone, Copy, Debug)]
pub struct AttachOptions {
    /// What of that which it has printed up to now.
    pub past: Past,
    /// What it prints from now on.
    pub future: bool,
    /// Of that, its standard output.
    pub stdout: bool,
    /// Of that, its standard error.
    pub stderr: bool,
    /// To write to it.
    pub input: bool,
}

/// What of a past a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Past {
    /// Nothing.
    Nothing,
    /// All of it.
    Everything,
    /// The last so many lines.
    Lines(u64),
}

impl Past {
    /// Lines from the end, all when absent.
    fn tail(self) -> Option<u64> {
        match self {
            Past::Nothing => Some(0),
            Past::Everything => None,
            Past::Lines(count) => Some(count),
        }
    }
}

impl AttachOptions {
    fn wants(self, stream: LogStream) -> bool {
        match stream {
            LogStream::Stdout => self.stdout,
            LogStream::Stderr => self.stderr,
        }
    }
}

/// Listens and talks to a container's main process, also before it is started. The session ends with the process.
///
/// # Errors
/// `NoSuchContainer`, or when its log can't be opened.
pub async fn attach(daemon: &Arc<Daemon>, text: &str, options: AttachOptions) -> Result<Session, OpError> {
    // Before the look at the row, so that a start between the two is not missed.
    let events = daemon.engine.events.listen();
    let record = lookup::find(daemon, text)?;
    let tail = options.past.tail();
    let mut reader = daemon.runtime.logs(&record.id, LogOptions { tail, ..LogOptions::default() });
    reader.hold().await?;
    daemon.tell_container(&record, ContainerDeed::Attach);
    let (pieces, output) = session::channel();
    let console = record.spec.console;
    let (input, from_client) = if options.input && options.future && console.input != Input::Closed {
        let (ours, theirs) = tokio::io::duplex(INPUT_IN_FLIGHT);
        (Some(Box::new(ours) as Box<_>), Some(theirs))
    } else {
        (None, None)
    };
    let share = Share { daemon: Arc::clone(daemon), record, options, pieces };
    tokio::spawn(share.keep(reader, events, from_client));
    let once = console.input == Input::Once && !console.terminal;
    let at_input_end = if once { AtInputEnd::TellProcess } else { AtInputEnd::Leave };
    Ok(Session { console, output, input, at_input_end })
}

/// Tells the terminal of a container's main process its size.
///
/// # Errors
/// `NotRunning`, or when the monitor can't be told.
pub async fn resize(daemon: &Daemon, text: &str, size: TerminalSize) -> Result<(), OpError> {
    let record = lookup::find(daemon, text)?;
    if record.state != ContainerState::Running {
        return Err(OpError::NotRunning(record.id.to_string()));
    }
    if record.spec.console.terminal {
        daemon.runtime.resize(&record.id, size).await?;
    }
    daemon.tell_container(&record, ContainerDeed::Resize(size));
    Ok(())
}

/// Tells that a client has left a container's main process by the detach keys.
pub fn detached(daemon: &Daemon, id: &ContainerId) {
    // One that is gone has nothing more to be told of.
    if let Ok(record) = lookup::get(daemon, id) {
        daemon.tell_container(&record, ContainerDeed::Detach);
    }
}

/// One client's share in a main process.
struct Share {
    daemon: Arc<Daemon>,
    record: ContainerRecord,
    options: AttachOptions,
    pieces: mpsc::Sender<Piece>,
}

impl Share {
    /// Until the process ends or the client goes.
    async fn keep(self, mut reader: LogReader, mut events: Receiver<Arc<Event>>, input: Option<DuplexStream>) {
        let process = async {
            if self.options.past != Past::Nothing && self.send(&mut reader).await.is_none() {
                return;
            }
            let runs =
                self.options.future && (self.record.state == ContainerState::Running || self.begins(&mut events).await);
            if !runs {
                return;
            }
            reader.follow(&self.daemon.runtime, &self.record.id, Follow::Yes);
            tokio::select! {
                _ = self.send(&mut reader) => {}
                () = self.feed(input) => {}
            }
        };
        tokio::select! {
            () = process => {}
            () = self.pieces.closed() => {}
        }
    }

    /// Sends what the log has; none when the client has gone or the log can't be read.
    async fn send(&self, reader: &mut LogReader) -> Option<()> {
        loop {
            match reader.next().await {
                Ok(Some(entry)) if self.options.wants(entry.stream) => {
                    self.pieces.send(Piece { stream: entry.stream, bytes: entry.bytes }).await.ok()?;
                }
                Ok(Some(_)) => {}
                Ok(None) => return Some(()),
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "cannot read a log on");
                    return None;
                }
            }
        }
    }

    /// Writes what the client says. Never returns: what the process prints goes on.
    async fn feed(&self, from_client: Option<DuplexStream>) {
        if let Some(from_client) = from_client {
            match self.daemon.runtime.input(&self.record.id).await {
                Ok(input) => input.feed(from_client).await,
                // It may have ended already.
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::debug!(container = %self.record.id.short(), error, "input is not taken");
                }
            }
        }
        std::future::pending().await
    }

    /// Waits for the container's start; false when it will not come.
    async fn begins(&self, events: &mut Receiver<Arc<Event>>) -> bool {
        let id = &self.record.id;
        loop {
            match events.recv().await {
                Ok(event) => match &event.kind {
                    EventKind::Container(seen) if seen.id == *id => match seen.state {
                        ContainerState::Running | ContainerState::Exited => return true,
                        // Told again with an error: its start has failed.
                        ContainerState::Created if !seen.error.is_empty() => return false,
                        ContainerState::Created => {}
                    },
                    EventKind::ContainerRemoved(removed) if removed == id => return false,
                    EventKind::Container(_)
                    | EventKind::ContainerRemoved(_)
                    | EventKind::Network(_)
                    | EventKind::NetworkRemoved(_)
                    | EventKind::Image(_)
                    | EventKind::ImageRemoved(_)
                    | EventKind::Change(_)
                    | EventKind::Found(_) => {}
                },
                // Some were missed: the row tells what became of it.
                Err(RecvError::Lagged(_)) => match lookup::get(&self.daemon, id) {
                    Ok(now) if now.state == ContainerState::Created => {}
                    Ok(_) => return true,
                    Err(_) => return false,
                },
                Err(RecvError::Closed) => return false,
            }
        }
    }
}
