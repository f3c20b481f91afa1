//! A container's plugs: what it asks for when it is made, and the rows of its namespace, endpoints and published ports when it
//! starts. Changing them while it runs is in `connect`.

use super::{OpError, interface_settings, lookup, network, outlet::Outlets, sharing};
use crate::{
    engine::Draft,
    model::{ContainerRecord, ContainerSpec},
    store::{Connection, attachment as attachments, endpoint, lease, lease::Holder, port},
};
use drawbridge_api::{
    Attachment, ContainerId, Driver, Endpoint, EndpointId, IfName, InvalidName, MacAddress, Network, NetworkMode,
    NsName, PublishedPort,
};
use drawbridge_plan::{Element, Family, Scope};
use ipnet::IpNet;
use std::net::IpAddr;

/// The network option that says what the names of its interfaces begin with.
const PREFIX_OPTION: &str = "com.docker.network.container_iface_prefix";

/// The option of an attachment that names its interface.
const NAME_OPTION: &str = "com.docker.network.endpoint.ifname";

/// Names for what a start will make, chosen before the change so that its scope is known.
#[derive(Debug)]
pub struct Names {
    namespace: NsName,
    ends: Vec<End>,
    ports: Vec<PublishedPort>,
}

/// The names of one endpoint.
#[derive(Debug)]
pub(super) struct End {
    pub(super) endpoint: EndpointId,
    pub(super) host_end: IfName,
}

impl End {
    /// Chooses them.
    pub(super) fn new() -> Result<End, InvalidName> {
        let endpoint = EndpointId::from_bytes(rand::random());
        let host_end = format!("veth{}", &endpoint.as_str()[..7]).parse()?;
        Ok(End { endpoint, host_end })
    }
}

impl Names {
    /// Chooses them for a container with this number of attachments.
    ///
    /// # Errors
    /// Never for an id: its short form and seven digits make valid names.
    pub fn new(id: &ContainerId, attachments: usize) -> Result<Self, InvalidName> {
        let ends = (0..attachments).map(|_| End::new()).collect::<Result<_, _>>()?;
        Ok(Self { namespace: namespace_name(id)?, ends, ports: Vec::new() })
    }

    /// The id of the endpoint for the attachment at that place.
    pub(super) fn endpoint(&self, position: Option<usize>) -> Option<&EndpointId> {
        self.ends.get(position?).map(|end| &end.endpoint)
    }

    /// With ports that are held for it.
    pub(super) fn publishing(self, ports: Vec<PublishedPort>) -> Self {
        Self { ports, ..self }
    }

    /// The ports that are held for it.
    pub(super) fn ports(&self) -> &[PublishedPort] {
        &self.ports
    }

    /// What of the kernel they stand for.
    pub fn scope(&self, id: &ContainerId) -> Scope {
        Scope::Container {
            id: id.clone(),
            namespace: self.namespace.clone(),
            host_ends: self.ends.iter().map(|end| end.host_end.clone()).collect(),
            // Its addresses are not chosen yet; whatever it gets is new.
            elements: Vec::<Element>::new(),
        }
    }
}

/// A container's namespace has its short id for a name, so that `ip netns` and `docker ps` show the same word.
pub(super) fn namespace_name(id: &ContainerId) -> Result<NsName, InvalidName> {
    id.short().parse()
}

/// What a container that is to be made asks for, with the networks' own names and in the order of its interfaces: that of
/// its network mode first.
///
/// # Errors
/// When a network is not there, when it can't give what is asked for, or when the networks can't be combined.
pub(super) fn settle(
    db: &Connection,
    spec: &ContainerSpec,
    asked: &[Attachment],
) -> Result<(NetworkMode, Vec<Attachment>), OpError> {
    let (mode, primary) = match &spec.network_mode {
        NetworkMode::Network(text) => {
            let network = network::find_in(db, text.as_str())?;
            let mode = match network.driver {
                Driver::Bridge | Driver::Macvlan => NetworkMode::Network(network.name.clone()),
                Driver::Host => NetworkMode::Host,
                Driver::Null => NetworkMode::None,
            };
            (mode, network)
        }
        NetworkMode::Host => (NetworkMode::Host, network::find_in(db, "host")?),
        NetworkMode::None => (NetworkMode::None, network::find_in(db, "none")?),
        NetworkMode::Container(other) => {
            let other = lookup::find_in(db, other.as_str())?;
            sharing::check(spec, asked)?;
            return Ok((NetworkMode::Container(other.id.as_str().parse()?), Vec::new()));
        }
    };
    check(&primary, &Attachment::to(primary.name.clone()))?;
    let mut networks = vec![primary.clone()];
    let mut settled = vec![Attachment::to(primary.name)];
    for attachment in asked {
        let network = network::find_in(db, attachment.network.as_str())?;
        let attachment = Attachment { network: network.name.clone(), ..attachment.clone() };
        check(&network, &attachment)?;
        if attachment.network == settled[0].network {
            settled[0] = attachment;
        } else if settled.iter().any(|known| known.network == attachment.network) {
            return Err(OpError::Invalid(format!("network {} is named twice; name it once", network.name)));
        } else {
            check_together(&network, &networks)?;
            settled.push(attachment);
            networks.push(network);
        }
    }
    Ok((mode, settled))
}

