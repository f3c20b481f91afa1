//! Networks: find, create, remove.

use super::{
    Daemon, OpError,
    ipam::{self, Pools},
    taken,
};
use crate::{
    clock,
    engine::{Changed, Draft, IP_FORWARD, IP6_FORWARD, Mode},
    model::NewNetwork,
    notices::{Deed, Kind, NetworkDeed},
    store::{
        Connection, desired, endpoint,
        journal::Request,
        lease, network, sysctl,
        undo::{self, Inverse},
    },
};
use drawbridge_api::{
    ContainerId, Driver, Endpoint, EventKind, GatewayMode, IfName, Macvlan, MacvlanMode, Network, NetworkId,
    NetworkName, Origin,
};
use drawbridge_kernel::HostView;
use drawbridge_plan::{BridgeNetwork, Scope};
use std::net::IpAddr;

/// The network that a name, an id or the beginning of one means.
///
/// # Errors
/// `NoSuchNetwork`, `Ambiguous`.
pub fn find(daemon: &Daemon, text: &str) -> Result<Network, OpError> {
    find_in(&*daemon.engine.store.read()?, text)
}

pub(super) fn find_in(db: &Connection, text: &str) -> Result<Network, OpError> {
    let ids = network::resolve(db, text)?;
    let id = match ids.as_slice() {
        [] => return Err(OpError::NoSuchNetwork(text.to_owned())),
        [id] => id,
        several => {
            return Err(OpError::Ambiguous { kind: "network", text: text.to_owned(), count: several.len() });
        }
    };
    network::get(db, id)?.ok_or_else(|| OpError::NoSuchNetwork(text.to_owned()))
}

/// All networks, oldest first.
///
/// # Errors
/// When the store fails.
pub fn list(daemon: &Daemon) -> Result<Vec<Network>, OpError> {
    Ok(network::list(&*daemon.engine.store.read()?)?)
}

/// The endpoints that are in a network, with their containers.
///
/// # Errors
/// When the store fails.
pub fn endpoints(daemon: &Daemon, id: &NetworkId) -> Result<Vec<(ContainerId, Endpoint)>, OpError> {
    Ok(endpoint::of_network(&*daemon.engine.store.read()?, id)?)
}

/// Makes a network.
///
/// # Errors
/// When its name, bridge or range is taken or makes no sense, or the kernel refuses; nothing is made then.
pub async fn create(daemon: &Daemon, mode: Mode, origin: Origin, new: NewNetwork) -> Result<Changed<Network>, OpError> {
    let host = daemon.look_at_host().await?;
    let id = NetworkId::from_bytes(rand::random());
    let bridge = match &new.bridge {
        Some(bridge) => bridge.clone(),
        None => format!("br-{}", id.short()).parse()?,
    };
    if new.driver == Driver::Bridge && taken::is_foreign(&host, &bridge) {
        return Err(OpError::BridgeTaken { bridge: bridge.to_string() });
    }
    let request = Request { verb: "create network", subject: new.name.to_string(), origin };
    let scope = Scope::Network { id: id.clone(), bridge: bridge.clone(), elements: Vec::new() };
    let changed = daemon
        .engine
        .change(mode, request, scope, |db, draft| enter(db, draft, &new, (id, bridge), &host, daemon.pools()))
        .await?;
    if let Changed::Applied(network) = &changed {
        publish(daemon, &network.id)?;
        daemon.tell_network(network, NetworkDeed::Create);
    }
    Ok(changed)
}

/// Writes the rows of a network that is to be made.
pub(super) fn enter(
    db: &Connection,
    draft: &Draft,
    new: &NewNetwork,
    (id, bridge): (NetworkId, IfName),
    host: &HostView,
    pools: &Pools,
) -> Result<Network, OpError> {
    let network = lay_out(db, new, id, bridge, host, pools)?;
    network::insert(db, &network, draft.change_id)?;
    for subnet in &network.subnets {
        for address in std::iter::once(&subnet.gateway).chain(subnet.reserved.values()) {
            lease::reserve(db, &network.id, *address)?;
        }
    }
    let has_way_out = network.driver == Driver::Bridge && !network.internal;
    for (key, wanted) in [(IP_FORWARD, network.ipv4), (IP6_FORWARD, network.ipv6)] {
        let there = draft.observed.sysctls.get(key);
        if wanted && key == IP6_FORWARD && there.is_none() {
            return Err(OpError::Invalid("this machine's kernel has no IPv6; leave --ipv6 out".into()));
        }
        if wanted && has_way_out {
            // Absent only where /proc/sys is not mounted; then the step that needs it says so.
            sysctl::need(db, key, "1", there.map_or("0", String::as_str))?;
        }
    }
    Ok(network)
}

