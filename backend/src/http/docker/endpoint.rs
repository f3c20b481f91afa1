//! A container's networks as Docker clients write and read them: `EndpointsConfig` of a creation, `EndpointConfig` of a
//! connection, and `NetworkSettings` of inspect and list.

use super::{extract::null_as_default, ports};
use crate::{model::ContainerRecord, ops::OpError};
use drawbridge_api::{
    Attachment, Container, ContainerId, ContainerState, Endpoint, MacAddress, Network, NetworkMode, NetworkName,
};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt::Display,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// What a client asks for in one network (`EndpointSettings` of API 1.50; what the engine fills in is left out).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EndpointConfig {
    #[serde(default, deserialize_with = "null_as_default", rename = "IPAMConfig")]
    ipam_config: IpamConfig,
    #[serde(default, deserialize_with = "null_as_default")]
    links: Vec<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    aliases: Vec<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    mac_address: String,
    #[serde(default, deserialize_with = "null_as_default")]
    driver_opts: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "null_as_default")]
    gw_priority: i32,
}

#[derive(Debug, Default, Deserialize)]
struct IpamConfig {
    #[serde(default, rename = "IPv4Address", deserialize_with = "null_as_default")]
    ipv4_address: String,
    #[serde(default, rename = "IPv6Address", deserialize_with = "null_as_default")]
    ipv6_address: String,
    #[serde(default, rename = "LinkLocalIPs", deserialize_with = "null_as_default")]
    link_local_ips: Vec<String>,
}

/// A network in a request: by name, id or beginning of one; `default` is the default bridge.
pub(super) fn network_name(text: &str) -> Result<NetworkName, OpError> {
    Ok(if text == "default" { "bridge" } else { text }.parse()?)
}

/// What a client asks for in a network, in domain words.
///
/// # Errors
/// `Invalid` with the first thing that is not what it should be.
pub(super) fn attachment(network: &str, config: Option<EndpointConfig>) -> Result<Attachment, OpError> {
    let name = network_name(network)?;
    let EndpointConfig { ipam_config, links, aliases, mac_address, driver_opts, gw_priority } =
        config.unwrap_or_default();
    let parse = Parse { network: &name };
    Ok(Attachment {
        address4: parse.optional("IPv4 address", &ipam_config.ipv4_address)?,
        address6: parse.optional("IPv6 address", &ipam_config.ipv6_address)?,
        link_local: ipam_config
            .link_local_ips
            .iter()
            .filter(|text| !text.is_empty())
            .map(|text| parse.text("link-local IP address", text))
            .collect::<Result<_, _>>()?,
        mac: parse.optional("MAC address", &mac_address)?,
        aliases,
        gateway_priority: gw_priority,
        links,
        options: driver_opts,
        network: name,
    })
}

/// The options of an endpoint that are honoured.
const HONOURED: [&str; 2] = ["com.docker.network.endpoint.ifname", "com.docker.network.endpoint.sysctls"];

/// A warning for each option that is kept and not honoured.
pub(super) fn not_honoured(attachment: &Attachment) -> impl Iterator<Item = String> {
    let unknown = attachment.options.keys().filter(|name| !HONOURED.contains(&name.as_str()));
    unknown.map(|name| format!("driver option {name} of network {} is kept but not honoured yet", attachment.network))
}

/// Reads texts of one network's settings.
struct Parse<'a> {
    network: &'a NetworkName,
}

impl Parse<'_> {
    fn optional<T: FromStr>(&self, what: &str, text: &str) -> Result<Option<T>, OpError> {
        if text.is_empty() { Ok(None) } else { self.text(what, text).map(Some) }
    }

    fn text<T: FromStr>(&self, what: &str, text: &str) -> Result<T, OpError> {
        text.parse().map_err(|_| {
            OpError::Invalid(format!(
                "invalid config for network {}: invalid endpoint settings:\ninvalid {what}: {text}",
                self.network
            ))
        })
    }
}

/// The word in `HostConfig.NetworkMode`.
pub(super) fn mode_word(mode: &NetworkMode) -> String {
    match mode {
        NetworkMode::Network(name) => name.to_string(),
        NetworkMode::Host => "host".to_owned(),
        NetworkMode::None => "none".to_owned(),
        NetworkMode::Container(other) => format!("container:{other}"),
    }
}

