//! Containers as they are: found by what people type, listed, and told to listeners.

use super::{Daemon, OpError, plain::plain_start};
use crate::{
    model::ContainerRecord,
    store::{Connection, attachment, container, endpoint, port},
};
use drawbridge_api::{Attachment, Container, ContainerId, Endpoint, EventKind, NsName, PublishedPort};
use std::collections::HashMap;

/// The container that a name, an id or the beginning of one means; a leading `/` of a name is left out.
///
/// # Errors
/// `NoSuchContainer`, `Ambiguous`.
pub fn find(daemon: &Daemon, text: &str) -> Result<ContainerRecord, OpError> {
    find_in(&*daemon.engine.store.read()?, text)
}

pub(super) fn find_in(db: &Connection, text: &str) -> Result<ContainerRecord, OpError> {
    let ids = container::resolve(db, text.strip_prefix('/').unwrap_or(text))?;
    let id = match ids.as_slice() {
        [] => return Err(OpError::NoSuchContainer(text.to_owned())),
        [id] => id,
        several => {
            return Err(OpError::Ambiguous { kind: "container", text: text.to_owned(), count: several.len() });
        }
    };
    container::get(db, id)?.ok_or_else(|| OpError::NoSuchContainer(text.to_owned()))
}

/// A container as it is now.
///
/// # Errors
/// `NoSuchContainer`.
pub(super) fn get(daemon: &Daemon, id: &ContainerId) -> Result<ContainerRecord, OpError> {
    let db = daemon.engine.store.read()?;
    container::get(&db, id)?.ok_or_else(|| OpError::NoSuchContainer(id.to_string()))
}

/// All containers with their endpoints, oldest first.
///
/// # Errors
/// When the store fails.
pub fn list(daemon: &Daemon) -> Result<Vec<(ContainerRecord, Container)>, OpError> {
    let db = daemon.engine.store.read()?;
    views(&db, container::list(&db)?, attachment::list(&db)?)
}

/// Those of [`list`] that run, or are about to be started again.
///
/// # Errors
/// When the store fails.
pub(super) fn list_up(daemon: &Daemon) -> Result<Vec<(ContainerRecord, Container)>, OpError> {
    let db = daemon.engine.store.read()?;
    views(&db, container::list_up(&db)?, attachment::list_up(&db)?)
}

/// Containers with what the other tables say of them, each of which is read once.
fn views(
    db: &Connection,
    records: Vec<ContainerRecord>,
    attached: Vec<(ContainerId, Attachment)>,
) -> Result<Vec<(ContainerRecord, Container)>, OpError> {
    let mut namespaces: HashMap<_, _> = endpoint::namespaces(db)?.into_iter().collect();
    let mut endpoints: HashMap<ContainerId, Vec<_>> = HashMap::new();
    for (id, endpoint) in endpoint::list(db)? {
        endpoints.entry(id).or_default().push(endpoint);
    }
    let mut attachments: HashMap<ContainerId, Vec<_>> = HashMap::new();
    for (id, attachment) in attached {
        attachments.entry(id).or_default().push(attachment);
    }
    let mut ports: HashMap<ContainerId, Vec<_>> = HashMap::new();
    for (id, port) in port::list(db)? {
        ports.entry(id).or_default().push(port);
    }
    Ok(records
        .into_iter()
        .map(|record| {
            let parts = Parts {
                namespace: namespaces.remove(&record.id),
                attachments: attachments.remove(&record.id).unwrap_or_default(),
                endpoints: endpoints.remove(&record.id).unwrap_or_default(),
                ports: ports.remove(&record.id).unwrap_or_default(),
            };
            let seen = view_of(&record, parts);
            (record, seen)
        })
        .collect())
}

/// A container with its endpoints, as the panel sees it.
///
/// # Errors
/// When the store fails.
pub fn view(daemon: &Daemon, record: &ContainerRecord) -> Result<Container, OpError> {
    let db = daemon.engine.store.read()?;
    let parts = Parts {
        namespace: endpoint::namespace(&db, &record.id)?,
        attachments: attachment::of_container(&db, &record.id)?,
        endpoints: endpoint::of_container(&db, &record.id)?,
        ports: port::of_container(&db, &record.id)?,
    };
    Ok(view_of(record, parts))
}

/// What rows of other tables say of a container.
struct Parts {
    namespace: Option<NsName>,
    attachments: Vec<Attachment>,
    endpoints: Vec<Endpoint>,
    ports: Vec<PublishedPort>,
}

fn view_of(record: &ContainerRecord, parts: Parts) -> Container {
    let Parts { namespace, attachments, endpoints, ports } = parts;
    let spec = &record.spec;
    Container {
        id: record.id.clone(),
        name: record.name.clone(),
        image: spec.image.clone(),
        image_id: record.image_id.clone(),
        command: spec.entrypoint.iter().chain(&spec.cmd).flatten().cloned().collect(),
        network_mode: spec.network_mode.clone(),
        attachments,
        state: record.state,
        paused: record.life.paused,
        restarting: record.life.restart_at_ms.is_some(),
        health: record.life.health.as_ref().map(|health| health.status.as_str().to_owned()),
        pid: record.pid,
        exit_code: record.exit_code,
        error: plain_start(&record.error),
        auto_remove: spec.auto_remove,
        labels: spec.labels.clone(),
        namespace,
        endpoints,
        port_requests: spec.ports.clone(),
        ports,
        created_at_ms: record.created_at_ms,
        started_at_ms: record.started_at_ms,
        finished_at_ms: record.finished_at_ms,
    }
}

/// Tells listeners how a container is now.
pub(super) fn publish(daemon: &Daemon, id: &ContainerId) -> Result<(), OpError> {
    daemon.publish(|| Ok(EventKind::Container(view(daemon, &get(daemon, id)?)?)))
}