/// Removes every network that nothing runs in and that `is_meant`, the predefined ones apart. Returns those that are gone.
///
/// # Errors
/// When one can't be removed for another reason than that something runs in it; those before it are gone then.
pub async fn prune(
    daemon: &Daemon,
    origin: Origin,
    is_meant: impl Fn(&Network) -> bool,
) -> Result<Vec<NetworkName>, OpError> {
    let mut removed = Vec::new();
    for network in list(daemon)?
        .into_iter()
        .filter(|network| !network.predefined && network.settings.is_none() && is_meant(network))
    {
        match remove(daemon, Mode::Apply, origin, network.id.as_str()).await {
            Ok(_) => removed.push(network.name),
            Err(OpError::NetworkInUse { .. } | OpError::NoSuchNetwork(_)) => {}
            Err(error) => return Err(error),
        }
    }
    daemon.notices.tell(Deed::Pruned { kind: Kind::Network, reclaimed_bytes: 0 });
    Ok(removed)
}

/// Removes a network and its bridge.
///
/// # Errors
/// When it is predefined or containers are in it, or the kernel refuses; it is whole then.
pub async fn remove(daemon: &Daemon, mode: Mode, origin: Origin, text: &str) -> Result<Changed<()>, OpError> {
    let network = find(daemon, text)?;
    if network.predefined {
        return Err(OpError::PredefinedNetwork(network.name.to_string()));
    }
    // The kernel has nothing of a network without a bridge: no link has this name.
    let bridge = match &network.bridge {
        Some(bridge) => bridge.clone(),
        None => format!("br-{}", network.id.short()).parse()?,
    };
    let request = Request { verb: "remove network", subject: network.name.to_string(), origin };
    let rows = desired::networks(&*daemon.engine.store.read()?, Some(network.id.as_str()))?;
    let elements = rows.iter().flat_map(BridgeNetwork::elements).collect();
    let scope = Scope::Network { id: network.id.clone(), bridge, elements };
    let changed = daemon
        .engine
        .change(mode, request, scope, |db, draft| {
            let inside = endpoint::of_network(db, &network.id)?;
            if !inside.is_empty() {
                return Err(in_use(db, &network, &inside)?);
            }
            let takes_over = |other: &Network| other.settings_of.as_ref() == Some(&network.name);
            if let Some(other) = network::list(db)?.iter().find(|other| takes_over(other)) {
                return Err(OpError::Forbidden(format!(
                    "configuration network \"{}\" is in use: network {} has its settings",
                    network.name, other.name
                )));
            }
            network::mark_removing(db, &network.id, draft.change_id)?;
            undo::keep(db, draft.change_id, &Inverse::CreateNetwork(Box::new(network.clone())))?;
            Ok::<_, OpError>(())
        })
        .await?;
    if let Changed::Applied(()) = &changed {
        publish(daemon, &network.id)?;
        daemon.tell_network(&network, NetworkDeed::Destroy);
    }
    Ok(changed)
}

/// Tells listeners how a network is now.
fn publish(daemon: &Daemon, id: &NetworkId) -> Result<(), OpError> {
    daemon.publish(|| {
        let now = network::get(&*daemon.engine.store.read()?, id)?;
        Ok(now.map_or_else(|| EventKind::NetworkRemoved(id.clone()), EventKind::Network))
    })
}

fn in_use(db: &Connection, network: &Network, inside: &[(ContainerId, Endpoint)]) -> Result<OpError, OpError> {
    let mut endpoints = Vec::with_capacity(inside.len());
    for (container, endpoint) in inside {
        if let Some(container) = crate::store::container::get(db, container)? {
            endpoints.push(format!("name:\"{}\" id:\"{}\"", container.name, endpoint.id.short()));
        }
    }
    Ok(OpError::NetworkInUse { network: network.name.to_string(), endpoints: endpoints.join(", ") })
}

