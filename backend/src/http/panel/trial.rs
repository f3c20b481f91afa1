//! `/api/containers/{id}/try`: what a container reaches, and what is in the way.

use super::{error::PanelError, responses::Refused};
use crate::ops::{Daemon, trial};
use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
};
use drawbridge_api::{Trial, TrialAnswer};
use std::sync::Arc;

/// `POST /api/containers/{id}/try`. That the target is not reached is an answer of status 200.
#[utoipa::path(
    post,
    path = "/api/containers/{id}/try",
    tag = "containers",
    params(("id" = String, Path, description = "Its name, its id, or the beginning of one that is no other's")),
    request_body = Trial,
    responses((status = 200, description = "What came of it, reached or not", body = TrialAnswer), Refused),
)]
pub(super) async fn attempt(
    State(daemon): State<Arc<Daemon>>,
    Path(id): Path<String>,
    body: Result<Json<Trial>, JsonRejection>,
) -> Result<Json<TrialAnswer>, PanelError> {
    let Json(body) = body?;
    Ok(Json(trial::attempt(&daemon, &id, body).await?))
}
