//! Changing a container's limits and restart policy while it is there, running or not.

use super::{Daemon, OpError, lookup};
use crate::{
    life::RestartPolicy,
    model::ContainerRecord,
    notices::ContainerDeed,
    settings::{Resources, Settings},
    store::container as rows,
};
use drawbridge_api::ContainerState;

/// What a container is to have from now on.
#[derive(Clone, Debug)]
pub struct Update {
    /// All its limits.
    pub resources: Resources,
    /// Its restart policy.
    pub restart: RestartPolicy,
    /// What of its settings came in a client's own words, with what was changed.
    pub asked: String,
}

/// Changes a container; `change` is handed it as it is. Returns what the machine can't honour, a sentence each.
///
/// # Errors
/// `Invalid` for limits that make no sense; what the runtime says when the running container can't be changed.
pub async fn update(
    daemon: &Daemon,
    text: &str,
    change: impl FnOnce(&ContainerRecord) -> Result<Update, OpError>,
) -> Result<Vec<String>, OpError> {
    let found = lookup::find(daemon, text)?;
    let _held = daemon.hold(&found.id).await;
    let record = lookup::get(daemon, &found.id)?;
    let update = change(&record)?;
    if record.spec.auto_remove && update.restart != RestartPolicy::No {
        return Err(OpError::Invalid(
            "Restart policy cannot be updated because AutoRemove is enabled for the container".into(),
        ));
    }
    let old = &record.spec.settings;
    let settings =
        Settings { resources: update.resources, restart: update.restart, asked: update.asked, ..old.clone() };
    settings.check(std::thread::available_parallelism().map_or(1, usize::from)).map_err(OpError::Invalid)?;
    let warnings = daemon.runtime.check(&settings)?;
    if record.state == ContainerState::Running && settings.resources != old.resources {
        daemon.runtime.set_limits(&record.id, &settings.resources).await?;
    }
    let spec = crate::model::ContainerSpec { settings, ..record.spec.clone() };
    daemon.engine.write(|db| rows::set_spec(db, &record.id, &spec))?;
    lookup::publish(daemon, &record.id)?;
    daemon.tell_container(&record, ContainerDeed::Update);
    Ok(warnings)
}
