//! What a container's process is, from its spec and its image: the merge rules of Docker.

use super::{
    Daemon, OpError,
    etc::{self, Etc},
    interface_settings, linking, lookup, mounting, sharing,
};
use crate::{
    life::HealthCheck,
    model::{ContainerRecord, ContainerSpec, ImageRecord},
    runtime::{EtcFiles, ProcessSpec},
    settings::Namespace,
    store::{endpoint, image},
};
use drawbridge_api::NetworkMode;
use oci_spec::image::ImageConfiguration;
use serde_json::Value;
use std::{collections::BTreeMap, path::PathBuf};
use tokio::task::block_in_place;

/// The signal that can't be refused.
pub(super) const SIGKILL: i32 = 9;

const DEFAULT_PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Signals in the order of their numbers, from 1 (signal(7), x86 and arm).
const SIGNALS: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
    "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",
    "PWR", "SYS",
];

/// The number of a signal that is given by number or name, with or without `SIG`.
pub(super) fn signal(text: &str) -> Result<i32, OpError> {
    let invalid =
        || OpError::Invalid(format!("invalid signal: {text}; use a name such as SIGTERM or a number 1 to 64"));
    if let Ok(number) = text.parse::<i32>() {
        return if (1..=64).contains(&number) { Ok(number) } else { Err(invalid()) };
    }
    let name = text.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    let position = SIGNALS.iter().position(|known| *known == name).ok_or_else(invalid)?;
    i32::try_from(position + 1).map_err(|_| invalid())
}

/// What a container's image says of its process.
#[derive(Clone, Debug, Default)]
pub struct ImageDefaults {
    /// Program and first arguments.
    pub entrypoint: Vec<String>,
    /// Arguments, or the program.
    pub cmd: Vec<String>,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// Where the process starts.
    pub working_dir: String,
    /// `user[:group]`.
    pub user: String,
    /// The signal that asks it to end.
    pub stop_signal: Option<String>,
    /// Ports that it says it listens on: `80/tcp`.
    pub exposed_ports: Vec<String>,
    /// Places that are volumes.
    pub volumes: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// How its health is checked.
    pub health: Option<HealthCheck>,
}

/// Reads an image's defaults.
///
/// # Errors
/// When its configuration can't be read.
pub fn image_defaults(image: &ImageRecord) -> Result<ImageDefaults, OpError> {
    let config: ImageConfiguration = serde_json::from_str(&image.config)
        .map_err(|error| OpError::Invalid(format!("image {} has an unreadable configuration: {error}", image.id)))?;
    let Some(config) = config.config() else { return Ok(ImageDefaults::default()) };
    Ok(ImageDefaults {
        entrypoint: config.entrypoint().clone().unwrap_or_default(),
        cmd: config.cmd().clone().unwrap_or_default(),
        env: config.env().clone().unwrap_or_default(),
        working_dir: config.working_dir().clone().unwrap_or_default(),
        user: config.user().clone().unwrap_or_default(),
        stop_signal: config.stop_signal().clone(),
        exposed_ports: config.exposed_ports().clone().unwrap_or_default(),
        volumes: config.volumes().clone().unwrap_or_default(),
        health: image_health(&image.config),
        labels: config.labels().clone().unwrap_or_default().into_iter().collect(),
    })
}

/// How an image says that its containers are to be checked: a field that the OCI image specification hasn't.
fn image_health(config: &str) -> Option<HealthCheck> {
    let config: Value = serde_json::from_str(config).ok()?;
    let check = config.get("config")?.get("Healthcheck").filter(|check| check.is_object())?;
    let number = |key: &str| check.get(key).and_then(Value::as_i64).unwrap_or(0);
    let words = check.get("Test").and_then(Value::as_array).into_iter().flatten();
    Some(HealthCheck {
        test: words.filter_map(|word| word.as_str().map(str::to_owned)).collect(),
        interval_ns: number("Interval"),
        timeout_ns: number("Timeout"),
        start_period_ns: number("StartPeriod"),
        start_interval_ns: number("StartInterval"),
        retries: number("Retries"),
    })
}

