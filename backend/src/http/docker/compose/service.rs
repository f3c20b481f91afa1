//! A service of a compose file, as the body of the request by which a client would make its containers. That request's
//! conversion then has the defaults and the checks, so that a lab's container is what `docker run` would make.

use super::{
    ComposeError, build,
    context::Context,
    fields::Fields,
    mounts::{Mounts, Sources},
    plugs::networks,
    ports::Ports,
    words,
    yaml::{Node, Value},
};
use crate::ops::lab::{LabBuild, Until, Wait};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

/// A service as it was read.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) image: String,
    /// What its image is built of, where it is not pulled.
    pub(super) build: Option<LabBuild>,
    pub(super) container_name: Option<String>,
    pub(super) count: u32,
    pub(super) waits: Vec<Wait>,
    /// The service whose network stack it shares.
    pub(super) shares_with: Option<String>,
    /// The request, labels of the project apart.
    pub(super) body: Json,
}

impl Service {
    pub(super) fn read(name: &str, line: usize, node: &Node, context: &Context<'_>) -> Result<Self, ComposeError> {
        let mut fields = Fields::of(node, format!("service {name}"))?;
        let build = fields.get("build").map(|node| build::build(name, node, context.place)).transpose()?;
        let image = match (fields.text("image")?, &build) {
            (Some(image), _) => image,
            (None, Some(_)) => format!("{}-{name}", context.project),
            (None, None) => {
                return Err(ComposeError::at(
                    line,
                    format!("service {name} has no `image`; name one, such as busybox"),
                ));
            }
        };
        let mut ports = Ports::default();
        if let Some(node) = fields.get("ports") {
            ports.publish(node.list("ports")?)?;
        }
        if let Some(node) = fields.get("expose") {
            ports.expose(node.list("expose")?)?;
        }
        let mounts = mounts(&mut fields, context)?;
        let (network_mode, endpoints, shares_with) = networks(&mut fields, name, context)?;
        let host_config = host_config(&mut fields, &network_mode, &ports, &mounts)?;
        let waits = waits(&mut fields, shares_with.as_deref())?;
        let container_name = fields.text("container_name")?;
        let count = count(&mut fields, line, name, container_name.as_deref())?;
        let mut body = process(&mut fields, context)?;
        let volumes: Map<String, Json> = mounts.anonymous.into_iter().map(|place| (place, json!({}))).collect();
        for (key, value) in [
            ("Image", json!(image)),
            ("ExposedPorts", ports.exposed.into()),
            ("Volumes", volumes.into()),
            ("HostConfig", host_config),
            ("NetworkingConfig", json!({ "EndpointsConfig": endpoints })),
        ] {
            body[key] = value;
        }
        // What is pulled is pulled when it is missing; other policies are for registries that change under one.
        match fields.text("pull_policy")?.as_deref() {
            None | Some("missing" | "if_not_present" | "never") => {}
            Some(other) => {
                return Err(ComposeError::at(
                    line,
                    format!("pull_policy {other} of service {name} is not built; pull it by hand"),
                ));
            }
        }
        fields.finish()?;
        Ok(Self { name: name.to_owned(), line, image, build, container_name, count, waits, shares_with, body })
    }
}

/// What its process is.
fn process(fields: &mut Fields<'_>, context: &Context<'_>) -> Result<Json, ComposeError> {
    let mut body = json!({
        "Cmd": command(fields, "command")?,
        "Entrypoint": command(fields, "entrypoint")?,
        "Env": environment(fields, context)?,
        "Labels": fields.words("labels")?,
    });
    for (key, field) in [
        ("WorkingDir", "working_dir"),
        ("User", "user"),
        ("Hostname", "hostname"),
        ("Domainname", "domainname"),
        ("StopSignal", "stop_signal"),
    ] {
        if let Some(text) = fields.text(field)? {
            body[key] = text.into();
        }
    }
    body["Tty"] = fields.flag("tty")?.into();
    body["OpenStdin"] = fields.flag("stdin_open")?.into();
    if let Some(nanoseconds) = duration(fields, "stop_grace_period")? {
        body["StopTimeout"] = (nanoseconds / 1_000_000_000).into();
    }
    if let Some(node) = fields.get("healthcheck") {
        body["Healthcheck"] = health(node)?;
    }
    Ok(body)
}

