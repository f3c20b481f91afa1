//! What is wanted and what is there, as values.

use crate::object::{Element, Object, Place};
use drawbridge_api::{ContainerId, EndpointId, IfName, MacAddress, NetworkId, NsName};
use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

/// A kernel setting under `/proc/sys`, its value a text (sysctl(8)).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sysctl {
    /// Its dotted key: `net.ipv4.ip_forward`.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// A bridge network, as far as the kernel is concerned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BridgeNetwork {
    /// Its identity.
    pub id: NetworkId,
    /// The bridge's interface name.
    pub bridge: IfName,
    /// Largest packet in bytes.
    pub mtu: u32,
    /// The bridge's own addresses.
    pub addresses: Vec<IpNet>,
    /// The range that leaves by masquerade, if any.
    pub masquerade: Vec<Ipv4Net>,
    /// Forwards nothing.
    pub internal: bool,
}

/// A namespace for a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    /// Its name.
    pub name: NsName,
    /// The container it is for.
    pub container: ContainerId,
}

/// A container's attachment to a bridge network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VethEndpoint {
    /// Its identity.
    pub id: EndpointId,
    /// The network it is in.
    pub network: NetworkId,
    /// That network's bridge.
    pub bridge: IfName,
    /// The container's namespace.
    pub namespace: NsName,
    /// The veth's end on the host.
    pub host_end: IfName,
    /// The veth's end in the namespace.
    pub interface: IfName,
    /// The Ethernet address of that end.
    pub mac: MacAddress,
    /// Largest packet in bytes.
    pub mtu: u32,
    /// The leased address.
    pub address: IpNet,
    /// Next hop of the default route.
    pub gateway: Option<IpAddr>,
}

/// How much of the machine a plan is about. Both sides of a plan are of one scope: what lies outside is neither looked
/// at nor touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All that is ours.
    Everything,
    /// One network's bridge with its addresses, the table with the elements of all, and the sysctls; no ports.
    Network {
        /// The network.
        id: NetworkId,
        /// Its bridge.
        bridge: IfName,
    },
    /// One container's namespace and veths; no bridge.
    Container {
        /// The container.
        id: ContainerId,
        /// Its namespace.
        namespace: NsName,
        /// The host ends of its endpoints.
        host_ends: Vec<IfName>,
    },
}

impl Scope {
    /// Whether an object lies inside.
    pub fn covers(&self, object: &Object) -> bool {
        match self {
            Scope::Everything => true,
            Scope::Network { bridge, .. } => match object {
                // The table is one thing: when it is damaged, every network's elements are gone with it.
                Object::Table | Object::Element(_) => true,
                Object::Bridge { name, .. } => name == bridge,
                Object::Address { place, link, .. } | Object::Up { place, link } => {
                    *place == Place::Host && link == bridge
                }
                Object::Namespace { .. } | Object::Veth { .. } | Object::Port { .. } | Object::Route { .. } => false,
            },
            Scope::Container { namespace, host_ends, .. } => match object {
                Object::Namespace { name, .. } => name == namespace,
                Object::Veth { namespace: inside, .. } | Object::Route { namespace: inside, .. } => inside == namespace,
                Object::Port { link, .. } => host_ends.contains(link),
                Object::Address { place, link, .. } | Object::Up { place, link } => match place {
                    Place::Host => host_ends.contains(link),
                    Place::Namespace(name) => name == namespace,
                },
                Object::Table | Object::Bridge { .. } | Object::Element(_) => false,
            },
        }
    }

    /// Whether sysctls are part of it.
    pub fn covers_sysctls(&self) -> bool {
        match self {
            Scope::Everything | Scope::Network { .. } => true,
            Scope::Container { .. } => false,
        }
    }
}

/// What is wanted: the rows of the database that are live or being added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desired {
    /// Whether the table is wanted; it is as soon as there is a network.
    pub table: bool,
    /// Kernel settings that must have these values.
    pub sysctls: Vec<Sysctl>,
    /// Bridge networks.
    pub networks: Vec<BridgeNetwork>,
    /// Namespaces of running containers.
    pub namespaces: Vec<Namespace>,
    /// Attachments of running containers.
    pub endpoints: Vec<VethEndpoint>,
}

impl Desired {
    /// The objects that must be there.
    pub fn objects(&self) -> BTreeSet<Object> {
        let mut objects = BTreeSet::new();
        if self.table {
            objects.insert(Object::Table);
        }
        for network in &self.networks {
            let bridge = &network.bridge;
            objects.insert(Object::Bridge { name: bridge.clone(), network: network.id.clone(), mtu: network.mtu });
            objects.insert(Object::Up { place: Place::Host, link: bridge.clone() });
            for &address in &network.addresses {
                objects.insert(Object::Address { place: Place::Host, link: bridge.clone(), address });
            }
            objects.insert(Object::Element(Element::Bridge(bridge.clone())));
            objects.insert(Object::Element(Element::Pair { from: bridge.clone(), to: bridge.clone() }));
            if network.internal {
                objects.insert(Object::Element(Element::Internal(bridge.clone())));
            }
            for range in &network.masquerade {
                objects.insert(Object::Element(Element::Masquerade(*range)));
            }
        }
        for Namespace { name, container } in &self.namespaces {
            objects.insert(Object::Namespace { name: name.clone(), container: container.clone() });
        }
        for endpoint in &self.endpoints {
            let inside = Place::Namespace(endpoint.namespace.clone());
            objects.insert(Object::Veth {
                endpoint: endpoint.id.clone(),
                host_end: endpoint.host_end.clone(),
                namespace: endpoint.namespace.clone(),
                interface: endpoint.interface.clone(),
                mac: endpoint.mac,
                mtu: endpoint.mtu,
            });
            objects.insert(Object::Port { link: endpoint.host_end.clone(), bridge: endpoint.bridge.clone() });
            objects.insert(Object::Up { place: Place::Host, link: endpoint.host_end.clone() });
            objects.insert(Object::Address {
                place: inside.clone(),
                link: endpoint.interface.clone(),
                address: endpoint.address,
            });
            objects.insert(Object::Up { place: inside, link: endpoint.interface.clone() });
            if let Some(gateway) = endpoint.gateway {
                objects.insert(Object::Route {
                    namespace: endpoint.namespace.clone(),
                    gateway,
                    link: endpoint.interface.clone(),
                });
            }
        }
        objects
    }
}

/// What the kernel has, of that which carries our mark.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Our objects. A damaged table is left out, and its elements with it.
    pub objects: BTreeSet<Object>,
    /// The values of the sysctls that were asked for, by key.
    pub sysctls: BTreeMap<String, String>,
}
