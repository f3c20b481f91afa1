//! Publishing: which ports of the host lead to which ports of a container. The sockets that hold them are bound before the
//! change, so that a port that is taken stops it before anything is made.

mod taking;

use super::{
    Daemon, OpError, connect, image, lifecycle, lookup,
    outlet::{Leading, Outlets, leading},
    process,
};
use crate::{
    engine::{Changed, Mode},
    holds::Reserved,
    model::{ContainerRecord, ContainerSpec},
    store::{
        container as rows, endpoint,
        journal::Request,
        port as port_rows,
        undo::{self, Inverse},
    },
};
use drawbridge_api::{
    ContainerId, ContainerState, EndpointId, GatewayMode, HostPort, NetworkMode, Origin, PortRequest, Protocol,
    PublishedPort,
};
use drawbridge_kernel::port;
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// Options with the address that ports are published at where the request names none (Docker's bridge driver).
const BINDING_OPTIONS: [&str; 2] =
    ["com.docker.network.bridge.host_binding_ipv4", "com.docker.network.bridge.host_binding_ipv6"];

/// Who asks for ports.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker<'a> {
    /// The container's name.
    pub(super) name: &'a str,
    /// Its image's name or id.
    pub(super) image: &'a str,
    /// The endpoint at which they are to be published; none where no network leads out, and nothing is held.
    pub(super) endpoint: Option<&'a EndpointId>,
}

impl<'a> Asker<'a> {
    /// A container with its name and image.
    pub(super) fn of(record: &'a ContainerRecord, endpoint: Option<&'a EndpointId>) -> Self {
        Asker { name: record.name.as_str(), image: record.image_id.as_str(), endpoint }
    }
}

/// Ports that are held for a container that is about to have them.
#[derive(Debug, Default)]
pub(super) struct Reservation {
    /// All that it will have.
    pub(super) ports: Vec<PublishedPort>,
    /// The sockets of those that it has not yet.
    pub(super) held: Reserved,
}

/// Reserves the ports that a container asks for in the networks that lead out, `also` those that it has already.
///
/// # Errors
/// `PortTaken` with who has it and which is free, or `NoSuchAddress`; nothing is held then.
pub(super) fn reserve(
    daemon: &Daemon,
    asker: Asker<'_>,
    spec: &ContainerSpec,
    leading: &Leading,
    also: &[PublishedPort],
) -> Result<Reservation, OpError> {
    let mut reservation = Reservation::default();
    let requests = requests(daemon, asker, spec)?;
    for request in &requests {
        let (translated, routed) = addresses(leading, request);
        for address in routed {
            let host = HostPort { address, protocol: request.protocol, port: 0 };
            let port = PublishedPort { host, container_port: request.container_port };
            // Two ports of the host for one of the container are one where the host's are not used.
            if !reservation.ports.contains(&port) {
                reservation.ports.push(port);
            }
        }
        taking::choose(request, &translated, also, &mut reservation)
            .map_err(|refused| taking::explain(daemon, asker, refused))?;
    }
    Ok(reservation)
}

/// What `-p` asks for and, with `-P`, every other port that container or image says it listens on.
fn requests(daemon: &Daemon, asker: Asker<'_>, spec: &ContainerSpec) -> Result<BTreeSet<PortRequest>, OpError> {
    let mut requests: BTreeSet<PortRequest> = spec.ports.iter().copied().collect();
    if !spec.publish_all {
        return Ok(requests);
    }
    let image = image::find(daemon, asker.image)?;
    let of_image = process::image_defaults(&image)?.exposed_ports;
    for text in spec.exposed_ports.iter().chain(&of_image) {
        let (container_port, protocol) = exposed(text)?;
        if !requests.iter().any(|other| (other.container_port, other.protocol) == (container_port, protocol)) {
            let (host_address, host_port, host_port_end) = (None, 0, None);
            requests.insert(PortRequest { container_port, protocol, host_address, host_port, host_port_end });
        }
    }
    Ok(requests)
}

/// Checks what a request can get wrong.
///
/// # Errors
/// `Invalid` for a port 0 of the container and for a range whose end comes before its beginning.
pub(super) fn check(spec: &ContainerSpec) -> Result<(), OpError> {
    for text in &spec.exposed_ports {
        exposed(text)?;
    }
    for request in &spec.ports {
        if request.container_port == 0 {
            return Err(OpError::Invalid("invalid port 0 of the container: write a number from 1 to 65535".into()));
        }
        if let Some(end) = request.host_port_end.filter(|end| *end < request.host_port || request.host_port == 0) {
            return Err(OpError::Invalid(format!(
                "invalid range of host ports {}-{end}: write the lower one first, from 1 on",
                request.host_port
            )));
        }
    }
    Ok(())
}

/// What is published and can't be used: without a network of its own, or for want of something in the kernel.
pub fn warnings(spec: &ContainerSpec) -> Vec<String> {
    if spec.network_mode == NetworkMode::Host && !spec.ports.is_empty() {
        // Docker's words.
        return vec!["Published ports are discarded when using host network mode".to_owned()];
    }
    if spec.ports.iter().all(|port| port.protocol != Protocol::Sctp) || port::has_sctp() {
        return Vec::new();
    }
    let text = "this machine's kernel has no SCTP sockets (CONFIG_IP_SCTP): ports with /sctp are published, but no program can \
                listen at them";
    vec![text.to_owned()]
}

