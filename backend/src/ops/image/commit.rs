//! What a container wrote becomes a layer, and with what it runs an image.

use super::{Daemon, Names, OpError, find, record};
use crate::{
    clock,
    images::{
        BuiltImage, Layer,
        build::run_config,
        config::{HistoryEntry, ImageConfig},
        reference::Reference,
    },
    model::ContainerSpec,
    ops::container,
};
use drawbridge_api::ImageId;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// What an image of a container is made with.
#[derive(Clone, Debug, Default)]
pub struct CommitOptions {
    /// The name that is to point at it.
    pub name: Option<Reference>,
    /// Who makes it.
    pub author: String,
    /// What they say.
    pub message: String,
    /// Instructions over the container's own configuration: `CMD ["sh"]`.
    pub changes: Vec<String>,
}

/// Makes an image of what a container has written and of what it runs with.
///
/// # Errors
/// `NoSuchContainer`; `Invalid` for changes that are none; when a file can't be read.
pub async fn commit(daemon: &Arc<Daemon>, text: &str, options: CommitOptions) -> Result<ImageId, OpError> {
    let container = container::find(daemon, text)?;
    let base = find(daemon, container.image_id.as_str())?;
    let mut config = ImageConfig::parse(base.config.as_bytes())?;
    config.set_run(over(config.run(), &container.spec));
    crate::ops::build::change(&mut config, &options.changes)?;
    let layer = written(daemon, &container.id).await?;
    let entry = HistoryEntry {
        created_at_ms: clock::now_ms(),
        created_by: container.spec.cmd.clone().unwrap_or_default().join(" "),
        author: options.author.clone(),
        comment: options.message,
        empty_layer: false,
    };
    config.add(&entry, Some(&layer.diff_id));
    if !options.author.is_empty() {
        config.set_text("author", &options.author);
    }
    let mut layers = daemon.images.recorded(&base.config, &base.layers)?.layers;
    layers.push(layer);
    let image = BuiltImage::new(config.to_json(), layers)?;
    let names = Names { tags: options.name.into_iter().collect(), parent_id: Some(base.id), ..Names::default() };
    record(daemon, &image, names)?;
    let deed = crate::notices::ContainerDeed::Commit { image: format!("sha256:{}", image.id) };
    daemon.tell_container(&container, deed);
    Ok(image.id)
}

/// The layer of what a container has written.
///
/// # Errors
/// When a file can't be read.
pub(in crate::ops) async fn written(daemon: &Arc<Daemon>, id: &drawbridge_api::ContainerId) -> Result<Layer, OpError> {
    let (images, folder) = (daemon.images.clone(), daemon.runtime.written_dir(id));
    let layer = spawn_blocking(move || images.layer_of(&folder)).await.map_err(|_| OpError::CutOff)??;
    Ok(layer)
}

/// What an image runs, with what a container was asked to run with over it.
fn over(mut run: Map<String, Value>, spec: &ContainerSpec) -> Map<String, Value> {
    let mut set = |name: &str, value: Value| {
        run.insert(name.to_owned(), value);
    };
    if let Some(entrypoint) = &spec.entrypoint {
        set("Entrypoint", json!(entrypoint));
        set("Cmd", Value::Null);
    }
    if let Some(cmd) = &spec.cmd {
        set("Cmd", json!(cmd));
    }
    for (name, text) in [("WorkingDir", &spec.working_dir), ("User", &spec.user)] {
        if !text.is_empty() {
            set(name, text.as_str().into());
        }
    }
    if let Some(signal) = &spec.stop_signal {
        set("StopSignal", signal.as_str().into());
    }
    for variable in &spec.env {
        run_config::set_variable(&mut run, variable);
    }
    for (name, value) in &spec.labels {
        run_config::set(&mut run, "Labels", name, value.as_str().into());
    }
    for port in &spec.exposed_ports {
        run_config::set(&mut run, "ExposedPorts", port, json!({}));
    }
    run
}
