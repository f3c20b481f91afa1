//! Containers from their making to their removal. Finding them is in `lookup`, their running life in `lifecycle`.

pub use super::{
    listed::{Rows, Which, list_to_look_at},
    lookup::{find, list, view},
    removal::Volumes,
};

use super::{
    Daemon, OpError,
    attach::{self, Names},
    connect, image, lifecycle, linking, lookup, mounting, names, outlet, process,
    publish::{self, Asker},
    removal, sharing, stopping, usage,
};
use crate::{
    clock::{self, lap},
    engine::{Changed, Mode},
    model::{ContainerRecord, ContainerSpec, NewContainer},
    notices::{ContainerDeed, Deed, Kind},
    store::{Connection, attachment, container, journal::Request, life},
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
    lap("asked to create");
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
            lap("create: rows, told");
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
        let (_, attachments) = attach::settle(&*daemon.engine.store.read()?, &new.spec, &new.attachments)?;
        let leading = outlet::leading(&connect::with_priorities(daemon, &attachments)?);
        let names = Names::new(&id, attachments.len())?;
        let asker = Asker { name, image: &new.spec.image, endpoint: names.endpoint(leading.position(&attachments)) };
        let reservation = publish::reserve(daemon, asker, &new.spec, &leading, &[])?;
        let names = names.publishing(reservation.ports);
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
pub(super) fn insert(
    db: &Connection,
    id: &ContainerId,
    new: &NewContainer,
) -> Result<(ContainerRecord, Vec<String>), OpError> {
    publish::check(&new.spec)?;
    new.spec.settings.check(std::thread::available_parallelism().map_or(1, usize::from)).map_err(OpError::Invalid)?;
    if let Some(signal) = &new.spec.stop_signal {
        process::signal(signal)?;
    }
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
    spec.settings.health = match (spec.settings.health.take(), defaults.health) {
        (Some(own), Some(image)) => Some(own.or(&image)),
        (own, image) => own.or(image),
    };
    // Kept with it, as what was asked for is: it stays when the name comes to mean another image.
    for port in defaults.exposed_ports {
        if !spec.exposed_ports.contains(&port) {
            spec.exposed_ports.push(port);
        }
    }
    for (name, value) in defaults.labels {
        spec.labels.entry(name).or_insert(value);
    }
    for (own, image) in [(&mut spec.working_dir, defaults.working_dir), (&mut spec.user, defaults.user)] {
        if own.is_empty() {
            *own = image;
        }
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
        life: Default::default(),
    };
    container::insert(db, &record)?;
    for attachment in &attachments {
        attachment::insert(db, &record.id, attachment)?;
    }
    linking::insert(db, &record.id, &new.links)?;
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
    lap("asked to remove");
    let record = find(daemon, text)?;
    if mode == Mode::Preview {
        if record.state != ContainerState::Running {
            return Ok(Changed::Previewed(drawbridge_api::Plan::default()));
        }
        return lifecycle::preview_release(daemon, &record, stopping::REMOVE, origin).await;
    }
    match running {
        Running::Keep => refuse_live(&record)?,
        Running::Kill => {
            // Its restart policy must not bring it back meanwhile.
            daemon.engine.write(|db| life::set_stopped_by_hand(db, &record.id))?;
            if record.state == ContainerState::Running {
                kill(daemon, &record, origin).await?;
                lap("end: heard of");
            }
        }
    }
    let mut held = daemon.hold(&record.id).await;
    loop {
        match lookup::get(daemon, &record.id) {
            // A restart was on its way.
            Ok(now) if now.state == ContainerState::Running && running == Running::Kill => {
                drop(held);
                kill(daemon, &now, origin).await?;
                held = daemon.hold(&record.id).await;
            }
            Ok(now) => {
                removal::delete(daemon, &now, origin, volumes).await?;
                break;
            }
            // It removed itself when it ended.
            Err(OpError::NoSuchContainer(_)) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(Changed::Applied(()))
}

/// Ends a container that is about to be removed.
async fn kill(daemon: &Daemon, record: &ContainerRecord, origin: Origin) -> Result<(), OpError> {
    let killed = stopping::kill_and_wait(daemon, record, stopping::REMOVE, origin).await;
    if killed.is_err() {
        // It stays: when it ends after all, what its run has left is to be tidied up.
        daemon.take_asked_to_end(&record.id);
    }
    killed
}

/// Refuses a container that is not at rest.
fn refuse_live(record: &ContainerRecord) -> Result<(), OpError> {
    let name = record.name.to_string();
    if record.life.paused {
        return Err(OpError::State(format!(
            "cannot remove container \"{name}\": container is paused and must be unpaused first"
        )));
    }
    if record.life.restart_at_ms.is_some() {
        return Err(OpError::State(format!(
            "cannot remove container \"{name}\": container is restarting: stop the container before removing or force \
             remove"
        )));
    }
    if record.state == ContainerState::Running { Err(OpError::ContainerRunning(name)) } else { Ok(()) }
}

/// Removes every container that is at rest and that `chosen` picks; returns their ids and the room that their files took,
/// in bytes.
///
/// # Errors
/// When the store fails. A container that can't be removed is left, with a line in the log.
pub async fn prune(
    daemon: &Daemon,
    origin: Origin,
    chosen: impl Fn(&ContainerRecord) -> bool,
) -> Result<(Vec<ContainerId>, u64), OpError> {
    let mut removed = Vec::new();
    let mut reclaimed_bytes = 0;
    for (record, _) in list(daemon)?.into_iter().filter(|(record, _)| refuse_live(record).is_ok() && chosen(record)) {
        let written = daemon.runtime.container_dir(&record.id).join("upper");
        let bytes = tokio::task::block_in_place(|| usage::bytes_below(&written));
        match remove(daemon, Mode::Apply, origin, record.id.as_str(), Running::Keep, Volumes::Keep).await {
            Ok(_) => {
                reclaimed_bytes += bytes;
                removed.push(record.id);
            }
            Err(error) => {
                tracing::warn!(container = %record.id.short(), error = &error as &dyn std::error::Error, "not pruned");
            }
        }
    }
    daemon.notices.tell(Deed::Pruned { kind: Kind::Container, reclaimed_bytes });
    Ok((removed, reclaimed_bytes))
}
