//! `/api/labs`: labs from files, and files of what there is.

use super::{
    PreviewQuery,
    error::PanelError,
    progress,
    responses::{Refused, Reported},
};
use crate::{
    engine::Mode,
    http::{
        docker::compose::{self, Place},
        to_the_end,
    },
    ops::{
        Daemon, OpError,
        lab::{self, Images, Volumes},
    },
};
use axum::{
    Json,
    extract::{Path, Query, State, rejection::JsonRejection},
    http::header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use drawbridge_api::{Lab, LabFile, LabPlan, Origin};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// `GET /api/labs`.
#[utoipa::path(
    get,
    path = "/api/labs",
    tag = "labs",
    responses((status = 200, description = "Labs by name", body = Vec<Lab>), Refused),
)]
pub(super) async fn list(State(daemon): State<Arc<Daemon>>) -> Result<Json<Vec<Lab>>, PanelError> {
    Ok(Json(lab::list(&daemon)?))
}

/// `POST /api/labs`: a plan, or the progress of what is done.
#[utoipa::path(
    post,
    path = "/api/labs",
    tag = "labs",
    params(PreviewQuery, UpQuery),
    request_body = LabFile,
    responses(Reported, (status = 200, description = "What would be done, where a preview was asked for", body = LabPlan), Refused),
)]
pub(super) async fn up(
    State(daemon): State<Arc<Daemon>>,
    Query(query): Query<PreviewQuery>,
    Query(up): Query<UpQuery>,
    body: Result<Json<LabFile>, JsonRejection>,
) -> Result<Response, PanelError> {
    let Json(file) = body?;
    let place = Place { name: file.name, folder: file.folder.map(Into::into), variables: file.variables };
    let lab = compose::lab(&file.text, &place).map_err(OpError::from)?;
    if query.mode() == Mode::Preview {
        let plan = to_the_end(async move { lab::preview(&daemon, Origin::Panel, &lab).await }).await?;
        return Ok(Json(plan).into_response());
    }
    let images = if up.build { Images::Build } else { Images::Missing };
    progress::answer(|reporter| async move { lab::up(&daemon, Origin::Panel, &lab, images, &reporter).await }).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct UpQuery {
    /// Builds again what its file says how to build; otherwise only what is missing.
    #[serde(default)]
    build: bool,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DownQuery {
    /// Its volumes too, with their data.
    #[serde(default)]
    volumes: bool,
}

/// `DELETE /api/labs/{name}`: a plan, or the progress of what is done.
#[utoipa::path(
    delete,
    path = "/api/labs/{name}",
    tag = "labs",
    params(("name" = String, Path, description = "Its name"), PreviewQuery, DownQuery),
    responses(Reported, (status = 200, description = "What would be done, where a preview was asked for", body = LabPlan), Refused),
)]
pub(super) async fn down(
    State(daemon): State<Arc<Daemon>>,
    Path(name): Path<String>,
    Query(query): Query<PreviewQuery>,
    Query(down): Query<DownQuery>,
) -> Result<Response, PanelError> {
    if query.mode() == Mode::Preview {
        let plan = to_the_end(async move { lab::preview_down(&daemon, Origin::Panel, &name).await }).await?;
        return Ok(Json(plan).into_response());
    }
    let volumes = if down.volumes { Volumes::Remove } else { Volumes::Keep };
    progress::answer(|reporter| async move { lab::down(&daemon, Origin::Panel, &name, volumes, &reporter).await }).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ExportQuery {
    /// As what.
    #[serde(default)]
    #[param(inline)]
    format: Format,
    /// One lab; everything when absent.
    lab: Option<String>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    /// A compose file.
    #[default]
    Compose,
    /// Commands for `sh`.
    Script,
}

/// `GET /api/labs/export`: what there is, as a file.
#[utoipa::path(
    get,
    path = "/api/labs/export",
    tag = "labs",
    params(ExportQuery),
    responses(
        (status = 200, description = "The file, or with `script` the commands",
         content((serde_json::Value = "application/yaml"), (String = "text/x-shellscript"))),
        Refused,
    ),
)]
pub(super) async fn export(
    State(daemon): State<Arc<Daemon>>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, PanelError> {
    let (text, kind, name) = match query.format {
        Format::Compose => (compose::exported(&daemon, query.lab.as_deref())?, "application/yaml", "compose.yaml"),
        Format::Script => (lab::script(&daemon)?, "text/x-shellscript", "networks.sh"),
    };
    let disposition = format!("attachment; filename=\"{name}\"");
    Ok(([(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, disposition)], text).into_response())
}
