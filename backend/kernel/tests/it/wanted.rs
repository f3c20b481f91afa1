//! Networks and containers to want, and the way to have them.

use drawbridge_api::{
    ContainerId, EndpointId, Gateway, GatewayMode, HostPort, MacAddress, NetworkId, Protocol, PublishedPort,
};
use drawbridge_kernel::{Kernel, Session};
use drawbridge_plan::{BridgeNetwork, Desired, Namespace, Observed, Resolver, Scope, Step, Sysctl, VethEndpoint, plan};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    process::Command,
    thread,
    time::{Duration, Instant},
};

/// The setting that the tests want.
pub(crate) const FORWARD: &str = "net.ipv4.ip_forward";

/// A network to want: number 0 is `docker0` on 172.17.0.0/16 and fd00:11::/64.
#[derive(Clone, Copy)]
pub(crate) struct Net {
    pub(crate) number: u8,
    pub(crate) mtu: u32,
    pub(crate) internal: bool,
    pub(crate) containers: u8,
    pub(crate) icc: bool,
    pub(crate) ipv6: bool,
    pub(crate) mode4: GatewayMode,
    pub(crate) mode6: GatewayMode,
    /// The address that its IPv4 packets leave with.
    pub(crate) source: Option<IpAddr>,
    /// Whether it trusts an interface of the host.
    pub(crate) trusting: bool,
    /// Whether each container publishes some ports.
    pub(crate) ports: bool,
}

impl Net {
    pub(crate) fn new(number: u8, containers: u8) -> Net {
        let (mode4, mode6) = (GatewayMode::Nat, GatewayMode::Nat);
        let (internal, icc, ipv6, source, trusting, ports) = (false, true, false, None, false, false);
        Net { number, mtu: 1500, internal, containers, icc, ipv6, mode4, mode6, source, trusting, ports }
    }

    /// The addresses of this number in its subnets.
    fn addresses(&self, host: u8) -> Vec<IpNet> {
        let number = 17 + self.number;
        let mut addresses = vec![Ipv4Net::new(Ipv4Addr::new(172, number, 0, host), 16).expect("valid").into()];
        if self.ipv6 {
            let address = Ipv6Addr::new(0xfd00, number.into(), 0, 0, 0, 0, 0, host.into());
            addresses.push(Ipv6Net::new(address, 64).expect("valid").into());
        }
        addresses
    }

    /// Ports at every address and at one, of each protocol and family.
    fn published(&self, container: u8) -> Vec<PublishedPort> {
        let base = 8000 + 100 * u16::from(self.number) + 10 * u16::from(container);
        let any: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
        let one: IpAddr = Ipv4Addr::LOCALHOST.into();
        let six: IpAddr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into();
        let wanted = [
            (any[0], Protocol::Tcp, base, 80),
            (any[0], Protocol::Udp, base, 53),
            (any[0], Protocol::Sctp, base, 7),
            (one, Protocol::Tcp, base + 1, 81),
            (any[1], Protocol::Tcp, base, 80),
            (six, Protocol::Udp, base + 1, 53),
        ];
        let published = |(address, protocol, port, container_port)| PublishedPort {
            host: HostPort { address, protocol, port },
            container_port,
        };
        if self.ports { wanted.map(published).to_vec() } else { Vec::new() }
    }
}