/// Whether names are told; the list leaves them out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// Inspect.
    Told,
    /// List.
    LeftOut,
}

/// What a container has in one network, as Docker tells it (`EndpointSettings`).
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Joined<'a> {
    #[serde(rename = "IPAMConfig")]
    ipam_config: Value,
    links: Value,
    aliases: Value,
    mac_address: Shown<MacAddress>,
    driver_opts: Value,
    gw_priority: i32,
    #[serde(rename = "NetworkID")]
    network_id: &'a str,
    #[serde(rename = "EndpointID")]
    endpoint_id: Cow<'a, str>,
    gateway: Shown<Ipv4Addr>,
    #[serde(rename = "IPAddress")]
    ip_address: Shown<Ipv4Addr>,
    #[serde(rename = "IPPrefixLen")]
    ip_prefix_len: u8,
    #[serde(rename = "IPv6Gateway")]
    ipv6_gateway: Shown<Ipv6Addr>,
    #[serde(rename = "GlobalIPv6Address")]
    global_ipv6_address: Shown<Ipv6Addr>,
    #[serde(rename = "GlobalIPv6PrefixLen")]
    global_ipv6_prefix_len: u8,
    #[serde(rename = "DNSNames")]
    dns_names: Value,
}

/// Written as text, empty when there is none. A list has thousands of these, so they are not made texts before.
struct Shown<T>(Option<T>);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_str(""),
        }
    }
}

/// `NetworkSettings.Networks`: what is asked for in each network and, while the container runs, what it has there.
pub(super) fn networks<'a>(
    record: &ContainerRecord,
    seen: &'a Container,
    known: &'a [Network],
    names: Names,
) -> BTreeMap<&'a str, Joined<'a>> {
    let entries = seen.attachments.iter().map(|attachment| {
        let network = known.iter().find(|network| network.name == attachment.network);
        let endpoint = seen.endpoints.iter().find(|endpoint| endpoint.network == attachment.network);
        (attachment.network.as_str(), entry(record, attachment, network, endpoint, names))
    });
    entries.collect()
}

fn entry<'a>(
    record: &ContainerRecord,
    attachment: &Attachment,
    network: Option<&'a Network>,
    endpoint: Option<&'a Endpoint>,
    names: Names,
) -> Joined<'a> {
    let running = record.state == ContainerState::Running;
    // Docker fills in the id at the first start.
    let network_id = network.filter(|_| record.started_at_ms.is_some()).map_or("", |network| network.id.as_str());
    let endpoint_id = match (endpoint, network) {
        (Some(endpoint), _) => Cow::Borrowed(endpoint.id.as_str()),
        (None, Some(network)) if running => Cow::Owned(nominal_id(record, network)),
        (None, Some(_) | None) => Cow::Borrowed(""),
    };
    let mac = endpoint.map(|endpoint| endpoint.mac).or(attachment.mac);
    let (four, six) =
        (endpoint.and_then(|endpoint| endpoint.address4), endpoint.and_then(|endpoint| endpoint.address6));
    Joined {
        ipam_config: ipam_config(attachment),
        links: or_null(&attachment.links),
        aliases: if names == Names::Told { or_null(&attachment.aliases) } else { Value::Null },
        mac_address: Shown(mac),
        driver_opts: if attachment.options.is_empty() { Value::Null } else { json!(attachment.options) },
        gw_priority: attachment.gateway_priority,
        network_id,
        endpoint_id,
        gateway: Shown(endpoint.and_then(|endpoint| endpoint.gateway4)),
        ip_address: Shown(four.map(|address| address.addr())),
        ip_prefix_len: four.map_or(0, |address| address.prefix_len()),
        ipv6_gateway: Shown(endpoint.and_then(|endpoint| endpoint.gateway6)),
        global_ipv6_address: Shown(six.map(|address| address.addr())),
        global_ipv6_prefix_len: six.map_or(0, |address| address.prefix_len()),
        dns_names: if names == Names::Told { dns_names(record, attachment, network, endpoint) } else { Value::Null },
    }
}

