//! `/api/links` and `/api/kernel`.

use super::{error::PanelError, responses::Refused};
use crate::ops::{Daemon, kernel};
use axum::{
    Json,
    extract::{Path, State},
};
use drawbridge_api::{LinkReport, Listing};
use std::sync::Arc;

/// `GET /api/links`: what the links of the host count.
#[utoipa::path(
    get,
    path = "/api/links",
    tag = "machine",
    responses((status = 200, description = "Packets and bytes of every link of the host", body = LinkReport), Refused),
)]
pub(super) async fn links(State(daemon): State<Arc<Daemon>>) -> Result<Json<LinkReport>, PanelError> {
    Ok(Json(kernel::links(&daemon)?))
}

/// `GET /api/kernel`: the host, as ip(8) prints it.
#[utoipa::path(
    get,
    path = "/api/kernel",
    tag = "machine",
    responses((status = 200, description = "What ip(8) and bridge(8) print", body = Vec<Listing>), Refused),
)]
pub(super) async fn host(State(daemon): State<Arc<Daemon>>) -> Result<Json<Vec<Listing>>, PanelError> {
    Ok(Json(kernel::host(&daemon)?))
}

/// `GET /api/kernel/links/{name}`.
#[utoipa::path(
    get,
    path = "/api/kernel/links/{name}",
    tag = "machine",
    params(("name" = String, Path, description = "The link's name")),
    responses((status = 200, description = "What ip(8) and bridge(8) print", body = Vec<Listing>), Refused),
)]
pub(super) async fn link(
    State(daemon): State<Arc<Daemon>>,
    Path(name): Path<String>,
) -> Result<Json<Vec<Listing>>, PanelError> {
    Ok(Json(kernel::link(&daemon, &name)?))
}

/// `GET /api/kernel/namespaces/{name}`.
#[utoipa::path(
    get,
    path = "/api/kernel/namespaces/{name}",
    tag = "machine",
    params(("name" = String, Path, description = "The namespace's name")),
    responses((status = 200, description = "What ip(8) and bridge(8) print", body = Vec<Listing>), Refused),
)]
pub(super) async fn namespace(
    State(daemon): State<Arc<Daemon>>,
    Path(name): Path<String>,
) -> Result<Json<Vec<Listing>>, PanelError> {
    Ok(Json(kernel::namespace(&daemon, &name)?))
}
