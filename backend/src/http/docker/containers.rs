//! `/containers`: list, create, inspect, start, stop, kill, wait, remove.

use super::{
    ApiVersion,
    answer::{self, ContainerRow, Known, Sizes},
    choosing::{Choice, Listed},
    error::DockerError,
    extract::{DockerJson, query_bool},
    mounts as shown_mounts,
    request::{CreateBody, check_version, new_container},
};
use crate::{
    clock,
    engine::{Changed, Mode},
    http::to_the_end,
    model::ContainerRecord,
    ops::{
        Daemon, OpError,
        container::{self, Running, Volumes, Which},
        exec, image, lifecycle, linking, mount_source, network, process, publish,
        stopping::{self, StopOptions},
        usage,
        wait::{self, Condition},
    },
};
use axum::{
    Extension, Json,
    body::{Body, Bytes},
    extract::{Path, Query, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use drawbridge_api::{Container, ImageId, Origin};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry},
    convert::Infallible,
    sync::Arc,
};

#[derive(Debug, Deserialize)]
pub(super) struct ListQuery {
    #[serde(default, deserialize_with = "query_bool")]
    all: bool,
    #[serde(default, deserialize_with = "query_bool")]
    size: bool,
    limit: Option<i64>,
    filters: Option<String>,
}

/// `GET /containers/json`, newest first.
pub(super) async fn list(
    State(daemon): State<Arc<Daemon>>,
    Query(query): Query<ListQuery>,
) -> Result<Response, DockerError> {
    let known = known(&daemon)?;
    let limit = query.limit.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0);
    let listed = if query.all || limit.is_some() { Listed::All } else { Listed::Running };
    let choice = Choice::parse(&daemon, query.filters.as_deref(), listed)?;
    let mut images = KnownImages::default();
    let which = if choice.all { Which::All } else { Which::Up };
    let containers = container::list_to_look_at(&daemon, which)?;
    let chosen = containers.iter().rev().filter(|(record, seen)| choice.takes(record, seen, &known.networks));
    let mut rows = Vec::new();
    for (record, seen) in chosen.take(limit.unwrap_or(usize::MAX)) {
        let mut row = row(&daemon, record, seen, &known, &mut images)?;
        row.sizes = if query.size { Some(sizes(&daemon, record)?) } else { None };
        rows.push(row);
    }
    Ok(Json(rows).into_response())
}

/// What the rows of a list need to know of others: asked once, however many rows there are.
pub(super) fn known(daemon: &Daemon) -> Result<Known, OpError> {
    Ok(Known { networks: network::list(daemon)?, names: linking::names_of_all(daemon)?, now_ms: clock::now_ms() })
}

/// One row of the list.
pub(super) fn row<'a>(
    daemon: &Daemon,
    record: &'a ContainerRecord,
    seen: &'a Container,
    known: &'a Known,
    images: &mut KnownImages,
) -> Result<ContainerRow<'a>, OpError> {
    let args = images.arguments(daemon, record)?;
    Ok(answer::container_row(record, seen, &args, known, mounts_of(daemon, record)))
}

/// What a container has written, and that with its image, in bytes.
pub(super) fn sizes(daemon: &Daemon, record: &ContainerRecord) -> Result<Sizes, OpError> {
    let written =
        tokio::task::block_in_place(|| usage::bytes_below(&daemon.runtime.container_dir(&record.id).join("upper")));
    let image = image::find(daemon, record.image_id.as_str())?;
    Ok(Sizes { written, whole: written + u64::try_from(image.size_bytes).unwrap_or(0) })
}

fn mounts_of(daemon: &Daemon, record: &ContainerRecord) -> Value {
    shown_mounts::shown(&record.spec.settings.mounts, |mount| mount_source(daemon, mount))
}

/// What the images of a list's containers say of their processes: each is read once, however many containers are of it.
#[derive(Default)]
pub(super) struct KnownImages(HashMap<ImageId, process::ImageDefaults>);

