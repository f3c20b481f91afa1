//! Containers that share another's network namespace: what they can't ask for, and whose namespace it is.

use super::{Daemon, OpError, lookup};
use crate::model::{ContainerRecord, ContainerSpec};
use drawbridge_api::{Attachment, ContainerState, NetworkMode};

/// How many containers may share with one that shares itself; more than anybody has a reason for.
const CHAIN: usize = 16;

/// Whether a container that shares another's namespace asks for something that is the other's affair.
///
/// # Errors
/// `Invalid` with the first thing that is.
pub(super) fn check(spec: &ContainerSpec, asked: &[Attachment]) -> Result<(), OpError> {
    let naming = &spec.naming;
    let asks_dns = !naming.dns_servers.is_empty() || !naming.dns_search.is_empty() || !naming.dns_options.is_empty();
    let conflict = match () {
        () if spec.hostname.is_some() || !naming.domainname.is_empty() => "hostname and the network mode",
        () if asks_dns => "dns and the network mode",
        () if !naming.extra_hosts.is_empty() => "custom host-to-IP mapping and the network mode",
        () if asked.iter().any(|attachment| attachment.mac.is_some()) => "mac-address and the network mode",
        () if !spec.ports.is_empty() || spec.publish_all => "port publishing and the container type network mode",
        () if !spec.exposed_ports.is_empty() => "port exposing and the container type network mode",
        () if !asked.is_empty() => return Err(shares_a_namespace()),
        () => return Ok(()),
    };
    Err(OpError::Invalid(format!("conflicting options: {conflict}")))
}

/// Why a container in another's namespace, or in the host's, joins no network.
pub(super) fn shares_a_namespace() -> OpError {
    OpError::Invalid(
        "container sharing network namespace with another container or host cannot be connected to any other network"
            .into(),
    )
}

/// The container whose network namespace, host name and files a container has: itself, unless it shares another's.
///
/// # Errors
/// `NoSuchContainer`, or `Invalid` when each shares with the next without end.
pub(super) fn owner(daemon: &Daemon, record: &ContainerRecord) -> Result<ContainerRecord, OpError> {
    let db = daemon.engine.store.read()?;
    let mut owner = record.clone();
    for _ in 0..CHAIN {
        match &owner.spec.network_mode {
            NetworkMode::Container(other) => owner = lookup::find_in(&db, other.as_str())?,
            NetworkMode::Host | NetworkMode::None | NetworkMode::Network(_) => return Ok(owner),
        }
    }
    Err(OpError::Invalid(format!(
        "container {} shares a network namespace with one that shares another's, and so on; name the last of them",
        record.name
    )))
}

/// Refuses to start a container whose namespace is that of one which does not run.
///
/// # Errors
/// `CannotJoin`.
pub(super) fn check_runs(daemon: &Daemon, record: &ContainerRecord) -> Result<(), OpError> {
    let owner = owner(daemon, record)?;
    if owner.id != record.id && owner.state != ContainerState::Running {
        return Err(OpError::CannotJoin(owner.id.to_string()));
    }
    Ok(())
}
