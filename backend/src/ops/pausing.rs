//! Freezing a container's processes and letting them go on; its name.

use super::{Daemon, OpError, lookup};
use crate::{
    model::ContainerRecord,
    notices::ContainerDeed,
    store::{container, life as rows},
};
use drawbridge_api::{ContainerName, ContainerState};

/// Freezes a container's processes.
///
/// # Errors
/// `State` when it does not run, or is paused already.
pub async fn pause(daemon: &Daemon, text: &str) -> Result<(), OpError> {
    let found = lookup::find(daemon, text)?;
    let _held = daemon.hold(&found.id).await;
    let record = lookup::get(daemon, &found.id)?;
    let name = &record.name;
    if record.life.restart_at_ms.is_some() {
        return Err(OpError::State(format!("Container {name} is restarting, wait until the container is running")));
    }
    if record.state != ContainerState::Running {
        return Err(OpError::State(format!("Container {name} is not running")));
    }
    if record.life.paused {
        return Err(OpError::State(format!("Container {name} is already paused")));
    }
    daemon.runtime.pause(&record.id).await?;
    daemon.engine.write(|db| rows::set_paused(db, &record.id))?;
    lookup::publish(daemon, &record.id)?;
    daemon.tell_container(&record, ContainerDeed::Pause);
    Ok(())
}

/// Lets a container's processes go on.
///
/// # Errors
/// `State` when it is not paused.
pub async fn unpause(daemon: &Daemon, text: &str) -> Result<(), OpError> {
    let found = lookup::find(daemon, text)?;
    let _held = daemon.hold(&found.id).await;
    let record = lookup::get(daemon, &found.id)?;
    if !record.life.paused {
        return Err(OpError::State(format!("Container {} is not paused", record.name)));
    }
    resume(daemon, &record).await
}

/// Lets a paused container's processes go on, so that they meet a signal. The caller need not hold it.
pub(super) async fn resume(daemon: &Daemon, record: &ContainerRecord) -> Result<(), OpError> {
    daemon.runtime.unpause(&record.id).await?;
    daemon.engine.write(|db| rows::set_unpaused(db, &record.id))?;
    lookup::publish(daemon, &record.id)?;
    daemon.tell_container(record, ContainerDeed::Unpause);
    Ok(())
}

/// Gives a container another name.
///
/// # Errors
/// `Name` for one that breaks the rule; `ContainerNameTaken`.
pub async fn rename(daemon: &Daemon, text: &str, new: &str) -> Result<(), OpError> {
    let new = new.strip_prefix('/').unwrap_or(new);
    if new.is_empty() {
        return Err(OpError::Invalid("Neither old nor new names may be empty".into()));
    }
    let found = lookup::find(daemon, text)?;
    let _held = daemon.hold(&found.id).await;
    let record = lookup::get(daemon, &found.id)?;
    let name: ContainerName = new.parse()?;
    if name == record.name {
        return Err(OpError::Invalid("Renaming a container with the same name as its current name".into()));
    }
    let holder = daemon.engine.write(|db| {
        let holder = container::by_name(db, &name)?;
        if holder.is_none() {
            container::set_name(db, &record.id, &name)?;
        }
        Ok(holder)
    })?;
    if let Some(holder) = holder {
        return Err(OpError::ContainerNameTaken { name: name.to_string(), holder });
    }
    daemon.engine.set_names_of(Some(&record.id))?;
    lookup::publish(daemon, &record.id)?;
    let old_name = record.name.to_string();
    daemon.tell_container(&ContainerRecord { name, ..record }, ContainerDeed::Rename { old_name });
    Ok(())
}
