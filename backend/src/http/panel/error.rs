//! Refusals of our own API: a status and [`Refusal`]. The one place where an operation's error becomes a status here.

use crate::{
    http::log,
    ops::{Class, OpError, plain::plain},
};
use axum::{
    Json,
    extract::{
        rejection::{JsonRejection, QueryRejection},
        ws::rejection::WebSocketUpgradeRejection,
    },
    http::{
        StatusCode,
        header::{CONTENT_LENGTH, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use drawbridge_api::Refusal;

/// Why a request of the panel was refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum PanelError {
    /// The operation said no.
    #[error(transparent)]
    Op(#[from] OpError),
    /// What a container is to be made of is not there. Docker's clients pull it by themselves, and know these words by heart.
    #[error("No such image: {0}; pull it with `docker pull {0}`, or build it first")]
    NothingToMakeOf(String),
    /// The body can't be read as what it should be.
    #[error("{}", .0.body_text())]
    Body(#[from] JsonRejection),
    /// The query can't be read.
    #[error("{}", .0.body_text())]
    Query(#[from] QueryRejection),
    /// What should become a WebSocket can't.
    #[error("{}", .0.body_text())]
    Upgrade(#[from] WebSocketUpgradeRejection),
    /// Another site's page asks.
    #[error("a page of another site may not open this; use the panel's own address")]
    OtherOrigin,
    /// No token, or a wrong one.
    #[error("log in first: the daemon prints a link with a token when it starts")]
    Unauthorized,
    /// Nobody knows that path.
    #[error("there is no such path under /api")]
    NoSuchRoute,
    /// No change has that number.
    #[error("there is no change {0}")]
    NoSuchChange(i64),
}

impl PanelError {
    /// Why a container was not made.
    pub(super) fn of_making(error: OpError) -> PanelError {
        match error {
            OpError::NoSuchImage(image) => PanelError::NothingToMakeOf(image),
            error => PanelError::Op(error),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            PanelError::Op(error) => match error.class() {
                Class::Invalid => StatusCode::BAD_REQUEST,
                Class::NotFound => StatusCode::NOT_FOUND,
                Class::Conflict | Class::Already => StatusCode::CONFLICT,
                Class::Forbidden => StatusCode::FORBIDDEN,
                Class::NotBuilt => StatusCode::NOT_IMPLEMENTED,
                Class::Unmet | Class::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            },
            PanelError::Body(rejection) => rejection.status(),
            PanelError::Query(rejection) => rejection.status(),
            PanelError::Upgrade(rejection) => rejection.status(),
            PanelError::OtherOrigin => StatusCode::FORBIDDEN,
            PanelError::Unauthorized => StatusCode::UNAUTHORIZED,
            PanelError::NothingToMakeOf(_) | PanelError::NoSuchRoute | PanelError::NoSuchChange(_) => {
                StatusCode::NOT_FOUND
            }
        }
    }
}

impl IntoResponse for PanelError {
    fn into_response(self) -> Response {
        let status = self.status();
        let message = match &self {
            PanelError::Op(error) => {
                log(status, error);
                plain(error)
            }
            refused => refused.to_string(),
        };
        (status, Json(Refusal { message })).into_response()
    }
}

/// The longest text of a refusal that is made below us, in bytes.
const LONGEST_REFUSAL: usize = 64 << 10;

/// Refusals that are made before a handler is reached, such as a query that can't be read or a method that a path hasn't,
/// come as plain text.
pub(super) async fn in_our_form(response: Response) -> Response {
    let (status, kind) = (response.status(), response.headers().get(CONTENT_TYPE));
    if !status.is_client_error() || kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json")) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let text = axum::body::to_bytes(body, LONGEST_REFUSAL).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let message = if text.is_empty() { status.to_string() } else { text };
    for header in [CONTENT_LENGTH, CONTENT_TYPE] {
        parts.headers.remove(header);
    }
    (parts, Json(Refusal { message })).into_response()
}
