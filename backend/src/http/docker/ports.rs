//! Ports as Docker writes them: `PortBindings`, `ExposedPorts` and what inspect and list show.

use crate::{model::ContainerSpec, ops::OpError, ops::publish::exposed};
use drawbridge_api::{Container, ContainerState, HostPort, NetworkMode, PortRequest, PublishedPort};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// `PortBindings`: for each container port where on the host it shall be reached; null and an empty list ask for nothing.
pub(super) type Bindings = BTreeMap<String, Option<Vec<Binding>>>;

/// One place on the host.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Binding {
    /// An address; empty for all.
    #[serde(default)]
    host_ip: String,
    /// A port, a range `8000-8010`, or empty for one that the kernel chooses.
    #[serde(default)]
    host_port: String,
}

/// What `PortBindings` ask for.
pub(super) fn requests(bindings: &Bindings) -> Result<Vec<PortRequest>, OpError> {
    let mut requests = Vec::new();
    for (port, bindings) in bindings {
        let (container_port, protocol) = exposed(port)?;
        for Binding { host_ip, host_port } in bindings.iter().flatten() {
            let host_address = match host_ip.as_str() {
                "" => None,
                text => Some(text.trim_matches(['[', ']']).parse().map_err(|_| {
                    OpError::Invalid(format!("invalid IP address: {text}: write it like 127.0.0.1 or ::1"))
                })?),
            };
            let (host_port, host_port_end) = range(host_port)?;
            requests.push(PortRequest { container_port, protocol, host_address, host_port, host_port_end });
        }
    }
    Ok(requests)
}

fn range(text: &str) -> Result<(u16, Option<u16>), OpError> {
    let invalid = || {
        OpError::Invalid(format!(
            "invalid port specification: {text:?}: write a port from 1 to 65535 or a range like 8000-8010"
        ))
    };
    let number = |text: &str| text.parse::<u16>().map_err(|_| invalid());
    match text.split_once('-') {
        None if text.is_empty() => Ok((0, None)),
        None => Ok((number(text)?, None)),
        Some((first, last)) => match (number(first)?, number(last)?) {
            (first, last) if first > 0 && first <= last => Ok((first, Some(last).filter(|last| *last > first))),
            _ => Err(invalid()),
        },
    }
}

/// `HostConfig.PortBindings`, as it was asked for.
pub(super) fn bindings(requests: &[PortRequest]) -> Map<String, Value> {
    let mut bindings: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for request in requests {
        let port = match (request.host_port, request.host_port_end) {
            (0, _) => String::new(),
            (first, None) => first.to_string(),
            (first, Some(last)) => format!("{first}-{last}"),
        };
        let address = request.host_address.map(|address| address.to_string()).unwrap_or_default();
        bindings
            .entry(format!("{}/{}", request.container_port, request.protocol))
            .or_default()
            .push(json!({ "HostIp": address, "HostPort": port }));
    }
    bindings.into_iter().map(|(port, bindings)| (port, Value::from(bindings))).collect()
}

/// `Config.ExposedPorts`: what is said to be listened on, and what is to be published.
pub(super) fn exposed_ports(spec: &ContainerSpec) -> Map<String, Value> {
    let published = spec.ports.iter().map(|request| format!("{}/{}", request.container_port, request.protocol));
    spec.exposed_ports.iter().map(|text| full(text)).chain(published).map(|port| (port, json!({}))).collect()
}

/// Without a namespace of its own, or with an empty one, there is nothing that ports could be told of.
fn has_ports(spec: &ContainerSpec, seen: &Container) -> bool {
    seen.state == ContainerState::Running && matches!(spec.network_mode, NetworkMode::Network(_))
}

