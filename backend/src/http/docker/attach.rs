//! `/containers/{id}/attach` and `/resize`: a main process's output from now on, its input, its terminal.

use super::{
    ApiVersion,
    detach::DetachKeys,
    error::DockerError,
    extract::query_bool,
    stream::{self, Framing},
};
use crate::ops::{
    Daemon, OpError,
    console::{self, AttachOptions, Past},
    container,
};
use axum::{
    Extension,
    extract::{Path, Query, Request, State},
    http::StatusCode,
    response::Response,
};
use drawbridge_api::TerminalSize;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Debug, Deserialize)]
pub(super) struct AttachQuery {
    #[serde(default, deserialize_with = "query_bool")]
    stdin: bool,
    #[serde(default, deserialize_with = "query_bool")]
    stdout: bool,
    #[serde(default, deserialize_with = "query_bool")]
    stderr: bool,
    #[serde(default, deserialize_with = "query_bool")]
    stream: bool,
    #[serde(default, deserialize_with = "query_bool")]
    logs: bool,
    #[serde(rename = "detachKeys")]
    detach_keys: Option<String>,
}

impl AttachQuery {
    /// The keys by which the client leaves.
    pub(super) fn keys(&self) -> Result<DetachKeys, DockerError> {
        DetachKeys::parse(self.detach_keys.as_deref())
    }

    /// In domain words.
    pub(super) fn options(&self) -> AttachOptions {
        AttachOptions {
            past: if self.logs { Past::Everything } else { Past::Nothing },
            future: self.stream,
            stdout: self.stdout,
            stderr: self.stderr,
            input: self.stdin,
        }
    }
}

/// `POST /containers/{id}/attach`, also to a container that is about to start.
pub(super) async fn attach(
    State(daemon): State<Arc<Daemon>>,
    Extension(version): Extension<ApiVersion>,
    Path(text): Path<String>,
    Query(query): Query<AttachQuery>,
    mut request: Request,
) -> Result<Response, DockerError> {
    let (keys, options) = (query.keys()?, query.options());
    let id = container::find(&daemon, &text)?.id;
    let session = console::attach(&daemon, id.as_str(), options).await?;
    let framing = Framing::of(session.console, version);
    stream::hijack(&mut request, framing, session, keys, move || console::detached(&daemon, &id))
}

#[derive(Debug, Deserialize)]
pub(super) struct ResizeQuery {
    h: Option<String>,
    w: Option<String>,
}

impl ResizeQuery {
    /// The size, which must be told in full.
    pub(super) fn size(&self) -> Result<TerminalSize, DockerError> {
        let number = |name: &str, text: &Option<String>| {
            let text = text.as_deref().unwrap_or_default();
            text.parse().map_err(|_| {
                DockerError::Op(OpError::Invalid(format!("invalid resize {name} {text:?}; write a number 0 to 65535")))
            })
        };
        Ok(TerminalSize { rows: number("height", &self.h)?, columns: number("width", &self.w)? })
    }
}

/// `POST /containers/{id}/resize`.
pub(super) async fn resize(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
    Query(query): Query<ResizeQuery>,
) -> Result<StatusCode, DockerError> {
    console::resize(&daemon, &text, query.size()?).await?;
    Ok(StatusCode::OK)
}
