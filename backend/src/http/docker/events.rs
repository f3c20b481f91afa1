//! `/events`: what was done, as Docker tells it. The order of what is told is that of the operations; here are Docker's
//! words for it, and the filters.

use super::{error::DockerError, filters::Filters, times};
use crate::{
    notices::{Access, ContainerDeed, Deed, ImageDeed, Kind, NetworkDeed, Notice, VolumeDeed},
    ops::Daemon,
};
use axum::{
    body::{Body, Bytes},
    extract::{Query, State},
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, convert::Infallible, future, sync::Arc};
use time::OffsetDateTime;
use tokio::sync::broadcast::{Receiver, error::RecvError};

#[derive(Debug, Deserialize)]
pub(super) struct EventsQuery {
    since: Option<String>,
    until: Option<String>,
    filters: Option<String>,
}

/// `GET /events`. The headers go out at once, whether anything was done or not.
pub(super) async fn events(
    State(daemon): State<Arc<Daemon>>,
    Query(query): Query<EventsQuery>,
) -> Result<Response, DockerError> {
    let known = [
        "config",
        "container",
        "daemon",
        "event",
        "image",
        "label",
        "network",
        "node",
        "plugin",
        "scope",
        "secret",
        "service",
        "type",
        "volume",
    ];
    let filters = Filters::parse(query.filters.as_deref(), &known)?;
    let now = OffsetDateTime::now_utc();
    let (since, until) = (times::parse(query.since.as_deref(), now)?, times::parse(query.until.as_deref(), now)?);
    if let (Some(since), Some(until)) = (since, until)
        && since > until
    {
        return Err(DockerError::BadRequest(format!(
            "`since` time ({}) cannot be after `until` time ({})",
            since.unix_timestamp(),
            until.unix_timestamp()
        )));
    }
    let (kept, receiver) = daemon.notices.listen();
    let chosen = move |notice: &Arc<Notice>| {
        let time = i128::from(notice.time_ns);
        let after = since.is_none_or(|since| time >= since.unix_timestamp_nanos());
        after && until.is_none_or(|until| time <= until.unix_timestamp_nanos())
    };
    // Who names no time wants what comes, and nothing of before.
    let past = if since.is_some() || until.is_some() { kept } else { Vec::new() };
    let coming = stream::unfold(receiver, next).take_until(async move {
        match until {
            // In the past it is an end at once.
            Some(until) => {
                tokio::time::sleep((until - OffsetDateTime::now_utc()).try_into().unwrap_or_default()).await;
            }
            None => future::pending().await,
        }
    });
    let lines = stream::iter(past).chain(coming).filter(move |notice| future::ready(chosen(notice))).filter_map(
        move |notice| {
            let told = Told::new(&notice.deed);
            let line = told.passes(&filters).then(|| Bytes::from(format!("{}\n", told.json(notice.time_ns))));
            future::ready(line.map(Ok::<_, Infallible>))
        },
    );
    Ok(([(CONTENT_TYPE, "application/json")], Body::from_stream(lines)).into_response())
}

/// The next notice. A client that is so slow that it has missed some, hears the later ones: as with Docker, memory is
/// bounded and nobody waits for it.
async fn next(mut receiver: Receiver<Arc<Notice>>) -> Option<(Arc<Notice>, Receiver<Arc<Notice>>)> {
    loop {
        match receiver.recv().await {
            Ok(notice) => return Some((notice, receiver)),
            Err(RecvError::Lagged(missed)) => tracing::warn!(missed, "a client reads its events too slowly"),
            Err(RecvError::Closed) => return None,
        }
    }
}

/// A deed in Docker's words.
#[derive(Debug)]
struct Told {
    kind: &'static str,
    action: String,
    id: String,
    attributes: BTreeMap<String, String>,
}

impl Told {
    fn new(deed: &Deed) -> Self {
        let plain = |name: &str| name.to_owned();
        match deed {
            Deed::Container { id, name, image, labels, deed } => {
                let (action, mut attributes) = container(deed);
                attributes.extend(labels.clone());
                attributes.insert("image".into(), image.clone());
                attributes.insert("name".into(), name.clone());
                Self { kind: "container", action, id: id.to_string(), attributes }
            }
            Deed::Network { id, name, driver, deed } => {
                let mut attributes =
                    BTreeMap::from([("name".into(), name.clone()), ("type".into(), plain(driver.as_str()))]);
                let action = match deed {
                    NetworkDeed::Create => "create",
                    NetworkDeed::Connect { container } => {
                        attributes.insert("container".into(), container.to_string());
                        "connect"
                    }
                    NetworkDeed::Disconnect { container } => {
                        attributes.insert("container".into(), container.to_string());
                        "disconnect"
                    }
                    NetworkDeed::Destroy => "destroy",
                };
                Self { kind: "network", action: plain(action), id: id.to_string(), attributes }
            }
            Deed::Image { id, name, labels, deed } => {
                let mut attributes = labels.clone();
                attributes.insert("name".into(), name.clone());
                Self { kind: "image", action: plain(image(*deed)), id: id.clone(), attributes }
            }
            Deed::Volume { name, driver, deed } => {
                let (action, mut attributes) = volume(deed);
                attributes.insert("driver".into(), driver.clone());
                Self { kind: "volume", action: plain(action), id: name.clone(), attributes }
            }
            Deed::Pruned { kind, reclaimed_bytes } => Self {
                kind: match kind {
                    Kind::Container => "container",
                    Kind::Network => "network",
                    Kind::Image => "image",
                    Kind::Volume => "volume",
                    Kind::Builder => "builder",
                },
                action: plain("prune"),
                id: String::new(),
                attributes: BTreeMap::from([("reclaimed".into(), reclaimed_bytes.to_string())]),
            },
        }
    }