impl KnownImages {
    /// Program and arguments of a container.
    fn arguments(&mut self, daemon: &Daemon, record: &ContainerRecord) -> Result<Vec<String>, OpError> {
        // A command that is given whole needs no look at the image.
        if record.spec.entrypoint.is_some() {
            return Ok(process::arguments(&record.spec, &process::ImageDefaults::default()));
        }
        let defaults = match self.0.entry(record.image_id.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(process::image_defaults(&image::find(daemon, record.image_id.as_str())?)?),
        };
        Ok(process::arguments(&record.spec, defaults))
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct CreateQuery {
    name: Option<String>,
}

/// `POST /containers/create`.
pub(super) async fn create(
    State(daemon): State<Arc<Daemon>>,
    Extension(version): Extension<ApiVersion>,
    Query(query): Query<CreateQuery>,
    DockerJson(body): DockerJson<CreateBody>,
) -> Result<(StatusCode, Json<Value>), DockerError> {
    check_version(&body, version)?;
    let (new, mut warnings) = new_container(query.name.as_deref(), body)?;
    warnings.extend(daemon.runtime.check(&new.spec.settings).map_err(OpError::from)?);
    warnings.extend(publish::warnings(&new.spec));
    let made = to_the_end(async move { container::create(&daemon, Mode::Apply, Origin::Docker, new).await }).await;
    // To clients a 404 of this path says that the image has to be pulled, after which they would ask again.
    let made = made.map_err(|error| match error {
        OpError::NoSuchNetwork(_) | OpError::NoSuchContainer(_) => DockerError::BadRequest(error.to_string()),
        error => error.into(),
    })?;
    match made {
        Changed::Applied(record) => Ok((StatusCode::CREATED, Json(json!({ "Id": record.id, "Warnings": warnings })))),
        Changed::Previewed(_) => Err(OpError::CutOff.into()),
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct InspectQuery {
    #[serde(default, deserialize_with = "query_bool")]
    size: bool,
}

/// `GET /containers/{id}/json`.
pub(super) async fn inspect(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
    Query(query): Query<InspectQuery>,
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
        etc: &daemon.runtime.container_dir(&container::namespace_owner(&daemon, &record).id),
        runtime: daemon.host.runtime.split(' ').next().unwrap_or_default(),
        cgroups: daemon.runtime.default_cgroup_namespace(),
        execs: &exec::of_container(&daemon, &record.id),
    };
    let mut shown = answer::container(&record, &seen, &networks, &details);
    let links = linking::shown(&daemon, &record)?;
    shown["HostConfig"]["Links"] = if links.is_empty() { Value::Null } else { json!(links) };
    if query.size {
        let sizes = sizes(&daemon, &record)?;
        shown["SizeRw"] = sizes.written.into();
        shown["SizeRootFs"] = sizes.whole.into();
    }
    Ok(Json(shown))
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
    let options = query.options();
    to_the_end(async move { stopping::stop(&daemon, Mode::Apply, Origin::Docker, &text, options).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl StopQuery {
    /// In domain words.
    pub(super) fn options(self) -> StopOptions {
        StopOptions { signal: self.signal.filter(|signal| !signal.is_empty()), timeout_s: self.t }
    }
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
    stopping::kill(&daemon, Origin::Docker, &text, signal.as_deref()).await?;
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

/// `DELETE /containers/{id}/{alias}`: of a link, and of nothing else.
pub(super) async fn remove_link(
    State(daemon): State<Arc<Daemon>>,
    Path((text, alias)): Path<(String, String)>,
    Query(query): Query<RemoveQuery>,
) -> Result<StatusCode, DockerError> {
    if !query.link {
        return Err(OpError::NoSuchContainer(format!("{text}/{alias}")).into());
    }
    linking::remove(&daemon, &text, &alias)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /containers/{id}`.
pub(super) async fn remove(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
    Query(query): Query<RemoveQuery>,
) -> Result<StatusCode, DockerError> {
    if query.link {
        let error = "a link is named CONTAINER/ALIAS; `docker inspect` shows a container's links";
        return Err(DockerError::BadRequest(error.to_owned()));
    }
    let running = if query.force { Running::Kill } else { Running::Keep };
    let volumes = if query.v { Volumes::Remove } else { Volumes::Keep };
    to_the_end(async move { container::remove(&daemon, Mode::Apply, Origin::Docker, &text, running, volumes).await })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
