//! `/containers/{id}/logs`: what a container has printed, and what it prints.

use super::{
    ApiVersion,
    error::DockerError,
    extract::query_bool,
    stream::{self, Framing},
    times,
};
use crate::{
    ops::{Daemon, OpError, container, session::Piece},
    runtime::{Follow, LogEntry, LogOptions, LogReader, LogStream},
};
use axum::{
    Extension,
    extract::{Path, Query, State},
    response::Response,
};
use drawbridge_api::ContainerState;
use serde::Deserialize;
use std::sync::Arc;
use time::OffsetDateTime;
use tokio::sync::mpsc;

/// Entries on their way to a client that is slower than the log is read. An entry has some 8 KiB at the most.
const IN_FLIGHT: usize = 16;

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
    #[serde(default, deserialize_with = "query_bool")]
    details: bool,
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
    details: bool,
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
    if record.spec.settings.log.unread {
        return Err(DockerError::LogUnread);
    }
    let running = record.state == ContainerState::Running;
    let options = LogOptions {
        tail: tail(query.tail.as_deref())?,
        since: times::parse(query.since.as_deref(), OffsetDateTime::now_utc())?,
        until: times::parse(query.until.as_deref(), OffsetDateTime::now_utc())?,
        follow: if query.follow && running { Follow::Yes } else { Follow::No },
    };
    let wanted =
        Wanted { stdout: query.stdout, stderr: query.stderr, timestamps: query.timestamps, details: query.details };
    let reader = daemon.runtime.logs(&record.id, options);
    let (pieces, output) = mpsc::channel(IN_FLIGHT);
    tokio::spawn(send(reader, wanted, pieces));
    Ok(stream::body(Framing::of(record.spec.console, version), output))
}

/// Sends the log until it ends or the client goes.
async fn send(mut reader: LogReader, wanted: Wanted, pieces: mpsc::Sender<Piece>) {
    let mut lines = Lines::default();
    loop {
        let entry = tokio::select! {
            entry = reader.next() => entry,
            () = pieces.closed() => return,
        };
        match entry {
            Ok(Some(entry)) => {
                let chosen = match entry.stream {
                    LogStream::Stdout => wanted.stdout,
                    LogStream::Stderr => wanted.stderr,
                };
                if !chosen {
                    continue;
                }
                let piece = Piece { stream: entry.stream, bytes: lines.write(entry, wanted) };
                if pieces.send(piece).await.is_err() {
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

/// Which of the two outputs is in the middle of a line: what comes next has no head of its own.
#[derive(Debug, Default)]
struct Lines {
    stdout_is_open: bool,
    stderr_is_open: bool,
}

impl Lines {
    /// An entry with what was asked for before it: `2023-11-14T22:13:20.000000000Z `, and for details a space, since there
    /// are none.
    fn write(&mut self, entry: LogEntry, wanted: Wanted) -> Vec<u8> {
        let is_open = match entry.stream {
            LogStream::Stdout => &mut self.stdout_is_open,
            LogStream::Stderr => &mut self.stderr_is_open,
        };
        let begins = !std::mem::replace(is_open, !entry.bytes.ends_with(b"\n"));
        if !begins || !(wanted.timestamps || wanted.details) {
            return entry.bytes;
        }
        let mut line = Vec::with_capacity(32 + entry.bytes.len());
        if wanted.timestamps {
            line.extend(times::nanoseconds(entry.time).into_bytes());
            line.push(b' ');
        }
        if wanted.details {
            line.push(b' ');
        }
        line.extend(entry.bytes);
        line
    }
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
    fn a_line_has_one_head_however_many_parts() {
        let time = OffsetDateTime::from_unix_timestamp_nanos(1_700_000_000_120_000_000).unwrap();
        let entry = |stream, text: &str| LogEntry { time, stream, bytes: text.as_bytes().to_vec() };
        let mut lines = Lines::default();
        let wanted = Wanted { stdout: true, stderr: true, timestamps: true, details: true };
        let mut written = Vec::new();
        for (stream, text) in [
            (LogStream::Stdout, "a"),
            (LogStream::Stderr, "c\n"),
            (LogStream::Stdout, "b\n"),
            (LogStream::Stdout, "\n"),
        ] {
            written.push(String::from_utf8(lines.write(entry(stream, text), wanted)).unwrap());
        }
        let head = "2023-11-14T22:13:20.120000000Z  ";
        assert_eq!(written, [format!("{head}a"), format!("{head}c\n"), "b\n".into(), format!("{head}\n")]);
    }

    #[test]
    fn a_tail_is_a_number_or_all() {
        assert_eq!(tail(Some("all")).unwrap(), None);
        assert_eq!(tail(Some("5")).unwrap(), Some(5));
        assert!(tail(Some("-1")).is_err());
    }
}
