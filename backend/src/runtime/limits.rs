//! What a container may use, in the words of the OCI runtime specification: cgroup limits and limits of its processes.
//! A controller that this machine hasn't is left out, and said.

use super::{
    RuntimeError, capability,
    host::{Host, REALTIME_BUDGET},
};
use crate::settings::{Resources, Settings, Throttle, ULIMITS, Ulimit};
use drawbridge_kernel::process::{DescriptorLimit, given_descriptor_limit};
use oci_spec::runtime::{
    Capability, LinuxBlockIo, LinuxBlockIoBuilder, LinuxCpuBuilder, LinuxDeviceCgroup, LinuxMemoryBuilder,
    LinuxPidsBuilder, LinuxResources, LinuxResourcesBuilder, LinuxThrottleDevice, LinuxThrottleDeviceBuilder,
    LinuxWeightDevice, LinuxWeightDeviceBuilder, PosixRlimit, PosixRlimitBuilder, PosixRlimitType,
};
use std::{
    fs,
    os::unix::fs::{FileTypeExt, MetadataExt},
};

/// The cgroup limits of a container.
pub(super) fn resources(
    wanted: &Resources,
    devices: Vec<LinuxDeviceCgroup>,
    host: &Host,
) -> Result<LinuxResources, RuntimeError> {
    let mut builder = LinuxResourcesBuilder::default().devices(devices);
    if host.has_controller("memory") {
        let mut memory = LinuxMemoryBuilder::default();
        if wanted.memory_bytes > 0 {
            memory = memory.limit(wanted.memory_bytes);
        }
        if let Some(swap_bytes) = swap(wanted).filter(|_| host.limits_swap()) {
            memory = memory.swap(swap_bytes);
        }
        if wanted.memory_reservation_bytes > 0 {
            memory = memory.reservation(wanted.memory_reservation_bytes);
        }
        if let Some(swappiness) = wanted.memory_swappiness {
            memory = memory.swappiness(swappiness);
        }
        if wanted.oom_kill_disabled {
            memory = memory.disable_oom_killer(true);
        }
        builder = builder.memory(memory.build()?);
    }
    if host.has_controller("cpu") || host.has_controller("cpuset") {
        let mut cpu = LinuxCpuBuilder::default();
        if host.has_controller("cpu") {
            if wanted.cpu_shares > 0 {
                cpu = cpu.shares(wanted.cpu_shares);
            }
            if let Some((quota_us, period_us)) = wanted.quota() {
                cpu = cpu.period(period_us);
                if quota_us != 0 {
                    cpu = cpu.quota(quota_us);
                }
            }
            if wanted.cpu_realtime_runtime_us != 0 {
                cpu = cpu.realtime_runtime(wanted.cpu_realtime_runtime_us);
            }
            if wanted.cpu_realtime_period_us != 0 {
                cpu = cpu.realtime_period(wanted.cpu_realtime_period_us);
            }
        }
        if host.has_controller("cpuset") {
            if !wanted.cpuset_cpus.is_empty() {
                cpu = cpu.cpus(wanted.cpuset_cpus.clone());
            }
            if !wanted.cpuset_mems.is_empty() {
                cpu = cpu.mems(wanted.cpuset_mems.clone());
            }
        }
        builder = builder.cpu(cpu.build()?);
    }
    if wanted.pids > 0 && host.has_controller("pids") {
        builder = builder.pids(LinuxPidsBuilder::default().limit(wanted.pids).build()?);
    }
    if host.has_controller("blkio")
        && let Some(block) = block(wanted)?
    {
        builder = builder.block_io(block);
    }
    Ok(builder.build()?)
}

/// Memory and swap together: twice the memory when nothing was said, as much as there is when -1.
fn swap(wanted: &Resources) -> Option<i64> {
    match (wanted.memory_bytes, wanted.memory_swap_bytes) {
        (0, 0) => None,
        (memory_bytes, 0) => Some(memory_bytes.saturating_mul(2)),
        (_, swap_bytes) => Some(swap_bytes),
    }
}

fn block(wanted: &Resources) -> Result<Option<LinuxBlockIo>, RuntimeError> {
    let lists = [&wanted.read_bps, &wanted.write_bps, &wanted.read_iops, &wanted.write_iops];
    if wanted.blkio_weight == 0 && wanted.blkio_weight_device.is_empty() && lists.iter().all(|list| list.is_empty()) {
        return Ok(None);
    }
    let [read_bps, write_bps, read_iops, write_iops] = lists;
    let weights = wanted.blkio_weight_device.iter().map(weight).collect::<Result<Vec<_>, _>>()?;
    let mut builder = LinuxBlockIoBuilder::default()
        .weight_device(weights)
        .throttle_read_bps_device(throttles(read_bps)?)
        .throttle_write_bps_device(throttles(write_bps)?)
        .throttle_read_iops_device(throttles(read_iops)?)
        .throttle_write_iops_device(throttles(write_iops)?);
    if wanted.blkio_weight > 0 {
        builder = builder.weight(wanted.blkio_weight);
    }
    Ok(Some(builder.build()?))
}

