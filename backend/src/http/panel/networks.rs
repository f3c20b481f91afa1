//! `/api/networks`.

use super::{
    PreviewQuery, answer, created,
    error::PanelError,
    network_options,
    responses::{Planned, Refused},
};
use crate::{
    http::to_the_end,
    model::{NewNetwork, NewRange},
    ops::{Daemon, OpError, network},
};
use axum::{
    Json,
    extract::{Path, Query, State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use drawbridge_api::{Driver, Gateway, IfName, Macvlan, Network, NetworkCreate, Origin};
use std::{collections::BTreeMap, net::IpAddr, str::FromStr, sync::Arc};

/// `POST /api/networks`.
#[utoipa::path(
    post,
    path = "/api/networks",
    tag = "networks",
    params(PreviewQuery),
    request_body = NetworkCreate,
    responses((status = 201, description = "The network that was made", body = Network), Planned, Refused),
)]
pub(super) async fn create(
    State(daemon): State<Arc<Daemon>>,
    Query(query): Query<PreviewQuery>,
    body: Result<Json<NetworkCreate>, JsonRejection>,
) -> Result<Response, PanelError> {
    let Json(body) = body?;
    let new = from_body(body)?;
    let mode = query.mode();
    let changed = to_the_end(async move { network::create(&daemon, mode, Origin::Panel, new).await }).await?;
    Ok(answer(changed, created))
}

/// `DELETE /api/networks/{id}`.
#[utoipa::path(
    delete,
    path = "/api/networks/{id}",
    tag = "networks",
    params(("id" = String, Path, description = "Its name, its id, or the beginning of one that is no other's"), PreviewQuery),
    responses((status = 204, description = "It is gone"), Planned, Refused),
)]
pub(super) async fn remove(
    State(daemon): State<Arc<Daemon>>,
    Path(id): Path<String>,
    Query(query): Query<PreviewQuery>,
) -> Result<Response, PanelError> {
    let mode = query.mode();
    let changed = to_the_end(async move { network::remove(&daemon, mode, Origin::Panel, &id).await }).await?;
    Ok(answer(changed, |()| StatusCode::NO_CONTENT.into_response()))
}

/// Options that are honoured as they stand among a network's options; the others have fields of their own.
const OPTIONS: [&str; 4] = [BINDING4, BINDING6, TRUSTED, PREFIX];
const BINDING4: &str = "com.docker.network.bridge.host_binding_ipv4";
const BINDING6: &str = "com.docker.network.bridge.host_binding_ipv6";
const TRUSTED: &str = "com.docker.network.bridge.trusted_host_interfaces";
const PREFIX: &str = "com.docker.network.container_iface_prefix";

