//! What is mounted into containers: settled when a container is made, so that it stays what it is, and made ready at each
//! start.

use super::{
    Daemon, OpError, lookup,
    volume::{self, NewVolume},
};
use crate::{
    model::{ContainerRecord, ContainerSpec},
    mounts::{Missing, Mount, MountKind, clean},
    notices::VolumeDeed,
    runtime::{Fill, MountSource, ProcessMount},
    store::{Connection, StoreError, volume as rows},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The mounts of a container that is to be made, its volumes inserted where they are missing: those of other containers,
/// then its own, then a volume for each place that it or its image wants kept (moby, daemon/volumes_unix.go and
/// daemon/create_unix.go). Returns them with the names of the volumes that were made.
///
/// # Errors
/// `Invalid` for two mounts at one place, or a volume that can't be; `NoSuchContainer`.
pub(super) fn settle(
    db: &Connection,
    spec: &ContainerSpec,
    image_volumes: &[String],
) -> Result<(Vec<Mount>, Vec<String>), OpError> {
    let settings = &spec.settings;
    let mut mounts: Vec<Mount> = Vec::new();
    for text in &settings.volumes_from {
        let (name, mode) = text.split_once(':').unwrap_or((text, "rw"));
        let other = lookup::find_in(db, name)?;
        for mut mount in other.spec.settings.mounts {
            mount.read_only |= mode.split(',').any(|word| word == "ro");
            mounts.retain(|earlier| earlier.target != mount.target);
            mounts.push(mount);
        }
    }
    for (index, mount) in settings.mounts.iter().enumerate() {
        let is_twice = settings.mounts[..index].iter().any(|earlier| earlier.target == mount.target);
        if is_twice || settings.tmpfs.keys().any(|place| Path::new(place) == mount.target) {
            return Err(OpError::Invalid(format!("Duplicate mount point: {}", mount.target.display())));
        }
        mounts.retain(|inherited| inherited.target != mount.target);
        mounts.push(mount.clone());
    }
    for place in settings.volumes.iter().chain(image_volumes) {
        let target = clean(Path::new(place)).ok_or_else(|| {
            OpError::Invalid(format!(
                "invalid volume specification: '{place}': the place must be an absolute path below /"
            ))
        })?;
        let is_taken = mounts.iter().any(|mount| mount.target == target) || settings.tmpfs.contains_key(place);
        if !is_taken {
            mounts.push(anonymous(target));
        }
    }
    let mut made = Vec::new();
    for mount in &mut mounts {
        if let MountKind::Volume { name, labels, options, .. } = &mut mount.kind {
            let new = NewVolume {
                name: name.clone(),
                options: options.clone(),
                labels: labels.clone(),
                ..Default::default()
            };
            let record = volume::record(new)?;
            *name = record.name.clone();
            if volume::insert_missing(db, &record)? {
                made.push(record.name);
            }
        }
    }
    Ok((mounts, made))
}

fn anonymous(target: PathBuf) -> Mount {
    let kind = MountKind::Volume {
        name: String::new(),
        copy: true,
        subpath: PathBuf::new(),
        labels: Default::default(),
        options: Default::default(),
    };
    Mount { kind, target, read_only: false, propagation: String::new(), mode: String::new() }
}

/// Notes which volumes a container uses.
pub(super) fn insert_uses(db: &Connection, record: &ContainerRecord) -> Result<(), StoreError> {
    for name in volumes(record) {
        rows::insert_use(db, &record.id, name)?;
    }
    Ok(())
}

fn volumes(record: &ContainerRecord) -> impl Iterator<Item = &str> {
    record.spec.settings.mounts.iter().filter_map(|mount| match &mount.kind {
        MountKind::Volume { name, .. } => Some(name.as_str()),
        MountKind::Bind { .. } | MountKind::Memory { .. } => None,
    })
}

/// Checks what can be checked before anything is made: sources that must be there.
pub(super) fn check(spec: &ContainerSpec) -> Result<(), OpError> {
    for mount in &spec.settings.mounts {
        if let MountKind::Bind { source, missing: Missing::Refuse, .. } = &mount.kind
            && !source.exists()
        {
            return Err(no_source(source));
        }
    }
    Ok(())
}

fn no_source(source: &Path) -> OpError {
    let source = source.display();
    OpError::Invalid(format!("invalid mount config for type \"bind\": bind source path does not exist: {source}"))
}

/// What the runtime is to mount for a container that is about to start. Makes the folders that are missing.
///
/// # Errors
/// When a source is missing that is not to be made, or can't be.
pub(super) fn ready(daemon: &Daemon, record: &ContainerRecord) -> Result<Vec<ProcessMount>, OpError> {
    record.spec.settings.mounts.iter().map(|mount| ready_one(daemon, mount)).collect()
}

fn ready_one(daemon: &Daemon, mount: &Mount) -> Result<ProcessMount, OpError> {
    let mut options: Vec<String> = Vec::new();
    let (source, fill) = match &mount.kind {
        MountKind::Bind { source, missing, recursive } => {
            match (source.exists(), missing) {
                (true, _) => {}
                (false, Missing::Refuse) => return Err(no_source(source)),
                (false, Missing::Make) => fs::create_dir_all(source).map_err(|error| {
                    OpError::Invalid(format!("error while creating mount source path '{}': {error}", source.display()))
                })?,
            }
            options.push(if *recursive { "rbind" } else { "bind" }.to_owned());
            (MountSource::Host(source.clone()), Fill::Never)
        }
        MountKind::Volume { name, copy, subpath, .. } => {
            let folder = source_of_volume(daemon, name)?;
            options.push("rbind".to_owned());
            let fill = if *copy && subpath.as_os_str().is_empty() { Fill::WhenEmpty } else { Fill::Never };
            (MountSource::Host(inside(&folder, subpath)?), fill)
        }
        MountKind::Memory { options: given } => {
            options.extend(["nosuid", "nodev", "noexec"].map(str::to_owned));
            options.extend(given.iter().cloned());
            (MountSource::Memory, Fill::Never)
        }
    };
    if mount.read_only {
        options.push("ro".to_owned());
    }
    if source != MountSource::Memory {
        let usual = if mount.propagation.is_empty() { "rprivate" } else { &mount.propagation };
        options.push(usual.to_owned());
    }
    Ok(ProcessMount { source, target: mount.target.clone(), options, fill })
}

/// Where a volume's data is, or the folder elsewhere that it stands for.
pub(super) fn source_of_volume(daemon: &Daemon, name: &str) -> Result<PathBuf, OpError> {
    let seen = volume::find(daemon, name)?;
    match seen.record.device() {
        Some(device) if device.is_dir() => Ok(device.to_owned()),
        Some(device) => Err(OpError::Invalid(format!(
            "error while mounting volume '{name}': failed to mount local volume: {}: no such file or directory",
            device.display()
        ))),
        None => {
            fs::create_dir_all(&seen.folder).map_err(|source| OpError::VolumeData { name: name.to_owned(), source })?;
            Ok(seen.folder)
        }
    }
}

/// A folder inside a volume; a link can't lead out of it.
fn inside(folder: &Path, subpath: &Path) -> Result<PathBuf, OpError> {
    if subpath.as_os_str().is_empty() {
        return Ok(folder.to_owned());
    }
    let missing = || OpError::Invalid(format!("cannot access path {}: no such file or directory", subpath.display()));
    let (top, wanted) = (folder.canonicalize().map_err(|_| missing())?, folder.join(subpath));
    let found = wanted.canonicalize().map_err(|_| missing())?;
    if found.starts_with(&top) { Ok(found) } else { Err(missing()) }
}

/// After a container's row is gone: removes the volumes that were made for it alone.
pub(super) fn forget(daemon: &Daemon, volumes: impl Iterator<Item = String>) {
    for name in volumes {
        match volume::delete(daemon, &name) {
            // Another container has begun to use it meanwhile.
            Ok(()) | Err(OpError::VolumeInUse { .. }) => {}
            Err(error) => tracing::warn!(volume = name, error = &error as &dyn std::error::Error, "left behind"),
        }
    }
}

/// Makes the folders of volumes that were just inserted, and tells of them.
pub(super) fn made(daemon: &Daemon, names: &[String]) -> Result<(), OpError> {
    for name in names {
        volume::prepare(daemon, name)?;
        volume::tell(daemon, name, VolumeDeed::Create);
    }
    Ok(())
}

/// Where each mount of a container comes from on the host, for those who are shown it; memory comes from nowhere.
///
/// # Errors
/// When the store fails.
pub fn source(daemon: &Daemon, mount: &Mount) -> PathBuf {
    match &mount.kind {
        MountKind::Bind { source, .. } => source.clone(),
        MountKind::Volume { name, .. } => volume::folder(daemon, name),
        MountKind::Memory { .. } => PathBuf::new(),
    }
}
