//! `networks` and `volumes` of a compose file: what is to be made, and what is there already.

use super::{ComposeError, fields::Fields, yaml::Node};
use crate::{
    http::docker::network_create,
    ops::{lab::LabNetwork, lab::LabVolume, volume::NewVolume},
};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// What a file's network is called on the machine; with the file's labels and what is to be made, unless it is there already.
pub(super) fn network(
    key: &str,
    line: usize,
    node: &Node,
    project: &str,
    labels: impl Fn(&Json) -> BTreeMap<String, String>,
) -> Result<LabNetwork, ComposeError> {
    let mut fields = Fields::of(node, format!("network {key}"))?;
    let (external, named) = external(&mut fields)?;
    let name = named.unwrap_or_else(|| if external { key.to_owned() } else { format!("{project}_{key}") });
    let parsed = name.parse().map_err(|error| ComposeError::at(line, format!("network {key}: {error}")))?;
    if external {
        fields.finish()?;
        return Ok(LabNetwork { name: parsed, new: None });
    }
    let mut body = json!({
        "Name": name,
        "Driver": fields.text("driver")?.unwrap_or_default(),
        "Options": fields.words("driver_opts")?,
        "Internal": fields.flag("internal")?,
        "Attachable": fields.flag("attachable")?,
        "EnableIPv6": fields.flag("enable_ipv6")?,
        "IPAM": fields.get("ipam").map(ipam).transpose()?,
    });
    if let Some(node) = fields.get("enable_ipv4") {
        body["EnableIPv4"] = node.flag("enable_ipv4")?.into();
    }
    let own = fields.words("labels")?;
    fields.finish()?;
    let mut all = labels(&body);
    all.extend(own);
    body["Labels"] = json!(all);
    let body =
        serde_json::from_value(body).map_err(|error| ComposeError::at(line, format!("network {key}: {error}")))?;
    let (new, warnings) =
        network_create::new_network(body).map_err(|error| ComposeError::at(line, format!("network {key}: {error}")))?;
    // What would only be less in a client's network is in a lab a word that does not hold.
    match warnings.into_iter().next() {
        Some(warning) => Err(ComposeError::at(line, format!("network {key}: {warning}"))),
        None => Ok(LabNetwork { name: parsed, new: Some(new) }),
    }
}

/// `external: true`, the older `external: {name: x}`, and `name`.
fn external(fields: &mut Fields<'_>) -> Result<(bool, Option<String>), ComposeError> {
    let name = fields.text("name")?;
    let Some(node) = fields.get("external") else { return Ok((false, name)) };
    if matches!(node.value, super::yaml::Value::Map(_)) {
        let mut inner = Fields::of(node, "external")?;
        let inner_name = inner.text("name")?;
        inner.finish()?;
        return Ok((true, name.or(inner_name)));
    }
    Ok((node.flag("external")?, name))
}

fn ipam(node: &Node) -> Result<Json, ComposeError> {
    let mut fields = Fields::of(node, "ipam")?;
    let driver = fields.text("driver")?.unwrap_or_default();
    let options = fields.words("options")?;
    let mut config = Vec::new();
    for range in fields.get("config").map_or(Ok(&[][..]), |node| node.list("config"))? {
        let mut range = Fields::of(range, "a range of ipam")?;
        config.push(json!({
            "Subnet": range.text("subnet")?.unwrap_or_default(),
            "IPRange": range.text("ip_range")?.unwrap_or_default(),
            "Gateway": range.text("gateway")?.unwrap_or_default(),
            "AuxiliaryAddresses": range.words("aux_addresses")?,
        }));
        range.finish()?;
    }
    fields.finish()?;
    Ok(json!({ "Driver": driver, "Options": options, "Config": config }))
}

/// A volume of the file.
pub(super) fn volume(
    key: &str,
    node: &Node,
    project: &str,
    labels: BTreeMap<String, String>,
) -> Result<LabVolume, ComposeError> {
    let mut fields = Fields::of(node, format!("volume {key}"))?;
    let (external, named) = external(&mut fields)?;
    let name = named.unwrap_or_else(|| if external { key.to_owned() } else { format!("{project}_{key}") });
    if external {
        fields.finish()?;
        return Ok(LabVolume { name, new: None });
    }
    let mut all = labels;
    let new = NewVolume {
        name: name.clone(),
        driver: fields.text("driver")?.unwrap_or_default(),
        options: fields.words("driver_opts")?,
        labels: {
            all.extend(fields.words("labels")?);
            all
        },
    };
    fields.finish()?;
    Ok(LabVolume { name, new: Some(new) })
}