fn from_body(body: NetworkCreate) -> Result<NewNetwork, OpError> {
    check_options(&body.options)?;
    let options = network_options::of(&body);
    if let Some(value) = body.labels.get("") {
        return Err(OpError::Invalid(format!("label \"={value}\" has no name; write it as NAME={value}")));
    }
    if let Some(mtu) = body.mtu.filter(|mtu| !(68..=65535).contains(mtu)) {
        return Err(OpError::Invalid(format!("invalid MTU {mtu}: write a number from 68 to 65535")));
    }
    let driver = body.driver.unwrap_or(Driver::Bridge);
    let macvlan = match (driver, filled(body.parent)) {
        (Driver::Macvlan, Some(parent)) => {
            Some(Macvlan { parent: parent.parse()?, mode: body.macvlan_mode.unwrap_or_default() })
        }
        (Driver::Macvlan, None) => {
            return Err(OpError::Invalid("a macvlan network needs a parent: an interface of this machine".into()));
        }
        (Driver::Bridge, _) => None,
        (Driver::Host | Driver::Null, _) => {
            return Err(OpError::Invalid(format!("only one instance of \"{}\" network is allowed", driver.as_str())));
        }
    };
    let mode = body.gateway_mode.unwrap_or_default();
    let outlet = Gateway { mode, masquerade: body.masquerade.unwrap_or(true), source: None };
    let four = range(body.subnet, body.gateway, body.ip_range)?;
    let six = range(body.subnet6, body.gateway6, body.ip_range6)?;
    if let Some(subnet) = four.subnet.filter(|subnet| subnet.addr().is_ipv6()) {
        return Err(OpError::Invalid(format!(
            "invalid IPv4 subnet {subnet}: it is an IPv6 range; write it as the IPv6 subnet"
        )));
    }
    if let Some(subnet) = six.subnet.filter(|subnet| subnet.addr().is_ipv4()) {
        return Err(OpError::Invalid(format!(
            "invalid IPv6 subnet {subnet}: it is an IPv4 range; write it as the IPv4 subnet"
        )));
    }
    let mut ranges: Vec<NewRange> = [four, six].into_iter().filter(|range| *range != NewRange::default()).collect();
    for more in body.ranges {
        ranges.push(range(Some(more.subnet), more.gateway, more.ip_range)?);
    }
    for (name, text) in body.reserved {
        let address: Option<IpAddr> = parsed(Some(text), "reserved address", "write an address like 172.20.0.9")?;
        let Some(address) = address else {
            return Err(OpError::Invalid(format!(
                "reserved address \"{name}\" has no address; write it as {name}=172.20.0.9"
            )));
        };
        let holder = ranges.iter_mut().find(|range| range.subnet.is_some_and(|subnet| subnet.contains(&address)));
        let Some(holder) = holder else {
            return Err(OpError::Invalid(format!(
                "reserved address {address} lies in none of the ranges; name its subnet"
            )));
        };
        holder.reserved.insert(name, address);
    }
    Ok(NewNetwork {
        driver,
        macvlan,
        bridge: filled(body.bridge).map(|name| name.parse()).transpose()?,
        mtu: body.mtu,
        inhibit_ipv4: body.inhibit_ipv4,
        labels: body.labels,
        options,
        ranges,
        ipv4: body.ipv4.unwrap_or(true),
        ipv6: body.ipv6,
        internal: body.internal,
        icc: body.icc.unwrap_or(true),
        gateway4: outlet.clone(),
        gateway6: outlet,
        ..NewNetwork::bridge(body.name.trim().parse()?)
    })
}

fn check_options(options: &BTreeMap<String, String>) -> Result<(), OpError> {
    for (name, value) in options {
        let is_valid = match name.as_str() {
            BINDING4 | BINDING6 => value.parse::<IpAddr>().is_ok(),
            TRUSTED => value.split(':').all(|name| name.parse::<IfName>().is_ok()),
            // A number comes behind it.
            PREFIX => format!("{value}0").parse::<IfName>().is_ok(),
            _ => {
                return Err(OpError::Invalid(format!(
                    "option {name} has a field of its own, or is not known; options are {}",
                    OPTIONS.join(", ")
                )));
            }
        };
        if !is_valid {
            return Err(OpError::Invalid(format!("invalid value for {name}: {value:?}")));
        }
    }
    Ok(())
}

/// Empty fields of a form say nothing.
fn range(subnet: Option<String>, gateway: Option<String>, ip_range: Option<String>) -> Result<NewRange, OpError> {
    Ok(NewRange {
        subnet: parsed(subnet, "subnet", "write it in CIDR form, like 172.20.0.0/16 or fd00:20::/64")?,
        gateway: parsed(gateway, "gateway", "write an address like 172.20.0.1")?,
        ip_range: parsed(ip_range, "range for containers", "write it in CIDR form, like 172.20.5.0/24")?,
        reserved: BTreeMap::new(),
    })
}

fn filled(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn parsed<T: FromStr>(text: Option<String>, what: &str, remedy: &str) -> Result<Option<T>, OpError> {
    let parsed = filled(text).map(|text| text.parse().map_err(|_| format!("invalid {what} {text}: {remedy}")));
    parsed.transpose().map_err(OpError::Invalid)
}
