//! Progress as the panel and the command line read it: one line of JSON for each report. What goes wrong before the first is
//! answered with a status, afterwards with a line.

use super::error::PanelError;
use crate::{
    http::chain,
    images::progress::{LayerState, Progress as Report, Reporter, reporter},
    ops::{OpError, plain::plain},
};
use axum::{
    body::{Body, Bytes},
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use drawbridge_api::{LayerStage, Progress};
use futures_util::{StreamExt as _, stream};
use std::{convert::Infallible, future::Future};
use tokio_stream::wrappers::ReceiverStream;

/// Answers with the progress of an operation, which goes on to its end, or as far as it wants when nobody listens.
///
/// # Errors
/// What the operation returns before it has reported anything.
pub(super) async fn answer<F, Fut>(operation: F) -> Result<Response, PanelError>
where
    F: FnOnce(Reporter) -> Fut,
    Fut: Future<Output = Result<(), OpError>> + Send + 'static,
{
    let (reporter, mut receiver) = reporter();
    let mut task = tokio::spawn(operation(reporter));
    // The reporter goes with the operation, so there is an end to this wait.
    let Some(first) = receiver.recv().await else {
        (&mut task).await.unwrap_or(Err(OpError::CutOff))?;
        return Ok(lines(stream::once(async { Progress::Done })));
    };
    let reports = stream::once(async { first }).chain(ReceiverStream::new(receiver)).map(shown);
    let last = stream::once(async move {
        match task.await.unwrap_or(Err(OpError::CutOff)) {
            Ok(()) => Progress::Done,
            Err(error) => {
                tracing::warn!(error = chain(&error), "an operation failed after its answer had begun");
                Progress::Failed { message: plain(&error) }
            }
        }
    });
    Ok(lines(reports.chain(last)))
}

fn lines(reports: impl futures_util::Stream<Item = Progress> + Send + 'static) -> Response {
    let pieces = reports.filter_map(|report| {
        // Text and numbers can always be written.
        let line = serde_json::to_string(&report).map(|line| Bytes::from(line + "\n"));
        std::future::ready(line.ok())
    });
    let body = Body::from_stream(pieces.map(Ok::<_, Infallible>));
    ([(CONTENT_TYPE, "application/x-ndjson")], body).into_response()
}

fn shown(report: Report) -> Progress {
    match report {
        Report::Line(text) => Progress::Line { text },
        Report::About { id: subject, text } => Progress::About { subject, text },
        Report::Output(text) => Progress::Output { text },
        Report::Made(id) => Progress::Made { id: format!("sha256:{id}") },
        Report::Pushed { tag, digest, .. } => Progress::About { subject: tag, text: digest },
        Report::Layer { id, state } => {
            let (stage, current, total) = match state {
                LayerState::Wanted | LayerState::Preparing => (LayerStage::Waiting, 0, 0),
                LayerState::Exists | LayerState::PushedBefore => (LayerStage::Present, 0, 0),
                LayerState::Downloading(current, total)
                | LayerState::Loading(current, total)
                | LayerState::Pushing(current, total) => (LayerStage::Moving, current, total),
                LayerState::Retrying(_) => (LayerStage::Retrying, 0, 0),
                LayerState::Downloaded => (LayerStage::Arrived, 0, 0),
                LayerState::Extracting(current, total) => (LayerStage::Unpacking, current, total),
                LayerState::Pulled | LayerState::Pushed => (LayerStage::Complete, 0, 0),
            };
            Progress::Layer { id, stage, current, total }
        }
    }
}
