//! `/networks`: list, inspect, connect, disconnect, create, remove, prune.

use super::{
    answer::rfc3339,
    endpoint::{self, EndpointConfig, nominal_id},
    error::DockerError,
    extract::DockerJson,
    filters::{Filters, name_matches},
    network_create::{CreateBody, new_network},
    times,
};
use crate::{
    engine::{Changed, Mode},
    http::to_the_end,
    model::ContainerRecord,
    ops::{
        Daemon, OpError,
        connect::{self, Disconnect},
        container, network,
    },
};
use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
};
use drawbridge_api::{Container, ContainerState, Driver, Endpoint, Network, NetworkName, Origin, Subnet};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{collections::BTreeSet, sync::Arc};
use time::OffsetDateTime;

#[derive(Debug, Deserialize)]
pub(super) struct ListQuery {
    filters: Option<String>,
}

/// `GET /networks`. The list has no containers in it (API 1.28 and later).
pub(super) async fn list(
    State(daemon): State<Arc<Daemon>>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Vec<Value>>, DockerError> {
    let known = ["dangling", "driver", "id", "label", "name", "scope", "type"];
    let filters = Filters::parse(query.filters.as_deref(), &known)?;
    for kind in filters.values("type") {
        if !["builtin", "custom"].contains(&kind) {
            return Err(DockerError::BadRequest(format!("invalid filter: 'type'='{kind}'")));
        }
    }
    let dangling = match filters.only("dangling") {
        None => None,
        Some(text) => Some(dangling(text)?),
    };
    let busy = if dangling.is_some() { busy(&daemon)? } else { BTreeSet::new() };
    let networks = network::list(&daemon)?;
    let chosen = networks.iter().filter(|network| {
        dangling.is_none_or(|wanted| wanted == (!network.predefined && !busy.contains(&network.name)))
            && filters.any("driver", |driver| network.driver.as_str() == driver)
            && filters.any("id", |id| network.id.as_str().starts_with(id))
            && filters.any("name", |name| name_matches(name, network.name.as_str()))
            && filters.any("scope", |scope| scope == "local")
            && filters.any("type", |kind| kind == if network.predefined { "builtin" } else { "custom" })
            && filters.labels(&network.labels)
    });
    Ok(Json(chosen.map(|network| answer(network, &[])).collect()))
}

fn dangling(text: &str) -> Result<bool, DockerError> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        other => Err(DockerError::BadRequest(format!("invalid filter 'dangling={other}'"))),
    }
}

/// The networks in which something runs.
fn busy(daemon: &Daemon) -> Result<BTreeSet<NetworkName>, OpError> {
    let containers = container::list(daemon)?.into_iter().map(|(_, seen)| seen);
    let running = containers.filter(|seen| seen.state == ContainerState::Running);
    Ok(running.flat_map(|seen| seen.attachments).map(|attachment| attachment.network).collect())
}

/// `GET /networks/{id}`.
pub(super) async fn inspect(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
) -> Result<Json<Value>, DockerError> {
    let found = network::find(&daemon, &text)?;
    Ok(Json(answer(&found, &members(&daemon, &found)?)))
}

/// The running containers that are in a network, with their endpoints where it makes any.
fn members(daemon: &Daemon, found: &Network) -> Result<Vec<(ContainerRecord, Option<Endpoint>)>, OpError> {
    if found.driver == Driver::Bridge || found.driver == Driver::Macvlan {
        let endpoints = network::endpoints(daemon, &found.id)?;
        return endpoints
            .into_iter()
            .map(|(id, endpoint)| Ok((container::find(daemon, id.as_str())?, Some(endpoint))))
            .collect();
    }
    let is_in = |seen: &Container| {
        seen.state == ContainerState::Running && seen.attachments.iter().any(|known| known.network == found.name)
    };
    let containers = container::list(daemon)?.into_iter().filter(|(_, seen)| is_in(seen));
    Ok(containers.map(|(record, _)| (record, None)).collect())
}

/// A network; `members` are filled by inspect only.
fn answer(network: &Network, members: &[(ContainerRecord, Option<Endpoint>)]) -> Value {
    let has_ranges = network.driver == Driver::Bridge || network.driver == Driver::Macvlan;
    let ranges: Vec<Value> = network.subnets.iter().map(range).collect();
    let containers: Map<String, Value> = members
        .iter()
        .map(|(container, endpoint)| {
            let text = |address: Option<String>| address.unwrap_or_default();
            let id =
                endpoint.as_ref().map_or_else(|| nominal_id(container, network), |endpoint| endpoint.id.to_string());
            let address4 = endpoint.as_ref().and_then(|endpoint| endpoint.address4);
            let address6 = endpoint.as_ref().and_then(|endpoint| endpoint.address6);
            let member = json!({
                "Name": container.name,
                "EndpointID": id,
                "MacAddress": text(endpoint.as_ref().map(|endpoint| endpoint.mac.to_string())),
                "IPv4Address": text(address4.map(|address| address.to_string())),
                "IPv6Address": text(address6.map(|address| address.to_string())),
            });
            (container.id.to_string(), member)
        })
        .collect();
    json!({
        "Name": network.name,
        "Id": network.id,
        "Created": rfc3339(network.created_at_ms),
        "Scope": "local",
        "Driver": network.driver,
        "EnableIPv4": network.ipv4,
        "EnableIPv6": network.ipv6,
        "IPAM": {
            "Driver": "default",
            "Options": if network.predefined { Value::Null } else { json!(network.ipam_options) },
            "Config": match &network.settings {
                Some(settings) => settings_ranges(settings),
                None if has_ranges => Value::from(ranges),
                None => Value::Null,
            },
        },
        "Internal": network.internal,
        "Attachable": network.attachable,
        "Ingress": false,
        "ConfigFrom": { "Network": network.settings_of.as_ref().map_or("", NetworkName::as_str) },
        "ConfigOnly": network.settings.is_some(),
        "Containers": containers,
        "Options": network.options,
        "Labels": network.labels,
    })
}

