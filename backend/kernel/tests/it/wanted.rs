//! Networks and containers to want, and the way to have them.

use drawbridge_api::{ContainerId, EndpointId, MacAddress, NetworkId};
use drawbridge_kernel::{Kernel, Session};
use drawbridge_plan::{BridgeNetwork, Desired, Namespace, Observed, Scope, Step, Sysctl, VethEndpoint, plan};
use ipnet::Ipv4Net;
use std::{net::Ipv4Addr, process::Command};

/// The setting that the tests want.
pub(crate) const FORWARD: &str = "net.ipv4.ip_forward";

/// A network to want: number 0 is `docker0` on 172.17.0.0/16.
#[derive(Clone, Copy)]
pub(crate) struct Net {
    pub(crate) number: u8,
    pub(crate) mtu: u32,
    pub(crate) internal: bool,
    pub(crate) containers: u8,
}

impl Net {
    pub(crate) fn new(number: u8, containers: u8) -> Net {
        Net { number, mtu: 1500, internal: false, containers }
    }

    pub(crate) fn subnet(&self) -> Ipv4Net {
        Ipv4Net::new(Ipv4Addr::new(172, 17 + self.number, 0, 0), 16).expect("a valid length")
    }

    fn address(&self, host: u8) -> Ipv4Addr {
        Ipv4Addr::new(172, 17 + self.number, 0, host)
    }
}

/// What these networks make of the machine; container n of each network is in namespace n.
pub(crate) fn desired(nets: &[Net]) -> Desired {
    let mut desired = Desired {
        table: !nets.is_empty(),
        sysctls: vec![Sysctl { key: FORWARD.to_owned(), value: "1".to_owned() }],
        ..Desired::default()
    };
    for net in nets {
        let id = NetworkId::from_bytes([0xa0 + net.number; 32]);
        let bridge = if net.number == 0 { "docker0".to_owned() } else { format!("br-{}", id.short()) };
        desired.networks.push(BridgeNetwork {
            id: id.clone(),
            bridge: bridge.parse().expect("valid"),
            mtu: net.mtu,
            addresses: vec![Ipv4Net::new(net.address(1), 16).expect("valid").into()],
            masquerade: if net.internal { Vec::new() } else { vec![net.subnet()] },
            internal: net.internal,
        });
        for container in 0..net.containers {
            let container_id = ContainerId::from_bytes([0xc0 + container; 32]);
            let namespace: drawbridge_api::NsName = container_id.short().parse().expect("valid");
            if !desired.namespaces.iter().any(|known| known.name == namespace) {
                desired.namespaces.push(Namespace { name: namespace.clone(), container: container_id });
            }
            let address = net.address(2 + container);
            let before = desired.endpoints.iter().filter(|known| known.namespace == namespace).count();
            desired.endpoints.push(VethEndpoint {
                id: EndpointId::from_bytes([0x10 * net.number + container; 32]),
                network: id.clone(),
                bridge: bridge.parse().expect("valid"),
                namespace,
                host_end: format!("veth{:02x}{container:05x}", net.number).parse().expect("valid"),
                interface: format!("eth{before}").parse().expect("valid"),
                mac: MacAddress::from_ipv4(address),
                mtu: net.mtu,
                address: Ipv4Net::new(address, 16).expect("valid").into(),
                gateway: (before == 0 && !net.internal).then(|| net.address(1).into()),
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
    vec![
        ("nothing", desired(&[])),
        ("the default network", desired(&[Net::new(0, 0)])),
        ("two containers on docker0", desired(&[Net::new(0, 2)])),
        ("an internal network", desired(&[internal])),
        ("two networks, one with small packets, sharing a container", desired(&[Net::new(0, 2), small])),
        ("only the network with small packets", desired(&[Net { containers: 0, ..small }])),
    ]
}

/// Runs a command as a person would type it, and gives what it prints.
pub(crate) fn shell(command: &str) -> String {
    let output = Command::new("sh").args(["-ec", command]).output().expect("there is a shell");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}\n{stderr}");
    String::from_utf8(output.stdout).expect("text")
}
