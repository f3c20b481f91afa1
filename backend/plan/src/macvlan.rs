//! Attachments to macvlan networks, and what every interface in a namespace has on it.

use crate::object::{Object, Place};
use drawbridge_api::{EndpointId, IfName, MacAddress, MacvlanMode, NsName};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// A container's attachment to a macvlan network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MacvlanEndpoint {
    /// Its identity.
    pub id: EndpointId,
    /// The container's namespace.
    pub namespace: NsName,
    /// The interface in the namespace.
    pub interface: IfName,
    /// The host's interface that it shares.
    pub parent: IfName,
    /// What the interfaces that share it may do with one another.
    pub mode: MacvlanMode,
    /// Its Ethernet address.
    pub mac: MacAddress,
    /// The leased addresses, one of each family at the most.
    pub addresses: Vec<IpNet>,
    /// More addresses of the interface, link-local ones.
    pub link_local: Vec<IpAddr>,
    /// Next hops of the default routes, one of each family at the most.
    pub gateways: Vec<IpAddr>,
}

impl MacvlanEndpoint {
    /// Its interface and what is on it.
    pub(crate) fn objects(&self) -> Vec<Object> {
        let mut objects = vec![Object::Macvlan {
            namespace: self.namespace.clone(),
            interface: self.interface.clone(),
            endpoint: self.id.clone(),
            parent: self.parent.clone(),
            mode: self.mode,
            mac: self.mac,
        }];
        objects.extend(on_interface(
            &self.namespace,
            &self.interface,
            (&self.addresses, &self.link_local, &self.gateways),
        ));
        objects
    }
}

/// What is on an interface in a namespace: that it is up, its leased and its link-local addresses, and default routes.
pub(crate) fn on_interface(
    namespace: &NsName,
    interface: &IfName,
    (leased, link_local, gateways): (&[IpNet], &[IpAddr], &[IpAddr]),
) -> Vec<Object> {
    let inside = Place::Namespace(namespace.clone());
    let mut objects = vec![Object::Up { place: inside.clone(), link: interface.clone() }];
    // 169.254.0.0/16 (RFC 3927 §2.6.2) and fe80::/64 (RFC 4291 §2.5.6).
    let with_length = |address: &IpAddr| IpNet::new_assert(*address, if address.is_ipv4() { 16 } else { 64 });
    let addresses: Vec<IpNet> = leased.iter().copied().chain(link_local.iter().map(with_length)).collect();
    if addresses.iter().any(|address| address.addr().is_ipv6()) {
        objects.push(Object::Ipv6 { namespace: namespace.clone(), link: interface.clone() });
    }
    for address in addresses {
        objects.push(Object::Address { place: inside.clone(), link: interface.clone(), address });
    }
    for &gateway in gateways {
        objects.push(Object::Route { namespace: namespace.clone(), gateway, link: interface.clone() });
    }
    objects
}
