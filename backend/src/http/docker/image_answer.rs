//! Images as Docker's clients read them. Nulls and left-out fields are where Docker 28 has them.

use super::{ApiVersion, answer::rfc3339};
use crate::{
    images::config::ImageConfig,
    model::ImageRecord,
    ops::{Daemon, image::HistoryLine},
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The first version whose image inspect leaves empty fields of `Config` out.
const SPARSE_CONFIG: ApiVersion = ApiVersion { minor: 50 };

/// The first version without `VirtualSize`.
const NO_VIRTUAL_SIZE: ApiVersion = ApiVersion { minor: 44 };

/// An image's labels; none when its configuration can't be read.
pub(super) fn labels(image: &ImageRecord) -> BTreeMap<String, String> {
    ImageConfig::parse(image.config.as_bytes()).map(|config| config.labels()).unwrap_or_default()
}

/// One row of `GET /images/json`.
pub(super) fn row(image: &ImageRecord) -> Value {
    let labels = labels(image);
    json!({
        "Containers": -1,
        "Created": image.created_at_ms / 1000,
        "Id": format!("sha256:{}", image.id),
        "Labels": if labels.is_empty() { Value::Null } else { json!(labels) },
        "ParentId": image.parent_id.as_ref().map(|id| format!("sha256:{id}")).unwrap_or_default(),
        "RepoDigests": image.digests,
        "RepoTags": image.tags,
        "SharedSize": -1,
        "Size": image.size_bytes,
    })
}

/// `GET /images/{name}/json`.
pub(super) fn inspect(daemon: &Daemon, version: ApiVersion, image: &ImageRecord) -> Value {
    let config = ImageConfig::parse(image.config.as_bytes()).unwrap_or_else(|_| ImageConfig::scratch());
    let comment = match config.text("comment") {
        "" => config.history().last().map(|entry| entry.comment.clone()).unwrap_or_default(),
        comment => comment.to_owned(),
    };
    let run = if version >= SPARSE_CONFIG { without_empty(config.run()) } else { whole(config.run()) };
    let mut answer = json!({
        "Id": format!("sha256:{}", image.id),
        "RepoTags": image.tags,
        "RepoDigests": image.digests,
        "Parent": image.parent_id.as_ref().map(|id| format!("sha256:{id}")).unwrap_or_default(),
        "Comment": comment,
        "Created": rfc3339(image.created_at_ms),
        "DockerVersion": config.text("docker_version"),
        "Author": config.text("author"),
        "Config": run,
        "Architecture": config.text("architecture"),
        "Os": config.text("os"),
        "Size": image.size_bytes,
        "GraphDriver": { "Data": folders(daemon, image), "Name": "overlay2" },
        "RootFS": { "Type": "layers", "Layers": image.layers },
        "Metadata": {
            "LastTagTime": rfc3339(image.tagged_at_ms.unwrap_or(crate::images::config::NEVER_MS)),
        },
    });
    let variant = config.text("variant");
    if !variant.is_empty() {
        answer["Variant"] = variant.into();
    }
    if version < NO_VIRTUAL_SIZE {
        answer["VirtualSize"] = image.size_bytes.into();
    }
    answer
}

/// Where the layers lie: the uppermost, and those below it in the order in which they are stacked.
fn folders(daemon: &Daemon, image: &ImageRecord) -> Value {
    let mut folders = image.layers.iter().rev().map(|layer| daemon.images.layer_dir(layer).display().to_string());
    let Some(upper) = folders.next() else { return Value::Null };
    let lower: Vec<String> = folders.collect();
    if lower.is_empty() {
        json!({ "UpperDir": upper })
    } else {
        json!({ "LowerDir": lower.join(":"), "UpperDir": upper })
    }
}

fn without_empty(mut run: Map<String, Value>) -> Map<String, Value> {
    run.retain(|_, value| match value {
        Value::Null => false,
        Value::Bool(on) => *on,
        Value::Number(_) => true,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    });
    run
}

/// The fields that older clients index.
fn whole(run: Map<String, Value>) -> Map<String, Value> {
    let fields = json!({
        "Hostname": "", "Domainname": "", "User": "", "AttachStdin": false, "AttachStdout": false, "AttachStderr": false,
        "Tty": false, "OpenStdin": false, "StdinOnce": false, "Env": null, "Cmd": null, "Image": "", "Volumes": null,
        "WorkingDir": "", "Entrypoint": null, "OnBuild": null, "Labels": null,
    });
    let mut all = fields.as_object().cloned().unwrap_or_default();
    all.extend(run.into_iter().filter(|(_, value)| !value.is_null()));
    all
}

/// `GET /images/{name}/history`.
pub(super) fn history(lines: &[HistoryLine]) -> Vec<Value> {
    let row = |line: &HistoryLine| {
        json!({
            "Comment": line.comment,
            "Created": line.created_at_ms / 1000,
            "CreatedBy": line.created_by,
            "Id": line.id.as_ref().map_or_else(|| "<missing>".to_owned(), |id| format!("sha256:{id}")),
            "Size": line.size_bytes,
            "Tags": if line.tags.is_empty() { Value::Null } else { json!(line.tags) },
        })
    };
    lines.iter().map(row).collect()
}
