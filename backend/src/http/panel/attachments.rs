//! `/api/containers/{id}/attachments`: connecting a container to networks, and disconnecting it.

use super::{
    PreviewQuery, answer,
    containers::seen,
    error::PanelError,
    responses::{ContainerOrPlan, Refused},
};
use crate::{
    http::to_the_end,
    ops::{
        Daemon,
        connect::{self, Disconnect},
    },
};
use axum::{
    Json,
    extract::{Path, Query, State, rejection::JsonRejection},
    response::{IntoResponse, Response},
};
use drawbridge_api::{Attachment, Origin};
use std::sync::Arc;

/// `POST /api/containers/{id}/attachments`: at once where the container runs.
#[utoipa::path(
    post,
    path = "/api/containers/{id}/attachments",
    tag = "containers",
    params(("id" = String, Path, description = "Its name, its id, or the beginning of one that is no other's"), PreviewQuery),
    request_body = Attachment,
    responses((status = 200, description = "The container as it is now, or the plan where a preview was asked for", body = ContainerOrPlan), Refused),
)]
pub(super) async fn connect(
    State(daemon): State<Arc<Daemon>>,
    Path(id): Path<String>,
    Query(query): Query<PreviewQuery>,
    body: Result<Json<Attachment>, JsonRejection>,
) -> Result<Response, PanelError> {
    let Json(attachment) = body?;
    let mode = query.mode();
    let changed = to_the_end(async move {
        let changed = connect::connect(&daemon, mode, Origin::Panel, &id, attachment).await?;
        seen(&daemon, changed)
    })
    .await?;
    Ok(answer(changed, |made| Json(made).into_response()))
}

/// `DELETE /api/containers/{id}/attachments/{network}`.
#[utoipa::path(
    delete,
    path = "/api/containers/{id}/attachments/{network}",
    tag = "containers",
    params(("id" = String, Path, description = "Its name, its id, or the beginning of one that is no other's"), ("network" = String, Path, description = "The network's name or id"), PreviewQuery),
    responses((status = 200, description = "The container as it is now, or the plan where a preview was asked for", body = ContainerOrPlan), Refused),
)]
pub(super) async fn disconnect(
    State(daemon): State<Arc<Daemon>>,
    Path((id, network)): Path<(String, String)>,
    Query(query): Query<PreviewQuery>,
) -> Result<Response, PanelError> {
    let mode = query.mode();
    let changed = to_the_end(async move {
        let changed = connect::disconnect(&daemon, mode, Origin::Panel, &id, &network, Disconnect::Forced).await?;
        seen(&daemon, changed)
    })
    .await?;
    Ok(answer(changed, |made| Json(made).into_response()))
}