/// A list of words, or a line that is parted as a shell would.
fn command(fields: &mut Fields<'_>, key: &'static str) -> Result<Json, ComposeError> {
    let Some(node) = fields.get(key) else { return Ok(Json::Null) };
    match &node.value {
        Value::Text(line) => words::split(line)
            .map(Json::from)
            .ok_or_else(|| ComposeError::at(node.line, format!("`{key}`: a quote is not closed in {line:?}"))),
        Value::Nothing | Value::List(_) | Value::Map(_) => Ok(node.texts(key)?.into()),
    }
}

/// Files first, then what is said in the file itself; a name without a value has that of a variable, if it is set.
fn environment(fields: &mut Fields<'_>, context: &Context<'_>) -> Result<Vec<String>, ComposeError> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    if let Some(node) = fields.get("env_file") {
        for path in node.texts("env_file")? {
            let text = context.place.read(&path).map_err(|why| ComposeError::at(node.line, why))?;
            all.extend(env_lines(&text));
        }
    }
    for (name, value) in fields.pairs("environment")? {
        let value = value.or_else(|| context.variables.get(&name).map(str::to_owned));
        all.extend(value.map(|value| (name, value)));
    }
    Ok(all.into_iter().map(|(name, value)| format!("{name}={value}")).collect())
}

/// The lines of an environment file: `NAME=value`, quotes around a value taken off, `#` before a remark.
pub fn env_lines(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.trim_start_matches("export ").split_once('='));
    let bare = |value: &str| {
        let inner = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
        inner.unwrap_or(value).to_owned()
    };
    pairs.map(|(name, value)| (name.trim().to_owned(), bare(value.trim()))).collect()
}

fn health(node: &Node) -> Result<Json, ComposeError> {
    let mut fields = Fields::of(node, "healthcheck")?;
    let mut check = json!({});
    if fields.flag("disable")? {
        check["Test"] = json!(["NONE"]);
    } else if let Some(test) = fields.get("test") {
        check["Test"] = match &test.value {
            Value::Text(line) => json!(["CMD-SHELL", line]),
            Value::Nothing | Value::List(_) | Value::Map(_) => test.texts("test")?.into(),
        };
    }
    for (key, field) in [
        ("Interval", "interval"),
        ("Timeout", "timeout"),
        ("StartPeriod", "start_period"),
        ("StartInterval", "start_interval"),
    ] {
        if let Some(nanoseconds) = duration(&mut fields, field)? {
            check[key] = nanoseconds.into();
        }
    }
    if let Some(retries) = fields.number("retries")? {
        check["Retries"] = retries.into();
    }
    fields.finish()?;
    Ok(check)
}

fn duration(fields: &mut Fields<'_>, key: &'static str) -> Result<Option<i64>, ComposeError> {
    let Some(node) = fields.get(key) else { return Ok(None) };
    let text = node.text(key)?;
    let read = words::duration_ns(text);
    read.map(Some)
        .ok_or_else(|| ComposeError::at(node.line, format!("`{key}`: {text:?} is no time; write it like 1m30s")))
}

fn mounts(fields: &mut Fields<'_>, context: &Context<'_>) -> Result<Mounts, ComposeError> {
    let sources = Sources { place: context.place, volumes: context.volumes };
    let list = fields.get("volumes").map_or(Ok(&[][..]), |node| node.list("volumes"))?;
    Mounts::read(list, &sources)
}

fn host_config(
    fields: &mut Fields<'_>,
    network_mode: &str,
    ports: &Ports,
    mounts: &Mounts,
) -> Result<Json, ComposeError> {
    let mut config = json!({
        "NetworkMode": network_mode,
        "PortBindings": ports.bindings,
        "Binds": mounts.binds,
        "Mounts": mounts.mounts,
        "Tmpfs": tmpfs(fields.texts("tmpfs")?),
        "CapAdd": fields.texts("cap_add")?,
        "CapDrop": fields.texts("cap_drop")?,
        "Sysctls": fields.words("sysctls")?,
        "Privileged": fields.flag("privileged")?,
        "ReadonlyRootfs": fields.flag("read_only")?,
        "SecurityOpt": fields.texts("security_opt")?,
        "Init": fields.flag("init")?,
        "Dns": fields.texts("dns")?,
        "DnsSearch": fields.texts("dns_search")?,
        "DnsOptions": fields.texts("dns_opt")?,
        "ExtraHosts": extra_hosts(fields)?,
        "PidsLimit": fields.number("pids_limit")?.unwrap_or(0),
    });
    if let Some(node) = fields.get("restart") {
        let text = node.text("restart")?;
        let (name, retries) = text.split_once(':').unwrap_or((text, "0"));
        let retries: i64 = retries.parse().map_err(|_| {
            ComposeError::at(
                node.line,
                format!("`restart`: {text:?}: write a number behind the colon, as on-failure:3"),
            )
        })?;
        config["RestartPolicy"] = json!({ "Name": name, "MaximumRetryCount": retries });
    }
    for (key, field) in [("Memory", "mem_limit"), ("ShmSize", "shm_size")] {
        if let Some(node) = fields.get(field) {
            let bytes = words::bytes(node.text(field)?);
            let bytes =
                bytes.ok_or_else(|| ComposeError::at(node.line, format!("`{field}` must be a size, such as 64m")))?;
            config[key] = bytes.into();
        }
    }
    if let Some(node) = fields.get("cpus") {
        let cpus: Result<f64, _> = node.text("cpus")?.parse();
        let cpus = cpus.map_err(|_| ComposeError::at(node.line, "`cpus` must be a number, such as 0.5"))?;
        config["NanoCpus"] = ((cpus * 1e9) as i64).into();
    }
    Ok(config)
}

