//! Reading what the kernel has of ours. Nothing is changed here, and within a scope nothing is looked at that lies outside
//! of it, so the cost does not grow with the number of other containers.

use crate::{
    Shared,
    address::{self, LinkAddress, LinkRoute},
    cable::{ORPHAN, is_pair},
    error::KernelError,
    link::{self, Link, PeerPlace},
    macvlan,
    mark::Mark,
    netns::{self, Entry, Namespace},
    nfnetlink::Netfilter,
    socket::Socket,
    sysctl, tables,
    vanish::Looks,
};
use drawbridge_api::{ContainerId, EndpointId, IfName, MacAddress, NsName};
use drawbridge_plan::{Element, Object, Observed, Place, Scope};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    os::fd::AsFd,
    time::Duration,
};

/// How long pairs that lead nowhere are watched; a hundred namespaces that end at once take 200 ms.
const VANISH_WITHIN: Duration = Duration::from_secs(1);

/// Reads what lies in `scope`.
pub(crate) fn observe(shared: &Shared, scope: &Scope, sysctl_keys: &[String]) -> Result<Observed, KernelError> {
    let mut objects = match scope {
        Scope::Everything => everything(shared)?,
        Scope::Tables => all_tables(shared)?,
        Scope::Network { bridge, elements, .. } => {
            let mut objects = network(bridge)?;
            objects.extend(those_there(shared, elements)?);
            objects
        }
        Scope::Container { namespace, host_ends, elements, .. } => {
            let mut objects = container(shared, namespace, host_ends)?;
            objects.extend(those_there(shared, elements)?);
            objects
        }
    };
    objects.retain(|object| scope.covers(object));
    let mut sysctls = BTreeMap::new();
    for key in sysctl_keys.iter().filter(|_| scope.covers_sysctls()) {
        if let Some(value) = sysctl::read(key)? {
            sysctls.insert(key.clone(), value);
        }
    }
    Ok(Observed { objects, sysctls })
}

fn everything(shared: &Shared) -> Result<BTreeSet<Object>, KernelError> {
    let mut objects = all_tables(shared)?;
    let mut host = Socket::open()?;
    let mut links = link::list(&mut host)?;
    let addresses = address::list(&mut host, None)?;
    let insides: Vec<Inside> =
        netns::visit(&netns::names()?, |name, namespace| Inside::read(shared, name, namespace, &mut host))?
            .into_iter()
            .flatten()
            .collect();
    wait_for_vanishing(&mut host, &mut links, &insides)?;
    let names: HashMap<u32, &str> = links.iter().map(|link| (link.index, link.name.as_str())).collect();
    let nowhere: NsName = orphan();
    for link in &links {
        match link.mark() {
            Some(Mark::Network(_)) => objects.extend(bridge(link, &addresses)?),
            Some(Mark::Endpoint(endpoint)) => {
                let master = link.master.and_then(|index| names.get(&index).copied());
                objects.extend(host_end(link, &endpoint, &insides, &nowhere, master));
            }
            Some(Mark::Container(_)) | None => {}
        }
    }
    for inside in &insides {
        objects.extend(inside.objects());
    }
    Ok(objects)
}

fn network(name: &IfName) -> Result<BTreeSet<Object>, KernelError> {
    let mut objects = BTreeSet::new();
    let mut host = Socket::open()?;
    if let Some(link) = link::find(&mut host, name)? {
        let addresses = address::list(&mut host, Some(link.index))?;
        objects.extend(bridge(&link, &addresses)?);
    }
    Ok(objects)
}

fn container(shared: &Shared, namespace: &NsName, host_ends: &[IfName]) -> Result<BTreeSet<Object>, KernelError> {
    let mut host = Socket::open()?;
    let mut links = Vec::new();
    for name in host_ends {
        links.extend(link::find(&mut host, name)?);
    }
    let mut insides = Vec::new();
    // Entering takes a thread, so it is done only where there is something to enter.
    if let Entry::Mounted(_) = netns::look(namespace)? {
        let names = std::slice::from_ref(namespace);
        let read = netns::visit(names, |name, inside| Inside::read(shared, name, inside, &mut host))?;
        insides.extend(read.into_iter().flatten());
    }
    // A cable in the namespace that no row of the database names any more.
    for other in insides.iter().flat_map(|inside| &inside.links).filter(|link| link.kind == "veth") {
        if let Some(index) = other.peer
            && links.iter().all(|link| link.index != index)
        {
            links.extend(link::find_index(&mut host, index)?.filter(|link| is_pair(link, other)));
        }
    }
    wait_for_vanishing(&mut host, &mut links, &insides)?;
    let mut objects = BTreeSet::new();
    for link in &links {
        let Some(Mark::Endpoint(endpoint)) = link.mark() else { continue };
        let master = match link.master {
            Some(index) => link::find_index(&mut host, index)?.map(|link| link.name),
            None => None,
        };
        objects.extend(host_end(link, &endpoint, &insides, namespace, master.as_deref()));
    }
    for inside in &insides {
        objects.extend(inside.objects());
    }
    Ok(objects)
}

