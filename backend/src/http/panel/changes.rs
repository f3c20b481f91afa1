//! `/api/changes`: the journal.

use super::{
    PreviewQuery, answer,
    error::PanelError,
    responses::{Planned, Refused},
};
use crate::{
    http::to_the_end,
    ops::{Daemon, OpError, undo},
    store::journal::{self, About},
};
use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
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
    /// Only those of a network that has or had this name.
    network: Option<String>,
    /// Only those of a container that has or had this name; not beside `network`.
    container: Option<String>,
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
    let about = match (&query.network, &query.container) {
        (None, None) => About::All,
        (Some(name), None) => About::Network(name),
        (None, Some(name)) => About::Container(name),
        (Some(_), Some(_)) => {
            return Err(OpError::Invalid("give a network or a container, not both".to_owned()).into());
        }
    };
    Ok(Json(journal::list(&db, about, query.before, limit).map_err(OpError::from)?))
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

/// `POST /api/changes/{id}/undo`: the change's inverse, as a plan or done.
#[utoipa::path(
    post,
    path = "/api/changes/{id}/undo",
    tag = "changes",
    params(("id" = i64, Path, description = "The number of the change that is to be taken back"), PreviewQuery),
    responses((status = 204, description = "It was taken back, by a change of its own"), Planned, Refused),
)]
pub(super) async fn undo(
    State(daemon): State<Arc<Daemon>>,
    Path(id): Path<i64>,
    Query(query): Query<PreviewQuery>,
) -> Result<Response, PanelError> {
    let mode = query.mode();
    let undone = to_the_end(async move { undo::undo(&daemon, mode, id).await }).await?;
    let changed = undone.ok_or(PanelError::NoSuchChange(id))?;
    Ok(answer(changed, |()| StatusCode::NO_CONTENT.into_response()))
}
