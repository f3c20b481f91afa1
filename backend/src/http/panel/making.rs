//! `/api/containers/{id}/plan` and `/api/networks/{id}/plan`: what makes a thing, from nothing.

use super::error::PanelError;
use crate::ops::{Daemon, making};
use axum::{
    Json,
    extract::{Path, State},
};
use drawbridge_api::Plan;
use std::sync::Arc;

/// `GET /api/containers/{id}/plan`.
pub(super) async fn container(
    State(daemon): State<Arc<Daemon>>,
    Path(id): Path<String>,
) -> Result<Json<Plan>, PanelError> {
    Ok(Json(making::container(&daemon, &id)?))
}

/// `GET /api/networks/{id}/plan`.
pub(super) async fn network(
    State(daemon): State<Arc<Daemon>>,
    Path(id): Path<String>,
) -> Result<Json<Plan>, PanelError> {
    Ok(Json(making::network(&daemon, &id)?))
}
