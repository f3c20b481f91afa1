//! What a running container uses, as its cgroups and its network namespace count it: version 1, version 2, or both.
//! Docker's answer has what version 1 counts; version 2 counts less, and what it doesn't is absent.

use super::{ProcessState, Runtime, RuntimeError, host::CgroupLayout};
use drawbridge_api::ContainerId;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// One look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consumption {
    /// Which version counts it.
    pub version: Version,
    /// Processor time.
    pub cpu: Cpu,
    /// Processor time of the whole machine, in nanoseconds.
    pub system_cpu_ns: u64,
    /// Processors that are on.
    pub online_cpus: usize,
    /// Memory.
    pub memory: Memory,
    /// Processes and threads; none where they are not counted.
    pub pids: Option<u64>,
    /// How many there may be.
    pub pids_limit: Option<u64>,
    /// Bytes and operations at disks.
    pub io: Vec<Io>,
    /// What went through each interface, `lo` left out; empty for one in the host's namespace.
    pub interfaces: BTreeMap<String, Interface>,
}

/// Which version of cgroups counts a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// Version 1.
    #[default]
    Legacy,
    /// Version 2.
    Unified,
}

/// Processor time, in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cpu {
    /// All of it.
    pub total_ns: u64,
    /// By processor; empty where that is not counted.
    pub per_cpu_ns: Vec<u64>,
    /// In the kernel.
    pub kernel_ns: u64,
    /// Outside of it.
    pub user_ns: u64,
    /// Periods in which it was limited, those in which it was held up, and for how long.
    pub periods: u64,
    /// Those of them in which it had to wait.
    pub throttled_periods: u64,
    /// How long it waited.
    pub throttled_ns: u64,
}

/// Memory, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// In use.
    pub usage: u64,
    /// The most that was in use; none on version 2.
    pub max_usage: Option<u64>,
    /// How often the limit was met.
    pub failures: u64,
    /// The limit; the machine's memory when there is none.
    pub limit: u64,
    /// `memory.stat`, word by word.
    pub stats: BTreeMap<String, u64>,
}

/// What went to and from one disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Io {
    /// The disk.
    pub major: u64,
    /// The disk.
    pub minor: u64,
    /// `read`, `write` and their like.
    pub operation: String,
    /// Bytes.
    pub bytes: Option<u64>,
    /// Operations.
    pub count: Option<u64>,
}

/// What went through an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// In.
    pub received: Traffic,
    /// Out.
    pub sent: Traffic,
}

/// One direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// Packets that were broken.
    pub errors: u64,
    /// Packets that were given up.
    pub dropped: u64,
}

impl Runtime {
    /// What a container uses now; none when it does not run.
    ///
    /// # Errors
    /// When its files can't be read.
    pub async fn consumption(&self, id: &ContainerId) -> Result<Option<Consumption>, RuntimeError> {
        let ProcessState::Running { pid } = self.state(id).await? else { return Ok(None) };
        let host = self.inner.host.clone();
        let cgroup = self.inner.folders.container(id).cgroup(id);
        let look = move || {
            let at = |controller: &str| host.cgroup(&cgroup, controller).unwrap_or_default();
            let machine = Machine::read();
            let mut seen = match host.cgroups {
                CgroupLayout::Unified => unified(&at("")),
                CgroupLayout::Legacy | CgroupLayout::Hybrid => {
                    legacy(&at("cpuacct"), &at("cpu"), &at("memory"), &at("pids"), &at("blkio"))
                }
                CgroupLayout::Absent => Consumption::default(),
            };
            if seen.memory.limit == 0 || seen.memory.limit > machine.memory {
                seen.memory.limit = machine.memory;
            }
            seen.system_cpu_ns = machine.cpu_ns;
            seen.online_cpus = machine.cpus;
            let own = fs::read_link(format!("/proc/{pid}/ns/net")).ok();
            if own != fs::read_link("/proc/self/ns/net").ok() {
                seen.interfaces = interfaces(&text(Path::new(&format!("/proc/{pid}/net/dev"))));
            }
            seen
        };
        tokio::task::spawn_blocking(look).await.map(Some).map_err(|_| RuntimeError::ShuttingDown)
    }

