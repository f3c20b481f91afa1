//! `/images`: list and inspect. Pulling and building come later and say so.

use super::{answer, error::DockerError, filters::Filters};
use crate::ops::{Daemon, OpError, image};
use axum::{
    Json,
    extract::{Path, Query, State},
    http::Method,
};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

#[derive(Debug, Deserialize)]
pub(super) struct ListQuery {
    filters: Option<String>,
}

/// `GET /images/json`.
pub(super) async fn list(
    State(daemon): State<Arc<Daemon>>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Vec<Value>>, DockerError> {
    let filters = Filters::parse(query.filters.as_deref(), &["dangling", "reference"])?;
    let images = image::list(&daemon)?;
    let chosen = images.iter().filter(|image| {
        filters.any("dangling", |dangling| matches!(dangling, "1" | "true") == image.tags.is_empty())
            && filters.any("reference", |wanted| {
                image.tags.iter().any(|tag| tag == wanted || tag.split(':').next() == Some(wanted))
            })
    });
    Ok(Json(chosen.map(answer::image_row).collect()))
}

/// `/images/{name}/json`, where the name may have slashes in it.
pub(super) async fn named(
    State(daemon): State<Arc<Daemon>>,
    method: Method,
    Path(rest): Path<String>,
) -> Result<Json<Value>, DockerError> {
    match (method, rest.strip_suffix("/json")) {
        (Method::GET, Some(name)) => Ok(Json(answer::image(&image::find(&daemon, name)?))),
        (method, _) => Err(DockerError::not_built(format!("{method} /images/{rest}"))),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateQuery {
    from_image: Option<String>,
    tag: Option<String>,
}

/// `POST /images/create`: a pull. What is here already needs none; anything else comes from a registry, which is not
/// built yet, so the answer is that there is no such image.
pub(super) async fn create(
    State(daemon): State<Arc<Daemon>>,
    Query(query): Query<CreateQuery>,
) -> Result<Json<Value>, DockerError> {
    let name = query.from_image.ok_or_else(|| DockerError::not_built("importing an image"))?;
    let tag = query.tag.filter(|tag| !tag.is_empty()).unwrap_or_else(|| "latest".to_owned());
    let reference = if tag.contains(':') { format!("{name}@{tag}") } else { format!("{name}:{tag}") };
    match image::find(&daemon, &reference) {
        Ok(found) => {
            let tag = found.tags.first().cloned().unwrap_or(reference);
            Ok(Json(serde_json::json!({ "status": format!("Status: Image is up to date for {tag}") })))
        }
        Err(OpError::NoSuchImage(name)) => {
            Err(OpError::NoSuchImage(format!("{name}; pulling images is not built yet, only busybox is here")).into())
        }
        Err(error) => Err(error.into()),
    }
}
