//! How a request goes to the daemon, and what its answer means.

use crate::{i18n::api as texts, said::said};
use drawbridge_api::Refusal;
use js_sys::{Object, Promise, Reflect, Uint8Array};
use serde::de::DeserializeOwned;
use std::fmt;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Headers, RequestInit, Response};

/// How long an answer that only reads may take.
pub(super) const READ_TIMEOUT_MS: u32 = 10_000;
/// How long a change may take: a stop waits ten seconds for the process, an image may have to be unpacked.
pub(super) const WRITE_TIMEOUT_MS: u32 = 120_000;
/// How long a sign of life may take.
pub(super) const ALIVE_TIMEOUT_MS: u32 = 5_000;
/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The daemon does not know this browser (401).
    Unauthorised,
    /// No answer at all to a change: the daemon is down, or the network between is.
    Unreachable,
    /// The same to a question, which changes nothing.
    Unanswered,
    /// The daemon said no; the sentence is meant for the person.
    Refused(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unauthorised => f.write_str(texts::unauthorised()),
            Self::Unreachable => f.write_str(texts::unreachable()),
            Self::Unanswered => f.write_str(texts::unanswered()),
            Self::Refused(message) => f.write_str(&said(message)),
        }
    }
}

/// One request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) url: String,
    pub(super) body: Option<String>,
}

/// What there is at this address.
pub(super) async fn get<T: DeserializeOwned>(url: String, timeout_ms: u32) -> Result<T, Failure> {
    read(&send(Request { method: "GET", url, body: None }, timeout_ms).await?)
}

/// The answer as what it should be.
///
/// # Errors
/// `Refused` when it is something else.
pub fn read<T: DeserializeOwned>(body: &str) -> Result<T, Failure> {
    serde_json::from_str(body).map_err(|error| Failure::Refused(texts::unreadable(&error)))
}

/// The body of the answer.
pub(super) async fn send(request: Request, timeout_ms: u32) -> Result<String, Failure> {
    let (status, body) = fetch(&request, timeout_ms).await.map_err(|_| silence(request.method))?;
    outcome(request.method, &request.url, status, body)
}

/// What no answer to a request means.
fn silence(method: &str) -> Failure {
    if method == "GET" { Failure::Unanswered } else { Failure::Unreachable }
}

/// The body, or why there is none, by the status.
pub(super) fn outcome(method: &str, url: &str, status: u16, body: String) -> Result<String, Failure> {
    match status {
        200..300 => Ok(body),
        401 => Err(Failure::Unauthorised),
        // A proxy in between answers for a daemon that is gone.
        502..=504 if serde_json::from_str::<Refusal>(&body).is_err() => Err(silence(method)),
        _ => Err(Failure::Refused(
            serde_json::from_str::<Refusal>(&body)
                .map_or_else(|_| texts::status(&method, &url, &status), |refusal| refusal.message),
        )),
    }
}

async fn fetch(request: &Request, timeout_ms: u32) -> Result<(u16, String), JsValue> {
    let init = RequestInit::new();
    init.set_method(request.method);
    init.set_signal(Some(&AbortSignal::timeout_with_u32(timeout_ms)));
    if let Some(body) = &request.body {
        let headers = Headers::new()?;
        headers.set("content-type", "application/json")?;
        init.set_headers(&headers);
        init.set_body(&JsValue::from_str(body));
    }
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    let (status, body) = match early(&window, &request.url) {
        Some(answer) => {
            let answer = JsFuture::from(answer).await?;
            let status = Reflect::get(&answer, &"status".into())?.as_f64().unwrap_or_default();
            // A cast from a float that does not fit takes the nearest that does.
            (status as u16, Reflect::get(&answer, &"body".into())?)
        }
        None => {
            let answer = window.fetch_with_str_and_init(&request.url, &init);
            let response: Response = JsFuture::from(answer).await?.dyn_into()?;
            (response.status(), JsFuture::from(response.array_buffer()?).await?)
        }
    };
    // As bytes: a long text takes its time from JavaScript into WebAssembly, letter by letter.
    Ok((status, String::from_utf8(Uint8Array::new(&body).to_vec()).unwrap_or_default()))
}

/// The answer to what the page's script has asked for while this was still on its way (`frontend/scripts/start.js`); taken once.
fn early(window: &web_sys::Window, url: &str) -> Option<Promise> {
    let asked: Object = Reflect::get(window, &"drawbridgeEarly".into()).ok()?.dyn_into().ok()?;
    let answer = Reflect::get(&asked, &url.into()).ok()?.dyn_into().ok()?;
    Reflect::delete_property(&asked, &url.into()).ok()?;
    Some(answer)
}

/// A request whose answer may take as long as it likes.
pub(super) async fn open(method: &str, url: &str, body: &JsValue) -> Result<Response, JsValue> {
    let init = RequestInit::new();
    init.set_method(method);
    if !body.is_undefined() {
        let headers = Headers::new()?;
        headers.set("content-type", if body.is_string() { "application/json" } else { "application/x-tar" })?;
        init.set_headers(&headers);
        init.set_body(body);
    }
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    JsFuture::from(window.fetch_with_str_and_init(url, &init)).await?.dyn_into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use drawbridge_api::Plan;

    #[test]
    fn an_answer_of_another_shape_is_explained() {
        assert!(matches!(read::<Plan>("{}"), Err(Failure::Refused(message)) if message.contains("reload")));
    }
}
