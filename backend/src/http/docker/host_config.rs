//! `HostConfig` kept whole as it came, and shown again with the nulls and zero values of Docker's own. What it asks of
//! the processes is read in `confinement`.

use super::ports;
use crate::model::ContainerRecord;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use std::ops::Deref;

/// An object as it was sent, and what is read of it.
#[derive(Debug, Default)]
pub(super) struct Sent<T> {
    /// As it came.
    pub(super) whole: Map<String, Value>,
    read: T,
}

impl<T> Deref for Sent<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.read
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Sent<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let whole = Map::deserialize(deserializer)?;
        let read = serde_json::from_value(Value::Object(whole.clone())).map_err(serde::de::Error::custom)?;
        Ok(Self { whole, read })
    }
}

/// What the machine gives where a client said nothing.
pub(super) struct Given<'a> {
    /// The network, as it was asked for.
    pub(super) network_mode: &'a str,
    /// The OCI runtime's name.
    pub(super) runtime: &'a str,
    /// `host` or `private`.
    pub(super) cgroups: &'a str,
}

/// The whole `HostConfig` of inspect: Docker's zero values, then what was sent, then what the daemon makes of it.
pub(super) fn shown(record: &ContainerRecord, given: &Given<'_>) -> Value {
    let mut shown = zero_values();
    let sent: Map<String, Value> = serde_json::from_str(&record.spec.settings.asked).unwrap_or_default();
    for (key, value) in sent {
        let known = shown.contains_key(&key);
        if (known && !value.is_null()) || (WHEN_SET.contains(&key.as_str()) && says_something(&value)) {
            shown.insert(key, value);
        }
    }
    let spec = &record.spec;
    let privileged = spec.settings.rights.privileged;
    let mut put = |key: &str, value: Value| drop(shown.insert(key.to_owned(), value));
    put("NetworkMode", given.network_mode.into());
    put("PortBindings", Value::Object(ports::bindings(&spec.ports)));
    put("AutoRemove", spec.auto_remove.into());
    put("PublishAllPorts", spec.publish_all.into());
    for (key, names) in [("CapAdd", &spec.settings.rights.cap_add), ("CapDrop", &spec.settings.rights.cap_drop)] {
        if !names.is_empty() {
            put(key, names.iter().map(|name| long_name(name)).collect());
        }
    }
    let masked = spec.settings.rights.masked_paths.as_ref();
    let readonly = spec.settings.rights.readonly_paths.as_ref();
    let paths = |asked: Option<&Vec<String>>, usual: &[&str]| match asked {
        Some(paths) => json!(paths),
        None if privileged => Value::Null,
        None => json!(usual),
    };
    put("MaskedPaths", paths(masked, &crate::runtime::MASKED_PATHS));
    put("ReadonlyPaths", paths(readonly, &crate::runtime::READONLY_PATHS));
    let resources = &spec.settings.resources;
    if resources.memory_bytes > 0 && resources.memory_swap_bytes == 0 {
        put("MemorySwap", resources.memory_bytes.saturating_mul(2).into());
    }
    put("MemorySwappiness", resources.memory_swappiness.map_or(Value::Null, Value::from));
    put("PidsLimit", if resources.pids == 0 { Value::Null } else { resources.pids.into() });
    if privileged {
        put("SecurityOpt", json!(["label=disable"]));
    }
    for (key, default) in [("Runtime", given.runtime), ("CgroupnsMode", given.cgroups), ("IpcMode", "private")] {
        if shown.get(key).and_then(Value::as_str).is_none_or(str::is_empty) {
            shown.insert(key.to_owned(), default.into());
        }
    }
    if shown["ShmSize"] == 0 {
        shown.insert("ShmSize".to_owned(), json!(67_108_864));
    }
    if shown["LogConfig"]["Type"].as_str().is_none_or(str::is_empty) {
        let config = shown["LogConfig"]["Config"].as_object().cloned().unwrap_or_default();
        shown.insert("LogConfig".to_owned(), json!({ "Type": "json-file", "Config": config }));
    }
    if shown["RestartPolicy"]["Name"].as_str().is_none_or(str::is_empty) {
        shown.insert("RestartPolicy".to_owned(), json!({ "Name": "no", "MaximumRetryCount": 0 }));
    }
    Value::Object(shown)
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(_) => true,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(object) => !object.is_empty(),
    }
}

/// `CAP_NET_ADMIN`, the form that is shown whatever was sent.
fn long_name(name: &str) -> String {
    let upper = name.to_ascii_uppercase();
    if upper == "ALL" || upper.starts_with("CAP_") { upper } else { format!("CAP_{upper}") }
}

/// Shown only when they say something.
const WHEN_SET: [&str; 9] = [
    "Annotations",
    "Init",
    "KernelMemory",
    "KernelMemoryTCP",
    "Mounts",
    "StorageOpt",
    "Sysctls",
    "Tmpfs",
    "ContainerIDFile",
];

/// What Docker 28 shows of a container for which nothing was asked.
fn zero_values() -> Map<String, Value> {
    let zero = json!({
        "Binds": null,
        "ContainerIDFile": "",
        "LogConfig": { "Type": "json-file", "Config": {} },
        "NetworkMode": "",
        "PortBindings": {},
        "RestartPolicy": { "Name": "no", "MaximumRetryCount": 0 },
        "AutoRemove": false,
        "VolumeDriver": "", "VolumesFrom": null, "ConsoleSize": [0, 0],
        "CapAdd": null, "CapDrop": null, "CgroupnsMode": "",
        "Dns": [], "DnsOptions": [], "DnsSearch": [], "ExtraHosts": null, "GroupAdd": null,
        "IpcMode": "", "Cgroup": "", "Links": null, "OomScoreAdj": 0, "PidMode": "", "Privileged": false,
        "PublishAllPorts": false, "ReadonlyRootfs": false, "SecurityOpt": null, "UTSMode": "", "UsernsMode": "",
        "ShmSize": 67_108_864, "Runtime": "", "Isolation": "",
        "CpuShares": 0, "Memory": 0, "NanoCpus": 0, "CgroupParent": "", "BlkioWeight": 0, "BlkioWeightDevice": [],
        "BlkioDeviceReadBps": [], "BlkioDeviceWriteBps": [], "BlkioDeviceReadIOps": [], "BlkioDeviceWriteIOps": [],
        "CpuPeriod": 0, "CpuQuota": 0, "CpuRealtimePeriod": 0, "CpuRealtimeRuntime": 0, "CpusetCpus": "",
        "CpusetMems": "", "Devices": [], "DeviceCgroupRules": null, "DeviceRequests": null,
        "MemoryReservation": 0, "MemorySwap": 0, "MemorySwappiness": null, "OomKillDisable": false,
        "PidsLimit": null, "Ulimits": [], "CpuCount": 0, "CpuPercent": 0, "IOMaximumIOps": 0, "IOMaximumBandwidth": 0,
        "MaskedPaths": null, "ReadonlyPaths": null,
    });
    match zero {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
