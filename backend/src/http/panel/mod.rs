//! Our own API under `/api`, and the panel's files. In reading order: who may come in, what there is and what happens
//! (live), networks, containers and what makes them, images, labs, what the kernel has, the rules, questions for names,
//! changes, and the files.

mod about;
mod assets;
mod attachments;
mod auth;
mod changes;
mod containers;
mod dns;
mod doctor;
mod error;
mod files;
mod images;
mod kernel;
mod labs;
mod live;
mod making;
mod network_options;
mod networks;
mod observed;
mod openapi;
mod progress;
mod responses;
mod rules;
mod terminal;
mod trial;

pub use about::Facts;
pub use auth::Token;

use crate::{engine::Changed, http::leftover, ops::Daemon};
use axum::{
    Extension, Json, Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    middleware,
    response::{IntoResponse, Response},
    routing::{delete, get, post, put},
};
use error::PanelError;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::IntoParams;

/// A request's body at the most, in bytes: forms are small.
const BODY_LIMIT: usize = 1 << 20;

/// The panel's routes. `/api` is for whoever has the token; the files are for everybody, since they hold nothing.
pub fn router(daemon: Arc<Daemon>, token: Option<Token>, facts: Facts) -> Router {
    let api = api(daemon, facts);
    let guarded = match &token {
        Some(token) => api.layer(middleware::from_fn_with_state(token.clone(), auth::guard)),
        None => api,
    };
    let open = match token {
        Some(token) => {
            let login = Router::new().route("/api/login", post(auth::login));
            let login = login.layer(middleware::map_response(error::in_our_form));
            login.fallback(files::file_or_login).with_state(token)
        }
        None => Router::new().fallback(files::file),
    };
    // It tells nothing of this machine, and is asked for by programs that are yet to be told the token.
    let router = guarded.merge(open.route("/api/openapi.json", get(openapi::openapi)));
    router.layer(middleware::map_request(leftover::take))
}

/// The routes under `/api`, for whoever reaches them: the Docker socket has them too, which only root and its group can open.
pub fn api(daemon: Arc<Daemon>, facts: Facts) -> Router {
    let api = Router::new()
        .route("/api/snapshot", get(live::snapshot))
        .route("/api/events", get(live::events))
        .route("/api/networks", post(networks::create))
        .route("/api/networks/{id}", delete(networks::remove))
        .route("/api/containers", post(containers::create))
        .route("/api/containers/{id}", get(containers::detail).delete(containers::remove))
        .route("/api/containers/{id}/usage", get(containers::usage))
        .route("/api/containers/{id}/start", post(containers::start))
        .route("/api/containers/{id}/stop", post(containers::stop))
        .route("/api/containers/{id}/terminal", get(terminal::terminal))
        .route("/api/containers/{id}/try", post(trial::attempt))
        .route("/api/containers/{id}/ports", put(containers::ports))
        .route("/api/containers/{id}/attachments", post(attachments::connect))
        .route("/api/containers/{id}/attachments/{network}", delete(attachments::disconnect))
        .route("/api/containers/{id}/plan", get(making::container))
        .route("/api/networks/{id}/plan", get(making::network))
        .route("/api/images/pull", post(images::pull))
        .route("/api/images/load", post(images::load))
        .route("/api/images/build", post(images::build))
        .route("/api/images/{id}", get(images::get).delete(images::remove))
        .route("/api/images/{id}/tag", post(images::tag))
        .route("/api/labs", get(labs::list).post(labs::up))
        .route("/api/labs/export", get(labs::export))
        .route("/api/labs/{name}", delete(labs::down))
        .route("/api/about", get(about::about))
        .route("/api/logout", post(about::logout))
        .route("/api/observed", get(observed::observed))
        .route("/api/links", get(kernel::links))
        .route("/api/kernel", get(kernel::host))
        .route("/api/kernel/links/{name}", get(kernel::link))
        .route("/api/kernel/namespaces/{name}", get(kernel::namespace))
        .route("/api/dns", get(dns::list))
        .route("/api/dns/events", get(dns::events))
        .route("/api/doctor", get(doctor::doctor))
        .route("/api/rules", get(rules::rules))
        .route("/api/traffic", get(rules::traffic))
        .route("/api/changes", get(changes::list))
        .route("/api/changes/{id}", get(changes::get))
        .route("/api/changes/{id}/undo", post(changes::undo))
        .route("/api/{*rest}", axum::routing::any(no_such_route))
        .layer(Extension(facts))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(daemon);
    api.layer(middleware::map_response(error::in_our_form))
}

async fn no_such_route() -> PanelError {
    PanelError::NoSuchRoute
}

/// `?preview=true`: what would be done, and nothing done.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PreviewQuery {
    /// Only say what would be done.
    #[serde(default)]
    preview: bool,
}

impl PreviewQuery {
    fn mode(&self) -> crate::engine::Mode {
        if self.preview { crate::engine::Mode::Preview } else { crate::engine::Mode::Apply }
    }
}

/// A plan where one was asked for, else what `done` makes of the result.
fn answer<T>(changed: Changed<T>, done: impl FnOnce(T) -> Response) -> Response {
    match changed {
        Changed::Previewed(plan) => Json(plan).into_response(),
        Changed::Applied(made) => done(made),
    }
}

fn created<T: Serialize>(made: T) -> Response {
    (StatusCode::CREATED, Json(made)).into_response()
}