    /// Whether the filters let it through (moby, daemon/events/filter.go). A filter by the name of a kind looks at the
    /// thing that something was done to, whatever its kind, and takes beginnings.
    fn passes(&self, filters: &Filters) -> bool {
        let name = self.attributes.get("name").map_or("", String::as_str);
        let begins = |key: &str| filters.any(key, |wanted| self.id.starts_with(wanted) || name.starts_with(wanted));
        let action = self.action.split(':').next().unwrap_or_default();
        let image = match self.kind {
            "container" => self.attributes.get("image").map_or("", String::as_str),
            _ => name,
        };
        let without_tag = |image: &str| match image.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => repository.to_owned(),
            Some(_) | None => image.to_owned(),
        };
        filters.any("type", |wanted| wanted == self.kind)
            && filters.any("event", |wanted| wanted == self.action || wanted == action)
            && filters.any("scope", |wanted| wanted == "local")
            && filters.any("image", |wanted| self.id == wanted || image == wanted || without_tag(image) == wanted)
            && ["container", "network", "volume", "plugin", "service", "node", "secret", "config", "daemon"]
                .into_iter()
                .all(begins)
            && filters.labels(&self.attributes)
    }

    /// With the fields of API 1.21 and before, `status`, `id` and `from`, which clients still read.
    fn json(&self, time_ns: i64) -> Value {
        let mut event = json!({
            "Type": self.kind,
            "Action": self.action,
            "Actor": { "ID": self.id, "Attributes": self.attributes },
            "scope": "local",
            "time": time_ns.div_euclid(1_000_000_000),
            "timeNano": time_ns,
        });
        if matches!(self.kind, "container" | "image") {
            event["status"] = self.action.as_str().into();
            event["id"] = self.id.as_str().into();
        }
        if let ("container", Some(image)) = (self.kind, self.attributes.get("image")) {
            event["from"] = image.as_str().into();
        }
        event
    }
}

fn container(deed: &ContainerDeed) -> (String, BTreeMap<String, String>) {
    fn told<const N: usize>(action: &str, attributes: [(&str, String); N]) -> (String, BTreeMap<String, String>) {
        (action.to_owned(), attributes.map(|(name, value)| (name.to_owned(), value)).into())
    }
    // Docker puts program and arguments together, with a space after the program even when nothing follows.
    let command = |verb: &str, args: &[String]| {
        let (program, rest) = args.split_first().map_or(("", &[][..]), |(program, rest)| (program.as_str(), rest));
        format!("{verb}: {program} {}", rest.join(" "))
    };
    match deed {
        ContainerDeed::Create => told("create", []),
        ContainerDeed::Attach => told("attach", []),
        ContainerDeed::Detach => told("detach", []),
        ContainerDeed::Start => told("start", []),
        ContainerDeed::Restart => told("restart", []),
        ContainerDeed::Kill { signal } => told("kill", [("signal", signal.to_string())]),
        ContainerDeed::Stop => told("stop", []),
        ContainerDeed::Die { exit_code, ran_s } => {
            told("die", [("exitCode", exit_code.to_string()), ("execDuration", ran_s.to_string())])
        }
        ContainerDeed::OutOfMemory => told("oom", []),
        ContainerDeed::Destroy => told("destroy", []),
        ContainerDeed::Rename { old_name } => told("rename", [("oldName", format!("/{old_name}"))]),
        ContainerDeed::Pause => told("pause", []),
        ContainerDeed::Unpause => told("unpause", []),
        ContainerDeed::Update => told("update", []),
        ContainerDeed::Resize(size) => {
            told("resize", [("height", size.rows.to_string()), ("width", size.columns.to_string())])
        }
        ContainerDeed::Top => told("top", []),
        ContainerDeed::Health { status } => told(&format!("health_status: {status}"), []),
        ContainerDeed::CopyIn => told("extract-to-dir", []),
        ContainerDeed::CopyOut => told("archive-path", []),
        ContainerDeed::Export => told("export", []),
        ContainerDeed::Commit { image } => told("commit", [("imageID", image.clone())]),
        ContainerDeed::ExecCreate { exec, args } => told(&command("exec_create", args), [("execID", exec.clone())]),
        ContainerDeed::ExecStart { exec, args } => told(&command("exec_start", args), [("execID", exec.clone())]),
        ContainerDeed::ExecDetach { exec } => told("exec_detach", [("execID", exec.clone())]),
        ContainerDeed::ExecDie { exec, exit_code } => {
            told("exec_die", [("execID", exec.clone()), ("exitCode", exit_code.to_string())])
        }
    }
}

