//! `GET /api/containers/{id}/terminal`: a WebSocket to a container's main process, to its log, or to a command that is run in
//! it. What is typed and printed goes as binary messages, the rest as text ([`TerminalRequest`], [`TerminalNotice`]), also why a
//! command can't be run.

use super::{error::PanelError, responses::Refused};
use crate::{
    ops::{
        Daemon, OpError,
        console::{self, AttachOptions, Past},
        container,
        exec::{self, ExecState, NewExec, Outputs},
        plain::{plain, plain_start},
        session::{Piece, Session},
        wait::{self, Condition},
    },
    runtime::{Privileges, ProcessState, Stdin},
};
use axum::{
    extract::{
        Path, Query, State, WebSocketUpgrade,
        rejection::QueryRejection,
        ws::{Message, WebSocket, rejection::WebSocketUpgradeRejection},
    },
    http::{
        HeaderMap,
        header::{HOST, ORIGIN},
    },
    response::Response,
};
use drawbridge_api::{ContainerId, ContainerState, TerminalNotice, TerminalRequest, TerminalSize};
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use tokio::{io::AsyncWriteExt, time::timeout};
use utoipa::{IntoParams, ToSchema};

/// Lines of the past that are shown: as many as the panel's terminal keeps.
const PAST_LINES: u64 = 10_000;

/// One message of a client at the most, in bytes: what somebody pastes.
const LARGEST_MESSAGE: usize = 1 << 20;

/// How long one waits for an end to be noted before one says what is known.
const LONGEST_TIDYING: Duration = Duration::from_secs(5);

/// How long one waits for the end of a container of which a command was killed, as long as its main process runs.
const LONGEST_DOUBT: Duration = Duration::from_secs(1);

/// The exit code of a process that SIGKILL has ended (128 + 9, as shells count).
const KILLED: i32 = 137;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TerminalQuery {
    /// What is at the other end.
    #[param(inline)]
    #[serde(default)]
    view: View,
    /// The command to be run, for the view `command`: words parted by spaces.
    #[serde(default)]
    command: String,
    /// The terminal's lines at first.
    #[serde(default)]
    rows: u16,
    /// The characters in a line at first.
    #[serde(default)]
    columns: u16,
}

/// What is at the other end.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "lowercase")]
enum View {
    /// The log, as it grows.
    #[default]
    Logs,
    /// The main process.
    Main,
    /// A command of its own.
    Command,
}

/// `GET /api/containers/{id}/terminal`.
#[utoipa::path(
    get,
    path = "/api/containers/{id}/terminal",
    tag = "containers",
    params(("id" = String, Path, description = "Its name, its id, or the beginning of one that is no other's"), TerminalQuery),
    responses((status = 101, description = "A WebSocket: what is typed and printed goes as binary messages, TerminalRequest and TerminalNotice as text"), Refused),
)]
pub(super) async fn terminal(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
    query: Result<Query<TerminalQuery>, QueryRejection>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, PanelError> {
    // A browser lets any page open a WebSocket to anywhere; only its `Origin` says whose page it is (RFC 6455 section 10.2).
    if !is_same_origin(&headers) {
        return Err(PanelError::OtherOrigin);
    }
    let (Query(query), upgrade) = (query?, upgrade?);
    let record = container::find(&daemon, &text)?;
    let size = TerminalSize { rows: query.rows, columns: query.columns };
    let opened = open(&daemon, &record.id, &query, size).await;
    Ok(upgrade.max_message_size(LARGEST_MESSAGE).on_upgrade(move |mut socket| async move {
        match opened {
            Ok((session, far)) => {
                let conversation = Conversation { daemon, container: record.id, far };
                if query.view == View::Main {
                    // Refused while it does not run; it has its first size then.
                    let _ = conversation.resize(size).await;
                }
                conversation.hold(socket, session).await;
            }
            // Told here, since a page never learns why a WebSocket was refused.
            Err(error) => {
                let what = match query.view {
                    View::Command => "The command did not start",
                    View::Logs | View::Main => "The container can’t be shown",
                };
                end(&mut socket, format!("{what}: {}.", plain(&error))).await;
            }
        }
    }))
}

/// Begins what is at the other end.
async fn open(
    daemon: &Arc<Daemon>,
    container: &ContainerId,
    query: &TerminalQuery,
    size: TerminalSize,
) -> Result<(Session, Far), OpError> {
    match query.view {
        View::Logs | View::Main => {
            let input = query.view == View::Main;
            let past = Past::Lines(PAST_LINES);
            let options = AttachOptions { past, future: true, stdout: true, stderr: true, input };
            let session = console::attach(daemon, container.as_str(), options).await?;
            Ok((session, Far::Main(container.clone())))
        }
        View::Command => {
            let args = query.command.split_whitespace().map(str::to_owned).collect();
            let id = exec::create(daemon, container.as_str(), in_terminal(args, size))?;
            Ok((exec::start(daemon, &id, None).await?, Far::Command(id)))
        }
    }
}

fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match (text(ORIGIN), text(HOST)) {
        // Not a browser.
        (None, _) => true,
        (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, origin)| origin == host),
        (Some(_), None) => false,
    }
}