fn throttles(list: &[Throttle]) -> Result<Vec<LinuxThrottleDevice>, RuntimeError> {
    let one = |throttle: &Throttle| {
        let (major, minor) = disk(throttle)?;
        Ok(LinuxThrottleDeviceBuilder::default().major(major).minor(minor).rate(throttle.rate).build()?)
    };
    list.iter().map(one).collect()
}

fn weight(throttle: &Throttle) -> Result<LinuxWeightDevice, RuntimeError> {
    let (major, minor) = disk(throttle)?;
    let weight = u16::try_from(throttle.rate).unwrap_or(u16::MAX);
    Ok(LinuxWeightDeviceBuilder::default().major(major).minor(minor).weight(weight).build()?)
}

fn disk(throttle: &Throttle) -> Result<(i64, i64), RuntimeError> {
    let missing = |why: &dyn std::fmt::Display| {
        RuntimeError::Invalid(format!("{}: {why}; name a disk such as /dev/sda", throttle.path.display()))
    };
    let metadata = fs::metadata(&throttle.path).map_err(|error| missing(&error))?;
    if !metadata.file_type().is_block_device() {
        return Err(missing(&"it is no block device"));
    }
    Ok(numbers(metadata.rdev()))
}

/// A device's two numbers (makedev(3)).
pub(super) fn numbers(device: u64) -> (i64, i64) {
    let major = (device >> 8 & 0xfff) | (device >> 32 & !0xfff);
    let minor = (device & 0xff) | (device >> 12 & !0xff);
    (major as i64, minor as i64)
}

/// Limits of a process, in the runtime's words.
pub(super) fn rlimits(ulimits: &[Ulimit]) -> Result<Vec<PosixRlimit>, RuntimeError> {
    let one = |ulimit: &Ulimit| {
        let name = format!("RLIMIT_{}", ulimit.name.to_ascii_uppercase());
        let unknown = |_| RuntimeError::Invalid(format!("invalid ulimit type: {}", ulimit.name));
        let typ: PosixRlimitType = serde_json::from_value(serde_json::Value::from(name)).map_err(unknown)?;
        Ok(PosixRlimitBuilder::default().typ(typ).soft(ulimit.soft as u64).hard(ulimit.hard as u64).build()?)
    };
    ulimits.iter().map(one).collect()
}

/// The limits of a container's processes: those that were asked for, and as many descriptors as the daemon itself was given.
/// What it has raised for its own sake is not theirs.
pub(super) fn of_processes(ulimits: &[Ulimit]) -> Result<Option<Vec<PosixRlimit>>, RuntimeError> {
    let mut limits = rlimits(ulimits)?;
    let given = given_descriptor_limit().filter(|_| !ulimits.iter().any(|ulimit| ulimit.name == "nofile"));
    if let Some(DescriptorLimit { soft, hard }) = given {
        let [soft, hard] = [soft, hard].map(|limit| limit.unwrap_or(u64::MAX));
        let typ = PosixRlimitType::RlimitNofile;
        limits.push(PosixRlimitBuilder::default().typ(typ).soft(soft).hard(hard).build()?);
    }
    Ok((!limits.is_empty()).then_some(limits))
}

/// Checks settings against this machine. What containers can do without is returned, a sentence each.
///
/// # Errors
/// `Invalid` for a capability that does not exist, and for a limit of a process above the daemon's own.
pub(super) fn check(settings: &Settings, host: &Host) -> Result<Vec<String>, RuntimeError> {
    let mut warnings = Vec::new();
    for capability in capability::of_rights(&settings.rights)? {
        let name = capability.to_string();
        let asked = settings.rights.cap_add.iter().any(|asked| asked.to_ascii_uppercase().ends_with(&name));
        if asked && !host.permitted.has(capability) {
            warnings.push(format!("the daemon itself lacks the capability {name}: the container does without it"));
        }
    }
    rlimits(&settings.ulimits)?;
    if !host.permitted.has(Capability::SysResource) {
        within_own(&settings.ulimits, &fs::read_to_string("/proc/self/limits").unwrap_or_default())?;
    }
    if settings.oom_score_adj < host.oom_score_adj && settings.oom_score_adj < 0 {
        warnings.push(format!(
            "oom_score_adj {} needs the capability SYS_RESOURCE, which the daemon lacks: {} is used",
            settings.oom_score_adj, host.oom_score_adj
        ));
    }
    let resources = &settings.resources;
    let has_throttles = [&resources.read_bps, &resources.write_bps, &resources.read_iops, &resources.write_iops]
        .iter()
        .any(|list| !list.is_empty());
    let is_memory_asked = resources.memory_bytes > 0 || resources.memory_reservation_bytes > 0;
    for (asked, controller) in [
        (is_memory_asked, "memory"),
        (resources.quota().is_some() || resources.cpu_shares > 0, "cpu"),
        (!resources.cpuset_cpus.is_empty() || !resources.cpuset_mems.is_empty(), "cpuset"),
        (resources.pids > 0, "pids"),
        (resources.blkio_weight > 0 || has_throttles, "blkio"),
    ] {
        if asked && !host.has_controller(controller) {
            warnings.push(format!(
                "the cgroup controller {controller} can't be used on this machine: the container runs without that limit"
            ));
        }
    }
    if resources.cpu_realtime_runtime_us != 0 || resources.cpu_realtime_period_us != 0 {
        within_budget(resources.cpu_realtime_runtime_us, host.realtime_budget_us())?;
    }
    if is_memory_asked && host.has_controller("memory") && !host.limits_swap() && resources.memory_swap_bytes != 0 {
        warnings.push("this kernel does not count swap: the memory limit holds without the swap limit".to_owned());
    }
    Ok(warnings)
}

