//! `/api/links` and `/api/kernel`.

use super::error::PanelError;
use crate::ops::{Daemon, kernel};
use axum::{
    Json,
    extract::{Path, State},
};
use drawbridge_api::{LinkReport, Listing};
use std::sync::Arc;

/// `GET /api/links`: what the links of the host count.
pub(super) async fn links(State(daemon): State<Arc<Daemon>>) -> Result<Json<LinkReport>, PanelError> {
    Ok(Json(kernel::links(&daemon)?))
}

/// `GET /api/kernel`: the host, as ip(8) prints it.
pub(super) async fn host(State(daemon): State<Arc<Daemon>>) -> Result<Json<Vec<Listing>>, PanelError> {
    Ok(Json(kernel::host(&daemon)?))
}

/// `GET /api/kernel/links/{name}`.
pub(super) async fn link(
    State(daemon): State<Arc<Daemon>>,
    Path(name): Path<String>,
) -> Result<Json<Vec<Listing>>, PanelError> {
    Ok(Json(kernel::link(&daemon, &name)?))
}

/// `GET /api/kernel/namespaces/{name}`.
pub(super) async fn namespace(
    State(daemon): State<Arc<Daemon>>,
    Path(name): Path<String>,
) -> Result<Json<Vec<Listing>>, PanelError> {
    Ok(Json(kernel::namespace(&daemon, &name)?))
}
