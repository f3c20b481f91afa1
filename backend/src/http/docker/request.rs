//! What Docker clients send to create a container, in domain words. What is not honoured is refused where the container
//! would be another one without it, and answered with a warning where it would only be less.

use super::{
    ApiVersion,
    confinement::{Confinement, Limits},
    endpoint::{self, EndpointConfig},
    error::DockerError,
    extract::null_as_default,
    host_config::Sent,
    life::{HealthcheckBody, RestartPolicyBody},
    mounts::{self, MountBody},
    naming, ports,
};
use crate::{
    model::{ContainerSpec, NewContainer},
    ops::OpError,
    settings::Attach,
};
use drawbridge_api::{Attachment, Console, Input, NetworkMode, TerminalSize};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The body of `POST /containers/create`, as far as this version reads it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateBody {
    #[serde(default)]
    image: String,
    #[serde(default)]
    cmd: Option<Words>,
    #[serde(default)]
    entrypoint: Option<Words>,
    #[serde(default, deserialize_with = "null_as_default")]
    env: Vec<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    working_dir: String,
    #[serde(default, deserialize_with = "null_as_default")]
    user: String,
    #[serde(default, deserialize_with = "null_as_default")]
    hostname: String,
    #[serde(default, deserialize_with = "null_as_default")]
    domainname: String,
    #[serde(default, deserialize_with = "null_as_default")]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    stop_signal: Option<String>,
    #[serde(default)]
    stop_timeout: Option<i64>,
    #[serde(default)]
    healthcheck: Option<HealthcheckBody>,
    #[serde(default, deserialize_with = "null_as_default")]
    volumes: BTreeMap<String, Value>,
    #[serde(default, deserialize_with = "null_as_default")]
    exposed_ports: BTreeMap<String, Value>,
    #[serde(default)]
    attach_stdin: bool,
    #[serde(default)]
    attach_stdout: bool,
    #[serde(default)]
    attach_stderr: bool,
    #[serde(default)]
    tty: bool,
    #[serde(default)]
    open_stdin: bool,
    #[serde(default)]
    stdin_once: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    host_config: Sent<HostConfig>,
    #[serde(default, deserialize_with = "null_as_default")]
    networking_config: NetworkingConfig,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HostConfig {
    #[serde(default, deserialize_with = "null_as_default")]
    network_mode: String,
    #[serde(default, deserialize_with = "null_as_default")]
    auto_remove: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    restart_policy: RestartPolicyBody,
    #[serde(default, deserialize_with = "null_as_default")]
    port_bindings: ports::Bindings,
    #[serde(default, deserialize_with = "null_as_default")]
    publish_all_ports: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    console_size: (u16, u16),
    #[serde(default, deserialize_with = "null_as_default")]
    binds: Vec<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    mounts: Vec<MountBody>,
    #[serde(default, deserialize_with = "null_as_default")]
    volumes_from: Vec<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    links: Vec<String>,
    // Two, and not one in the other: what is flattened into a flattened struct is also left to `rest`.
    #[serde(flatten)]
    limits: Limits,
    #[serde(flatten)]
    confinement: Confinement,
    #[serde(flatten)]
    naming: naming::Naming,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NetworkingConfig {
    #[serde(default, deserialize_with = "null_as_default")]
    endpoints_config: BTreeMap<String, Option<EndpointConfig>>,
}

/// Docker takes a command as a list or as one word.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Words {
    List(Vec<String>),
    One(String),
}

impl From<Words> for Vec<String> {
    fn from(words: Words) -> Self {
        match words {
            Words::List(list) => list,
            Words::One(word) => vec![word],
        }
    }
}

/// The request in domain words, and a warning for everything that is accepted and not honoured.
pub(super) fn new_container(name: Option<&str>, body: CreateBody) -> Result<(NewContainer, Vec<String>), DockerError> {
    let host = &body.host_config;
    if host.auto_remove && !matches!(host.restart_policy.name.as_str(), "" | "no") {
        return Err(OpError::Invalid("can't create 'AutoRemove' container with restart policy".into()).into());
    }
    if body.image.is_empty() {
        return Err(OpError::Invalid("no image specified; name one, such as busybox".into()).into());
    }
    let mut warnings = Vec::new();
    not_honoured("", &body.rest, &mut warnings);
    not_honoured("HostConfig.", &host.rest, &mut warnings);
    let mut settings = host.confinement.settings(&host.limits, &host.whole, &mut warnings)?;
    settings.mounts = mounts::requests(&host.binds, &host.mounts)?;
    settings.volumes_from = host.volumes_from.clone();
    settings.restart = host.restart_policy.policy()?;
    settings.health = body.healthcheck.clone().map(HealthcheckBody::check);
    settings.attach = Attach { stdin: body.attach_stdin, stdout: body.attach_stdout, stderr: body.attach_stderr };
    settings.volumes = body.volumes.keys().cloned().collect();
    warnings.sort();
    let network_mode = network_mode(&body)?;
    let links = naming::links(&host.links, &network_mode)?;
    let spec = ContainerSpec {
        image: body.image,
        entrypoint: body.entrypoint.map(Vec::from).filter(|words| !words.is_empty()),
        cmd: body.cmd.map(Vec::from).filter(|words| !words.is_empty()),
        env: body.env,
        working_dir: body.working_dir,
        user: body.user,
        hostname: Some(body.hostname).filter(|hostname| !hostname.is_empty()),
        labels: body.labels,
        stop_signal: body.stop_signal.filter(|signal| !signal.is_empty()),
        stop_timeout_s: body.stop_timeout.and_then(|seconds| u32::try_from(seconds).ok()),
        network_mode,
        auto_remove: host.auto_remove,
        exposed_ports: body.exposed_ports.into_keys().collect(),
        console: Console {
            terminal: body.tty,
            input: match (body.open_stdin, body.stdin_once) {
                (false, _) => Input::Closed,
                (true, true) => Input::Once,
                (true, false) => Input::Kept,
            },
            size: TerminalSize { rows: host.console_size.0, columns: host.console_size.1 },
        },
        ports: ports::requests(&host.port_bindings)?,
        publish_all: host.publish_all_ports,
        settings,
        naming: naming::spec(&body.domainname, &host.naming)?,
    };
    let name = name
        .filter(|name| !name.is_empty())
        .map(|name| name.strip_prefix('/').unwrap_or(name).parse())
        .transpose()
        .map_err(OpError::from)?;
    let attachments = attachments(body.networking_config.endpoints_config)?;
    warnings.extend(attachments.iter().flat_map(endpoint::not_honoured));
    Ok((NewContainer { name, spec, attachments, links }, warnings))
}

/// Until API 1.43 a container was made in one network, and connected to the others.
pub(super) fn check_version(body: &CreateBody, version: ApiVersion) -> Result<(), DockerError> {
    let networks: Vec<&str> = body.networking_config.endpoints_config.keys().map(String::as_str).collect();
    if version.minor < 44 && networks.len() > 1 {
        return Err(DockerError::BadRequest(format!(
            "Container cannot be created with multiple network endpoints: {}",
            networks.join(", ")
        )));
    }
    Ok(())
}

/// The kind of network stack, from `NetworkMode` or, where that says nothing, from the one endpoint that is configured.
fn network_mode(body: &CreateBody) -> Result<NetworkMode, OpError> {
    let mode = match body.host_config.network_mode.as_str() {
        "" | "default" => {
            let mut configured = body.networking_config.endpoints_config.keys();
            match (configured.next(), configured.next()) {
                (Some(only), None) => only,
                (None | Some(_), _) => "default",
            }
        }
        mode => mode,
    };
    Ok(match mode {
        "host" => NetworkMode::Host,
        "none" => NetworkMode::None,
        mode if mode.starts_with("container:") => NetworkMode::Container(mode["container:".len()..].parse()?),
        name => NetworkMode::Network(endpoint::network_name(name)?),
    })
}

/// What is asked for in each network.
fn attachments(configured: BTreeMap<String, Option<EndpointConfig>>) -> Result<Vec<Attachment>, OpError> {
    configured.into_iter().map(|(network, config)| endpoint::attachment(&network, config)).collect()
}

/// A warning for each field that asks for something and isn't read.
fn not_honoured(prefix: &str, rest: &Map<String, Value>, warnings: &mut Vec<String>) {
    let asked = rest.iter().filter(|(key, value)| !is_default(key, value));
    warnings.extend(asked.map(|(key, _)| format!("{prefix}{key} is not honoured yet")));
}

/// Whether a value asks for nothing: Go's zero values all the way down, and the few others that the CLI always sends.
pub(super) fn is_default(key: &str, value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => {
            number.as_f64() == Some(0.0) || (key == "MemorySwappiness" && number.as_i64() == Some(-1))
        }
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.iter().all(|value| is_default(key, value)),
        Value::Object(object) => object.iter().all(|(key, value)| is_default(key, value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(text: &str) -> Result<(NewContainer, Vec<String>), String> {
        let body = serde_json::from_str(text).map_err(|error| error.to_string())?;
        new_container(Some("box1"), body).map_err(|error| error.to_string())
    }

    /// What the docker command 28 sends for `docker run -d --rm --name box1 busybox /bin/sh -c ..`, default fields and all.
    const RUN: &str = r#"{"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":false,
        "AttachStderr":false,"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":null,"Cmd":["/bin/sh","-c","true"],
        "Image":"busybox","Volumes":{},"WorkingDir":"","Entrypoint":null,"OnBuild":null,"Labels":{},
        "HostConfig":{"Binds":null,"LogConfig":{"Type":"","Config":{}},"NetworkMode":"default","PortBindings":{},
        "RestartPolicy":{"Name":"no","MaximumRetryCount":0},"AutoRemove":true,"ConsoleSize":[0,0],"CapAdd":null,
        "MemorySwappiness":-1,"OomKillDisable":false,"PidsLimit":0,"Memory":0,"Ulimits":[],"MaskedPaths":null},
        "NetworkingConfig":{"EndpointsConfig":{"default":{"IPAMConfig":null,"Links":null,"Aliases":null,
        "MacAddress":"","DriverOpts":null,"GwPriority":0,"NetworkID":"","EndpointID":"","IPPrefixLen":0}}}}"#;

    #[test]
    fn what_the_command_always_sends_needs_no_warning() {
        let (new, warnings) = convert(RUN).unwrap();
        assert_eq!(warnings, Vec::<String>::new());
        assert_eq!(new.spec.cmd.unwrap(), ["/bin/sh", "-c", "true"]);
        assert!(new.spec.auto_remove);
        assert_eq!(new.spec.network_mode, NetworkMode::Network("bridge".parse().unwrap()));
        assert_eq!(new.attachments, [Attachment::to("bridge".parse().unwrap())]);
    }

    #[test]
    fn what_is_asked_for_in_networks_is_read() {
        let (new, warnings) = convert(
            r#"{"Image":"b","HostConfig":{"NetworkMode":"demo"},"NetworkingConfig":{"EndpointsConfig":{"net2":null,"demo":{
                "IPAMConfig":{"IPv4Address":"10.5.0.8","IPv6Address":"fd00::8","LinkLocalIPs":["169.254.1.2"]},
                "Aliases":["a1"],"Links":["redis:db"],"MacAddress":"02:42:00:00:00:07","GwPriority":7,
                "DriverOpts":{"k":"v"}}}}}"#,
        )
        .unwrap();
        assert_eq!(warnings, ["driver option k of network demo is kept but not honoured yet"]);
        assert_eq!(new.spec.network_mode, NetworkMode::Network("demo".parse().unwrap()));
        let demo = Attachment {
            aliases: vec!["a1".into()],
            address4: Some("10.5.0.8".parse().unwrap()),
            address6: Some("fd00::8".parse().unwrap()),
            link_local: vec!["169.254.1.2".parse().unwrap()],
            mac: Some("02:42:00:00:00:07".parse().unwrap()),
            gateway_priority: 7,
            links: vec!["redis:db".into()],
            options: [("k".to_owned(), "v".to_owned())].into(),
            ..Attachment::to("demo".parse().unwrap())
        };
        assert_eq!(new.attachments, [demo, Attachment::to("net2".parse().unwrap())]);
        let refused = convert(
            r#"{"Image":"b","NetworkingConfig":{"EndpointsConfig":{"n":{"IPAMConfig":{"IPv4Address":"fd00::1"}}}}}"#,
        );
        assert_eq!(
            refused.unwrap_err(),
            "invalid config for network n: invalid endpoint settings:\ninvalid IPv4 address: fd00::1"
        );
    }

    #[test]
    fn what_is_not_honoured_is_named() {
        let (_, warnings) =
            convert(r#"{"Image":"b","HostConfig":{"StorageOpt":{"size":"1g"},"LogConfig":{"Config":{"tag":"t"}}}}"#)
                .unwrap();
        assert_eq!(warnings, ["HostConfig.StorageOpt is not honoured yet", "log option tag is not honoured yet"]);
    }

    #[test]
    fn what_would_make_another_container_is_refused() {
        assert!(convert(r#"{"Image":""}"#).unwrap_err().starts_with("no image specified"));
    }
}
