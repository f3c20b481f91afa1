//! Containers: find, create, remove. Their running life is in `lifecycle`.

use super::{
    Daemon, OpError, image,
    lifecycle::{self, Attachment},
    names,
};
use crate::{
    clock,
    engine::{Changed, Mode},
    model::{ContainerRecord, NewContainer},
    store::{Connection, container, endpoint, journal::Request},
};
use drawbridge_api::{Container, ContainerId, ContainerState, EventKind, Origin};
use drawbridge_plan::Scope;
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

/// Makes a container and leaves it unstarted.
///
/// # Errors
/// When its name is taken, or its image or network isn't there; nothing is made then.
pub async fn create(
    daemon: &Daemon,
    mode: Mode,
    origin: Origin,
    new: NewContainer,
) -> Result<Changed<ContainerRecord>, OpError> {
    let id = ContainerId::from_bytes(rand::random());
    let attachment = Attachment::new(&id)?;
    let changed = daemon
        .engine
        .change(mode, request("create container", &new, &id, origin), attachment.scope(&id), async |db, _| {
            insert(db, &id, &new).await
        })
        .await?;
    if let Changed::Applied(record) = &changed {
        publish(daemon, &record.id).await?;
    }
    Ok(changed)
}

/// Makes a container and starts it: one plan for both.
///
/// # Errors
/// As of [`create`], or when it can't be started; then it is there, unstarted, with the reason noted.
pub async fn run(
    daemon: &std::sync::Arc<Daemon>,
    mode: Mode,
    origin: Origin,
    new: NewContainer,
) -> Result<Changed<ContainerRecord>, OpError> {
    let id = ContainerId::from_bytes(rand::random());
    if mode == Mode::Preview {
        let attachment = Attachment::new(&id)?;
        return daemon
            .engine
            .change(mode, request("run container", &new, &id, origin), attachment.scope(&id), async |db, draft| {
                let record = insert(db, &id, &new).await?;
                lifecycle::attach(db, draft, &record, &attachment).await?;
                Ok::<_, OpError>(record)
            })
            .await;
    }
    match create(daemon, mode, origin, new).await? {
        Changed::Applied(record) => lifecycle::start(daemon, Mode::Apply, origin, record.id.as_str()).await,
        previewed @ Changed::Previewed(_) => Ok(previewed),
    }
}

fn request(verb: &'static str, new: &NewContainer, id: &ContainerId, origin: Origin) -> Request {
    let subject = new.name.as_ref().map_or_else(|| id.short().to_owned(), ToString::to_string);
    Request { verb, subject, origin }
}

async fn insert(db: &mut Connection, id: &ContainerId, new: &NewContainer) -> Result<ContainerRecord, OpError> {
    let image = image::find_in(db, &new.spec.image).await?;
    if let drawbridge_api::NetworkMode::Network(network) = &new.spec.network_mode {
        super::network::find_in(db, network.as_str()).await?;
    }
    let name = match &new.name {
        Some(name) => {
            if let Some(holder) = container::by_name(db, name).await? {
                return Err(OpError::ContainerNameTaken { name: name.to_string(), holder });
            }
            name.clone()
        }
        None => names::free(db).await?,
    };
    let record = ContainerRecord {
        id: id.clone(),
        name,
        image_id: image.id,
        spec: new.spec.clone(),
        state: ContainerState::Created,
        pid: None,
        exit_code: 0,
        error: String::new(),
        created_at_ms: clock::now_ms(),
        started_at_ms: None,
        finished_at_ms: None,
    };
    container::insert(db, &record).await?;
    Ok(record)
}

/// What to do with a container that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Running {
    /// Refuse to remove it.
    Keep,
    /// Kill it first.
    Kill,
}

/// Removes a container with its writable layer and logs.
///
/// # Errors
/// `ContainerRunning`, or when its end or removal fails.
pub async fn remove(
    daemon: &Daemon,
    mode: Mode,
    origin: Origin,
    text: &str,
    running: Running,
) -> Result<Changed<()>, OpError> {
    let record = find(daemon, text).await?;
    if record.state == ContainerState::Running {
        if running == Running::Keep && mode == Mode::Apply {
            return Err(OpError::ContainerRunning(record.name.to_string()));
        }
        if mode == Mode::Preview {
            return lifecycle::preview_release(daemon, &record, "remove container", origin).await;
        }
        lifecycle::kill_and_wait(daemon, &record, origin).await?;
    }
    if mode == Mode::Preview {
        return Ok(Changed::Previewed(drawbridge_api::Plan::default()));
    }
    let _held = daemon.hold(&record.id).await;
    match get(daemon, &record.id).await {
        Ok(now) => delete(daemon, &now, origin).await?,
        // It removed itself when it ended.
        Err(OpError::NoSuchContainer(_)) => {}
        Err(error) => return Err(error),
    }
    Ok(Changed::Applied(()))
}

/// Takes away a container that does not run. The caller holds it.
pub(super) async fn delete(daemon: &Daemon, record: &ContainerRecord, origin: Origin) -> Result<(), OpError> {
    if record.state == ContainerState::Running {
        return Err(OpError::ContainerRunning(record.name.to_string()));
    }
    let request = Request { verb: "remove container", subject: record.name.to_string(), origin };
    let scope = Scope::Container {
        id: record.id.clone(),
        namespace: lifecycle::namespace_name(&record.id)?,
        host_ends: Vec::new(),
    };
    daemon
        .engine
        .change(Mode::Apply, request, scope, async |db: &mut Connection, _| {
            container::delete(db, &record.id).await?;
            Ok::<_, OpError>(())
        })
        .await?;
    // After the row: a crash between the two leaves files that no row names, which the next start sweeps away.
    for error in daemon.runtime.remove(&record.id).await {
        tracing::warn!(container = %record.id.short(), error = &error as &dyn std::error::Error, "left behind");
    }
    daemon.engine.events.publish(EventKind::ContainerRemoved(record.id.clone()), clock::now_ms());
    Ok(())
}
