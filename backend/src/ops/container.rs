//! Containers from their making to their removal. Finding them is in `lookup`, their running life in `lifecycle`.

pub use super::{
    lookup::{find, list, view},
    removal::Volumes,
};

use super::{
    Daemon, OpError,
    attach::{self, Names},
    connect, image, lifecycle, lookup, mounting, names, outlet, process,
    publish::{self, Asker},
    removal, sharing,
};
use crate::{
    clock,
    engine::{Changed, Mode},
    model::{ContainerRecord, ContainerSpec, NewContainer},
    notices::ContainerDeed,
    store::{Connection, attachment, container, journal::Request},
};
use drawbridge_api::{ContainerId, ContainerState, Origin};

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
    let scope = Names::new(&id, 0)?.scope(&id);
    let changed = daemon
        .engine
        .change(mode, request("create container", &new, &id, origin), scope, |db, _| insert(db, &id, &new))
        .await?;
    match changed {
        Changed::Applied((record, volumes)) => {
            mounting::made(daemon, &volumes)?;
            lookup::publish(daemon, &record.id)?;
            daemon.tell_container(&record, ContainerDeed::Create);
            Ok(Changed::Applied(record))
        }
        Changed::Previewed(plan) => Ok(Changed::Previewed(plan)),
    }
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
        let name = new.name.as_ref().map_or(id.short(), |name| name.as_str());
        let asker = Asker { name, image: &new.spec.image };
        let (_, attachments) = attach::settle(&*daemon.engine.store.read()?, &new.spec, &new.attachments)?;
        let leading = outlet::leading(&connect::with_priorities(daemon, &attachments)?);
        let reservation = publish::reserve(daemon, asker, &new.spec, &leading, &[])?;
        let names = Names::new(&id, attachments.len())?.publishing(reservation.ports);
        return daemon
            .engine
            .change(mode, request("run container", &new, &id, origin), names.scope(&id), |db, draft| {
                let (record, _) = insert(db, &id, &new)?;
                attach::attach(db, draft, &record, &names)?;
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

/// Inserts it, and the volumes that it needs and that are not there; returns their names too.
fn insert(db: &Connection, id: &ContainerId, new: &NewContainer) -> Result<(ContainerRecord, Vec<String>), OpError> {
    publish::check(&new.spec)?;
    new.spec.settings.check(std::thread::available_parallelism().map_or(1, usize::from)).map_err(OpError::Invalid)?;
    mounting::check(&new.spec)?;
    let image = image::find_in(db, &new.spec.image)?;
    let defaults = process::image_defaults(&image)?;
    let (network_mode, attachments) = attach::settle(db, &new.spec, &new.attachments)?;
    let name = match &new.name {
        Some(name) => {
            if let Some(holder) = container::by_name(db, name)? {
                return Err(OpError::ContainerNameTaken { name: name.to_string(), holder });
            }
            name.clone()
        }
        None => names::free(db)?,
    };
    let (mounts, made) = mounting::settle(db, &new.spec, &defaults.volumes)?;
    let mut spec = new.spec.clone();
    spec.settings.mounts = mounts;
    for (name, value) in defaults.labels {
        spec.labels.entry(name).or_insert(value);
    }
    let record = ContainerRecord {
        id: id.clone(),
        name,
        image_id: image.id,
        spec: ContainerSpec { network_mode, ..spec },
        state: ContainerState::Created,
        pid: None,
        exit_code: 0,
        error: String::new(),
        created_at_ms: clock::now_ms(),
        started_at_ms: None,
        finished_at_ms: None,
    };
    container::insert(db, &record)?;
    for attachment in &attachments {
        attachment::insert(db, &record.id, attachment)?;
    }
    mounting::insert_uses(db, &record)?;
    Ok((record, made))
}

/// The container whose network namespace and host name a container has: itself, unless it shares another's that is there.
pub fn namespace_owner(daemon: &Daemon, record: &ContainerRecord) -> ContainerRecord {
    // Whoever it shared with may be gone; then there is nobody's name to tell but its own.
    sharing::owner(daemon, record).unwrap_or_else(|_| record.clone())
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
    volumes: Volumes,
) -> Result<Changed<()>, OpError> {
    let record = find(daemon, text)?;
    if record.state == ContainerState::Running {
        if running == Running::Keep && mode == Mode::Apply {
            return Err(OpError::ContainerRunning(record.name.to_string()));
        }
        if mode == Mode::Preview {
            return lifecycle::preview_release(daemon, &record, "remove container", origin).await;
        }
        lifecycle::kill_and_wait(daemon, &record, lifecycle::KILL, origin).await?;
    }
    if mode == Mode::Preview {
        return Ok(Changed::Previewed(drawbridge_api::Plan::default()));
    }
    let _held = daemon.hold(&record.id).await;
    match lookup::get(daemon, &record.id) {
        Ok(now) => removal::delete(daemon, &now, origin, volumes).await?,
        // It removed itself when it ended.
        Err(OpError::NoSuchContainer(_)) => {}
        Err(error) => return Err(error),
    }
    Ok(Changed::Applied(()))
}
