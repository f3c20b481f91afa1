//! Networks: find, create, remove.

use super::{Daemon, OpError};
use crate::{
    clock,
    engine::{Changed, IP_FORWARD, Mode},
    model::NewNetwork,
    notices::NetworkDeed,
    store::{Connection, desired, endpoint, journal::Request, lease, network, sysctl},
};
use drawbridge_api::{
    ContainerId, Driver, Endpoint, EventKind, GatewayMode, HostAddress, IfName, Network, NetworkId, NetworkName,
    Origin, Subnet,
};
use drawbridge_kernel::{HostLink, HostView};
use drawbridge_plan::{BridgeNetwork, Scope, alloc};
use ipnet::{IpNet, Ipv4Net};
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

/// Makes a bridge network.
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
    if is_foreign(&host, &bridge) {
        return Err(OpError::BridgeTaken { bridge: bridge.to_string() });
    }
    let request = Request { verb: "create network", subject: new.name.to_string(), origin };
    let scope = Scope::Network { id: id.clone(), bridge: bridge.clone(), elements: Vec::new() };
    let changed = daemon
        .engine
        .change(mode, request, scope, |db, draft| {
            let network = lay_out(db, &new, id, bridge, &host)?;
            network::insert(db, &network, draft.change_id)?;
            for subnet in &network.subnets {
                lease::reserve(db, &network.id, subnet.gateway)?;
            }
            if !network.internal {
                // Absent only where /proc/sys is not mounted; then the step that needs it says so.
                let original = draft.observed.sysctls.get(IP_FORWARD).map_or("0", String::as_str);
                sysctl::need(db, IP_FORWARD, "1", original)?;
            }
            Ok::<_, OpError>(network)
        })
        .await?;
    if let Changed::Applied(network) = &changed {
        daemon.engine.events.publish(EventKind::Network(network.clone()), clock::now_ms());
        daemon.tell_network(network, NetworkDeed::Create);
    }
    Ok(changed)
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
    let Some(bridge) = network.bridge.clone() else {
        return Err(OpError::PredefinedNetwork(network.name.to_string()));
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
            network::mark_removing(db, &network.id, draft.change_id)?;
            Ok::<_, OpError>(())
        })
        .await?;
    if let Changed::Applied(()) = &changed {
        daemon.engine.events.publish(EventKind::NetworkRemoved(network.id.clone()), clock::now_ms());
        daemon.tell_network(&network, NetworkDeed::Destroy);
    }
    Ok(changed)
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
) -> Result<Network, OpError> {
    let others = network::list(db)?;
    if others.iter().any(|other| other.name == new.name) {
        return Err(OpError::NetworkNameTaken(new.name.to_string()));
    }
    if let Some(other) = others.iter().find(|other| other.bridge.as_ref() == Some(&bridge)) {
        return Err(OpError::BridgeOfNetwork { bridge: bridge.to_string(), network: other.name.to_string() });
    }
    let taken = taken_ranges(&network::ranges(db)?, host);
    let subnet = match new.subnet {
        Some(subnet) => checked_subnet(subnet, &taken)?,
        None => {
            let ranges: Vec<IpNet> = taken.iter().map(|(range, _)| *range).collect();
            let pools = alloc::default_pools().map(IpNet::V4);
            match alloc::free_pool(pools, &ranges) {
                Some(IpNet::V4(pool)) => pool,
                Some(IpNet::V6(_)) | None => return Err(OpError::NoFreePool),
            }
        }
    };
    let gateway = checked_gateway(new.gateway, subnet)?;
    check_outlet(new, host)?;
    Ok(Network {
        bridge: Some(bridge),
        subnets: vec![Subnet::new(IpNet::V4(subnet), gateway)],
        internal: new.internal,
        icc: new.icc,
        gateway4: new.gateway4.clone(),
        gateway6: new.gateway6.clone(),
        mtu: new.mtu.or(host.default_route_mtu).unwrap_or(1500),
        options: new.options.clone(),
        labels: new.labels.clone(),
        predefined: new.predefined,
        created_at_ms: clock::now_ms(),
        ..Network::new(id, new.name.clone(), Driver::Bridge)
    })
}

/// Every range in use, with what has it, as the end of a sentence.
pub(super) fn taken_ranges(networks: &[(IpNet, NetworkName)], host: &HostView) -> Vec<(IpNet, String)> {
    let ours = networks.iter().map(|(range, name)| (*range, format!("network {name}")));
    ours.chain(foreign_ranges(host)).collect()
}

/// Whether the host has an interface of that name that is not ours.
pub(super) fn is_foreign(host: &HostView, name: &IfName) -> bool {
    host.links.iter().any(|link| link.name == name.as_str() && !is_ours(link))
}

fn is_ours(link: &HostLink) -> bool {
    link.alias.as_deref().is_some_and(|alias| alias.starts_with("drawbridge:"))
}

