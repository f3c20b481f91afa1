//! Connecting containers to networks and disconnecting them, at once where they run. What it asks for is kept for its next
//! start.

use super::{
    Daemon, OpError,
    attach::{self, End},
    etc, interface_settings, lifecycle, lookup, network,
    outlet::{self, Outlets},
    publish::{self, Asker, Reservation},
    sharing,
};
use crate::{
    engine::{Changed, Draft, Mode},
    model::ContainerRecord,
    store::{
        Connection, attachment as attachments, endpoint,
        journal::Request,
        network as networks, port as ports,
        undo::{self, Inverse},
    },
};
use drawbridge_api::{
    Attachment, ContainerId, ContainerState, Driver, Endpoint, Network, NetworkMode, NetworkName, Origin, PublishedPort,
};
use drawbridge_plan::Scope;
use std::net::IpAddr;

/// What becomes of what can't be found out or taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disconnect {
    /// It is refused.
    Whole,
    /// A network that is gone is forgotten.
    Forced,
}

/// Connects a container to a network, at once where it runs.
///
/// # Errors
/// When the network can't give what is asked for, when a running container is in it already, when the two can't be combined,
/// or the kernel refuses; everything is as before then.
pub async fn connect(
    daemon: &Daemon,
    mode: Mode,
    origin: Origin,
    text: &str,
    asked: Attachment,
) -> Result<Changed<ContainerRecord>, OpError> {
    let network = network::find(daemon, asked.network.as_str())?;
    let attachment = Attachment { network: network.name.clone(), ..asked };
    let found = lookup::find(daemon, text)?;
    let _held = daemon.hold(&found.id).await;
    let record = lookup::get(daemon, &found.id)?;
    let known = attachments::of_container(&*daemon.engine.store.read()?, &record.id)?;
    attach::check(&network, &attachment)?;
    let others = networks_of(daemon, &known)?;
    attach::check_together(&network, &others)?;
    match record.spec.network_mode {
        NetworkMode::Host | NetworkMode::Container(_) => return Err(sharing::shares_a_namespace()),
        NetworkMode::None | NetworkMode::Network(_) if network.driver == Driver::Host => {
            return Err(sharing::shares_a_namespace());
        }
        NetworkMode::None | NetworkMode::Network(_) => {}
    }
    let runs = record.state == ContainerState::Running;
    let already = known.iter().any(|known| known.network == network.name);
    if runs && already {
        return Err(OpError::AlreadyConnected {
            container: record.name.to_string(),
            network: network.name.to_string(),
        });
    }
    let end = End::new()?;
    let mut after: Vec<Attachment> = known.into_iter().filter(|known| known.network != network.name).collect();
    after.push(attachment.clone());
    let request = Request { verb: "connect container", subject: record.name.to_string(), origin };
    let connected = change(daemon, mode, request, &record, &after, Some(&end), |db, draft, endpoints| {
        attachments::delete(db, &record.id, &network.name)?;
        attachments::insert(db, &record.id, &attachment)?;
        // What it replaces would have to come back too.
        if !already {
            let inverse = Inverse::Disconnect { container: record.id.clone(), network: network.name.clone() };
            undo::keep(db, draft.change_id, &inverse)?;
        }
        if runs {
            endpoints.extend(attach::plug(db, draft, &record.id, &network, &attachment, &end, endpoints)?);
        }
        Ok(())
    })
    .await?;
    if runs
        && mode == Mode::Apply
        && let Err(error) = interface_settings::set(daemon, &record.id, &attachment)
    {
        unplug(daemon, mode, origin, &record, &network.name).await?;
        return Err(error);
    }
    Ok(connected)
}

/// Disconnects a container from a network, at once where it runs.
///
/// # Errors
/// When it is not connected, or the kernel refuses; everything is as before then.
pub async fn disconnect(
    daemon: &Daemon,
    mode: Mode,
    origin: Origin,
    text: &str,
    network_text: &str,
    how: Disconnect,
) -> Result<Changed<ContainerRecord>, OpError> {
    let found = lookup::find(daemon, text)?;
    let _held = daemon.hold(&found.id).await;
    let record = lookup::get(daemon, &found.id)?;
    let network = match network::find(daemon, network_text) {
        Ok(network) => network.name,
        // A network may be gone that a container which does not run still asks for.
        Err(OpError::NoSuchNetwork(_)) if how == Disconnect::Forced => network_text.parse()?,
        Err(error) => return Err(error),
    };
    unplug(daemon, mode, origin, &record, &network).await
}

/// Takes a container that the caller holds out of a network.
async fn unplug(
    daemon: &Daemon,
    mode: Mode,
    origin: Origin,
    record: &ContainerRecord,
    network: &NetworkName,
) -> Result<Changed<ContainerRecord>, OpError> {
    let known = attachments::of_container(&*daemon.engine.store.read()?, &record.id)?;
    if !known.iter().any(|known| known.network == *network) {
        return Err(OpError::NotConnected { container: record.id.to_string(), network: network.to_string() });
    }
    if record.spec.network_mode == NetworkMode::Host {
        return Err(OpError::Invalid(
            "container cannot be disconnected from host network or connected to host network".into(),
        ));
    }
    let (left, after): (Vec<Attachment>, Vec<Attachment>) =
        known.into_iter().partition(|known| known.network == *network);
    let request = Request { verb: "disconnect container", subject: record.name.to_string(), origin };
    change(daemon, mode, request, record, &after, None, |db, draft, endpoints| {
        attachments::delete(db, &record.id, network)?;
        if let Some(attachment) = left.first() {
            let attachment = Box::new(attachment.clone());
            undo::keep(db, draft.change_id, &Inverse::Connect { container: record.id.clone(), attachment })?;
        }
        if let Some(position) = endpoints.iter().position(|endpoint| endpoint.network == *network) {
            let endpoint = endpoints.remove(position);
            endpoint::mark_one_removing(db, &endpoint.id, draft.change_id)?;
        }
        Ok(())
    })
    .await
}

