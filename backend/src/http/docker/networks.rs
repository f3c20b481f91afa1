//! `/networks`: list, inspect, connect, disconnect, create, remove.

use super::{
    answer::rfc3339,
    endpoint::{self, EndpointConfig, nominal_id},
    error::DockerError,
    extract::{DockerJson, null_as_default},
    filters::{Filters, name_matches},
};
use crate::{
    engine::{Changed, Mode},
    http::to_the_end,
    model::{ContainerRecord, NewNetwork},
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
use drawbridge_api::{Container, ContainerState, Driver, Endpoint, Gateway, GatewayMode, Network, Origin, Subnet};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc};

#[derive(Debug, Deserialize)]
pub(super) struct ListQuery {
    filters: Option<String>,
}

/// `GET /networks`. The list has no containers in it (API 1.28 and later).
pub(super) async fn list(
    State(daemon): State<Arc<Daemon>>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Vec<Value>>, DockerError> {
    let known = ["driver", "id", "label", "name", "scope", "type"];
    let filters = Filters::parse(query.filters.as_deref(), &known)?;
    let networks = network::list(&daemon)?;
    let chosen = networks.iter().filter(|network| {
        filters.any("driver", |driver| network.driver.as_str() == driver)
            && filters.any("id", |id| network.id.as_str().starts_with(id))
            && filters.any("name", |name| name_matches(name, network.name.as_str()))
            && filters.any("scope", |scope| scope == "local")
            && filters.any("type", |kind| kind == if network.predefined { "builtin" } else { "custom" })
            && filters.labels(&network.labels)
    });
    Ok(Json(chosen.map(|network| answer(network, &[])).collect()))
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
            "Config": if has_ranges { Value::from(ranges) } else { Value::Null },
        },
        "Internal": network.internal,
        "Attachable": network.attachable,
        "Ingress": false,
        "ConfigFrom": { "Network": "" },
        "ConfigOnly": false,
        "Containers": containers,
        "Options": network.options,
        "Labels": network.labels,
    })
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

