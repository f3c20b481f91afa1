//! A container's running life: start, stop, kill, what follows when its process has ended, and its taking away.

use super::{
    Daemon, OpError,
    attach::{Names, attach, namespace_name},
    connect, failed_start, health, linking, lookup,
    outlet::{self, Outlets},
    process,
    publish::{self, Asker, Reservation},
    removal::{self, Volumes},
    restart, sharing,
    stopping::{REMOVE, STOP},
};
use crate::{
    clock::{self, lap},
    engine::{Changed, Mode},
    model::ContainerRecord,
    notices::ContainerDeed,
    runtime::Exit,
    settings::Namespace,
    store::{attachment as attachments, container as rows, desired, endpoint, journal::Request, life},
};
use drawbridge_api::{ContainerId, ContainerState, Origin};
use drawbridge_plan::{Scope, VethEndpoint};
use std::sync::Arc;
use tokio::task::block_in_place;

/// What of the kernel a container has.
///
/// # Errors
/// When the store fails.
pub(super) fn scope_of(daemon: &Daemon, id: &ContainerId) -> Result<Scope, OpError> {
    let endpoints = desired::endpoints(&*daemon.engine.store.read()?, Some(id.as_str()))?;
    Ok(Scope::Container {
        id: id.clone(),
        namespace: namespace_name(id)?,
        elements: endpoints.iter().flat_map(VethEndpoint::elements).collect(),
        host_ends: endpoints.into_iter().map(|endpoint| endpoint.host_end).collect(),
    })
}

/// Starts a container: its namespace and veth by a plan, then its process.
///
/// # Errors
/// `Already` when it runs. When plan or process fail it is as before, with the reason noted.
pub async fn start(
    daemon: &Arc<Daemon>,
    mode: Mode,
    origin: Origin,
    text: &str,
) -> Result<Changed<ContainerRecord>, OpError> {
    lap("asked to start");
    let found = lookup::find(daemon, text)?;
    let _held = daemon.hold(&found.id).await;
    let record = lookup::get(daemon, &found.id)?;
    if record.life.paused {
        return Err(OpError::State("cannot start a paused container, try unpause instead".into()));
    }
    if record.state == ContainerState::Running {
        return Err(OpError::Already(record.name.to_string()));
    }
    if mode == Mode::Apply {
        daemon.engine.write(|db| life::set_started_by_hand(db, &record.id))?;
    }
    start_held(daemon, mode, origin, &record).await
}

/// Starts a container that does not run and that the caller holds.
///
/// # Errors
/// As of [`start`].
pub(super) async fn start_held(
    daemon: &Arc<Daemon>,
    mode: Mode,
    origin: Origin,
    record: &ContainerRecord,
) -> Result<Changed<ContainerRecord>, OpError> {
    match plug_in(daemon, mode, origin, record).await {
        Ok(Changed::Previewed(plan)) => return Ok(Changed::Previewed(plan)),
        Ok(Changed::Applied(())) => {}
        Err(error) => {
            if mode == Mode::Apply {
                failed_start::note(daemon, record, &error).await;
            }
            return Err(error);
        }
    }
    match launch(daemon, record).await {
        Ok(()) => Ok(Changed::Applied(lookup::get(daemon, &record.id)?)),
        Err(error) => {
            let request = Request { verb: "give up start of container", subject: record.name.to_string(), origin };
            // What the caller must hear is why the start failed; what can't be tidied up is found by the next reconcile.
            if let Err(left) = leave(daemon, record, request).await {
                tracing::error!(container = %record.id.short(), error = &left as &dyn std::error::Error, "network left behind");
            }
            failed_start::note(daemon, record, &error).await;
            Err(error)
        }
    }
}

/// Makes what a container has in the kernel, its ports of the host held before.
async fn plug_in(
    daemon: &Daemon,
    mode: Mode,
    origin: Origin,
    record: &ContainerRecord,
) -> Result<Changed<()>, OpError> {
    sharing::check_runs(daemon, record)?;
    linking::linked(&*daemon.engine.store.read()?, record)?;
    let attachments = attachments::of_container(&*daemon.engine.store.read()?, &record.id)?;
    let leading = outlet::leading(&connect::with_priorities(daemon, &attachments)?);
    let names = Names::new(&record.id, attachments.len())?;
    let asker = Asker::of(record, names.endpoint(leading.position(&attachments)));
    let Reservation { ports, held } = publish::reserve(daemon, asker, &record.spec, &leading, &[])?;
    let names = names.publishing(ports);
    let request = Request { verb: "start container", subject: record.name.to_string(), origin };
    let scope = names.scope(&record.id);
    let changed = daemon.engine.change(mode, request, scope, |db, draft| attach(db, draft, record, &names)).await?;
    if let Changed::Applied(()) = &changed {
        let endpoints = endpoint::of_container(&*daemon.engine.store.read()?, &record.id)?;
        daemon.tell_joined(record, &endpoints);
        if let Err(error) = block_in_place(|| linking::tell_parents(daemon, record)) {
            tracing::warn!(container = %record.id.short(), error = &error as &dyn std::error::Error, "a link to it is out of date");
        }
        if held.is_empty() {
            return Ok(changed);
        }
        daemon.holds.keep(&record.id, held, names.ports(), &Outlets::of(&endpoints).addresses());
    }
    Ok(changed)
}

