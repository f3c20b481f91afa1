//! `/containers`: list, create, inspect, start, stop, kill, wait, remove.

use super::{
    answer,
    error::DockerError,
    extract::{DockerJson, query_bool},
    filters::{Filters, name_matches},
    mounts as shown_mounts,
    request::{CreateBody, new_container},
};
use crate::{
    clock,
    engine::{Changed, Mode},
    http::to_the_end,
    model::ContainerRecord,
    mounts::{Mount, MountKind},
    ops::{
        Daemon, OpError,
        container::{self, Running, Volumes},
        image, lifecycle, mount_source, network, process,
        wait::{self, Condition},
    },
};
use axum::{
    Json,
    body::{Body, Bytes},
    extract::{Path, Query, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use drawbridge_api::{ContainerState, Origin};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeSet, convert::Infallible, sync::Arc};

#[derive(Debug, Deserialize)]
pub(super) struct ListQuery {
    #[serde(default, deserialize_with = "query_bool")]
    all: bool,
    limit: Option<i64>,
    filters: Option<String>,
}

/// `GET /containers/json`, newest first.
pub(super) async fn list(
    State(daemon): State<Arc<Daemon>>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Vec<Value>>, DockerError> {
    let known = [
        "ancestor",
        "before",
        "exited",
        "expose",
        "health",
        "id",
        "is-task",
        "isolation",
        "label",
        "name",
        "network",
        "publish",
        "since",
        "status",
        "volume",
    ];
    let filters = Filters::parse(query.filters.as_deref(), &known)?;
    for later in ["before", "expose", "health", "is-task", "isolation", "publish", "since"] {
        if filters.has(later) {
            return Err(DockerError::not_built(format!("container filter '{later}'")));
        }
    }
    let networks = network::list(&daemon)?;
    let limit = query.limit.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0);
    let all = query.all || limit.is_some() || filters.has("status") || filters.has("exited");
    let now_ms = clock::now_ms();
    let mut rows = Vec::new();
    let mut containers = container::list(&daemon)?;
    containers.reverse();
    for (record, seen) in containers {
        let chosen = (all || record.state == ContainerState::Running)
            && filters.any("id", |id| record.id.as_str().starts_with(id))
            && filters.any("name", |name| name_matches(name, record.name.as_str()))
            && filters.any("status", |status| record.state.as_str() == status)
            && filters
                .any("exited", |code| record.state == ContainerState::Exited && code.parse() == Ok(record.exit_code))
            && filters
                .any("ancestor", |image| record.spec.image == image || record.image_id.as_str().starts_with(image))
            && filters.any("network", |wanted| {
                networks.iter().any(|network| {
                    (network.name.as_str() == wanted || network.id.as_str().starts_with(wanted))
                        && seen.attachments.iter().any(|attachment| attachment.network == network.name)
                })
            })
            && filters.any("volume", |wanted| record.spec.settings.mounts.iter().any(|mount| is_of(mount, wanted)))
            && filters.labels(&record.spec.labels);
        if chosen {
            let args = arguments(&daemon, &record)?;
            rows.push({
                let mounts = mounts_of(&daemon, &record);
                answer::container_row(&record, &seen, &args, &networks, mounts, now_ms)
            });
        }
    }
    rows.truncate(limit.unwrap_or(usize::MAX));
    Ok(Json(rows))
}

/// Whether a mount is meant by a volume's name or by its place.
fn is_of(mount: &Mount, wanted: &str) -> bool {
    let is_named = match &mount.kind {
        MountKind::Volume { name, .. } => name == wanted,
        MountKind::Bind { .. } | MountKind::Memory { .. } => false,
    };
    is_named || mount.target == std::path::Path::new(wanted)
}

fn mounts_of(daemon: &Daemon, record: &ContainerRecord) -> Value {
    shown_mounts::shown(&record.spec.settings.mounts, |mount| mount_source(daemon, mount))
}

fn arguments(daemon: &Daemon, record: &ContainerRecord) -> Result<Vec<String>, OpError> {
    // A command that is given whole needs no look at the image.
    if record.spec.entrypoint.is_some() {
        return Ok(process::arguments(&record.spec, &process::ImageDefaults::default()));
    }
    let image = image::find(daemon, record.image_id.as_str())?;
    Ok(process::arguments(&record.spec, &process::image_defaults(&image)?))
}

#[derive(Debug, Deserialize)]
pub(super) struct CreateQuery {
    name: Option<String>,
}

/// `POST /containers/create`.
pub(super) async fn create(
    State(daemon): State<Arc<Daemon>>,
    Query(query): Query<CreateQuery>,
    DockerJson(body): DockerJson<CreateBody>,
) -> Result<(StatusCode, Json<Value>), DockerError> {
    let (new, mut warnings) = new_container(query.name.as_deref(), body)?;
    warnings.extend(daemon.runtime.check(&new.spec.settings).map_err(OpError::from)?);
    let made = to_the_end(async move { container::create(&daemon, Mode::Apply, Origin::Docker, new).await }).await?;
    match made {
        Changed::Applied(record) => Ok((StatusCode::CREATED, Json(json!({ "Id": record.id, "Warnings": warnings })))),
        Changed::Previewed(_) => Err(OpError::CutOff.into()),
    }
}

/// `GET /containers/{id}/json`.
pub(super) async fn inspect(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
) -> Result<Json<Value>, DockerError> {
    let record = container::find(&daemon, &text)?;
    let seen = container::view(&daemon, &record)?;
    let networks = network::list(&daemon)?;
    let image = image::find(&daemon, record.image_id.as_str())?;
    let defaults = process::image_defaults(&image)?;
    let hostname = process::hostname(&container::namespace_owner(&daemon, &record), &daemon.host.name);
    let volumes: BTreeSet<String> = record.spec.settings.volumes.iter().chain(&defaults.volumes).cloned().collect();
    let volumes: Vec<String> = volumes.into_iter().collect();
    let words = |words: &[String]| (!words.is_empty()).then(|| words.to_vec());
    let (entrypoint, cmd) = (words(&defaults.entrypoint), words(&defaults.cmd));
    let details = answer::Details {
        args: &process::arguments(&record.spec, &defaults),
        env: &process::configured_environment(&record.spec, &defaults),
        stop_signal: record.spec.stop_signal.as_deref().or(defaults.stop_signal.as_deref()),
        hostname: &hostname,
        entrypoint: entrypoint.as_deref(),
        cmd: cmd.as_deref().filter(|_| record.spec.entrypoint.is_none()),
        volumes: &volumes,
        mounts: mounts_of(&daemon, &record),
        files: &daemon.runtime.container_dir(&record.id),
        runtime: daemon.host.runtime.split(' ').next().unwrap_or_default(),
        cgroups: daemon.runtime.default_cgroup_namespace(),
    };
    Ok(Json(answer::container(&record, &seen, &networks, &details)))
}

/// `POST /containers/{id}/start`.
pub(super) async fn start(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
) -> Result<StatusCode, DockerError> {
    to_the_end(async move { lifecycle::start(&daemon, Mode::Apply, Origin::Docker, &text).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
pub(super) struct StopQuery {
    signal: Option<String>,
    t: Option<i64>,
}

/// `POST /containers/{id}/stop`.
pub(super) async fn stop(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
    Query(query): Query<StopQuery>,
) -> Result<StatusCode, DockerError> {
    let options =
        lifecycle::StopOptions { signal: query.signal.filter(|signal| !signal.is_empty()), timeout_s: query.t };
    to_the_end(async move { lifecycle::stop(&daemon, Mode::Apply, Origin::Docker, &text, options).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
pub(super) struct KillQuery {
    signal: Option<String>,
}

/// `POST /containers/{id}/kill`.
pub(super) async fn kill(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
    Query(query): Query<KillQuery>,
) -> Result<StatusCode, DockerError> {
    let signal = query.signal.filter(|signal| !signal.is_empty());
    lifecycle::kill(&daemon, Origin::Docker, &text, signal.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
pub(super) struct WaitQuery {
    condition: Option<String>,
}

/// `POST /containers/{id}/wait`. The headers go out at once: `docker run` sends this before `start` and does not go on
/// before it has them.
pub(super) async fn wait(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
    Query(query): Query<WaitQuery>,
) -> Result<Response, DockerError> {
    let condition = match query.condition.as_deref() {
        None | Some("" | "not-running") => Condition::NotRunning,
        Some("next-exit") => Condition::NextExit,
        Some("removed") => Condition::Removed,
        Some(other) => return Err(DockerError::BadRequest(format!("invalid condition: {other:?}"))),
    };
    let waited = wait::begin(&daemon, &text, condition)?;
    let body = Body::from_stream(stream::once(async move {
        let answer = match waited.await {
            Ok(code) => json!({ "StatusCode": code }),
            Err(error) => json!({ "StatusCode": -1, "Error": { "Message": error.to_string() } }),
        };
        Ok::<_, Infallible>(Bytes::from(format!("{answer}\n")))
    }));
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

#[derive(Debug, Deserialize)]
pub(super) struct RemoveQuery {
    #[serde(default, deserialize_with = "query_bool")]
    force: bool,
    #[serde(default, deserialize_with = "query_bool")]
    link: bool,
    #[serde(default, deserialize_with = "query_bool")]
    v: bool,
}

/// `DELETE /containers/{id}`.
pub(super) async fn remove(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
    Query(query): Query<RemoveQuery>,
) -> Result<StatusCode, DockerError> {
    if query.link {
        return Err(DockerError::not_built("removing a link"));
    }
    let running = if query.force { Running::Kill } else { Running::Keep };
    let volumes = if query.v { Volumes::Remove } else { Volumes::Keep };
    to_the_end(async move { container::remove(&daemon, Mode::Apply, Origin::Docker, &text, running, volumes).await })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
