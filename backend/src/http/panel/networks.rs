//! `/api/networks`.

use super::{PreviewQuery, answer, created, error::PanelError};
use crate::{
    http::to_the_end,
    model::NewNetwork,
    ops::{Daemon, OpError, network},
};
use axum::{
    Json,
    extract::{Path, Query, State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use drawbridge_api::{Driver, Gateway, NetworkCreate, Origin};
use std::{collections::BTreeMap, sync::Arc};

/// `POST /api/networks`.
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
    let given = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let subnet = given(body.subnet)
        .map(|text| {
            text.parse().map_err(|_| {
                OpError::Invalid(format!("invalid subnet {text}: write it in CIDR form, like 172.20.0.0/16"))
            })
        })
        .transpose()?;
    let gateway = given(body.gateway)
        .map(|text| {
            text.parse()
                .map_err(|_| OpError::Invalid(format!("invalid gateway {text}: write an address like 172.20.0.1")))
        })
        .transpose()?;
    let mode = body.gateway_mode.unwrap_or_default();
    let outlet = Gateway { mode, masquerade: body.masquerade.unwrap_or(true), source: None };
    Ok(NewNetwork {
        name: body.name.trim().parse()?,
        driver: Driver::Bridge,
        subnet,
        gateway,
        internal: body.internal,
        bridge: None,
        icc: body.icc.unwrap_or(true),
        gateway4: outlet.clone(),
        gateway6: outlet,
        mtu: None,
        options: BTreeMap::new(),
        labels: BTreeMap::new(),
        predefined: false,
    })
}
