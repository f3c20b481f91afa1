//! A container's running life: start, stop, kill, what follows when its process has ended, and its taking away.

use super::{
    Daemon, OpError,
    attach::{Names, attach, namespace_name},
    connect, failed_start, image, lookup,
    outlet::{self, Outlets},
    process,
    publish::{self, Asker, Reservation},
    removal::{self, Volumes},
    sharing, wait,
};
use crate::{
    clock,
    engine::{Changed, Mode},
    model::ContainerRecord,
    notices::ContainerDeed,
    runtime::Exit,
    store::{attachment as attachments, container as rows, desired, endpoint, journal::Request},
};
use drawbridge_api::{ContainerId, ContainerState, Origin};
use drawbridge_plan::{Scope, VethEndpoint};
use std::{sync::Arc, time::Duration};

/// How long a killed process may take to be gone. SIGKILL can't be refused; more than this means that the process hangs
/// in the kernel or the monitor is gone.
const AFTER_KILL: Duration = Duration::from_secs(20);

/// The change that ends a container which somebody stops, and one which somebody kills.
pub(super) const STOP: &str = "stop container";
pub(super) const KILL: &str = "kill container";

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
    let found = lookup::find(daemon, text)?;
    let _held = daemon.hold(&found.id).await;
    let record = lookup::get(daemon, &found.id)?;
    if record.state == ContainerState::Running {
        return Err(OpError::Already(record.name.to_string()));
    }
    match plug_in(daemon, mode, origin, &record).await {
        Ok(Changed::Previewed(plan)) => return Ok(Changed::Previewed(plan)),
        Ok(Changed::Applied(())) => {}
        Err(error) => {
            if mode == Mode::Apply {
                failed_start::note(daemon, &record, &error).await;
            }
            return Err(error);
        }
    }
    match launch(daemon, &record).await {
        Ok(()) => Ok(Changed::Applied(lookup::get(daemon, &record.id)?)),
        Err(error) => {
            let request = Request { verb: "give up start of container", subject: record.name.to_string(), origin };
            // What the caller must hear is why the start failed; what can't be tidied up is found by the next reconcile.
            if let Err(left) = leave(daemon, &record, request).await {
                tracing::error!(container = %record.id.short(), error = &left as &dyn std::error::Error, "network left behind");
            }
            failed_start::note(daemon, &record, &error).await;
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
    let networks = connect::attached(daemon, &record.id)?;
    let leading = outlet::leading(&networks);
    let Reservation { ports, held } = publish::reserve(daemon, Asker::from(record), &record.spec, &leading, &[])?;
    let attachments = attachments::of_container(&*daemon.engine.store.read()?, &record.id)?.len();
    let names = Names::new(&record.id, attachments)?.publishing(ports);
    let request = Request { verb: "start container", subject: record.name.to_string(), origin };
    let scope = names.scope(&record.id);
    let changed = daemon.engine.change(mode, request, scope, |db, draft| attach(db, draft, record, &names)).await?;
    if let Changed::Applied(()) = &changed {
        let endpoints = endpoint::of_container(&*daemon.engine.store.read()?, &record.id)?;
        daemon.tell_joined(record, &endpoints);
        if held.is_empty() {
            return Ok(changed);
        }
        daemon.holds.keep(&record.id, held, names.ports(), &Outlets::of(&endpoints).addresses());
    }
    Ok(changed)
}

async fn launch(daemon: &Arc<Daemon>, record: &ContainerRecord) -> Result<(), OpError> {
    let spec = process::spec(daemon, record).await?;
    let pid = daemon.runtime.start(&spec).await?;
    daemon.engine.write(|db| rows::set_running(db, &record.id, pid, clock::now_ms()))?;
    lookup::publish(daemon, &record.id)?;
    daemon.tell_container(record, ContainerDeed::Start);
    watch(daemon, record.id.clone());
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
pub(super) async fn ended(daemon: &Daemon, id: &ContainerId, exit: Exit) -> Result<(), OpError> {
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
    for error in daemon.runtime.clean_up(id).await {
        tracing::warn!(container = %id.short(), error = &error as &dyn std::error::Error, "left behind");
    }
    // A network that can't be taken away is found by the next reconcile; the process has ended all the same.
    let stopped = request.verb == STOP;
    if let Err(error) = leave(daemon, &record, request).await {
        tracing::error!(container = %id.short(), error = &error as &dyn std::error::Error, "network left behind");
    }
    daemon.engine.write(|db| rows::set_exited(db, id, exit.code, exit.at_ms))?;
    if stopped {
        daemon.tell_container(&record, ContainerDeed::Stop);
    }
    let ran_s = record.started_at_ms.map_or(0, |started_at_ms| (exit.at_ms - started_at_ms).max(0) / 1000);
    daemon.tell_container(&record, ContainerDeed::Die { exit_code: exit.code, ran_s });
    lookup::publish(daemon, id)?;
    if record.spec.auto_remove {
        let record = lookup::get(daemon, id)?;
        removal::delete(daemon, &record, Origin::Daemon, Volumes::Remove).await?;
    }
    Ok(())
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
        daemon.holds.retain(id, &[]);
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

/// How a container is asked to end.
#[derive(Clone, Debug, Default)]
pub struct StopOptions {
    /// The signal by name or number; the container's own when absent.
    pub signal: Option<String>,
    /// Seconds until it is killed; the container's own, or 10, when absent; forever when negative.
    pub timeout_s: Option<i64>,
}

/// Asks a container's process to end, kills it when it doesn't, and returns when its network is gone.
///
/// # Errors
/// `Already` when it doesn't run.
pub async fn stop(
    daemon: &Daemon,
    mode: Mode,
    origin: Origin,
    text: &str,
    options: StopOptions,
) -> Result<Changed<()>, OpError> {
    let record = lookup::find(daemon, text)?;
    if record.state != ContainerState::Running {
        return Err(OpError::Already(record.name.to_string()));
    }
    if mode == Mode::Preview {
        return preview_release(daemon, &record, STOP, origin).await;
    }
    let named = match options.signal.or_else(|| record.spec.stop_signal.clone()) {
        Some(signal) => Some(signal),
        None => process::image_defaults(&image::find(daemon, record.image_id.as_str())?)?.stop_signal,
    };
    let signal = process::signal(named.as_deref().unwrap_or("SIGTERM"))?;
    let timeout_s = options.timeout_s.unwrap_or_else(|| record.spec.stop_timeout_s.map_or(10, i64::from));
    let end = wait::for_end(daemon, &record.id)?;
    let subject = record.name.to_string();
    daemon.note_asked_to_end(&record.id, Request { verb: STOP, subject, origin });
    send_signal(daemon, &record, signal).await?;
    let Ok(patience) = u64::try_from(timeout_s) else {
        end.await;
        return Ok(Changed::Applied(()));
    };
    if tokio::time::timeout(Duration::from_secs(patience), end).await.is_err() {
        kill_and_wait(daemon, &record, STOP, origin).await?;
    }
    Ok(Changed::Applied(()))
}

/// Sends a signal to a container's main process.
///
/// # Errors
/// `NotRunning`, or `Invalid` for an unknown signal.
pub async fn kill(daemon: &Daemon, origin: Origin, text: &str, signal: Option<&str>) -> Result<(), OpError> {
    let record = lookup::find(daemon, text)?;
    if record.state != ContainerState::Running {
        return Err(OpError::NotRunning(record.id.to_string()));
    }
    let number = process::signal(signal.unwrap_or("SIGKILL"))?;
    if number == process::SIGKILL {
        let subject = record.name.to_string();
        daemon.note_asked_to_end(&record.id, Request { verb: KILL, subject, origin });
    }
    send_signal(daemon, &record, number).await
}

async fn send_signal(daemon: &Daemon, record: &ContainerRecord, signal: i32) -> Result<(), OpError> {
    daemon.runtime.signal(&record.id, signal).await?;
    daemon.tell_container(record, ContainerDeed::Kill { signal });
    Ok(())
}

/// Kills a container and returns when its network is gone; `verb` names the change that takes it away.
pub(super) async fn kill_and_wait(
    daemon: &Daemon,
    record: &ContainerRecord,
    verb: &'static str,
    origin: Origin,
) -> Result<(), OpError> {
    let end = wait::for_end(daemon, &record.id)?;
    let subject = record.name.to_string();
    daemon.note_asked_to_end(&record.id, Request { verb, subject, origin });
    send_signal(daemon, record, process::SIGKILL).await?;
    tokio::time::timeout(AFTER_KILL, end).await.map_err(|_| OpError::WillNotEnd(record.name.to_string()))?;
    Ok(())
}