/// The ranges of a network that is settings only, as they were asked for.
fn settings_ranges(settings: &str) -> Value {
    let settings: Value = serde_json::from_str(settings).unwrap_or_default();
    let ranges = settings["IPAM"]["Config"].as_array().cloned().unwrap_or_default();
    let without_empty = |range: Value| match range {
        Value::Object(range) => Value::Object(range.into_iter().filter(|(_, value)| !is_empty(value)).collect()),
        other => other,
    };
    ranges.into_iter().map(without_empty).collect()
}

fn is_empty(value: &Value) -> bool {
    value.as_str().is_some_and(str::is_empty) || value.as_object().is_some_and(Map::is_empty)
}

/// A range; what was not asked for is left out.
fn range(subnet: &Subnet) -> Value {
    let mut range = Map::from_iter([("Subnet".to_owned(), subnet.subnet.to_string().into())]);
    if let Some(ip_range) = subnet.ip_range {
        range.insert("IPRange".to_owned(), ip_range.to_string().into());
    }
    range.insert("Gateway".to_owned(), subnet.gateway.to_string().into());
    if !subnet.reserved.is_empty() {
        range.insert("AuxiliaryAddresses".to_owned(), json!(subnet.reserved));
    }
    Value::Object(range)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ConnectBody {
    #[serde(default)]
    container: String,
    #[serde(default)]
    endpoint_config: Option<EndpointConfig>,
}

/// `POST /networks/{id}/connect`.
pub(super) async fn connect(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
    DockerJson(body): DockerJson<ConnectBody>,
) -> Result<StatusCode, DockerError> {
    let found = network::find(&daemon, &text)?;
    let attachment = endpoint::attachment(found.name.as_str(), body.endpoint_config)?;
    let container = body.container;
    to_the_end(async move { connect::connect(&daemon, Mode::Apply, Origin::Docker, &container, attachment).await })
        .await?;
    Ok(StatusCode::OK)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DisconnectBody {
    #[serde(default)]
    container: String,
    #[serde(default)]
    force: bool,
}

/// `POST /networks/{id}/disconnect`.
pub(super) async fn disconnect(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
    DockerJson(body): DockerJson<DisconnectBody>,
) -> Result<StatusCode, DockerError> {
    let how = if body.force { Disconnect::Forced } else { Disconnect::Whole };
    to_the_end(
        async move { connect::disconnect(&daemon, Mode::Apply, Origin::Docker, &body.container, &text, how).await },
    )
    .await?;
    Ok(StatusCode::OK)
}

/// `POST /networks/create`.
pub(super) async fn create(
    State(daemon): State<Arc<Daemon>>,
    DockerJson(body): DockerJson<CreateBody>,
) -> Result<(StatusCode, Json<Value>), DockerError> {
    let body = match body.settings_of() {
        None => body,
        Some(name) => {
            let found = network::find(&daemon, name).ok().and_then(|found| found.settings);
            let settings = found.ok_or_else(|| DockerError::NoSuchSettings(name.to_owned()))?;
            body.with_settings(&settings)?
        }
    };
    let (new, warnings) = new_network(body)?;
    let made = to_the_end(async move { network::create(&daemon, Mode::Apply, Origin::Docker, new).await }).await?;
    match made {
        Changed::Applied(network) => {
            Ok((StatusCode::CREATED, Json(json!({ "Id": network.id, "Warning": warnings.join("; ") }))))
        }
        Changed::Previewed(_) => Err(OpError::CutOff.into()),
    }
}

/// `DELETE /networks/{id}`.
pub(super) async fn remove(
    State(daemon): State<Arc<Daemon>>,
    Path(text): Path<String>,
) -> Result<StatusCode, DockerError> {
    to_the_end(async move { network::remove(&daemon, Mode::Apply, Origin::Docker, &text).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
pub(super) struct PruneQuery {
    filters: Option<String>,
}

/// `POST /networks/prune`.
pub(super) async fn prune(
    State(daemon): State<Arc<Daemon>>,
    Query(query): Query<PruneQuery>,
) -> Result<Json<Value>, DockerError> {
    let filters = Filters::parse(query.filters.as_deref(), &["label", "label!", "until"])?;
    let now = OffsetDateTime::now_utc();
    let until = match filters.only("until") {
        Some(text) => times::parse(Some(text), now)?,
        None => None,
    };
    let removed = to_the_end(async move {
        let is_meant = |network: &Network| {
            let is_old =
                until.is_none_or(|until| i128::from(network.created_at_ms) * 1_000_000 < until.unix_timestamp_nanos());
            is_old && filters.labels(&network.labels) && filters.no_labels(&network.labels)
        };
        network::prune(&daemon, Origin::Docker, is_meant).await
    })
    .await?;
    let removed = if removed.is_empty() { Value::Null } else { json!(removed) };
    Ok(Json(json!({ "NetworksDeleted": removed })))
}