fn in_terminal(args: Vec<String>, size: TerminalSize) -> NewExec {
    NewExec {
        args,
        env: Vec::new(),
        working_dir: String::new(),
        user: String::new(),
        stdin: Stdin::Piped,
        privileges: Privileges::Default,
        terminal: Some(size),
        outputs: Outputs { stdout: true, stderr: true },
        detach_keys: String::new(),
    }
}

/// The process at the other end.
enum Far {
    Main(ContainerId),
    Command(String),
}

struct Conversation {
    daemon: Arc<Daemon>,
    container: ContainerId,
    far: Far,
}

impl Conversation {
    /// Until the process ends or the page is closed.
    async fn hold(self, mut socket: WebSocket, session: Session) {
        let Session { console, mut output, mut input, .. } = session;
        let opened = TerminalNotice::Opened { input: input.is_some(), terminal: console.terminal };
        if tell(&mut socket, &opened).await.is_err() {
            return;
        }
        loop {
            tokio::select! {
                piece = output.recv() => match piece {
                    Some(Piece { bytes, .. }) => {
                        if socket.send(Message::Binary(bytes.into())).await.is_err() {
                            return;
                        }
                    }
                    None => break,
                },
                message = socket.recv() => match message {
                    Some(Ok(Message::Binary(typed))) => {
                        // A process that has closed its input may print on.
                        if let Some(writer) = &mut input && writer.write_all(&typed).await.is_err() {
                            input = None;
                        }
                    }
                    Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                        Ok(TerminalRequest::Resize(size)) => {
                            if let Err(error) = self.resize(size).await {
                                tracing::debug!(error = &error as &dyn std::error::Error, "a terminal is not resized");
                            }
                        }
                        Err(error) => tracing::debug!(%error, "a terminal's page said something unknown"),
                    },
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                },
            }
        }
        let reason = self.reason().await;
        end(&mut socket, reason).await;
    }

    async fn resize(&self, size: TerminalSize) -> Result<(), OpError> {
        if size.rows == 0 || size.columns == 0 {
            return Ok(());
        }
        match &self.far {
            Far::Main(id) => console::resize(&self.daemon, id.as_str(), size).await,
            Far::Command(id) => exec::resize(&self.daemon, id, size),
        }
    }

    /// Why nothing more comes.
    async fn reason(&self) -> String {
        let patience = match &self.far {
            // What is printed ends before all is tidied up and the end is noted.
            Far::Main(_) => LONGEST_TIDYING,
            // Killed: by whom, tells whether the container goes too.
            Far::Command(id) => match exec::find(&self.daemon, id).map(|exec| exec.state) {
                Ok(ExecState::Ended(KILLED)) => LONGEST_DOUBT,
                Ok(_) | Err(_) => Duration::ZERO,
            },
        };
        if let Ok(end) = wait::begin(&self.daemon, self.container.as_str(), Condition::NotRunning) {
            tokio::pin!(end);
            // One that was killed together with its container has an end to wait for that is not noted yet.
            if timeout(patience, &mut end).await.is_err() && !self.has_main_process().await {
                let _ = timeout(LONGEST_TIDYING, end).await;
            }
        }
        let record = match container::find(&self.daemon, self.container.as_str()) {
            Ok(record) => record,
            Err(OpError::NoSuchContainer(_)) => return "The container was removed.".to_owned(),
            Err(error) => return format!("The daemon cannot say what became of it: {error}."),
        };
        let is_running = record.state == ContainerState::Running;
        match &self.far {
            Far::Command(id) if is_running => match exec::find(&self.daemon, id).map(|exec| exec.state) {
                Ok(ExecState::Ended(code)) => format!("The command has ended with exit code {code}."),
                Ok(_) | Err(_) => "The command has ended.".to_owned(),
            },
            Far::Command(_) | Far::Main(_) if !record.error.is_empty() => {
                format!("The container did not start: {}.", plain_start(&record.error))
            }
            Far::Main(_) if is_running => "The container was started again.".to_owned(),
            Far::Command(_) | Far::Main(_) => {
                format!("The container has stopped with exit code {}.", record.exit_code)
            }
        }
    }

    /// Whether the container's main process runs, whatever is noted of it.
    async fn has_main_process(&self) -> bool {
        matches!(self.daemon.runtime.state(&self.container).await, Ok(ProcessState::Running { .. }))
    }
}

/// Says why nothing more comes; who has gone meanwhile needs no reason.
async fn end(socket: &mut WebSocket, reason: String) {
    let _ = tell(socket, &TerminalNotice::Ended { reason }).await;
    let _ = socket.send(Message::Close(None)).await;
}

async fn tell(socket: &mut WebSocket, notice: &TerminalNotice) -> Result<(), axum::Error> {
    let text = serde_json::to_string(notice).map_err(axum::Error::new)?;
    socket.send(Message::Text(text.into())).await
}
