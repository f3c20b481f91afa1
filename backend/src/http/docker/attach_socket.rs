//! `/containers/{id}/attach/ws`: what `attach` gives, for clients that can't take a connection over, as pages can't. What is
//! printed comes as binary messages without frames, standard error among standard output, as Docker sends it.

use super::{attach::AttachQuery, detach::DetachKeys, error::DockerError};
use crate::ops::{
    Daemon, console, container,
    session::{AtInputEnd, Piece, Session},
};
use axum::{
    extract::{
        Path, Query, State, WebSocketUpgrade,
        ws::{Message, WebSocket, rejection::WebSocketUpgradeRejection},
    },
    response::Response,
};
use std::{io, sync::Arc};
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// One message of a client at the most, in bytes: what somebody pastes.
const LARGEST_MESSAGE: usize = 1 << 20;

/// `GET /containers/{id}/attach/ws`.
pub(super) async fn attach(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
    Query(query): Query<AttachQuery>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, DockerError> {
    let (keys, options) = (query.keys()?, query.options());
    let id = container::find(&daemon, &text)?.id;
    let upgrade = upgrade.map_err(|rejection| DockerError::BadRequest(rejection.body_text()))?;
    let session = console::attach(&daemon, id.as_str(), options).await?;
    let upgrade = upgrade.max_message_size(LARGEST_MESSAGE);
    Ok(upgrade.on_upgrade(move |socket| async move {
        if talk(socket, session, keys).await == Farewell::Detached {
            console::detached(&daemon, &id);
        }
    }))
}

/// How a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Farewell {
    /// The process has no more to say, or the client went away.
    Over,
    /// The client left by the detach keys.
    Detached,
}

/// Both directions, until the process ends or the client goes.
async fn talk(mut socket: WebSocket, session: Session, keys: DetachKeys) -> Farewell {
    let Session { console, mut output, mut input, at_input_end } = session;
    let mut keys = console.terminal.then_some(keys);
    // What was typed and is not written yet: a process need not read.
    let mut typed = Vec::new();
    loop {
        tokio::select! {
            piece = output.recv() => match piece {
                Some(Piece { bytes, .. }) => {
                    if socket.send(Message::Binary(bytes.into())).await.is_err() {
                        break;
                    }
                }
                None => {
                    let _ = socket.send(Message::Close(None)).await;
                    return Farewell::Over;
                }
            },
            written = write(&mut input, &typed), if !typed.is_empty() => match written {
                Ok(length) => drop(typed.drain(..length)),
                // A process that has closed its input may print on.
                Err(_) => input = None,
            },
            message = socket.recv(), if typed.len() <= LARGEST_MESSAGE => {
                let said = match message {
                    Some(Ok(Message::Binary(bytes))) => bytes.to_vec(),
                    Some(Ok(Message::Text(text))) => text.as_bytes().to_vec(),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                };
                let (passed, detached) = match &mut keys {
                    Some(keys) => keys.pass(&said),
                    None => (said, false),
                };
                typed.extend(passed);
                if detached {
                    let _ = socket.send(Message::Close(None)).await;
                    return Farewell::Detached;
                }
            }
        }
    }
    if let (AtInputEnd::TellProcess, Some(mut writer)) = (at_input_end, input) {
        let _ = writer.shutdown().await;
    }
    Farewell::Over
}

/// Writes what can be written now; without an input everything goes nowhere.
async fn write(input: &mut Option<Box<dyn AsyncWrite + Send + Unpin>>, typed: &[u8]) -> io::Result<usize> {
    match input {
        Some(writer) => writer.write(typed).await,
        None => Ok(typed.len()),
    }
}
