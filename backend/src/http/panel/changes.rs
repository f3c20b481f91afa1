//! `/api/changes`: the journal.

use super::{error::PanelError, openapi::Refused};
use crate::{
    ops::{Daemon, OpError},
    store::journal,
};
use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use drawbridge_api::Change;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Those before this number.
    before: Option<i64>,
    /// So many at the most, 1 to 200; 50 when absent.
    limit: Option<i64>,
}

/// `GET /api/changes`, newest first.
#[utoipa::path(
    get,
    path = "/api/changes",
    tag = "changes",
    params(ListQuery),
    responses((status = 200, description = "Changes, newest first", body = Vec<Change>), Refused),
)]
pub(super) async fn list(
    State(daemon): State<Arc<Daemon>>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Vec<Change>>, PanelError> {
    let Query(query) = query?;
    let db = daemon.engine.store.read().map_err(OpError::from)?;
    let limit = query.limit.unwrap_or(50).clamp(1, 200);
    Ok(Json(journal::list(&db, query.before, limit).map_err(OpError::from)?))
}

/// `GET /api/changes/{id}`.
#[utoipa::path(
    get,
    path = "/api/changes/{id}",
    tag = "changes",
    params(("id" = i64, Path, description = "Its number")),
    responses((status = 200, description = "The change", body = Change), Refused),
)]
pub(super) async fn get(State(daemon): State<Arc<Daemon>>, Path(id): Path<i64>) -> Result<Json<Change>, PanelError> {
    let db = daemon.engine.store.read().map_err(OpError::from)?;
    let change = journal::get(&db, id).map_err(OpError::from)?;
    change.map(Json).ok_or(PanelError::NoSuchChange(id))
}