/// The kernel gives a cgroup no more real-time than the one above it has.
fn within_budget(runtime_us: i64, budget_us: Option<i64>) -> Result<(), RuntimeError> {
    let Some(budget_us) = budget_us else {
        return Err(RuntimeError::Invalid("kernel does not support CPU real-time scheduler".to_owned()));
    };
    if runtime_us > budget_us {
        return Err(RuntimeError::Invalid(format!(
            "CPU real-time runtime of {runtime_us} us is more than the {budget_us} us that all containers have; write a larger \
             number to {REALTIME_BUDGET}"
        )));
    }
    Ok(())
}

/// A hard limit may be raised by CAP_SYS_RESOURCE only (setrlimit(2)).
fn within_own(ulimits: &[Ulimit], limits: &str) -> Result<(), RuntimeError> {
    for ulimit in ulimits {
        let Some((_, title)) = ULIMITS.iter().find(|(name, _)| *name == ulimit.name) else { continue };
        let line = limits.lines().find_map(|line| line.strip_prefix(title));
        // `unlimited` is no number, and no bound.
        let own = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<i64>().ok());
        if let Some(own) = own.filter(|own| ulimit.hard > *own || ulimit.hard == -1) {
            let name = &ulimit.name;
            return Err(RuntimeError::Invalid(format!(
                "ulimit {name}={}:{} is above the daemon's own hard limit {own}, and raising it needs the capability \
                 SYS_RESOURCE, which the daemon lacks; ask for {own} at the most",
                ulimit.soft, ulimit.hard
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_above_the_daemons_own_is_refused_by_name() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max open files            1024                 20000                files     \n\
                      Max cpu time              unlimited            unlimited            seconds   \n";
        let of = |name: &str, hard| within_own(&[Ulimit { name: name.into(), soft: 1, hard }], limits);
        assert!(of("nofile", 20_000).is_ok() && of("cpu", -1).is_ok());
        let refused = of("nofile", 20_001).expect_err("it is above").to_string();
        assert!(refused.starts_with("ulimit nofile=1:20001 is above the daemon's own hard limit 20000"), "{refused}");
        assert!(of("nofile", -1).is_err());
    }

    #[test]
    fn realtime_is_bounded_by_what_there_is() {
        let refused = |runtime_us, budget_us| within_budget(runtime_us, budget_us).err().map(|error| error.to_string());
        assert_eq!(refused(1, None).as_deref(), Some("kernel does not support CPU real-time scheduler"));
        assert_eq!(refused(950_000, Some(950_000)), None);
        assert!(
            refused(1, Some(0))
                .is_some_and(|text| text.starts_with("CPU real-time runtime of 1 us is more than the 0 us"))
        );
    }

    #[test]
    fn names_and_numbers_are_the_kernels() {
        let ulimits: Vec<Ulimit> =
            ULIMITS.iter().map(|(name, _)| Ulimit { name: (*name).into(), soft: -1, hard: -1 }).collect();
        let all = rlimits(&ulimits).expect("every name is known to the runtime");
        assert!(all.len() == ULIMITS.len() && all[0].hard() == u64::MAX);
        // makedev(259, 3) and makedev(8, 0x12345) of glibc.
        assert_eq!(numbers(0x10303), (259, 3));
        assert_eq!(numbers(0x12300845), (8, 0x1_2345));
    }

    #[test]
    fn swap_is_twice_the_memory_unless_said() {
        let of = |memory_bytes, memory_swap_bytes| {
            swap(&Resources { memory_bytes, memory_swap_bytes, ..Resources::default() })
        };
        assert_eq!([of(0, 0), of(10, 0), of(10, 15), of(10, -1)], [None, Some(20), Some(15), Some(-1)]);
    }
}
