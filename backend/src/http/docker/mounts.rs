//! Mounts as clients write them (`Binds`, `Mounts`, `Volumes`, `VolumesFrom`), in domain words, and as they are shown.

use super::{error::DockerError, extract::null_as_default};
use crate::{
    mounts::{Missing, Mount, MountKind, clean, is_volume_name},
    ops::OpError,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// How later mounts below a bind mount are shared (mount_namespaces(7)).
const PROPAGATIONS: [&str; 6] = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];

/// One of `HostConfig.Mounts`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MountBody {
    #[serde(rename = "Type", default, deserialize_with = "null_as_default")]
    kind: String,
    #[serde(default, deserialize_with = "null_as_default")]
    source: String,
    #[serde(default, deserialize_with = "null_as_default")]
    target: String,
    #[serde(default, deserialize_with = "null_as_default")]
    read_only: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    bind_options: BindOptions,
    #[serde(default, deserialize_with = "null_as_default")]
    volume_options: VolumeOptions,
    #[serde(default, deserialize_with = "null_as_default")]
    tmpfs_options: TmpfsOptions,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct BindOptions {
    #[serde(deserialize_with = "null_as_default")]
    propagation: String,
    #[serde(deserialize_with = "null_as_default")]
    non_recursive: bool,
    #[serde(deserialize_with = "null_as_default")]
    create_mountpoint: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct VolumeOptions {
    #[serde(deserialize_with = "null_as_default")]
    no_copy: bool,
    #[serde(deserialize_with = "null_as_default")]
    labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "null_as_default")]
    driver_config: DriverConfig,
    #[serde(deserialize_with = "null_as_default")]
    subpath: PathBuf,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DriverConfig {
    #[serde(deserialize_with = "null_as_default")]
    name: String,
    #[serde(deserialize_with = "null_as_default")]
    options: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct TmpfsOptions {
    #[serde(deserialize_with = "null_as_default")]
    size_bytes: i64,
    #[serde(deserialize_with = "null_as_default")]
    mode: u32,
    #[serde(deserialize_with = "null_as_default")]
    options: Vec<Vec<String>>,
}

/// All mounts that are asked for.
///
/// # Errors
/// For one that makes no sense.
pub(super) fn requests(binds: &[String], mounts: &[MountBody]) -> Result<Vec<Mount>, DockerError> {
    let binds = binds.iter().map(|text| bind(text));
    binds.chain(mounts.iter().map(mount)).collect()
}

/// `SOURCE:PLACE[:MODE]` or `PLACE`, where a source that is no path is a volume's name.
fn bind(text: &str) -> Result<Mount, DockerError> {
    let invalid = |why: &str| DockerError::BadRequest(format!("invalid volume specification: '{text}'{why}"));
    let parts: Vec<&str> = text.split(':').collect();
    let (source, place, mode) = match parts.as_slice() {
        [place] => ("", *place, ""),
        [source, place] => (*source, *place, ""),
        [source, place, mode] => (*source, *place, *mode),
        _ => return Err(invalid("")),
    };
    if parts.iter().any(|part| part.is_empty()) {
        return Err(invalid(""));
    }
    let target = place_of(place).ok_or_else(|| {
        invalid(if place == "/" {
            ": invalid mount config for type \"bind\": invalid specification: destination can't be '/'"
        } else {
            ": invalid mount path: the place must be absolute"
        })
    })?;
    let (mut read_only, mut copy, mut propagation) = (false, true, "");
    for word in mode.split(',').filter(|_| !mode.is_empty()) {
        match word {
            "ro" => read_only = true,
            "nocopy" => copy = false,
            word if PROPAGATIONS.contains(&word) => propagation = word,
            // SELinux labels, and hints for machines with a slow file system between: nothing to do here.
            "rw" | "z" | "Z" | "copy" | "cached" | "delegated" | "consistent" | "default" => {}
            _ => return Err(DockerError::BadRequest(format!("invalid mode: {mode}"))),
        }
    }
    if source.starts_with('/') {
        let kind = MountKind::Bind { source: source.into(), missing: Missing::Make, recursive: true };
        return Ok(Mount { kind, target, read_only, propagation: propagation.into(), mode: mode.into() });
    }
    if !source.is_empty() && !is_volume_name(source) {
        return Err(DockerError::BadRequest(format!(
            "create {source}: \"{source}\" includes invalid characters for a local volume name, only \
             \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use absolute path"
        )));
    }
    // What Docker writes there when a volume is named and no mode is.
    let mode = if mode.is_empty() && !source.is_empty() { "z" } else { mode };
    let kind = volume(source.to_owned(), copy, VolumeOptions::default());
    Ok(Mount { kind, target, read_only, propagation: String::new(), mode: mode.into() })
}

fn volume(name: String, copy: bool, options: VolumeOptions) -> MountKind {
    MountKind::Volume {
        name,
        copy,
        subpath: options.subpath,
        labels: options.labels,
        options: options.driver_config.options,
    }
}

fn place_of(text: &str) -> Option<PathBuf> {
    clean(Path::new(text))
}

fn mount(body: &MountBody) -> Result<Mount, DockerError> {
    let kind = body.kind.as_str();
    let invalid = |why: &str| DockerError::BadRequest(format!("invalid mount config for type \"{kind}\": {why}"));
    if body.target.is_empty() {
        return Err(invalid("field Target must not be empty"));
    }
    let target = place_of(&body.target)
        .ok_or_else(|| invalid(&format!("invalid mount path: '{}' mount path must be absolute", body.target)))?;
    let made = |kind, propagation: &str| Mount {
        kind,
        target: target.clone(),
        read_only: body.read_only,
        propagation: propagation.to_owned(),
        mode: String::new(),
    };
    match kind {
        "bind" => {
            if body.source.is_empty() {
                return Err(invalid("field Source must not be empty"));
            }
            if !body.source.starts_with('/') {
                let source = &body.source;
                return Err(invalid(&format!("invalid mount path: '{source}' mount path must be absolute")));
            }
            let options = &body.bind_options;
            let propagation = options.propagation.as_str();
            if !propagation.is_empty() && !PROPAGATIONS.contains(&propagation) {
                return Err(invalid(&format!("invalid propagation mode: {propagation}")));
            }
            let missing = if options.create_mountpoint { Missing::Make } else { Missing::Refuse };
            let kind =
                MountKind::Bind { source: body.source.clone().into(), missing, recursive: !options.non_recursive };
            Ok(made(kind, propagation))
        }
        "volume" => {
            if body.source.starts_with('/') {
                return Err(invalid(&format!("'{}' is a path; name a volume, or use type bind", body.source)));
            }
            let options = body.volume_options.clone();
            if !matches!(options.driver_config.name.as_str(), "" | "local") {
                return Err(OpError::NoSuchVolumeDriver(options.driver_config.name).into());
            }
            if body.source.is_empty() && !options.subpath.as_os_str().is_empty() {
                return Err(invalid("must not set Subpath when using anonymous volumes"));
            }
            Ok(made(volume(body.source.clone(), !options.no_copy, options), ""))
        }
        "tmpfs" => {
            if !body.source.is_empty() {
                return Err(invalid("must not set Source"));
            }
            let TmpfsOptions { size_bytes, mode, options } = &body.tmpfs_options;
            let mut list: Vec<String> = options.iter().map(|words| words.join("=")).collect();
            if *size_bytes > 0 {
                list.push(format!("size={size_bytes}"));
            }
            if *mode > 0 {
                list.push(format!("mode={mode:o}"));
            }
            Ok(made(MountKind::Memory { options: list }, ""))
        }
        "" => Err(DockerError::BadRequest("invalid mount config for type \"\": mount type unknown: \"\"".into())),
        "image" | "npipe" | "cluster" => Err(DockerError::not_built(format!("a mount of type {kind}"))),
        _ => Err(invalid(&format!("mount type unknown: \"{kind}\""))),
    }
}

/// `Mounts` of inspect and ls. `source` is where each comes from on the host.
pub(super) fn shown(mounts: &[Mount], source: impl Fn(&Mount) -> PathBuf) -> Value {
    let one = |mount: &Mount| {
        let mut shown = json!({
            "Source": source(mount),
            "Destination": mount.target,
            "Mode": mount.mode,
            "RW": !mount.read_only,
            "Propagation": mount.propagation,
        });
        match &mount.kind {
            MountKind::Bind { .. } => {
                shown["Type"] = "bind".into();
                if mount.propagation.is_empty() {
                    shown["Propagation"] = "rprivate".into();
                }
            }
            MountKind::Volume { name, .. } => {
                shown["Type"] = "volume".into();
                shown["Name"] = name.as_str().into();
                shown["Driver"] = "local".into();
            }
            MountKind::Memory { .. } => shown["Type"] = "tmpfs".into(),
        }
        shown
    };
    mounts.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Mount, String> {
        bind(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_source_is_a_path_or_a_name() {
        let path = read("/src:/dst:ro,rslave").unwrap();
        assert!(path.read_only && path.propagation == "rslave" && matches!(path.kind, MountKind::Bind { .. }));
        let name = read("data:/dst/").unwrap();
        assert_eq!(name.target, Path::new("/dst"));
        assert!(matches!(name.kind, MountKind::Volume { name, copy: true, .. } if name == "data"));
        assert!(matches!(read("/dst").unwrap().kind, MountKind::Volume { name, .. } if name.is_empty()));
        for (text, word) in [
            ("a:b:c:d", "invalid volume specification: 'a:b:c:d'"),
            ("/a:", "invalid volume specification"),
            ("/a:b", "must be absolute"),
            ("/a:/", "destination can't be '/'"),
            ("/a:/b:nope", "invalid mode: nope"),
            ("a/b:/c", "includes invalid characters for a local volume name"),
        ] {
            let message = read(text).unwrap_err();
            assert!(message.contains(word), "{text}: {message}");
        }
    }

    #[test]
    fn mounts_are_checked_by_their_type() {
        let of = |text: &str| mount(&serde_json::from_str(text).unwrap()).map_err(|error| error.to_string());
        let tmpfs = of(r#"{"Type":"tmpfs","Target":"/t","TmpfsOptions":{"SizeBytes":1024,"Mode":448}}"#).unwrap();
        assert_eq!(tmpfs.kind, MountKind::Memory { options: vec!["size=1024".into(), "mode=700".into()] });
        for (text, word) in [
            (r#"{"Type":"bind","Target":"/t"}"#, "field Source must not be empty"),
            (r#"{"Type":"bind","Source":"/s"}"#, "field Target must not be empty"),
            (r#"{"Type":"bind","Source":"s","Target":"/t"}"#, "'s' mount path must be absolute"),
            (r#"{"Type":"nope","Target":"/t"}"#, "mount type unknown: \"nope\""),
            (r#"{"Type":"tmpfs","Source":"x","Target":"/t"}"#, "must not set Source"),
        ] {
            let message = of(text).unwrap_err();
            assert!(message.contains(word), "{text}: {message}");
        }
    }
}