/// `/run` or `/run:size=64m`.
fn tmpfs(places: Vec<String>) -> BTreeMap<String, String> {
    let parted = places.iter().map(|text| text.split_once(':').unwrap_or((text, "")));
    parted.map(|(place, options)| (place.to_owned(), options.to_owned())).collect()
}

/// `{NAME: ADDRESS}`, or `NAME:ADDRESS` and `NAME=ADDRESS` in a list.
fn extra_hosts(fields: &mut Fields<'_>) -> Result<Vec<String>, ComposeError> {
    let Some(node) = fields.get("extra_hosts") else { return Ok(Vec::new()) };
    match &node.value {
        Value::Map(entries) => {
            entries.iter().map(|entry| Ok(format!("{}:{}", entry.key, entry.node.text(&entry.key)?))).collect()
        }
        Value::Nothing | Value::Text(_) | Value::List(_) => node.texts("extra_hosts"),
    }
}

/// What must be before its containers are started.
fn waits(fields: &mut Fields<'_>, shares_with: Option<&str>) -> Result<Vec<Wait>, ComposeError> {
    let mut waits = Vec::new();
    if let Some(node) = fields.get("depends_on") {
        match &node.value {
            Value::Map(entries) => {
                for entry in entries {
                    let mut wait = Fields::of(&entry.node, format!("depends_on {}", entry.key))?;
                    let until = match wait.text("condition")?.as_deref() {
                        None | Some("service_started") => Until::Started,
                        Some("service_healthy") => Until::Healthy,
                        Some("service_completed_successfully") => Until::Completed,
                        Some(other) => {
                            let why = format!(
                                "condition {other:?} is not known; write service_started, service_healthy or \
                                 service_completed_successfully"
                            );
                            return Err(ComposeError::at(entry.line, why));
                        }
                    };
                    wait.flag("restart")?;
                    wait.flag("required")?;
                    wait.finish()?;
                    waits.push(Wait { service: entry.key.clone(), until });
                }
            }
            Value::Nothing | Value::Text(_) | Value::List(_) => {
                waits.extend(
                    node.texts("depends_on")?.into_iter().map(|service| Wait { service, until: Until::Started }),
                );
            }
        }
    }
    if let Some(service) = shares_with.filter(|service| !waits.iter().any(|wait| wait.service == *service)) {
        waits.push(Wait { service: service.to_owned(), until: Until::Started });
    }
    Ok(waits)
}

/// How many containers: `scale`, or `deploy.replicas`.
fn count(fields: &mut Fields<'_>, line: usize, name: &str, container_name: Option<&str>) -> Result<u32, ComposeError> {
    let mut count = fields.number("scale")?;
    if let Some(node) = fields.get("deploy") {
        let mut deploy = Fields::of(node, format!("deploy of service {name}"))?;
        count = deploy.number("replicas")?.or(count);
        deploy.finish()?;
    }
    let count = count.unwrap_or(1);
    if container_name.is_some() && count > 1 {
        let why = format!("service {name} has one `container_name` and {count} containers; take the name out");
        return Err(ComposeError::at(line, why));
    }
    match u32::try_from(count) {
        Ok(count) if count <= 1000 => Ok(count),
        Ok(_) | Err(_) => {
            Err(ComposeError::at(line, format!("service {name}: from 0 to 1000 containers, not {count}")))
        }
    }
}