/// `80/tcp`, `80`: a port that is said to be listened on.
///
/// # Errors
/// `Invalid` for anything else.
pub fn exposed(text: &str) -> Result<(u16, Protocol), OpError> {
    let (port, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let protocol = protocol.parse().map_err(|error| OpError::Invalid(format!("{error}, in port {text:?}")))?;
    match port.parse() {
        Ok(port) if port > 0 => Ok((port, protocol)),
        _ => Err(OpError::Invalid(format!("invalid port {text:?}: write a number from 1 to 65535, like 80/tcp"))),
    }
}

/// The host's addresses that a request is about: those that are translated, and the families that are routed.
fn addresses(leading: &Leading, request: &PortRequest) -> (Vec<IpAddr>, Vec<IpAddr>) {
    let asked = match request.host_address {
        Some(address) => vec![address],
        None => {
            let options = leading.four.as_ref().or(leading.six.as_ref()).map(|network| &network.options);
            let bindings = BINDING_OPTIONS.map(|option| options.and_then(|options| options.get(option)?.parse().ok()));
            let [four, six]: [Option<IpAddr>; 2] = bindings;
            // The default network says 0.0.0.0, which asks for no less than nothing does; one address alone is meant for all.
            let four = four.filter(|address| !address.is_unspecified());
            let six = if four.is_some() && six.is_none() { None } else { six.or(Some(Ipv6Addr::UNSPECIFIED.into())) };
            [Some(four.unwrap_or(Ipv4Addr::UNSPECIFIED.into())), six].into_iter().flatten().collect()
        }
    };
    let (mut translated, mut routed) = (Vec::new(), Vec::new());
    for address in asked {
        let mode = match (address, &leading.four, &leading.six) {
            (IpAddr::V4(_), Some(four), _) => four.gateway4.mode,
            (IpAddr::V6(_), _, Some(six)) => six.gateway6.mode,
            // Where containers have IPv4 only, IPv6 connections are passed on to it.
            (IpAddr::V6(_), Some(four), None) => four.gateway4.mode,
            (IpAddr::V4(_), None, _) | (IpAddr::V6(_), None, None) => continue,
        };
        match mode {
            GatewayMode::Nat | GatewayMode::NatUnprotected => translated.push(address),
            GatewayMode::Routed if address.is_ipv4() => routed.push(Ipv4Addr::UNSPECIFIED.into()),
            GatewayMode::Routed if leading.six.is_some() => routed.push(Ipv6Addr::UNSPECIFIED.into()),
            GatewayMode::Routed | GatewayMode::Isolated => {}
        }
    }
    (translated, routed)
}

/// Holds the ports of a container that outlived the last daemon. One that was taken meanwhile is told of, and still leads
/// to the container.
pub(super) fn take_up(daemon: &Daemon, id: &ContainerId) -> Result<(), OpError> {
    let (ports, endpoints) = {
        let db = daemon.engine.store.read()?;
        (port_rows::of_container(&db, id)?, endpoint::of_container(&db, id)?)
    };
    let held = taking::hold_again(daemon, id, ports.iter().map(|port| port.host));
    daemon.holds.keep(id, held, &ports, &Outlets::of(&endpoints).addresses());
    Ok(())
}

/// Changes the published ports of a container, at once where it runs.
///
/// # Errors
/// `PortTaken`, or when the kernel refuses; the ports are as before then.
pub async fn update(
    daemon: &Daemon,
    mode: Mode,
    origin: Origin,
    text: &str,
    ports: Vec<PortRequest>,
) -> Result<Changed<ContainerRecord>, OpError> {
    let found = lookup::find(daemon, text)?;
    let _held = daemon.hold(&found.id).await;
    let record = lookup::get(daemon, &found.id)?;
    let spec = ContainerSpec { ports, publish_all: false, ..record.spec.clone() };
    check(&spec)?;
    let (endpoints, before) = {
        let db = daemon.engine.store.read()?;
        (endpoint::of_container(&db, &record.id)?, port_rows::of_container(&db, &record.id)?)
    };
    let reservation = if record.state == ContainerState::Running {
        let leading = leading(&connect::attached(daemon, &record.id)?);
        let endpoint = leading.endpoint(&endpoints);
        reserve(daemon, Asker::of(&record, endpoint), &spec, &leading, &before)?
    } else {
        Reservation::default()
    };
    let wanted = reservation.ports;
    let request = Request { verb: "publish ports of", subject: record.name.to_string(), origin };
    let scope = lifecycle::scope_of(daemon, &record.id)?;
    let changed = daemon
        .engine
        .change(mode, request, scope, |db, draft| {
            connect::move_ports(db, draft, (&endpoints, &before), (&endpoints, &wanted))?;
            rows::set_spec(db, &record.id, &spec)?;
            // Which ports were all that the image exposes is not asked again.
            if !record.spec.publish_all {
                let inverse = Inverse::Publish { container: record.id.clone(), ports: record.spec.ports.clone() };
                undo::keep(db, draft.change_id, &inverse)?;
            }
            Ok::<_, OpError>(())
        })
        .await?;
    match changed {
        Changed::Previewed(plan) => Ok(Changed::Previewed(plan)),
        Changed::Applied(()) => {
            daemon.holds.keep(&record.id, reservation.held, &wanted, &Outlets::of(&endpoints).addresses());
            lookup::publish(daemon, &record.id)?;
            Ok(Changed::Applied(lookup::get(daemon, &record.id)?))
        }
    }
}
