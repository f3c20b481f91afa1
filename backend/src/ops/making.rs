//! How a thing comes to be in the kernel: the plan from nothing to what its rows want. So the commands that make it are there
//! at any time, however it was made, and whatever was mended since.

use super::{Daemon, OpError, container, lifecycle, network};
use crate::store::{desired, journal, sysctl};
use drawbridge_api::Plan;
use drawbridge_plan::{BridgeNetwork, Desired, Observed, Scope, plan, script};
use tokio::task::block_in_place;

/// What makes a container's namespace and its links; nothing while it does not run.
///
/// # Errors
/// `NoSuchContainer`, `Ambiguous`, or when the store fails.
pub fn container(daemon: &Daemon, text: &str) -> Result<Plan, OpError> {
    block_in_place(|| {
        let found = container::find(daemon, text)?;
        from_nothing(daemon, &lifecycle::scope_of(daemon, &found.id)?)
    })
}

/// What makes a network's bridge; nothing for a network without one.
///
/// # Errors
/// `NoSuchNetwork`, `Ambiguous`, or when the store fails.
pub fn network(daemon: &Daemon, text: &str) -> Result<Plan, OpError> {
    block_in_place(|| {
        let found = network::find(daemon, text)?;
        let Some(bridge) = found.bridge else { return Ok(Plan::default()) };
        let rows = desired::networks(&*daemon.engine.store.read()?, Some(found.id.as_str()))?;
        let elements = rows.iter().flat_map(BridgeNetwork::elements).collect();
        from_nothing(daemon, &Scope::Network { id: found.id, bridge, elements })
    })
}

fn from_nothing(daemon: &Daemon, scope: &Scope) -> Result<Plan, OpError> {
    let db = daemon.engine.store.read()?;
    let steps = plan(&desired::load(&db, scope)?, &Observed::default(), scope);
    let base = Desired { sysctls: sysctl::needed(&db)?, ..Desired::default() };
    Ok(Plan { script: script(base, &desired::networks(&db, None)?, &steps), steps: journal::planned(&steps) })
}
