//! `/api/changes`: the journal.

use super::error::PanelError;
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

#[derive(Debug, Deserialize)]
pub(super) struct ListQuery {
    before: Option<i64>,
    limit: Option<i64>,
}

/// `GET /api/changes`, newest first.
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
pub(super) async fn get(State(daemon): State<Arc<Daemon>>, Path(id): Path<i64>) -> Result<Json<Change>, PanelError> {
    let db = daemon.engine.store.read().map_err(OpError::from)?;
    let change = journal::get(&db, id).map_err(OpError::from)?;
    change.map(Json).ok_or(PanelError::NoSuchChange(id))
}