/// What Docker has for an endpoint in the networks `host` and `none`, where nothing is made: an id that clients can compare.
/// It is another one after each start.
pub(super) fn nominal_id(record: &ContainerRecord, network: &Network) -> String {
    let started = record.started_at_ms.unwrap_or_default();
    hex::encode(Sha256::digest(format!("{} {} {started}", record.id, network.id)))
}

fn ipam_config(attachment: &Attachment) -> Value {
    let mut config = Map::new();
    if let Some(address) = attachment.address4 {
        config.insert("IPv4Address".into(), address.to_string().into());
    }
    if let Some(address) = attachment.address6 {
        config.insert("IPv6Address".into(), address.to_string().into());
    }
    if !attachment.link_local.is_empty() {
        let addresses: Vec<String> = attachment.link_local.iter().map(IpAddr::to_string).collect();
        config.insert("LinkLocalIPs".into(), addresses.into());
    }
    if config.is_empty() { Value::Null } else { Value::Object(config) }
}

/// The names by which others find the container: its own, its aliases, its short id, and its host name if it has another.
fn dns_names(
    record: &ContainerRecord,
    attachment: &Attachment,
    network: Option<&Network>,
    endpoint: Option<&Endpoint>,
) -> Value {
    let is_known = match network {
        None => false,
        // On the default network names are told while the container runs, though nobody resolves them there.
        Some(network) if network.predefined => endpoint.is_some(),
        Some(_) => record.started_at_ms.is_some(),
    };
    if !is_known {
        return Value::Null;
    }
    let mut names: Vec<&str> = vec![record.name.as_str()];
    let short = record.id.short();
    let more = attachment.aliases.iter().map(String::as_str).chain([short]).chain(record.spec.hostname.as_deref());
    for name in more {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    json!(names)
}

/// `NetworkSettings` of inspect.
pub(super) fn network_settings(record: &ContainerRecord, seen: &Container, known: &[Network]) -> Value {
    // The legacy copy at the top is of the default bridge only.
    let legacy = seen.endpoints.iter().find(|endpoint| endpoint.network.as_str() == "bridge");
    let four = legacy.and_then(|endpoint| endpoint.address4);
    let six = legacy.and_then(|endpoint| endpoint.address6);
    let (sandbox_id, sandbox_key) = sandbox(&record.id, seen);
    json!({
        "Bridge": "",
        "SandboxID": sandbox_id,
        "SandboxKey": sandbox_key,
        "Ports": ports::port_map(&record.spec, seen),
        "HairpinMode": false,
        "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0,
        "SecondaryIPAddresses": null,
        "SecondaryIPv6Addresses": null,
        "EndpointID": legacy.map_or("", |endpoint| endpoint.id.as_str()),
        "Gateway": text(legacy.and_then(|endpoint| endpoint.gateway4)),
        "GlobalIPv6Address": text(six.map(|address| address.addr())),
        "GlobalIPv6PrefixLen": six.map_or(0, |address| address.prefix_len()),
        "IPAddress": text(four.map(|address| address.addr())),
        "IPPrefixLen": four.map_or(0, |address| address.prefix_len()),
        "IPv6Gateway": text(legacy.and_then(|endpoint| endpoint.gateway6)),
        "MacAddress": text(legacy.map(|endpoint| endpoint.mac)),
        "Networks": networks(record, seen, known, Names::Told),
    })
}

/// The namespace that a running container has of its own, and where it is found.
fn sandbox(id: &ContainerId, seen: &Container) -> (String, String) {
    match (&seen.namespace, &seen.network_mode, seen.state) {
        (Some(namespace), _, _) => (id.to_string(), format!("/run/netns/{namespace}")),
        // That of the first process is the host's.
        (None, NetworkMode::Host, ContainerState::Running) => (id.to_string(), "/proc/1/ns/net".to_owned()),
        (None, _, _) => (String::new(), String::new()),
    }
}

fn text<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn or_null(list: &[String]) -> Value {
    if list.is_empty() { Value::Null } else { json!(list) }
}
