//! `/api/networks`.

use super::{
    PreviewQuery, answer, created,
    error::PanelError,
    openapi::{Planned, Refused},
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
use drawbridge_api::{Gateway, Network, NetworkCreate, Origin};
use std::{collections::BTreeMap, str::FromStr, sync::Arc};

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

fn from_body(body: NetworkCreate) -> Result<NewNetwork, OpError> {
    let mode = body.gateway_mode.unwrap_or_default();
    let outlet = Gateway { mode, masquerade: body.masquerade.unwrap_or(true), source: None };
    let four = range(body.subnet, body.gateway, body.ip_range)?;
    let six = range(body.subnet6, body.gateway6, None)?;
    let ranges = [four, six].into_iter().filter(|range| *range != NewRange::default()).collect();
    Ok(NewNetwork {
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

/// Empty fields of a form say nothing.
fn range(subnet: Option<String>, gateway: Option<String>, ip_range: Option<String>) -> Result<NewRange, OpError> {
    Ok(NewRange {
        subnet: parsed(subnet, "subnet", "write it in CIDR form, like 172.20.0.0/16 or fd00:20::/64")?,
        gateway: parsed(gateway, "gateway", "write an address like 172.20.0.1")?,
        ip_range: parsed(ip_range, "range for containers", "write it in CIDR form, like 172.20.5.0/24")?,
        reserved: BTreeMap::new(),
    })
}

fn parsed<T: FromStr>(text: Option<String>, what: &str, remedy: &str) -> Result<Option<T>, OpError> {
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let parsed = text.map(|text| text.parse().map_err(|_| format!("invalid {what} {text}: {remedy}")));
    parsed.transpose().map_err(OpError::Invalid)
}
