//! What is known of both ends of a trial: rows, and what the kernel says in the source's and in the target's namespace.

use crate::{
    ops::{Daemon, OpError, lookup},
    store::network as networks,
};
use drawbridge_api::{Container, ContainerState, Driver, Network, NetworkMode};
use drawbridge_kernel::{Aim, ForeignDrop, Kernel, Surroundings, foreign_drops_of};
use ipnet::IpNet;
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};
use tokio::task::spawn_blocking;

/// What is known.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// The container that tries.
    pub(super) source: Party,
    /// What it sees.
    pub(super) around: Surroundings,
    /// What it tries to reach.
    pub(super) target: Target,
    /// Rules of others that drop what is forwarded from and to the source's bridges.
    pub(super) foreign: Vec<ForeignDrop>,
    /// Whether the host has a route to an address that is nobody's here.
    pub(super) host_has_way: bool,
    /// Whether the address is everybody's on a link, by what the source or the host knows.
    pub(super) is_broadcast: bool,
    /// The names of all networks.
    pub(super) taken: BTreeSet<String>,
}

/// A container in its networks.
#[derive(Clone, Debug, Default)]
pub(super) struct Party {
    pub(super) name: String,
    /// What kind of network stack it has.
    pub(super) stack: Stack,
    /// The networks that it is in, and its addresses in each; the host's stack and none at all are no networks.
    pub(super) networks: Vec<(Network, Vec<IpAddr>)>,
}

/// What networks a container can be connected to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stack {
    /// It has one of its own, and any network can be added.
    #[default]
    Own,
    /// It is in `none`, which it has to leave first.
    Alone,
    /// It has the host's, or another container's: none can be added.
    Shared,
}

/// What is tried to be reached.
#[derive(Clone, Debug, Default)]
pub(super) enum Target {
    /// A container of ours that runs.
    Running {
        party: Party,
        /// What is seen in its namespace; nothing where it has none of its own.
        around: Surroundings,
        /// Its namespace under /run/netns.
        namespace: Option<String>,
    },
    /// A container of ours that does not run.
    Stopped { name: String },
    /// The host, by one of its addresses.
    Host { around: Surroundings },
    /// Anything else.
    #[default]
    Elsewhere,
}

impl Facts {
    /// The address of the container that is meant: in a network of the source if there is one.
    pub(super) fn target_address(&self) -> Option<IpAddr> {
        let Target::Running { party, .. } = &self.target else { return None };
        let shared = self.shared(party).flat_map(|(_, addresses)| addresses);
        let all = party.networks.iter().flat_map(|(_, addresses)| addresses);
        shared.chain(all).next().copied()
    }

    /// The networks that the source and another container are both in, with the other's addresses.
    pub(super) fn shared<'a>(&'a self, other: &'a Party) -> impl Iterator<Item = &'a (Network, Vec<IpAddr>)> {
        let own: BTreeSet<_> = self.source.networks.iter().map(|(network, _)| &network.id).collect();
        other.networks.iter().filter(move |(network, _)| own.contains(&network.id))
    }
}

/// Gathers what is known. `text` is what was asked for, `address` what it was found to be, and `port` that of a connection.
pub(super) async fn gather(
    daemon: &Daemon,
    source: &Container,
    text: &str,
    address: Option<IpAddr>,
    port: Option<u16>,
) -> Result<Facts, OpError> {
    let (containers, networks) = tokio::task::block_in_place(|| {
        let containers: Vec<Container> = lookup::list(daemon)?.into_iter().map(|(_, seen)| seen).collect();
        Ok::<_, OpError>((containers, networks::list(&*daemon.engine.store.read()?)?))
    })?;
    let meant = meant(&containers, text, address).cloned();
    let kernel = Arc::clone(&daemon.kernel);
    let namespace = source.namespace.clone();
    let source = party(source, &networks);
    let taken = networks.iter().map(|network| network.name.to_string()).collect();
    let looked = spawn_blocking(move || {
        let around = kernel.surroundings(namespace.as_ref())?.unwrap_or_default();
        let (target, host_has_way, is_hosts_broadcast) = match meant {
            Some(container) => (of_container(&kernel, &container, party(&container, &networks))?, true, false),
            None => of_address(&kernel, address)?,
        };
        let is_broadcast = is_hosts_broadcast || address.is_some_and(|address| is_broadcast(address, &around));
        let bridges: Vec<_> = source.networks.iter().filter_map(|(network, _)| network.bridge.clone()).collect();
        // Beside the point when there is nothing to be forwarded; a machine whose rules can't be read has none to name.
        let aim = address.map(|destination| Aim { source: leaving(destination, &around), destination, port });
        let foreign = aim.and_then(|aim| foreign_drops_of(&bridges, aim).ok()).unwrap_or_default();
        Ok(Facts { source, around, target, foreign, host_has_way, is_broadcast, taken })
    });
    looked.await.map_err(|_| OpError::CutOff)?.map_err(OpError::Kernel)
}