/// What these networks make of the machine; container n of each network is in namespace n.
pub(crate) fn desired(nets: &[Net]) -> Desired {
    let mut desired = Desired {
        tables: !nets.is_empty(),
        sysctls: vec![Sysctl { key: FORWARD.to_owned(), value: "1".to_owned() }],
        ..Desired::default()
    };
    for net in nets {
        let id = NetworkId::from_bytes([0xa0 + net.number; 32]);
        let bridge = if net.number == 0 { "docker0".to_owned() } else { format!("br-{}", id.short()) };
        let gateways = net.addresses(1);
        desired.networks.push(BridgeNetwork {
            id: id.clone(),
            bridge: bridge.parse().expect("valid"),
            mtu: net.mtu,
            addresses: gateways.clone(),
            internal: net.internal,
            icc: net.icc,
            trusted: net.trusting.then(|| "wire".parse().expect("valid")).into_iter().collect(),
            gateway4: Gateway { mode: net.mode4, masquerade: true, source: net.source },
            gateway6: Gateway { mode: net.mode6, masquerade: net.ipv6, source: None },
        });
        for container in 0..net.containers {
            let container_id = ContainerId::from_bytes([0xc0 + container; 32]);
            let namespace: drawbridge_api::NsName = container_id.short().parse().expect("valid");
            if !desired.namespaces.iter().any(|known| known.name == namespace) {
                desired.namespaces.push(Namespace { name: namespace.clone(), container: container_id });
            }
            // As on Docker's networks: names on all but the first.
            let known = desired.resolvers.iter().any(|known| known.namespace == namespace);
            if net.number > 0 && !known {
                let container = ContainerId::from_bytes([0xc0 + container; 32]);
                desired.resolvers.push(Resolver { namespace: namespace.clone(), container });
            }
            let addresses = net.addresses(2 + container);
            let IpAddr::V4(first) = addresses[0].addr() else { unreachable!("IPv4 comes first") };
            let before = desired.endpoints.iter().filter(|known| known.namespace == namespace).count();
            let routed = before == 0 && !net.internal;
            desired.endpoints.push(VethEndpoint {
                id: EndpointId::from_bytes([0x10 * net.number + container; 32]),
                network: id.clone(),
                bridge: bridge.parse().expect("valid"),
                namespace,
                host_end: format!("veth{:02x}{container:05x}", net.number).parse().expect("valid"),
                interface: format!("eth{before}").parse().expect("valid"),
                mac: MacAddress::from_ipv4(first),
                mtu: net.mtu,
                addresses,
                link_local: Vec::new(),
                gateways: if routed { gateways.iter().map(IpNet::addr).collect() } else { Vec::new() },
                icc: net.icc,
                trusting: net.trusting,
                // Those of networks that are kept apart, as well as any.
                forwards: !net.icc,
                mode4: net.mode4,
                mode6: net.mode6,
                ports: net.published(container),
            });
        }
    }
    desired
}

/// Everything of ours.
pub(crate) fn observe(kernel: &Kernel) -> Observed {
    kernel.observe(&Scope::Everything, &[FORWARD.to_owned()]).expect("root may look")
}

/// Does steps, one after another.
pub(crate) fn execute(session: &mut Session, steps: &[Step]) {
    for step in steps {
        session.execute(step).unwrap_or_else(|error| panic!("{error:#?}"));
    }
}

/// Brings the machine from what it has to what is wanted, and gives the steps.
pub(crate) fn reach(kernel: &Kernel, desired: &Desired) -> Vec<Step> {
    let steps = plan(desired, &observe(kernel), &Scope::Everything);
    execute(&mut kernel.session().expect("a session"), &steps);
    steps
}

/// The wants that the laws are tried on.
pub(crate) fn examples() -> Vec<(&'static str, Desired)> {
    let internal = Net { internal: true, ..Net::new(1, 1) };
    let small = Net { mtu: 1400, ..Net::new(2, 1) };
    let published = Net { ports: true, ..Net::new(0, 2) };
    let apart = Net { icc: false, trusting: true, ports: true, ..Net::new(1, 2) };
    let routed = Net { ipv6: true, mode6: GatewayMode::Routed, ports: true, ..Net::new(0, 1) };
    let open = Net { ipv6: true, mode4: GatewayMode::NatUnprotected, ports: true, icc: false, ..Net::new(2, 2) };
    let source = Some("192.0.2.1".parse().expect("valid"));
    vec![
        ("nothing", desired(&[])),
        ("the default network", desired(&[Net::new(0, 0)])),
        ("two containers on docker0", desired(&[Net::new(0, 2)])),
        ("an internal network", desired(&[internal])),
        ("two networks, one with small packets, sharing a container", desired(&[Net::new(0, 2), small])),
        ("only the network with small packets", desired(&[Net { containers: 0, ..small }])),
        ("published ports, also on a network whose containers are apart", desired(&[published, apart])),
        ("the same without ports, leaving with an address", {
            desired(&[Net { ports: false, source, ..published }, Net { ports: false, icc: true, ..apart }])
        }),
        ("nothing again", desired(&[])),
        ("one container on a network without IPv6", desired(&[Net::new(1, 1)])),
        ("two networks with IPv6, one routed, one unprotected", desired(&[routed, open])),
    ]
}

/// The fullest of them.
pub(crate) fn fullest() -> Desired {
    examples().pop().expect("there are some").1
}

/// Waits until something is so, half a minute at the most; whether it came to be.
pub(crate) fn soon(mut is_so: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if is_so() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// Runs a command as a person would type it, and gives what it prints.
pub(crate) fn shell(command: &str) -> String {
    let output = Command::new("sh").args(["-ec", command]).output().expect("there is a shell");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}\n{stderr}");
    String::from_utf8(output.stdout).expect("text")
}
