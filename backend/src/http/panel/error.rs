//! Refusals of our own API: a status and [`Refusal`]. The one place where an operation's error becomes a status here.

use crate::{
    http::chain,
    ops::{Class, OpError},
};
use axum::{
    Json,
    extract::{
        rejection::{JsonRejection, QueryRejection},
        ws::rejection::WebSocketUpgradeRejection,
    },
    http::StatusCode,
    response::{IntoResponse, Response},
};
use drawbridge_api::Refusal;

/// Why a request of the panel was refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum PanelError {
    /// The operation said no.
    #[error(transparent)]
    Op(#[from] OpError),
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
    fn status(&self) -> StatusCode {
        match self {
            PanelError::Op(error) => match error.class() {
                Class::Invalid => StatusCode::BAD_REQUEST,
                Class::NotFound => StatusCode::NOT_FOUND,
                Class::Conflict | Class::Already => StatusCode::CONFLICT,
                Class::Forbidden => StatusCode::FORBIDDEN,
                Class::NotBuilt => StatusCode::NOT_IMPLEMENTED,
                Class::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            },
            PanelError::Body(rejection) => rejection.status(),
            PanelError::Query(rejection) => rejection.status(),
            PanelError::Upgrade(rejection) => rejection.status(),
            PanelError::OtherOrigin => StatusCode::FORBIDDEN,
            PanelError::Unauthorized => StatusCode::UNAUTHORIZED,
            PanelError::NoSuchRoute | PanelError::NoSuchChange(_) => StatusCode::NOT_FOUND,
        }
    }
}

impl IntoResponse for PanelError {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED {
            tracing::error!(%status, error = chain(&self), "request failed");
        }
        (status, Json(Refusal { message: self.to_string() })).into_response()
    }
}
