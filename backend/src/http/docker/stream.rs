//! A session on a Docker client's connection: frames, and the connection that is taken over for them.

use super::{ApiVersion, detach::DetachKeys, error::DockerError};
use crate::{
    http::connections::Peer,
    ops::session::{AtInputEnd, Piece, Session},
    runtime::LogStream,
};
use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{
        StatusCode,
        header::{CONNECTION, CONTENT_TYPE, UPGRADE},
    },
    response::{IntoResponse, Response},
};
use drawbridge_api::Console;
use drawbridge_kernel::local;
use futures_util::StreamExt;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use std::{
    convert::Infallible,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::mpsc,
    time::{Instant, sleep, timeout},
};
use tokio_stream::wrappers::ReceiverStream;

/// One read of what a client says at the most, in bytes.
const READ_SIZE: usize = 8 << 10;

/// How often one looks whether a client that has said all it had to say is still there to listen. Neither tokio nor hyper
/// tells, and a process that prints nothing would never show it.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// How long a client may take to read the head of an answer before it is sent more. Who reads nothing misses nothing.
const LONGEST_HEAD: Duration = Duration::from_secs(10);

/// How long a client may take to hang up after the last piece.
const LONGEST_FAREWELL: Duration = Duration::from_secs(2);

/// How pieces of output stand on the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// As they are: a terminal has one output.
    Raw,
    /// With Docker's header before each.
    Framed(ApiVersion),
}

impl Framing {
    /// That of a process which is talked to so.
    pub(super) fn of(console: Console, version: ApiVersion) -> Self {
        if console.terminal { Framing::Raw } else { Framing::Framed(version) }
    }

    /// Until API 1.41 framed output had the raw stream's content type.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Framing::Framed(version) if version.minor >= 42 => "application/vnd.docker.multiplexed-stream",
            Framing::Framed(_) | Framing::Raw => "application/vnd.docker.raw-stream",
        }
    }

    /// A piece of output as it goes to the client; the header is `[stream, 0, 0, 0, length as u32, big-endian]`.
    pub(super) fn wrap(self, stream: LogStream, piece: Vec<u8>) -> Bytes {
        let number = match (self, stream) {
            (Framing::Raw, _) => return piece.into(),
            (Framing::Framed(_), LogStream::Stdout) => 1,
            (Framing::Framed(_), LogStream::Stderr) => 2,
        };
        let mut frame = Vec::with_capacity(8 + piece.len());
        frame.extend_from_slice(&[number, 0, 0, 0]);
        // A piece is a read's worth, far below 4 GiB.
        frame.extend_from_slice(&u32::try_from(piece.len()).unwrap_or(u32::MAX).to_be_bytes());
        frame.extend_from_slice(&piece);
        frame.into()
    }
}

/// Takes the connection that a request came on for a session. Clients that ask for an upgrade get 101 and the bare
/// connection; the others get the output as a body. `on_detach` is called when the client leaves by the detach keys.
pub(super) fn hijack(
    request: &mut Request,
    framing: Framing,
    session: Session,
    keys: DetachKeys,
    on_detach: impl FnOnce() + Send + 'static,
) -> Result<Response, DockerError> {
    let presence = Presence::of(request);
    let asked = request.headers().contains_key(UPGRADE);
    match request.extensions_mut().remove::<OnUpgrade>().filter(|_| asked) {
        Some(upgrade) => {
            tokio::spawn(async move {
                match upgrade.await {
                    Ok(connection) => {
                        talk(TokioIo::new(connection), presence, framing, session, keys, on_detach).await;
                    }
                    Err(error) => tracing::debug!(%error, "the client went away before its stream began"),
                }
            });
            let headers = [(CONTENT_TYPE, framing.content_type()), (CONNECTION, "Upgrade"), (UPGRADE, "tcp")];
            Ok((StatusCode::SWITCHING_PROTOCOLS, headers).into_response())
        }
        None if session.input.is_some() => {
            Err(DockerError::BadRequest("standard input needs the headers Connection: Upgrade and Upgrade: tcp".into()))
        }
        None => Ok(body(framing, session.output)),
    }
}

/// Output as the body of a plain answer.
pub(super) fn body(framing: Framing, output: mpsc::Receiver<Piece>) -> Response {
    let pieces =
        ReceiverStream::new(output).map(move |piece| Ok::<_, Infallible>(framing.wrap(piece.stream, piece.bytes)));
    ([(CONTENT_TYPE, framing.content_type())], Body::from_stream(pieces)).into_response()
}

