//! What was done to bring a lab up, and its taking back in reverse, so that nothing of it is left half made.

use super::super::{
    Daemon, OpError,
    container::{self, Running, Volumes},
    lifecycle, network, pausing, stopping, volume,
};
use crate::{
    engine::Mode,
    model::{ContainerRecord, NewNetwork},
};
use drawbridge_api::{ContainerId, ContainerState, Origin};
use std::sync::Arc;

/// One thing that was done.
#[derive(Debug)]
pub(super) enum Done {
    MadeNetwork(String),
    /// One that had changed, as it was.
    RemovedNetwork(Box<NewNetwork>),
    MadeVolume(String),
    MadeContainer(ContainerId),
    Started(ContainerId),
    /// A container that gives way: it is stopped and has another name until all is well.
    SetAside {
        record: Box<ContainerRecord>,
        ran: bool,
    },
}

/// What the name of a container begins with that gives way.
fn mark(record: &ContainerRecord) -> String {
    format!("{}_", record.id.short())
}

/// Whether a container has given way.
pub(super) fn is_aside(record: &ContainerRecord) -> bool {
    record.name.as_str().starts_with(&mark(record))
}

/// Gives containers their names back that a daemon which was cut off had set aside; where there is another of that name by
/// now, they go.
pub(super) async fn recover(daemon: &Arc<Daemon>, origin: Origin, records: &[ContainerRecord]) -> Result<(), OpError> {
    for record in records.iter().filter(|record| is_aside(record)) {
        let name = &record.name.as_str()[mark(record).len()..];
        match pausing::rename(daemon, record.id.as_str(), name).await {
            Err(OpError::ContainerNameTaken { .. }) => {
                container::remove(daemon, Mode::Apply, origin, record.id.as_str(), Running::Kill, Volumes::Keep)
                    .await?;
            }
            renamed => renamed?,
        }
    }
    Ok(())
}

/// Everything that was done, in order.
pub(super) struct Undo<'a> {
    daemon: &'a Arc<Daemon>,
    origin: Origin,
    done: Vec<Done>,
}

impl<'a> Undo<'a> {
    pub(super) fn new(daemon: &'a Arc<Daemon>, origin: Origin) -> Self {
        Self { daemon, origin, done: Vec::new() }
    }

    pub(super) fn note(&mut self, done: Done) {
        self.done.push(done);
    }

    /// Stops a container and takes its name from it.
    pub(super) async fn set_aside(&mut self, record: &ContainerRecord) -> Result<(), OpError> {
        let ran = record.state == ContainerState::Running;
        // Noted first: what is half done has to be taken back as well, and doing so twice is harmless.
        self.note(Done::SetAside { record: Box::new(record.clone()), ran });
        match stopping::stop(self.daemon, Mode::Apply, self.origin, record.id.as_str(), Default::default()).await {
            Ok(_) | Err(OpError::Already(_)) => {}
            Err(error) => return Err(error),
        }
        let aside = format!("{}{}", mark(record), record.name);
        match pausing::rename(self.daemon, record.id.as_str(), &aside).await {
            // It removes itself when it ends.
            Err(OpError::NoSuchContainer(_)) => Ok(()),
            renamed => renamed,
        }
    }

    /// All is well: what was set aside goes.
    pub(super) async fn settle(self) -> Result<(), OpError> {
        for done in self.done {
            let Done::SetAside { record, .. } = done else { continue };
            let id = record.id.as_str();
            match container::remove(self.daemon, Mode::Apply, self.origin, id, Running::Kill, Volumes::Keep).await {
                Ok(_) | Err(OpError::NoSuchContainer(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes everything back. What can't be taken back is logged: the caller must hear why there was something to.
    pub(super) async fn take_back(self) {
        for done in self.done.into_iter().rev() {
            if let Err(error) = take_back(self.daemon, self.origin, &done).await {
                tracing::error!(?done, error = &error as &dyn std::error::Error, "part of a lab is left behind");
            }
        }
    }
}

async fn take_back(daemon: &Arc<Daemon>, origin: Origin, done: &Done) -> Result<(), OpError> {
    match done {
        Done::MadeNetwork(name) => network::remove(daemon, Mode::Apply, origin, name).await.map(drop),
        Done::RemovedNetwork(old) => network::create(daemon, Mode::Apply, origin, (**old).clone()).await.map(drop),
        Done::MadeVolume(name) => volume::remove(daemon, name),
        Done::MadeContainer(id) => {
            match container::remove(daemon, Mode::Apply, origin, id.as_str(), Running::Kill, Volumes::Remove).await {
                Ok(_) | Err(OpError::NoSuchContainer(_)) => Ok(()),
                Err(error) => Err(error),
            }
        }
        Done::Started(id) => match stopping::stop(daemon, Mode::Apply, origin, id.as_str(), Default::default()).await {
            Ok(_) | Err(OpError::Already(_) | OpError::NoSuchContainer(_)) => Ok(()),
            Err(error) => Err(error),
        },
        Done::SetAside { record, ran } => {
            let now = container::find(daemon, record.id.as_str())?;
            if now.name != record.name {
                pausing::rename(daemon, record.id.as_str(), record.name.as_str()).await?;
            }
            if *ran && now.state != ContainerState::Running {
                lifecycle::start(daemon, Mode::Apply, origin, record.id.as_str()).await?;
            }
            Ok(())
        }
    }
}
