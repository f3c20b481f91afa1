//! Small worlds for tests.

use crate::reduce::Live;
use drawbridge_api::{
    Attachment, Change, ChangeState, Container, ContainerId, ContainerState, Driver, Endpoint, EndpointId, FoundLink,
    FoundNamespace, Gateway, Host, HostAddress, HostPort, ImageId, MacAddress, Network, NetworkId, NetworkMode, Origin,
    PortRequest, Protocol, PublishedPort, Subnet,
};
use std::{collections::BTreeMap, net::Ipv4Addr, sync::Arc};

/// Network number `n`, counting from 1: the default bridge first.
pub(crate) fn network(n: u8) -> Network {
    let name = if n == 1 { "bridge".to_owned() } else { format!("net{n}") };
    let bridge = if n == 1 { "docker0".to_owned() } else { format!("br-{n:012x}") };
    Network {
        bridge: Some(bridge.parse().unwrap()),
        subnets: vec![Subnet::new(
            format!("172.{}.0.0/16", 16 + n).parse().unwrap(),
            Ipv4Addr::new(172, 16 + n, 0, 1).into(),
        )],
        gateway4: Gateway::nat(),
        gateway6: Gateway::nat(),
        predefined: n == 1,
        created_at_ms: i64::from(n),
        ..Network::new(NetworkId::from_bytes([n; 32]), name.parse().unwrap(), Driver::Bridge)
    }
}

/// Running container number `n`, counting from 1, in network number `network_number`.
pub(crate) fn container(n: u8, network_number: u8) -> Container {
    let network = network(network_number);
    let address = Ipv4Addr::new(172, 16 + network_number, 0, n + 1);
    Container {
        id: ContainerId::from_bytes([n; 32]),
        name: format!("box{n}").parse().unwrap(),
        image: "busybox".to_owned(),
        image_id: ImageId::from_bytes([1; 32]),
        command: vec!["sleep".to_owned(), "3600".to_owned()],
        network_mode: NetworkMode::Network(network.name.clone()),
        state: ContainerState::Running,
        paused: false,
        restarting: false,
        health: None,
        pid: Some(1000 + i32::from(n)),
        exit_code: 0,
        error: String::new(),
        auto_remove: false,
        labels: BTreeMap::new(),
        namespace: Some(ContainerId::from_bytes([n; 32]).short().parse().unwrap()),
        attachments: vec![Attachment::to(network.name.clone())],
        endpoints: vec![Endpoint {
            id: EndpointId::from_bytes([n; 32]),
            network_id: network.id,
            network: network.name,
            host_end: Some(format!("veth{n:07x}").parse().unwrap()),
            interface: "eth0".parse().unwrap(),
            mac: MacAddress::from_ipv4(address),
            address4: Some(format!("{address}/16").parse().unwrap()),
            address6: None,
            gateway4: Some(Ipv4Addr::new(172, 16 + network_number, 0, 1)),
            gateway6: None,
            link_local: Vec::new(),
            gateway_priority: 0,
        }],
        port_requests: Vec::new(),
        ports: Vec::new(),
        created_at_ms: i64::from(n),
        started_at_ms: Some(i64::from(n)),
        finished_at_ms: None,
    }
}

/// A published port.
pub(crate) fn published(address: &str, host_port: u16, container_port: u16, protocol: Protocol) -> PublishedPort {
    PublishedPort { host: HostPort { address: address.parse().unwrap(), protocol, port: host_port }, container_port }
}

/// The container with that many ports published, from 8000 up to 80 and up, and asked for.
pub(crate) fn publishing(container: Container, ports: u16) -> Container {
    let tcp = Protocol::Tcp;
    Container {
        ports: (0..ports).map(|n| published("0.0.0.0", 8000 + n, 80 + n, tcp)).collect(),
        port_requests: (0..ports)
            .map(|n| PortRequest {
                container_port: 80 + n,
                protocol: tcp,
                host_address: None,
                host_port: 8000 + n,
                host_port_end: None,
            })
            .collect(),
        ..container
    }
}

/// Change number `id`, done, without steps.
pub(crate) fn change(id: i64) -> Change {
    Change {
        id,
        verb: "create container".to_owned(),
        subject: "box1".to_owned(),
        origin: Origin::Docker,
        state: ChangeState::Done,
        error: None,
        steps: Vec::new(),
        opened_at_ms: id,
        settled_at_ms: Some(id),
    }
}

/// A machine with one address.
pub(crate) fn host() -> Host {
    Host {
        name: "debian".to_owned(),
        kernel: "6.1.0".to_owned(),
        runtime: "runc 1.1.5".to_owned(),
        addresses: vec![HostAddress { interface: "eth0".to_owned(), address: "192.0.2.10/24".parse().unwrap() }],
    }
}

/// A live state with that many networks and containers, all of them in the first network.
pub(crate) fn live(networks: u8, containers: u8) -> Live {
    Live {
        run: "r".to_owned(),
        sequence: 0,
        host: Arc::new(host()),
        networks: (1..=networks).map(|n| Arc::new(network(n))).collect(),
        containers: (1..=containers).map(|n| Arc::new(container(n, 1))).collect(),
        images: Vec::new(),
        changes: Vec::new(),
        found: Arc::default(),
        is_whole: true,
    }
}

/// A link of others, up, without addresses.
pub(crate) fn found_link(name: &str, kind: &str) -> FoundLink {
    FoundLink {
        name: name.to_owned(),
        index: 7,
        kind: kind.to_owned(),
        mac: None,
        mtu: 1500,
        up: true,
        bridge: None,
        peer: None,
        addresses: Vec::new(),
        ours: false,
    }
}

/// A namespace of others with a loopback.
pub(crate) fn found_namespace(name: &str) -> FoundNamespace {
    FoundNamespace { name: name.to_owned(), links: vec![FoundLink { index: 1, ..found_link("lo", "") }], ours: false }
}