/// Program and arguments: the image's `Cmd` counts only when the request sets no entrypoint (moby,
/// daemon/commit.go `merge`).
pub fn arguments(spec: &ContainerSpec, image: &ImageDefaults) -> Vec<String> {
    let image_cmd = || if spec.entrypoint.is_some() { Vec::new() } else { image.cmd.clone() };
    let mut entrypoint = spec.entrypoint.clone().unwrap_or_else(|| image.entrypoint.clone());
    // `--entrypoint ""` resets the image's.
    entrypoint.retain(|word| !(word.is_empty() && spec.entrypoint.as_ref().is_some_and(|words| words.len() == 1)));
    entrypoint.extend(spec.cmd.clone().unwrap_or_else(image_cmd));
    entrypoint
}

/// The environment: the request's over the image's over that of links over the defaults, by name.
pub fn environment(
    spec: &ContainerSpec,
    image: &ImageDefaults,
    hostname: &str,
    linked: impl IntoIterator<Item = String>,
) -> Vec<String> {
    let mut added = vec![DEFAULT_PATH.to_owned(), format!("HOSTNAME={hostname}")];
    if spec.console.terminal {
        added.push("TERM=xterm".to_owned());
    }
    added.extend(linked);
    merged_environment(added, spec, image)
}

/// The environment as it was configured, without what is only added at the start.
pub fn configured_environment(spec: &ContainerSpec, image: &ImageDefaults) -> Vec<String> {
    merged_environment(vec![DEFAULT_PATH.to_owned()], spec, image)
}

fn merged_environment(mut merged: Vec<String>, spec: &ContainerSpec, image: &ImageDefaults) -> Vec<String> {
    for entry in image.env.iter().chain(&spec.env) {
        let (name, value) = entry.split_once('=').map_or((entry.as_str(), None), |(name, value)| (name, Some(value)));
        merged.retain(|other| other.split('=').next() != Some(name));
        // A name without `=` takes the variable away.
        if value.is_some() {
            merged.push(entry.clone());
        }
    }
    merged
}

/// The process of a container that is about to start; its endpoints must be there.
pub(super) async fn spec(daemon: &Daemon, record: &ContainerRecord) -> Result<ProcessSpec, OpError> {
    let owner = sharing::owner(daemon, record)?;
    let (namespace, image) = {
        let db = daemon.engine.store.read()?;
        (endpoint::namespace(&db, &owner.id)?, image::get(&db, &record.image_id)?)
    };
    let image = image.ok_or_else(|| OpError::NoSuchImage(record.spec.image.clone()))?;
    let defaults = image_defaults(&image)?;
    let args = arguments(&record.spec, &defaults);
    if args.is_empty() {
        return Err(OpError::Invalid(format!(
            "no command specified: neither the request nor image {} names a program",
            record.spec.image
        )));
    }
    let hostname = hostname(&owner, &daemon.host.name);
    let linked = linking::linked(&*daemon.engine.store.read()?, record)?;
    let linked = linking::environment(daemon, record, &linked)?;
    let etc = if owner.id == record.id {
        let Etc { hosts, resolv_conf } = block_in_place(|| etc::files(daemon, &owner))?;
        EtcFiles::Own { hosts, resolv_conf }
    } else {
        EtcFiles::Of(owner.id.clone())
    };
    let first_of = |own: &str, image: &str| if own.is_empty() { image.to_owned() } else { own.to_owned() };
    Ok(ProcessSpec {
        id: record.id.clone(),
        env: environment(&record.spec, &defaults, &hostname, linked),
        console: record.spec.console,
        args,
        working_dir: first_of(&record.spec.working_dir, &defaults.working_dir),
        user: first_of(&record.spec.user, &defaults.user),
        netns: namespace.map(|name| PathBuf::from("/run/netns").join(name.as_str())),
        layers: image.layers.iter().map(|layer| daemon.images.layer_dir(layer)).collect(),
        etc,
        hostname,
        mounts: mounting::ready(daemon, record)?,
        ipc: joined(daemon, &record.spec.settings.ipc, "ipc")?,
        pids: joined(daemon, &record.spec.settings.pids, "pid")?,
        shm: shared_memory(daemon, &record.spec.settings.ipc)?,
        settings: interface_settings::with(daemon, record)?,
        domainname: record.spec.naming.domainname.clone(),
    })
}

