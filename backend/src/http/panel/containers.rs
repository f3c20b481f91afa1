//! `/api/containers`.

use super::{
    PreviewQuery, answer, created,
    error::PanelError,
    responses::{ContainerOrPlan, Planned, Refused},
};
use crate::{
    engine::{Changed, Mode},
    http::to_the_end,
    model::{ContainerRecord, ContainerSpec, NamingSpec, NewContainer},
    ops::{
        Daemon, OpError,
        container::{self, Running, Volumes},
        detail, lifecycle, network, publish, stopping,
    },
};
use axum::{
    Json,
    extract::{Path, Query, State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use drawbridge_api::{Container, ContainerCreate, ContainerDetail, Driver, NetworkMode, Origin, PortsUpdate, Usage};
use serde::Deserialize;
use std::{collections::BTreeMap, sync::Arc};
use utoipa::IntoParams;

/// `POST /api/containers`.
#[utoipa::path(
    post,
    path = "/api/containers",
    tag = "containers",
    params(PreviewQuery),
    request_body = ContainerCreate,
    responses((status = 201, description = "The container that was made, and started where that was asked for", body = Container), Planned, Refused),
)]
pub(super) async fn create(
    State(daemon): State<Arc<Daemon>>,
    Query(query): Query<PreviewQuery>,
    body: Result<Json<ContainerCreate>, JsonRejection>,
) -> Result<Response, PanelError> {
    let Json(body) = body?;
    let mode = query.mode();
    let changed = to_the_end(async move {
        let start = body.start;
        let new = from_body(&daemon, body)?;
        let changed = if start {
            container::run(&daemon, mode, Origin::Panel, new).await?
        } else {
            container::create(&daemon, mode, Origin::Panel, new).await?
        };
        seen(&daemon, changed)
    })
    .await
    .map_err(PanelError::of_making)?;
    Ok(answer(changed, created))
}

/// `GET /api/containers/{id}`: what only its own page says, too.
#[utoipa::path(
    get,
    path = "/api/containers/{id}",
    tag = "containers",
    params(("id" = String, Path, description = "Its name, its id, or the beginning of one that is no other's")),
    responses((status = 200, description = "The container with its environment, mounts and health", body = ContainerDetail), Refused),
)]
pub(super) async fn detail(
    State(daemon): State<Arc<Daemon>>,
    Path(id): Path<String>,
) -> Result<Json<ContainerDetail>, PanelError> {
    Ok(Json(detail::detail(&daemon, &id)?))
}

/// `GET /api/containers/{id}/usage`: what it uses now; `null` when it does not run.
#[utoipa::path(
    get,
    path = "/api/containers/{id}/usage",
    tag = "containers",
    params(("id" = String, Path, description = "Its name, its id, or the beginning of one that is no other's")),
    responses((status = 200, description = "What it uses now, as counters; `null` when it does not run", body = Option<Usage>), Refused),
)]
pub(super) async fn usage(
    State(daemon): State<Arc<Daemon>>,
    Path(id): Path<String>,
) -> Result<Json<Option<Usage>>, PanelError> {
    Ok(Json(detail::usage(&daemon, &id).await?))
}

/// `POST /api/containers/{id}/start`.
#[utoipa::path(
    post,
    path = "/api/containers/{id}/start",
    tag = "containers",
    params(("id" = String, Path, description = "Its name, its id, or the beginning of one that is no other's"), PreviewQuery),
    responses((status = 200, description = "The container as it is now, or the plan where a preview was asked for", body = ContainerOrPlan), Refused),
)]
pub(super) async fn start(
    State(daemon): State<Arc<Daemon>>,
    Path(id): Path<String>,
    Query(query): Query<PreviewQuery>,
) -> Result<Response, PanelError> {
    let mode = query.mode();
    let changed = to_the_end(async move {
        let changed = lifecycle::start(&daemon, mode, Origin::Panel, &id).await?;
        seen(&daemon, changed)
    })
    .await?;
    Ok(answer(changed, |made| Json(made).into_response()))
}

