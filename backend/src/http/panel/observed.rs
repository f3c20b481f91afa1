//! `/api/observed`.

use super::{error::PanelError, responses::Refused};
use crate::ops::{Daemon, found};
use axum::{Json, extract::State};
use drawbridge_api::Found;
use std::sync::Arc;

/// `GET /api/observed`: the machine's links and namespaces as they are now, ours marked.
#[utoipa::path(
    get,
    path = "/api/observed",
    tag = "machine",
    responses((status = 200, description = "Links and namespaces, whoever made them", body = Found), Refused),
)]
pub(super) async fn observed(State(daemon): State<Arc<Daemon>>) -> Result<Json<Found>, PanelError> {
    Ok(Json(found::all(&daemon)?))
}