/// Makes a change of a container's attachments, and lets its published ports follow the endpoints that lead out.
async fn change(
    daemon: &Daemon,
    mode: Mode,
    request: Request,
    record: &ContainerRecord,
    after: &[Attachment],
    end: Option<&End>,
    edit: impl FnOnce(&Connection, &Draft, &mut Vec<Endpoint>) -> Result<(), OpError>,
) -> Result<Changed<ContainerRecord>, OpError> {
    let runs = record.state == ContainerState::Running;
    let (mut endpoints, before) = {
        let db = daemon.engine.store.read()?;
        (endpoint::of_container(&db, &record.id)?, ports::of_container(&db, &record.id)?)
    };
    let reservation = if runs {
        let leading = outlet::leading(&with_priorities(daemon, after)?);
        let at = leading.endpoint(&endpoints).or(end.map(|end| &end.endpoint));
        publish::reserve(daemon, Asker::of(record, at), &record.spec, &leading, &before)?
    } else {
        Reservation::default()
    };
    let scope = with_end(lifecycle::scope_of(daemon, &record.id)?, end);
    let old = endpoints.clone();
    let changed = daemon
        .engine
        .change(mode, request, scope, |db, draft| {
            edit(db, draft, &mut endpoints)?;
            move_ports(db, draft, (&old, &before), (&endpoints, &reservation.ports))
        })
        .await?;
    match changed {
        Changed::Previewed(plan) => Ok(Changed::Previewed(plan)),
        Changed::Applied(()) => {
            let wanted = reservation.ports;
            daemon.holds.keep(&record.id, reservation.held, &wanted, &Outlets::of(&endpoints).addresses());
            let is_in = |list: &[Endpoint], one: &Endpoint| list.iter().any(|other| other.id == one.id);
            let joined: Vec<Endpoint> = endpoints.iter().filter(|one| !is_in(&old, one)).cloned().collect();
            let left: Vec<Endpoint> = old.iter().filter(|one| !is_in(&endpoints, one)).cloned().collect();
            if runs {
                let gone: Vec<IpAddr> =
                    left.iter().flat_map(Endpoint::addresses).map(|address| address.addr()).collect();
                // What is done is done; a file that can't be written, since somebody has taken it away, is no reason to undo it.
                if let Err(error) = etc::rewrite(daemon, record, &gone) {
                    tracing::warn!(container = %record.id.short(), error = &error as &dyn std::error::Error, "names in its files are out of date");
                }
            }
            if !joined.is_empty() {
                daemon.tell_joined(record, &joined);
            }
            if !left.is_empty() {
                daemon.tell_left(record, &left);
            }
            lookup::publish(daemon, &record.id)?;
            Ok(Changed::Applied(lookup::get(daemon, &record.id)?))
        }
    }
}

/// Writes the rows of ports that come, go, or go over to another endpoint.
pub(super) fn move_ports(
    db: &Connection,
    draft: &Draft,
    (old, before): (&[Endpoint], &[PublishedPort]),
    (new, wanted): (&[Endpoint], &[PublishedPort]),
) -> Result<(), OpError> {
    let (old, new) = (Outlets::of(old), Outlets::of(new));
    let stays = |port: &PublishedPort| {
        let endpoint = |outlets: &Outlets<'_>| outlets.of_port(port).map(|endpoint| endpoint.id.clone());
        before.contains(port) && wanted.contains(port) && endpoint(&old) == endpoint(&new)
    };
    for port in before.iter().filter(|port| !stays(port)) {
        if let Some(endpoint) = old.of_port(port) {
            ports::mark_removing(db, &endpoint.id, port, draft.change_id)?;
        }
    }
    for port in wanted.iter().filter(|port| !stays(port)) {
        if let Some(endpoint) = new.of_port(port) {
            ports::insert(db, &endpoint.id, port, draft.change_id)?;
        }
    }
    Ok(())
}

/// The scope of a container with one more host end.
fn with_end(scope: Scope, end: Option<&End>) -> Scope {
    match scope {
        Scope::Container { id, namespace, mut host_ends, elements } => {
            host_ends.extend(end.map(|end| end.host_end.clone()));
            Scope::Container { id, namespace, host_ends, elements }
        }
        other @ (Scope::Everything | Scope::Tables | Scope::Network { .. }) => other,
    }
}

/// The networks of attachments, as far as they are there.
fn networks_of(daemon: &Daemon, attachments: &[Attachment]) -> Result<Vec<Network>, OpError> {
    Ok(with_priorities(daemon, attachments)?.into_iter().map(|(network, _)| network).collect())
}

/// The networks that a container is attached to, with the priorities that were asked for.
pub(super) fn attached(daemon: &Daemon, id: &ContainerId) -> Result<Vec<(Network, i32)>, OpError> {
    let attachments = attachments::of_container(&*daemon.engine.store.read()?, id)?;
    with_priorities(daemon, &attachments)
}

pub(super) fn with_priorities(daemon: &Daemon, attachments: &[Attachment]) -> Result<Vec<(Network, i32)>, OpError> {
    let db = daemon.engine.store.read()?;
    let mut found = Vec::with_capacity(attachments.len());
    for attachment in attachments {
        let network = networks::by_name(&db, &attachment.network)?;
        found.extend(network.map(|network| (network, attachment.gateway_priority)));
    }
    Ok(found)
}
