//! What this machine allows a container to have: cgroups, capabilities, an OOM score. Read once at start.

use super::{RuntimeError, capability::Permitted};
use drawbridge_api::ContainerId;
use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

/// The folder of all our containers in each cgroup hierarchy.
pub(super) const CGROUP_PARENT: &str = "/drawbridge";

/// Where the share of all our containers in real-time processor time stands: nothing, unless somebody wrote more.
pub(super) const REALTIME_BUDGET: &str = "/sys/fs/cgroup/cpu/drawbridge/cpu.rt_runtime_us";

/// How the machine's cgroup hierarchies are mounted (cgroups(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CgroupLayout {
    /// Version 2 alone.
    Unified,
    /// Version 1 alone.
    Legacy,
    /// Version 1, and version 2 beside it.
    Hybrid,
    /// None that is mounted where runtimes look.
    Absent,
}

/// The machine's part in every container's configuration.
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub(super) cgroups: CgroupLayout,
    /// Where each hierarchy is mounted.
    hierarchies: Vec<PathBuf>,
    /// The first hierarchy in which we may not make a folder; containers then stay in the daemon's own cgroups.
    pub(super) unusable_cgroup: Option<PathBuf>,
    /// The controllers that containers can be limited with, by their names of version 1 (cgroups(7)); `io` of version 2
    /// goes by `blkio`.
    controllers: BTreeSet<String>,
    pub(super) permitted: Permitted,
    /// Whether the kernel runs programs of x32, whose system calls are then to be filtered too.
    pub(super) has_x32: bool,
    /// A small static init for containers that ask for one.
    pub(super) init: Option<PathBuf>,
    /// Docker gives 0. Only CAP_SYS_RESOURCE may go below what one has (proc(5), oom_score_adj).
    pub(super) oom_score_adj: i32,
}

impl Host {
    pub(super) fn detect() -> Host {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let (cgroups, hierarchies) = parse_mounts(&mounts);
        let score = fs::read_to_string("/proc/self/oom_score_adj").unwrap_or_default();
        let controllers = match cgroups {
            CgroupLayout::Unified => unified_controllers(&hierarchies),
            CgroupLayout::Legacy | CgroupLayout::Hybrid => legacy_controllers(&mounts),
            CgroupLayout::Absent => BTreeSet::new(),
        };
        Host {
            cgroups,
            controllers,
            unusable_cgroup: hierarchies.iter().find(|hierarchy| !is_usable(hierarchy)).cloned(),
            hierarchies,
            permitted: Permitted::of_daemon(),
            has_x32: drawbridge_kernel::abi::has_x32(),
            // Debian's `tini` needs a C library; its package has `tini-static` too, which is also `docker-init`.
            init: ["docker-init", "tini-static", "catatonit"].into_iter().find_map(super::detect::find),
            oom_score_adj: score.trim().parse().unwrap_or(0).max(0),
        }
    }

    /// Whether containers can be limited with a controller, by its name of version 1.
    pub(super) fn has_controller(&self, name: &str) -> bool {
        self.unusable_cgroup.is_none() && self.controllers.contains(name)
    }

    /// Where a cgroup of a controller is, given from the top of its hierarchy.
    pub(super) fn cgroup(&self, path: &Path, controller: &str) -> Option<PathBuf> {
        let top = Path::new("/sys/fs/cgroup");
        let hierarchy = match self.cgroups {
            CgroupLayout::Unified => top.to_owned(),
            CgroupLayout::Legacy | CgroupLayout::Hybrid => top.join(controller),
            CgroupLayout::Absent => return None,
        };
        self.unusable_cgroup.is_none().then(|| below(&hierarchy, path))
    }

    /// Whether swap can be limited; version 1 of the memory controller counts it only with `swapaccount`
    /// (Documentation/admin-guide/cgroup-v1/memory.rst).
    pub(super) fn limits_swap(&self) -> bool {
        let legacy = cgroup_parent(Path::new("/sys/fs/cgroup/memory")).join("memory.memsw.limit_in_bytes");
        match self.cgroups {
            CgroupLayout::Unified => true,
            CgroupLayout::Legacy | CgroupLayout::Hybrid => legacy.exists(),
            CgroupLayout::Absent => false,
        }
    }

    /// The real-time processor time in a period that all containers together may have, in microseconds; none where cgroups
    /// do not share it out: it takes CONFIG_RT_GROUP_SCHED, and version 2 has no file for it
    /// (Documentation/scheduler/sched-rt-group.rst).
    pub(super) fn realtime_budget_us(&self) -> Option<i64> {
        fs::read_to_string(REALTIME_BUDGET).ok()?.trim().parse().ok()
    }

    /// How many processes of a cgroup the kernel has killed for want of memory (`oom_kill` in
    /// Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst).
    pub(super) fn memory_kills(&self, cgroup: &Path) -> u64 {
        let file = if self.cgroups == CgroupLayout::Unified { "memory.events" } else { "memory.oom_control" };
        let folder = self.cgroup(cgroup, "memory").unwrap_or_default();
        let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
        text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok()).unwrap_or(0)
    }

    /// Takes away a container's cgroups, where a runtime that was killed has left them. By then they are empty.
    pub(super) fn remove_cgroups(&self, path: &Path) -> Vec<RuntimeError> {
        let folders = self.hierarchies.iter().map(|hierarchy| below(hierarchy, path));
        // A hierarchy that is read-only would refuse even what is not there.
        let errors = folders.filter(|folder| folder.exists()).filter_map(|folder| match fs::remove_dir(&folder) {
            Ok(()) => None,
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => Some(RuntimeError::io("remove", folder)(error)),
        });
        errors.collect()
    }
}