    /// The processes of a container by number, those run later included.
    ///
    /// # Errors
    /// `NotRunning`.
    pub async fn pids(&self, id: &ContainerId) -> Result<Vec<i32>, RuntimeError> {
        let ProcessState::Running { pid } = self.state(id).await? else {
            return Err(RuntimeError::NotRunning(id.clone()));
        };
        let controller = if self.inner.host.cgroups == CgroupLayout::Unified { "" } else { "pids" };
        let folder = self.inner.host.cgroup(&self.inner.folders.container(id).cgroup(id), controller);
        let mut pids = folder.map(|folder| processes_of(&folder)).unwrap_or_default();
        if pids.is_empty() {
            // It has no cgroup of its own: the main process is what is known.
            pids.push(pid);
        }
        Ok(pids)
    }
}

/// The processes of a cgroup and of those that the container has made in it.
fn processes_of(folder: &Path) -> Vec<i32> {
    let mut pids: Vec<i32> = text(&folder.join("cgroup.procs")).lines().filter_map(|line| line.parse().ok()).collect();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            pids.extend(processes_of(&entry.path()));
        }
    }
    pids
}

/// A file that is not there has no text: the kernel leaves files out that it was built without.
fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn number(folder: &Path, file: &str) -> Option<u64> {
    text(&folder.join(file)).trim().parse().ok()
}

/// Lines of a word and a number.
fn words(text: &str) -> BTreeMap<String, u64> {
    let pair = |line: &str| {
        let (word, number) = line.split_once(' ')?;
        Some((word.to_owned(), number.trim().parse().ok()?))
    };
    text.lines().filter_map(pair).collect()
}

/// Documentation/admin-guide/cgroup-v1: cpuacct.rst, memory.rst, pids.rst, blkio-controller.rst.
fn legacy(cpuacct: &Path, cpu: &Path, memory: &Path, pids: &Path, blkio: &Path) -> Consumption {
    /// One tick of `cpuacct.stat`, USER_HZ being 100 on every machine of today (times(2)).
    const TICK_NS: u64 = 10_000_000;
    let ticks = words(&text(&cpuacct.join("cpuacct.stat")));
    let throttling = words(&text(&cpu.join("cpu.stat")));
    let get = |map: &BTreeMap<String, u64>, key: &str| map.get(key).copied().unwrap_or(0);
    let per_cpu = text(&cpuacct.join("cpuacct.usage_percpu"));
    Consumption {
        version: Version::Legacy,
        cpu: Cpu {
            total_ns: number(cpuacct, "cpuacct.usage").unwrap_or(0),
            per_cpu_ns: per_cpu.split_whitespace().filter_map(|number| number.parse().ok()).collect(),
            kernel_ns: get(&ticks, "system") * TICK_NS,
            user_ns: get(&ticks, "user") * TICK_NS,
            periods: get(&throttling, "nr_periods"),
            throttled_periods: get(&throttling, "nr_throttled"),
            throttled_ns: get(&throttling, "throttled_time"),
        },
        memory: Memory {
            usage: number(memory, "memory.usage_in_bytes").unwrap_or(0),
            max_usage: number(memory, "memory.max_usage_in_bytes"),
            failures: number(memory, "memory.failcnt").unwrap_or(0),
            limit: number(memory, "memory.limit_in_bytes").unwrap_or(0),
            stats: words(&text(&memory.join("memory.stat"))),
        },
        pids: number(pids, "pids.current"),
        pids_limit: number(pids, "pids.max"),
        io: legacy_io(
            &text(&blkio.join("blkio.throttle.io_service_bytes_recursive")),
            &text(&blkio.join("blkio.throttle.io_serviced_recursive")),
        ),
        ..Consumption::default()
    }
}

/// Lines such as `8:0 Read 4096`.
fn legacy_io(bytes: &str, counts: &str) -> Vec<Io> {
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let (major, minor) = words.next()?.split_once(':')?;
        let (operation, value) = (words.next()?.to_lowercase(), words.next()?.parse::<u64>().ok()?);
        Some((major.parse().ok()?, minor.parse().ok()?, operation, value))
    };
    let bytes = bytes.lines().filter_map(line).map(|(major, minor, operation, bytes)| Io {
        major,
        minor,
        operation,
        bytes: Some(bytes),
        count: None,
    });
    let counts = counts.lines().filter_map(line).map(|(major, minor, operation, count)| Io {
        major,
        minor,
        operation,
        bytes: None,
        count: Some(count),
    });
    bytes.chain(counts).collect()
}