/// Whether a container that is in `others` can be in `network` too.
///
/// # Errors
/// `Invalid` when one of them is the host's own stack or none.
pub(super) fn check_together(network: &Network, others: &[Network]) -> Result<(), OpError> {
    for other in others.iter().filter(|other| other.name != network.name) {
        if network.driver == Driver::Host || other.driver == Driver::Host {
            return Err(sharing::shares_a_namespace());
        }
        if network.driver == Driver::Null || other.driver == Driver::Null {
            return Err(OpError::Invalid(
                "container cannot be connected to multiple networks with one of the networks in private (none) mode; \
                 disconnect it from none first"
                    .into(),
            ));
        }
    }
    Ok(())
}

/// Whether a network can give what an attachment asks for.
///
/// # Errors
/// `Invalid` with everything that it can't.
pub(super) fn check(network: &Network, attachment: &Attachment) -> Result<(), OpError> {
    if network.settings.is_some() {
        return Err(OpError::Forbidden(format!(
            "cannot create endpoint on configuration-only network {}; make one with --config-from {0}",
            network.name
        )));
    }
    let mut wrong = Vec::new();
    let asked = attachment.address4.map(IpAddr::V4).into_iter().chain(attachment.address6.map(IpAddr::V6));
    if network.predefined {
        if attachment.address4.is_some() || attachment.address6.is_some() {
            wrong.push("user specified IP address is supported on user defined networks only".to_owned());
        }
        if !attachment.aliases.is_empty() {
            wrong.push("network-scoped alias is supported only for containers in user defined networks".to_owned());
        }
    } else {
        wrong.extend(
            asked
                .filter(|address| !can_be_leased(network, *address))
                .map(|address| format!("no configured subnet or ip-range contain the IP address {address}")),
        );
    }
    for address in &attachment.link_local {
        let is_link_local = match address {
            IpAddr::V4(address) => address.is_link_local(),
            IpAddr::V6(address) => address.is_unicast_link_local(),
        };
        if !is_link_local {
            wrong.push(format!("invalid link-local IP address: {address}"));
        }
    }
    wrong.extend(interface_settings::check(attachment).err());
    if let Some(Err(error)) = attachment.options.get(NAME_OPTION).map(|name| name.parse::<IfName>()) {
        wrong.push(error.to_string());
    }
    // The lowest bit of the first byte says that a frame is for several (IEEE 802, "I/G").
    if let Some(mac) = attachment.mac.filter(|mac| mac.0[0] & 1 == 1 || mac.0 == [0; 6]) {
        wrong.push(format!("invalid MAC address: {mac} can't be that of an interface; the second digit must be even"));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(OpError::Invalid(format!(
        "invalid config for network {}: invalid endpoint settings:\n{}",
        network.name,
        wrong.join("\n")
    )))
}

/// Whether an address lies in a range of the network and is a host's: not the range's own, nor of IPv4 the broadcast address.
fn can_be_leased(network: &Network, address: IpAddr) -> bool {
    network.subnets.iter().map(|known| known.subnet).any(|subnet| {
        let is_broadcast = address.is_ipv4() && address == subnet.broadcast();
        subnet.contains(&address) && address != subnet.network() && !is_broadcast
    })
}

/// Writes the rows of a container's namespace, endpoints and published ports.
///
/// # Errors
/// When a network isn't there, has no free address or not the one asked for, or the container is attached already.
pub fn attach(db: &Connection, draft: &Draft, record: &ContainerRecord, names: &Names) -> Result<(), OpError> {
    match &record.spec.network_mode {
        NetworkMode::Host | NetworkMode::Container(_) => return Ok(()),
        NetworkMode::None | NetworkMode::Network(_) => {}
    }
    endpoint::insert_namespace(db, &record.id, &names.namespace, draft.change_id)?;
    let mut endpoints = Vec::new();
    for (attachment, end) in attachments::of_container(db, &record.id)?.iter().zip(&names.ends) {
        let network = network::find_in(db, attachment.network.as_str())?;
        endpoints.extend(plug(db, draft, &record.id, &network, attachment, end, &endpoints)?);
    }
    let outlets = Outlets::of(&endpoints);
    for published in &names.ports {
        if let Some(endpoint) = outlets.of_port(published) {
            port::insert(db, &endpoint.id, published, draft.change_id)?;
        }
    }
    Ok(())
}

/// Writes the row of one endpoint, beside those that the container has; none in a network that the kernel has no part in.
///
/// # Errors
/// When the network has no free address or not the one asked for, or the container is in it already.
pub(super) fn plug(
    db: &Connection,
    draft: &Draft,
    container: &ContainerId,
    network: &Network,
    attachment: &Attachment,
    end: &End,
    others: &[Endpoint],
) -> Result<Option<Endpoint>, OpError> {
    match network.driver {
        Driver::Bridge | Driver::Macvlan => {}
        Driver::Host | Driver::Null => return Ok(None),
    }
    check(network, attachment)?;
    let address4 = address(db, network, attachment.address4.map(IpAddr::V4), Family::Ipv4)?;
    let address6 = address(db, network, attachment.address6.map(IpAddr::V6), Family::Ipv6)?;
    let (address4, address6) = (address4.and_then(four), address6.and_then(six));
    let gateway = |is_family: fn(&IpAddr) -> bool, address: Option<IpAddr>| {
        let subnet = network.subnets.iter().find(|known| address.is_some_and(|own| known.subnet.contains(&own)));
        subnet.map(|subnet| subnet.gateway).filter(|gateway| is_family(gateway) && !network.internal)
    };
    let gateway4 = gateway(IpAddr::is_ipv4, address4.map(|address| address.addr().into()));
    let gateway6 = gateway(IpAddr::is_ipv6, address6.map(|address| address.addr().into()));
    let made_up = || match address4 {
        Some(address) => MacAddress::from_ipv4(address.addr()),
        None => MacAddress::from_ipv4(rand::random::<u32>().into()),
    };
    let endpoint = Endpoint {
        id: end.endpoint.clone(),
        network_id: network.id.clone(),
        network: network.name.clone(),
        host_end: (network.driver == Driver::Bridge).then(|| end.host_end.clone()),
        interface: interface(network, attachment, others)?,
        mac: attachment.mac.unwrap_or_else(made_up),
        address4,
        address6,
        gateway4: gateway4.and_then(|address| four(address.into())).map(|address| address.addr()),
        gateway6: gateway6.and_then(|address| six(address.into())).map(|address| address.addr()),
        link_local: attachment.link_local.clone(),
        gateway_priority: attachment.gateway_priority,
    };
    endpoint::insert(db, container, &endpoint, draft.change_id)?;
    Ok(Some(endpoint))
}

fn four(address: IpNet) -> Option<ipnet::Ipv4Net> {
    match address {
        IpNet::V4(address) => Some(address),
        IpNet::V6(_) => None,
    }
}

fn six(address: IpNet) -> Option<ipnet::Ipv6Net> {
    match address {
        IpNet::V6(address) => Some(address),
        IpNet::V4(_) => None,
    }
}

/// The address that is asked for, or a free one; none where the network has no range of that family.
fn address(
    db: &Connection,
    network: &Network,
    asked: Option<IpAddr>,
    family: Family,
) -> Result<Option<IpNet>, OpError> {
    let of_family = |subnet: &IpNet| Family::of(subnet.addr()) == family;
    let mut ranges = network.subnets.iter().map(|known| known.subnet).filter(of_family);
    let Some(asked) = asked else {
        if ranges.next().is_none() {
            return Ok(None);
        }
        let free = lease::next_free(db, network, family)?;
        return match free {
            Some(address) => Ok(Some(address)),
            None => Err(OpError::NoFreeAddress { family, network: network.name.to_string() }),
        };
    };
    if let Some(holder) = lease::holder(db, &network.id, asked)? {
        let holder = match holder {
            Holder::Network => "the network itself".to_owned(),
            Holder::Container(id) => match crate::store::container::get(db, &id)? {
                Some(container) => format!("container {}", container.name),
                None => format!("container {}", id.short()),
            },
        };
        return Err(OpError::AddressTaken { address: asked, network: network.name.to_string(), holder });
    }
    Ok(ranges.find(|subnet| subnet.contains(&asked)).map(|subnet| IpNet::new_assert(asked, subnet.prefix_len())))
}

/// The name that is asked for, or the first one of the network's kind that none of the other endpoints has: `eth0`, `eth1`.
fn interface(network: &Network, attachment: &Attachment, others: &[Endpoint]) -> Result<IfName, OpError> {
    if let Some(name) = attachment.options.get(NAME_OPTION) {
        let name: IfName = name.parse()?;
        return match others.iter().find(|other| other.interface == name) {
            None => Ok(name),
            Some(other) => Err(OpError::Invalid(format!(
                "interface name {name} is that of the container's endpoint in network {}; ask for another",
                other.network
            ))),
        };
    }
    let prefix = network.options.get(PREFIX_OPTION).map_or("eth", String::as_str);
    let mut number = 0;
    loop {
        let name: IfName = format!("{prefix}{number}").parse()?;
        if others.iter().all(|other| other.interface != name) {
            return Ok(name);
        }
        number += 1;
    }
}