/// The file of another container's namespace, when that is to be joined (namespaces(7)).
fn joined(daemon: &Daemon, wanted: &Namespace, kind: &str) -> Result<Option<PathBuf>, OpError> {
    let Namespace::Container(other) = wanted else { return Ok(None) };
    let other = lookup::find(daemon, other)?;
    let pid = other.pid.ok_or_else(|| {
        OpError::Invalid(format!("cannot join the {kind} namespace of container {}: it is not running", other.name))
    })?;
    Ok(Some(PathBuf::from(format!("/proc/{pid}/ns/{kind}"))))
}

fn shared_memory(daemon: &Daemon, ipc: &Namespace) -> Result<Option<PathBuf>, OpError> {
    let Namespace::Container(other) = ipc else { return Ok(None) };
    let other = lookup::find(daemon, other)?;
    if other.spec.settings.ipc != Namespace::Shareable {
        return Err(OpError::Invalid(format!(
            "cannot join IPC of container {}: non-shareable IPC (hint: use --ipc shareable for that container)",
            other.name
        )));
    }
    Ok(Some(daemon.runtime.shared_memory(&other.id)))
}

/// A container's name for itself.
pub fn hostname(record: &ContainerRecord, host: &str) -> String {
    match (&record.spec.hostname, &record.spec.network_mode) {
        (Some(hostname), _) => hostname.clone(),
        (None, _) if record.spec.settings.uts == Namespace::Host => host.to_owned(),
        (None, NetworkMode::Host) => host.to_owned(),
        (None, NetworkMode::None | NetworkMode::Network(_) | NetworkMode::Container(_)) => record.id.short().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use drawbridge_api::Console;

    fn spec_of(entrypoint: Option<&[&str]>, cmd: Option<&[&str]>) -> ContainerSpec {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        ContainerSpec {
            image: "busybox".into(),
            entrypoint: entrypoint.map(words),
            cmd: cmd.map(words),
            env: vec!["B=2".into(), "C=3".into(), "PATH".into()],
            working_dir: String::new(),
            user: String::new(),
            hostname: None,
            labels: Default::default(),
            stop_signal: None,
            stop_timeout_s: None,
            network_mode: NetworkMode::None,
            auto_remove: false,
            exposed_ports: Vec::new(),
            console: Default::default(),
            ports: Vec::new(),
            publish_all: false,
            settings: Default::default(),
            naming: Default::default(),
        }
    }

    fn check_arguments(entrypoint: Option<&[&str]>, cmd: Option<&[&str]>, expected: &[&str]) {
        let image = ImageDefaults { entrypoint: vec!["/e".into()], cmd: vec!["c".into()], ..Default::default() };
        assert_eq!(arguments(&spec_of(entrypoint, cmd), &image), expected, "{entrypoint:?} {cmd:?}");
    }

    #[test]
    fn the_command_is_merged_as_docker_does() {
        check_arguments(None, None, &["/e", "c"]);
        check_arguments(None, Some(&["x", "y"]), &["/e", "x", "y"]);
        check_arguments(Some(&["/f"]), None, &["/f"]);
        check_arguments(Some(&["/f"]), Some(&["x"]), &["/f", "x"]);
        check_arguments(Some(&[""]), Some(&["x"]), &["x"]);
    }

    #[test]
    fn the_environment_is_merged_by_name() {
        let image = ImageDefaults { env: vec!["A=1".into(), "B=1".into()], ..Default::default() };
        assert_eq!(
            environment(&spec_of(None, None), &image, "h", ["A=0".to_owned()]),
            ["HOSTNAME=h", "A=1", "B=2", "C=3"]
        );
        let console = Console { terminal: true, ..Console::default() };
        let in_terminal = ContainerSpec { console, ..spec_of(None, None) };
        assert_eq!(environment(&in_terminal, &image, "h", [])[1], "TERM=xterm");
    }

    #[test]
    fn signals_have_names_and_numbers() {
        for (text, number) in [("SIGTERM", 15), ("kill", 9), ("HUP", 1), ("9", 9), ("SIGSYS", 31), ("SIGUSR2", 12)] {
            assert_eq!(signal(text).unwrap(), number, "{text}");
        }
        for bad in ["", "0", "65", "SIGNOPE", "-9"] {
            assert!(signal(bad).is_err(), "{bad} was taken");
        }
    }
}