/// The controllers of version 1 whose hierarchies can be used: they stand in the mount's own options.
fn legacy_controllers(mountinfo: &str) -> BTreeSet<String> {
    const KNOWN: [&str; 8] = ["memory", "cpu", "cpuacct", "cpuset", "pids", "blkio", "devices", "freezer"];
    let mut controllers = BTreeSet::new();
    for line in mountinfo.lines() {
        let Some((left, right)) = line.split_once(" - cgroup ") else { continue };
        let (Some(point), Some(options)) = (left.split(' ').nth(4), right.split(' ').next_back()) else { continue };
        if point.starts_with("/sys/fs/cgroup/") && is_usable(Path::new(point)) {
            controllers.extend(options.split(',').filter(|word| KNOWN.contains(word)).map(str::to_owned));
        }
    }
    controllers
}

/// The controllers of version 2 at its top. Devices and the freezer are no controllers there and always at hand.
fn unified_controllers(hierarchies: &[PathBuf]) -> BTreeSet<String> {
    let list = hierarchies.first().map(|top| top.join("cgroup.controllers"));
    let list = list.and_then(|file| fs::read_to_string(file).ok()).unwrap_or_default();
    let names = list.split_whitespace().map(|name| if name == "io" { "blkio" } else { name });
    names.chain(["devices", "freezer"]).map(str::to_owned).collect()
}

/// By trying: the folder would be made by the first container anyway. Rights, a read-only mount and a hierarchy that
/// may not be divided further all show only so.
fn is_usable(hierarchy: &Path) -> bool {
    let parent = cgroup_parent(hierarchy);
    match fs::create_dir(&parent) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // One that was made before may lie in a hierarchy that has become read-only since.
            let probe = parent.join(format!("probe-{}", std::process::id()));
            fs::create_dir(&probe).and_then(|()| fs::remove_dir(&probe)).is_ok()
        }
        Err(_) => false,
    }
}

fn cgroup_parent(hierarchy: &Path) -> PathBuf {
    below(hierarchy, Path::new(CGROUP_PARENT))
}

fn below(hierarchy: &Path, path: &Path) -> PathBuf {
    hierarchy.join(path.strip_prefix("/").unwrap_or(path))
}

/// A container's cgroup from the top of each hierarchy: below that which is named, or below ours.
pub(super) fn cgroup_below(parent: &str, id: &ContainerId) -> PathBuf {
    let parent = if parent.is_empty() { CGROUP_PARENT } else { parent };
    Path::new("/").join(parent).join(id.as_str())
}

/// The layout and the hierarchies below /sys/fs/cgroup, from /proc/self/mountinfo (proc(5)): the fifth field is the mount
/// point, the one behind ` - ` the file system.
fn parse_mounts(mountinfo: &str) -> (CgroupLayout, Vec<PathBuf>) {
    let mut legacy = false;
    let mut unified = false;
    let mut hierarchies = Vec::new();
    for line in mountinfo.lines() {
        let Some((left, right)) = line.split_once(" - ") else { continue };
        let (Some(point), Some(kind)) = (left.split(' ').nth(4), right.split(' ').next()) else { continue };
        if point != "/sys/fs/cgroup" && !point.starts_with("/sys/fs/cgroup/") {
            continue;
        }
        match kind {
            "cgroup" => legacy = true,
            "cgroup2" => unified = true,
            _ => continue,
        }
        hierarchies.push(PathBuf::from(point));
    }
    let layout = match (legacy, unified) {
        (true, true) => CgroupLayout::Hybrid,
        (true, false) => CgroupLayout::Legacy,
        (false, true) => CgroupLayout::Unified,
        (false, false) => CgroupLayout::Absent,
    };
    (layout, hierarchies)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_read_off_the_mounts() {
        let tmpfs = "25 20 0:22 / /sys/fs/cgroup rw - tmpfs cgroup rw\n";
        let pids = "26 25 0:23 / /sys/fs/cgroup/pids rw shared:9 - cgroup cgroup rw,pids\n";
        let unified = "27 25 0:24 / /sys/fs/cgroup/unified rw - cgroup2 cgroup rw\n";
        let alone = "27 20 0:24 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        let layout = |text: &str| parse_mounts(text).0;
        assert_eq!(layout(&[tmpfs, pids, unified].concat()), CgroupLayout::Hybrid);
        assert_eq!(layout(&[tmpfs, pids].concat()), CgroupLayout::Legacy);
        assert_eq!(layout(alone), CgroupLayout::Unified);
        assert_eq!(layout("1 2 0:1 / /elsewhere rw - cgroup2 x rw\n"), CgroupLayout::Absent);
        assert_eq!(parse_mounts(&[tmpfs, pids].concat()).1, vec![PathBuf::from("/sys/fs/cgroup/pids")]);
    }
}
