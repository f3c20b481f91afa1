//! `/api/doctor`.

use super::responses::Refused;
use crate::{doctor, ops::Daemon};
use axum::{Json, extract::State};
use drawbridge_api::Finding;
use std::sync::Arc;

/// `GET /api/doctor`: looks anew, for some 100 ms.
#[utoipa::path(
    get,
    path = "/api/doctor",
    tag = "machine",
    responses((status = 200, description = "What was looked at", body = Vec<Finding>), Refused),
)]
pub(super) async fn doctor(State(daemon): State<Arc<Daemon>>) -> Json<Vec<Finding>> {
    Json(doctor::check_running(&daemon).await)
}
