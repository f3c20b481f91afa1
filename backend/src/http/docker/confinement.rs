//! The part of `HostConfig` that says what a container's processes may use, see and do, into domain words. Networks and
//! mounts are read elsewhere.

use super::{error::DockerError, extract::null_as_default, log_config::LogConfig};
use crate::{
    ops::OpError,
    settings::{Device, Namespace, Resources, Rights, Seccomp, Settings, Throttle, Ulimit},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, path::PathBuf};

/// The part of a `HostConfig` that can be changed while a container runs: also the body of `POST …/update`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Limits {
    #[serde(deserialize_with = "null_as_default")]
    memory: i64,
    #[serde(deserialize_with = "null_as_default")]
    memory_swap: i64,
    #[serde(deserialize_with = "null_as_default")]
    memory_reservation: i64,
    memory_swappiness: Option<i64>,
    #[serde(deserialize_with = "null_as_default")]
    oom_kill_disable: bool,
    #[serde(deserialize_with = "null_as_default")]
    nano_cpus: i64,
    #[serde(deserialize_with = "null_as_default")]
    cpu_shares: i64,
    #[serde(deserialize_with = "null_as_default")]
    cpu_period: i64,
    #[serde(deserialize_with = "null_as_default")]
    cpu_quota: i64,
    #[serde(deserialize_with = "null_as_default")]
    cpu_realtime_period: i64,
    #[serde(deserialize_with = "null_as_default")]
    cpu_realtime_runtime: i64,
    #[serde(deserialize_with = "null_as_default")]
    cpuset_cpus: String,
    #[serde(deserialize_with = "null_as_default")]
    cpuset_mems: String,
    #[serde(deserialize_with = "null_as_default")]
    pids_limit: i64,
    #[serde(deserialize_with = "null_as_default")]
    blkio_weight: u16,
    #[serde(deserialize_with = "null_as_default")]
    blkio_weight_device: Vec<Weight>,
    #[serde(deserialize_with = "null_as_default")]
    blkio_device_read_bps: Vec<Rate>,
    #[serde(deserialize_with = "null_as_default")]
    blkio_device_write_bps: Vec<Rate>,
    #[serde(rename = "BlkioDeviceReadIOps", deserialize_with = "null_as_default")]
    blkio_device_read_iops: Vec<Rate>,
    #[serde(rename = "BlkioDeviceWriteIOps", deserialize_with = "null_as_default")]
    blkio_device_write_iops: Vec<Rate>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Rate {
    path: PathBuf,
    rate: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Weight {
    path: PathBuf,
    weight: u64,
}

/// The rest of a `HostConfig` that says what the processes may use, see and do.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Confinement {
    #[serde(deserialize_with = "null_as_default")]
    privileged: bool,
    #[serde(deserialize_with = "null_as_default")]
    cap_add: Vec<String>,
    #[serde(deserialize_with = "null_as_default")]
    cap_drop: Vec<String>,
    #[serde(deserialize_with = "null_as_default")]
    readonly_rootfs: bool,
    #[serde(deserialize_with = "null_as_default")]
    security_opt: Vec<String>,
    masked_paths: Option<Vec<String>>,
    readonly_paths: Option<Vec<String>>,
    #[serde(deserialize_with = "null_as_default")]
    devices: Vec<DeviceMapping>,
    #[serde(deserialize_with = "null_as_default")]
    device_cgroup_rules: Vec<String>,
    #[serde(deserialize_with = "null_as_default")]
    sysctls: BTreeMap<String, String>,
    #[serde(deserialize_with = "null_as_default")]
    ulimits: Vec<UlimitBody>,
    #[serde(deserialize_with = "null_as_default")]
    group_add: Vec<String>,
    #[serde(deserialize_with = "null_as_default")]
    init: bool,
    #[serde(deserialize_with = "null_as_default")]
    shm_size: i64,
    #[serde(deserialize_with = "null_as_default")]
    ipc_mode: String,
    #[serde(deserialize_with = "null_as_default")]
    pid_mode: String,
    #[serde(rename = "UTSMode", deserialize_with = "null_as_default")]
    uts_mode: String,
    #[serde(deserialize_with = "null_as_default")]
    userns_mode: String,
    #[serde(deserialize_with = "null_as_default")]
    cgroupns_mode: String,
    #[serde(deserialize_with = "null_as_default")]
    oom_score_adj: i32,
    #[serde(deserialize_with = "null_as_default")]
    annotations: BTreeMap<String, String>,
    #[serde(deserialize_with = "null_as_default")]
    tmpfs: BTreeMap<String, String>,
    #[serde(deserialize_with = "null_as_default")]
    runtime: String,
    #[serde(deserialize_with = "null_as_default")]
    isolation: String,
    #[serde(deserialize_with = "null_as_default")]
    log_config: LogConfig,
    #[serde(deserialize_with = "null_as_default")]
    cgroup_parent: String,
    #[serde(deserialize_with = "null_as_default")]
    device_requests: Vec<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeviceMapping {
    #[serde(default)]
    path_on_host: PathBuf,
    #[serde(default)]
    path_in_container: PathBuf,
    #[serde(default)]
    cgroup_permissions: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UlimitBody {
    name: String,
    #[serde(default)]
    soft: i64,
    #[serde(default)]
    hard: i64,
}

impl Limits {
    /// In domain words.
    ///
    /// # Errors
    /// `Invalid` for what is negative and can't be.
    pub(super) fn resources(&self) -> Result<Resources, OpError> {
        let positive = |name: &str, value: i64| {
            u64::try_from(value).map_err(|_| OpError::Invalid(format!("invalid {name} {value}: it can't be negative")))
        };
        let rates = |list: &[Rate]| {
            list.iter().map(|rate| Throttle { path: rate.path.clone(), rate: rate.rate }).collect::<Vec<_>>()
        };
        if self.memory < 0 {
            return Err(OpError::Invalid("Minimum memory limit allowed is 6MB".into()));
        }
        let swappiness = self.memory_swappiness.filter(|swappiness| *swappiness != -1);
        Ok(Resources {
            memory_bytes: self.memory,
            memory_swap_bytes: self.memory_swap,
            memory_reservation_bytes: self.memory_reservation,
            memory_swappiness: swappiness.map(|value| positive("memory swappiness", value)).transpose()?,
            oom_kill_disabled: self.oom_kill_disable,
            nano_cpus: self.nano_cpus,
            cpu_shares: positive("cpu shares", self.cpu_shares)?,
            cpu_period_us: positive("cpu period", self.cpu_period)?,
            cpu_quota_us: self.cpu_quota,
            cpu_realtime_period_us: positive("cpu real-time period", self.cpu_realtime_period)?,
            cpu_realtime_runtime_us: self.cpu_realtime_runtime,
            cpuset_cpus: self.cpuset_cpus.clone(),
            cpuset_mems: self.cpuset_mems.clone(),
            pids: self.pids_limit,
            blkio_weight: self.blkio_weight,
            blkio_weight_device: self
                .blkio_weight_device
                .iter()
                .map(|weight| Throttle { path: weight.path.clone(), rate: weight.weight })
                .collect(),
            read_bps: rates(&self.blkio_device_read_bps),
            write_bps: rates(&self.blkio_device_write_bps),
            read_iops: rates(&self.blkio_device_read_iops),
            write_iops: rates(&self.blkio_device_write_iops),
        })
    }
}

impl Confinement {
    /// The settings that are asked for, and a warning for everything that is accepted and not honoured.
    ///
    /// # Errors
    /// `Invalid` for what makes no sense, `NotBuilt` for what would make another container.
    pub(super) fn settings(
        &self,
        limits: &Limits,
        whole: &Map<String, Value>,
        warnings: &mut Vec<String>,
    ) -> Result<Settings, DockerError> {
        if !self.device_requests.is_empty() {
            return Err(DockerError::not_built("requests for devices by a driver (--gpus)"));
        }
        if !matches!(self.runtime.as_str(), "" | "runc" | "crun" | "io.containerd.runc.v2") {
            return Err(OpError::Invalid(format!("unknown or invalid runtime name: {}", self.runtime)).into());
        }
        if !matches!(self.isolation.as_str(), "" | "default") {
            return Err(OpError::Invalid(format!("invalid isolation '{}' on linux", self.isolation)).into());
        }
        if !matches!(self.userns_mode.as_str(), "" | "host") {
            return Err(OpError::Invalid(format!("invalid user namespace mode: {}", self.userns_mode)).into());
        }
        if self.shm_size < 0 {
            return Err(OpError::Invalid("SHM size can not be less than 0".into()).into());
        }
        let rights = self.rights(warnings)?;
        Ok(Settings {
            resources: limits.resources()?,
            rights,
            devices: self.devices.iter().map(device).collect(),
            device_rules: self.device_cgroup_rules.clone(),
            sysctls: self.sysctls.clone(),
            ulimits: self
                .ulimits
                .iter()
                .map(|ulimit| Ulimit { name: ulimit.name.clone(), soft: ulimit.soft, hard: ulimit.hard })
                .collect(),
            groups: self.group_add.clone(),
            init: self.init,
            shm_bytes: match self.ipc_mode.as_str() {
                "none" => Some(0),
                _ => u64::try_from(self.shm_size).ok().filter(|bytes| *bytes > 0),
            },
            ipc: namespace("IPC", &self.ipc_mode, &["", "none", "private", "shareable", "host", "container:"])?,
            pids: namespace("PID", &self.pid_mode, &["", "host", "container:"])?,
            uts: namespace("UTS", &self.uts_mode, &["", "host"])?,
            cgroups: match self.cgroupns_mode.as_str() {
                "" => None,
                mode => Some(namespace("cgroup", mode, &["private", "host"])?),
            },
            oom_score_adj: self.oom_score_adj,
            annotations: self.annotations.clone(),
            tmpfs: self.tmpfs.clone(),
            cgroup_parent: self.cgroup_parent.clone(),
            log: self.log_config.log(warnings)?,
            asked: Value::Object(whole.clone()).to_string(),
            ..Settings::default()
        })
    }

    fn rights(&self, warnings: &mut Vec<String>) -> Result<Rights, OpError> {
        let mut rights = Rights {
            privileged: self.privileged,
            cap_add: self.cap_add.clone(),
            cap_drop: self.cap_drop.clone(),
            read_only: self.readonly_rootfs,
            masked_paths: self.masked_paths.clone(),
            readonly_paths: self.readonly_paths.clone(),
            ..Rights::default()
        };
        for option in &self.security_opt {
            // `:` is the separator of long ago.
            let (name, value) = option.split_once(['=', ':']).unwrap_or((option, ""));
            match (name, value) {
                ("no-new-privileges", "" | "true") => rights.no_new_privileges = true,
                ("no-new-privileges", "false") => {}
                ("seccomp", "unconfined") => rights.seccomp = Seccomp::Unconfined,
                ("seccomp", "builtin") => rights.seccomp = Seccomp::Default,
                ("seccomp", profile) => rights.seccomp = Seccomp::Profile(profile.to_owned()),
                ("apparmor", "unconfined") | ("label", "disable") => {}
                ("apparmor" | "label", _) => warnings.push(format!(
                    "security option {option} is not honoured yet: containers run without AppArmor and SELinux"
                )),
                ("systempaths", "unconfined") => {
                    rights.masked_paths = Some(Vec::new());
                    rights.readonly_paths = Some(Vec::new());
                }
                _ => return Err(OpError::Invalid(format!("invalid --security-opt 2: {option:?}"))),
            }
        }
        Ok(rights)
    }
}

fn device(device: &DeviceMapping) -> Device {
    let or = |path: &PathBuf, other: &PathBuf| if path.as_os_str().is_empty() { other.clone() } else { path.clone() };
    Device {
        host: device.path_on_host.clone(),
        container: or(&device.path_in_container, &device.path_on_host),
        access: if device.cgroup_permissions.is_empty() { "rwm".into() } else { device.cgroup_permissions.clone() },
    }
}

fn namespace(kind: &str, mode: &str, known: &[&str]) -> Result<Namespace, OpError> {
    let found = match mode.split_once(':') {
        Some(("container", other)) if !other.is_empty() => known.contains(&"container:").then(|| other.to_owned()),
        _ if known.contains(&mode) => {
            return Ok(match mode {
                "host" => Namespace::Host,
                "shareable" => Namespace::Shareable,
                _ => Namespace::Own,
            });
        }
        _ => None,
    };
    found.map(Namespace::Container).ok_or_else(|| OpError::Invalid(format!("invalid {kind} mode: {mode}")))
}