/// The tables and their elements; nothing when one is missing or damaged.
fn all_tables(shared: &Shared) -> Result<BTreeSet<Object>, KernelError> {
    let elements = shared.pool.with(|netfilter| tables::read(netfilter, &shared.shape))?;
    let Some(elements) = elements else { return Ok(BTreeSet::new()) };
    Ok(elements.into_iter().map(Object::Element).chain([Object::Tables]).collect())
}

/// Those of these elements that are there; of a map with the value that it gives, which may be another.
fn those_there(shared: &Shared, elements: &[Element]) -> Result<Vec<Object>, KernelError> {
    if elements.is_empty() {
        return Ok(Vec::new());
    }
    let seen = shared.pool.with(|netfilter| tables::look(netfilter, elements))?;
    Ok(seen.into_iter().flatten().map(|seen| Object::Element(seen.element)).collect())
}

/// A bridge of ours with what is on it. The calling thread must be in the bridge's namespace.
fn bridge(link: &Link, addresses: &[LinkAddress]) -> Result<Vec<Object>, KernelError> {
    let (Some(Mark::Network(network)), Ok(name)) = (link.mark(), link.name.parse::<IfName>()) else {
        return Ok(Vec::new());
    };
    if link.kind != "bridge" {
        return Ok(Vec::new());
    }
    let mut objects = vec![Object::Bridge { name: name.clone(), network, mtu: link.mtu }];
    objects.extend(on_link(&Place::Host, &name, link, addresses));
    if sysctl::read(&sysctl::route_localnet(&name))?.as_deref() == Some("1") {
        objects.push(Object::RouteLocalnet { bridge: name });
    }
    Ok(objects)
}

/// A veth's end on the host, with the whole pair and what is on this end. One whose other end is in no namespace of ours
/// is told as a pair to an interface named `unknown`, in the namespace that was asked about or one named `unknown`: no plan
/// wants such a thing, so the next one removes it.
fn host_end(
    link: &Link,
    endpoint: &EndpointId,
    insides: &[Inside],
    orphans_in: &NsName,
    master: Option<&str>,
) -> Vec<Object> {
    let Ok(name) = link.name.parse::<IfName>() else { return Vec::new() };
    if link.kind != "veth" {
        return Vec::new();
    }
    let other = other_end(link, insides)
        .and_then(|(inside, other)| Some((inside.name.clone(), other.name.parse::<IfName>().ok()?, other.mac?)));
    let (namespace, interface, mac) = other.unwrap_or_else(|| (orphans_in.clone(), orphan(), MacAddress([0; 6])));
    let pair =
        Object::Veth { endpoint: endpoint.clone(), host_end: name.clone(), namespace, interface, mac, mtu: link.mtu };
    let mut objects = vec![pair];
    objects.extend(on_link(&Place::Host, &name, link, &[]));
    if let Some(bridge) = master.and_then(|master| master.parse().ok()) {
        objects.extend(link.hairpin.then(|| Object::Hairpin { link: name.clone() }));
        objects.push(Object::Port { link: name, bridge });
    }
    objects
}

/// Where a host end leads, if that is a namespace of ours.
fn other_end<'a>(link: &Link, insides: &'a [Inside]) -> Option<(&'a Inside, &'a Link)> {
    insides.iter().find_map(|inside| {
        let here = inside.nsid.is_some_and(|nsid| link.peer_place == PeerPlace::Nsid(nsid));
        let other = inside.links.iter().find(|other| here && is_pair(link, other))?;
        Some((inside, other))
    })
}

/// Gives host ends that lead nowhere a moment to vanish. A namespace ends some milliseconds after its name: a socket that
/// was open in it is freed after an RCU grace period (`netlink_release` in net/netlink/af_netlink.c), and only then the
/// kernel takes its links away. Until then such a pair looks like one that was left behind.
fn wait_for_vanishing(host: &mut Socket, links: &mut Vec<Link>, insides: &[Inside]) -> Result<(), KernelError> {
    let is_lost = |link: &Link| {
        matches!(link.mark(), Some(Mark::Endpoint(_))) && link.kind == "veth" && other_end(link, insides).is_none()
    };
    let (mut lost, kept): (Vec<Link>, Vec<Link>) = std::mem::take(links).into_iter().partition(is_lost);
    *links = kept;
    let mut looks = Looks::within(VANISH_WITHIN);
    loop {
        let mut left = Vec::with_capacity(lost.len());
        for link in lost {
            let now = link::find_index(host, link.index)?.filter(|now| now.name == link.name);
            left.extend(now.filter(|now| now.peer_place != PeerPlace::Dying));
        }
        lost = left;
        if lost.is_empty() || !looks.wait() {
            break;
        }
    }
    links.extend(lost);
    Ok(())
}

