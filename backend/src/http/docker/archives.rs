//! Images from archives and into them: `/images/load`, `/images/get`, `/commit`, and importing by `/images/create`.

use super::{
    error::DockerError,
    extract::query_bool,
    progress::{self, Detail},
    query::{named_by, values},
};
use crate::{
    http::to_the_end,
    images::{
        pipe::{self, PipeReader},
        progress::Progress,
    },
    ops::{
        Daemon, OpError,
        image::{
            archive::{self, ImportOptions},
            commit::{self, CommitOptions},
        },
    },
};
use axum::{
    Json,
    body::Body,
    extract::{Query, RawQuery, Request, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio_stream::wrappers::ReceiverStream;

/// A request's body for a thread that reads it. The task that passes it on ends with the body or with its reader.
pub(in crate::http) fn reader_of(mut body: Body) -> PipeReader {
    let (sender, reader) = pipe::into_thread();
    tokio::spawn(async move {
        loop {
            let piece = match body.frame().await {
                None => {
                    let _ = sender.send(None).await;
                    return;
                }
                // Cut off: the sender goes without an end, which the reader takes for what it is.
                Some(Err(_)) => return,
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            };
            if sender.send(Some(piece)).await.is_err() {
                return;
            }
        }
    });
    reader
}

#[derive(Debug, Deserialize)]
pub(super) struct LoadQuery {
    #[serde(default, deserialize_with = "query_bool")]
    quiet: bool,
}

/// `POST /images/load`.
pub(super) async fn load(
    State(daemon): State<Arc<Daemon>>,
    Query(query): Query<LoadQuery>,
    request: Request,
) -> Result<Response, DockerError> {
    let detail = if query.quiet { Detail::Quiet } else { Detail::Everything };
    let archive = reader_of(request.into_body());
    progress::answer(detail, |reporter| async move { archive::load(&daemon, archive, &reporter).await }).await
}

/// `GET /images/get?names=..&names=..`
pub(super) async fn save_several(
    State(daemon): State<Arc<Daemon>>,
    RawQuery(query): RawQuery,
) -> Result<Response, DockerError> {
    let names: Vec<String> = values(query.as_deref().unwrap_or_default(), "names")
        .iter()
        .flat_map(|value| value.split(','))
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    save(daemon, &names).await
}

pub(super) async fn save(daemon: Arc<Daemon>, names: &[String]) -> Result<Response, DockerError> {
    let chosen = archive::chosen(&daemon, names)?;
    let (writer, receiver) = pipe::from_thread();
    tokio::spawn(async move { archive::save(&daemon, chosen, writer).await });
    let body = Body::from_stream(ReceiverStream::new(receiver));
    Ok(([(CONTENT_TYPE, "application/x-tar")], body).into_response())
}

/// What of `/images/create` is about a file system and not a registry.
#[derive(Debug, Default)]
pub(super) struct Import {
    pub(super) repository: Option<String>,
    pub(super) tag: Option<String>,
    pub(super) message: Option<String>,
    pub(super) changes: Vec<String>,
}

/// `POST /images/create?fromSrc=-`: the body is an archive of files.
pub(super) async fn import(daemon: Arc<Daemon>, import: Import, request: Request) -> Result<Response, DockerError> {
    let name = import.repository.filter(|repository| !repository.is_empty());
    let name = name.map(|repository| named_by(&repository, import.tag.as_deref())).transpose()?;
    let options = ImportOptions { name, message: import.message.unwrap_or_default(), changes: import.changes };
    let archive = reader_of(request.into_body());
    progress::answer(Detail::Everything, |reporter| async move {
        let id = archive::import(&daemon, archive, options).await?;
        reporter.tell(Progress::Line(format!("sha256:{id}"))).await;
        Ok(())
    })
    .await
}

#[derive(Debug, Deserialize)]
pub(super) struct CommitQuery {
    container: Option<String>,
    repo: Option<String>,
    tag: Option<String>,
    comment: Option<String>,
    author: Option<String>,
}

/// `POST /commit`. The container is not paused: what it is writing meanwhile may be in the image half.
pub(super) async fn commit(
    State(daemon): State<Arc<Daemon>>,
    Query(query): Query<CommitQuery>,
    RawQuery(raw): RawQuery,
) -> Result<(StatusCode, Json<Value>), DockerError> {
    let container = query.container.filter(|container| !container.is_empty());
    let container = container.ok_or_else(|| OpError::Invalid("no container is named; give ?container=".into()))?;
    let repository = query.repo.filter(|repository| !repository.is_empty());
    let options = CommitOptions {
        name: repository.map(|repository| named_by(&repository, query.tag.as_deref())).transpose()?,
        author: query.author.unwrap_or_default(),
        message: query.comment.unwrap_or_default(),
        changes: values(raw.as_deref().unwrap_or_default(), "changes"),
    };
    let id = to_the_end(async move { commit::commit(&daemon, &container, options).await }).await?;
    Ok((StatusCode::CREATED, Json(json!({ "Id": format!("sha256:{id}") }))))
}