async fn launch(daemon: &Arc<Daemon>, record: &ContainerRecord) -> Result<(), OpError> {
    lap("start: network");
    // Whoever asked for the end of an earlier run, which ended by itself at that moment, did not ask for this one's.
    daemon.take_asked_to_end(&record.id);
    let spec = process::spec(daemon, record).await?;
    lap("start: what the process is to be");
    let pid = daemon.runtime.start(&spec).await?;
    daemon.engine.write(|db| rows::set_running(db, &record.id, pid, clock::now_ms()))?;
    health::begin(daemon, record)?;
    lookup::publish(daemon, &record.id)?;
    daemon.tell_container(record, ContainerDeed::Start);
    watch(daemon, record.id.clone());
    health::watch(daemon, record);
    lap("start: row, told");
    Ok(())
}

/// Waits in the background for the end of a container's process. The task ends with the container or with the daemon.
pub(super) fn watch(daemon: &Arc<Daemon>, id: ContainerId) {
    let daemon = Arc::clone(daemon);
    tokio::spawn(async move {
        let exit = match daemon.runtime.exit(&id).await {
            Ok(exit) => exit,
            Err(error) => {
                tracing::error!(container = %id.short(), error = &error as &dyn std::error::Error, "cannot watch");
                return;
            }
        };
        if let Err(error) = ended(&daemon, &id, exit).await {
            tracing::error!(container = %id.short(), error = &error as &dyn std::error::Error, "cannot tidy up");
        }
    });
}

/// What follows when a container's process has ended: its network goes, then its state is told.
pub(super) async fn ended(daemon: &Arc<Daemon>, id: &ContainerId, exit: Exit) -> Result<(), OpError> {
    let _held = daemon.hold(id).await;
    let record = lookup::get(daemon, id)?;
    if record.state != ContainerState::Running {
        return Ok(());
    }
    let request = daemon.take_asked_to_end(id).unwrap_or_else(|| Request {
        verb: "container ended",
        subject: record.name.to_string(),
        origin: Origin::Daemon,
    });
    lap("end: process and monitor");
    let out_of_memory = daemon.runtime.ran_out_of_memory(id);
    // What is removed next is tidied up with its files, all at once; save where processes may be left, as without PIDs of its
    // own: they would keep its network.
    let is_removed_next = record.spec.auto_remove || request.verb == REMOVE;
    if !(is_removed_next && record.spec.settings.pids == Namespace::Own) {
        for error in daemon.runtime.clean_up(id).await {
            tracing::warn!(container = %id.short(), error = &error as &dyn std::error::Error, "left behind");
        }
    }
    lap("end: what the runtime left");
    // A network that can't be taken away is found by the next reconcile; the process has ended all the same.
    let stopped = request.verb == STOP;
    if let Err(error) = leave(daemon, &record, request).await {
        tracing::error!(container = %id.short(), error = &error as &dyn std::error::Error, "network left behind");
    }
    lap("end: network");
    daemon.engine.write(|db| {
        rows::set_exited(db, id, exit.code, exit.at_ms)?;
        health::end(db, &record)?;
        restart::note(db, &record, exit)?;
        if out_of_memory { life::set_oom_killed(db, id) } else { Ok(()) }
    })?;
    if out_of_memory {
        daemon.tell_container(&record, ContainerDeed::OutOfMemory);
    }
    if stopped {
        daemon.tell_container(&record, ContainerDeed::Stop);
    }
    tell_end(daemon, &record, exit);
    lookup::publish(daemon, id)?;
    let record = lookup::get(daemon, id)?;
    if let Some(at_ms) = record.life.restart_at_ms {
        restart::watch(daemon, record.id.clone(), at_ms);
    }
    if record.spec.auto_remove {
        removal::delete(daemon, &record, Origin::Daemon, Volumes::Remove).await?;
    }
    Ok(())
}

/// Tells that a container's process has ended, also when nobody saw it.
pub(super) fn tell_end(daemon: &Daemon, record: &ContainerRecord, exit: Exit) {
    let ran_s = record.started_at_ms.map_or(0, |started_at_ms| (exit.at_ms - started_at_ms).max(0) / 1000);
    daemon.tell_container(record, ContainerDeed::Die { exit_code: exit.code, ran_s });
}

/// [`release`], told of.
async fn leave(daemon: &Daemon, record: &ContainerRecord, request: Request) -> Result<(), OpError> {
    let endpoints = endpoint::of_container(&*daemon.engine.store.read()?, &record.id)?;
    release(daemon, &record.id, Mode::Apply, request).await?;
    daemon.tell_left(record, &endpoints);
    Ok(())
}

/// Takes a container's namespace, endpoints and published ports away.
async fn release(daemon: &Daemon, id: &ContainerId, mode: Mode, request: Request) -> Result<Changed<()>, OpError> {
    let scope = scope_of(daemon, id)?;
    let changed = daemon
        .engine
        .change(mode, request, scope, |db, draft| Ok::<_, OpError>(endpoint::mark_removing(db, id, draft.change_id)?))
        .await?;
    if let Changed::Applied(()) = &changed {
        daemon.holds.let_go(id);
    }
    Ok(changed)
}

/// What the end of a running container would do.
///
/// # Errors
/// When the kernel can't be observed.
pub(super) async fn preview_release(
    daemon: &Daemon,
    record: &ContainerRecord,
    verb: &'static str,
    origin: Origin,
) -> Result<Changed<()>, OpError> {
    let request = Request { verb, subject: record.name.to_string(), origin };
    release(daemon, &record.id, Mode::Preview, request).await
}
