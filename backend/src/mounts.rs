//! Mounts and volumes in domain words: what is mounted into a container, and what is kept of a volume. No kernel, no SQL,
//! nothing of either dialect.

use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

/// Something that is mounted into a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// What.
    pub kind: MountKind,
    /// Where: an absolute path without `.` and `..`.
    pub target: PathBuf,
    /// Whether nothing can be written through it.
    pub read_only: bool,
    /// How later mounts below it are shared, `rprivate` and its like (mount_namespaces(7)); the usual when empty.
    pub propagation: String,
    /// The mode as it was written, kept to be shown.
    pub mode: String,
}

/// What is mounted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MountKind {
    /// A file or folder of the host.
    Bind {
        /// Which.
        source: PathBuf,
        /// What to do when it is not there.
        missing: Missing,
        /// Whether what is mounted below it comes along.
        recursive: bool,
    },
    /// A volume.
    Volume {
        /// Its name; made up for a volume of the container's own when empty.
        name: String,
        /// Whether an empty volume is filled with what the image has at its place.
        copy: bool,
        /// The folder in it that is mounted; all of it when empty.
        subpath: PathBuf,
        /// Labels for a volume that is made.
        labels: BTreeMap<String, String>,
        /// Driver options for a volume that is made.
        options: BTreeMap<String, String>,
    },
    /// A memory file system of its own, with mount options.
    Memory {
        /// `size=1048576`, `mode=1777`.
        options: Vec<String>,
    },
}

/// What to do when the source of a bind mount is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// Make a folder.
    Make,
    /// Refuse.
    Refuse,
}

/// A volume as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeRecord {
    /// Its name, unique.
    pub name: String,
    /// Driver options as they were given.
    pub options: BTreeMap<String, String>,
    /// Labels as they were given.
    pub labels: BTreeMap<String, String>,
    /// Made for one container.
    pub anonymous: bool,
    /// UTC milliseconds.
    pub created_at_ms: i64,
}

impl VolumeRecord {
    /// The folder elsewhere that a volume stands for (`type=none`, `o=bind`, `device=/folder`).
    pub fn device(&self) -> Option<&Path> {
        self.options.get("device").filter(|device| !device.is_empty()).map(Path::new)
    }
}

/// Whether a name is one of a volume: what the file system and every client can live with.
pub fn is_volume_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() > 1
        && name.len() <= 255
        && bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// An absolute path without `.` and `..`, as if `/` were the top; none when it is not absolute or is `/` itself.
pub fn clean(path: &Path) -> Option<PathBuf> {
    if !path.is_absolute() {
        return None;
    }
    let mut cleaned = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(name) => cleaned.push(name),
            Component::ParentDir => drop(cleaned.pop()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    (cleaned != Path::new("/")).then_some(cleaned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_cleaned() {
        let clean = |text: &str| clean(Path::new(text)).map(|path| path.display().to_string());
        assert_eq!(clean("/a//b/./c/"), Some("/a/b/c".into()));
        assert_eq!(clean("/a/../../b"), Some("/b".into()));
        assert_eq!([clean("/"), clean("a"), clean("/a/..")], [None, None, None]);
    }

    #[test]
    fn a_volume_has_a_plain_name() {
        for (name, is) in [("ab", true), ("a.b_c-1", true), ("a", false), (".ab", false), ("a/b", false), ("", false)] {
            assert_eq!(is_volume_name(name), is, "{name}");
        }
    }
}
