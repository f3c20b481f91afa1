//! `/containers/{id}/archive`, `export` and `changes`: files out of and into containers.

use super::{answer::rfc3339, error::DockerError, extract::query_bool};
use crate::{
    archive::{Overwrite, Unpack},
    http::to_the_end,
    notices::ContainerDeed,
    ops::{Daemon, OpError, files},
    runtime::Difference,
};
use axum::{
    Json,
    body::{Body, Bytes},
    extract::{Path, Query, Request, State},
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::read::MultiGzDecoder;
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    fs::Metadata,
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    os::unix::fs::{FileTypeExt, MetadataExt},
    sync::Arc,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Pieces of a tar on their way, each of this many bytes at the most: one is being made while others travel.
const IN_FLIGHT: usize = 4;
const PIECE: usize = 64 << 10;

const STAT_HEADER: &str = "x-docker-container-path-stat";

#[derive(Debug, Deserialize)]
pub(super) struct PathQuery {
    #[serde(default)]
    path: String,
}

/// `HEAD /containers/{id}/archive`: what stands at a path.
pub(super) async fn stat(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
    Query(query): Query<PathQuery>,
) -> Result<Response, DockerError> {
    let place = files::open(&daemon, &text, named(&query.path)?).await?;
    let header = stat_header(&place.find()?)?;
    Ok(([(STAT_HEADER, header)], StatusCode::OK).into_response())
}

/// `GET /containers/{id}/archive`: a path as a tar.
pub(super) async fn read(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
    Query(query): Query<PathQuery>,
) -> Result<Response, DockerError> {
    let place = files::open(&daemon, &text, named(&query.path)?).await?.for_reading(&daemon).await?;
    let header = stat_header(&place.find()?)?;
    place.tell(&daemon, ContainerDeed::CopyOut);
    let body = tar_of(move |out| place.pack(out));
    Ok((
        [
            (CONTENT_TYPE, HeaderValue::from_static("application/x-tar")),
            (STAT_HEADER.parse().map_err(no_header)?, header),
        ],
        body,
    )
        .into_response())
}

/// `GET /containers/{id}/export`: the whole tree as a tar.
pub(super) async fn export(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
) -> Result<Response, DockerError> {
    let export = files::export(&daemon, &text).await?;
    let body = tar_of(move |out| export.pack(out));
    Ok(([(CONTENT_TYPE, "application/octet-stream")], body).into_response())
}

#[derive(Debug, Deserialize)]
pub(super) struct WriteQuery {
    #[serde(default)]
    path: String,
    #[serde(default, rename = "noOverwriteDirNonDir", deserialize_with = "query_bool")]
    no_overwrite_dir_non_dir: bool,
    #[serde(default, rename = "copyUIDGID", deserialize_with = "query_bool")]
    copy_uid_gid: bool,
}

/// `PUT /containers/{id}/archive`: a tar, which may be compressed with gzip, into a folder.
pub(super) async fn write(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
    Query(query): Query<WriteQuery>,
    request: Request,
) -> Result<StatusCode, DockerError> {
    let place = files::open(&daemon, &text, named(&query.path)?).await?;
    place.check_writable()?;
    let how = Unpack {
        overwrite: if query.no_overwrite_dir_non_dir { Overwrite::SameKind } else { Overwrite::All },
        owner: query.copy_uid_gid.then(|| place.owner()),
    };
    let (pieces, receiver) = mpsc::channel(IN_FLIGHT);
    let mut body = request.into_body().into_data_stream();
    let feed = async move {
        while let Some(piece) = body.next().await {
            // An error says that the tar was read to its end, or given up; the rest is still taken off the connection.
            let _ = pieces.send(piece.map_err(io::Error::other)).await;
        }
    };
    let unpack = to_the_end(async move {
        let work = move || {
            let reader = PieceReader { pieces: receiver, rest: Bytes::new() };
            place.unpack(decompressed(reader)?, how)?;
            Ok(place)
        };
        tokio::task::spawn_blocking(work).await.unwrap_or(Err(OpError::CutOff))
    });
    let ((), place) = tokio::join!(feed, unpack);
    place?.tell(&daemon, ContainerDeed::CopyIn);
    Ok(StatusCode::OK)
}

fn decompressed(reader: PieceReader) -> Result<Box<dyn Read>, OpError> {
    let mut reader = BufReader::new(reader);
    let begin = reader.fill_buf().map_err(|error| OpError::Invalid(format!("cannot read the archive: {error}")))?;
    Ok(if begin.starts_with(&[0x1f, 0x8b]) { Box::new(MultiGzDecoder::new(reader)) } else { Box::new(reader) })
}

/// `GET /containers/{id}/changes`.
pub(super) async fn changes(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
) -> Result<Json<Value>, DockerError> {
    let changes = files::changes(&daemon, &text).await?;
    if changes.is_empty() {
        return Ok(Json(Value::Null));
    }
    let shown = changes.into_iter().map(|(path, difference)| {
        let kind = match difference {
            Difference::Changed => 0,
            Difference::Added => 1,
            Difference::Deleted => 2,
        };
        json!({ "Path": path, "Kind": kind })
    });
    Ok(Json(shown.collect()))
}

fn named(path: &str) -> Result<&str, DockerError> {
    if path.is_empty() {
        Err(DockerError::BadRequest("bad parameter: 'path' cannot be empty".into()))
    } else {
        Ok(path)
    }
}

fn no_header<E: std::fmt::Display>(error: E) -> DockerError {
    DockerError::BadRequest(format!("the name does not fit into a header: {error}"))
}

/// JSON in base64.
fn stat_header(found: &files::Found) -> Result<HeaderValue, DockerError> {
    let stat = json!({
        "name": found.name,
        "size": found.metadata.len(),
        "mode": go_mode(&found.metadata),
        "mtime": rfc3339(found.metadata.mtime() * 1000 + found.metadata.mtime_nsec() / 1_000_000),
        "linkTarget": found.link_target.as_deref().unwrap_or(std::path::Path::new("")),
    });
    HeaderValue::from_str(&STANDARD.encode(stat.to_string())).map_err(no_header)
}

/// The bits of Go's `FileMode` (pkg.go.dev/io/fs#FileMode), which are not stat(2)'s.
fn go_mode(metadata: &Metadata) -> u32 {
    let kind = metadata.file_type();
    let mode = metadata.mode();
    let bits = [
        (kind.is_dir(), 31),
        (kind.is_symlink(), 27),
        (kind.is_block_device() || kind.is_char_device(), 26),
        (kind.is_fifo(), 25),
        (kind.is_socket(), 24),
        (mode & 0o4000 != 0, 23),
        (mode & 0o2000 != 0, 22),
        (kind.is_char_device(), 21),
        (mode & 0o1000 != 0, 20),
    ];
    bits.into_iter().filter(|(is, _)| *is).fold(mode & 0o777, |sum, (_, bit)| sum | 1 << bit)
}

/// A body that `pack` writes on a thread of its own, at the pace of who takes it.
fn tar_of(pack: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static) -> Body {
    let (pieces, receiver) = mpsc::channel(IN_FLIGHT);
    tokio::task::spawn_blocking(move || {
        let failed = pieces.clone();
        let mut out = BufWriter::with_capacity(PIECE, PieceWriter { pieces });
        if let Err(error) = pack(&mut out).and_then(|()| out.flush()) {
            tracing::debug!(%error, "a tar was not read to its end");
            // The answer has begun: cutting it off is all that can be said.
            let _ = failed.blocking_send(Err(error));
        }
    });
    Body::from_stream(ReceiverStream::new(receiver))
}

struct PieceWriter {
    pieces: mpsc::Sender<io::Result<Bytes>>,
}

impl Write for PieceWriter {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let sent = self.pieces.blocking_send(Ok(Bytes::copy_from_slice(piece)));
        sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct PieceReader {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    rest: Bytes,
}

impl Read for PieceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.rest = piece?,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.rest.len());
        buffer[..length].copy_from_slice(&self.rest.split_to(length));
        Ok(length)
    }
}
