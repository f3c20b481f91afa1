//! Taking a change back: its inverse is an operation like any other, planned and shown first, and a change of its own. What can
//! no longer be taken back is refused with the reason.

use super::{
    Daemon, OpError, connect,
    container::{self, Running, Volumes},
    lifecycle, lookup, network, publish,
    stopping::{self, KILL, STOP, StopOptions},
};
use crate::{
    engine::{Changed, Mode},
    model::{NewNetwork, NewRange},
    store::{
        journal,
        undo::{self, Inverse, Later},
    },
};
use drawbridge_api::{Change, ChangeState, ContainerState, Network, Origin};
use std::sync::Arc;

/// Takes a change back; none when there is no change of that number.
///
/// # Errors
/// `State` with the reason when it can't be taken back: it was not done, its thing is gone or was changed since, or what it
/// took away is lost. Else what the inverse operation is refused with.
pub async fn undo(daemon: &Arc<Daemon>, mode: Mode, change_id: i64) -> Result<Option<Changed<()>>, OpError> {
    let (change, kept) = {
        let db = daemon.engine.store.read()?;
        let Some(change) = journal::get(&db, change_id)? else { return Ok(None) };
        (change, undo::kept(&db, change_id)?)
    };
    check_state(&change)?;
    check_since(daemon, &change)?;
    let origin = Origin::Undo(change_id);
    let subject = change.subject.as_str();
    let changed = match (change.verb.as_str(), kept) {
        (_, Some(Inverse::CreateNetwork(network))) => {
            without(network::create(daemon, mode, origin, again(*network)).await?)
        }
        (_, Some(Inverse::Connect { container, attachment })) => {
            without(connect::connect(daemon, mode, origin, container.as_str(), *attachment).await?)
        }
        (_, Some(Inverse::Disconnect { container, network })) => {
            let how = connect::Disconnect::Whole;
            without(connect::disconnect(daemon, mode, origin, container.as_str(), network.as_str(), how).await?)
        }
        (_, Some(Inverse::Publish { container, ports })) => {
            without(publish::update(daemon, mode, origin, container.as_str(), ports).await?)
        }
        ("create network", None) => network::remove(daemon, mode, origin, subject).await?,
        ("create container", None) => {
            container::remove(daemon, mode, origin, subject, Running::Keep, Volumes::Keep).await?
        }
        ("start container", None) => {
            is_running(daemon, subject, true)?;
            stopping::stop(daemon, mode, origin, subject, StopOptions::default()).await?
        }
        (STOP | KILL, None) => {
            is_running(daemon, subject, false)?;
            without(lifecycle::start(daemon, mode, origin, subject).await?)
        }
        (verb, None) => return Err(OpError::State(lost(verb, subject))),
    };
    Ok(Some(changed))
}

fn without<T>(changed: Changed<T>) -> Changed<()> {
    match changed {
        Changed::Previewed(plan) => Changed::Previewed(plan),
        Changed::Applied(_) => Changed::Applied(()),
    }
}

fn check_state(change: &Change) -> Result<(), OpError> {
    match change.state {
        ChangeState::Done => Ok(()),
        ChangeState::Open => {
            Err(OpError::State(format!("change {} is still under way; wait until it is done", change.id)))
        }
        ChangeState::Failed => Err(OpError::State(format!(
            "change {} has failed: its steps were undone then, and nothing is left to take back",
            change.id
        ))),
    }
}

/// In the order in which things were done, they are taken back from the last to the first.
fn check_since(daemon: &Daemon, change: &Change) -> Result<(), OpError> {
    // A container that was given no name is called by its id until it is there.
    let other = lookup::find(daemon, &change.subject).map(|record| record.name.to_string()).unwrap_or_default();
    let subjects = [change.subject.as_str(), if other.is_empty() { change.subject.as_str() } else { other.as_str() }];
    let all = undo::since(&*daemon.engine.store.read()?, change.id, subjects)?;
    if let Some(undoer) = all.iter().find(|later| later.undoes == Some(change.id) && stands(later, &all)) {
        return Err(OpError::State(format!(
            "change {} was taken back already, by change {}; undo that one to do it again",
            change.id, undoer.id
        )));
    }
    match all.iter().find(|later| later.id != change.id && later.undoes.is_none() && stands(later, &all)) {
        None => Ok(()),
        Some(later) => Err(OpError::State(format!(
            "{} was changed since by change {} ({}); undo that one first",
            change.subject, later.id, later.verb
        ))),
    }
}

/// Whether a change has not been taken back, by one that has not been taken back itself.
fn stands(change: &Later, all: &[Later]) -> bool {
    !all.iter().any(|other| other.id > change.id && other.undoes == Some(change.id) && stands(other, all))
}

fn is_running(daemon: &Daemon, name: &str, wanted: bool) -> Result<(), OpError> {
    let record = lookup::find(daemon, name)?;
    match (record.state == ContainerState::Running, wanted) {
        (true, true) | (false, false) => Ok(()),
        (true, false) => Err(OpError::State(format!("{name} runs again; there is nothing to take back"))),
        (false, true) => Err(OpError::State(format!("{name} has ended since; there is nothing to take back"))),
    }
}

/// Why a change of this kind can't be taken back.
fn lost(verb: &str, subject: &str) -> String {
    match verb {
        "remove container" => format!("{subject} was removed with the files written in it; make a new one"),
        "container ended" => format!("{subject} has ended by itself; start it again"),
        "remove network" | "publish ports of" | "connect container" | "disconnect container" => {
            format!("what {subject} was before is not known; change it by hand")
        }
        _ => "this is Drawbridge’s own upkeep, which keeps the kernel as it should be; there is nothing to take back"
            .to_owned(),
    }
}

/// The request that makes a network as it was. Its id is another, and so is an interface name that was made of the id.
fn again(network: Network) -> NewNetwork {
    let of_id = format!("br-{}", network.id.short());
    NewNetwork {
        bridge: network.bridge.filter(|bridge| bridge.as_str() != of_id),
        name: network.name,
        driver: network.driver,
        ranges: network
            .subnets
            .into_iter()
            .map(|subnet| NewRange {
                subnet: Some(subnet.subnet),
                gateway: Some(subnet.gateway),
                ip_range: subnet.ip_range,
                reserved: subnet.reserved,
            })
            .collect(),
        ipv4: network.ipv4,
        ipv6: network.ipv6,
        inhibit_ipv4: network.inhibit_ipv4,
        internal: network.internal,
        macvlan: network.macvlan,
        icc: network.icc,
        gateway4: network.gateway4,
        gateway6: network.gateway6,
        mtu: Some(network.mtu),
        attachable: network.attachable,
        options: network.options,
        ipam_options: network.ipam_options,
        labels: network.labels,
        predefined: false,
        settings: network.settings,
        settings_of: network.settings_of,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_back_does_not_stand_until_that_is_taken_back() {
        let later = |id, undoes| Later { id, verb: String::new(), undoes };
        let all = [later(1, None), later(2, None), later(3, Some(2)), later(4, Some(3)), later(5, None)];
        assert!(!stands(&all[2], &all[..4]), "3 was taken back by 4");
        assert!(stands(&all[1], &all), "so 2 stands again");
        assert!(!stands(&all[1], &all[..3]), "and did not before");
        assert!(stands(&all[4], &all));
    }
}
