//! Networks as the panel sees and asks for them.

use crate::{IfName, NetworkId, NetworkName};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::IpAddr};

/// How a network is made. The JSON word is Docker's driver name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Driver {
    /// A Linux bridge of our own, with addresses from a subnet.
    Bridge,
    /// Interfaces that share one of the host's, each with an Ethernet address of its own.
    Macvlan,
    /// The host's own namespace: no interface is made.
    Host,
    /// A namespace with nothing but its loopback.
    Null,
}

impl Driver {
    /// Docker's word for it, as it stands in JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Driver::Bridge => "bridge",
            Driver::Macvlan => "macvlan",
            Driver::Host => "host",
            Driver::Null => "null",
        }
    }
}

/// How a bridge network meets the outside, for one address family. The JSON word is Docker's, as in
/// `com.docker.network.bridge.gateway_mode_ipv4` (Docker Engine 28, "Gateway modes").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum GatewayMode {
    /// Out with the host's address, in through published ports of the host.
    #[default]
    Nat,
    /// As `nat`, and every port of a container is reached at its own address as well.
    NatUnprotected,
    /// No translation: out with the container's address, in at the container's address to ports that are published.
    Routed,
    /// The bridge has no address on the host; for internal networks only.
    Isolated,
}

impl GatewayMode {
    /// Docker's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            GatewayMode::Nat => "nat",
            GatewayMode::NatUnprotected => "nat-unprotected",
            GatewayMode::Routed => "routed",
            GatewayMode::Isolated => "isolated",
        }
    }

    /// Whether addresses and ports are translated.
    pub fn translates(self) -> bool {
        matches!(self, GatewayMode::Nat | GatewayMode::NatUnprotected)
    }
}

/// How packets of one family leave a network and come in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Gateway {
    /// Whether they are translated, and what is let in.
    pub mode: GatewayMode,
    /// Whether what leaves the machine takes the host's address; only where the mode translates.
    pub masquerade: bool,
    /// The address of the host that it takes; the one of the interface it leaves by when absent.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub source: Option<IpAddr>,
}

impl Gateway {
    /// Docker's default: out with the host's address, in through published ports.
    pub fn nat() -> Gateway {
        Gateway { mode: GatewayMode::Nat, masquerade: true, source: None }
    }
}

/// A range of addresses of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Subnet {
    /// The range, its host bits zero: `172.17.0.0/16`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub subnet: IpNet,
    /// The containers' default gateway: the bridge's own address in it, or on a macvlan network that of a router outside.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub gateway: IpAddr,
    /// The part of the range that addresses are leased from; all of it when absent.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub ip_range: Option<IpNet>,
    /// Addresses that are never leased, by the names given to them.
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, String>))]
    pub reserved: BTreeMap<String, IpAddr>,
}

impl Subnet {
    /// A range with nothing special about it.
    pub fn new(subnet: IpNet, gateway: IpAddr) -> Subnet {
        Subnet { subnet, gateway, ip_range: None, reserved: BTreeMap::new() }
    }
}

/// What the interfaces of a macvlan network may do with one another. The JSON word is that of Docker's option `macvlan_mode`
/// and of ip-link(8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum MacvlanMode {
    /// They reach one another directly.
    #[default]
    Bridge,
    /// They never reach one another.
    Private,
    /// They reach one another by way of the switch outside, if that sends their frames back.
    Vepa,
    /// One interface alone, which takes the parent's place.
    Passthru,
}

impl MacvlanMode {
    /// The word of Docker and ip-link(8).
    pub fn as_str(self) -> &'static str {
        match self {
            MacvlanMode::Bridge => "bridge",
            MacvlanMode::Private => "private",
            MacvlanMode::Vepa => "vepa",
            MacvlanMode::Passthru => "passthru",
        }
    }
}

/// What makes a macvlan network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Macvlan {
    /// The host's interface that is shared. It is not ours: nothing about it is changed.
    pub parent: IfName,
    /// What its interfaces may do with one another.
    pub mode: MacvlanMode,
}

/// A network as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Network {
    /// Its identity.
    pub id: NetworkId,
    /// Its name, unique.
    pub name: NetworkName,
    /// How it is made.
    pub driver: Driver,
    /// The bridge's interface name on the host, if it is one of the bridge driver.
    pub bridge: Option<IfName>,
    /// What it shares, if it is one of the macvlan driver.
    pub macvlan: Option<Macvlan>,
    /// Whether containers get IPv4 addresses in it.
    pub ipv4: bool,
    /// Whether containers get IPv6 addresses in it.
    pub ipv6: bool,
    /// Address ranges, IPv4 first; empty for `host` and `null`.
    pub subnets: Vec<Subnet>,
    /// The bridge goes without its IPv4 address (`com.docker.network.bridge.inhibit_ipv4`).
    pub inhibit_ipv4: bool,
    /// Reaches nothing outside and has no default gateway.
    pub internal: bool,
    /// Whether its containers reach one another (`com.docker.network.bridge.enable_icc`); at published ports they always do.
    pub icc: bool,
    /// Out and in by IPv4.
    pub gateway4: Gateway,
    /// Out and in by IPv6.
    pub gateway6: Gateway,
    /// Largest packet on its links, in bytes.
    pub mtu: u32,
    /// Kept for clients that ask for it; it means something to swarms only.
    pub attachable: bool,
    /// Driver options as they were given, Docker's names.
    pub options: BTreeMap<String, String>,
    /// Options of the address management as they were given.
    pub ipam_options: BTreeMap<String, String>,
    /// Labels as they were given.
    pub labels: BTreeMap<String, String>,
    /// One of `bridge`, `host`, `none`, which are always there and can't be removed.
    pub predefined: bool,
    /// Of a network that is settings only, what it was asked for, in the JSON of the dialect that asked: the kernel has nothing of it,
    /// and no container joins it.
    pub settings: Option<String>,
    /// The network whose settings it has.
    pub settings_of: Option<NetworkName>,
    /// When it was made, UTC milliseconds since 1970.
    pub created_at_ms: i64,
}

