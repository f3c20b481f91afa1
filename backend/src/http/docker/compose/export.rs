//! What there is as a compose file that brings it up again: networks with the ranges that they have, containers with what was
//! asked for them. What such a file can't say is told in a remark.

use super::write;
use crate::{
    life::RestartPolicy,
    model::ContainerRecord,
    mounts::{Mount, MountKind},
    ops::{Daemon, OpError, container, lab, network, volume},
    settings::{Resources, Rights, Settings},
};
use drawbridge_api::{Attachment, Container, Driver, Input, Network, NetworkMode, PortRequest};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The file of a lab, or of everything.
///
/// # Errors
/// `NoSuchLab`; when the store fails.
pub(in crate::http) fn exported(daemon: &Daemon, lab: Option<&str>) -> Result<String, OpError> {
    let is_meant = |labels: &BTreeMap<String, String>| {
        lab.is_none_or(|lab| labels.get(lab::PROJECT).is_some_and(|own| own == lab))
    };
    let containers: Vec<(ContainerRecord, Container)> =
        container::list(daemon)?.into_iter().filter(|(record, _)| is_meant(&record.spec.labels)).collect();
    let mut networks: Vec<Network> = network::list(daemon)?;
    networks.retain(|network| !network.predefined);
    let names: Vec<_> =
        containers.iter().flat_map(|(_, seen)| &seen.attachments).map(|it| it.network.clone()).collect();
    networks.retain(|network| is_meant(&network.labels) || names.contains(&network.name));
    if let Some(lab) = lab.filter(|_| containers.is_empty() && networks.is_empty()) {
        return Err(OpError::NoSuchLab(lab.to_owned()));
    }
    let mut remarks = Vec::new();
    let keys = keys(&containers);
    let mut services = Map::new();
    for (record, seen) in &containers {
        if record.spec.settings != said(&record.spec.settings) {
            remarks.push(format!(
                "# {} has settings that a lab file does not say; `docker inspect` shows them.",
                record.name
            ));
        }
        services.insert(keys[record.id.as_str()].clone(), service(record, seen, &keys));
    }
    let all_volumes = volume::list(daemon)?;
    let used = |seen: &&volume::SeenVolume| {
        !seen.record.anonymous && seen.users.iter().any(|user| keys.contains_key(user.as_str()))
    };
    let volumes: Map<String, Value> = all_volumes.iter().filter(used).map(shown_volume).collect();
    let mut file = json!({ "name": lab.unwrap_or("exported") });
    for (key, value) in
        [("services", services), ("networks", networks.iter().map(shown_network).collect()), ("volumes", volumes)]
    {
        if !value.is_empty() {
            file[key] = value.into();
        }
    }
    let head = "# What Drawbridge had on this machine. `drawbridge lab up FILE` brings it up again.\n";
    let remarks: String = remarks.into_iter().map(|remark| remark + "\n").collect();
    Ok(format!("{head}{remarks}{}", write::document(&file)))
}

/// What each container's service is called, by the container's id: as in its file, as long as that is one container's.
fn keys(containers: &[(ContainerRecord, Container)]) -> BTreeMap<&str, String> {
    let label = |record: &ContainerRecord| record.spec.labels.get(lab::SERVICE).cloned();
    let mut keys: BTreeMap<&str, String> = BTreeMap::new();
    for (record, _) in containers {
        let is_one = containers.iter().filter(|(other, _)| label(other) == label(record)).count() == 1;
        let key = label(record).filter(|_| is_one).unwrap_or_else(|| record.name.to_string());
        keys.insert(record.id.as_str(), key);
    }
    keys
}

/// The settings that a lab file says, those that it does not left out.
fn said(settings: &Settings) -> Settings {
    Settings {
        resources: Resources {
            memory_bytes: settings.resources.memory_bytes,
            nano_cpus: settings.resources.nano_cpus,
            pids: settings.resources.pids,
            ..Resources::default()
        },
        rights: Rights {
            privileged: settings.rights.privileged,
            cap_add: settings.rights.cap_add.clone(),
            cap_drop: settings.rights.cap_drop.clone(),
            read_only: settings.rights.read_only,
            ..Rights::default()
        },
        sysctls: settings.sysctls.clone(),
        init: settings.init,
        shm_bytes: settings.shm_bytes,
        tmpfs: settings.tmpfs.clone(),
        mounts: settings.mounts.clone(),
        volumes: settings.volumes.clone(),
        restart: settings.restart,
        health: settings.health.clone(),
        asked: settings.asked.clone(),
        ..Settings::default()
    }
}

