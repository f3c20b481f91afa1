//! Which networks a container is to be in, and the endpoints that it has in them while it runs.

use crate::{EndpointId, IfName, MacAddress, NetworkId, NetworkName};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// A network that a container is to be in whenever it runs, with what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// The network's name; in a request its id or the beginning of one will do.
    pub network: NetworkName,
    /// Names by which the others in the network find the container, beside its own.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The IPv4 address that it shall have; a free one when absent.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub address4: Option<Ipv4Addr>,
    /// The IPv6 address that it shall have; a free one when absent.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub address6: Option<Ipv6Addr>,
    /// More addresses of its interface, link-local ones, which nobody leases.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub link_local: Vec<IpAddr>,
    /// The Ethernet address that it shall have; one made of its address when absent.
    #[serde(default)]
    pub mac: Option<MacAddress>,
    /// The attachment with the highest number leads out; 0 where nothing is said.
    #[serde(default)]
    pub gateway_priority: i32,
    /// `container:alias`, names for others that only this container knows.
    #[serde(default)]
    pub links: Vec<String>,
    /// Options as they were given, Docker's names.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

impl Attachment {
    /// An attachment that asks for nothing but the network.
    pub fn to(network: NetworkName) -> Attachment {
        Attachment {
            network,
            aliases: Vec::new(),
            address4: None,
            address6: None,
            link_local: Vec::new(),
            mac: None,
            gateway_priority: 0,
            links: Vec::new(),
            options: BTreeMap::new(),
        }
    }
}

/// A running container's plug in a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Endpoint {
    /// Its identity; new at each start.
    pub id: EndpointId,
    /// The network it is in.
    pub network_id: NetworkId,
    /// The network's name.
    pub network: NetworkName,
    /// The veth end on the host, a port of the bridge: `veth` and 7 hex digits. None on a macvlan network.
    pub host_end: Option<IfName>,
    /// The interface in the namespace: `eth0`.
    pub interface: IfName,
    /// The Ethernet address of that interface.
    pub mac: MacAddress,
    /// The leased IPv4 address with the subnet's prefix length.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub address4: Option<Ipv4Net>,
    /// The leased IPv6 address with the subnet's prefix length.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub address6: Option<Ipv6Net>,
    /// The network's IPv4 gateway, none on an internal network. The default route leads there where no other endpoint of
    /// the container comes before this one.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub gateway4: Option<Ipv4Addr>,
    /// The network's IPv6 gateway, likewise.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub gateway6: Option<Ipv6Addr>,
    /// More addresses of the interface, which nobody leases.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub link_local: Vec<IpAddr>,
    /// The endpoint with the highest number leads out.
    pub gateway_priority: i32,
}

impl Endpoint {
    /// The leased addresses with their prefix lengths, IPv4 first.
    pub fn addresses(&self) -> Vec<IpNet> {
        self.address4.map(IpNet::V4).into_iter().chain(self.address6.map(IpNet::V6)).collect()
    }

    /// The gateways of its network, IPv4 first.
    pub fn gateways(&self) -> Vec<IpAddr> {
        self.gateway4.map(IpAddr::V4).into_iter().chain(self.gateway6.map(IpAddr::V6)).collect()
    }
}
