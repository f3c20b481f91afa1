//! Random wants that hang together, and random states of a kernel that lost some of what it had. Two wants share names and
//! differ in what they stand for, so that plans between them replace things as well as add and remove them.

use drawbridge_api::{
    ContainerId, EndpointId, Gateway, GatewayMode, HostPort, MacAddress, MacvlanMode, NetworkId, Protocol,
    PublishedPort,
};
use drawbridge_plan::{
    BridgeNetwork, Desired, MacvlanEndpoint, Namespace, Object, Observed, Resolver, Sysctl, VethEndpoint,
};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::{collection::vec, option, prelude::*};
use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, Ipv6Addr},
};

const NETWORKS: usize = 3;
const NAMESPACES: usize = 3;
const ENDPOINTS: usize = 6;
const FORWARD: &str = "net.ipv4.ip_forward";

/// A network: which of two owners the bridge has, its packet size, whether it is internal, whether it masquerades, whether
/// its containers reach one another, and its mode.
type Net = (bool, bool, bool, bool, bool, usize);
/// An attachment: which network, which namespace, which of two identities, whether it has the default route, and how many
/// ports are published.
type Cable = (usize, usize, bool, bool, usize);

const MODES: [GatewayMode; 4] =
    [GatewayMode::Nat, GatewayMode::NatUnprotected, GatewayMode::Routed, GatewayMode::Isolated];

/// Any want: up to three networks and namespaces and six attachments.
pub(crate) fn desired() -> impl Strategy<Value = Desired> {
    let net = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), 0..MODES.len());
    let networks = vec(option::weighted(0.7, net), NETWORKS);
    let namespaces = vec(option::weighted(0.7, any::<bool>()), NAMESPACES);
    let cable = (0..NETWORKS, 0..NAMESPACES, any::<bool>(), any::<bool>(), 0..4usize);
    let cables = vec(option::weighted(0.6, cable), ENDPOINTS);
    (networks, namespaces, cables).prop_map(|(networks, namespaces, cables)| build(&networks, &namespaces, &cables))
}

/// What a kernel has that was as wanted and then lost some things, with all that was in them.
pub(crate) fn observed() -> impl Strategy<Value = Observed> {
    (desired(), vec(any::<prop::sample::Index>(), 0..4), any::<bool>()).prop_map(|(desired, losses, forwards)| {
        let all = desired.objects();
        let there: BTreeSet<&Object> = all.iter().collect();
        let list: Vec<&Object> = all.iter().collect();
        let mut lost = BTreeSet::new();
        for loss in losses.iter().filter(|_| !list.is_empty()) {
            let object = *loss.get(&list);
            lost.insert(object);
            lost.extend(object.taken(&there));
        }
        let objects = there.difference(&lost).map(|object| (*object).clone()).collect();
        let value = if forwards { "1" } else { "0" };
        Observed { objects, sysctls: [(FORWARD.to_owned(), value.to_owned())].into() }
    })
}

