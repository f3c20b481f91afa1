//! `/api/rules` and `/api/traffic`.

use super::error::PanelError;
use crate::ops::{Daemon, rules};
use axum::{Json, extract::State};
use drawbridge_api::{Rules, TrafficReport};
use std::sync::Arc;

/// `GET /api/rules`.
pub(super) async fn rules(State(daemon): State<Arc<Daemon>>) -> Result<Json<Rules>, PanelError> {
    Ok(Json(rules::rules(&daemon)?))
}

/// `GET /api/traffic`.
pub(super) async fn traffic(State(daemon): State<Arc<Daemon>>) -> Result<Json<TrafficReport>, PanelError> {
    Ok(Json(rules::traffic(&daemon)?))
}
