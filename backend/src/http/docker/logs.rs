//! `/containers/{id}/logs` and `/attach`: what a container has printed, and what it prints.

use super::{
    ApiVersion,
    error::DockerError,
    extract::query_bool,
    stream::{self, FrameSender, Output},
    times,
};
use crate::{
    notices::ContainerDeed,
    ops::{Daemon, OpError, container},
    runtime::{Follow, LogEntry, LogOptions, LogReader, LogStream},
};
use axum::{
    Extension,
    extract::{Path, Query, Request, State},
    response::Response,
};
use drawbridge_api::{ContainerId, ContainerState, EventKind};
use serde::Deserialize;
use std::sync::Arc;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

#[derive(Debug, Deserialize)]
pub(super) struct LogsQuery {
    #[serde(default, deserialize_with = "query_bool")]
    stdout: bool,
    #[serde(default, deserialize_with = "query_bool")]
    stderr: bool,
    #[serde(default, deserialize_with = "query_bool")]
    follow: bool,
    #[serde(default, deserialize_with = "query_bool")]
    timestamps: bool,
    tail: Option<String>,
    since: Option<String>,
    until: Option<String>,
}

/// What of a log goes to the client.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    stdout: bool,
    stderr: bool,
    timestamps: bool,
}

/// `GET /containers/{id}/logs`.
pub(super) async fn logs(
    State(daemon): State<Arc<Daemon>>,
    Extension(version): Extension<ApiVersion>,
    Path(text): Path<String>,
    Query(query): Query<LogsQuery>,
) -> Result<Response, DockerError> {
    if !query.stdout && !query.stderr {
        return Err(DockerError::BadRequest("Bad parameters: you must choose at least one stream".into()));
    }
    let record = container::find(&daemon, &text)?;
    let running = record.state == ContainerState::Running;
    let options = LogOptions {
        tail: tail(query.tail.as_deref())?,
        since: times::parse(query.since.as_deref(), OffsetDateTime::now_utc())?,
        until: times::parse(query.until.as_deref(), OffsetDateTime::now_utc())?,
        follow: if query.follow && running { Follow::Yes } else { Follow::No },
    };
    let wanted = Wanted { stdout: query.stdout, stderr: query.stderr, timestamps: query.timestamps };
    let reader = daemon.runtime.logs(&record.id, options);
    let (frames, receiver) = stream::channel();
    tokio::spawn(send(reader, wanted, frames));
    Ok(stream::body(version, receiver))
}

#[derive(Debug, Deserialize)]
pub(super) struct AttachQuery {
    #[serde(default, deserialize_with = "query_bool")]
    stdout: bool,
    #[serde(default, deserialize_with = "query_bool")]
    stderr: bool,
    #[serde(default, deserialize_with = "query_bool")]
    logs: bool,
}

/// `POST /containers/{id}/attach`: its output from now on, also of a container that is about to start. Its input is
/// never open in this version, so there is nothing to send to it.
pub(super) async fn attach(
    State(daemon): State<Arc<Daemon>>,
    Extension(version): Extension<ApiVersion>,
    Path(text): Path<String>,
    Query(query): Query<AttachQuery>,
    mut request: Request,
) -> Result<Response, DockerError> {
    let record = container::find(&daemon, &text)?;
    let since = (!query.logs).then(OffsetDateTime::now_utc);
    let wanted = Wanted { stdout: query.stdout, stderr: query.stderr, timestamps: false };
    let mut events = daemon.engine.events.listen();
    daemon.tell_container(&record, ContainerDeed::Attach);
    let (frames, receiver) = stream::channel();
    let running = record.state == ContainerState::Running;
    tokio::spawn(async move {
        if !running {
            tokio::select! {
                begun = begins(&mut events, &record.id) => if !begun { return },
                () = frames.closed() => return,
            }
        }
        let options = LogOptions { since, follow: Follow::Yes, ..LogOptions::default() };
        send(daemon.runtime.logs(&record.id, options), wanted, frames).await;
    });
    stream::hijack(&mut request, version, receiver, None)
}

/// Waits for a container's start; false when it will not come.
async fn begins(events: &mut tokio::sync::broadcast::Receiver<Arc<drawbridge_api::Event>>, id: &ContainerId) -> bool {
    while let Ok(event) = events.recv().await {
        match &event.kind {
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
            | EventKind::Change(_) => {}
        }
    }
    false
}

async fn send(mut reader: LogReader, wanted: Wanted, frames: FrameSender) {
    loop {
        let entry = tokio::select! {
            entry = reader.next() => entry,
            () = frames.closed() => return,
        };
        match entry {
            Ok(Some(entry)) => {
                let output = match entry.stream {
                    LogStream::Stdout if wanted.stdout => Output::Stdout,
                    LogStream::Stderr if wanted.stderr => Output::Stderr,
                    LogStream::Stdout | LogStream::Stderr => continue,
                };
                if frames.send(stream::frame(output, &line(entry, wanted))).await.is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot read a log on");
                return;
            }
        }
    }
}

fn line(entry: LogEntry, wanted: Wanted) -> Vec<u8> {
    if !wanted.timestamps {
        return entry.bytes;
    }
    let mut line = entry.time.format(&Rfc3339).unwrap_or_default().into_bytes();
    line.push(b' ');
    line.extend(entry.bytes);
    line
}

fn tail(text: Option<&str>) -> Result<Option<u64>, OpError> {
    match text {
        None | Some("" | "all") => Ok(None),
        Some(text) => text
            .parse()
            .map(Some)
            .map_err(|_| OpError::Invalid(format!("invalid tail {text:?}; write a number of lines or \"all\""))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_a_number_or_all() {
        assert_eq!(tail(Some("all")).unwrap(), None);
        assert_eq!(tail(Some("5")).unwrap(), Some(5));
        assert!(tail(Some("-1")).is_err());
    }
}
