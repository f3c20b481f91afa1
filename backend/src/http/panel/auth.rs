//! Who may come in: whoever has the token, as a cookie, a bearer token, or once in the login link.

use super::{error::PanelError, responses::Refused};
use axum::{
    Json,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{AUTHORIZATION, COOKIE, SET_COOKIE},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use std::{fs, io, os::unix::fs::OpenOptionsExt, path::Path, sync::Arc};
use utoipa::ToSchema;

pub(super) const COOKIE_NAME: &str = "drawbridge_token";
/// Takes the cookie away.
pub(super) const NO_COOKIE: &str = "drawbridge_token=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0";

/// The secret that opens the panel: 32 random bytes in hex.
#[derive(Clone)]
pub struct Token(Arc<str>);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Token {
    /// Reads the token of a data directory, or makes it there, for root's eyes only.
    ///
    /// # Errors
    /// When the file can't be read or written.
    pub fn load_or_create(file: &Path) -> io::Result<Self> {
        match fs::read_to_string(file) {
            Ok(text) if text.trim().len() >= 32 => return Ok(Self(text.trim().into())),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let token = hex::encode(rand::random::<[u8; 32]>());
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        io::Write::write_all(&mut options.open(file)?, token.as_bytes())?;
        Ok(Self(token.into()))
    }

    /// The secret itself, for the login link.
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// Whether `given` is the secret; takes the same time wherever the first difference is.
    pub fn is(&self, given: &str) -> bool {
        let (ours, theirs) = (self.0.as_bytes(), given.as_bytes());
        ours.len() == theirs.len() && ours.iter().zip(theirs).fold(0, |acc, (a, b)| acc | (a ^ b)) == 0
    }

    /// Whether a request carries it.
    pub(in crate::http) fn is_in(&self, headers: &HeaderMap) -> bool {
        let bearer = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let cookie = cookies
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(name, value)| (name == COOKIE_NAME).then_some(value));
        bearer.is_some_and(|given| self.is(given)) || cookie.is_some_and(|given| self.is(given))
    }

    /// The cookie that carries it: not for scripts, and not sent along when another site makes the request.
    pub(super) fn cookie(&self) -> Option<HeaderValue> {
        let cookie = format!("{COOKIE_NAME}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000", self.0);
        HeaderValue::from_str(&cookie).ok()
    }
}

/// Lets a request pass that carries the token.
pub(super) async fn guard(State(token): State<Token>, request: Request, next: Next) -> Response {
    if token.is_in(request.headers()) { next.run(request).await } else { PanelError::Unauthorized.into_response() }
}

/// What `POST /api/login` takes.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Login {
    /// The secret that the daemon prints in its link.
    token: String,
}

/// `POST /api/login`.
#[utoipa::path(
    post,
    path = "/api/login",
    tag = "login",
    request_body = Login,
    responses((status = 204, description = "The token was right; the answer sets it as a cookie"), Refused),
)]
pub(super) async fn login(State(token): State<Token>, Json(login): Json<Login>) -> Result<Response, PanelError> {
    if !token.is(login.token.trim()) {
        return Err(PanelError::Unauthorized);
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Some(cookie) = token.cookie() {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carries(name: axum::http::HeaderName, value: &str) -> bool {
        let headers = HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())]);
        Token("secret".into()).is_in(&headers)
    }

    #[test]
    fn the_token_comes_as_a_cookie_or_a_bearer_token() {
        assert!(carries(AUTHORIZATION, "Bearer secret"));
        assert!(carries(COOKIE, "a=b; drawbridge_token=secret"));
        for (name, value) in [
            (AUTHORIZATION, "Bearer secre"),
            (AUTHORIZATION, "Basic secret"),
            (COOKIE, "drawbridge_token=other"),
            (COOKIE, "xdrawbridge_token=secret"),
        ] {
            assert!(!carries(name, value), "{value} came in");
        }
    }
}
