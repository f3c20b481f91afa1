//! A container's `config.json` (OCI runtime specification), with what Docker gives by default.

use super::{
    ProcessSpec, RuntimeError, capability, devices,
    host::{CgroupLayout, Host, cgroup_below},
    limits, mounts,
    paths::Paths,
    seccomp, seccomp_profile,
};
use crate::settings::{Namespace, Rights, Seccomp, Settings};
use drawbridge_api::TerminalSize;
use oci_spec::{
    OciSpecError,
    runtime::{
        BoxBuilder, Capability, Linux, LinuxBuilder, LinuxNamespace, LinuxNamespaceBuilder, LinuxNamespaceType as Kind,
        LinuxSeccomp, Process, ProcessBuilder, RootBuilder, Spec, SpecBuilder, User,
    },
};
use std::{collections::HashMap, fs, path::Path};

/// Files that tell of the host, covered by an empty one.
pub const MASKED_PATHS: [&str; 12] = [
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
pub const READONLY_PATHS: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Where the small init stands in a container that has one.
const INIT: &str = "/sbin/docker-init";

/// The whole document for one start.
pub(super) fn config(spec: &ProcessSpec, user: User, paths: &Paths, host: &Host) -> Result<Spec, RuntimeError> {
    let settings = &spec.settings;
    let capabilities = capability::of_rights(&settings.rights)?;
    let mut args = spec.args.clone();
    if settings.init {
        args.splice(0..0, [INIT.to_owned(), "--".to_owned()]);
    }
    let mut process = process(&args, &spec.env, &spec.working_dir, user, &capabilities, host)?;
    process.set_no_new_privileges(Some(settings.rights.no_new_privileges));
    process.set_rlimits(limits::of_processes(&settings.ulimits)?);
    let floor = if host.permitted.has(Capability::SysResource) { -1000 } else { host.oom_score_adj };
    process.set_oom_score_adj(Some(settings.oom_score_adj.max(floor)));
    if spec.console.terminal {
        give_terminal(&mut process, spec.console.size)?;
    }
    let builder = SpecBuilder::default()
        .version("1.0.2")
        .root(RootBuilder::default().path(paths.rootfs()).readonly(settings.rights.read_only).build()?)
        .process(process)
        .mounts(mounts::of(spec, paths, host, INIT)?)
        .linux(linux(spec, &capabilities, host)?)
        .annotations(settings.annotations.clone().into_iter().collect::<HashMap<_, _>>());
    let mut document = builder.build()?;
    // The host's name is not to be set.
    document.set_hostname((settings.uts != Namespace::Host).then(|| full_hostname(spec)));
    Ok(document)
}

/// The name with its domain, which is what the kernel has for a host name in Docker's containers too.
fn full_hostname(spec: &ProcessSpec) -> String {
    match spec.domainname.as_str() {
        "" => spec.hostname.clone(),
        domain => format!("{}.{domain}", spec.hostname),
    }
}

/// A process: a container's first, or a further one in it.
pub(super) fn process(
    args: &[String],
    env: &[String],
    working_dir: &str,
    user: User,
    capabilities: &[Capability],
    host: &Host,
) -> Result<Process, RuntimeError> {
    if args.is_empty() {
        return Err(RuntimeError::NoCommand);
    }
    let capabilities = host.permitted.grant(capabilities, user.uid())?;
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
    process.set_rlimits(limits::of_processes(&[])?);
    Ok(process)
}

/// Gives a process a terminal of its own, which the runtime makes.
pub(super) fn give_terminal(process: &mut Process, size: TerminalSize) -> Result<(), OciSpecError> {
    process.set_terminal(Some(true));
    if size.rows > 0 && size.columns > 0 {
        let size = BoxBuilder::default().height(u64::from(size.rows)).width(u64::from(size.columns)).build()?;
        process.set_console_size(Some(size));
    }
    Ok(())
}

/// A further process has what the container's first one was given: capabilities, limits, no new privileges.
pub(super) fn as_first(process: &mut Process, config: &Path) -> Result<(), RuntimeError> {
    let text = fs::read(config).map_err(RuntimeError::io("read", config))?;
    let document: Spec = serde_json::from_slice(&text)?;
    let Some(first) = document.process() else { return Ok(()) };
    if let Some(sets) = first.capabilities() {
        let mut sets = sets.clone();
        // Who is not root has none until they are gained by a set-uid program.
        let at_once = if process.user().uid() == 0 { sets.bounding().clone() } else { Some(Default::default()) };
        sets.set_effective(at_once.clone()).set_permitted(at_once);
        process.set_capabilities(Some(sets));
    }
    process.set_rlimits(first.rlimits().clone());
    process.set_no_new_privileges(first.no_new_privileges());
    process.set_oom_score_adj(first.oom_score_adj());
    Ok(())
}

fn linux(spec: &ProcessSpec, capabilities: &[Capability], host: &Host) -> Result<Linux, RuntimeError> {
    let settings = &spec.settings;
    let Rights { privileged, masked_paths, readonly_paths, .. } = &settings.rights;
    let covered = |asked: &Option<Vec<String>>, usual: &[&str]| match asked {
        Some(paths) => paths.clone(),
        None if *privileged => Vec::new(),
        None => usual.iter().map(|path| (*path).to_owned()).collect(),
    };
    let devices = devices::of(settings)?;
    let mut builder = LinuxBuilder::default()
        .namespaces(namespaces(spec, host)?)
        .devices(devices.nodes)
        .resources(limits::resources(&settings.resources, devices.rules, host)?)
        .masked_paths(covered(masked_paths, &MASKED_PATHS))
        .readonly_paths(covered(readonly_paths, &READONLY_PATHS))
        .sysctl(sysctls(spec));
    if host.unusable_cgroup.is_none() {
        builder = builder.cgroups_path(cgroup_below(&settings.cgroup_parent, &spec.id));
    }
    if let Some(propagation) = mounts::root_propagation(&spec.mounts) {
        builder = builder.rootfs_propagation(propagation);
    }
    if let Some(profile) = filter(settings, capabilities, host)? {
        builder = builder.seccomp(profile);
    }
    Ok(builder.build()?)
}

/// In the host's namespace the first two would change the host.
fn sysctls(spec: &ProcessSpec) -> HashMap<String, String> {
    let mut sysctls = HashMap::new();
    if spec.netns.is_some() {
        // So that a user other than root may `ping` and serve port 80.
        sysctls.insert("net.ipv4.ip_unprivileged_port_start".to_owned(), "0".to_owned());
        sysctls.insert("net.ipv4.ping_group_range".to_owned(), "0 2147483647".to_owned());
    }
    if !spec.domainname.is_empty() && spec.settings.uts != Namespace::Host {
        // The specification has no word for it; with a UTS namespace of its own the setting is the container's.
        sysctls.insert("kernel.domainname".to_owned(), spec.domainname.clone());
    }
    sysctls.extend(spec.settings.sysctls.clone());
    sysctls
}

fn filter(settings: &Settings, capabilities: &[Capability], host: &Host) -> Result<Option<LinuxSeccomp>, RuntimeError> {
    match &settings.rights.seccomp {
        Seccomp::Default if settings.rights.privileged => Ok(None),
        Seccomp::Default => Ok(seccomp::profile(capabilities, host)?),
        Seccomp::Unconfined => Ok(None),
        Seccomp::Profile(text) => Ok(Some(seccomp_profile::parse(text, capabilities)?)),
    }
}

fn namespaces(spec: &ProcessSpec, host: &Host) -> Result<Vec<LinuxNamespace>, OciSpecError> {
    let settings = &spec.settings;
    let own = |kind| LinuxNamespaceBuilder::default().typ(kind).build();
    let mut namespaces = vec![own(Kind::Mount)?];
    for (kind, wanted, file) in [
        (Kind::Uts, &settings.uts, None),
        (Kind::Pid, &settings.pids, spec.pids.as_deref()),
        (Kind::Ipc, &settings.ipc, spec.ipc.as_deref()),
        (Kind::Network, &Namespace::Host, spec.netns.as_deref()),
    ] {
        match (wanted, file) {
            (_, Some(file)) => namespaces.push(LinuxNamespaceBuilder::default().typ(kind).path(file).build()?),
            (Namespace::Host, None) => {}
            (Namespace::Own | Namespace::Shareable | Namespace::Container(_), None) => namespaces.push(own(kind)?),
        }
    }
    // Docker: private on version 2, the host's where version 1 is mounted.
    let private = match &settings.cgroups {
        Some(wanted) => *wanted != Namespace::Host,
        None => host.cgroups == CgroupLayout::Unified,
    };
    if private {
        namespaces.push(own(Kind::Cgroup)?);
    }
    Ok(namespaces)
}
