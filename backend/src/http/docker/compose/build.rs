//! `build:` of a service: what its image is made of, by the builder that `docker build` has.

use super::{
    ComposeError, Place,
    fields::Fields,
    yaml::{Node, Value},
};
use crate::{http::docker::request, ops::lab::LabBuild};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Reads it.
///
/// # Errors
/// With the line, for a folder that is not on this machine, or a key that is not known.
pub(super) fn build(service: &str, node: &Node, place: &Place) -> Result<LabBuild, ComposeError> {
    let mut fields = match &node.value {
        Value::Text(folder) => {
            let folder = context(node, Some(folder), place)?;
            return Ok(LabBuild { dockerfile: folder.join("Dockerfile"), folder, ..LabBuild::default() });
        }
        Value::Nothing | Value::List(_) | Value::Map(_) => Fields::of(node, format!("build of service {service}"))?,
    };
    let folder = context(node, fields.text("context")?.as_deref(), place)?;
    let dockerfile = folder.join(fields.text("dockerfile")?.as_deref().unwrap_or("Dockerfile"));
    let inline = fields.text("dockerfile_inline")?;
    // A name without a value has that of the file's variables, as in `environment`.
    let value = |(name, value): (String, Option<String>)| {
        let value = value.or_else(|| place.variables.get(&name).cloned())?;
        Some((name, value))
    };
    let arguments = fields.pairs("args")?.into_iter().filter_map(value).collect();
    let container = json!({
        "Image": "scratch",
        "HostConfig": {
            "NetworkMode": fields.text("network")?.unwrap_or_default(),
            "ExtraHosts": hosts(&mut fields)?,
        },
    });
    let here = |why: String| ComposeError::at(node.line, format!("build of service {service}: {why}"));
    let container = serde_json::from_value(container).map_err(|error| here(error.to_string()))?;
    let (new, warnings) = request::new_container(None, container).map_err(|error| here(error.to_string()))?;
    if let Some(warning) = warnings.into_iter().next() {
        return Err(here(warning));
    }
    let build = LabBuild {
        folder,
        dockerfile,
        inline,
        arguments,
        labels: fields.words("labels")?,
        target: fields.text("target")?,
        tags: fields.texts("tags")?,
        without_cache: fields.flag("no_cache")?,
        always_pulls: fields.flag("pull")?,
        container: Some(Box::new(new.spec)),
    };
    fields.finish()?;
    Ok(build)
}

/// `[NAME:ADDRESS]`, `[NAME=ADDRESS]` or `{NAME: ADDRESS}`.
fn hosts(fields: &mut Fields<'_>) -> Result<Vec<String>, ComposeError> {
    let Some(node) = fields.get("extra_hosts") else { return Ok(Vec::new()) };
    match &node.value {
        Value::List(_) => Ok(node.texts("extra_hosts")?.iter().map(|host| host.replacen('=', ":", 1)).collect()),
        Value::Nothing | Value::Text(_) | Value::Map(_) => {
            let pairs = node.pairs("extra_hosts")?.into_iter();
            Ok(pairs.map(|(name, address)| format!("{name}:{}", address.unwrap_or_default())).collect())
        }
    }
}

fn context(node: &Node, folder: Option<&str>, place: &Place) -> Result<PathBuf, ComposeError> {
    let folder = folder.unwrap_or(".");
    if folder.contains("://") || folder.starts_with("git@") {
        let why = format!("building from {folder} is not built yet; fetch it and name the folder");
        return Err(ComposeError::at(node.line, why));
    }
    let path = Path::new(folder);
    match (&place.folder, path.is_absolute()) {
        (_, true) => Ok(path.to_owned()),
        (Some(beside), false) => Ok(beside.join(path)),
        (None, false) => {
            let why = format!(
                "{folder} is beside the file, and the file is not on this machine; bring it up with `drawbridge lab up`, \
                 or write the folder's whole path"
            );
            Err(ComposeError::at(node.line, why))
        }
    }
}
