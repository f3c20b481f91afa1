//! What the tables have and what they count, as a person reads it.

use super::{Daemon, OpError};
use crate::store::{desired, network as networks, port as ports};
use drawbridge_api::{
    ContainerId, IfName, NetworkId, NetworkTraffic, PortTraffic, RuleElement, Rules, Traffic, TrafficReport,
};
use drawbridge_plan::{BridgeNetwork, Desired, Element, Object, Scope, VethEndpoint, ruleset, sentence};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use tokio::task::block_in_place;

/// Whose an element is.
#[derive(Clone, Debug, Default)]
struct Owner {
    network: Option<NetworkId>,
    container: Option<ContainerId>,
}

/// The tables with every element that is wanted or there.
///
/// # Errors
/// When store or kernel can't be asked.
pub fn rules(daemon: &Daemon) -> Result<Rules, OpError> {
    block_in_place(|| {
        let wanted = desired::load(&*daemon.engine.store.read()?, &Scope::Tables)?;
        let there = daemon.engine.observe(&Scope::Tables)?.objects;
        let counted = daemon.kernel.all_traffic().map_err(OpError::Kernel)?;
        let owners = owners(&wanted);
        let intact = there.contains(&Object::Tables);
        let there: BTreeSet<Element> = there.into_iter().filter_map(Object::into_element).collect();
        let all: BTreeSet<&Element> = there.iter().chain(owners.keys()).collect();
        let elements = all.into_iter().map(|element| {
            let owner = owners.get(element).cloned().unwrap_or_default();
            told(element, owner, there.contains(element), counted.get(element).copied())
        });
        Ok(Rules { tables: ruleset::TABLES.to_owned(), intact, elements: elements.collect() })
    })
}

fn told(element: &Element, owner: Owner, there: bool, traffic: Option<Traffic>) -> RuleElement {
    RuleElement {
        table: element.table().name().to_owned(),
        set: element.set().to_owned(),
        key: element.key(),
        value: element.value(),
        sentence: sentence(element),
        network: owner.network,
        container: owner.container,
        there,
        traffic,
    }
}

fn owners(wanted: &Desired) -> BTreeMap<Element, Owner> {
    let containers: HashMap<_, _> =
        wanted.namespaces.iter().map(|namespace| (&namespace.name, &namespace.container)).collect();
    let of_networks = wanted.networks.iter().flat_map(|network| {
        let owner = Owner { network: Some(network.id.clone()), container: None };
        BridgeNetwork::elements(network).into_iter().map(move |element| (element, owner.clone()))
    });
    let of_endpoints = wanted.endpoints.iter().flat_map(|endpoint| {
        let container = containers.get(&endpoint.namespace).map(|id| (*id).clone());
        let owner = Owner { network: Some(endpoint.network.clone()), container };
        VethEndpoint::elements(endpoint).into_iter().map(move |element| (element, owner.clone()))
    });
    of_networks.chain(of_endpoints).collect()
}

/// What went through networks and published ports.
///
/// # Errors
/// When store or kernel can't be asked.
pub fn traffic(daemon: &Daemon) -> Result<TrafficReport, OpError> {
    block_in_place(|| {
        let (networks, ports) = {
            let db = daemon.engine.store.read()?;
            (networks::list(&db)?, ports::list(&db)?)
        };
        let counted = daemon.kernel.all_traffic().map_err(OpError::Kernel)?;
        let of = |element: Element| counted.get(&element).copied().unwrap_or_default();
        let by_network = |id: NetworkId, bridge: IfName| NetworkTraffic {
            network: id,
            sent: of(Element::Sent(bridge.clone())),
            received: of(Element::Received(bridge)),
        };
        Ok(TrafficReport {
            networks: networks
                .into_iter()
                .filter_map(|network| Some(by_network(network.id, network.bridge?)))
                .collect(),
            // No rule counts what the daemon itself passes on, nor what goes to a container’s own address.
            ports: ports
                .into_iter()
                .filter_map(|(container, port)| {
                    let traffic = *counted.get(&Element::Counted(port.host))?;
                    Some(PortTraffic { container, host: port.host, traffic })
                })
                .collect(),
        })
    })
}