/// `POST /api/containers/{id}/stop`. A container that removes itself at its end has no state to answer with: 204.
#[utoipa::path(
    post,
    path = "/api/containers/{id}/stop",
    tag = "containers",
    params(("id" = String, Path, description = "Its name, its id, or the beginning of one that is no other's"), PreviewQuery),
    responses((status = 200, description = "The container as it is now, or the plan where a preview was asked for", body = ContainerOrPlan), (status = 204, description = "It removed itself at its end"), Refused),
)]
pub(super) async fn stop(
    State(daemon): State<Arc<Daemon>>,
    Path(id): Path<String>,
    Query(query): Query<PreviewQuery>,
) -> Result<Response, PanelError> {
    let mode = query.mode();
    let changed = to_the_end(async move {
        let options = stopping::StopOptions::default();
        match stopping::stop(&daemon, mode, Origin::Panel, &id, options).await? {
            Changed::Previewed(plan) => Ok(Changed::Previewed(plan)),
            Changed::Applied(()) => match container::find(&daemon, &id) {
                Ok(record) => Ok(Changed::Applied(Some(container::view(&daemon, &record)?))),
                Err(OpError::NoSuchContainer(_)) => Ok(Changed::Applied(None)),
                Err(error) => Err(error),
            },
        }
    })
    .await?;
    Ok(answer(changed, |seen| match seen {
        Some(seen) => Json(seen).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    }))
}

/// `PUT /api/containers/{id}/ports`.
#[utoipa::path(
    put,
    path = "/api/containers/{id}/ports",
    tag = "containers",
    params(("id" = String, Path, description = "Its name, its id, or the beginning of one that is no other's"), PreviewQuery),
    request_body = PortsUpdate,
    responses((status = 200, description = "The container as it is now, or the plan where a preview was asked for", body = ContainerOrPlan), Refused),
)]
pub(super) async fn ports(
    State(daemon): State<Arc<Daemon>>,
    Path(id): Path<String>,
    Query(query): Query<PreviewQuery>,
    body: Result<Json<PortsUpdate>, JsonRejection>,
) -> Result<Response, PanelError> {
    let Json(body) = body?;
    let mode = query.mode();
    let changed = to_the_end(async move {
        let changed = publish::update(&daemon, mode, Origin::Panel, &id, body.ports).await?;
        seen(&daemon, changed)
    })
    .await?;
    Ok(answer(changed, |made| Json(made).into_response()))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RemoveQuery {
    /// Only say what would be done.
    #[serde(default)]
    preview: bool,
    /// End it first, if it runs.
    #[serde(default)]
    force: bool,
}

/// `DELETE /api/containers/{id}`.
#[utoipa::path(
    delete,
    path = "/api/containers/{id}",
    tag = "containers",
    params(("id" = String, Path, description = "Its name, its id, or the beginning of one that is no other's"), RemoveQuery),
    responses((status = 204, description = "It is gone"), Planned, Refused),
)]
pub(super) async fn remove(
    State(daemon): State<Arc<Daemon>>,
    Path(id): Path<String>,
    Query(query): Query<RemoveQuery>,
) -> Result<Response, PanelError> {
    let mode = if query.preview { Mode::Preview } else { Mode::Apply };
    let running = if query.force { Running::Kill } else { Running::Keep };
    let changed =
        to_the_end(async move { container::remove(&daemon, mode, Origin::Panel, &id, running, Volumes::Keep).await })
            .await?;
    Ok(answer(changed, |()| StatusCode::NO_CONTENT.into_response()))
}

pub(super) fn seen(daemon: &Daemon, changed: Changed<ContainerRecord>) -> Result<Changed<Container>, OpError> {
    Ok(match changed {
        Changed::Previewed(plan) => Changed::Previewed(plan),
        Changed::Applied(record) => Changed::Applied(container::view(daemon, &record)?),
    })
}

fn from_body(daemon: &Daemon, body: ContainerCreate) -> Result<NewContainer, OpError> {
    let network_mode = match body.network.as_deref().map(str::trim) {
        None | Some("") => NetworkMode::Network("bridge".parse()?),
        Some(text) => {
            let found = network::find(daemon, text)?;
            match found.driver {
                Driver::Bridge | Driver::Macvlan => NetworkMode::Network(found.name),
                Driver::Host => NetworkMode::Host,
                Driver::Null => NetworkMode::None,
            }
        }
    };
    let name = body.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
    Ok(NewContainer {
        name: name.map(str::parse).transpose()?,
        spec: ContainerSpec {
            image: body.image.trim().to_owned(),
            entrypoint: None,
            cmd: Some(body.command).filter(|command| !command.is_empty()),
            env: Vec::new(),
            working_dir: String::new(),
            user: String::new(),
            hostname: None,
            labels: BTreeMap::new(),
            stop_signal: None,
            stop_timeout_s: None,
            network_mode,
            auto_remove: body.auto_remove,
            exposed_ports: Vec::new(),
            console: Default::default(),
            ports: body.ports,
            publish_all: false,
            settings: Default::default(),
            naming: NamingSpec::default(),
        },
        attachments: Vec::new(),
        links: Vec::new(),
    })
}