/// How a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Farewell {
    /// The process has no more to say, or the client went away.
    Over,
    /// The client left by the detach keys.
    Detached,
}

/// A client's connection, looked at to see whether it is still there.
#[derive(Clone)]
struct Presence(Option<Arc<OwnedFd>>);

impl Presence {
    /// That of the client which made a request.
    fn of(request: &Request) -> Self {
        Self(request.extensions().get::<Peer>().and_then(Peer::connection))
    }

    /// Returns when the client has taken the head of the answer, or soon: some read it through a buffer, and lose what
    /// comes with it (docker-py's `exec_run`).
    async fn takes_the_head(&self) {
        let Some(connection) = &self.0 else { return };
        let begun = Instant::now();
        while !local::is_taken(connection.as_fd()) && begun.elapsed() < LONGEST_HEAD {
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Returns when the client has gone for good.
    async fn gone(&self) {
        let Some(connection) = &self.0 else { return std::future::pending().await };
        while !local::is_hung_up(connection.as_fd()) {
            sleep(LOOK_EVERY).await;
        }
    }
}

/// Both directions until the last piece. A client that closes its sending half has said all; its output goes on.
async fn talk(
    connection: TokioIo<Upgraded>,
    presence: Presence,
    framing: Framing,
    session: Session,
    keys: DetachKeys,
    on_detach: impl FnOnce(),
) {
    let (mut from_client, mut to_client) = tokio::io::split(connection);
    let Session { console, mut output, input, at_input_end } = session;
    let keys = console.terminal.then_some(keys);
    let head = presence.clone();
    let farewell = {
        let send = async {
            head.takes_the_head().await;
            while let Some(piece) = output.recv().await {
                if to_client.write_all(&framing.wrap(piece.stream, piece.bytes)).await.is_err() {
                    break;
                }
            }
            Farewell::Over
        };
        tokio::select! {
            farewell = send => farewell,
            farewell = listen(&mut from_client, input, at_input_end, keys, presence) => farewell,
        }
    };
    if farewell == Farewell::Detached {
        on_detach();
    }
    let _ = to_client.shutdown().await;
    // A unix socket that is closed with something unread in it takes back what was not yet read at the other end either.
    let mut buffer = vec![0; READ_SIZE];
    let rest = async { while let Ok(1..) = from_client.read(&mut buffer).await {} };
    let _ = timeout(LONGEST_FAREWELL, rest).await;
}

/// Passes on what the client says; returns when it leaves.
async fn listen(
    from_client: &mut (impl AsyncRead + Unpin),
    mut input: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    at_input_end: AtInputEnd,
    mut keys: Option<DetachKeys>,
    presence: Presence,
) -> Farewell {
    let had_input = input.is_some();
    let mut buffer = vec![0; READ_SIZE];
    while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
        let Some(writer) = &mut input else { continue };
        let (bytes, detached) = match &mut keys {
            Some(keys) => keys.pass(&buffer[..length]),
            None => (buffer[..length].to_vec(), false),
        };
        let written = async {
            writer.write_all(&bytes).await?;
            writer.flush().await
        };
        tokio::select! {
            // A process that has closed its input may print on.
            written = written => if written.is_err() { input = None },
            // One that reads nothing and prints nothing would keep the session for ever.
            () = async { sleep(LOOK_EVERY).await; presence.gone().await } => return Farewell::Over,
        }
        if detached {
            return Farewell::Detached;
        }
    }
    if had_input && at_input_end == AtInputEnd::Leave {
        return Farewell::Over;
    }
    if let Some(mut writer) = input.take() {
        let _ = writer.shutdown().await;
    }
    // The writer is gone here, which is what ends the input of a pipe.
    presence.gone().await;
    Farewell::Over
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_dockers_header() {
        let (pipes, terminal) = (Console::default(), Console { terminal: true, ..Console::default() });
        let framing = Framing::of(pipes, ApiVersion { minor: 42 });
        assert_eq!(&framing.wrap(LogStream::Stderr, b"hi".to_vec())[..], [2, 0, 0, 0, 0, 0, 0, 2, b'h', b'i']);
        assert_eq!(framing.content_type(), "application/vnd.docker.multiplexed-stream");
        let old = Framing::of(pipes, ApiVersion { minor: 41 });
        assert_eq!(old.content_type(), "application/vnd.docker.raw-stream");
        let raw = Framing::of(terminal, ApiVersion { minor: 50 });
        assert_eq!(&raw.wrap(LogStream::Stdout, b"hi".to_vec())[..], b"hi");
        assert_eq!(raw.content_type(), "application/vnd.docker.raw-stream");
    }
}
