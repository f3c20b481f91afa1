//! What takes long and tells how far it is, line by line.

use super::send::{Failure, open, outcome};
use crate::{route::encode, work::Lines};
use drawbridge_api::{ImageBuild, ImageName, LabFile, Progress};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{File, ReadableStreamDefaultReader};

/// Something that takes long and tells how far it is.
#[derive(Clone, Debug)]
pub enum Errand {
    /// Pulls an image of this name.
    Pull(String),
    /// Loads images from an archive.
    Load(File),
    /// Builds an image.
    Build(ImageBuild),
    /// Brings a lab up.
    LabUp(LabFile),
    /// Takes a lab away; with its volumes when it is true.
    LabDown(String, bool),
}

impl Errand {
    fn request(&self) -> (&'static str, String, JsValue) {
        let json = |body: serde_json::Result<String>| JsValue::from_str(&body.unwrap_or_default());
        match self {
            Self::Pull(name) => {
                let body = serde_json::to_string(&ImageName { name: name.clone() });
                ("POST", "/api/images/pull".to_owned(), json(body))
            }
            Self::Load(file) => ("POST", "/api/images/load".to_owned(), file.into()),
            Self::Build(build) => ("POST", "/api/images/build".to_owned(), json(serde_json::to_string(build))),
            Self::LabUp(file) => ("POST", "/api/labs".to_owned(), json(serde_json::to_string(file))),
            Self::LabDown(name, volumes) => {
                ("DELETE", format!("/api/labs/{}?volumes={volumes}", encode(name)), JsValue::UNDEFINED)
            }
        }
    }
}

/// Runs an errand and hands over what is reported, the end included.
///
/// # Errors
/// `Unauthorised` or `Refused` when it did not begin; `Unreachable` when its end is not known.
pub async fn follow(errand: Errand, mut hear: impl FnMut(Progress)) -> Result<(), Failure> {
    let (method, url, body) = errand.request();
    let response = open(method, &url, &body).await.map_err(|_| Failure::Unreachable)?;
    if !response.ok() {
        let text = response.text().map_err(|_| Failure::Unreachable)?;
        let text = JsFuture::from(text).await.map_err(|_| Failure::Unreachable)?.as_string().unwrap_or_default();
        return outcome(method, &url, response.status(), text).map(drop);
    }
    let reader = response.body().ok_or(Failure::Unreachable)?.get_reader();
    let reader: ReadableStreamDefaultReader = reader.dyn_into().map_err(|_| Failure::Unreachable)?;
    let mut lines = Lines::default();
    let (mut is_over, key) = (false, |name: &str| JsValue::from_str(name));
    loop {
        let piece = JsFuture::from(reader.read()).await.map_err(|_| Failure::Unreachable)?;
        if js_sys::Reflect::get(&piece, &key("done")).is_ok_and(|done| done.is_truthy()) {
            return if is_over { Ok(()) } else { Err(Failure::Unreachable) };
        }
        let bytes = js_sys::Reflect::get(&piece, &key("value")).map_err(|_| Failure::Unreachable)?;
        for report in lines.feed(&js_sys::Uint8Array::new(&bytes).to_vec()) {
            is_over |= matches!(report, Progress::Done | Progress::Failed { .. });
            hear(report);
        }
    }
}
