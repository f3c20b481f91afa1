//! Taking the host's ports for a container: at all addresses that it asks for or at none, with one socket where one will do, and
//! who has a port that can't be had.

use super::{Asker, Reservation};
use crate::{
    holds::{Reserved, soon},
    ops::{Daemon, OpError},
    store::{container as rows, port as port_rows},
};
use drawbridge_api::{ContainerId, HostPort, PortRequest, Protocol, PublishedPort};
use drawbridge_kernel::port::{self, HoldError};
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// How often the kernel is asked for another port when the one it chose is taken at a second address.
const CHOICES: usize = 32;
/// Where a port is published that is asked for without an address.
const EVERY_ADDRESS: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];

/// Why a port can't be had.
#[derive(Debug)]
pub(super) struct Refused {
    host: HostPort,
    error: HoldError,
    /// Whether it was wanted at every address.
    everywhere: bool,
}

impl Refused {
    /// Whether nobody has the port but programs that are being started, or nobody any more.
    fn is_passing(&self) -> bool {
        let is_taken = matches!(self.error, HoldError::Taken(_));
        is_taken && port::holder(self.host).is_none_or(|holder| holder.is_being_started())
    }
}

/// Holds one port at all of `addresses`, or none.
pub(super) fn choose(
    request: &PortRequest,
    addresses: &[IpAddr],
    also: &[PublishedPort],
    reservation: &mut Reservation,
) -> Result<(), Refused> {
    if addresses.is_empty() {
        return Ok(());
    }
    let protocol = request.protocol;
    // What it asks for and has already stays as it is, a port of the kernel's choice too.
    let fits = |port: &&PublishedPort| {
        port.container_port == request.container_port
            && port.host.protocol == protocol
            && port.host.address == addresses[0]
            && (request.host_port == 0 || (request.host_port..=last(request)).contains(&port.host.port))
    };
    let kept = also.iter().find(fits).map(|port| port.host.port);
    let asked: Vec<u16> = match (kept, request.host_port) {
        (Some(port), _) => vec![port],
        (None, 0) => vec![0; CHOICES],
        (None, first) => (first..=last(request)).collect(),
    };
    let mut refused = None;
    for port in &asked {
        // Where there are others to choose from, the next is asked for.
        let is_passing = |refused: &Refused| asked.len() == 1 && refused.is_passing();
        match soon(|| hold_all(protocol, *port, addresses, also, reservation), is_passing) {
            Ok(hosts) => {
                let container_port = request.container_port;
                reservation.ports.extend(hosts.into_iter().map(|host| PublishedPort { host, container_port }));
                return Ok(());
            }
            Err(error) => refused = Some(error),
        }
    }
    refused.map_or(Ok(()), Err)
}

fn last(request: &PortRequest) -> u16 {
    request.host_port_end.unwrap_or(request.host_port)
}

/// Holds a port at each of `addresses`, or none; gives what it then has, its own that it had before among it.
fn hold_all(
    protocol: Protocol,
    mut port: u16,
    addresses: &[IpAddr],
    also: &[PublishedPort],
    reservation: &mut Reservation,
) -> Result<Vec<HostPort>, Refused> {
    let mut new = Reserved::new();
    let mut hosts = Vec::with_capacity(addresses.len());
    let is_had = |port: u16| {
        move |address: &IpAddr| also.iter().any(|known| known.host == HostPort { address: *address, protocol, port })
    };
    if addresses == EVERY_ADDRESS && !addresses.iter().any(is_had(port)) {
        // One socket for both families where it can be had. Where not, the two are tried each by itself, which says what is in
        // the way.
        if let Ok(held) = port::hold_both(protocol, port) {
            hosts.extend(held.hosts());
            reservation.held.push(held);
            return Ok(hosts);
        }
    }
    for &address in addresses {
        let host = HostPort { address, protocol, port };
        let is_ours =
            also.iter().any(|known| known.host == host) && !reservation.ports.iter().any(|known| known.host == host);
        if is_ours {
            hosts.push(host);
            continue;
        }
        match port::hold(host) {
            Ok(held) => {
                port = held.port();
                let host = HostPort { port, ..host };
                hosts.push(host);
                new.push(held);
            }
            Err(HoldError::Unsupported(_)) if protocol == Protocol::Sctp && port != 0 => {
                hosts.push(host);
            }
            // A machine without IPv6 publishes on IPv4.
            Err(HoldError::NoSuchAddress(_) | HoldError::Unsupported(_))
                if address == IpAddr::V6(Ipv6Addr::UNSPECIFIED) && addresses.len() > 1 => {}
            Err(error) => return Err(Refused { host, error, everywhere: addresses == EVERY_ADDRESS }),
        }
    }
    reservation.held.extend(new);
    Ok(hosts)
}

/// Who has the port, and which one is free.
pub(super) fn explain(daemon: &Daemon, asker: Asker<'_>, refused: Refused) -> OpError {
    let Refused { host, error, everywhere } = refused;
    let endpoint = match asker.endpoint {
        Some(id) => format!("{} ({id})", asker.name),
        None => asker.name.to_owned(),
    };
    match error {
        HoldError::Taken(_) => {
            let for_both = everywhere.then(|| port::next_free_for_both(host.protocol, host.port)).flatten();
            let free = for_both.or_else(|| port::next_free(host));
            OpError::PortTaken { endpoint, host, holder: who_has(daemon, host), free }
        }
        HoldError::NoSuchAddress(_) => OpError::NoSuchAddress { endpoint, host },
        HoldError::Unsupported(_) => OpError::Invalid(format!(
            "this machine's kernel has no {} sockets to hold {host} with, so it can't choose a port; name one of the host",
            host.protocol
        )),
        HoldError::System { source: error, .. } => OpError::CannotHold { endpoint, host, error },
    }
}

fn who_has(daemon: &Daemon, host: HostPort) -> String {
    let container = daemon.engine.store.read().ok().and_then(|db| {
        let id = port_rows::holder(&db, &host).ok().flatten()?;
        rows::get(&db, &id).ok().flatten()
    });
    match (container, port::holder(host)) {
        (Some(container), _) => format!("container {} has it", container.name),
        (None, Some(holder)) => format!("process {} ({}) has it", holder.pid, holder.command),
        (None, None) => "another program has it".to_owned(),
    }
}

/// Holds the ports of a container that outlived the last daemon, but for those that were taken meanwhile, which the log says.
pub(super) fn hold_again(daemon: &Daemon, id: &ContainerId, hosts: impl Iterator<Item = HostPort>) -> Reserved {
    let mut held = Reserved::new();
    let mut hosts: BTreeSet<HostPort> = hosts.filter(|host| host.port > 0).collect();
    while let Some(host) = hosts.pop_first() {
        let other = HostPort { address: EVERY_ADDRESS[1], ..host };
        let is_both = host.address == EVERY_ADDRESS[0] && hosts.contains(&other);
        if is_both && let Ok(socket) = port::hold_both(host.protocol, host.port) {
            hosts.remove(&other);
            held.push(socket);
            continue;
        }
        match port::hold(host) {
            Ok(socket) => held.push(socket),
            Err(HoldError::Unsupported(_)) => {}
            Err(error) => {
                let holder = who_has(daemon, host);
                tracing::warn!(container = %id.short(), %host, %error, %holder, "a published port is not held");
            }
        }
    }
    held
}
