//! Compose files: `compose.yaml` as the Compose Specification has it, as far as one machine needs it, into a lab. A service is
//! read as the request that a client would send for it, and an unknown key is an error that names it and its line.

mod build;
mod context;
mod export;
mod fields;
mod mounts;
mod network;
mod plugs;
mod ports;
mod service;
mod variables;
mod words;
mod write;
mod yaml;

pub(in crate::http) use export::exported;
pub use service::env_lines;
pub use variables::names as variable_names;

use super::request;
use crate::ops::{
    OpError,
    lab::{self, Lab, LabContainer, LabService},
};
use context::Context;
use fields::Fields;
use serde_json::{Value as Json, json};
use service::Service;
use sha2::{Digest as _, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};
use variables::Variables;
use yaml::{Entry, Node, Value};

/// A sentence about a line of a file.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct ComposeError {
    line: usize,
    message: String,
}

impl ComposeError {
    fn at(line: usize, message: impl Into<String>) -> Self {
        Self { line: line.max(1), message: message.into() }
    }
}

impl From<ComposeError> for OpError {
    fn from(error: ComposeError) -> Self {
        OpError::Invalid(error.to_string())
    }
}

/// Where a file is from.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct Place {
    /// What the lab is called where the file does not say.
    pub(in crate::http) name: String,
    /// The folder of the file, if it is on this machine.
    pub(in crate::http) folder: Option<PathBuf>,
    /// What its variables stand for.
    pub(in crate::http) variables: BTreeMap<String, String>,
}

/// The version that clients are told in labels: that of the specification's implementation whose names are used here.
const VERSION: &str = "2.36.0";

/// Reads a file.
///
/// # Errors
/// A sentence with the line, for the first thing that is wrong.
pub(in crate::http) fn lab(text: &str, place: &Place) -> Result<Lab, ComposeError> {
    let variables = Variables::of(&place.variables);
    let tree = yaml::read(text, &variables)?;
    let mut fields = Fields::of(&tree, "the file")?;
    // Said by older files; the key alone tells nothing.
    fields.text("version")?;
    let name = project_name(fields.text("name")?.as_deref().unwrap_or(&place.name))?;
    let services = fields.get("services").map_or(Ok(&[][..]), |node| node.map("services"))?;
    let networks = fields.get("networks").map_or(Ok(&[][..]), |node| node.map("networks"))?;
    let volumes = fields.get("volumes").map_or(Ok(&[][..]), |node| node.map("volumes"))?;
    fields.finish()?;
    if services.is_empty() && networks.is_empty() {
        return Err(ComposeError::at(
            tree.line,
            "the file has neither services nor networks; there is nothing to bring up",
        ));
    }
    let labels = Labels { project: &name, place };
    let mut lab = Lab { name: name.clone(), networks: Vec::new(), volumes: Vec::new(), services: Vec::new() };
    let (mut network_names, mut volume_names) = (BTreeMap::new(), BTreeMap::new());
    for entry in with_default(networks, services).iter() {
        let made =
            network::network(&entry.key, entry.line, &entry.node, &name, |body| labels.of_network(&entry.key, body))?;
        network_names.insert(entry.key.clone(), made.name.to_string());
        lab.networks.push(made);
    }
    for entry in volumes {
        let made = network::volume(&entry.key, &entry.node, &name, labels.of_volume(&entry.key))?;
        volume_names.insert(entry.key.clone(), made.name.clone());
        lab.volumes.push(made);
    }
    let context = Context { project: &name, place, variables, networks: &network_names, volumes: &volume_names };
    let mut read = Vec::with_capacity(services.len());
    for Entry { key, line, node } in services {
        read.push(Service::read(key, *line, node, &context)?);
    }
    let owners: BTreeMap<String, String> =
        read.iter().map(|service| (service.name.clone(), container_name(&name, service, 1))).collect();
    for mut service in in_order(read)? {
        if let Some(owner) = service.shares_with.as_ref().and_then(|shared| owners.get(shared)) {
            service.body["HostConfig"]["NetworkMode"] = format!("container:{owner}").into();
        }
        lab.services.push(made(service, &labels)?);
    }
    Ok(lab)
}

/// The file's networks, and the one that services are in that name none.
fn with_default(networks: &[Entry], services: &[Entry]) -> Vec<Entry> {
    let mut all = networks.to_vec();
    let names_none = |service: &Entry| {
        let fields = Fields::of(&service.node, "");
        fields.is_ok_and(|mut fields| fields.get("networks").is_none() && fields.get("network_mode").is_none())
    };
    let names_it =
        |service: &Entry| match Fields::of(&service.node, "").ok().and_then(|mut fields| fields.get("networks")) {
            Some(Node { value: Value::Map(entries), .. }) => entries.iter().any(|entry| entry.key == "default"),
            Some(node) => node.texts("networks").is_ok_and(|names| names.iter().any(|name| name == "default")),
            None => false,
        };
    let is_there = all.iter().any(|entry| entry.key == "default");
    if !is_there && services.iter().any(|service| names_none(service) || names_it(service)) {
        all.push(Entry { key: "default".into(), line: 1, node: Node { line: 1, value: Value::Nothing } });
    }
    all
}