/// What is on a link: its addresses, and whether it is up.
fn on_link(place: &Place, name: &IfName, link: &Link, addresses: &[LinkAddress]) -> Vec<Object> {
    let here = addresses.iter().filter(|address| address.index == link.index);
    let mut objects: Vec<Object> = here
        .map(|address| Object::Address { place: place.clone(), link: name.clone(), address: address.address })
        .collect();
    if link.up {
        objects.push(Object::Up { place: place.clone(), link: name.clone() });
    }
    objects
}

/// Whether a link in a namespace is one by which a container is plugged in.
fn is_plug(link: &Link) -> bool {
    link.kind == "veth" || link.kind == "macvlan"
}

/// The name of what is nowhere, as a namespace or an interface.
fn orphan<T: std::str::FromStr>() -> T
where
    T::Err: std::fmt::Debug,
{
    ORPHAN.parse().expect("letters only are a valid name of either kind")
}

/// A namespace of ours, read.
struct Inside {
    name: NsName,
    container: ContainerId,
    /// The number that the host knows it by, if it has one: where a veth leads here.
    nsid: Option<i32>,
    /// The names of the links that have IPv6.
    ipv6: Vec<IfName>,
    /// Whether the table that leads to the resolver is there, undamaged.
    resolver: bool,
    /// Its macvlan interfaces that are ours.
    macvlans: Vec<Object>,
    links: Vec<Link>,
    addresses: Vec<LinkAddress>,
    routes: Vec<LinkRoute>,
}

impl Inside {
    /// None when the namespace is not ours. The calling thread must be in it.
    fn read(
        shared: &Shared,
        name: &NsName,
        mut namespace: Namespace,
        host: &mut Socket,
    ) -> Result<Option<Inside>, KernelError> {
        let socket = &mut namespace.socket;
        let Some(container) = netns::owner(socket)? else { return Ok(None) };
        let links = link::list(socket)?;
        let mut ipv6 = Vec::new();
        for name in links.iter().filter(|link| is_plug(link)).filter_map(|link| link.name.parse::<IfName>().ok()) {
            // Read where this thread is. A kernel without IPv6 has no such setting.
            if sysctl::read(&sysctl::ipv6(&name, "disable_ipv6"))?.is_some_and(|value| value == "0") {
                ipv6.push(name);
            }
        }
        let mut macvlans = Vec::new();
        for link in links.iter().filter(|link| link.kind == "macvlan") {
            let Some(parent) = link.peer else { continue };
            let parent = link::find_index(host, parent)?;
            macvlans.extend(parent.and_then(|parent| macvlan::object(name, link, &parent.name)));
        }
        Ok(Some(Inside {
            macvlans,
            name: name.clone(),
            container,
            nsid: netns::nsid(host, namespace.file.as_fd())?,
            ipv6,
            resolver: shared.resolver.is_whole(&mut Netfilter::open()?)?,
            links,
            addresses: address::list(socket, None)?,
            routes: address::list_routes(socket)?,
        }))
    }

    /// The namespace and what is on its cables. Its loopback's state is the container's own affair.
    fn objects(&self) -> Vec<Object> {
        let mut objects = vec![Object::Namespace { name: self.name.clone(), container: self.container.clone() }];
        let ipv6 = |link: &IfName| Object::Ipv6 { namespace: self.name.clone(), link: link.clone() };
        objects.extend(self.ipv6.iter().map(ipv6));
        objects.extend(self.macvlans.iter().cloned());
        let place = Place::Namespace(self.name.clone());
        if self.resolver {
            objects.push(Object::Resolver { namespace: self.name.clone(), container: self.container.clone() });
        }
        for link in self.links.iter().filter(|link| is_plug(link)) {
            let Ok(name) = link.name.parse::<IfName>() else { continue };
            objects.extend(on_link(&place, &name, link, &self.addresses));
            let default_routes = self
                .routes
                .iter()
                .filter(|route| route.index == Some(link.index) && route.destination.prefix_len() == 0);
            objects.extend(default_routes.filter_map(|route| {
                Some(Object::Route { namespace: self.name.clone(), gateway: route.gateway?, link: name.clone() })
            }));
        }
        objects
    }
}