/// The host's own addresses: not its loopback's, and not our bridges'.
pub(super) fn host_addresses(host: &HostView) -> Vec<HostAddress> {
    let foreign = host.links.iter().filter(|link| link.name != "lo" && !is_ours(link));
    let addresses = foreign.flat_map(|link| {
        link.addresses.iter().map(|address| HostAddress { interface: link.name.clone(), address: *address })
    });
    addresses.collect()
}

/// The ranges that the host uses for itself: its addresses, its routes (a VPN's are such), its resolvers. Routes to our
/// own bridges are left out: the rows say those better.
fn foreign_ranges(host: &HostView) -> impl Iterator<Item = (IpNet, String)> + '_ {
    let (ours, theirs): (Vec<_>, Vec<_>) = host.links.iter().partition(|link| is_ours(link));
    let our_ranges: Vec<IpNet> = ours.iter().flat_map(|link| &link.addresses).map(IpNet::trunc).collect();
    let addresses = theirs.into_iter().flat_map(|link| {
        link.addresses.iter().map(move |address| (address.trunc(), format!("interface {}", link.name)))
    });
    let routes = host
        .routes
        .iter()
        .filter(move |route| !our_ranges.contains(&route.trunc()))
        .map(|route| (*route, format!("the host's route to {route}")));
    let resolvers =
        host.nameservers.iter().map(|address| (IpNet::from(*address), format!("the host's name server {address}")));
    addresses.chain(routes).chain(resolvers)
}

fn checked_subnet(subnet: IpNet, taken: &[(IpNet, String)]) -> Result<Ipv4Net, OpError> {
    let IpNet::V4(range) = subnet else {
        return Err(OpError::NotBuilt(format!("an IPv6 range ({subnet})")));
    };
    if range.trunc() != range {
        return Err(OpError::Invalid(format!("invalid subnet {range}: it should be {}", range.trunc())));
    }
    // A bridge and one container are the least; RFC 3021's /31 has no room for the two and a broadcast address.
    if range.prefix_len() > 30 || range.prefix_len() < 8 {
        return Err(OpError::Invalid(format!("invalid subnet {range}: its prefix must be from /8 to /30")));
    }
    if range.addr().is_loopback() || range.addr().is_multicast() || range.addr().octets()[0] == 0 {
        return Err(OpError::Invalid(format!(
            "invalid subnet {range}: loopback, multicast and 0.0.0.0/8 addresses can't be given to containers"
        )));
    }
    match taken.iter().find(|(other, _)| alloc::overlap(*other, subnet)) {
        Some((other, holder)) => Err(OpError::SubnetOverlaps { subnet, range: *other, holder: holder.clone() }),
        None => Ok(range),
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

fn checked_gateway(gateway: Option<IpAddr>, subnet: Ipv4Net) -> Result<IpAddr, OpError> {
    let Some(gateway) = gateway else {
        let range = IpNet::V4(subnet);
        return alloc::lowest_free(range, range, range.network(), []).ok_or(OpError::NoFreePool);
    };
    match gateway {
        IpAddr::V4(address)
            if subnet.contains(&address) && address != subnet.network() && address != subnet.broadcast() =>
        {
            Ok(gateway)
        }
        IpAddr::V4(_) | IpAddr::V6(_) => Err(OpError::Invalid(format!(
            "invalid gateway {gateway}: it must be one of the host addresses of {subnet}, such as {}",
            IpAddr::V4(subnet.hosts().next().unwrap_or(subnet.network()))
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_subnet(subnet: &str, expected: &str) {
        let taken = vec![("172.17.0.0/16".parse().unwrap(), "network bridge".to_owned())];
        let found = match checked_subnet(subnet.parse().unwrap(), &taken) {
            Ok(range) => range.to_string(),
            Err(error) => error.to_string(),
        };
        assert!(found.starts_with(expected), "{subnet}: {found}");
    }

    #[test]
    fn a_range_must_be_free_and_make_sense() {
        check_subnet("10.1.0.0/16", "10.1.0.0/16");
        check_subnet("10.1.0.1/16", "invalid subnet 10.1.0.1/16: it should be 10.1.0.0/16");
        check_subnet("10.1.0.0/31", "invalid subnet 10.1.0.0/31: its prefix");
        check_subnet("127.0.0.0/8", "invalid subnet 127.0.0.0/8: loopback");
        check_subnet(
            "172.17.8.0/24",
            "invalid pool request: Pool overlaps with other one on this address space: 172.17.8.0/24 overlaps 172.17.0.0/16 of network bridge",
        );
        check_subnet("fd00::/64", "an IPv6 range (fd00::/64) is not built yet");
    }

    #[test]
    fn a_gateway_must_be_in_its_range() {
        let subnet = "10.1.0.0/24".parse().unwrap();
        assert_eq!(checked_gateway(None, subnet).unwrap().to_string(), "10.1.0.1");
        assert_eq!(checked_gateway(Some("10.1.0.9".parse().unwrap()), subnet).unwrap().to_string(), "10.1.0.9");
        for bad in ["10.1.0.0", "10.1.0.255", "10.2.0.1", "::1"] {
            assert!(checked_gateway(Some(bad.parse().unwrap()), subnet).is_err(), "{bad} was taken");
        }
    }
}
