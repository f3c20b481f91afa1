//! The ports of the host that are held for containers. The kernel turns connections to a published port before any socket
//! sees them; the sockets here keep the port from other programs, and relay the few connections that the kernel can't turn:
//! those to an IPv6 address whose container has only IPv4, and those to `::1`.
//!
//! A port that lies still costs its socket and some hundred bytes here: no task, and one descriptor to wait for all of them.

mod doorman;
mod relay;

use crate::store::Store;
use doorman::{Door, Doorman};
use drawbridge_api::{ContainerId, HostPort, PublishedPort};
use drawbridge_kernel::port::{self, Held, HoldError};
use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};
use tokio::task::block_in_place;

/// How long programs that are being started may keep a closed socket; they take a millisecond.
const LET_GO_WITHIN: Duration = Duration::from_millis(500);
/// How often is looked whether they have let go.
const LOOK_EVERY: Duration = Duration::from_micros(100);

/// Ports that are held and not yet anybody's; they are free again when this goes.
pub type Reserved = Vec<Held>;

/// What is held, by container.
#[derive(Debug)]
pub struct Holds {
    held: Mutex<HashMap<ContainerId, Vec<Hold>>>,
    doorman: Doorman,
}

/// How a port is held.
#[derive(Debug)]
enum Hold {
    /// By a socket that nothing ever reaches.
    Still(Held),
    /// By a socket whose connections are passed on.
    Door(Door),
}

impl Hold {
    fn hosts(&self) -> Vec<HostPort> {
        match self {
            Hold::Still(held) => held.hosts().collect(),
            Hold::Door(door) => door.hosts(),
        }
    }
}

impl Holds {
    /// Nothing is held. The store says which networks are internal: their containers are not passed on.
    pub fn new(store: Arc<Store>) -> Holds {
        Holds { held: Mutex::default(), doorman: Doorman::new(store) }
    }

    /// Makes what is held for a container what `ports` need, of what it had and what was reserved, and passes on to `addresses`
    /// where the kernel can't turn.
    pub fn keep(&self, container: &ContainerId, reserved: Reserved, ports: &[PublishedPort], addresses: &[IpAddr]) {
        let mut all = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.remove(container).unwrap_or_default();
        let mut holds = Vec::with_capacity(before.len() + reserved.len());
        for hold in before.into_iter().chain(reserved.into_iter().map(Hold::Still)) {
            let hosts = hold.hosts();
            let wanted: Vec<HostPort> =
                hosts.iter().filter(|host| ports.iter().any(|port| port.host == **host)).copied().collect();
            if wanted == hosts {
                holds.push(hold);
                continue;
            }
            drop(hold);
            // Of two families one is left, which a socket can't be told; it is held anew.
            for host in wanted {
                match hold_anew(host) {
                    Ok(held) => holds.push(Hold::Still(held)),
                    Err(error) => {
                        tracing::warn!(container = %container.short(), %host, %error, "a published port is not held")
                    }
                }
            }
        }
        let holds: Vec<Hold> = holds.into_iter().filter_map(|hold| self.pass_on(hold, ports, addresses)).collect();
        if !holds.is_empty() {
            all.insert(container.clone(), holds);
        }
    }

    /// Lets go of all that is held for a container.
    pub fn let_go(&self, container: &ContainerId) {
        self.keep(container, Reserved::new(), &[], &[]);
    }

    /// Lets in by a port of IPv6; none when that can't be, which the log says.
    fn pass_on(&self, hold: Hold, ports: &[PublishedPort], addresses: &[IpAddr]) -> Option<Hold> {
        let hosts = hold.hosts();
        let target = ports.iter().filter(|port| hosts.contains(&port.host)).find_map(|port| target(port, addresses));
        match (hold, target) {
            (hold, None) => Some(hold),
            (Hold::Door(door), Some(target)) => {
                door.lead_to(target);
                Some(Hold::Door(door))
            }
            (Hold::Still(held), Some(target)) => match self.doorman.open(held, target) {
                Ok(door) => Some(Hold::Door(door)),
                Err(error) => {
                    tracing::error!(?hosts, %error, "cannot relay; the ports are not held");
                    None
                }
            },
        }
    }
}

/// Holds a port whose socket has just been closed.
fn hold_anew(host: HostPort) -> Result<Held, HoldError> {
    soon(|| port::hold(host), |error| matches!(error, HoldError::Taken(_)))
}

/// Tries for a while, as long as what is in the way is passing. A program that is being started has a copy of every socket of ours
/// until it runs, so a port that has just been let go may still be taken.
pub(crate) fn soon<T, E>(mut attempt: impl FnMut() -> Result<T, E>, is_passing: impl Fn(&E) -> bool) -> Result<T, E> {
    let deadline = Instant::now() + LET_GO_WITHIN;
    loop {
        match attempt() {
            Err(error) if Instant::now() < deadline && is_passing(&error) => {
                block_in_place(|| thread::sleep(LOOK_EVERY));
            }
            done => return done,
        }
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
