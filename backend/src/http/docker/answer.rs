//! What Docker clients read: our own values, since clients index fields that libraries leave out when empty. Nulls, empty
//! lists and zero times are where Docker 28 has them.

use super::{
    endpoint::{self, Joined, Names, mode_word},
    host_config, life, ports,
};
use crate::{life::HealthStatus, model::ContainerRecord};
use drawbridge_api::{Container, ContainerId, ContainerState, Input, Network};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A time that Go prints for one that was never set.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// RFC 3339 with the fraction that is there.
pub(super) fn rfc3339(ms: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000);
    time.ok().and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_else(|| NEVER.to_owned())
}

fn rfc3339_or_never(ms: Option<i64>) -> String {
    ms.map_or_else(|| NEVER.to_owned(), rfc3339)
}

/// One row of `GET /containers/json`. A list has a thousand of them, so they are written as they are, without a tree of
/// values between.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ContainerRow<'a> {
    id: &'a ContainerId,
    /// Its own name, and what those call it that link to it.
    names: Vec<String>,
    image: &'a str,
    #[serde(rename = "ImageID")]
    image_id: String,
    command: String,
    created: i64,
    ports: Vec<Value>,
    labels: &'a BTreeMap<String, String>,
    state: &'static str,
    status: String,
    host_config: RowHostConfig,
    network_settings: RowNetworks<'a>,
    mounts: Value,
    /// What it has written, and that with its image, in bytes; only where it was asked for.
    #[serde(flatten)]
    pub(super) sizes: Option<Sizes>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RowHostConfig {
    network_mode: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RowNetworks<'a> {
    networks: BTreeMap<&'a str, Joined<'a>>,
}

/// What a container has written, and that with its image, in bytes.
#[derive(Serialize)]
pub(super) struct Sizes {
    #[serde(rename = "SizeRw")]
    pub(super) written: u64,
    #[serde(rename = "SizeRootFs")]
    pub(super) whole: u64,
}

/// What the rows of a list need to know of others.
pub(super) struct Known {
    /// All networks.
    pub(super) networks: Vec<Network>,
    /// What others call each container that is linked to.
    pub(super) names: HashMap<ContainerId, Vec<String>>,
    /// The time that ages are told from.
    pub(super) now_ms: i64,
}

/// The row of a container.
pub(super) fn container_row<'a>(
    record: &'a ContainerRecord,
    seen: &'a Container,
    args: &[String],
    known: &'a Known,
    mounts: Value,
) -> ContainerRow<'a> {
    let own = format!("/{}", record.name);
    ContainerRow {
        id: &record.id,
        names: std::iter::once(own).chain(known.names.get(&record.id).into_iter().flatten().cloned()).collect(),
        image: &record.spec.image,
        image_id: format!("sha256:{}", record.image_id),
        command: command_line(args),
        created: record.created_at_ms / 1000,
        ports: ports::port_list(&record.spec, seen),
        labels: &record.spec.labels,
        state: state_word(record),
        status: status(record, known.now_ms),
        host_config: RowHostConfig { network_mode: mode_word(&record.spec.network_mode) },
        network_settings: RowNetworks { networks: endpoint::networks(record, seen, &known.networks, Names::LeftOut) },
        mounts,
        sizes: None,
    }
}