/// The address that a packet to this one leaves with: that in the range of what it goes to first.
fn leaving(destination: IpAddr, around: &Surroundings) -> Option<IpAddr> {
    let next = around.way(destination)?.gateway.unwrap_or(destination);
    around.addresses.iter().find(|own| own.contains(&next)).map(IpNet::addr)
}

/// The container that has the address, or the name.
fn meant<'a>(containers: &'a [Container], text: &str, address: Option<IpAddr>) -> Option<&'a Container> {
    let has = |container: &&Container| {
        let endpoints = container.endpoints.iter().flat_map(|endpoint| endpoint.addresses());
        let reserved = container.attachments.iter().flat_map(|attachment| {
            attachment.address4.map(IpAddr::V4).into_iter().chain(attachment.address6.map(IpAddr::V6))
        });
        endpoints.map(|address| address.addr()).chain(reserved).any(|own| Some(own) == address)
    };
    let is_called = |container: &&Container| {
        let mut aliases = container.attachments.iter().flat_map(|attachment| &attachment.aliases);
        container.name.as_str() == text || container.id.short() == text || aliases.any(|alias| alias == text)
    };
    containers.iter().find(has).or_else(|| containers.iter().find(is_called).filter(|_| address.is_none()))
}

fn party(container: &Container, networks: &[Network]) -> Party {
    let of = |network: &Network| {
        let endpoints = container.endpoints.iter().filter(|endpoint| endpoint.network_id == network.id);
        endpoints.flat_map(|endpoint| endpoint.addresses()).map(|address| address.addr()).collect::<Vec<IpAddr>>()
    };
    let is_in = |network: &&Network| {
        container.endpoints.iter().any(|endpoint| endpoint.network_id == network.id)
            && matches!(network.driver, Driver::Bridge | Driver::Macvlan)
    };
    let is_none = |network: &Network| {
        let mut names = container.attachments.iter().map(|attachment| attachment.network.as_str());
        network.driver == Driver::Null && names.any(|name| name == network.name.as_str())
    };
    let stack = match container.network_mode {
        NetworkMode::Host | NetworkMode::Container(_) => Stack::Shared,
        NetworkMode::None | NetworkMode::Network(_) if networks.iter().any(is_none) => Stack::Alone,
        NetworkMode::None | NetworkMode::Network(_) => Stack::Own,
    };
    Party {
        name: container.name.to_string(),
        stack,
        networks: networks.iter().filter(is_in).map(|network| (network.clone(), of(network))).collect(),
    }
}

fn of_container(
    kernel: &Kernel,
    container: &Container,
    party: Party,
) -> Result<Target, drawbridge_kernel::KernelError> {
    if container.state != ContainerState::Running {
        return Ok(Target::Stopped { name: party.name });
    }
    let around = match &container.namespace {
        Some(namespace) => kernel.surroundings(Some(namespace))?.unwrap_or_default(),
        None => Surroundings::default(),
    };
    Ok(Target::Running { party, around, namespace: container.namespace.as_ref().map(ToString::to_string) })
}

/// What is at the address, whether the host has a route to it, and whether it is everybody's on one of the host's links.
fn of_address(
    kernel: &Kernel,
    address: Option<IpAddr>,
) -> Result<(Target, bool, bool), drawbridge_kernel::KernelError> {
    let Some(address) = address else { return Ok((Target::Elsewhere, true, false)) };
    let around = kernel.surroundings(None)?.unwrap_or_default();
    let is_own = around.addresses.iter().any(|own| own.addr() == address);
    let has_way = is_own || address.is_loopback() || around.way(address).is_some();
    let is_broadcast = is_broadcast(address, &around);
    Ok((if is_own { Target::Host { around } } else { Target::Elsewhere }, has_way, is_broadcast))
}

/// RFC 919; a range of two addresses has no such (RFC 3021).
fn is_broadcast(address: IpAddr, around: &Surroundings) -> bool {
    let is_last = |own: &IpNet| own.addr().is_ipv4() && own.prefix_len() < 31 && own.broadcast() == address;
    address == IpAddr::V4(Ipv4Addr::BROADCAST) || around.addresses.iter().any(is_last)
}