fn image(deed: ImageDeed) -> &'static str {
    match deed {
        ImageDeed::Create => "create",
        ImageDeed::Pull => "pull",
        ImageDeed::Push => "push",
        ImageDeed::Tag => "tag",
        ImageDeed::Untag => "untag",
        ImageDeed::Delete => "delete",
        ImageDeed::Import => "import",
        ImageDeed::Load => "load",
        ImageDeed::Save => "save",
    }
}

fn volume(deed: &VolumeDeed) -> (&'static str, BTreeMap<String, String>) {
    match deed {
        VolumeDeed::Create => ("create", BTreeMap::new()),
        VolumeDeed::Mount { container, destination, access } => {
            let writable = (*access == Access::ReadWrite).to_string();
            let attributes = [
                ("container", container.to_string()),
                ("destination", destination.clone()),
                ("read/write", writable),
                ("propagation", String::new()),
            ];
            ("mount", attributes.map(|(name, value)| (name.to_owned(), value)).into())
        }
        VolumeDeed::Unmount { container } => ("unmount", [("container".to_owned(), container.to_string())].into()),
        VolumeDeed::Destroy => ("destroy", BTreeMap::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use drawbridge_api::{ContainerId, Driver, NetworkId};

    fn told(deed: ContainerDeed) -> Told {
        let id = ContainerId::from_bytes([7; 32]);
        let labels = BTreeMap::from([("tier".to_owned(), "back".to_owned())]);
        Told::new(&Deed::Container { id, name: "web".into(), image: "nginx:1".into(), labels, deed })
    }

    #[test]
    fn an_end_is_told_in_dockers_form() {
        let id = "07".repeat(32);
        let event = told(ContainerDeed::Die { exit_code: 137, ran_s: 18 }).json(1_795_562_403_614_385_846);
        let expected = json!({
            "status": "die", "id": id, "from": "nginx:1", "Type": "container", "Action": "die", "scope": "local",
            "Actor": { "ID": id, "Attributes": {
                "execDuration": "18", "exitCode": "137", "image": "nginx:1", "name": "web", "tier": "back" } },
            "time": 1_795_562_403, "timeNano": 1_795_562_403_614_385_846_i64,
        });
        assert_eq!(event, expected);
    }

    #[test]
    fn commands_and_networks_have_their_words() {
        let start = |args: &[&str]| {
            let args = args.iter().map(|word| (*word).to_owned()).collect();
            told(ContainerDeed::ExecStart { exec: "e".into(), args }).action
        };
        assert_eq!(start(&["true"]), "exec_start: true ");
        assert_eq!(start(&["sh", "-c", "exit 3"]), "exec_start: sh -c exit 3");
        let (id, container) = (NetworkId::from_bytes([1; 32]), ContainerId::from_bytes([2; 32]));
        let deed = NetworkDeed::Connect { container };
        let event = Told::new(&Deed::Network { id, name: "none".into(), driver: Driver::Null, deed }).json(0);
        assert_eq!((&event["Type"], &event["Action"]), (&json!("network"), &json!("connect")));
        let attributes = json!({ "container": "02".repeat(32), "name": "none", "type": "null" });
        assert_eq!(event["Actor"]["Attributes"], attributes);
        assert!(event.get("status").is_none());
    }

    #[test]
    fn filters_choose() {
        for (text, passes) in [
            ("{}", true),
            (r#"{"type":["container"]}"#, true),
            (r#"{"type":["network"]}"#, false),
            (r#"{"event":["exec_create"]}"#, true),
            (r#"{"event":["exec_create: sh -c true"]}"#, true),
            (r#"{"event":["die","start"]}"#, false),
            (r#"{"container":["we"]}"#, true),
            (r#"{"container":["0707"]}"#, true),
            (r#"{"container":["eb"]}"#, false),
            (r#"{"network":["bridge"]}"#, false),
            (r#"{"image":["nginx"]}"#, true),
            (r#"{"image":["nginx:1"]}"#, true),
            (r#"{"image":["ngin"]}"#, false),
            (r#"{"image":["nginx:2"]}"#, false),
            (r#"{"label":["tier=back","name"]}"#, true),
            (r#"{"label":["tier=front"]}"#, false),
            (r#"{"scope":["swarm"]}"#, false),
            (r#"{"type":["container"],"event":["die"]}"#, false),
        ] {
            let filters =
                Filters::parse(Some(text), &["container", "event", "image", "label", "network", "scope", "type"]);
            let args = ["sh", "-c", "true"].map(str::to_owned).to_vec();
            let event = told(ContainerDeed::ExecCreate { exec: "e".into(), args });
            assert_eq!(event.passes(&filters.unwrap()), passes, "{text}");
        }
    }
}
