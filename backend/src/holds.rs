//! The ports of the host that are held for containers. The kernel turns connections to a published port before any socket
//! sees them; the sockets here keep the port from other programs, and relay the few connections that the kernel can't turn:
//! those to an IPv6 address whose container has only IPv4, and those to `::1`.

mod relay;

use drawbridge_api::{ContainerId, HostPort, Protocol, PublishedPort};
use drawbridge_kernel::port::Held;
use relay::Relay;
use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, SocketAddr},
    os::fd::OwnedFd,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Ports that are held and not yet anybody's; they are free again when this goes.
pub type Reserved = BTreeMap<HostPort, Option<Held>>;

/// What is held, by container.
#[derive(Debug, Default)]
pub struct Holds(Mutex<HashMap<ContainerId, BTreeMap<HostPort, Hold>>>);

/// How a port is held.
#[derive(Debug)]
enum Hold {
    /// By a socket that nothing ever reaches.
    Socket(#[expect(dead_code, reason = "it holds the port by being there")] Held),
    /// By a socket whose connections are passed on.
    Relay(Relay),
    /// Not at all: this kernel has no sockets of that protocol, so no other program can take the port either; or no relay
    /// could be made, which the log says.
    Nothing,
}

impl Holds {
    /// Keeps reserved ports for a container, beside those that it has, and passes on to `addresses` where the kernel can't turn.
    pub fn keep(&self, container: &ContainerId, reserved: Reserved, ports: &[PublishedPort], addresses: &[IpAddr]) {
        let mut all = self.lock();
        let holds = all.entry(container.clone()).or_default();
        for (host, held) in reserved {
            let port = ports.iter().find(|port| port.host == host);
            let target = port.and_then(|port| target(port, addresses));
            holds.insert(host, hold(host, held, target));
        }
        for port in ports {
            if let (Some(Hold::Relay(relay)), Some(target)) = (holds.get(&port.host), target(port, addresses)) {
                relay.turn(target);
            }
        }
        if holds.is_empty() {
            all.remove(container);
        }
    }

    /// Lets go of a container's ports but for those that it still has.
    pub fn retain(&self, container: &ContainerId, ports: &[PublishedPort]) {
        let mut all = self.lock();
        let Some(holds) = all.get_mut(container) else { return };
        holds.retain(|host, _| ports.iter().any(|port| port.host == *host));
        if holds.is_empty() {
            all.remove(container);
        }
    }

    /// The map is whole after every statement: a panicked holder has not broken it.
    fn lock(&self) -> MutexGuard<'_, HashMap<ContainerId, BTreeMap<HostPort, Hold>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where connections are passed on to that come to an IPv6 port: the container's IPv6 address, or the one it has.
fn target(port: &PublishedPort, addresses: &[IpAddr]) -> Option<SocketAddr> {
    if port.host.address.is_ipv4() {
        return None;
    }
    let address = addresses.iter().find(|address| address.is_ipv6()).or_else(|| addresses.first())?;
    Some(SocketAddr::new(*address, port.container_port))
}

fn hold(host: HostPort, held: Option<Held>, target: Option<SocketAddr>) -> Hold {
    let Some(held) = held else { return Hold::Nothing };
    let relay = match (host.protocol, target) {
        (Protocol::Tcp, Some(target)) => Relay::tcp(OwnedFd::from(held).into(), target),
        (Protocol::Udp, Some(target)) => held.into_udp_socket().and_then(|socket| Relay::udp(socket, target)),
        (Protocol::Tcp | Protocol::Udp | Protocol::Sctp, _) => return Hold::Socket(held),
    };
    match relay {
        Ok(relay) => Hold::Relay(relay),
        Err(error) => {
            tracing::error!(%host, %error, "cannot relay; the port is not reached by this address");
            Hold::Nothing
        }
    }
}
