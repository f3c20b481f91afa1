//! Containers as they are: found by what people type, listed, and told to listeners.

use super::{Daemon, OpError};
use crate::{
    clock,
    model::ContainerRecord,
    store::{container, endpoint},
};
use drawbridge_api::{Container, ContainerId, EventKind};
use std::collections::HashMap;

/// The container that a name, an id or the beginning of one means; a leading `/` of a name is left out.
///
/// # Errors
/// `NoSuchContainer`, `Ambiguous`.
pub async fn find(daemon: &Daemon, text: &str) -> Result<ContainerRecord, OpError> {
    let mut db = daemon.engine.store.read().await?;
    let ids = container::resolve(&mut db, text.strip_prefix('/').unwrap_or(text)).await?;
    let id = match ids.as_slice() {
        [] => return Err(OpError::NoSuchContainer(text.to_owned())),
        [id] => id,
        several => {
            return Err(OpError::Ambiguous { kind: "container", text: text.to_owned(), count: several.len() });
        }
    };
    container::get(&mut db, id).await?.ok_or_else(|| OpError::NoSuchContainer(text.to_owned()))
}

/// A container as it is now. The connection is given back before this returns: one that is still held while an operation
/// goes on to ask for another would, with enough operations at once, leave none for anybody.
pub(super) async fn get(daemon: &Daemon, id: &ContainerId) -> Result<ContainerRecord, OpError> {
    let mut db = daemon.engine.store.read().await?;
    container::get(&mut db, id).await?.ok_or_else(|| OpError::NoSuchContainer(id.to_string()))
}

/// All containers with their endpoints, oldest first.
///
/// # Errors
/// When the store fails.
pub async fn list(daemon: &Daemon) -> Result<Vec<(ContainerRecord, Container)>, OpError> {
    let mut db = daemon.engine.store.read().await?;
    let mut namespaces: HashMap<_, _> = endpoint::namespaces(&mut db).await?.into_iter().collect();
    let mut endpoints: HashMap<ContainerId, Vec<_>> = HashMap::new();
    for (id, endpoint) in endpoint::list(&mut db).await? {
        endpoints.entry(id).or_default().push(endpoint);
    }
    let records = container::list(&mut db).await?;
    Ok(records
        .into_iter()
        .map(|record| {
            let namespace = namespaces.remove(&record.id);
            let endpoints = endpoints.remove(&record.id).unwrap_or_default();
            let seen = view_of(&record, namespace, endpoints);
            (record, seen)
        })
        .collect())
}

/// A container with its endpoints, as the panel sees it.
///
/// # Errors
/// When the store fails.
pub async fn view(daemon: &Daemon, record: &ContainerRecord) -> Result<Container, OpError> {
    let mut db = daemon.engine.store.read().await?;
    let namespace = endpoint::namespace(&mut db, &record.id).await?;
    let endpoints = endpoint::of_container(&mut db, &record.id).await?;
    Ok(view_of(record, namespace, endpoints))
}

fn view_of(
    record: &ContainerRecord,
    namespace: Option<drawbridge_api::NsName>,
    endpoints: Vec<drawbridge_api::Endpoint>,
) -> Container {
    let spec = &record.spec;
    Container {
        id: record.id.clone(),
        name: record.name.clone(),
        image: spec.image.clone(),
        image_id: record.image_id.clone(),
        command: spec.entrypoint.iter().chain(&spec.cmd).flatten().cloned().collect(),
        network_mode: spec.network_mode.clone(),
        state: record.state,
        pid: record.pid,
        exit_code: record.exit_code,
        error: record.error.clone(),
        auto_remove: spec.auto_remove,
        labels: spec.labels.clone(),
        namespace,
        endpoints,
        created_at_ms: record.created_at_ms,
        started_at_ms: record.started_at_ms,
        finished_at_ms: record.finished_at_ms,
    }
}

/// Tells listeners how a container is now.
pub(super) async fn publish(daemon: &Daemon, id: &ContainerId) -> Result<(), OpError> {
    let record = get(daemon, id).await?;
    let seen = view(daemon, &record).await?;
    daemon.engine.events.publish(EventKind::Container(seen), clock::now_ms());
    Ok(())
}