/// The body of `POST /networks/create`, as far as this version reads it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateBody {
    #[serde(default)]
    name: String,
    #[serde(default)]
    driver: Option<String>,
    #[serde(default)]
    internal: bool,
    #[serde(default)]
    attachable: bool,
    #[serde(default)]
    ingress: bool,
    #[serde(default)]
    config_only: bool,
    #[serde(default, rename = "EnableIPv4")]
    enable_ipv4: Option<bool>,
    #[serde(default, rename = "EnableIPv6")]
    enable_ipv6: Option<bool>,
    #[serde(default, rename = "IPAM")]
    ipam: Option<Ipam>,
    #[serde(default, deserialize_with = "null_as_default")]
    options: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "null_as_default")]
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Ipam {
    #[serde(default)]
    driver: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    config: Vec<IpamConfig>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct IpamConfig {
    #[serde(default)]
    subnet: String,
    #[serde(default, rename = "IPRange")]
    ip_range: String,
    #[serde(default)]
    gateway: String,
    #[serde(default, deserialize_with = "null_as_default")]
    auxiliary_addresses: BTreeMap<String, String>,
}

/// `POST /networks/create`.
pub(super) async fn create(
    State(daemon): State<Arc<Daemon>>,
    DockerJson(body): DockerJson<CreateBody>,
) -> Result<(StatusCode, Json<Value>), DockerError> {
    let (new, warnings) = from_body(body)?;
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

/// The request in domain words, with Docker's defaults, and a warning for everything that is accepted and not honoured.
fn from_body(body: CreateBody) -> Result<(NewNetwork, Vec<String>), DockerError> {
    match body.driver.as_deref().unwrap_or("bridge") {
        "" | "bridge" | "default" => {}
        driver @ ("host" | "null") => {
            return Err(OpError::Invalid(format!("only one instance of \"{driver}\" network is allowed")).into());
        }
        driver @ ("macvlan" | "ipvlan" | "overlay") => {
            return Err(DockerError::not_built(format!("network driver \"{driver}\"")));
        }
        driver => return Err(DockerError::NoSuchDriver(driver.to_owned())),
    }
    if body.ingress || body.config_only {
        return Err(DockerError::not_built("an ingress or config-only network"));
    }
    if body.enable_ipv6 == Some(true) || body.enable_ipv4 == Some(false) {
        return Err(DockerError::not_built("IPv6 on a network"));
    }
    let mut warnings = Vec::new();
    if body.attachable {
        warnings.push("Attachable has no meaning for a local network".to_owned());
    }
    let ipam = body.ipam.unwrap_or_default();
    match ipam.driver.as_deref().unwrap_or("default") {
        "" | "default" => {}
        driver => return Err(DockerError::NoSuchDriver(driver.to_owned())),
    }
    let range = match ipam.config.as_slice() {
        [] => None,
        [only] => Some(only),
        _ => return Err(DockerError::not_built("several ranges in one network")),
    };
    if range.is_some_and(|range| !range.ip_range.is_empty() || !range.auxiliary_addresses.is_empty()) {
        return Err(DockerError::not_built("IPRange and AuxiliaryAddresses"));
    }
    let subnet = match range.map(|range| range.subnet.as_str()) {
        None | Some("") => None,
        Some(text) => Some(text.parse().map_err(|_| {
            OpError::Invalid(format!(
                "invalid network config:\ninvalid subnet {text}: invalid CIDR block notation; write it like 172.20.0.0/16"
            ))
        })?),
    };
    let gateway = match range.map(|range| range.gateway.as_str()) {
        None | Some("") => None,
        Some(text) => Some(text.parse().map_err(|_| {
            OpError::Invalid(format!(
                "invalid network config:\ninvalid gateway {text}: invalid address; write it like 172.20.0.1"
            ))
        })?),
    };
    let option = |name: &str| body.options.get(name);
    let flag = |name: &str, default: bool| match option(name) {
        None => Ok(default),
        Some(text) => text
            .parse::<bool>()
            .map_err(|_| OpError::Invalid(format!("invalid value for {name}: {text:?}; write \"true\" or \"false\""))),
    };
    let mtu = match option("com.docker.network.driver.mtu") {
        None => None,
        Some(text) => match text.parse::<u32>() {
            Ok(mtu) if (68..=65535).contains(&mtu) => Some(mtu),
            Ok(_) | Err(_) => {
                return Err(OpError::Invalid(format!(
                    "invalid value for com.docker.network.driver.mtu: {text:?}; write a number from 68 to 65535"
                ))
                .into());
            }
        },
    };
    let masquerade = flag("com.docker.network.bridge.enable_ip_masquerade", true)?;
    let address = |name: &str| match option(name) {
        None => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| {
            OpError::Invalid(format!("invalid value for {name}: {text:?}; write an address like 192.0.2.1"))
        }),
    };
    let mode = |name: &str| match option(name).map(String::as_str) {
        None | Some("") => Ok(GatewayMode::Nat),
        Some(text) => serde_json::from_value(Value::from(text)).map_err(|_| {
            OpError::Invalid(format!(
                "unknown gateway mode {text} in {name}; it is one of nat, nat-unprotected, routed and isolated"
            ))
        }),
    };
    let outlet = |mode_name: &str, source_name: &str| {
        Ok::<_, OpError>(Gateway { mode: mode(mode_name)?, masquerade, source: address(source_name)? })
    };
    for name in [HOST_BINDING_IPV4, HOST_BINDING_IPV6] {
        address(name)?;
    }
    const HOST_BINDING_IPV4: &str = "com.docker.network.bridge.host_binding_ipv4";
    const HOST_BINDING_IPV6: &str = "com.docker.network.bridge.host_binding_ipv6";
    const HONOURED: [&str; 10] = [
        "com.docker.network.bridge.name",
        "com.docker.network.driver.mtu",
        "com.docker.network.bridge.enable_ip_masquerade",
        "com.docker.network.bridge.enable_icc",
        "com.docker.network.bridge.gateway_mode_ipv4",
        "com.docker.network.bridge.gateway_mode_ipv6",
        "com.docker.network.host_ipv4",
        "com.docker.network.host_ipv6",
        HOST_BINDING_IPV4,
        HOST_BINDING_IPV6,
    ];
    warnings.extend(
        body.options
            .keys()
            .filter(|name| !HONOURED.contains(&name.as_str()))
            .map(|name| format!("option {name} is kept but not honoured yet")),
    );
    let new = NewNetwork {
        name: body.name.parse().map_err(OpError::from)?,
        driver: Driver::Bridge,
        subnet,
        gateway,
        internal: body.internal,
        bridge: option("com.docker.network.bridge.name").map(|name| name.parse()).transpose().map_err(OpError::from)?,
        icc: flag("com.docker.network.bridge.enable_icc", true)?,
        gateway4: outlet("com.docker.network.bridge.gateway_mode_ipv4", "com.docker.network.host_ipv4")?,
        gateway6: outlet("com.docker.network.bridge.gateway_mode_ipv6", "com.docker.network.host_ipv6")?,
        mtu,
        options: body.options,
        labels: body.labels,
        predefined: false,
    };
    Ok((new, warnings))
}