/// Chooses what the request left open and checks it against what is there.
fn lay_out(
    db: &Connection,
    new: &NewNetwork,
    id: NetworkId,
    bridge: IfName,
    host: &HostView,
    pools: &Pools,
) -> Result<Network, OpError> {
    let others = network::list(db)?;
    if others.iter().any(|other| other.name == new.name) {
        return Err(OpError::NetworkNameTaken(new.name.to_string()));
    }
    if let Some(other) = others.iter().find(|other| other.bridge.as_ref() == Some(&bridge)) {
        return Err(OpError::BridgeOfNetwork { bridge: bridge.to_string(), network: other.name.to_string() });
    }
    let taken = taken::ranges(&network::ranges(db)?, host);
    // What is settings only has no ranges yet: who takes it over gets them.
    let subnets = if new.settings.is_some() { Vec::new() } else { ipam::subnets(new, &taken, pools)? };
    check_outlet(new, host)?;
    if let Some(macvlan) = &new.macvlan {
        check_parent(macvlan, &others, host)?;
    }
    Ok(Network {
        bridge: (new.driver == Driver::Bridge).then_some(bridge),
        macvlan: new.macvlan.clone(),
        ipv4: new.ipv4,
        ipv6: new.ipv6,
        subnets,
        inhibit_ipv4: new.inhibit_ipv4,
        internal: new.internal,
        icc: new.icc,
        gateway4: new.gateway4.clone(),
        gateway6: new.gateway6.clone(),
        mtu: new.mtu.or(host.default_route_mtu).unwrap_or(1500),
        attachable: new.attachable,
        options: new.options.clone(),
        ipam_options: new.ipam_options.clone(),
        labels: new.labels.clone(),
        predefined: new.predefined,
        settings: new.settings.clone(),
        settings_of: new.settings_of.clone(),
        created_at_ms: clock::now_ms(),
        ..Network::new(id, new.name.clone(), new.driver)
    })
}

/// The interface that is to be shared must be the host's own, and nobody shares one that a network has for itself.
fn check_parent(macvlan: &Macvlan, others: &[Network], host: &HostView) -> Result<(), OpError> {
    let parent = &macvlan.parent;
    let found = host.links.iter().find(|link| link.name == parent.as_str());
    let usable = found.is_some_and(|link| !taken::is_ours(link) && link.name != "lo");
    if !usable {
        return Err(OpError::Invalid(format!(
            "invalid parent interface {parent}: it must be an interface of this machine that is not Drawbridge's; `ip link` \
             lists those that there are"
        )));
    }
    let sharing = others.iter().filter_map(|other| Some((other, other.macvlan.as_ref()?)));
    let alone = |mode: MacvlanMode| mode == MacvlanMode::Passthru;
    let mut in_the_way =
        sharing.filter(|(_, other)| other.parent == *parent && (alone(other.mode) || alone(macvlan.mode)));
    match in_the_way.next() {
        Some((other, _)) => Err(OpError::Invalid(format!(
            "network {} is already using parent interface {parent}; in passthru mode it can't be shared",
            other.name
        ))),
        None => Ok(()),
    }
}

/// How it meets the outside must make sense, and an address that packets are to leave with must be the host's.
fn check_outlet(new: &NewNetwork, host: &HostView) -> Result<(), OpError> {
    for gateway in [&new.gateway4, &new.gateway6] {
        if gateway.mode == GatewayMode::Isolated && !new.internal {
            return Err(OpError::Invalid("gateway mode 'isolated' can only be used for an internal network".into()));
        }
    }
    for (source, option, is_family) in [
        (new.gateway4.source, "com.docker.network.host_ipv4", IpAddr::is_ipv4 as fn(&IpAddr) -> bool),
        (new.gateway6.source, "com.docker.network.host_ipv6", IpAddr::is_ipv6),
    ] {
        let Some(source) = source else { continue };
        let is_ours = host.links.iter().flat_map(|link| &link.addresses).any(|address| address.addr() == source);
        if !is_family(&source) || !is_ours {
            return Err(OpError::Invalid(format!(
                "invalid value for {option}: no interface of this machine has {source}; `ip addr` lists those that there are"
            )));
        }
    }
    Ok(())
}
