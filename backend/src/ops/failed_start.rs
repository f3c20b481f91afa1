//! What becomes of a container that could not be started.

use super::{Daemon, OpError, lookup, removal};
use crate::{model::ContainerRecord, runtime::RuntimeError, store::container as rows};
use drawbridge_api::Origin;

/// Leaves a container that could not be started as it was, with the code a shell would give; one with `--rm` is removed
/// all the same.
pub(super) async fn note(daemon: &Daemon, record: &ContainerRecord, error: &OpError) {
    if let Err(failed) = write(daemon, record, error).await {
        tracing::error!(container = %record.id.short(), error = &failed as &dyn std::error::Error, "cannot note a failed start");
    }
}

async fn write(daemon: &Daemon, record: &ContainerRecord, error: &OpError) -> Result<(), OpError> {
    let code = match error {
        OpError::Runtime(error) => exit_code(error),
        _ => 128,
    };
    daemon.engine.write(|db| rows::set_start_failed(db, &record.id, code, &error.to_string()))?;
    if record.spec.auto_remove {
        return removal::delete(daemon, record, Origin::Daemon, removal::Volumes::Remove).await;
    }
    lookup::publish(daemon, &record.id)
}

/// The exit code that a shell would give, for a process that did not start.
pub(super) fn exit_code(error: &RuntimeError) -> i32 {
    match error {
        RuntimeError::CommandNotFound { .. } => 127,
        RuntimeError::CommandNotExecutable { .. } => 126,
        _ => 128,
    }
}

/// Whether the request's own command is to blame.
pub(super) fn is_bad_command(error: &RuntimeError) -> bool {
    matches!(
        error,
        RuntimeError::CommandNotFound { .. }
            | RuntimeError::CommandNotExecutable { .. }
            | RuntimeError::NoCommand
            | RuntimeError::Invalid(_)
            | RuntimeError::UnknownUser(_)
            | RuntimeError::UnknownGroup(_)
    )
}
