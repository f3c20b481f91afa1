//! `/api/containers/{id}/plan` and `/api/networks/{id}/plan`: what makes a thing, from nothing.

use super::{error::PanelError, responses::Refused};
use crate::ops::{Daemon, making};
use axum::{
    Json,
    extract::{Path, State},
};
use drawbridge_api::Plan;
use std::sync::Arc;

/// `GET /api/containers/{id}/plan`.
#[utoipa::path(
    get,
    path = "/api/containers/{id}/plan",
    tag = "containers",
    params(("id" = String, Path, description = "Its name, its id, or the beginning of one that is no other's")),
    responses((status = 200, description = "The steps that make it from nothing", body = Plan), Refused),
)]
pub(super) async fn container(
    State(daemon): State<Arc<Daemon>>,
    Path(id): Path<String>,
) -> Result<Json<Plan>, PanelError> {
    Ok(Json(making::container(&daemon, &id)?))
}

/// `GET /api/networks/{id}/plan`.
#[utoipa::path(
    get,
    path = "/api/networks/{id}/plan",
    tag = "networks",
    params(("id" = String, Path, description = "Its name, its id, or the beginning of one that is no other's")),
    responses((status = 200, description = "The steps that make it from nothing", body = Plan), Refused),
)]
pub(super) async fn network(
    State(daemon): State<Arc<Daemon>>,
    Path(id): Path<String>,
) -> Result<Json<Plan>, PanelError> {
    Ok(Json(making::network(&daemon, &id)?))
}
