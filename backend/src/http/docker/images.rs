//! `/images`: list, inspect, history, names, taking away. What brings images in and out is in `archives` and
//! `registries`.

use super::{
    ApiVersion, archives,
    error::DockerError,
    extract::query_bool,
    filters::Filters,
    image_answer,
    query::{named_by, query_of},
    registries, times,
};
use crate::{
    http::to_the_end,
    images::{Reference, glob},
    model::ImageRecord,
    ops::{
        Daemon,
        image::{
            self,
            remove::{self, Insistence, Parents, Removed},
        },
    },
};
use axum::{
    Extension, Json,
    extract::{Path, Query, Request, State},
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ListQuery {
    #[serde(default, deserialize_with = "query_bool")]
    all: bool,
    filters: Option<String>,
    // API 1.24 and before.
    filter: Option<String>,
}

/// `GET /images/json`.
pub(super) async fn list(
    State(daemon): State<Arc<Daemon>>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Vec<Value>>, DockerError> {
    let known = ["dangling", "label", "before", "since", "until", "reference"];
    let filters = Filters::parse(query.filters.as_deref(), &known)?;
    let until_ms = filters.only("until").map(times::until_ms).transpose()?;
    let everything = image::list(&daemon)?;
    let images = if query.all { everything } else { image::without_steps(everything) };
    let time_of = |key: &str| filters.only(key).map(|text| image::find(&daemon, text)).transpose();
    let (before, since) = (time_of("before")?, time_of("since")?);
    let mut rows = Vec::new();
    for mut image in images {
        let wanted = |pattern: &str, name: &str| reference_matches(pattern, name);
        if filters.has("reference") || query.filter.is_some() {
            let fits = |name: &String| {
                filters.any("reference", |pattern| wanted(pattern, name))
                    && query.filter.as_deref().is_none_or(|pattern| wanted(pattern, name))
            };
            image.tags.retain(fits);
            image.digests.retain(fits);
            if image.tags.is_empty() && image.digests.is_empty() {
                continue;
            }
        }
        let chosen = filters.any("dangling", |dangling| matches!(dangling, "1" | "true") == image.tags.is_empty())
            && before.as_ref().is_none_or(|other| image.created_at_ms < other.created_at_ms)
            && until_ms.is_none_or(|until_ms| image.created_at_ms < until_ms)
            && since.as_ref().is_none_or(|other| image.created_at_ms > other.created_at_ms)
            && filters.labels(&image_answer::labels(&image));
        if chosen {
            rows.push(image_answer::row(&image));
        }
    }
    Ok(Json(rows))
}

/// A name fits a pattern with its tag or without (distribution/reference, `FamiliarMatch`).
fn reference_matches(pattern: &str, name: &str) -> bool {
    let bare = name.parse::<Reference>().map(|name| name.familiar_name());
    glob::matches(pattern, name) || bare.is_ok_and(|bare| glob::matches(pattern, &bare))
}

#[derive(Debug, Deserialize)]
struct RemoveQuery {
    #[serde(default, deserialize_with = "query_bool")]
    force: bool,
    #[serde(default, deserialize_with = "query_bool")]
    noprune: bool,
}

#[derive(Debug, Deserialize)]
struct TagQuery {
    repo: Option<String>,
    tag: Option<String>,
}

/// Everything under `/images/NAME`, where the name may have slashes in it.
pub(super) async fn named(
    State(daemon): State<Arc<Daemon>>,
    Extension(version): Extension<ApiVersion>,
    method: Method,
    Path(rest): Path<String>,
    request: Request,
) -> Result<Response, DockerError> {
    let name_before = |end: &str| rest.strip_suffix(end).filter(|name| !name.is_empty()).map(str::to_owned);
    if method == Method::DELETE {
        let query: RemoveQuery = query_of(request).await?;
        return remove(daemon, rest, query).await;
    }
    if method == Method::GET {
        if let Some(name) = name_before("/json") {
            let found = image::find(&daemon, &name)?;
            return Ok(Json(image_answer::inspect(&daemon, version, &found)).into_response());
        }
        if let Some(name) = name_before("/history") {
            return Ok(Json(image_answer::history(&image::history(&daemon, &name)?)).into_response());
        }
        if let Some(name) = name_before("/get") {
            return archives::save(daemon, &[name]).await;
        }
    }
    if method == Method::POST {
        if let Some(name) = name_before("/tag") {
            let query: TagQuery = query_of(request).await?;
            let target = named_by(query.repo.as_deref().unwrap_or_default(), query.tag.as_deref())?;
            to_the_end(async move { image::tag(&daemon, &name, &target) }).await?;
            return Ok(StatusCode::CREATED.into_response());
        }
        if let Some(name) = name_before("/push") {
            return registries::push(daemon, &name, request).await;
        }
    }
    Err(DockerError::PageNotFound)
}

async fn remove(daemon: Arc<Daemon>, name: String, query: RemoveQuery) -> Result<Response, DockerError> {
    let insistence = if query.force { Insistence::Forced } else { Insistence::Gentle };
    let parents = if query.noprune { Parents::Kept } else { Parents::Removed };
    let removed = to_the_end(async move { remove::remove(&daemon, &name, insistence, parents).await }).await?;
    Ok(Json(removed.iter().map(removed_row).collect::<Vec<_>>()).into_response())
}

fn removed_row(removed: &Removed) -> Value {
    match removed {
        Removed::Name(name) => json!({ "Untagged": name }),
        Removed::Digest(digest) => json!({ "Deleted": digest }),
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct PruneQuery {
    filters: Option<String>,
}

/// `POST /images/prune`: those without a name, or all that no container is made of.
pub(super) async fn prune(
    State(daemon): State<Arc<Daemon>>,
    Query(query): Query<PruneQuery>,
) -> Result<Json<Value>, DockerError> {
    let filters = Filters::parse(query.filters.as_deref(), &["dangling", "label", "label!", "until"])?;
    let until_ms = filters.only("until").map(times::until_ms).transpose()?;
    let only_dangling = filters.any("dangling", |dangling| matches!(dangling, "1" | "true"));
    let choose = move |image: &ImageRecord| {
        let labels = image_answer::labels(image);
        (!only_dangling || image.tags.is_empty())
            && until_ms.is_none_or(|until_ms| image.created_at_ms < until_ms)
            && filters.labels(&labels)
            && filters.no_labels(&labels)
    };
    let (removed, reclaimed) = to_the_end(async move { remove::prune(&daemon, choose).await }).await?;
    let rows: Vec<Value> = removed.iter().map(removed_row).collect();
    let rows = if rows.is_empty() { Value::Null } else { rows.into() };
    Ok(Json(json!({ "ImagesDeleted": rows, "SpaceReclaimed": reclaimed.max(0) })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_matched() {
        assert!(reference_matches("red*", "redis:7") && reference_matches("redis:7", "redis:7"));
        assert!(!reference_matches("redis:8", "redis:7"));
    }
}
