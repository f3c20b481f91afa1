//! What is mounted into a container: what every one has, then what its settings ask for, in the order of depth.

use super::{
    EtcFiles, MountSource, ProcessMount, ProcessSpec, RuntimeError,
    host::{CgroupLayout, Host},
    paths::Paths,
};
use crate::settings::Namespace;
use oci_spec::{
    OciSpecError,
    runtime::{Mount, MountBuilder},
};
use std::path::{Path, PathBuf};

/// What is mounted into every container: destination, type, source, options.
const ALWAYS: [(&str, &str, &str, &[&str]); 7] = [
    ("/proc", "proc", "proc", &["nosuid", "noexec", "nodev"]),
    ("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
    ("/dev/pts", "devpts", "devpts", &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
    ("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
    ("/sys/fs/cgroup", "cgroup", "cgroup", &["ro", "nosuid", "noexec", "nodev"]),
    ("/dev/mqueue", "mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
    ("/dev/shm", "tmpfs", "shm", &["nosuid", "noexec", "nodev", "mode=1777"]),
];

/// Size of `/dev/shm` in bytes when nothing is said.
const SHM_BYTES: u64 = 64 << 20;

/// All mounts of one start; `init` is where the small init goes, if there is to be one.
pub(super) fn of(spec: &ProcessSpec, paths: &Paths, host: &Host, init: &str) -> Result<Vec<Mount>, RuntimeError> {
    let mut mounts = Vec::new();
    // A mount of one's own takes the place of ours.
    let is_taken = |place: &str| {
        spec.mounts.iter().any(|mount| mount.target == Path::new(place)) || spec.settings.tmpfs.contains_key(place)
    };
    for (place, kind, source, options) in ALWAYS {
        if !is_taken(place) {
            mounts.extend(usual(spec, paths, host, (place, kind, source), options)?);
        }
    }
    let etc = match &spec.etc {
        EtcFiles::Own { .. } => paths,
        EtcFiles::Of(other) => &paths.beside(other),
    };
    for (place, file) in
        [("/etc/resolv.conf", etc.resolv_conf()), ("/etc/hostname", etc.hostname()), ("/etc/hosts", etc.hosts())]
    {
        if !is_taken(place) {
            mounts.push(mount(place, "bind", &file, ["rbind", "rprivate"])?);
        }
    }
    if spec.settings.init {
        let program = host.init.as_ref().ok_or_else(|| {
            let text = "no init program is installed; install the Debian package tini, or leave --init out";
            RuntimeError::Invalid(text.to_owned())
        })?;
        mounts.push(mount(init, "bind", program, ["bind", "ro"])?);
    }
    let mut own = Vec::new();
    for (place, options) in &spec.settings.tmpfs {
        let further = options.split(',').filter(|option| !option.is_empty());
        let options = ["noexec", "nosuid", "nodev"].into_iter().chain(further).collect::<Vec<_>>();
        own.push((Path::new(place), mount(place, "tmpfs", Path::new("tmpfs"), options)?));
    }
    for wanted in &spec.mounts {
        own.push((&wanted.target, one(wanted)?));
    }
    // A mount hides what was mounted below its place before, so those nearer to the root come first.
    own.sort_by_key(|(place, _)| place.components().count());
    mounts.extend(own.into_iter().map(|(_, mount)| mount));
    Ok(mounts)
}

fn usual(
    spec: &ProcessSpec,
    paths: &Paths,
    host: &Host,
    (place, kind, source): (&str, &str, &str),
    options: &[&str],
) -> Result<Option<Mount>, OciSpecError> {
    let settings = &spec.settings;
    let privileged = settings.rights.privileged;
    let shared = ["rbind", "rprivate", "nosuid", "noexec", "nodev"];
    let made = match (place, &settings.ipc) {
        ("/sys/fs/cgroup", _) if host.cgroups == CgroupLayout::Absent => return Ok(None),
        ("/sys" | "/sys/fs/cgroup", _) if privileged => {
            mount(place, kind, Path::new(source), options.iter().copied().filter(|option| *option != "ro"))?
        }
        ("/dev/mqueue" | "/dev/shm", Namespace::Host) if Path::new(place).exists() => {
            mount(place, "bind", Path::new(place), shared)?
        }
        ("/dev/shm", Namespace::Own) if settings.shm_bytes == Some(0) => return Ok(None),
        ("/dev/shm", Namespace::Shareable) => mount(place, "bind", &paths.shm(), shared)?,
        ("/dev/shm", Namespace::Container(_)) => {
            mount(place, "bind", spec.shm.as_deref().unwrap_or(Path::new(place)), shared)?
        }
        ("/dev/shm", _) => {
            let size = format!("size={}", settings.shm_bytes.unwrap_or(SHM_BYTES));
            mount(place, kind, Path::new(source), options.iter().copied().chain([size.as_str()]))?
        }
        _ => mount(place, kind, Path::new(source), options.iter().copied())?,
    };
    Ok(Some(made))
}

fn one(wanted: &ProcessMount) -> Result<Mount, OciSpecError> {
    let place = wanted.target.to_string_lossy();
    let mut options: Vec<&str> = wanted.options.iter().map(String::as_str).collect();
    match &wanted.source {
        MountSource::Host(source) => {
            if !options.iter().any(|option| option.ends_with("bind")) {
                options.push("rbind");
            }
            mount(&place, "bind", source, options)
        }
        MountSource::Memory => mount(&place, "tmpfs", Path::new("tmpfs"), options),
    }
}

/// What the root must be so that a mount can be what is asked of it: mounts of the host are seen only by a slave, and
/// seen by the host only when shared (mount_namespaces(7)).
pub(super) fn root_propagation(mounts: &[ProcessMount]) -> Option<&'static str> {
    let asked = |word: &str| {
        let is_word = |option: &String| option.strip_prefix('r').unwrap_or(option) == word || option == word;
        mounts.iter().any(|mount| mount.options.iter().any(is_word))
    };
    match (asked("shared"), asked("slave")) {
        (true, _) => Some("shared"),
        (false, true) => Some("rslave"),
        (false, false) => None,
    }
}

fn mount<'a>(
    destination: &str,
    kind: &str,
    source: &Path,
    options: impl IntoIterator<Item = &'a str>,
) -> Result<Mount, OciSpecError> {
    MountBuilder::default()
        .destination(PathBuf::from(destination))
        .typ(kind)
        .source(source)
        .options(options.into_iter().map(str::to_owned).collect::<Vec<_>>())
        .build()
}
