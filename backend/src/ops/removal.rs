//! Taking a container away: its row, its files, and what was made for it alone.

use super::{Daemon, OpError, attach::namespace_name, mounting, stopping};
use crate::{
    clock::lap,
    engine::Mode,
    model::ContainerRecord,
    notices::ContainerDeed,
    store::{container as rows, journal::Request, volume},
};
use drawbridge_api::{ContainerState, EventKind, Origin};
use drawbridge_plan::Scope;

/// What becomes of the volumes that were made for a container alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Volumes {
    /// They stay.
    Keep,
    /// They go with it.
    Remove,
}

/// Takes away a container that does not run. The caller holds it.
pub(super) async fn delete(
    daemon: &Daemon,
    record: &ContainerRecord,
    origin: Origin,
    volumes: Volumes,
) -> Result<(), OpError> {
    if record.state == ContainerState::Running {
        return Err(OpError::ContainerRunning(record.name.to_string()));
    }
    let request = Request { verb: stopping::REMOVE, subject: record.name.to_string(), origin };
    let scope = Scope::Container {
        id: record.id.clone(),
        namespace: namespace_name(&record.id)?,
        host_ends: Vec::new(),
        elements: Vec::new(),
    };
    let own = match volumes {
        Volumes::Keep => Vec::new(),
        Volumes::Remove => volume::anonymous_of(&*daemon.engine.store.read()?, &record.id)?,
    };
    daemon.engine.change(Mode::Apply, request, scope, |db, _| Ok::<_, OpError>(rows::delete(db, &record.id)?)).await?;
    lap("remove: rows");
    mounting::forget(daemon, own.into_iter().map(|volume| volume.name));
    // After the row: a crash between the two leaves files that no row names, which the next start sweeps away.
    for error in daemon.runtime.remove(&record.id).await {
        tracing::warn!(container = %record.id.short(), error = &error as &dyn std::error::Error, "left behind");
    }
    lap("remove: files");
    daemon.tell_container(record, ContainerDeed::Destroy);
    daemon.publish(|| Ok(EventKind::ContainerRemoved(record.id.clone())))
}
