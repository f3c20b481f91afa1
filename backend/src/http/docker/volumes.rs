//! `/volumes`: list, create, inspect, remove, prune.

use super::{
    ApiVersion,
    answer::rfc3339,
    error::DockerError,
    extract::{DockerJson, null_as_default, query_bool},
    filters::{Filters, name_matches},
};
use crate::ops::{
    Daemon, OpError,
    volume::{self, NewVolume, Prune, SeenVolume},
};
use axum::{
    Extension, Json,
    extract::{Path, Query, State},
    http::StatusCode,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// A volume as it is shown; null where nothing was given, as in Docker.
fn shown(seen: &SeenVolume) -> Value {
    let or_null = |map: &BTreeMap<String, String>| if map.is_empty() { Value::Null } else { json!(map) };
    json!({
        "CreatedAt": rfc3339(seen.record.created_at_ms / 1000 * 1000),
        "Driver": "local",
        "Labels": or_null(&seen.record.labels),
        "Mountpoint": seen.folder,
        "Name": seen.record.name,
        "Options": or_null(&seen.record.options),
        "Scope": "local",
    })
}

/// A volume with what it takes, for `system df`.
pub(super) fn shown_with_usage(seen: &SeenVolume) -> Value {
    let mut shown = shown(seen);
    shown["UsageData"] = json!({ "RefCount": seen.users.len(), "Size": volume::size(seen) });
    shown
}

#[derive(Debug, Deserialize)]
pub(super) struct FilterQuery {
    filters: Option<String>,
}

/// `GET /volumes`.
pub(super) async fn list(
    State(daemon): State<Arc<Daemon>>,
    Query(query): Query<FilterQuery>,
) -> Result<Json<Value>, DockerError> {
    let filters = Filters::parse(query.filters.as_deref(), &["dangling", "driver", "label", "name"])?;
    filters.check_bool("dangling")?;
    let volumes = volume::list(&daemon)?;
    let chosen = volumes.iter().filter(|seen| {
        filters.any("dangling", |dangling| matches!(dangling, "1" | "true") == seen.users.is_empty())
            && filters.any("driver", |driver| driver == "local")
            && filters.any("name", |name| name_matches(name, &seen.record.name))
            && filters.labels(&seen.record.labels)
    });
    Ok(Json(json!({ "Volumes": chosen.map(shown).collect::<Vec<_>>(), "Warnings": null })))
}

/// The body of `POST /volumes/create`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct CreateBody {
    #[serde(deserialize_with = "null_as_default")]
    name: String,
    #[serde(deserialize_with = "null_as_default")]
    driver: String,
    #[serde(deserialize_with = "null_as_default")]
    driver_opts: BTreeMap<String, String>,
    #[serde(deserialize_with = "null_as_default")]
    labels: BTreeMap<String, String>,
    cluster_volume_spec: Option<Value>,
}

/// `POST /volumes/create`.
pub(super) async fn create(
    State(daemon): State<Arc<Daemon>>,
    DockerJson(body): DockerJson<CreateBody>,
) -> Result<(StatusCode, Json<Value>), DockerError> {
    if body.cluster_volume_spec.is_some() {
        return Err(DockerError::NoSwarm);
    }
    let new = NewVolume { name: body.name, driver: body.driver, options: body.driver_opts, labels: body.labels };
    Ok((StatusCode::CREATED, Json(shown(&volume::create(&daemon, new)?))))
}

/// `GET /volumes/{name}`.
pub(super) async fn inspect(
    State(daemon): State<Arc<Daemon>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, DockerError> {
    Ok(Json(shown(&volume::find(&daemon, &name)?)))
}

#[derive(Debug, Deserialize)]
pub(super) struct RemoveQuery {
    #[serde(default, deserialize_with = "query_bool")]
    force: bool,
}

/// `DELETE /volumes/{name}`.
pub(super) async fn remove(
    State(daemon): State<Arc<Daemon>>,
    Path(name): Path<String>,
    Query(query): Query<RemoveQuery>,
) -> Result<StatusCode, DockerError> {
    match volume::remove(&daemon, &name) {
        Err(OpError::NoSuchVolume(_)) if query.force => {}
        result => result?,
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /volumes/prune`: those made for one container, and with the filter `all` every unused one.
pub(super) async fn prune(
    State(daemon): State<Arc<Daemon>>,
    Extension(version): Extension<ApiVersion>,
    Query(query): Query<FilterQuery>,
) -> Result<Json<Value>, DockerError> {
    let filters = Filters::parse(query.filters.as_deref(), &["all", "label", "label!"])?;
    filters.check_bool("all")?;
    let all = filters.has("all") && filters.any("all", |all| matches!(all, "1" | "true"));
    // Until API 1.41 named ones were pruned too.
    let which = if all || version.minor < 42 { Prune::All } else { Prune::Anonymous };
    let (removed, bytes) =
        volume::prune(&daemon, which, |record| filters.labels(&record.labels) && filters.no_labels(&record.labels))?;
    let removed = if removed.is_empty() { Value::Null } else { json!(removed) };
    Ok(Json(json!({ "VolumesDeleted": removed, "SpaceReclaimed": bytes })))
}
