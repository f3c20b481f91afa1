//! The Docker Engine API, 1.24 to 1.50, as far as it is built. In reading order: what every request passes (version,
//! errors, bodies), then system, events, networks, containers, exec, images.

mod answer;
mod archive;
pub(in crate::http) mod archives;
mod attach;
mod attach_socket;
mod build;
mod choosing;
pub mod compose;
mod confinement;
mod containers;
mod detach;
mod endpoint;
mod error;
mod events;
mod exec;
mod extract;
mod filters;
mod host_config;
mod image_answer;
mod images;
mod life;
mod log_config;
mod logs;
mod mounts;
mod naming;
mod network_create;
mod networks;
mod ports;
mod progress;
mod query;
mod registries;
mod request;
mod stats;
mod stream;
mod system;
mod times;
mod usage;
mod volumes;

use crate::{http::leftover, ops::Daemon};
use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::{HeaderName, HeaderValue, Method, Uri},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{any, delete, get, post},
};
use error::DockerError;
use std::sync::Arc;
use tower::Layer as _;

/// What is announced. Not 1.52: from there on the answers lack fields that the chapter prints.
const NEWEST: ApiVersion = ApiVersion { minor: 50 };
const OLDEST: ApiVersion = ApiVersion { minor: 24 };

/// The Docker release whose behaviour this is.
const ENGINE_VERSION: &str = "28.2.2";

/// A request's body at the most, in bytes. The largest real ones, creations with hundreds of ports, are some 100 KB.
const BODY_LIMIT: usize = 4 << 20;

/// A version of the API, always 1.x.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ApiVersion {
    minor: u32,
}

impl std::fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "1.{}", self.minor)
    }
}

/// The router of this dialect. The version in the path is taken off before routes are looked at, so it stands around the
/// routes and not in them.
pub fn router(daemon: Arc<Daemon>) -> Router {
    let routes = middleware::from_fn(negotiate).layer(routes().with_state(daemon));
    Router::new().fallback_service(middleware::map_request(leftover::take).layer(routes))
}

fn routes() -> Router<Arc<Daemon>> {
    Router::new()
        .route("/_ping", get(system::ping))
        .route("/version", get(system::version))
        .route("/info", get(system::info))
        .route("/events", get(events::events))
        .route("/networks", get(networks::list))
        .route("/networks/create", post(networks::create))
        .route("/networks/prune", post(networks::prune))
        .route("/networks/{id}", get(networks::inspect).delete(networks::remove))
        .route("/networks/{id}/connect", post(networks::connect))
        .route("/networks/{id}/disconnect", post(networks::disconnect))
        .route("/containers/json", get(containers::list))
        .route("/containers/create", post(containers::create))
        .route("/containers/{id}", delete(containers::remove))
        .route("/containers/{id}/{alias}", delete(containers::remove_link))
        .route("/containers/{id}/json", get(containers::inspect))
        .route("/containers/{id}/start", post(containers::start))
        .route("/containers/{id}/archive", get(archive::read).head(archive::stat).put(archive::write))
        .route("/containers/{id}/export", get(archive::export))
        .route("/containers/{id}/changes", get(archive::changes))
        .route("/containers/{id}/stats", get(stats::stats))
        .route("/containers/{id}/top", get(stats::top))
        .route("/system/df", get(usage::df))
        .route("/plugins", get(system::plugins))
        .route("/plugins/{name}/json", get(system::plugin))
        .route("/containers/prune", post(life::prune))
        .route("/containers/{id}/restart", post(life::restart))
        .route("/containers/{id}/pause", post(life::pause))
        .route("/containers/{id}/unpause", post(life::unpause))
        .route("/containers/{id}/rename", post(life::rename))
        .route("/containers/{id}/update", post(life::update))
        .route("/containers/{id}/stop", post(containers::stop))
        .route("/containers/{id}/kill", post(containers::kill))
        .route("/containers/{id}/wait", post(containers::wait))
        .route("/containers/{id}/logs", get(logs::logs))
        .route("/containers/{id}/attach", post(attach::attach))
        .route("/containers/{id}/attach/ws", get(attach_socket::attach))
        .route("/containers/{id}/resize", post(attach::resize))
        .route("/containers/{id}/exec", post(exec::create))
        .route("/exec/{id}/start", post(exec::start))
        .route("/exec/{id}/resize", post(exec::resize))
        .route("/exec/{id}/json", get(exec::inspect))
        .route("/images/json", get(images::list))
        .route("/images/create", post(registries::create))
        .route("/images/load", post(archives::load))
        .route("/images/get", get(archives::save_several))
        .route("/images/prune", post(images::prune))
        .route("/commit", post(archives::commit))
        .route("/build", post(build::build))
        .route("/build/prune", post(build::prune))
        .route("/auth", post(registries::auth))
        .route("/distribution/{*name}", get(registries::distribution))
        .route("/images/search", get(registries::search))
        .route("/images/{*name}", any(images::named))
        .route("/volumes", get(volumes::list))
        .route("/volumes/create", post(volumes::create))
        .route("/volumes/prune", post(volumes::prune))
        .route("/volumes/{name}", get(volumes::inspect).delete(volumes::remove))
        .fallback(not_found)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
}

