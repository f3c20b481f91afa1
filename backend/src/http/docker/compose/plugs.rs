//! `networks` and `network_mode` of a service, as its network mode and `EndpointsConfig`.

use super::{
    ComposeError,
    context::Context,
    fields::Fields,
    yaml::{Node, Value},
};
use serde_json::{Map, Value as Json, json};

pub(super) type Networking = (String, Map<String, Json>, Option<String>);

/// Its network mode, its endpoints, and the service whose network stack it shares.
pub(super) fn networks(
    fields: &mut Fields<'_>,
    service: &str,
    context: &Context<'_>,
) -> Result<Networking, ComposeError> {
    let asked = fields.get("networks");
    if let Some(node) = fields.get("network_mode") {
        let mode = node.text("network_mode")?;
        if asked.is_some() {
            let why = format!("service {service} has `network_mode` and `networks`; they can't be combined");
            return Err(ComposeError::at(node.line, why));
        }
        let shared = mode.strip_prefix("service:").map(str::to_owned);
        return Ok((mode.to_owned(), Map::new(), shared));
    }
    let mut endpoints = Map::new();
    let mut order = Vec::new();
    match asked.map(|node| (&node.value, node)) {
        None => add_endpoint(&mut endpoints, &mut order, service, ("default", 0, None), context)?,
        Some((Value::Map(entries), _)) => {
            for entry in entries {
                let named = (entry.key.as_str(), entry.line, Some(&entry.node));
                add_endpoint(&mut endpoints, &mut order, service, named, context)?;
            }
        }
        Some((_, node)) => {
            for node in node.list("networks")? {
                let named = (node.text("networks")?, node.line, None);
                add_endpoint(&mut endpoints, &mut order, service, named, context)?;
            }
        }
    }
    // The network that is named first, or of the highest priority, is that of the first interface.
    order.sort_by_key(|(priority, _)| std::cmp::Reverse(*priority));
    let first = order.into_iter().next().map(|(_, name)| name);
    Ok((first.unwrap_or_else(|| "none".into()), endpoints, None))
}

fn add_endpoint(
    endpoints: &mut Map<String, Json>,
    order: &mut Vec<(i64, String)>,
    service: &str,
    (key, line, node): (&str, usize, Option<&Node>),
    context: &Context<'_>,
) -> Result<(), ComposeError> {
    let Some(name) = context.networks.get(key) else {
        let why = format!("network {key} of service {service} is not among the file's `networks`; add it there");
        return Err(ComposeError::at(line, why));
    };
    let empty = Node { line, value: Value::Nothing };
    let mut fields = Fields::of(node.unwrap_or(&empty), format!("network {key} of service {service}"))?;
    // By its service's name a container is found in each of its networks, save in those that have no names.
    let mut aliases: Vec<String> = Vec::new();
    if !matches!(name.as_str(), "bridge" | "host" | "none") {
        aliases.push(service.to_owned());
    }
    aliases.extend(fields.texts("aliases")?);
    aliases.dedup();
    let options = fields.words("driver_opts")?;
    let endpoint = json!({
        "Aliases": aliases,
        "IPAMConfig": {
            "IPv4Address": fields.text("ipv4_address")?.unwrap_or_default(),
            "IPv6Address": fields.text("ipv6_address")?.unwrap_or_default(),
            "LinkLocalIPs": fields.texts("link_local_ips")?,
        },
        "MacAddress": fields.text("mac_address")?.unwrap_or_default(),
        "GwPriority": fields.number("gw_priority")?.unwrap_or(0),
        "DriverOpts": options,
    });
    let priority = fields.number("priority")?.unwrap_or(0);
    fields.finish()?;
    endpoints.insert(name.clone(), endpoint);
    order.push((priority, name.clone()));
    Ok(())
}
