//! The filters of `GET /containers/json`.

use super::{
    answer::state_word,
    endpoint::mode_word,
    error::DockerError,
    filters::{Filters, name_matches},
    ports,
};
use crate::{
    model::{ContainerRecord, ImageRecord},
    mounts::{Mount, MountKind},
    ops::{Daemon, OpError, container, image},
};
use drawbridge_api::{Container, ContainerState, Driver, ImageId, Network};
use std::{collections::HashMap, path::Path};

const KNOWN: [&str; 15] = [
    "ancestor",
    "before",
    "exited",
    "expose",
    "health",
    "id",
    "is-task",
    "isolation",
    "label",
    "name",
    "network",
    "publish",
    "since",
    "status",
    "volume",
];
const STATES: [&str; 7] = ["created", "restarting", "running", "removing", "paused", "exited", "dead"];
const HEALTHS: [&str; 4] = ["none", "starting", "healthy", "unhealthy"];

/// Which containers are listed where no filter says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listed {
    /// Those that run.
    Running,
    /// All.
    All,
}

/// Which containers are wanted.
pub(super) struct Choice {
    filters: Filters,
    /// Containers that do not run too.
    pub(super) all: bool,
    before: Option<(i64, ContainerRecord)>,
    since: Option<(i64, ContainerRecord)>,
    /// The layers of each image, and the images that `ancestor` means.
    images: HashMap<ImageId, Vec<String>>,
    ancestors: Vec<ImageRecord>,
}

impl Choice {
    /// Reads them.
    ///
    /// # Errors
    /// For a filter or value that is not known; `NoSuchContainer` for one that others are to be older or newer than.
    pub(super) fn parse(daemon: &Daemon, text: Option<&str>, listed: Listed) -> Result<Self, DockerError> {
        let filters = Filters::parse(text, &KNOWN)?;
        filters.check("status", |value| STATES.contains(&value))?;
        filters.check("health", |value| HEALTHS.contains(&value))?;
        filters.check("exited", |value| value.parse::<i32>().is_ok())?;
        filters.check("publish", |value| port_range(value).is_some())?;
        filters.check("expose", |value| port_range(value).is_some())?;
        let other = |key: &str| -> Result<Option<(i64, ContainerRecord)>, OpError> {
            let Some(text) = filters.only(key) else { return Ok(None) };
            let record = container::find(daemon, text)?;
            Ok(Some((record.created_at_ms, record)))
        };
        let (before, since) = (other("before")?, other("since")?);
        let (images, ancestors) = if filters.has("ancestor") { lineage(daemon, &filters)? } else { Default::default() };
        let all = listed == Listed::All || filters.has("status") || filters.has("exited");
        Ok(Self { filters, all, before, since, images, ancestors })
    }

    /// Whether a container is wanted.
    pub(super) fn takes(&self, record: &ContainerRecord, seen: &Container, networks: &[Network]) -> bool {
        let filters = &self.filters;
        let is_up = record.state == ContainerState::Running || record.life.restart_at_ms.is_some();
        let health = record.life.health.as_ref().map_or("none", |health| health.status.as_str());
        let is_before = |(created_at_ms, other): &(i64, ContainerRecord)| {
            record.created_at_ms < *created_at_ms && record.id != other.id
        };
        let is_since = |(created_at_ms, other): &(i64, ContainerRecord)| {
            record.created_at_ms > *created_at_ms && record.id != other.id
        };
        (self.all || is_up)
            && self.before.as_ref().is_none_or(is_before)
            && self.since.as_ref().is_none_or(is_since)
            && filters.any("id", |id| record.id.as_str().starts_with(id))
            && filters.any("name", |name| name_matches(name, record.name.as_str()))
            && filters.any("status", |status| state_word(record) == status)
            && filters.any("health", |wanted| health == wanted)
            && filters.any("exited", |code| record.started_at_ms.is_some() && !is_up && code.parse() == Ok(record.exit_code))
            && filters.any("ancestor", |wanted| self.descends(record, wanted))
            && filters.any("network", |wanted| is_in(record, seen, networks, wanted))
            && filters.any("volume", |wanted| {
                record.spec.settings.mounts.iter().any(|mount| is_of(mount, wanted))
            })
            && filters.any("publish", |wanted| has_port(record, seen, "PublicPort", wanted))
            && filters.any("expose", |wanted| has_port(record, seen, "PrivatePort", wanted))
            // Tasks are swarm's.
            && filters.any("is-task", |wanted| matches!(wanted, "0" | "false"))
            && filters.labels(&record.spec.labels)
    }

