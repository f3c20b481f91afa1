//! `/containers/{id}/stats` and `top`: what a container uses, and its processes.

use super::{answer::rfc3339, error::DockerError, extract::query_bool};
use crate::{
    clock,
    model::ContainerRecord,
    notices::ContainerDeed,
    ops::{Daemon, OpError, container, top},
    runtime::{CgroupVersion, Consumption, Cpu, Traffic},
};
use axum::{
    Json,
    body::{Body, Bytes},
    extract::{Path, Query, State},
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::sync::mpsc;
use tokio_stream::{StreamExt, wrappers::ReceiverStream};

/// Docker looks once a second.
const EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, Deserialize)]
pub(super) struct StatsQuery {
    stream: Option<String>,
    #[serde(default, rename = "one-shot", deserialize_with = "query_bool")]
    one_shot: bool,
}

/// `GET /containers/{id}/stats`: one document a second, or one alone.
pub(super) async fn stats(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
    Query(query): Query<StatsQuery>,
) -> Result<Response, DockerError> {
    let record = container::find(&daemon, &text)?;
    let is_stream = query
        .stream
        .is_none_or(|text| !matches!(text.trim().to_ascii_lowercase().as_str(), "" | "0" | "no" | "false" | "none"));
    if is_stream && query.one_shot {
        return Err(DockerError::BadRequest("cannot have stream=true and one-shot=true".into()));
    }
    if !is_stream {
        let mut before = Look::default();
        // Rates need two looks; who wants but one says so. One that does not run uses nothing, now and later.
        if !query.one_shot {
            before = look(&daemon, &record).await?;
            if before.seen.is_some() {
                tokio::time::sleep(EVERY).await;
            }
        }
        let now = look(&daemon, &record).await?;
        return Ok(Json(shown(&record, &before, &now)).into_response());
    }
    let (documents, receiver) = mpsc::channel::<Bytes>(1);
    tokio::spawn(async move {
        let mut before = Look::default();
        while let Ok(now) = look(&daemon, &record).await {
            let document = format!("{}\n", shown(&record, &before, &now));
            before = now;
            // It ends with the client, or with the container.
            let is_gone = documents.send(document.into()).await.is_err();
            if is_gone || container::find(&daemon, record.id.as_str()).is_err() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = documents.closed() => return,
            }
        }
    });
    let body = Body::from_stream(ReceiverStream::new(receiver).map(Ok::<_, Infallible>));
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

#[derive(Debug, Default)]
struct Look {
    at_ms: Option<i64>,
    seen: Option<Consumption>,
}

async fn look(daemon: &Daemon, record: &ContainerRecord) -> Result<Look, OpError> {
    let seen = daemon.runtime.consumption(&record.id).await?;
    Ok(Look { at_ms: seen.is_some().then(clock::now_ms), seen })
}

fn shown(record: &ContainerRecord, before: &Look, now: &Look) -> Value {
    let time = |look: &Look| look.at_ms.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), rfc3339);
    let mut shown = json!({
        "name": format!("/{}", record.name),
        "id": record.id,
        "read": time(now),
        "preread": time(before),
        "pids_stats": {},
        "blkio_stats": blkio(now.seen.as_ref()),
        "num_procs": 0,
        "storage_stats": {},
        "cpu_stats": cpu(now.seen.as_ref()),
        "precpu_stats": cpu(before.seen.as_ref()),
        "memory_stats": {},
    });
    let Some(seen) = &now.seen else { return shown };
    if let Some(pids) = seen.pids {
        shown["pids_stats"]["current"] = pids.into();
    }
    if let Some(limit) = seen.pids_limit {
        shown["pids_stats"]["limit"] = limit.into();
    }
    shown["memory_stats"] =
        json!({ "usage": seen.memory.usage, "stats": seen.memory.stats, "limit": seen.memory.limit });
    if let Some(max_usage) = seen.memory.max_usage {
        shown["memory_stats"]["max_usage"] = max_usage.into();
    }
    if seen.memory.failures > 0 {
        shown["memory_stats"]["failcnt"] = seen.memory.failures.into();
    }
    if !seen.interfaces.is_empty() {
        let networks: Map<String, Value> = seen
            .interfaces
            .iter()
            .map(|(name, interface)| {
                let mut shown = Map::new();
                for (prefix, Traffic { bytes, packets, errors, dropped }) in
                    [("rx", interface.received), ("tx", interface.sent)]
                {
                    for (word, value) in
                        [("bytes", bytes), ("packets", packets), ("errors", errors), ("dropped", dropped)]
                    {
                        shown.insert(format!("{prefix}_{word}"), value.into());
                    }
                }
                (name.clone(), Value::Object(shown))
            })
            .collect();
        shown["networks"] = Value::Object(networks);
    }
    shown
}