/// Program and arguments as one text; Docker puts a word with white space in it between quotes.
fn command_line(args: &[String]) -> String {
    let quoted = |word: &String| {
        if word.contains(char::is_whitespace) { format!("'{word}'") } else { word.clone() }
    };
    args.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// `Up 3 seconds`, `Exited (0) 2 minutes ago`, `Created`: made here, printed as it is by clients.
fn status(record: &ContainerRecord, now_ms: i64) -> String {
    let since = |ms: Option<i64>| ago((now_ms - ms.unwrap_or(now_ms)) / 1000);
    let life = &record.life;
    match record.state {
        ContainerState::Created => "Created".to_owned(),
        ContainerState::Running if life.paused => format!("Up {} (Paused)", since(record.started_at_ms)),
        ContainerState::Running => {
            let health = match life.health.as_ref().map(|health| health.status) {
                None => "",
                Some(HealthStatus::Starting) => " (health: starting)",
                Some(HealthStatus::Healthy) => " (healthy)",
                Some(HealthStatus::Unhealthy) => " (unhealthy)",
            };
            format!("Up {}{health}", since(record.started_at_ms))
        }
        ContainerState::Exited => {
            let word = if life.restart_at_ms.is_some() { "Restarting" } else { "Exited" };
            format!("{word} ({}) {} ago", record.exit_code, since(record.finished_at_ms))
        }
    }
}

/// The word for where a container is in its life.
pub(super) fn state_word(record: &ContainerRecord) -> &'static str {
    match record.state {
        ContainerState::Running if record.life.paused => "paused",
        ContainerState::Exited if record.life.restart_at_ms.is_some() => "restarting",
        state @ (ContainerState::Created | ContainerState::Running | ContainerState::Exited) => state.as_str(),
    }
}

/// A duration as people say it, with Docker's steps (docker/go-units `HumanDuration`).
fn ago(seconds: i64) -> String {
    let minutes = seconds / 60;
    let hours = (seconds + 1800) / 3600;
    match seconds {
        ..1 => "Less than a second".to_owned(),
        1 => "1 second".to_owned(),
        2..60 => format!("{seconds} seconds"),
        _ if minutes == 1 => "About a minute".to_owned(),
        _ if minutes < 60 => format!("{minutes} minutes"),
        _ if hours == 1 => "About an hour".to_owned(),
        _ if hours < 48 => format!("{hours} hours"),
        _ if hours < 24 * 7 * 2 => format!("{} days", hours / 24),
        _ if hours < 24 * 30 * 2 => format!("{} weeks", hours / 24 / 7),
        _ if hours < 24 * 365 * 2 => format!("{} months", hours / 24 / 30),
        _ => format!("{} years", hours / 24 / 365),
    }
}

/// What inspect needs beside the container itself.
pub(super) struct Details<'a> {
    /// Program and arguments.
    pub(super) args: &'a [String],
    /// The whole environment.
    pub(super) env: &'a [String],
    /// The name it has for itself.
    pub(super) hostname: &'a str,
    /// The image's own entrypoint, shown when the request set none.
    pub(super) entrypoint: Option<&'a [String]>,
    /// The image's own command, likewise.
    pub(super) cmd: Option<&'a [String]>,
    /// The signal that asks it to end, when it or its image names one.
    pub(super) stop_signal: Option<&'a str>,
    /// Places that are volumes, its own and its image's.
    pub(super) volumes: &'a [String],
    /// What is mounted into it.
    pub(super) mounts: Value,
    /// Where its files are.
    pub(super) files: &'a std::path::Path,
    /// Where the files of its `/etc` are: with who has its namespace.
    pub(super) etc: &'a std::path::Path,
    /// The OCI runtime's name.
    pub(super) runtime: &'a str,
    /// Whose view of the cgroups a container has by default: `host` or `private`.
    pub(super) cgroups: &'a str,
    /// The ids of its commands that have not ended.
    pub(super) execs: &'a [String],
}

