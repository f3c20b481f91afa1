//! Devices of the host in a container: which nodes are made there, and which may be used.

use super::{RuntimeError, limits::numbers};
use crate::settings::{Settings, parse_device_rule};
use oci_spec::{
    OciSpecError,
    runtime::{LinuxDevice, LinuxDeviceBuilder, LinuxDeviceCgroup, LinuxDeviceCgroupBuilder, LinuxDeviceType as Type},
};
use std::{
    fs, io,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
};

/// Character devices that may always be read and written: null, zero, full, random, urandom, tty, console, ptmx and the
/// pseudo-terminals (Documentation/admin-guide/devices.txt).
const ALWAYS: [(i64, Option<i64>); 9] = [
    (1, Some(3)),
    (1, Some(5)),
    (1, Some(7)),
    (1, Some(8)),
    (1, Some(9)),
    (5, Some(0)),
    (5, Some(1)),
    (5, Some(2)),
    (136, None),
];

/// What of /dev a container has of its own, in every case.
const OWN: [&str; 8] = ["pts", "shm", "mqueue", "fd", "console", "ptmx", "stdin", "stdout"];

/// The nodes to make, and the rules of the device cgroup.
pub(super) struct Devices {
    pub(super) nodes: Vec<LinuxDevice>,
    pub(super) rules: Vec<LinuxDeviceCgroup>,
}

/// What the settings ask for, as the host has it now.
///
/// # Errors
/// `Invalid` for a device that is not there.
pub(super) fn of(settings: &Settings) -> Result<Devices, RuntimeError> {
    if settings.rights.privileged {
        let mut nodes = Vec::new();
        collect(Path::new("/dev"), Path::new("/dev"), &mut nodes).map_err(RuntimeError::io("read", "/dev"))?;
        let nodes = nodes.into_iter().map(|(node, _, _)| node).collect();
        let all = LinuxDeviceCgroupBuilder::default().allow(true).access("rwm").build()?;
        return Ok(Devices { nodes, rules: vec![all] });
    }
    let mut rules = vec![rule(None, None, None, "rwm")?];
    for (major, minor) in ALWAYS {
        rules.push(rule(Some(Type::C), Some(major), minor, "rwm")?);
    }
    let mut nodes = Vec::new();
    for device in &settings.devices {
        let missing = |error: io::Error| {
            RuntimeError::Invalid(format!(
                "error gathering device information while adding custom device \"{}\": {}",
                device.host.display(),
                if error.kind() == io::ErrorKind::NotFound {
                    "no such file or directory".into()
                } else {
                    error.to_string()
                }
            ))
        };
        let mut found = Vec::new();
        // A link, such as /dev/cdrom, stands for what it points at.
        let host = fs::canonicalize(&device.host).map_err(missing)?;
        collect(&host, &device.container, &mut found).map_err(missing)?;
        if found.is_empty() {
            return Err(missing(io::Error::other("not a device node")));
        }
        for (node, kind, numbers) in found {
            rules.push(rule(Some(kind), Some(numbers.0), Some(numbers.1), &device.access)?);
            nodes.push(node);
        }
    }
    for text in &settings.device_rules {
        let Some((kind, major, minor, access)) = parse_device_rule(text) else { continue };
        let kind = match kind {
            'b' => Type::B,
            'c' => Type::C,
            _ => Type::A,
        };
        rules.push(rule(Some(kind), major, minor, access)?);
    }
    Ok(Devices { nodes, rules })
}

/// Allows a device; denies all that follows not when no kind is given.
fn rule(
    kind: Option<Type>,
    major: Option<i64>,
    minor: Option<i64>,
    access: &str,
) -> Result<LinuxDeviceCgroup, OciSpecError> {
    let mut builder = LinuxDeviceCgroupBuilder::default().allow(kind.is_some()).access(access);
    if let Some(kind) = kind {
        builder = builder.typ(kind);
    }
    if let Some(major) = major {
        builder = builder.major(major);
    }
    if let Some(minor) = minor {
        builder = builder.minor(minor);
    }
    builder.build()
}

type Found = (LinuxDevice, Type, (i64, i64));

/// The device at a path, or all that are below it.
fn collect(host: &Path, container: &Path, found: &mut Vec<Found>) -> io::Result<()> {
    let metadata = fs::symlink_metadata(host)?;
    let kind = metadata.file_type();
    if kind.is_dir() {
        for entry in fs::read_dir(host)? {
            let name = entry?.file_name();
            let is_own = host == Path::new("/dev") && OWN.iter().any(|own| *own == name);
            // What goes while we look is not there.
            if !is_own
                && let Err(error) = collect(&host.join(&name), &container.join(&name), found)
                && error.kind() != io::ErrorKind::NotFound
            {
                return Err(error);
            }
        }
        return Ok(());
    }
    let kind = if kind.is_block_device() {
        Type::B
    } else if kind.is_char_device() {
        Type::C
    } else {
        return Ok(());
    };
    let (major, minor) = numbers(metadata.rdev());
    let node = LinuxDeviceBuilder::default()
        .path(PathBuf::from(container))
        .typ(kind)
        .major(major)
        .minor(minor)
        .file_mode(metadata.mode() & 0o7777)
        .uid(metadata.uid())
        .gid(metadata.gid())
        .build()
        .map_err(io::Error::other)?;
    found.push((node, kind, (major, minor)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Device;

    #[test]
    fn a_device_is_made_and_allowed() {
        let device = |host: &str| Device { host: host.into(), container: "/dev/mine".into(), access: "r".into() };
        let settings = |host: &str| Settings { devices: vec![device(host)], ..Settings::default() };
        let Devices { nodes, rules } = of(&settings("/dev/null")).expect("every machine has it");
        assert_eq!((nodes[0].path().as_path(), nodes[0].major(), nodes[0].minor()), (Path::new("/dev/mine"), 1, 3));
        let last = rules.last().expect("its own");
        assert_eq!((last.allow(), last.major(), last.access().as_deref()), (true, Some(1), Some("r")));
        let missing = of(&settings("/dev/nope")).err().expect("no such device").to_string();
        assert_eq!(
            missing,
            "error gathering device information while adding custom device \"/dev/nope\": no such file or directory"
        );
        assert!(of(&settings("/etc/passwd")).is_err());
    }
}