/// A path that the Docker Engine knows and this version doesn't is told apart from one that nobody knows.
async fn not_found(method: Method, uri: Uri) -> DockerError {
    const LATER: [&str; 5] = ["/containers/", "/networks/", "/plugins", "/images/", "/exec/"];
    const SWARM: [&str; 6] = ["/swarm", "/nodes", "/services", "/tasks", "/secrets", "/configs"];
    let path = uri.path();
    if SWARM.iter().any(|known| path.starts_with(known)) {
        return DockerError::NoSwarm;
    }
    if LATER.iter().any(|known| path.starts_with(known)) {
        return DockerError::not_built(format!("{method} {path}"));
    }
    DockerError::PageNotFound
}

/// Takes the version off the path, refuses one that isn't spoken, and puts the engine's headers on every answer.
async fn negotiate(mut request: Request, next: Next) -> Response {
    let mut response = match strip_version(&mut request) {
        Ok(version) => {
            request.extensions_mut().insert(version);
            error::in_dockers_form(next.run(request).await).await
        }
        Err(error) => error.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        ("api-version", NEWEST.to_string()),
        ("docker-experimental", "false".to_owned()),
        ("ostype", "linux".to_owned()),
        ("server", format!("Docker/{ENGINE_VERSION} (linux)")),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}

fn strip_version(request: &mut Request) -> Result<ApiVersion, DockerError> {
    let path = request.uri().path();
    let Some((version, rest)) = path.strip_prefix("/v").and_then(|rest| rest.split_once('/')) else {
        return Ok(NEWEST);
    };
    // `/version` has no slash behind it and `/volumes/x` no number: neither is a version.
    let Some((major, minor)) = version.split_once('.') else { return Ok(NEWEST) };
    let (Ok(major), Ok(minor)) = (major.parse::<u32>(), minor.parse::<u32>()) else { return Ok(NEWEST) };
    if major > 1 || (major == 1 && minor > NEWEST.minor) {
        return Err(DockerError::VersionTooNew { asked: version.to_owned() });
    }
    if major < 1 || minor < OLDEST.minor {
        return Err(DockerError::VersionTooOld { asked: version.to_owned() });
    }
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let stripped = format!("/{rest}{query}");
    *request.uri_mut() = stripped.parse().map_err(|_| DockerError::PageNotFound)?;
    Ok(ApiVersion { minor })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn check(path: &str, expected: Result<(u32, &str), &str>) {
        let mut request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let found = strip_version(&mut request);
        match expected {
            Ok((minor, rest)) => {
                assert_eq!(found.ok().map(|version| version.minor), Some(minor), "{path}");
                assert_eq!(request.uri().to_string(), rest);
            }
            Err(text) => assert_eq!(found.unwrap_err().to_string(), text, "{path}"),
        }
    }

    #[test]
    fn the_version_is_taken_off_the_path() {
        check("/v1.43/info", Ok((43, "/info")));
        check("/v1.24/containers/json?all=1", Ok((24, "/containers/json?all=1")));
        check("/version", Ok((50, "/version")));
        check("/volumes/x", Ok((50, "/volumes/x")));
        check("/v9.9/info", Err("client version 9.9 is too new. Maximum supported API version is 1.50"));
        check(
            "/v1.12/info",
            Err("client version 1.12 is too old. Minimum supported API version is 1.24, please upgrade your client \
                 to a newer version"),
        );
    }
}
