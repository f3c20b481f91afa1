//! Streams of a process's output to a Docker client: frames, and the connection that is taken over for them.

use super::{ApiVersion, error::DockerError};
use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{
        StatusCode,
        header::{CONNECTION, CONTENT_TYPE, UPGRADE},
    },
    response::{IntoResponse, Response},
};
use futures_util::StreamExt;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::mpsc,
};
use tokio_stream::wrappers::ReceiverStream;

/// Frames on their way to a client that is slower than the process: that many, and then the process waits.
const IN_FLIGHT: usize = 16;

/// One read of a process's output at the most, in bytes.
const READ_SIZE: usize = 32 << 10;

/// Which of a process's outputs a frame is of. The numbers are Docker's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    Stdout = 1,
    Stderr = 2,
}

/// Puts Docker's header before a piece of output: `[stream, 0, 0, 0, length as u32, big-endian]`.
pub(super) fn frame(output: Output, piece: &[u8]) -> Bytes {
    let mut frame = Vec::with_capacity(8 + piece.len());
    frame.extend_from_slice(&[output as u8, 0, 0, 0]);
    // A piece is a read's worth, far below 4 GiB.
    frame.extend_from_slice(&u32::try_from(piece.len()).unwrap_or(u32::MAX).to_be_bytes());
    frame.extend_from_slice(piece);
    frame.into()
}

/// Where frames go in.
pub(super) type FrameSender = mpsc::Sender<Bytes>;

/// A pair of ends for frames.
pub(super) fn channel() -> (FrameSender, mpsc::Receiver<Bytes>) {
    mpsc::channel(IN_FLIGHT)
}

/// Sends everything that comes out of `source` as frames, to its end. When the client has gone, reads on and throws
/// away: the process is not to be stopped by who looked at it.
pub(super) async fn pump(mut source: impl AsyncRead + Unpin, output: Output, frames: FrameSender) {
    let mut buffer = vec![0; READ_SIZE];
    loop {
        match source.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(length) => {
                // An error says that nobody listens any more.
                let _ = frames.send(frame(output, &buffer[..length])).await;
            }
        }
    }
}

/// The content type of framed output: until API 1.41 it had the raw stream's.
pub(super) fn content_type(version: ApiVersion) -> &'static str {
    if version.minor >= 42 { "application/vnd.docker.multiplexed-stream" } else { "application/vnd.docker.raw-stream" }
}

/// Takes the connection that a request came on for a stream of frames. Clients that ask for an upgrade get 101 and the
/// bare connection, and what they send goes to `input`, whose end they can see; the others get the frames as a body.
pub(super) fn hijack(
    request: &mut Request,
    version: ApiVersion,
    frames: mpsc::Receiver<Bytes>,
    input: Option<Box<dyn AsyncWrite + Send + Unpin>>,
) -> Result<Response, DockerError> {
    let content_type = content_type(version);
    let asked = request.headers().contains_key(UPGRADE);
    match request.extensions_mut().remove::<OnUpgrade>().filter(|_| asked) {
        Some(upgrade) => {
            tokio::spawn(async move {
                match upgrade.await {
                    Ok(connection) => converse(TokioIo::new(connection), frames, input).await,
                    Err(error) => tracing::debug!(%error, "the client went away before its stream began"),
                }
            });
            let headers = [(CONTENT_TYPE, content_type), (CONNECTION, "Upgrade"), (UPGRADE, "tcp")];
            Ok((StatusCode::SWITCHING_PROTOCOLS, headers).into_response())
        }
        None if input.is_some() => {
            Err(DockerError::BadRequest("standard input needs the headers Connection: Upgrade and Upgrade: tcp".into()))
        }
        None => Ok(body(version, frames)),
    }
}

/// Frames as the body of a plain answer.
pub(super) fn body(version: ApiVersion, frames: mpsc::Receiver<Bytes>) -> Response {
    let body = Body::from_stream(ReceiverStream::new(frames).map(Ok::<_, Infallible>));
    ([(CONTENT_TYPE, content_type(version))], body).into_response()
}

/// Both directions until the last frame. A client that closes its sending half has said all; its output goes on.
async fn converse(
    connection: impl AsyncRead + AsyncWrite,
    mut frames: mpsc::Receiver<Bytes>,
    input: Option<Box<dyn AsyncWrite + Send + Unpin>>,
) {
    let (mut from_client, mut to_client) = tokio::io::split(connection);
    let send = async {
        while let Some(frame) = frames.recv().await {
            if to_client.write_all(&frame).await.is_err() {
                break;
            }
        }
        let _ = to_client.shutdown().await;
    };
    let receive = async {
        if let Some(mut input) = input {
            let _ = tokio::io::copy(&mut from_client, &mut input).await;
            let _ = input.shutdown().await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = send => {}
        () = receive => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_dockers_header() {
        assert_eq!(&frame(Output::Stderr, b"hi")[..], [2, 0, 0, 0, 0, 0, 0, 2, b'h', b'i']);
    }

    #[tokio::test]
    async fn output_ends_when_its_source_does_even_without_a_listener() {
        let (sender, receiver) = channel();
        drop(receiver);
        pump(&b"some output"[..], Output::Stdout, sender).await;
    }
}