/// Documentation/admin-guide/cgroup-v2.rst.
fn unified(folder: &Path) -> Consumption {
    let cpu = words(&text(&folder.join("cpu.stat")));
    let us = |key: &str| cpu.get(key).copied().unwrap_or(0) * 1000;
    let events = words(&text(&folder.join("memory.events")));
    Consumption {
        version: Version::Unified,
        cpu: Cpu {
            total_ns: us("usage_usec"),
            per_cpu_ns: Vec::new(),
            kernel_ns: us("system_usec"),
            user_ns: us("user_usec"),
            periods: cpu.get("nr_periods").copied().unwrap_or(0),
            throttled_periods: cpu.get("nr_throttled").copied().unwrap_or(0),
            throttled_ns: us("throttled_usec"),
        },
        memory: Memory {
            usage: number(folder, "memory.current").unwrap_or(0),
            max_usage: None,
            failures: events.get("oom").copied().unwrap_or(0),
            limit: number(folder, "memory.max").unwrap_or(0),
            stats: words(&text(&folder.join("memory.stat"))),
        },
        pids: number(folder, "pids.current"),
        pids_limit: number(folder, "pids.max"),
        io: unified_io(&text(&folder.join("io.stat"))),
        ..Consumption::default()
    }
}

/// Lines such as `8:0 rbytes=1 wbytes=2 rios=3 wios=4`.
fn unified_io(stat: &str) -> Vec<Io> {
    let mut io = Vec::new();
    for line in stat.lines() {
        let mut words = line.split_whitespace();
        let Some((major, minor)) = words.next().and_then(|disk| disk.split_once(':')) else { continue };
        let (Ok(major), Ok(minor)) = (major.parse(), minor.parse()) else { continue };
        for word in words {
            let Some((key, Ok(value))) = word.split_once('=').map(|(key, value)| (key, value.parse::<u64>())) else {
                continue;
            };
            let (operation, bytes, count) = match key {
                "rbytes" => ("read", Some(value), None),
                "wbytes" => ("write", Some(value), None),
                "rios" => ("read", None, Some(value)),
                "wios" => ("write", None, Some(value)),
                _ => continue,
            };
            io.push(Io { major, minor, operation: operation.to_owned(), bytes, count });
        }
    }
    io
}

/// /proc/PID/net/dev (proc(5)): a name, eight numbers in, eight out.
fn interfaces(text: &str) -> BTreeMap<String, Interface> {
    let line = |line: &str| {
        let (name, numbers) = line.split_once(':')?;
        let numbers: Vec<u64> = numbers.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        let traffic = |first: usize| {
            let at = |index: usize| numbers.get(first + index).copied().unwrap_or(0);
            Traffic { bytes: at(0), packets: at(1), errors: at(2), dropped: at(3) }
        };
        (numbers.len() == 16).then(|| (name.trim().to_owned(), Interface { received: traffic(0), sent: traffic(8) }))
    };
    text.lines().filter_map(line).filter(|(name, _)| name != "lo").collect()
}

struct Machine {
    cpu_ns: u64,
    cpus: usize,
    memory: u64,
}

impl Machine {
    fn read() -> Machine {
        let stat = text(&PathBuf::from("/proc/stat"));
        let ticks = stat.lines().find_map(|line| line.strip_prefix("cpu "));
        // Without the guests' time, which is in the users' already (proc(5)).
        let ticks: u64 = ticks
            .map(|line| line.split_whitespace().take(8).filter_map(|number| number.parse::<u64>().ok()).sum())
            .unwrap_or(0);
        let cpus = stat.lines().filter(|line| line.starts_with("cpu") && !line.starts_with("cpu ")).count();
        let memory = text(&PathBuf::from("/proc/meminfo"));
        let memory_kib = memory
            .lines()
            .find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse::<u64>().ok());
        Machine { cpu_ns: ticks * 10_000_000, cpus, memory: memory_kib.unwrap_or(0) * 1024 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_read() {
        let io = legacy_io("8:0 Read 4096\n8:0 Total 4096\nTotal 4096\n", "8:0 Read 1\n");
        assert_eq!(io.len(), 3);
        assert_eq!((io[0].operation.as_str(), io[0].bytes, io[2].count), ("read", Some(4096), Some(1)));
        let io = unified_io("254:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n");
        assert_eq!(
            io.iter().map(|io| (io.bytes, io.count)).collect::<Vec<_>>(),
            [(Some(10), None), (Some(20), None), (None, Some(1)), (None, Some(2))]
        );
        let dev = "Inter-|   Receive\n face |bytes\n    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n  eth0: 5 6 7 8 0 0 0 0 9 10 11 12 0 0 0 0\n";
        let interfaces = interfaces(dev);
        assert_eq!(interfaces.len(), 1);
        assert_eq!(interfaces["eth0"].sent, Traffic { bytes: 9, packets: 10, errors: 11, dropped: 12 });
        assert_eq!(words("anon 5\nfile 6\nbroken\n").len(), 2);
    }
}
