//! The panel's files, and the login link.

use super::{
    assets::{self, Asset},
    auth::Token,
};
use axum::{
    extract::{Query, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri,
        header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION, SET_COOKIE},
    },
    response::{IntoResponse, Response},
};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct LinkQuery {
    token: Option<String>,
}

/// A file, or the way in: `/?token=..` with the right token sets the cookie and goes on to `/`.
pub(super) async fn file_or_login(
    State(token): State<Token>,
    Query(query): Query<LinkQuery>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if query.token.is_some_and(|given| token.is(&given))
        && let Some(cookie) = token.cookie()
    {
        let mut response = (StatusCode::SEE_OTHER, [(LOCATION, "/")]).into_response();
        response.headers_mut().insert(SET_COOKIE, cookie);
        return response;
    }
    file(method, uri, headers).await
}

/// A file. A path without a dot is a page of the panel, which is drawn by `index.html` wherever one comes in.
pub(super) async fn file(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    if !assets::is_built_in() {
        return (
            StatusCode::NOT_FOUND,
            "This drawbridge was built without its panel. Build it with `cargo xtask build`.\n",
        )
            .into_response();
    }
    let path = uri.path();
    let is_page = !path.rsplit('/').next().unwrap_or_default().contains('.');
    match assets::find(if is_page { "/index.html" } else { path }) {
        Some(asset) => send(asset, &headers),
        None => (StatusCode::NOT_FOUND, "no such file\n").into_response(),
    }
}

/// Whether a file's name says of which build it is, as those of the panel's parts do (`/pages.0123456789abcdef.wasm`): it is never
/// another then. All else is asked for each time, and answered by 304, so that a new daemon's panel is seen at once.
fn is_of_one_build(path: &str) -> bool {
    path.strip_suffix(".wasm").is_some_and(|name| name.contains('.'))
}

fn send(asset: &'static Asset, headers: &HeaderMap) -> Response {
    let known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut response = if known.is_some_and(|known| known.split(',').any(|tag| tag.trim() == asset.etag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let headers = [(CONTENT_TYPE, asset.content_type), (CONTENT_ENCODING, "gzip")];
        (headers, asset.gzip).into_response()
    };
    for (name, value) in [
        (ETAG, asset.etag),
        (CACHE_CONTROL, if is_of_one_build(asset.path) { "public, max-age=31536000, immutable" } else { "no-cache" }),
        // Nothing is loaded from elsewhere, and nobody puts the panel into a frame. Styles may stand in the page: xterm.js
        // writes a sheet of its own for each terminal, and has no other way.
        (
            HeaderName::from_static("content-security-policy"),
            "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; \
             form-action 'self'",
        ),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
        (HeaderName::from_static("referrer-policy"), "no-referrer"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
