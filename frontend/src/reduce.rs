//! The live state and the one function that writes it: `reduce`. Pure; what talks to the daemon is `live.rs`.

use drawbridge_api::{Change, Container, Event, EventKind, Found, Host, Image, Network};
use serde::Deserialize;
use std::sync::Arc;

/// As many changes as are kept in memory. One is some 5 KB with its steps; older ones are read from the daemon again.
const CHANGES_KEPT: usize = 1000;

/// Everything the panel knows. Each thing stands behind an `Arc`, so that pages copy and compare it at no cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// The run of the daemon that `sequence` counts in.
    pub run: String,
    /// The last event that is contained.
    pub sequence: u64,
    /// The machine.
    pub host: Arc<Host>,
    /// All networks, oldest first.
    pub networks: Vec<Arc<Network>>,
    /// All containers, oldest first.
    pub containers: Vec<Arc<Container>>,
    /// All images.
    pub images: Vec<Arc<Image>>,
    /// The latest changes, newest first.
    pub changes: Vec<Arc<Change>>,
    /// What others have made on the machine.
    pub found: Arc<Found>,
    /// Whether all of it is known, and not only what the topology is drawn of.
    pub is_whole: bool,
}

/// What the topology is drawn of: the part of the daemon's `Snapshot` that is read before all else.
#[derive(Debug, Deserialize)]
pub struct First {
    sequence: u64,
    run: String,
    host: Host,
    networks: Vec<Network>,
    containers: Vec<Container>,
    found: Found,
}

/// What else is in it: read by what comes when the first page is there.
#[derive(Debug, Deserialize)]
pub struct Rest {
    images: Vec<Image>,
    changes: Vec<Change>,
}

impl Live {
    /// The beginning of a snapshot. What is not read yet is as it was before.
    pub fn begin(first: First, before: Option<Self>) -> Self {
        let (images, changes, is_whole) =
            before.map(|live| (live.images, live.changes, live.is_whole)).unwrap_or_default();
        Self {
            run: first.run,
            sequence: first.sequence,
            host: Arc::new(first.host),
            networks: first.networks.into_iter().map(Arc::new).collect(),
            containers: first.containers.into_iter().map(Arc::new).collect(),
            images,
            changes,
            found: Arc::new(first.found),
            is_whole,
        }
    }

