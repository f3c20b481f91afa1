//! Progress as Docker's clients read it: one JSON object a line, flushed as it comes. What goes wrong before the first
//! line is answered with a status, afterwards with a line.

use super::error::DockerError;
use crate::{
    images::progress::{LayerState, Progress, Reporter, reporter},
    ops::OpError,
};
use axum::{
    body::{Body, Bytes},
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use std::{convert::Infallible, future::Future};
use tokio_stream::wrappers::ReceiverStream;

/// What of the progress is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// All of it.
    Everything,
    /// No layers.
    Quiet,
    /// What was made, alone.
    Identity,
}

/// Answers with the progress of an operation, which goes on to its end, or as far as it wants when nobody listens.
///
/// # Errors
/// What the operation returns before it has reported anything.
pub(super) async fn answer<F, Fut>(detail: Detail, operation: F) -> Result<Response, DockerError>
where
    F: FnOnce(Reporter) -> Fut,
    Fut: Future<Output = Result<(), OpError>> + Send + 'static,
{
    let (reporter, mut receiver) = reporter();
    let mut task = tokio::spawn(operation(reporter));
    // The reporter goes with the operation, so there is an end to this wait.
    let first = receiver.recv().await;
    if first.is_none() {
        (&mut task).await.unwrap_or(Err(OpError::CutOff))?;
        return Ok(([(CONTENT_TYPE, "application/json")], Body::empty()).into_response());
    }
    let lines = stream::iter(first).chain(ReceiverStream::new(receiver)).filter_map(move |progress| {
        let shown = match (detail, &progress) {
            (Detail::Identity, Progress::Made(id)) => Some(json!({ "stream": format!("sha256:{id}\n") })),
            (Detail::Identity, _) | (Detail::Quiet, Progress::Layer { .. }) => None,
            (Detail::Everything | Detail::Quiet, progress) => Some(render(progress)),
        };
        std::future::ready(shown.map(|value| line(&value)))
    });
    let last = stream::once(async move {
        match task.await.unwrap_or(Err(OpError::CutOff)) {
            Ok(()) => Bytes::new(),
            Err(error) => line(&failed(&error)),
        }
    });
    // An empty piece would end a chunked body.
    let pieces = lines.chain(last).filter(|piece| std::future::ready(!piece.is_empty()));
    let body = Body::from_stream(pieces.map(Ok::<_, Infallible>));
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

/// An error as a line; the log has its causes.
fn failed(error: &OpError) -> Value {
    let message = error.to_string();
    tracing::warn!(error = crate::http::chain(error), "an operation failed after its answer had begun");
    // The command ends with this code.
    let detail = match error {
        OpError::CommandFailed { code, .. } => json!({ "code": code, "message": message }),
        _ => json!({ "message": message }),
    };
    json!({ "errorDetail": detail, "error": message })
}

fn line(value: &Value) -> Bytes {
    Bytes::from(format!("{value}\r\n"))
}

/// One report in Docker's words.
fn render(progress: &Progress) -> Value {
    match progress {
        Progress::Line(text) => json!({ "status": text }),
        Progress::About { id, text } => json!({ "status": text, "id": id }),
        Progress::Layer { id, state } => layer(id, state),
        Progress::Pushed { tag, digest, size_bytes } => {
            json!({ "progressDetail": {}, "aux": { "Tag": tag, "Digest": digest, "Size": size_bytes } })
        }
        Progress::Made(id) => json!({ "aux": { "ID": format!("sha256:{id}") } }),
        Progress::Output(text) => json!({ "stream": text }),
    }
}

fn layer(id: &str, state: &LayerState) -> Value {
    let plain = |status: &str| json!({ "status": status, "progressDetail": {}, "id": id });
    let bar = |status: &str, current: u64, total: u64| {
        json!({
            "status": status,
            "progressDetail": { "current": current, "total": total },
            "progress": bar(current, total),
            "id": id,
        })
    };
    match state {
        LayerState::Wanted => plain("Pulling fs layer"),
        LayerState::Exists => plain("Already exists"),
        LayerState::Downloading(current, total) => bar("Downloading", *current, *total),
        LayerState::Retrying(seconds) => {
            plain(&format!("Retrying in {seconds} second{}", if *seconds == 1 { "" } else { "s" }))
        }
        LayerState::Downloaded => plain("Download complete"),
        LayerState::Extracting(current, total) => bar("Extracting", *current, *total),
        LayerState::Pulled => plain("Pull complete"),
        LayerState::Loading(current, total) => bar("Loading layer", *current, *total),
        LayerState::Preparing => plain("Preparing"),
        LayerState::Pushing(current, total) => bar("Pushing", *current, *total),
        LayerState::Pushed => plain("Pushed"),
        LayerState::PushedBefore => plain("Layer already exists"),
    }
}

/// The bar that older clients print as it comes (docker/cli, `jsonmessage.JSONProgress`): fifty places, then numbers.
fn bar(current: u64, total: u64) -> String {
    if total == 0 {
        return format!("{:>8}", human(current));
    }
    let done = usize::try_from(current.min(total) * 50 / total).unwrap_or(50);
    let rest = 50 - done;
    format!("[{}>{}] {:>8}/{}", "=".repeat(done), " ".repeat(rest), human(current), human(total))
}

/// Bytes as people read them: four digits, steps of a thousand (docker/go-units, `HumanSize`).
fn human(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1000.0 && unit < UNITS.len() - 1 {
        value /= 1000.0;
        unit += 1;
    }
    let digits = match value {
        ..10.0 => 3,
        ..100.0 => 2,
        ..1000.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_dockers() {
        assert_eq!(human(0), "0B");
        assert_eq!(human(999), "999B");
        assert_eq!(human(1_234_567), "1.235MB");
        assert_eq!(human(30_200_000), "30.2MB");
        assert_eq!(bar(15_100_000, 30_200_000), format!("[{}>{}]   15.1MB/30.2MB", "=".repeat(25), " ".repeat(25)));
        assert_eq!(bar(512, 0), "    512B");
        assert!(bar(7, 3).starts_with(&format!("[{}>] ", "=".repeat(50))));
    }

    #[test]
    fn lines_are_dockers() {
        let about = |state| render(&Progress::Layer { id: "0123456789ab".into(), state });
        let line = |status: &str| json!({ "status": status, "progressDetail": {}, "id": "0123456789ab" });
        assert_eq!(about(LayerState::Wanted), line("Pulling fs layer"));
        assert_eq!(about(LayerState::Retrying(1)), line("Retrying in 1 second"));
        assert_eq!(render(&Progress::Line("Digest: x".into())), json!({ "status": "Digest: x" }));
    }
}
