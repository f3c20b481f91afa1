//! `GET /system/df`: what images, containers and volumes take.

use super::{
    containers::{KnownImages, known, row, sizes},
    error::DockerError,
    image_answer, volumes,
};
use crate::ops::{Daemon, container, image, volume};
use axum::{
    Json,
    extract::{Query, State},
};
use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// The kinds that can be asked for by `type`, each any number of times.
const KINDS: [&str; 4] = ["container", "image", "volume", "build-cache"];

/// `GET /system/df`.
pub(super) async fn df(
    State(daemon): State<Arc<Daemon>>,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Json<Value>, DockerError> {
    let kinds: HashSet<&str> = query.iter().filter(|(key, _)| key == "type").map(|(_, value)| value.as_str()).collect();
    if let Some(unknown) = kinds.iter().find(|kind| !KINDS.contains(kind)) {
        return Err(DockerError::BadRequest(format!("unknown object type: {unknown}")));
    }
    let wanted = |kind: &str| kinds.is_empty() || kinds.contains(kind);
    let containers = container::list(&daemon)?;
    let mut shown = json!({});
    if wanted("image") {
        let mut users: HashMap<_, i64> = HashMap::new();
        for (record, _) in &containers {
            *users.entry(record.image_id.clone()).or_default() += 1;
        }
        shown["LayersSize"] = image::layers_size(&daemon)?.into();
        // Neither counts what a build went through on its way.
        let images = image::without_steps(image::list(&daemon)?);
        let shared = image::shared_sizes(&daemon, &images)?;
        let rows = images.iter().map(|image| {
            let mut row = image_answer::row(image);
            row["Containers"] = users.get(&image.id).copied().unwrap_or(0).into();
            row["SharedSize"] = shared.get(&image.id).copied().unwrap_or(0).into();
            row
        });
        shown["Images"] = rows.collect();
    }
    if wanted("container") {
        let known = known(&daemon)?;
        let mut rows = Vec::new();
        let mut images = KnownImages::default();
        for (record, seen) in containers.iter().rev() {
            let mut row = row(&daemon, record, seen, &known, &mut images)?;
            row.sizes = Some(sizes(&daemon, record)?);
            rows.push(row);
        }
        shown["Containers"] = json!(rows);
    }
    if wanted("volume") {
        shown["Volumes"] = volume::list(&daemon)?.iter().map(volumes::shown_with_usage).collect();
    }
    if wanted("build-cache") {
        shown["BuildCache"] = json!([]);
        shown["BuilderSize"] = 0.into();
    }
    Ok(Json(shown))
}
