//! How much of the machine a container may use.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How much a container may use. Zero or absent is without limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resources {
    /// Memory in bytes.
    pub memory_bytes: i64,
    /// Memory and swap together in bytes; -1 is unlimited swap.
    pub memory_swap_bytes: i64,
    /// What it is squeezed to when memory is short, in bytes.
    pub memory_reservation_bytes: i64,
    /// How willingly its pages are swapped out, 0 to 100; the kernel's own when absent.
    pub memory_swappiness: Option<u64>,
    /// Its processes wait instead of being killed when their memory is used up.
    pub oom_kill_disabled: bool,
    /// Processors, in billionths.
    pub nano_cpus: i64,
    /// Its weight against others, 1024 being usual.
    pub cpu_shares: u64,
    /// Length of a period in microseconds.
    pub cpu_period_us: u64,
    /// Processor time in each period, in microseconds.
    pub cpu_quota_us: i64,
    /// Length of a real-time period in microseconds.
    pub cpu_realtime_period_us: u64,
    /// Real-time processor time in each period, in microseconds.
    pub cpu_realtime_runtime_us: i64,
    /// The processors it runs on: `0-2,7`.
    pub cpuset_cpus: String,
    /// The memory nodes it uses.
    pub cpuset_mems: String,
    /// Processes and threads at the most; 0 and below are unlimited.
    pub pids: i64,
    /// Its weight at disks, 10 to 1000.
    pub blkio_weight: u16,
    /// Its weight at one disk.
    pub blkio_weight_device: Vec<Throttle>,
    /// Bytes a second that it reads of a disk at the most.
    pub read_bps: Vec<Throttle>,
    /// Bytes a second that it writes to a disk at the most.
    pub write_bps: Vec<Throttle>,
    /// Reads a second.
    pub read_iops: Vec<Throttle>,
    /// Writes a second.
    pub write_iops: Vec<Throttle>,
}

/// A limit at one disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttle {
    /// The disk: `/dev/sda`.
    pub path: PathBuf,
    /// The limit, in the unit of the list it stands in.
    pub rate: u64,
}

/// How much memory a container's memory limit is at the least, in bytes: below it no runtime starts a process.
const LEAST_MEMORY: i64 = 6 << 20;

impl Resources {
    /// What makes no sense in them, in the words that clients know (moby, daemon/daemon_unix.go
    /// `verifyPlatformContainerResources`). `processors` is how many the machine has.
    ///
    /// # Errors
    /// One sentence about the first thing that is wrong.
    pub fn check(&self, processors: usize) -> Result<(), String> {
        let refuse = |text: &str| Err(text.to_owned());
        let processors = i64::try_from(processors).unwrap_or(i64::MAX);
        if self.memory_bytes != 0 && self.memory_bytes < LEAST_MEMORY {
            return refuse("Minimum memory limit allowed is 6MB");
        }
        if self.memory_bytes > 0 && self.memory_swap_bytes > 0 && self.memory_swap_bytes < self.memory_bytes {
            return refuse("Minimum memoryswap limit should be larger than memory limit, see usage");
        }
        if self.memory_bytes == 0 && self.memory_swap_bytes > 0 {
            return refuse("You should always set the Memory limit when using Memoryswap limit, see usage");
        }
        if let Some(swappiness) = self.memory_swappiness.filter(|swappiness| *swappiness > 100) {
            return Err(format!("invalid value: {swappiness}. valid memory swappiness range is 0-100"));
        }
        if self.memory_reservation_bytes != 0 && self.memory_reservation_bytes < LEAST_MEMORY {
            return refuse("Minimum memory reservation allowed is 6MB");
        }
        if self.memory_bytes > 0 && self.memory_bytes < self.memory_reservation_bytes {
            return refuse("Minimum memory limit can not be less than memory reservation limit, see usage");
        }
        if self.nano_cpus != 0 && (self.cpu_period_us != 0 || self.cpu_quota_us != 0) {
            let other = if self.cpu_period_us != 0 { "CPU Period" } else { "CPU Quota" };
            return Err(format!("Conflicting options: Nano CPUs and {other} cannot both be set"));
        }
        if self.nano_cpus < 0 || self.nano_cpus > processors.saturating_mul(1_000_000_000) {
            return Err(format!(
                "range of CPUs is from 0.01 to {processors}.00, as there are only {processors} CPUs available"
            ));
        }
        if self.cpu_period_us != 0 && !(1000..=1_000_000).contains(&self.cpu_period_us) {
            return refuse("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
        }
        if self.cpu_quota_us > 0 && self.cpu_quota_us < 1000 {
            return refuse("CPU cfs quota can not be less than 1ms (i.e. 1000)");
        }
        let period_us = if self.cpu_realtime_period_us == 0 { 1_000_000 } else { self.cpu_realtime_period_us };
        if i128::from(self.cpu_realtime_runtime_us) > i128::from(period_us) {
            return refuse("cpu real-time runtime cannot be higher than cpu real-time period");
        }
        if self.blkio_weight != 0 && !(10..=1000).contains(&self.blkio_weight) {
            return refuse("Range of blkio weight is from 10 to 1000");
        }
        check_set("cpus", &self.cpuset_cpus, processors)?;
        check_set("mems", &self.cpuset_mems, i64::MAX)
    }

    /// Quota and period in microseconds that stand for the processors that were asked for.
    pub fn quota(&self) -> Option<(i64, u64)> {
        const PERIOD_US: u64 = 100_000;
        match (self.nano_cpus, self.cpu_quota_us, self.cpu_period_us) {
            (0, 0, 0) => None,
            (0, quota, 0) => Some((quota, PERIOD_US)),
            (0, quota, period) => Some((quota, period)),
            (nano, _, _) => Some((nano / 10_000, PERIOD_US)),
        }
    }
}

/// A list of numbers and ranges (cpuset(7), "List format").
fn check_set(kind: &str, text: &str, count: i64) -> Result<(), String> {
    let invalid = || format!("Invalid value {text} for cpuset {kind}");
    for part in text.split(',').map(str::trim).filter(|_| !text.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (i64, i64) = (first.parse().map_err(|_| invalid())?, last.parse().map_err(|_| invalid())?);
        if first < 0 || last < first {
            return Err(invalid());
        }
        if last >= count {
            return Err(format!("Requested CPUs are not available - requested {text}, available: 0-{}", count - 1));
        }
    }
    Ok(())
}