/// `GET /containers/{id}/json`.
pub(super) fn container(record: &ContainerRecord, seen: &Container, known: &[Network], details: &Details<'_>) -> Value {
    let spec = &record.spec;
    let running = record.state == ContainerState::Running;
    let restarting = record.life.restart_at_ms.is_some();
    let (path, args) = details.args.split_first().map_or(("", &[][..]), |(path, args)| (path.as_str(), args));
    let etc = |name: &str| details.etc.join(name);
    let exposed = ports::exposed_ports(spec);
    // One empty word only takes the image's away.
    let entrypoint = spec.entrypoint.as_deref().or(details.entrypoint).filter(|words| words != &[""]);
    let mut shown = json!({
        "Id": record.id,
        "Created": rfc3339(record.created_at_ms),
        "Path": path,
        "Args": args,
        "State": {
            "Status": state_word(record),
            "Running": running || restarting,
            "Paused": record.life.paused,
            "Restarting": restarting,
            "OOMKilled": record.life.oom_killed,
            "Dead": false,
            "Pid": record.pid.unwrap_or(0),
            "ExitCode": record.exit_code,
            "Error": record.error,
            "StartedAt": rfc3339_or_never(record.started_at_ms),
            "FinishedAt": rfc3339_or_never(record.finished_at_ms),
        },
        "Image": format!("sha256:{}", record.image_id),
        "ResolvConfPath": etc("resolv.conf"),
        "HostnamePath": etc("hostname"),
        "HostsPath": etc("hosts"),
        "LogPath": if spec.settings.log.unread { json!("") } else { json!(details.files.join("log")) },
        "Name": format!("/{}", record.name),
        "RestartCount": record.life.restart_count,
        "Driver": "overlay2",
        "Platform": "linux",
        "MountLabel": "",
        "ProcessLabel": "",
        "AppArmorProfile": "",
        "ExecIDs": if details.execs.is_empty() { Value::Null } else { json!(details.execs) },
        "HostConfig": host_config::shown(
            record,
            &host_config::Given {
                network_mode: &mode_word(&spec.network_mode),
                runtime: details.runtime,
                cgroups: details.cgroups,
            },
        ),
        "GraphDriver": { "Data": null, "Name": "overlay2" },
        "Mounts": details.mounts,
        "Config": {
            "Hostname": details.hostname,
            "Domainname": spec.naming.domainname,
            "User": spec.user,
            "AttachStdin": spec.settings.attach.stdin,
            "AttachStdout": spec.settings.attach.stdout,
            "AttachStderr": spec.settings.attach.stderr,
            "ExposedPorts": if exposed.is_empty() { Value::Null } else { Value::Object(exposed) },
            "Tty": spec.console.terminal,
            "OpenStdin": spec.console.input != Input::Closed,
            "StdinOnce": spec.console.input == Input::Once,
            "Env": details.env,
            "Cmd": spec.cmd.as_deref().or(details.cmd),
            "Image": spec.image,
            "Volumes": volumes_of(details.volumes),
            "WorkingDir": spec.working_dir,
            "Entrypoint": entrypoint,
            "OnBuild": null,
            "Labels": spec.labels,
        },
        "NetworkSettings": endpoint::network_settings(record, seen, known),
    });
    // These are left out when nothing was said, unlike all others.
    if let Some(signal) = details.stop_signal {
        shown["Config"]["StopSignal"] = signal.into();
    }
    if let Some(seconds) = spec.stop_timeout_s {
        shown["Config"]["StopTimeout"] = seconds.into();
    }
    if let Some(check) = &spec.settings.health {
        shown["Config"]["Healthcheck"] = life::shown_check(check);
    }
    if let Some(health) = &record.life.health {
        shown["State"]["Health"] = life::shown_health(health);
    }
    shown
}

/// A set, as Go writes one.
fn volumes_of(places: &[String]) -> Value {
    if places.is_empty() { Value::Null } else { places.iter().map(|place| (place.clone(), json!({}))).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_dockers_do() {
        for (seconds, text) in [
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "About a minute"),
            (150, "2 minutes"),
            (3600, "About an hour"),
            (2 * 3600, "2 hours"),
            (3 * 86_400, "3 days"),
            (30 * 86_400, "4 weeks"),
            (100 * 86_400, "3 months"),
            (800 * 86_400, "2 years"),
        ] {
            assert_eq!(ago(seconds), text);
        }
    }

    #[test]
    fn times_are_rfc_3339() {
        assert_eq!(rfc3339(1_795_562_403_912), "2026-11-24T23:20:03.912Z");
        assert_eq!(rfc3339_or_never(None), NEVER);
    }
}