impl Network {
    /// A network with the driver's defaults: without ranges, options and labels, packets of 1500 bytes at the most.
    pub fn new(id: NetworkId, name: NetworkName, driver: Driver) -> Network {
        Network {
            id,
            name,
            driver,
            bridge: None,
            macvlan: None,
            ipv4: true,
            ipv6: false,
            subnets: Vec::new(),
            inhibit_ipv4: false,
            internal: false,
            icc: true,
            gateway4: Gateway::default(),
            gateway6: Gateway::default(),
            mtu: 1500,
            attachable: false,
            options: BTreeMap::new(),
            ipam_options: BTreeMap::new(),
            labels: BTreeMap::new(),
            predefined: false,
            settings: None,
            settings_of: None,
            created_at_ms: 0,
        }
    }

    /// Its ranges of one family.
    pub fn subnets4(&self) -> impl Iterator<Item = &Subnet> {
        self.subnets.iter().filter(|subnet| subnet.subnet.addr().is_ipv4())
    }

    /// Its ranges of the other family.
    pub fn subnets6(&self) -> impl Iterator<Item = &Subnet> {
        self.subnets.iter().filter(|subnet| subnet.subnet.addr().is_ipv6())
    }
}

/// One more range of a network to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RangeCreate {
    /// The range in CIDR form.
    pub subnet: String,
    /// The bridge's address in it; the first one when absent.
    #[serde(default)]
    pub gateway: Option<String>,
    /// The part of it that addresses are leased from; all of it when absent.
    #[serde(default)]
    pub ip_range: Option<String>,
}

/// What the panel sends to make a network: `POST /api/networks`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NetworkCreate {
    /// Its name: `[a-zA-Z0-9][a-zA-Z0-9_.-]*`.
    pub name: String,
    /// `bridge` or `macvlan`; a bridge when absent.
    #[serde(default)]
    pub driver: Option<Driver>,
    /// The host's interface that a macvlan network shares.
    #[serde(default)]
    pub parent: Option<String>,
    /// What the interfaces of a macvlan network may do with one another; `bridge` when absent.
    #[serde(default)]
    pub macvlan_mode: Option<MacvlanMode>,
    /// Its range in CIDR form; the next free pool when absent.
    #[serde(default)]
    pub subnet: Option<String>,
    /// The bridge's address in the range; the first one when absent.
    #[serde(default)]
    pub gateway: Option<String>,
    /// The part of the range that addresses are leased from; all of it when absent.
    #[serde(default)]
    pub ip_range: Option<String>,
    /// Whether containers get IPv4 addresses; they do when absent.
    #[serde(default)]
    pub ipv4: Option<bool>,
    /// Whether containers get IPv6 addresses.
    #[serde(default)]
    pub ipv6: bool,
    /// Its IPv6 range in CIDR form; a free one of this machine's when absent.
    #[serde(default)]
    pub subnet6: Option<String>,
    /// The bridge's address in that range; the first one when absent.
    #[serde(default)]
    pub gateway6: Option<String>,
    /// The part of that range that addresses are leased from; all of it when absent.
    #[serde(default)]
    pub ip_range6: Option<String>,
    /// More ranges, of either family.
    #[serde(default)]
    pub ranges: Vec<RangeCreate>,
    /// Addresses that are never leased, by names given to them; each goes to the range that it lies in.
    #[serde(default)]
    pub reserved: BTreeMap<String, String>,
    /// Largest packet in bytes; that of the default route when absent.
    #[serde(default)]
    pub mtu: Option<u32>,
    /// The bridge's interface name; made of the network's id when absent.
    #[serde(default)]
    pub bridge: Option<String>,
    /// The bridge goes without its IPv4 address.
    #[serde(default)]
    pub inhibit_ipv4: bool,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Driver options by Docker's names; only those that have no field of their own here.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// No way out and none in.
    #[serde(default)]
    pub internal: bool,
    /// Whether its containers reach one another at ports that are not published; they do when absent.
    #[serde(default)]
    pub icc: Option<bool>,
    /// Whether what leaves the machine takes the host's address; it does when absent, where the mode translates.
    #[serde(default)]
    pub masquerade: Option<bool>,
    /// How it meets the outside; `nat` when absent.
    #[serde(default)]
    pub gateway_mode: Option<GatewayMode>,
}
