//! Volumes: make, find, list, remove, prune. How containers use them is in `mounting`.

use super::{Daemon, OpError};
use crate::{
    clock,
    mounts::{VolumeRecord, is_volume_name},
    notices::{Deed, Kind, VolumeDeed},
    store::{Connection, StoreError, volume},
};
use drawbridge_api::ContainerId;
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// What can be told of a volume's making.
const OPTIONS: [&str; 3] = ["type", "o", "device"];

/// A volume to be made.
#[derive(Clone, Debug, Default)]
pub struct NewVolume {
    /// Its name; made up when empty.
    pub name: String,
    /// `local`, or nothing.
    pub driver: String,
    /// Driver options.
    pub options: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// A volume with the containers that use it.
#[derive(Clone, Debug)]
pub struct SeenVolume {
    /// As it is kept.
    pub record: VolumeRecord,
    /// Where its data is.
    pub folder: PathBuf,
    /// Who uses it.
    pub users: Vec<ContainerId>,
}

/// Makes a volume; one that is there already is returned as it is.
///
/// # Errors
/// `Invalid` for a name or option that makes no sense; `NoSuchPlugin`.
pub fn create(daemon: &Daemon, new: NewVolume) -> Result<SeenVolume, OpError> {
    let record = record(new)?;
    let name = record.name.clone();
    let made = daemon.engine.write(|db| insert_missing(db, &record))?;
    if made {
        prepare(daemon, &name)?;
        tell(daemon, &name, VolumeDeed::Create);
    }
    find(daemon, &name)
}

/// Makes up what was not said, and checks the rest.
pub(super) fn record(new: NewVolume) -> Result<VolumeRecord, OpError> {
    if !matches!(new.driver.as_str(), "" | "local") {
        return Err(OpError::NoSuchVolumeDriver(new.driver));
    }
    let made_up = new.name.is_empty();
    let name = if made_up { ContainerId::from_bytes(rand::random()).to_string() } else { new.name };
    if !is_volume_name(&name) {
        return Err(OpError::Invalid(format!(
            "create {name}: \"{name}\" includes invalid characters for a local volume name, only \
             \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use absolute path"
        )));
    }
    check_options(&name, &new.options)?;
    Ok(VolumeRecord {
        name,
        options: new.options,
        labels: new.labels,
        anonymous: made_up,
        created_at_ms: clock::now_ms(),
    })
}

fn check_options(name: &str, options: &BTreeMap<String, String>) -> Result<(), OpError> {
    if let Some(unknown) = options.keys().find(|key| !OPTIONS.contains(&key.as_str())) {
        return Err(OpError::Invalid(format!("create {name}: invalid option: {unknown:?}")));
    }
    if options.is_empty() {
        return Ok(());
    }
    let get = |key: &str| options.get(key).map(String::as_str).unwrap_or_default();
    let is_bind = get("o").split(',').any(|word| matches!(word, "bind" | "rbind"));
    if !matches!(get("type"), "" | "none" | "bind") || !is_bind {
        return Err(OpError::NotBuilt(format!(
            "create {name}: a volume of type {:?} with options {:?}",
            get("type"),
            get("o")
        )));
    }
    if !Path::new(get("device")).is_absolute() {
        return Err(OpError::Invalid(format!(
            "create {name}: missing device in volume options: name an absolute path"
        )));
    }
    Ok(())
}

/// Inserts a volume unless there is one of that name. Whether it did.
pub(super) fn insert_missing(db: &Connection, record: &VolumeRecord) -> Result<bool, StoreError> {
    if volume::get(db, &record.name)?.is_some() {
        return Ok(false);
    }
    volume::insert(db, record)?;
    Ok(true)
}

/// Makes the folder of a volume that has just been made. What lies there is of one whose removal was cut off by a crash:
/// a new volume never has old data.
pub(super) fn prepare(daemon: &Daemon, name: &str) -> Result<(), OpError> {
    let folder = home(daemon, name);
    let result = clear(&folder).and_then(|()| fs::create_dir_all(folder.join("_data")));
    result.map_err(|source| OpError::VolumeData { name: name.to_owned(), source })
}

/// Takes a folder away, at once for whoever looks: it is renamed first.
fn clear(folder: &Path) -> io::Result<()> {
    let aside = folder.with_file_name(format!(".removing-{}", hex::encode(rand::random::<[u8; 8]>())));
    match fs::rename(folder, &aside) {
        Ok(()) => drawbridge_kernel::remove::folder(&aside),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn home(daemon: &Daemon, name: &str) -> PathBuf {
    daemon.images.data_dir().join("volumes").join(name)
}

/// Where a volume's data is.
pub(super) fn folder(daemon: &Daemon, name: &str) -> PathBuf {
    home(daemon, name).join("_data")
}

/// The volume of a name.
///
/// # Errors
/// `NoSuchVolume`.
pub fn find(daemon: &Daemon, name: &str) -> Result<SeenVolume, OpError> {
    let db = daemon.engine.store.read()?;
    let record = volume::get(&db, name)?.ok_or_else(|| OpError::NoSuchVolume(name.to_owned()))?;
    Ok(SeenVolume { users: volume::users(&db, name)?, folder: folder(daemon, name), record })
}

/// All volumes by name.
///
/// # Errors
/// When the store fails.
pub fn list(daemon: &Daemon) -> Result<Vec<SeenVolume>, OpError> {
    let db = daemon.engine.store.read()?;
    let records = volume::list(&db)?;
    let seen = records.into_iter().map(|record| {
        Ok(SeenVolume { users: volume::users(&db, &record.name)?, folder: folder(daemon, &record.name), record })
    });
    seen.collect()
}

/// Removes a volume with its data.
///
/// # Errors
/// `NoSuchVolume`; `VolumeInUse` while a container uses it.
pub fn remove(daemon: &Daemon, name: &str) -> Result<(), OpError> {
    find(daemon, name)?;
    delete(daemon, name)
}

/// Removes a volume's row, then its data.
pub(super) fn delete(daemon: &Daemon, name: &str) -> Result<(), OpError> {
    let deleted = daemon.engine.write(|db| {
        let users = volume::users(db, name)?;
        if users.is_empty() {
            volume::delete(db, name)?;
        }
        Ok(users)
    })?;
    if !deleted.is_empty() {
        let users = deleted.iter().map(ContainerId::to_string).collect::<Vec<_>>().join(", ");
        return Err(OpError::VolumeInUse { name: name.to_owned(), users });
    }
    let cleared = tokio::task::block_in_place(|| clear(&home(daemon, name)));
    tell(daemon, name, VolumeDeed::Destroy);
    cleared.map_err(|source| OpError::VolumeData { name: name.to_owned(), source })
}

/// Which unused volumes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prune {
    /// Those that were made for one container.
    Anonymous,
    /// Named ones too.
    All,
}

/// Removes every volume that no container uses and that `chosen` picks; returns their names and the room that they took,
/// in bytes.
///
/// # Errors
/// When the store fails. A volume that can't be removed is left, with a line in the log.
pub fn prune(
    daemon: &Daemon,
    which: Prune,
    chosen: impl Fn(&VolumeRecord) -> bool,
) -> Result<(Vec<String>, u64), OpError> {
    let mut removed = Vec::new();
    let mut bytes = 0;
    for seen in list(daemon)? {
        let goes = seen.users.is_empty() && (which == Prune::All || seen.record.anonymous) && chosen(&seen.record);
        if !goes {
            continue;
        }
        let size = size(&seen);
        match delete(daemon, &seen.record.name) {
            Ok(()) => {
                bytes += size;
                removed.push(seen.record.name);
            }
            Err(error) => {
                tracing::warn!(volume = seen.record.name, error = &error as &dyn std::error::Error, "not pruned")
            }
        }
    }
    daemon.notices.tell(Deed::Pruned { kind: Kind::Volume, reclaimed_bytes: bytes });
    Ok((removed, bytes))
}

/// What a volume's files take, in bytes. One that stands for a folder elsewhere takes none.
pub fn size(seen: &SeenVolume) -> u64 {
    match seen.record.device() {
        Some(_) => 0,
        None => tokio::task::block_in_place(|| super::usage::bytes_below(&seen.folder)),
    }
}

pub(super) fn tell(daemon: &Daemon, name: &str, deed: VolumeDeed) {
    daemon.notices.tell(Deed::Volume { name: name.to_owned(), driver: "local".to_owned(), deed });
}
