//! What a container's processes may use, see and do, beyond their command. Domain words: stored with the container, put
//! into the runtime's document, and made of either dialect's own words at the edge. No kernel, no SQL.

mod resources;

use crate::{
    life::{HealthCheck, RestartPolicy},
    mounts::Mount,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};

pub use resources::{Resources, Throttle};

/// Everything about a container that is neither its command nor its networks. The default is that of `run` without
/// options.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// How much it may use.
    pub resources: Resources,
    /// What it may do.
    pub rights: Rights,
    /// Devices of the host that it has.
    pub devices: Vec<Device>,
    /// Further rules of the device cgroup: `c 1:3 rwm`.
    pub device_rules: Vec<String>,
    /// Kernel settings of its own namespaces: `net.ipv4.ip_forward`.
    pub sysctls: BTreeMap<String, String>,
    /// Limits of a process (getrlimit(2)).
    pub ulimits: Vec<Ulimit>,
    /// Groups that the process is in besides its own, by name or number.
    pub groups: Vec<String>,
    /// Whether a small init stands before the process, to reap what is left to it.
    pub init: bool,
    /// Size of `/dev/shm` in bytes; 64 MiB when absent, none is mounted when 0.
    pub shm_bytes: Option<u64>,
    /// Whose shared memory and message queues it has.
    pub ipc: Namespace,
    /// Whose processes it sees.
    pub pids: Namespace,
    /// Whose host name it has.
    pub uts: Namespace,
    /// Whose view of the cgroups it has; the machine's default when absent.
    pub cgroups: Option<Namespace>,
    /// Its score for the killer of processes when memory runs out, -1000 to 1000.
    pub oom_score_adj: i32,
    /// Annotations of the runtime's document.
    pub annotations: BTreeMap<String, String>,
    /// Memory file systems by their place, with mount options: `/run` and `size=64m`.
    pub tmpfs: BTreeMap<String, String>,
    /// What is mounted into it; when it is made, its image's volumes and those of other containers are added.
    pub mounts: Vec<Mount>,
    /// Places that are to be volumes of its own.
    pub volumes: Vec<String>,
    /// Containers whose mounts it has too: `web`, `web:ro`.
    pub volumes_from: Vec<String>,
    /// When it is started again after its end.
    pub restart: RestartPolicy,
    /// How its health is checked; when it is made, what its image says is added.
    pub health: Option<HealthCheck>,
    /// The cgroup that its own is made in, from the top of each hierarchy: `/lab`; Drawbridge's own when empty.
    pub cgroup_parent: String,
    /// How what it prints is kept.
    pub log: Log,
    /// Which of its streams the client that made it meant to attach; only shown again.
    pub attach: Attach,
    /// What of this came in a client's own words, kept to be shown to it again; only that client's dialect reads it.
    pub asked: String,
}

/// Streams of a container's main process that a client attaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attach {
    /// Its standard input.
    pub stdin: bool,
    /// Its standard output.
    pub stdout: bool,
    /// Its standard error.
    pub stderr: bool,
}

/// How what a container prints is kept. It is kept in any case: whoever attaches reads it from there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Log {
    /// The most that is kept, in bytes, before what is there is dropped; everything when 0.
    pub max_bytes: u64,
    /// Whether it is nobody's to read back: only those hear it who listen.
    pub unread: bool,
}

/// What a container's processes may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rights {
    /// All capabilities, all devices, no filter of system calls, nothing covered.
    pub privileged: bool,
    /// Capabilities beyond the usual: `NET_ADMIN`, `ALL`.
    pub cap_add: Vec<String>,
    /// Capabilities that it lacks.
    pub cap_drop: Vec<String>,
    /// Its file system is read-only.
    pub read_only: bool,
    /// No program that it runs gains rights by being set-uid.
    pub no_new_privileges: bool,
    /// Which system calls it may make.
    pub seccomp: Seccomp,
    /// Paths that are covered; the usual ones when absent.
    pub masked_paths: Option<Vec<String>>,
    /// Paths that are read-only; the usual ones when absent.
    pub readonly_paths: Option<Vec<String>>,
}