/// A name of small letters, digits, `-` and `_`; what has none of them has no name.
fn project_name(text: &str) -> Result<String, ComposeError> {
    let name: String = text
        .to_lowercase()
        .chars()
        .filter(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '-' | '_'))
        .collect();
    let name = name.trim_start_matches(['-', '_']).to_owned();
    if name.is_empty() || name.len() > 40 {
        let why = format!(
            "the lab needs a name of 1 to 40 letters and digits, not {text:?}; write `name: NAME` into the file"
        );
        return Err(ComposeError::at(1, why));
    }
    Ok(name)
}

/// Services such that each comes behind those that it waits for; otherwise in the order of the file.
fn in_order(services: Vec<Service>) -> Result<Vec<Service>, ComposeError> {
    let names: BTreeSet<String> = services.iter().map(|service| service.name.clone()).collect();
    for service in &services {
        if let Some(wait) = service.waits.iter().find(|wait| !names.contains(&wait.service)) {
            let why = format!("service {} depends on {}, which is not among the services", service.name, wait.service);
            return Err(ComposeError::at(service.line, why));
        }
    }
    let mut waiting = services;
    let mut ordered: Vec<Service> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let is_ready =
            |service: &Service| service.waits.iter().all(|wait| ordered.iter().any(|known| known.name == wait.service));
        let Some(ready) = waiting.iter().position(is_ready) else {
            let names: Vec<&str> = waiting.iter().map(|service| service.name.as_str()).collect();
            let why = format!("services {} depend on one another in a circle", names.join(", "));
            return Err(ComposeError::at(waiting[0].line, why));
        };
        ordered.push(waiting.remove(ready));
    }
    Ok(ordered)
}

/// The containers of a service, each read as a client's request.
fn made(service: Service, labels: &Labels<'_>) -> Result<LabService, ComposeError> {
    let mut containers = Vec::new();
    for number in 1..=service.count {
        let container = container_name(labels.project, &service, number);
        let mut body = service.body.clone();
        let own = labels.of_container(&service.name, number, &body);
        if let Some(map) = body["Labels"].as_object_mut() {
            map.extend(own.into_iter().map(|(key, value)| (key, value.into())));
        }
        let of_service = |why: String| ComposeError::at(service.line, format!("service {}: {why}", service.name));
        let body: request::CreateBody = serde_json::from_value(body).map_err(|error| of_service(error.to_string()))?;
        let (new, warnings) =
            request::new_container(Some(&container), body).map_err(|error| of_service(error.to_string()))?;
        if let Some(warning) = warnings.into_iter().next() {
            return Err(of_service(warning));
        }
        containers.push(LabContainer { number, new });
    }
    let Service { name, image, build, waits, shares_with, .. } = service;
    Ok(LabService { name, image, build, containers, waits, shares_with })
}

fn container_name(project: &str, service: &Service, number: u32) -> String {
    service.container_name.clone().unwrap_or_else(|| format!("{project}-{}-{number}", service.name))
}

/// Labels by which a lab's things are known, to us and to docker-compose.
struct Labels<'a> {
    project: &'a str,
    place: &'a Place,
}

impl Labels<'_> {
    fn common(&self) -> BTreeMap<String, String> {
        let pairs = [(lab::PROJECT, self.project), (lab::VERSION, VERSION)];
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
    }

    fn of_network(&self, key: &str, body: &Json) -> BTreeMap<String, String> {
        let mut labels = self.common();
        labels.insert(lab::NETWORK.into(), key.to_owned());
        labels.insert(lab::HASH.into(), hash(body));
        labels
    }

    fn of_volume(&self, key: &str) -> BTreeMap<String, String> {
        let mut labels = self.common();
        labels.insert(lab::VOLUME.into(), key.to_owned());
        labels
    }

    fn of_container(&self, service: &str, number: u32, body: &Json) -> BTreeMap<String, String> {
        let mut labels = self.common();
        labels.insert(lab::SERVICE.into(), service.to_owned());
        labels.insert(lab::NUMBER.into(), number.to_string());
        labels.insert(lab::ONE_OFF.into(), "False".into());
        labels.insert(lab::HASH.into(), hash(body));
        let folder = self.place.folder.as_ref().map(|folder| folder.display().to_string());
        labels.extend(folder.map(|folder| (lab::FOLDER.into(), folder)));
        labels
    }
}

/// What tells one configuration from another. A body is built in one order, so the same is always written the same.
fn hash(body: &Json) -> String {
    hex::encode(Sha256::digest(json!(body).to_string()))
}

#[cfg(test)]
mod tests;