/// `NetworkSettings.Ports`: null for a port that is not published.
pub(super) fn port_map(spec: &ContainerSpec, seen: &Container) -> Map<String, Value> {
    if !has_ports(spec, seen) {
        return Map::new();
    }
    let mut map: BTreeMap<String, Vec<Value>> =
        spec.exposed_ports.iter().map(|text| (full(text), Vec::new())).collect();
    for PublishedPort { host, container_port } in &seen.ports {
        let port = if host.port == 0 { String::new() } else { host.port.to_string() };
        let place = json!({ "HostIp": host.address.to_string(), "HostPort": port });
        map.entry(format!("{container_port}/{}", host.protocol)).or_default().push(place);
    }
    let or_null = |places: Vec<Value>| if places.is_empty() { Value::Null } else { Value::from(places) };
    map.into_iter().map(|(port, places)| (port, or_null(places))).collect()
}

/// `Ports` of a row of the list.
pub(super) fn port_list(spec: &ContainerSpec, seen: &Container) -> Vec<Value> {
    if !has_ports(spec, seen) {
        return Vec::new();
    }
    let published = |port: u16, protocol| {
        seen.ports
            .iter()
            .any(|known| known.container_port == port && known.host.protocol == protocol && known.host.port > 0)
    };
    let exposed = spec.exposed_ports.iter().filter_map(|text| exposed(text).ok());
    let routed =
        seen.ports.iter().filter(|port| port.host.port == 0).map(|port| (port.container_port, port.host.protocol));
    let mut only: Vec<_> = exposed.chain(routed).filter(|(port, protocol)| !published(*port, *protocol)).collect();
    only.sort();
    only.dedup();
    let only = only.into_iter().map(|(port, protocol)| json!({ "PrivatePort": port, "Type": protocol }));
    let places = seen.ports.iter().filter(|port| port.host.port > 0).map(|port| {
        let PublishedPort { host: HostPort { address, protocol, port }, container_port } = port;
        json!({ "IP": address.to_string(), "PrivatePort": container_port, "PublicPort": port, "Type": protocol })
    });
    only.chain(places).collect()
}

/// With its protocol, which is tcp where none is said.
fn full(text: &str) -> String {
    if text.contains('/') { text.to_owned() } else { format!("{text}/tcp") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<PortRequest>, String> {
        requests(&serde_json::from_str(text).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn every_form_is_read_and_told_again() {
        for (given, told) in [
            (r#"{"80/tcp":[{"HostIp":"","HostPort":"8080"}]}"#, None),
            (r#"{"80/udp":[{"HostIp":"127.0.0.1","HostPort":"8000-8010"}]}"#, None),
            (r#"{"80/sctp":[{"HostIp":"::1","HostPort":""}]}"#, None),
            (
                r#"{"80/tcp":[{"HostIp":"[::1]","HostPort":"1"},{"HostPort":"2"}]}"#,
                Some(r#"{"80/tcp":[{"HostIp":"::1","HostPort":"1"},{"HostIp":"","HostPort":"2"}]}"#),
            ),
            (
                r#"{"80":[{"HostPort":"0"}],"81/tcp":null,"82/tcp":[]}"#,
                Some(r#"{"80/tcp":[{"HostIp":"","HostPort":""}]}"#),
            ),
        ] {
            let expected: Value = serde_json::from_str(told.unwrap_or(given)).unwrap();
            assert_eq!(Value::Object(bindings(&parse(given).unwrap())), expected, "{given}");
        }
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for (given, word) in [
            (r#"{"80/icmp":[]}"#, "invalid proto: icmp"),
            (r#"{"0/tcp":[]}"#, "invalid port \"0/tcp\""),
            (r#"{"x":[]}"#, "invalid port \"x\""),
            (r#"{"80/tcp":[{"HostIp":"eth0"}]}"#, "invalid IP address: eth0"),
            (r#"{"80/tcp":[{"HostPort":"70000"}]}"#, "invalid port specification: \"70000\""),
            (r#"{"80/tcp":[{"HostPort":"9-8"}]}"#, "invalid port specification: \"9-8\""),
        ] {
            let message = parse(given).unwrap_err();
            assert!(message.starts_with(word), "{message}");
        }
    }
}
