//! `/api/rules` and `/api/traffic`.

use super::{error::PanelError, responses::Refused};
use crate::ops::{Daemon, rules};
use axum::{Json, extract::State};
use drawbridge_api::{Rules, TrafficReport};
use std::sync::Arc;

/// `GET /api/rules`.
#[utoipa::path(
    get,
    path = "/api/rules",
    tag = "rules",
    responses((status = 200, description = "The tables and their elements", body = Rules), Refused),
)]
pub(super) async fn rules(State(daemon): State<Arc<Daemon>>) -> Result<Json<Rules>, PanelError> {
    Ok(Json(rules::rules(&daemon)?))
}

/// `GET /api/traffic`.
#[utoipa::path(
    get,
    path = "/api/traffic",
    tag = "rules",
    responses((status = 200, description = "What the counters say now", body = TrafficReport), Refused),
)]
pub(super) async fn traffic(State(daemon): State<Arc<Daemon>>) -> Result<Json<TrafficReport>, PanelError> {
    Ok(Json(rules::traffic(&daemon)?))
}