fn own_labels(labels: &BTreeMap<String, String>) -> BTreeMap<&String, &String> {
    labels.iter().filter(|(key, _)| !key.starts_with("com.docker.compose.")).collect()
}

/// Puts a value down unless it says nothing.
fn put(map: &mut Map<String, Value>, key: &str, value: Value) {
    let says_nothing = match &value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::Number(number) => number.as_i64() == Some(0),
        Value::Bool(true) => false,
    };
    if !says_nothing {
        map.insert(key.to_owned(), value);
    }
}

fn service(record: &ContainerRecord, seen: &Container, keys: &BTreeMap<&str, String>) -> Value {
    let (spec, settings) = (&record.spec, &record.spec.settings);
    let mut map = Map::new();
    let mut say = |key: &str, value: Value| put(&mut map, key, value);
    say("image", json!(spec.image));
    say("container_name", json!(record.name));
    say("entrypoint", json!(spec.entrypoint));
    say("command", json!(spec.cmd));
    say("environment", json!(spec.env));
    say("working_dir", json!(spec.working_dir));
    say("user", json!(spec.user));
    say("hostname", json!(spec.hostname));
    say("domainname", json!(spec.naming.domainname));
    say("labels", json!(own_labels(&spec.labels)));
    say("stop_signal", json!(spec.stop_signal));
    say("stop_grace_period", json!(spec.stop_timeout_s.map(|seconds| format!("{seconds}s"))));
    say("tty", json!(spec.console.terminal));
    say("stdin_open", json!(spec.console.input != Input::Closed));
    say("ports", spec.ports.iter().map(port).collect());
    say("expose", json!(spec.exposed_ports));
    say("dns", json!(spec.naming.dns_servers));
    say("dns_search", json!(spec.naming.dns_search));
    say("dns_opt", json!(spec.naming.dns_options));
    let host = |host: &crate::model::ExtraHost| {
        let address = host.address.map_or_else(|| "host-gateway".to_owned(), |address| address.to_string());
        format!("{}={address}", host.name)
    };
    say("extra_hosts", spec.naming.extra_hosts.iter().map(host).collect());
    say("restart", restart(settings.restart));
    say("healthcheck", settings.health.as_ref().map_or(Value::Null, health));
    say("cap_add", json!(settings.rights.cap_add));
    say("cap_drop", json!(settings.rights.cap_drop));
    say("privileged", json!(settings.rights.privileged));
    say("read_only", json!(settings.rights.read_only));
    say("sysctls", json!(settings.sysctls));
    say("init", json!(settings.init));
    say("shm_size", json!(settings.shm_bytes));
    say("mem_limit", json!(settings.resources.memory_bytes));
    say("pids_limit", json!(settings.resources.pids));
    let cpus = settings.resources.nano_cpus;
    say("cpus", if cpus > 0 { json!(cpus as f64 / 1e9) } else { Value::Null });
    let with_options = |(place, options): (&String, &String)| {
        if options.is_empty() { place.clone() } else { format!("{place}:{options}") }
    };
    say("tmpfs", settings.tmpfs.iter().map(with_options).collect());
    say("volumes", settings.mounts.iter().map(mount).collect());
    match &spec.network_mode {
        NetworkMode::Host => say("network_mode", json!("host")),
        NetworkMode::None => say("network_mode", json!("none")),
        NetworkMode::Container(owner) => {
            let mode = keys.get(owner.as_str()).map(|key| format!("service:{key}"));
            say("network_mode", json!(mode.unwrap_or_else(|| format!("container:{owner}"))));
        }
        NetworkMode::Network(_) => match seen.attachments.as_slice() {
            [only] if only.network.as_str() == "bridge" => say("network_mode", json!("bridge")),
            several => {
                let networks: Map<String, Value> =
                    several.iter().map(|it| (it.network.to_string(), endpoint(it, record.name.as_str()))).collect();
                say("networks", networks.into());
            }
        },
    }
    map.into()
}

fn port(request: &PortRequest) -> String {
    let host = match (request.host_port, request.host_port_end) {
        (0, _) => String::new(),
        (first, None) => format!("{first}:"),
        (first, Some(last)) => format!("{first}-{last}:"),
    };
    let address = match request.host_address {
        Some(address) if address.is_ipv6() => format!("[{address}]:"),
        Some(address) => format!("{address}:"),
        None => String::new(),
    };
    // With an address, the place of the host's port has to be there even when it is empty.
    let host = if host.is_empty() && !address.is_empty() { ":".to_owned() } else { host };
    format!("{address}{host}{}/{}", request.container_port, request.protocol)
}

