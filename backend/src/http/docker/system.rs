//! The engine itself: ping, version, info.

use super::{ENGINE_VERSION, NEWEST, OLDEST, answer, error::DockerError};
use crate::{
    clock,
    images::registry::Insecure,
    ops::{Daemon, container, image},
};
use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, Method},
};
use serde_json::{Value, json};
use std::sync::Arc;

/// `HEAD` and `GET /_ping`: the first request of every client. `Builder-Version: 1` is the classic builder, so that
/// clients don't look for BuildKit.
pub(super) async fn ping(method: Method) -> (HeaderMap, &'static str) {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("builder-version", "1"),
        ("swarm", "inactive"),
        ("cache-control", "no-cache, no-store, must-revalidate"),
        ("pragma", "no-cache"),
        ("content-type", "text/plain; charset=utf-8"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    (headers, if method == Method::HEAD { "" } else { "OK" })
}

/// `GET /version`.
pub(super) async fn version(State(daemon): State<Arc<Daemon>>) -> Json<Value> {
    let details = json!({
        "ApiVersion": NEWEST.to_string(),
        "Arch": architecture(),
        "BuildTime": "",
        "Experimental": "false",
        "GitCommit": "",
        "GoVersion": "",
        "KernelVersion": daemon.host.kernel,
        "MinAPIVersion": OLDEST.to_string(),
        "Os": "linux",
    });
    let (runtime, runtime_version) = daemon.host.runtime.split_once(' ').unwrap_or((&daemon.host.runtime, ""));
    Json(json!({
        "Platform": { "Name": format!("Drawbridge {}", env!("CARGO_PKG_VERSION")) },
        "Components": [
            { "Name": "Engine", "Version": ENGINE_VERSION, "Details": details },
            { "Name": runtime, "Version": runtime_version, "Details": { "GitCommit": "" } },
        ],
        "Version": ENGINE_VERSION,
        "ApiVersion": NEWEST.to_string(),
        "MinAPIVersion": OLDEST.to_string(),
        "GitCommit": "",
        "GoVersion": "",
        "Os": "linux",
        "Arch": architecture(),
        "KernelVersion": daemon.host.kernel,
        "BuildTime": "",
    }))
}

/// Docker's word for this processor.
pub(super) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// `GET /info`.
pub(super) async fn info(State(daemon): State<Arc<Daemon>>) -> Result<Json<Value>, DockerError> {
    let containers = container::list(&daemon)?;
    let count = |word: &str| containers.iter().filter(|(record, _)| answer::state_word(record) == word).count();
    let (running, paused) = (count("running"), count("paused"));
    let can_limit = |controller: &str| daemon.runtime.can_limit(controller);
    let warnings = daemon.runtime.warnings();
    let images = image::list(&daemon)?.len();
    let machine = tokio::task::spawn_blocking(Machine::read).await.unwrap_or_default();
    let (runtime, _) = daemon.host.runtime.split_once(' ').unwrap_or((&daemon.host.runtime, ""));
    let registries = daemon.images.registries();
    let mirrors: Vec<String> = registries.mirrors.iter().map(ToString::to_string).collect();
    let mut insecure = vec!["::1/128".to_owned(), "127.0.0.0/8".to_owned()];
    insecure.extend(registries.insecure.iter().filter_map(|insecure| match insecure {
        Insecure::Range(range) => Some(range.to_string()),
        Insecure::Host(_) => None,
    }));
    Ok(Json(json!({
        "ID": daemon.id,
        "Containers": containers.len(),
        "ContainersRunning": running,
        "ContainersPaused": paused,
        "ContainersStopped": containers.len() - running - paused,
        "Images": images,
        "Driver": "overlay2",
        "DriverStatus": [["Supports d_type", "true"]],
        "Plugins": { "Volume": ["local"], "Network": ["bridge", "host", "null"], "Authorization": null, "Log": ["json-file", "local", "none"] },
        "MemoryLimit": can_limit("memory"),
        "SwapLimit": can_limit("memory"),
        "CpuCfsPeriod": can_limit("cpu"),
        "CpuCfsQuota": can_limit("cpu"),
        "CPUShares": can_limit("cpu"),
        "CPUSet": can_limit("cpuset"),
        "PidsLimit": can_limit("pids"),
        "IPv4Forwarding": machine.ipv4_forwarding,
        "Debug": false,
        "NFd": machine.descriptors,
        "OomKillDisable": false,
        // What Go has goroutines for.
        "NGoroutines": tokio::runtime::Handle::current().metrics().num_alive_tasks(),
        "SystemTime": answer::rfc3339(clock::now_ms()),
        "LoggingDriver": "json-file",
        "CgroupDriver": "cgroupfs",
        "CgroupVersion": machine.cgroup_version,
        "NEventsListener": daemon.notices.listeners(),
        "KernelVersion": daemon.host.kernel,
        "OperatingSystem": machine.operating_system,
        "OSVersion": machine.os_version,
        "OSType": "linux",
        "Architecture": std::env::consts::ARCH,
        "IndexServerAddress": "https://index.docker.io/v1/",
        "RegistryConfig": {
            "IndexConfigs": { "docker.io": { "Mirrors": mirrors, "Name": "docker.io", "Official": true, "Secure": true } },
            "InsecureRegistryCIDRs": insecure,
            "Mirrors": mirrors,
        },
        "NCPU": machine.processors,
        "MemTotal": machine.memory_bytes,
        "GenericResources": null,
        "DockerRootDir": daemon.images.data_dir(),
        "HttpProxy": "", "HttpsProxy": "", "NoProxy": "",
        "Name": daemon.host.name,
        "Labels": [],
        "ExperimentalBuild": false,
        "ServerVersion": ENGINE_VERSION,
        "Runtimes": { runtime: { "path": runtime } },
        "DefaultRuntime": runtime,
        "Swarm": {
            "NodeID": "", "NodeAddr": "", "LocalNodeState": "inactive", "ControlAvailable": false, "Error": "",
            "RemoteManagers": null,
        },
        "LiveRestoreEnabled": true,
        "Isolation": "",
        "InitBinary": if daemon.runtime.has_init() { "docker-init" } else { "" },
        "ContainerdCommit": { "ID": "" },
        "RuncCommit": { "ID": "" },
        "InitCommit": { "ID": "" },
        "SecurityOptions": ["name=seccomp,profile=builtin"],
        "FirewallBackend": { "Driver": "nftables" },
        "Warnings": if warnings.is_empty() { Value::Null } else { json!(warnings) },
    })))
}

/// `GET /plugins`: there are none.
pub(super) async fn plugins() -> Json<Value> {
    Json(json!([]))
}

/// `GET /plugins/{name}/json`: `docker inspect` asks here last for a name that it found nowhere else.
pub(super) async fn plugin(Path(name): Path<String>) -> DockerError {
    DockerError::NoSuchDriver(name)
}

#[derive(Debug, Default)]
struct Machine {
    processors: usize,
    memory_bytes: u64,
    operating_system: String,
    os_version: String,
    cgroup_version: &'static str,
    ipv4_forwarding: bool,
    descriptors: usize,
}

impl Machine {
    fn read() -> Self {
        let text = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let release = text("/etc/os-release");
        let field = |name: &str| {
            let line = release.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            line.unwrap_or_default().trim_matches('"').to_owned()
        };
        let memory_kib = text("/proc/meminfo")
            .lines()
            .find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse::<u64>().ok());
        Self {
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: memory_kib.unwrap_or(0) * 1024,
            operating_system: field("PRETTY_NAME"),
            os_version: field("VERSION_ID"),
            // A unified hierarchy has its controllers file at the top (cgroups(7)).
            cgroup_version: if std::path::Path::new("/sys/fs/cgroup/cgroup.controllers").exists() { "2" } else { "1" },
            ipv4_forwarding: text("/proc/sys/net/ipv4/ip_forward").trim() == "1",
            descriptors: std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count),
        }
    }
}