    /// Whether a container's image is the wanted one, or is made of it: its layers begin with that one's.
    fn descends(&self, record: &ContainerRecord, wanted: &str) -> bool {
        let layers = self.images.get(&record.image_id);
        record.spec.image == wanted
            || self.ancestors.iter().any(|ancestor| {
                ancestor.id == record.image_id || layers.is_some_and(|layers| layers.starts_with(&ancestor.layers))
            })
    }
}

type Lineage = (HashMap<ImageId, Vec<String>>, Vec<ImageRecord>);

fn lineage(daemon: &Daemon, filters: &Filters) -> Result<Lineage, OpError> {
    let images = image::list(daemon)?.into_iter().map(|image| (image.id, image.layers)).collect();
    let found = filters.values("ancestor").filter_map(|text| match image::find(daemon, text) {
        Ok(image) => Some(Ok(image)),
        // No container is of an image that isn't there.
        Err(OpError::NoSuchImage(_) | OpError::Invalid(_) | OpError::Ambiguous { .. }) => None,
        Err(error) => Some(Err(error)),
    });
    Ok((images, found.collect::<Result<_, _>>()?))
}

fn is_in(record: &ContainerRecord, seen: &Container, networks: &[Network], wanted: &str) -> bool {
    let is_joined = |network: &Network| {
        (mode_word(&record.spec.network_mode) == network.name.as_str() && network.driver != Driver::Bridge)
            || seen.attachments.iter().any(|attachment| attachment.network == network.name)
    };
    let is_wanted = |network: &Network| network.name.as_str() == wanted || network.id.as_str().starts_with(wanted);
    networks.iter().any(|network| is_wanted(network) && is_joined(network))
}

/// Whether a mount is meant by a volume's name or by its place.
fn is_of(mount: &Mount, wanted: &str) -> bool {
    let is_named = match &mount.kind {
        MountKind::Volume { name, .. } => name == wanted,
        MountKind::Bind { source, .. } => source == Path::new(wanted),
        MountKind::Memory { .. } => false,
    };
    is_named || mount.target == Path::new(wanted)
}

fn has_port(record: &ContainerRecord, seen: &Container, key: &str, wanted: &str) -> bool {
    let Some((first, last, protocol)) = port_range(wanted) else { return false };
    ports::port_list(&record.spec, seen).iter().any(|port| {
        let number = port.get(key).and_then(serde_json::Value::as_u64);
        number.is_some_and(|number| (first..=last).contains(&number)) && port["Type"] == protocol
    })
}

/// `80`, `80/udp`, `8000-8010/tcp`.
fn port_range(text: &str) -> Option<(u64, u64, &str)> {
    let (range, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let (first, last) = (first.parse::<u16>().ok()?, last.parse::<u16>().ok()?);
    let is_known = matches!(protocol, "tcp" | "udp" | "sctp");
    (is_known && first <= last).then_some((u64::from(first), u64::from(last), protocol))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_come_alone_and_in_ranges() {
        assert_eq!(port_range("80"), Some((80, 80, "tcp")));
        assert_eq!(port_range("80-90/udp"), Some((80, 90, "udp")));
        assert_eq!([port_range("x"), port_range("9-8"), port_range("80/icmp")], [None, None, None]);
    }
}
