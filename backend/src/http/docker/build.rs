//! `POST /build`: the classic builder. What it prints is Docker's, line by line, as far as there is something to print.

use super::{
    archives::reader_of,
    error::DockerError,
    extract::query_bool,
    progress::{self, Detail},
    query::{named_by, values},
    registries::{self, check_platform},
    request,
};
use crate::{
    http::to_the_end,
    images::progress::Progress,
    model::ContainerSpec,
    ops::{
        Daemon,
        build::{self, BuildOptions, Cache, Containers, Files, Instructions, Pull},
        image::remove::{self, Removed},
    },
};
use axum::{
    Json,
    extract::{Query, RawQuery, Request, State},
    response::Response,
};
use drawbridge_api::Origin;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

#[derive(Debug, Deserialize)]
pub(super) struct BuildQuery {
    dockerfile: Option<String>,
    remote: Option<String>,
    #[serde(default, deserialize_with = "query_bool")]
    q: bool,
    #[serde(default, deserialize_with = "query_bool")]
    nocache: bool,
    #[serde(default, deserialize_with = "query_bool")]
    pull: bool,
    rm: Option<String>,
    #[serde(default, deserialize_with = "query_bool")]
    squash: bool,
    buildargs: Option<String>,
    labels: Option<String>,
    target: Option<String>,
    networkmode: Option<String>,
    #[serde(default)]
    memory: i64,
    #[serde(default)]
    memswap: i64,
    #[serde(default)]
    cpushares: i64,
    #[serde(default)]
    cpuperiod: i64,
    #[serde(default)]
    cpuquota: i64,
    #[serde(default)]
    cpusetcpus: String,
    #[serde(default)]
    cpusetmems: String,
    #[serde(default)]
    cgroupparent: String,
    #[serde(default)]
    shmsize: i64,
    ulimits: Option<String>,
    platform: Option<String>,
    version: Option<String>,
}

/// `POST /build`.
pub(super) async fn build(
    State(daemon): State<Arc<Daemon>>,
    Query(query): Query<BuildQuery>,
    RawQuery(raw): RawQuery,
    request: Request,
) -> Result<Response, DockerError> {
    check_platform(query.platform.as_deref())?;
    if query.version.as_deref() == Some("2") {
        return Err(DockerError::not_built("building with BuildKit; set DOCKER_BUILDKIT=0: it"));
    }
    if query.squash {
        return Err(DockerError::not_built("squashing an image"));
    }
    if query.remote.as_deref().is_some_and(|remote| !matches!(remote, "" | "client-session")) {
        return Err(DockerError::not_built("building from a URL"));
    }
    let raw = raw.as_deref().unwrap_or_default();
    let (container, warnings) = container(&query, raw)?;
    let tags = values(raw, "t");
    let tags = tags.iter().filter(|tag| !tag.is_empty()).map(|tag| named_by(tag, None));
    let options = BuildOptions {
        origin: Origin::Docker,
        instructions: Instructions::File(
            query.dockerfile.filter(|name| !name.is_empty()).unwrap_or_else(|| "Dockerfile".into()),
        ),
        tags: tags.collect::<Result<_, _>>()?,
        arguments: texts("buildargs", query.buildargs.as_deref())?,
        labels: texts("labels", query.labels.as_deref())?,
        target: query.target,
        container,
        cache: if query.nocache { Cache::Ignored } else { Cache::Used },
        pull: if query.pull { Pull::Always } else { Pull::Missing },
        containers: match query.rm.as_deref() {
            Some("0" | "false" | "no" | "none") => Containers::Kept,
            Some(_) | None => Containers::Removed,
        },
        credentials: registries::all_credentials(request.headers())?,
    };
    let detail = if query.q { Detail::Identity } else { Detail::Everything };
    let files = Files::Sent(reader_of(request.into_body()));
    progress::answer(detail, |reporter| async move {
        for warning in warnings {
            reporter.tell(Progress::Output(format!("[Warning] {warning}\n"))).await;
        }
        build::build(&daemon, files, options, &reporter).await
    })
    .await
}

/// What commands run in: what `docker run` would make of the same options, with a warning for each that is not honoured.
fn container(query: &BuildQuery, raw: &str) -> Result<(ContainerSpec, Vec<String>), DockerError> {
    let ulimits = query.ulimits.as_deref().filter(|json| !json.is_empty()).unwrap_or("null");
    let ulimits: Value = serde_json::from_str(ulimits)
        .map_err(|error| DockerError::BadRequest(format!("error reading ulimits: {error}; send a JSON list")))?;
    let body = json!({
        "Image": "scratch",
        "HostConfig": {
            "NetworkMode": query.networkmode,
            "Memory": query.memory,
            "MemorySwap": query.memswap,
            "CpuShares": query.cpushares,
            "CpuPeriod": query.cpuperiod,
            "CpuQuota": query.cpuquota,
            "CpusetCpus": query.cpusetcpus,
            "CpusetMems": query.cpusetmems,
            "CgroupParent": query.cgroupparent,
            "ShmSize": query.shmsize,
            "Ulimits": ulimits,
            "ExtraHosts": values(raw, "extrahosts"),
            "SecurityOpt": values(raw, "securityopt"),
        },
    });
    let body = serde_json::from_value(body).map_err(|error| DockerError::BadRequest(error.to_string()))?;
    let (new, warnings) = request::new_container(None, body)?;
    Ok((new.spec, warnings))
}

/// An object of texts; a null, as the client sends for an argument that has no value here, is left out.
fn texts(key: &str, json: Option<&str>) -> Result<BTreeMap<String, String>, DockerError> {
    let Some(json) = json.filter(|json| !json.is_empty()) else { return Ok(BTreeMap::new()) };
    let read: Option<BTreeMap<String, Option<String>>> = serde_json::from_str(json).map_err(|error| {
        DockerError::BadRequest(format!("error reading {key}: {error}; send a JSON object of texts"))
    })?;
    Ok(read.unwrap_or_default().into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
}

/// `POST /build/prune`: the images that builds went through and that nothing is made of any more.
pub(super) async fn prune(State(daemon): State<Arc<Daemon>>) -> Result<Json<Value>, DockerError> {
    let pruned = to_the_end(async move { remove::prune(&daemon, |image| image.tags.is_empty()).await }).await?;
    let (removed, reclaimed) = pruned;
    let ids: Vec<String> = removed
        .into_iter()
        .filter_map(|removed| match removed {
            Removed::Digest(digest) => Some(digest),
            Removed::Name(_) => None,
        })
        .collect();
    Ok(Json(json!({ "CachesDeleted": ids, "SpaceReclaimed": reclaimed.max(0) })))
}
