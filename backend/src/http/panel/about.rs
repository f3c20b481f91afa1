//! `/api/about` and `/api/logout`: what the settings page says of the daemon, and the way out.

use super::{auth, responses::Refused};
use crate::{
    config::{Auth, Serve},
    ops::Daemon,
};
use axum::{
    Extension, Json,
    extract::State,
    http::{StatusCode, header::SET_COOKIE},
    response::{IntoResponse, Response},
};
use drawbridge_api::About;
use std::{net::SocketAddr, sync::Arc};

/// How the daemon was started, for whoever wants to know.
#[derive(Clone, Debug)]
pub struct Facts(Arc<About>);

impl Facts {
    /// What the command line says; `panel` is the address that was taken.
    pub fn of(daemon: &Daemon, config: &Serve, panel: SocketAddr) -> Self {
        Self(Arc::new(About {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            panel: panel.to_string(),
            docker_socket: config.docker_socket.display().to_string(),
            data_dir: config.folders.data_dir.display().to_string(),
            run_dir: config.folders.run_dir.display().to_string(),
            runtime: daemon.host.runtime.clone(),
            kernel: daemon.host.kernel.clone(),
            pools: config.address_pool.iter().map(ToString::to_string).collect(),
            mirrors: config.registry_mirror.iter().map(ToString::to_string).collect(),
            token: config.auth == Auth::Token,
        }))
    }
}

/// `GET /api/about`.
#[utoipa::path(
    get,
    path = "/api/about",
    tag = "description",
    responses((status = 200, description = "How the daemon was started", body = About), Refused),
)]
pub(super) async fn about(State(_): State<Arc<Daemon>>, Extension(Facts(about)): Extension<Facts>) -> Json<About> {
    Json((*about).clone())
}

/// `POST /api/logout`: takes the cookie away from this browser; the token stays good for others.
#[utoipa::path(
    post,
    path = "/api/logout",
    tag = "login",
    responses((status = 204, description = "The cookie is taken away"), Refused),
)]
pub(super) async fn logout() -> Response {
    (StatusCode::NO_CONTENT, [(SET_COOKIE, auth::NO_COOKIE)]).into_response()
}
