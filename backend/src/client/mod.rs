//! The other side: our own command line asks the running daemon over its socket, as every client does.

pub mod lab;

use bytes::Bytes;
use drawbridge_api::{Progress, Refusal};
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Incoming, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use tokio::net::UnixStream;

/// Why there is no answer, or none that was hoped for.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens there.
    #[error(
        "no daemon answers at {}; start one with `drawbridge serve`, or name its --docker-socket", socket.display()
    )]
    Unreachable {
        /// Where.
        socket: PathBuf,
        /// What the kernel said.
        #[source]
        source: std::io::Error,
    },
    /// The daemon said no.
    #[error("{0}")]
    Refused(String),
    /// The answer ended early, or is none.
    #[error("the daemon's answer was cut off; whether it was done shows `drawbridge lab list`")]
    CutOff(#[source] Option<hyper::Error>),
    /// The answer is of another shape.
    #[error("the daemon's answer can't be read; it may be of another version than this program")]
    Unreadable(#[source] serde_json::Error),
    /// A file of the user's can't be read.
    #[error("cannot read {}", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// What the kernel said.
        #[source]
        source: std::io::Error,
    },
    /// A question can't be put into a request.
    #[error("cannot ask for {0}")]
    Question(String),
}

/// Asks one question.
async fn ask(socket: &Path, method: &str, path: &str, body: Option<String>) -> Result<Response<Incoming>, ClientError> {
    let stream = UnixStream::connect(socket).await;
    let stream = stream.map_err(|source| ClientError::Unreachable { socket: socket.to_owned(), source })?;
    let cut_off = |error| ClientError::CutOff(Some(error));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(cut_off)?;
    // It ends with the answer, and says nothing that the answer does not.
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "drawbridge")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body.unwrap_or_default())))
        .map_err(|_| ClientError::Question(path.to_owned()))?;
    let answer = sender.send_request(request).await.map_err(cut_off)?;
    if answer.status().is_success() {
        return Ok(answer);
    }
    let status = answer.status();
    let text = text(answer).await?;
    let refusal = serde_json::from_str(&text).map(|refusal: Refusal| refusal.message);
    Err(ClientError::Refused(refusal.unwrap_or_else(|_| format!("the daemon answered {status}"))))
}

async fn text(answer: Response<Incoming>) -> Result<String, ClientError> {
    let body = answer.into_body().collect().await.map_err(|error| ClientError::CutOff(Some(error)))?;
    Ok(String::from_utf8_lossy(&body.to_bytes()).into_owned())
}

async fn json<T: DeserializeOwned>(answer: Response<Incoming>) -> Result<T, ClientError> {
    serde_json::from_str(&text(answer).await?).map_err(ClientError::Unreadable)
}

/// Hands over reports as they come.
///
/// # Errors
/// `Refused` when the last says that it failed, `CutOff` when there is no last.
async fn follow(answer: Response<Incoming>, mut hear: impl FnMut(&Progress)) -> Result<(), ClientError> {
    let mut body = answer.into_body();
    let mut rest = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| ClientError::CutOff(Some(error)))?;
        let Ok(data) = frame.into_data() else { continue };
        rest.extend_from_slice(&data);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            match serde_json::from_slice(&line).map_err(ClientError::Unreadable)? {
                Progress::Done => return Ok(()),
                Progress::Failed { message } => return Err(ClientError::Refused(message)),
                report => hear(&report),
            }
        }
    }
    Err(ClientError::CutOff(None))
}