    /// The rest of it.
    pub fn complete(&mut self, rest: Rest) {
        self.images = rest.images.into_iter().map(Arc::new).collect();
        self.changes = rest.changes.into_iter().map(Arc::new).collect();
        self.is_whole = true;
    }
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduced {
    /// It was the next one and is contained now.
    Applied,
    /// It was contained already.
    Known,
    /// Events before it are missing: nothing was written, a new snapshot is due.
    Gap,
}

/// Writes one event into the live state.
pub fn reduce(live: &mut Live, event: Event) -> Reduced {
    if event.sequence <= live.sequence {
        return Reduced::Known;
    }
    if event.sequence != live.sequence + 1 {
        return Reduced::Gap;
    }
    live.sequence = event.sequence;
    match event.kind {
        EventKind::Network(network) => put(&mut live.networks, network, |a, b| a.id == b.id),
        EventKind::NetworkRemoved(id) => live.networks.retain(|network| network.id != id),
        EventKind::Container(container) => put(&mut live.containers, container, |a, b| a.id == b.id),
        EventKind::ContainerRemoved(id) => live.containers.retain(|container| container.id != id),
        EventKind::Found(found) => live.found = Arc::new(found),
        EventKind::Image(image) => put(&mut live.images, image, |a, b| a.id == b.id),
        EventKind::ImageRemoved(id) => live.images.retain(|image| image.id != id),
        EventKind::Change(change) => {
            match live.changes.iter_mut().find(|kept| kept.id == change.id) {
                Some(kept) => *kept = Arc::new(change),
                None => {
                    let place = live.changes.partition_point(|kept| kept.id > change.id);
                    live.changes.insert(place, Arc::new(change));
                }
            }
            live.changes.truncate(CHANGES_KEPT);
        }
    }
    Reduced::Applied
}

/// Replaces a thing where it stands, or adds it behind the others: order of creation is kept.
fn put<T>(things: &mut Vec<Arc<T>>, thing: T, same: impl Fn(&T, &T) -> bool) {
    match things.iter_mut().find(|kept| same(kept, &thing)) {
        Some(kept) => *kept = Arc::new(thing),
        None => things.push(Arc::new(thing)),
    }
}

/// Whether a container belongs to a network: it is in it whenever it runs.
pub fn is_member(container: &Container, network: &Network) -> bool {
    container.attachments.iter().any(|attachment| attachment.network == network.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use drawbridge_api::{ChangeState, ContainerState, Snapshot};

    fn event(sequence: u64, kind: EventKind) -> Event {
        Event { sequence, time_ms: 0, kind }
    }

    #[test]
    fn a_snapshot_is_read_in_two_halves() {
        let whole = sample::live(1, 2);
        let snapshot = Snapshot {
            sequence: 7,
            run: "a".into(),
            host: (*whole.host).clone(),
            networks: whole.networks.iter().map(|network| (**network).clone()).collect(),
            containers: whole.containers.iter().map(|container| (**container).clone()).collect(),
            images: Vec::new(),
            changes: vec![sample::change(3)],
            found: Found::default(),
        };
        let text = serde_json::to_string(&snapshot).unwrap();
        let mut live = Live::begin(serde_json::from_str(&text).unwrap(), None);
        assert_eq!((live.sequence, live.containers.len(), live.is_whole), (7, 2, false));
        live.complete(serde_json::from_str(&text).unwrap());
        assert_eq!((live.changes.len(), live.is_whole), (1, true));
        // What is not read again yet does not go.
        assert_eq!(Live::begin(serde_json::from_str(&text).unwrap(), Some(live)).changes.len(), 1);
    }

    #[test]
    fn events_apply_in_order_and_once() {
        let mut live = sample::live(1, 2);
        let added = sample::container(3, 1);
        assert_eq!(reduce(&mut live, event(1, EventKind::Container(added.clone()))), Reduced::Applied);
        assert_eq!(live.containers.len(), 3);
        assert_eq!(live.containers[2].name, added.name, "a new container stands behind the others");
        let before = live.clone();
        assert_eq!(reduce(&mut live, event(1, EventKind::ContainerRemoved(added.id))), Reduced::Known);
        assert_eq!(live, before, "a known event writes nothing");
    }

    #[test]
    fn ports_come_and_go_with_their_container() {
        let mut live = sample::live(1, 2);
        let publishing = sample::publishing(sample::container(1, 1), 3);
        assert_eq!(reduce(&mut live, event(1, EventKind::Container(publishing.clone()))), Reduced::Applied);
        assert_eq!(*live.containers[0], publishing, "the container is replaced where it stands");
        assert_eq!(live.containers.len(), 2);
        let bare = sample::container(1, 1);
        assert_eq!(reduce(&mut live, event(2, EventKind::Container(bare))), Reduced::Applied);
        assert!(live.containers[0].ports.is_empty() && live.containers[0].port_requests.is_empty());
    }

    #[test]
    fn a_gap_writes_nothing() {
        let mut live = sample::live(1, 1);
        let before = live.clone();
        let removed = EventKind::ContainerRemoved(live.containers[0].id.clone());
        assert_eq!(reduce(&mut live, event(2, removed)), Reduced::Gap);
        assert_eq!(live, before);
    }

    #[test]
    fn a_changed_thing_keeps_its_place() {
        let mut live = sample::live(2, 3);
        let mut stopped = (*live.containers[0]).clone();
        stopped.state = ContainerState::Exited;
        reduce(&mut live, event(1, EventKind::Container(stopped.clone())));
        assert_eq!(*live.containers[0], stopped);
        let mut network = (*live.networks[0]).clone();
        network.mtu = 9000;
        reduce(&mut live, event(2, EventKind::Network(network.clone())));
        assert_eq!(*live.networks[0], network);
    }

    #[test]
    fn things_leave() {
        let mut live = sample::live(2, 2);
        let (container, network) = (live.containers[0].id.clone(), live.networks[1].id.clone());
        reduce(&mut live, event(1, EventKind::ContainerRemoved(container.clone())));
        reduce(&mut live, event(2, EventKind::NetworkRemoved(network.clone())));
        assert!(live.containers.iter().all(|kept| kept.id != container));
        assert!(live.networks.iter().all(|kept| kept.id != network));
    }

    #[test]
    fn changes_stand_newest_first_and_are_bounded() {
        let mut live = sample::live(1, 0);
        for id in 1..=(CHANGES_KEPT as i64 + 5) {
            reduce(&mut live, event(id as u64, EventKind::Change(sample::change(id))));
        }
        assert_eq!(live.changes.len(), CHANGES_KEPT);
        assert!(live.changes.is_sorted_by(|a, b| a.id > b.id));
        let mut settled = sample::change(500);
        settled.state = ChangeState::Failed;
        let next = live.sequence + 1;
        reduce(&mut live, event(next, EventKind::Change(settled)));
        assert_eq!(live.changes.len(), CHANGES_KEPT);
        assert!(live.changes.iter().any(|kept| kept.id == 500 && kept.state == ChangeState::Failed));
    }

    #[test]
    fn a_stopped_container_stays_with_its_network() {
        let live = sample::live(2, 1);
        let mut container = (*live.containers[0]).clone();
        assert!(is_member(&container, &live.networks[0]));
        assert!(!is_member(&container, &live.networks[1]));
        container.endpoints.clear();
        assert!(is_member(&container, &live.networks[0]));
        container.attachments.clear();
        assert!(!is_member(&container, &live.networks[0]));
    }
}