fn build(networks: &[Option<Net>], namespaces: &[Option<bool>], cables: &[Option<Cable>]) -> Desired {
    let mut desired =
        Desired { sysctls: vec![Sysctl { key: FORWARD.to_owned(), value: "1".to_owned() }], ..Desired::default() };
    for (number, network) in networks.iter().enumerate() {
        let Some((owner, small, internal, masquerade, icc, mode)) = *network else { continue };
        desired.tables = true;
        desired.networks.push(BridgeNetwork {
            id: NetworkId::from_bytes([byte(number, owner); 32]),
            bridge: format!("br{number}").parse().expect("valid"),
            mtu: if small { 1400 } else { 1500 },
            addresses: vec![range(number, 1).into()],
            internal,
            icc,
            gateway4: Gateway {
                mode: MODES[mode],
                masquerade,
                source: small.then(|| "192.0.2.1".parse().expect("valid")),
            },
            trusted: (mode == 0).then(|| "up0".parse().expect("valid")).into_iter().collect(),
            gateway6: Gateway { mode: MODES[mode], masquerade, source: None },
        });
    }
    for (number, namespace) in namespaces.iter().enumerate() {
        let Some(owner) = *namespace else { continue };
        desired.namespaces.push(Namespace {
            name: format!("ns{number}").parse().expect("valid"),
            container: ContainerId::from_bytes([byte(number, owner); 32]),
        });
    }
    let mut routed = [false; NAMESPACES];
    for (number, cable) in cables.iter().enumerate() {
        let Some((network, namespace, identity, route, ports)) = *cable else { continue };
        let bridge = format!("br{network}").parse().expect("valid");
        let name = format!("ns{namespace}").parse().expect("valid");
        let Some(wanted) = desired.networks.iter().find(|known| known.bridge == bridge) else { continue };
        if !desired.namespaces.iter().any(|known| known.name == name) {
            continue;
        }
        // As on Docker's networks: names on all but the first.
        if network > 0 && !desired.resolvers.iter().any(|known| known.namespace == name) {
            let holder = desired.namespaces.iter().find(|known| known.name == name);
            let container = holder.expect("it was found above").container.clone();
            desired.resolvers.push(Resolver { namespace: name.clone(), container });
        }
        let address = range(network, 2 + number);
        // Every fourth one shares an interface of the host instead.
        let is_macvlan = number % 4 == 3;
        // A namespace has one default route.
        let gateway = (route && !routed[namespace]).then(|| range(network, 1).addr().into());
        routed[namespace] |= route;
        let link_local = identity.then(|| Ipv4Addr::new(169, 254, 0, byte(number, false)).into());
        if is_macvlan {
            desired.macvlans.push(MacvlanEndpoint {
                id: EndpointId::from_bytes([byte(number, identity); 32]),
                namespace: name,
                interface: format!("eth{number}").parse().expect("valid"),
                parent: "up0".parse().expect("valid"),
                mode: if identity { MacvlanMode::Bridge } else { MacvlanMode::Private },
                mac: MacAddress::from_ipv4(address.addr()),
                addresses: vec![address.into(), range6(network, 2 + number).into()],
                link_local: Vec::new(),
                gateways: gateway.into_iter().collect(),
            });
            continue;
        }
        desired.endpoints.push(VethEndpoint {
            id: EndpointId::from_bytes([byte(number, identity); 32]),
            network: wanted.id.clone(),
            bridge,
            namespace: name,
            host_end: format!("veth{number}").parse().expect("valid"),
            interface: format!("eth{number}").parse().expect("valid"),
            mac: MacAddress::from_ipv4(address.addr()),
            mtu: wanted.mtu,
            addresses: [IpNet::V4(address)]
                .into_iter()
                .chain(route.then(|| range6(network, 2 + number).into()))
                .collect(),
            link_local: link_local.into_iter().collect(),
            gateways: gateway.into_iter().collect(),
            icc: wanted.icc,
            mode4: wanted.gateway4.mode,
            trusting: !wanted.trusted.is_empty(),
            forwards: route,
            mode6: wanted.gateway6.mode,
            ports: (0..ports).map(|port| published(number, port)).collect(),
        });
    }
    desired
}

/// A port at every address, at one, and at another protocol: host ports that no other attachment has.
fn published(cable: usize, number: usize) -> PublishedPort {
    let port = u16::try_from(8000 + 10 * cable).expect("few");
    let host = match number {
        0 => HostPort { address: Ipv4Addr::UNSPECIFIED.into(), protocol: Protocol::Tcp, port },
        1 => HostPort { address: Ipv4Addr::LOCALHOST.into(), protocol: Protocol::Tcp, port: port + 1 },
        _ => HostPort { address: Ipv4Addr::UNSPECIFIED.into(), protocol: Protocol::Udp, port },
    };
    PublishedPort { host, container_port: 80 }
}

fn byte(number: usize, other: bool) -> u8 {
    u8::try_from(number).expect("few") + if other { 0x80 } else { 0x40 }
}

fn range6(network: usize, host: usize) -> Ipv6Net {
    let part = |number: usize| u16::try_from(number).expect("few");
    Ipv6Net::new(Ipv6Addr::new(0xfd00, part(network), 0, 0, 0, 0, 0, part(host)), 64).expect("a valid length")
}

fn range(network: usize, host: usize) -> Ipv4Net {
    let part = |number: usize| u8::try_from(number).expect("few");
    Ipv4Net::new(Ipv4Addr::new(172, 17 + part(network), 0, part(host)), 16).expect("a valid length")
}