/// Which system calls a container's processes may make.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Seccomp {
    /// The built-in list.
    #[default]
    Default,
    /// All.
    Unconfined,
    /// Those of a profile, a JSON document in moby's form (moby, profiles/seccomp).
    Profile(String),
}

/// A device of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its place on the host; a folder stands for all that are in it.
    pub host: PathBuf,
    /// Its place in the container.
    pub container: PathBuf,
    /// `r`, `w` and `m`: read, write, make.
    pub access: String,
}

/// A limit of a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ulimit {
    /// `nofile`, one of [`ULIMITS`].
    pub name: String,
    /// What holds; -1 is none.
    pub soft: i64,
    /// What it may be raised to; -1 is none.
    pub hard: i64,
}

/// Every limit of a process that can be named: its name in options, and the line of /proc/PID/limits (proc(5)).
pub const ULIMITS: [(&str, &str); 15] = [
    ("core", "Max core file size"),
    ("cpu", "Max cpu time"),
    ("data", "Max data size"),
    ("fsize", "Max file size"),
    ("locks", "Max file locks"),
    ("memlock", "Max locked memory"),
    ("msgqueue", "Max msgqueue size"),
    ("nice", "Max nice priority"),
    ("nofile", "Max open files"),
    ("nproc", "Max processes"),
    ("rss", "Max resident set"),
    ("rtprio", "Max realtime priority"),
    ("rttime", "Max realtime timeout"),
    ("sigpending", "Max pending signals"),
    ("stack", "Max stack size"),
];

/// Whose namespace a container is in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Namespace {
    /// One of its own.
    #[default]
    Own,
    /// One of its own, which others may join.
    Shareable,
    /// The host's.
    Host,
    /// That of the container of this name or id.
    Container(String),
}

impl Settings {
    /// What makes no sense in them.
    ///
    /// # Errors
    /// One sentence about the first thing that is wrong.
    pub fn check(&self, processors: usize) -> Result<(), String> {
        self.resources.check(processors)?;
        if !(-1000..=1000).contains(&self.oom_score_adj) {
            return Err(format!("Invalid value {}, range for oom score adj is [-1000, 1000]", self.oom_score_adj));
        }
        let is_name = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\0', '\n']);
        if !self.cgroup_parent.is_empty() && !self.cgroup_parent.trim_matches('/').split('/').all(is_name) {
            return Err(format!("invalid cgroup parent {:?}; write a path such as /lab", self.cgroup_parent));
        }
        for Ulimit { name, soft, hard } in &self.ulimits {
            if !ULIMITS.iter().any(|(known, _)| known == name) {
                return Err(format!("invalid ulimit type: {name}"));
            }
            if *hard != -1 && (*soft == -1 || soft > hard) {
                return Err(format!("ulimit soft limit must be less than or equal to hard limit: {soft} > {hard}"));
            }
        }
        for key in self.sysctls.keys() {
            if !is_namespaced(key) {
                return Err(format!(
                    "sysctl {key:?} is not in a separate kernel namespace: it would change the whole machine"
                ));
            }
            if key.starts_with("net.") || self.ipc != Namespace::Host {
                continue;
            }
            return Err(format!("sysctl {key:?} is not allowed in the hosts ipc namespace"));
        }
        for (place, options) in &self.tmpfs {
            if !place.starts_with('/') {
                return Err(format!("invalid mount path: '{place}' mount path must be absolute"));
            }
            if options.contains("bind") {
                return Err(format!("invalid tmpfs option \"bind\" of {place}"));
            }
        }
        if let Some(health) = &self.health {
            health.check()?;
        }
        for rule in &self.device_rules {
            if !is_device_rule(rule) {
                return Err(format!("invalid device cgroup rule format: '{rule}'"));
            }
        }
        Ok(())
    }
}