fn restart(policy: RestartPolicy) -> Value {
    match policy {
        RestartPolicy::No => Value::Null,
        RestartPolicy::Always => json!("always"),
        RestartPolicy::UnlessStopped => json!("unless-stopped"),
        RestartPolicy::OnFailure { retries: 0 } => json!("on-failure"),
        RestartPolicy::OnFailure { retries } => json!(format!("on-failure:{retries}")),
    }
}

fn health(check: &crate::life::HealthCheck) -> Value {
    let mut map = Map::new();
    put(&mut map, "test", json!(check.test));
    for (key, nanoseconds) in [
        ("interval", check.interval_ns),
        ("timeout", check.timeout_ns),
        ("start_period", check.start_period_ns),
        ("start_interval", check.start_interval_ns),
    ] {
        if nanoseconds > 0 {
            map.insert(key.into(), json!(format!("{}ms", nanoseconds / 1_000_000)));
        }
    }
    put(&mut map, "retries", json!(check.retries));
    map.into()
}

fn mount(mount: &Mount) -> Value {
    let mut map = json!({ "target": mount.target, "read_only": mount.read_only });
    match &mount.kind {
        MountKind::Bind { source, .. } => {
            map["type"] = "bind".into();
            map["source"] = json!(source);
            map["bind"] = json!({ "create_host_path": true });
        }
        MountKind::Volume { name, subpath, .. } => {
            map["type"] = "volume".into();
            // One of the container's own has a name that was made up: a new one will have another.
            let is_made_up = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !name.is_empty() && !is_made_up {
                map["source"] = json!(name);
            }
            if !subpath.as_os_str().is_empty() {
                map["volume"] = json!({ "subpath": subpath });
            }
        }
        MountKind::Memory { options } => {
            map["type"] = "tmpfs".into();
            if let Some(size) = options.iter().find_map(|option| option.strip_prefix("size=")) {
                map["tmpfs"] = json!({ "size": size });
            }
        }
    }
    map
}

fn endpoint(attachment: &Attachment, name: &str) -> Value {
    let mut map = Map::new();
    // By its own name it is found anyway.
    let aliases: Vec<&String> = attachment.aliases.iter().filter(|alias| *alias != name).collect();
    put(&mut map, "aliases", json!(aliases));
    put(&mut map, "ipv4_address", json!(attachment.address4));
    put(&mut map, "ipv6_address", json!(attachment.address6));
    put(&mut map, "link_local_ips", json!(attachment.link_local));
    put(&mut map, "mac_address", json!(attachment.mac.map(|mac| mac.to_string())));
    put(&mut map, "gw_priority", json!(attachment.gateway_priority));
    put(&mut map, "driver_opts", json!(attachment.options));
    if map.is_empty() { Value::Null } else { map.into() }
}

fn shown_network(network: &Network) -> (String, Value) {
    let mut map = Map::new();
    put(&mut map, "name", json!(network.name));
    if network.driver != Driver::Bridge {
        put(&mut map, "driver", json!(network.driver.as_str()));
    }
    put(&mut map, "driver_opts", json!(network.options));
    put(&mut map, "internal", json!(network.internal));
    put(&mut map, "attachable", json!(network.attachable));
    put(&mut map, "enable_ipv6", json!(network.ipv6));
    if !network.ipv4 {
        map.insert("enable_ipv4".into(), json!(false));
    }
    let ranges = network.subnets.iter().map(|subnet| {
        let mut range = Map::new();
        put(&mut range, "subnet", json!(subnet.subnet));
        put(&mut range, "gateway", json!(subnet.gateway));
        put(&mut range, "ip_range", json!(subnet.ip_range));
        put(&mut range, "aux_addresses", json!(subnet.reserved));
        Value::Object(range)
    });
    let ranges: Vec<Value> = ranges.collect();
    if !ranges.is_empty() {
        map.insert("ipam".into(), json!({ "config": ranges }));
    }
    put(&mut map, "labels", json!(own_labels(&network.labels)));
    (network.name.to_string(), map.into())
}

fn shown_volume(seen: &volume::SeenVolume) -> (String, Value) {
    let mut map = Map::new();
    put(&mut map, "name", json!(seen.record.name));
    put(&mut map, "driver_opts", json!(seen.record.options));
    put(&mut map, "labels", json!(own_labels(&seen.record.labels)));
    (seen.record.name.clone(), map.into())
}
