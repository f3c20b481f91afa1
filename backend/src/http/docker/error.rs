//! Refusals in Docker's form: a status and `{"message": ..}`. The one place where an operation's error becomes a status.

use super::{NEWEST, OLDEST};
use crate::{
    http::log,
    ops::{Class, OpError},
};
use axum::{
    Json,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// Why a request of a Docker client was refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum DockerError {
    /// The operation said no.
    #[error(transparent)]
    Op(#[from] OpError),
    /// The request can't be read.
    #[error("{0}")]
    BadRequest(String),
    /// The body is larger than is read.
    #[error("request body is larger than {} bytes; send a smaller one", super::BODY_LIMIT)]
    TooLarge,
    /// Docker answers 404 for a driver that it doesn't have.
    #[error("plugin \"{0}\" not found")]
    NoSuchDriver(String),
    /// What it prints is kept for those only who are attached.
    #[error("configured logging driver does not support reading")]
    LogUnread,
    /// There is no network that is settings only of that name.
    #[error("configuration network \"{0}\" does not exist")]
    NoSuchSettings(String),
    /// Nobody knows that path.
    #[error("page not found")]
    PageNotFound,
    /// What a single machine answers.
    #[error(
        "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to \
         swarm and try again."
    )]
    NoSwarm,
    /// A later client than this server.
    #[error("client version {asked} is too new. Maximum supported API version is {NEWEST}")]
    VersionTooNew {
        /// The version in the path.
        asked: String,
    },
    /// An earlier client than this server.
    #[error(
        "client version {asked} is too old. Minimum supported API version is {OLDEST}, please upgrade your client to a \
         newer version"
    )]
    VersionTooOld {
        /// The version in the path.
        asked: String,
    },
}

impl DockerError {
    /// Something that Docker has and this version doesn't.
    pub(super) fn not_built(what: impl Into<String>) -> Self {
        DockerError::Op(OpError::NotBuilt(what.into()))
    }

    fn status(&self) -> StatusCode {
        match self {
            DockerError::Op(error) => match error.class() {
                Class::Invalid => StatusCode::BAD_REQUEST,
                Class::NotFound => StatusCode::NOT_FOUND,
                Class::Conflict => StatusCode::CONFLICT,
                Class::Forbidden => StatusCode::FORBIDDEN,
                Class::Already => StatusCode::NOT_MODIFIED,
                Class::NotBuilt => StatusCode::NOT_IMPLEMENTED,
                Class::Unmet | Class::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            },
            DockerError::BadRequest(_) | DockerError::VersionTooNew { .. } | DockerError::VersionTooOld { .. } => {
                StatusCode::BAD_REQUEST
            }
            DockerError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            DockerError::NoSuchDriver(_) | DockerError::NoSuchSettings(_) | DockerError::PageNotFound => {
                StatusCode::NOT_FOUND
            }
            DockerError::LogUnread => StatusCode::NOT_IMPLEMENTED,
            DockerError::NoSwarm => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for DockerError {
    fn into_response(self) -> Response {
        let status = self.status();
        // RFC 9110 §15.4.5: 304 has no content.
        if status == StatusCode::NOT_MODIFIED {
            return status.into_response();
        }
        // What a single machine answers to questions about swarms is no failure of it.
        if let DockerError::Op(error) = &self {
            log(status, error);
        }
        (status, Json(json!({ "message": self.to_string() }))).into_response()
    }
}

/// The longest text of a refusal that is made below us, in bytes.
const LONGEST_REFUSAL: usize = 64 << 10;

/// Refusals that are made before a handler is reached, such as a query that can't be read, come as plain text; a method
/// that a path hasn't is to Docker a path that isn't there.
pub(super) async fn in_dockers_form(response: Response) -> Response {
    let status = response.status();
    if status == StatusCode::METHOD_NOT_ALLOWED {
        return DockerError::PageNotFound.into_response();
    }
    let is_json =
        response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if !status.is_client_error() || is_json {
        return response;
    }
    let text = axum::body::to_bytes(response.into_body(), LONGEST_REFUSAL).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let message = if text.is_empty() { status.to_string() } else { text };
    (status, Json(json!({ "message": message }))).into_response()
}
