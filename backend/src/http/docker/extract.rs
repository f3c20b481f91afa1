//! Reading requests as Docker does: bodies that must be JSON, and booleans in queries.

use super::error::DockerError;
use axum::{
    body::Bytes,
    extract::{FromRequest, Request, rejection::BytesRejection},
    http::header::CONTENT_TYPE,
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

/// A body that must be JSON and say so.
pub(super) struct DockerJson<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for DockerJson<T> {
    type Rejection = DockerError;

    async fn from_request(request: Request, state: &S) -> Result<Self, DockerError> {
        let content_type =
            request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let body = body(request, state).await?;
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if media_type != "application/json" && !(media_type.is_empty() && body.is_empty()) {
            return Err(DockerError::BadRequest(format!(
                "unsupported Content-Type header ({content_type}): must be 'application/json'"
            )));
        }
        parse(&body).map(DockerJson)
    }
}

/// The whole body, bounded.
pub(super) async fn body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, DockerError> {
    Bytes::from_request(request, state).await.map_err(|rejection| match rejection {
        BytesRejection::FailedToBufferBody(error) if error.status() == 413 => DockerError::TooLarge,
        other => DockerError::BadRequest(format!("cannot read the request body: {other}; send it again, whole")),
    })
}

/// Parses JSON with Docker's words for what is wrong with it.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, DockerError> {
    if body.is_empty() {
        return Err(DockerError::BadRequest("invalid JSON: got EOF while reading request body".into()));
    }
    serde_json::from_slice(body).map_err(|error| DockerError::BadRequest(format!("invalid JSON: {error}")))
}

/// A boolean in a query: everything but nothing, `0`, `no`, `false` and `none` is true (moby,
/// daemon/server/httputils `BoolValue`).
pub(super) fn query_bool<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
    Ok(!matches!(text.trim().to_ascii_lowercase().as_str(), "" | "0" | "no" | "false" | "none"))
}

/// A list or map that Go clients send as null when it is empty.
pub(super) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}
