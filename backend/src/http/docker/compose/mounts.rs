//! `volumes` and `tmpfs` of a service, as `Binds` and `Mounts`. A path that begins with a dot is one beside the file.

use super::{
    ComposeError, Place,
    fields::Fields,
    yaml::{Node, Value},
};
use crate::mounts::clean;
use serde_json::{Value as Json, json};
use std::{collections::BTreeMap, path::Path};

/// What a service mounts.
#[derive(Debug, Default)]
pub(super) struct Mounts {
    pub(super) binds: Vec<String>,
    pub(super) mounts: Vec<Json>,
    /// Places that get a volume without a name.
    pub(super) anonymous: Vec<String>,
}

/// What is known of where sources may come from.
pub(super) struct Sources<'a> {
    pub(super) place: &'a Place,
    /// The file's volumes, with the names that they have on the machine.
    pub(super) volumes: &'a BTreeMap<String, String>,
}

impl Mounts {
    pub(super) fn read(list: &[Node], sources: &Sources<'_>) -> Result<Self, ComposeError> {
        let mut all = Self::default();
        for node in list {
            match &node.value {
                Value::Map(_) => all.mounts.push(long(node, sources)?),
                Value::Nothing | Value::Text(_) | Value::List(_) => all.short(node, sources)?,
            }
        }
        Ok(all)
    }

    /// `SOURCE:PLACE[:MODE]` or `PLACE`.
    fn short(&mut self, node: &Node, sources: &Sources<'_>) -> Result<(), ComposeError> {
        let text = node.text("volumes")?;
        match text.split_once(':') {
            None => self.anonymous.push(text.to_owned()),
            Some((source, rest)) => self.binds.push(format!("{}:{rest}", source_of(node, source, sources)?)),
        }
        Ok(())
    }
}

/// The path or the volume's name on the machine.
fn source_of(node: &Node, source: &str, sources: &Sources<'_>) -> Result<String, ComposeError> {
    if source.starts_with('/') {
        return Ok(source.to_owned());
    }
    if source.starts_with(['.', '~']) {
        let path = sources.place.beside(source).map_err(|why| ComposeError::at(node.line, why))?;
        return Ok(path.display().to_string());
    }
    sources.volumes.get(source).cloned().ok_or_else(|| {
        ComposeError::at(
            node.line,
            format!(
                "volume {source} is not among the file's `volumes`; add it there, or write ./{source} for a folder"
            ),
        )
    })
}

fn long(node: &Node, sources: &Sources<'_>) -> Result<Json, ComposeError> {
    let mut fields = Fields::of(node, "a volume")?;
    let kind = fields.text("type")?.unwrap_or_else(|| "volume".into());
    let target = fields.text("target")?;
    let target = target.ok_or_else(|| ComposeError::at(node.line, "a volume needs a `target`: where it is mounted"))?;
    let read_only = fields.flag("read_only")?;
    let source = match fields.text("source")? {
        Some(source) => source_of(node, &source, sources)?,
        None => String::new(),
    };
    let mut mount = json!({ "Type": kind, "Source": source, "Target": target, "ReadOnly": read_only });
    if let Some(node) = fields.get("bind") {
        let mut bind = Fields::of(node, "bind")?;
        let propagation = bind.text("propagation")?.unwrap_or_default();
        let create = bind.flag("create_host_path")?;
        bind.finish()?;
        mount["BindOptions"] = json!({ "Propagation": propagation, "CreateMountpoint": create });
    }
    if let Some(node) = fields.get("volume") {
        let mut volume = Fields::of(node, "volume")?;
        let options =
            json!({ "NoCopy": volume.flag("nocopy")?, "Subpath": volume.text("subpath")?.unwrap_or_default() });
        volume.finish()?;
        mount["VolumeOptions"] = options;
    }
    if let Some(node) = fields.get("tmpfs") {
        let mut tmpfs = Fields::of(node, "tmpfs")?;
        let size = tmpfs.text("size")?.and_then(|text| super::words::bytes(&text)).unwrap_or(0);
        tmpfs.finish()?;
        mount["TmpfsOptions"] = json!({ "SizeBytes": size });
    }
    fields.text("consistency")?;
    fields.finish()?;
    Ok(mount)
}

impl Place {
    /// A path beside the file.
    ///
    /// # Errors
    /// A sentence, when it is not known where the file is.
    pub(super) fn beside(&self, path: &str) -> Result<std::path::PathBuf, String> {
        match &self.folder {
            Some(folder) if !path.starts_with('~') => clean(&folder.join(path))
                .ok_or_else(|| format!("{path} is the root of all files; name a folder below it")),
            Some(_) => Err(format!("{path}: whose home that is the daemon can't know; write the whole path")),
            None => Err(format!(
                "{path} is beside the file, and it is not known where that is; write a whole path, or use `drawbridge lab up`"
            )),
        }
    }

    /// What is asked for beside the file, read.
    pub(super) fn read(&self, path: &str) -> Result<String, String> {
        let path = if Path::new(path).is_absolute() { path.into() } else { self.beside(path)? };
        std::fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))
    }
}
