//! `/api/images`. The list is part of the snapshot, and what changes comes as events.

use super::{
    error::PanelError,
    progress,
    responses::{Refused, Reported},
};
use crate::{
    http::{docker::archives::reader_of, to_the_end},
    images::{Reference, config::ImageConfig, registry::Credentials},
    model::ImageRecord,
    ops::{
        Daemon, OpError,
        build::{self, BuildOptions, Files, Instructions},
        image::{
            self, archive, registry,
            remove::{self, Insistence, Parents},
        },
    },
};
use axum::{
    Json,
    extract::{Path, Query, Request, State, rejection::JsonRejection},
    http::StatusCode,
    response::Response,
};
use drawbridge_api::{ImageBuild, ImageDetails, ImageName, ImageRun, ImageStep, Origin};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};
use utoipa::IntoParams;

/// `GET /api/images/{id}`.
#[utoipa::path(
    get,
    path = "/api/images/{id}",
    tag = "images",
    params(("id" = String, Path, description = "Its id, the beginning of one, or a name")),
    responses((status = 200, description = "The image", body = ImageDetails), Refused),
)]
pub(super) async fn get(
    State(daemon): State<Arc<Daemon>>,
    Path(id): Path<String>,
) -> Result<Json<ImageDetails>, PanelError> {
    let record = image::find(&daemon, &id)?;
    Ok(Json(details(&daemon, &record)?))
}

fn details(daemon: &Daemon, record: &ImageRecord) -> Result<ImageDetails, OpError> {
    let config = ImageConfig::parse(record.config.as_bytes())?;
    let step = |line: image::HistoryLine| ImageStep {
        created_by: line.created_by,
        created_at_ms: line.created_at_ms,
        size_bytes: line.size_bytes,
        comment: line.comment,
    };
    let mut steps: Vec<ImageStep> = image::history(daemon, record.id.as_str())?.into_iter().map(step).collect();
    steps.reverse();
    let words = [config.text("os"), config.text("architecture"), config.text("variant")];
    Ok(ImageDetails {
        image: image::view(record),
        digests: record.digests.clone(),
        platform: words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join("/"),
        author: config.text("author").to_owned(),
        run: run(&config.run(), config.labels()),
        steps,
        layers: record.layers.clone(),
    })
}

fn run(run: &Map<String, Value>, labels: BTreeMap<String, String>) -> ImageRun {
    let text = |key: &str| run.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let list = |key: &str| {
        let list = run.get(key).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let keys = |key: &str| run.get(key).and_then(Value::as_object).into_iter().flat_map(Map::keys).cloned().collect();
    ImageRun {
        entrypoint: list("Entrypoint"),
        command: list("Cmd"),
        env: list("Env"),
        working_dir: text("WorkingDir"),
        user: text("User"),
        ports: keys("ExposedPorts"),
        volumes: keys("Volumes"),
        labels: labels.into_iter().map(|(name, value)| format!("{name}={value}")).collect(),
    }
}

/// `POST /api/images/pull`: the progress.
#[utoipa::path(
    post,
    path = "/api/images/pull",
    tag = "images",
    request_body = ImageName,
    responses(Reported, Refused),
)]
pub(super) async fn pull(
    State(daemon): State<Arc<Daemon>>,
    body: Result<Json<ImageName>, JsonRejection>,
) -> Result<Response, PanelError> {
    let name = named(&body?.0.name)?;
    progress::answer(|reporter| async move { registry::pull(&daemon, &name, &Credentials::None, &reporter).await })
        .await
}

/// `POST /api/images/load`: an archive of `docker save`, or an OCI one; the progress.
#[utoipa::path(
    post,
    path = "/api/images/load",
    tag = "images",
    request_body(content = Vec<u8>, content_type = "application/x-tar"),
    responses(Reported, Refused),
)]
pub(super) async fn load(State(daemon): State<Arc<Daemon>>, request: Request) -> Result<Response, PanelError> {
    let archive = reader_of(request.into_body());
    progress::answer(|reporter| async move { archive::load(&daemon, archive, &reporter).await }).await
}

/// `POST /api/images/build`: what the build prints.
#[utoipa::path(
    post,
    path = "/api/images/build",
    tag = "images",
    request_body = ImageBuild,
    responses(Reported, Refused),
)]
pub(super) async fn build(
    State(daemon): State<Arc<Daemon>>,
    body: Result<Json<ImageBuild>, JsonRejection>,
) -> Result<Response, PanelError> {
    let Json(ImageBuild { name, dockerfile }) = body?;
    let name = name.trim();
    let tags = if name.is_empty() { Vec::new() } else { vec![named(name)?] };
    let options = BuildOptions { tags, ..BuildOptions::plain(Origin::Panel, Instructions::Text(dockerfile))? };
    progress::answer(|reporter| async move { build::build(&daemon, Files::None, options, &reporter).await }).await
}

/// `POST /api/images/{id}/tag`.
#[utoipa::path(
    post,
    path = "/api/images/{id}/tag",
    tag = "images",
    params(("id" = String, Path, description = "Its id, the beginning of one, or a name")),
    request_body = ImageName,
    responses((status = 201, description = "It has the name"), Refused),
)]
pub(super) async fn tag(
    State(daemon): State<Arc<Daemon>>,
    Path(id): Path<String>,
    body: Result<Json<ImageName>, JsonRejection>,
) -> Result<StatusCode, PanelError> {
    image::tag(&daemon, &id, &named(&body?.0.name)?)?;
    Ok(StatusCode::CREATED)
}

/// A name, `latest` where it has no tag.
fn named(text: &str) -> Result<Reference, OpError> {
    let name: Reference = text.trim().parse().map_err(|error| OpError::Invalid(format!("{}: {error}", text.trim())))?;
    Ok(name)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RemoveQuery {
    /// One of its names; with the last one the image goes.
    name: Option<String>,
    /// Also one that has several names, or that stopped containers were made of.
    #[serde(default)]
    force: bool,
}

/// `DELETE /api/images/{id}`.
#[utoipa::path(
    delete,
    path = "/api/images/{id}",
    tag = "images",
    params(("id" = String, Path, description = "Its id, the beginning of one, or a name"), RemoveQuery),
    responses((status = 204, description = "It is gone"), Refused),
)]
pub(super) async fn remove(
    State(daemon): State<Arc<Daemon>>,
    Path(id): Path<String>,
    Query(query): Query<RemoveQuery>,
) -> Result<StatusCode, PanelError> {
    let insistence = if query.force { Insistence::Forced } else { Insistence::Gentle };
    let text = query.name.unwrap_or(id);
    to_the_end(async move { remove::remove(&daemon, &text, insistence, Parents::Removed).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}