/// Whether a kernel setting is one of a namespace's own: System V and POSIX message queues, semaphores, shared memory,
/// and everything of the network (namespaces(7)).
fn is_namespaced(key: &str) -> bool {
    const OF_IPC: [&str; 8] = [
        "kernel.msgmax",
        "kernel.msgmnb",
        "kernel.msgmni",
        "kernel.sem",
        "kernel.shmall",
        "kernel.shmmax",
        "kernel.shmmni",
        "kernel.shm_rmid_forced",
    ];
    key.starts_with("net.") || key.starts_with("fs.mqueue.") || OF_IPC.contains(&key)
}

/// `TYPE MAJOR:MINOR ACCESS`, where numbers may be `*` (Documentation/admin-guide/cgroup-v1/devices.rst).
pub fn parse_device_rule(rule: &str) -> Option<(char, Option<i64>, Option<i64>, &str)> {
    let mut words = rule.split_ascii_whitespace();
    let (kind, numbers, access) = (words.next()?, words.next()?, words.next()?);
    let kind = ["a", "b", "c"].contains(&kind).then(|| kind.chars().next()).flatten()?;
    let (major, minor) = numbers.split_once(':')?;
    let number = |text: &str| if text == "*" { Some(None) } else { text.parse().ok().map(Some) };
    let is_access = !access.is_empty() && access.chars().all(|letter| "rwm".contains(letter));
    (is_access && words.next().is_none()).then_some((kind, number(major)?, number(minor)?, access))
}

fn is_device_rule(rule: &str) -> bool {
    parse_device_rule(rule).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut Settings), expected: Option<&str>) {
        let mut settings = Settings::default();
        change(&mut settings);
        assert_eq!(settings.check(2).err().as_deref(), expected);
    }

    #[test]
    fn limits_that_make_no_sense_are_named() {
        check(|s| s.resources.memory_bytes = 1 << 20, Some("Minimum memory limit allowed is 6MB"));
        check(|s| s.resources.nano_cpus = 1_500_000_000, None);
        check(
            |s| s.resources.nano_cpus = 3_000_000_000,
            Some("range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available"),
        );
        check(
            |s| s.resources.cpuset_cpus = "0-2".into(),
            Some("Requested CPUs are not available - requested 0-2, available: 0-1"),
        );
        check(|s| s.resources.cpuset_cpus = "0,1".into(), None);
        check(|s| s.resources.cpuset_cpus = "x".into(), Some("Invalid value x for cpuset cpus"));
        check(
            |s| s.ulimits.push(Ulimit { name: "nofile".into(), soft: 2, hard: 1 }),
            Some("ulimit soft limit must be less than or equal to hard limit: 2 > 1"),
        );
        check(|s| s.ulimits.push(Ulimit { name: "x".into(), soft: 1, hard: 1 }), Some("invalid ulimit type: x"));
        check(|s| drop(s.sysctls.insert("net.core.somaxconn".into(), "1".into())), None);
        check(
            |s| drop(s.sysctls.insert("vm.swappiness".into(), "1".into())),
            Some("sysctl \"vm.swappiness\" is not in a separate kernel namespace: it would change the whole machine"),
        );
        check(|s| s.device_rules.push("c 1:* rwm".into()), None);
        check(|s| s.device_rules.push("c 1 rwm".into()), Some("invalid device cgroup rule format: 'c 1 rwm'"));
    }

    #[test]
    fn processors_become_a_quota() {
        let quota = |nano_cpus, cpu_quota_us, cpu_period_us| {
            Resources { nano_cpus, cpu_quota_us, cpu_period_us, ..Resources::default() }.quota()
        };
        assert_eq!(quota(0, 0, 0), None);
        assert_eq!(quota(500_000_000, 0, 0), Some((50_000, 100_000)));
        assert_eq!(quota(0, 20_000, 0), Some((20_000, 100_000)));
        assert_eq!(quota(0, 20_000, 50_000), Some((20_000, 50_000)));
    }
}
