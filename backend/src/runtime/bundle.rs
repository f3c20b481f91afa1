//! A container's `config.json` (OCI runtime specification), with what Docker gives by default.

use super::{
    ProcessSpec, RuntimeError,
    capability::Privileges,
    host::{CGROUP_PARENT, CgroupLayout, Host},
    paths::Paths,
    seccomp,
};
use drawbridge_api::ContainerId;
use oci_spec::{
    OciSpecError,
    runtime::{
        Linux, LinuxBuilder, LinuxDeviceCgroup, LinuxDeviceCgroupBuilder, LinuxDeviceType, LinuxNamespace,
        LinuxNamespaceBuilder, LinuxNamespaceType as Namespace, LinuxResourcesBuilder, Mount, MountBuilder, Process,
        ProcessBuilder, RootBuilder, Spec, SpecBuilder, User,
    },
};
use std::{collections::HashMap, path::Path};

/// Files that tell of the host, covered by an empty one.
const MASKED_PATHS: [&str; 12] = [
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
];

/// Files that change the host.
const READONLY_PATHS: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// What is mounted into every container: destination, type, source, options.
const MOUNTS: [(&str, &str, &str, &[&str]); 7] = [
    ("/proc", "proc", "proc", &["nosuid", "noexec", "nodev"]),
    ("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
    ("/dev/pts", "devpts", "devpts", &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
    ("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
    ("/sys/fs/cgroup", "cgroup", "cgroup", &["ro", "nosuid", "noexec", "nodev"]),
    ("/dev/mqueue", "mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
    ("/dev/shm", "tmpfs", "shm", &["nosuid", "noexec", "nodev", "mode=1777", "size=67108864"]),
];

/// Character devices that may be read and written: null, zero, full, random, urandom, tty, console, ptmx and the
/// pseudo-terminals (Documentation/admin-guide/devices.txt).
const DEVICES: [(i64, Option<i64>); 9] = [
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

/// The whole document for one start.
pub(super) fn config(spec: &ProcessSpec, user: User, paths: &Paths, host: &Host) -> Result<Spec, RuntimeError> {
    let process = process(&spec.args, &spec.env, &spec.working_dir, user, Privileges::Default, host)?;
    Ok(SpecBuilder::default()
        .version("1.0.2")
        .hostname(spec.hostname.clone())
        .root(RootBuilder::default().path(paths.rootfs()).readonly(false).build()?)
        .process(process)
        .mounts(mounts(paths, host)?)
        .linux(linux(&spec.id, spec.netns.as_deref(), host)?)
        .build()?)
}

/// A process: a container's first, or a further one in it.
pub(super) fn process(
    args: &[String],
    env: &[String],
    working_dir: &str,
    user: User,
    privileges: Privileges,
    host: &Host,
) -> Result<Process, RuntimeError> {
    if args.is_empty() {
        return Err(RuntimeError::NoCommand);
    }
    let capabilities = host.permitted.grant(privileges, user.uid())?;
    let mut process = ProcessBuilder::default()
        .terminal(false)
        .user(user)
        .args(args.to_vec())
        .env(env.to_vec())
        // The specification wants it absolute.
        .cwd(Path::new("/").join(working_dir))
        .capabilities(capabilities)
        .no_new_privileges(false)
        .oom_score_adj(host.oom_score_adj)
        .build()?;
    // The builder's default would set one; raising a limit needs CAP_SYS_RESOURCE, and Docker leaves them as they are.
    process.set_rlimits(None);
    Ok(process)
}

fn mounts(paths: &Paths, host: &Host) -> Result<Vec<Mount>, OciSpecError> {
    let has_cgroups = host.cgroups != CgroupLayout::Absent;
    let mut mounts = Vec::new();
    for (destination, kind, source, options) in MOUNTS {
        if kind == "cgroup" && !has_cgroups {
            continue;
        }
        mounts.push(mount(destination, kind, Path::new(source), options)?);
    }
    for (destination, file) in
        [("/etc/resolv.conf", paths.resolv_conf()), ("/etc/hostname", paths.hostname()), ("/etc/hosts", paths.hosts())]
    {
        mounts.push(mount(destination, "bind", &file, &["rbind", "rprivate"])?);
    }
    Ok(mounts)
}

fn mount(destination: &str, kind: &str, source: &Path, options: &[&str]) -> Result<Mount, OciSpecError> {
    MountBuilder::default()
        .destination(destination)
        .typ(kind)
        .source(source)
        .options(options.iter().map(|option| (*option).to_owned()).collect::<Vec<_>>())
        .build()
}

fn linux(id: &ContainerId, netns: Option<&Path>, host: &Host) -> Result<Linux, OciSpecError> {
    let mut devices = vec![device(None, None)?];
    for (major, minor) in DEVICES {
        devices.push(device(Some(major), minor)?);
    }
    let mut builder = LinuxBuilder::default()
        .namespaces(namespaces(netns, host)?)
        .resources(LinuxResourcesBuilder::default().devices(devices).build()?)
        .masked_paths(MASKED_PATHS.map(str::to_owned).to_vec())
        .readonly_paths(READONLY_PATHS.map(str::to_owned).to_vec());
    if host.unusable_cgroup.is_none() {
        builder = builder.cgroups_path(Path::new(CGROUP_PARENT).join(id.as_str()));
    }
    if netns.is_some() {
        // So that a user other than root may `ping` and serve port 80. In the host's namespace they would change the host.
        builder = builder.sysctl(HashMap::from([
            ("net.ipv4.ip_unprivileged_port_start".to_owned(), "0".to_owned()),
            ("net.ipv4.ping_group_range".to_owned(), "0 2147483647".to_owned()),
        ]));
    }
    if let Some(profile) = seccomp::profile()? {
        builder = builder.seccomp(profile);
    }
    builder.build()
}

fn namespaces(netns: Option<&Path>, host: &Host) -> Result<Vec<LinuxNamespace>, OciSpecError> {
    let own = |kind| LinuxNamespaceBuilder::default().typ(kind).build();
    let mut namespaces = vec![own(Namespace::Mount)?, own(Namespace::Uts)?, own(Namespace::Pid)?, own(Namespace::Ipc)?];
    if let Some(path) = netns {
        namespaces.push(LinuxNamespaceBuilder::default().typ(Namespace::Network).path(path).build()?);
    }
    // Docker: private on version 2, the host's where version 1 is mounted.
    if host.cgroups == CgroupLayout::Unified {
        namespaces.push(own(Namespace::Cgroup)?);
    }
    Ok(namespaces)
}

/// A rule of the device cgroup: allow this character device, or, without numbers, deny all that follows not.
fn device(major: Option<i64>, minor: Option<i64>) -> Result<LinuxDeviceCgroup, OciSpecError> {
    let mut builder = LinuxDeviceCgroupBuilder::default().allow(major.is_some()).access("rwm");
    if let Some(major) = major {
        builder = builder.typ(LinuxDeviceType::C).major(major);
    }
    if let Some(minor) = minor {
        builder = builder.minor(minor);
    }
    builder.build()
}