fn cpu(seen: Option<&Consumption>) -> Value {
    let nothing = Cpu::default();
    let cpu = seen.map_or(&nothing, |seen| &seen.cpu);
    let mut shown = json!({
        "cpu_usage": {
            "total_usage": cpu.total_ns,
            "usage_in_kernelmode": cpu.kernel_ns,
            "usage_in_usermode": cpu.user_ns,
        },
        "throttling_data": {
            "periods": cpu.periods,
            "throttled_periods": cpu.throttled_periods,
            "throttled_time": cpu.throttled_ns,
        },
    });
    if let Some(seen) = seen {
        shown["system_cpu_usage"] = seen.system_cpu_ns.into();
        shown["online_cpus"] = seen.online_cpus.into();
        if !cpu.per_cpu_ns.is_empty() {
            shown["cpu_usage"]["percpu_usage"] = json!(cpu.per_cpu_ns);
        }
    }
    shown
}

fn blkio(seen: Option<&Consumption>) -> Value {
    let entries = |value: fn(&crate::runtime::Io) -> Option<u64>| {
        let entries = seen.into_iter().flat_map(|seen| &seen.io).filter_map(|io| {
            let value = value(io)?;
            Some(json!({ "major": io.major, "minor": io.minor, "op": io.operation, "value": value }))
        });
        entries.collect::<Vec<_>>()
    };
    // What version 2 does not count is null, as nothing is counted of one that does not run.
    let uncounted = match seen.map(|seen| seen.version) {
        Some(CgroupVersion::Legacy) => json!([]),
        Some(CgroupVersion::Unified) | None => Value::Null,
    };
    let or_null = |list: Vec<Value>| if seen.is_some() { Value::Array(list) } else { Value::Null };
    json!({
        "io_service_bytes_recursive": or_null(entries(|io| io.bytes)),
        "io_serviced_recursive": match seen.map(|seen| seen.version) {
            Some(CgroupVersion::Legacy) => Value::Array(entries(|io| io.count)),
            Some(CgroupVersion::Unified) | None => Value::Null,
        },
        "io_queue_recursive": uncounted,
        "io_service_time_recursive": uncounted,
        "io_wait_time_recursive": uncounted,
        "io_merged_recursive": uncounted,
        "io_time_recursive": uncounted,
        "sectors_recursive": uncounted,
    })
}

#[derive(Debug, Deserialize)]
pub(super) struct TopQuery {
    ps_args: Option<String>,
}

/// `GET /containers/{id}/top`.
pub(super) async fn top(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
    Query(query): Query<TopQuery>,
) -> Result<Json<Value>, DockerError> {
    let arguments = query.ps_args.filter(|arguments| !arguments.trim().is_empty()).unwrap_or_else(|| "-ef".into());
    let (record, table) = top::processes(&daemon, &text, &arguments).await?;
    daemon.tell_container(&record, ContainerDeed::Top);
    Ok(Json(json!({ "Processes": table.rows, "Titles": table.titles })))
}
