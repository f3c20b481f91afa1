//! Carrying out a step: one request, or a few that belong together. Nothing is decided here that the plan has not decided;
//! what is looked at first is whether a thing is ours.

use crate::{
    address, cable, conntrack,
    error::KernelError,
    link::{self, Change, Link, PortChange},
    macvlan,
    mark::Mark,
    netns::{self, Coming, Entry},
    resolver,
    session::{Session, foreign_link, foreign_namespace},
    socket::{Answer, Request},
    sysctl, tables,
    vanish::{Looks, VANISH_WITHIN},
};
use drawbridge_api::{ContainerId, IfName, NetworkId, NsName};
use drawbridge_plan::{Element, Object, Place, Step};
use ipnet::IpNet;
use nix::errno::Errno;
use std::{net::IpAddr, sync::Arc};

/// Does a step.
pub(crate) fn execute(session: &mut Session, step: &Step) -> Result<(), KernelError> {
    match step {
        Step::Add { object } => add(session, object),
        Step::Remove { object, takes: _ } => remove(session, object),
        Step::Elements { add, remove } => change_elements(session, add, remove),
        Step::SetSysctl { key, from: _, to } => sysctl::write(key, to),
    }
}

fn add(session: &mut Session, object: &Object) -> Result<(), KernelError> {
    match object {
        Object::Tables => add_tables(session),
        Object::Bridge { name, network, mtu } => add_bridge(session, object, name, network, *mtu),
        Object::Namespace { name, container } => add_namespace(session, object, name, container),
        Object::Veth { .. } => cable::add(session, object),
        Object::Macvlan { namespace, interface, endpoint, parent, mode, mac } => {
            let wanted = macvlan::Wanted { namespace, interface, endpoint, parent, mode: *mode, mac: *mac };
            macvlan::add(session, object, &wanted)
        }
        Object::Port { link, bridge } => {
            let bridge_index = session.needed(&Place::Host, bridge)?.index;
            let index = session.needed(&Place::Host, link)?.index;
            let answer = session.host.request(link::change(index, &Change::Master(bridge_index)))?;
            done(answer, &[], || format!("plug {link} into bridge {bridge}"))
        }
        Object::Address { place, link, address } => {
            let target = session.needed(place, link)?;
            let answer = target.socket.request(address::add(target.index, *address))?;
            done(answer, &[Errno::EEXIST], || format!("give {link} the address {address}"))
        }
        Object::RouteLocalnet { bridge } => {
            session.needed(&Place::Host, bridge)?;
            sysctl::write(&sysctl::route_localnet(bridge), "1")
        }
        Object::Hairpin { link } => {
            let index = session.needed(&Place::Host, link)?.index;
            let answer = session.host.request(link::change_port(index, &PortChange::Hairpin))?;
            done(answer, &[], || format!("turn on the hairpin mode of {link}"))
        }
        Object::Ipv6 { namespace, link } => {
            session.needed(&Place::Namespace(namespace.clone()), link)?;
            let setting = |name: &str, value| (sysctl::ipv6(link, name), value);
            let settings = [setting("accept_dad", "0"), setting("accept_ra", "0"), setting("disable_ipv6", "0")];
            netns::set(namespace, &settings).map(drop)
        }
        Object::Element(element) => change_elements(session, std::slice::from_ref(element), &[]),
        Object::Up { place, link } => bring_up(session, place, link),
        Object::Route { namespace, gateway, link } => add_route(session, namespace, *gateway, link),
        Object::Resolver { namespace, container } => {
            let shared = Arc::clone(&session.shared);
            let absent = || KernelError::Absent { what: format!("namespace {namespace}") };
            shared.resolver.write(session.inner_netfilter(namespace, container)?.ok_or_else(absent)?)
        }
    }
}

fn remove(session: &mut Session, object: &Object) -> Result<(), KernelError> {
    match object {
        Object::Tables => tables::remove(session.netfilter()?),
        Object::Bridge { name, network, .. } => {
            remove_link(session, name, &Mark::Network(network.clone()), &format!("delete bridge {name}"))
        }
        Object::Namespace { name, container, .. } => remove_namespace(session, object, name, container),
        Object::Veth { endpoint, host_end, .. } => {
            remove_link(session, host_end, &Mark::Endpoint(endpoint.clone()), &format!("delete veth pair {host_end}"))
        }
        Object::Macvlan { namespace, interface, endpoint, parent, mode, mac } => {
            let wanted = macvlan::Wanted { namespace, interface, endpoint, parent, mode: *mode, mac: *mac };
            macvlan::remove(session, &wanted)
        }
        Object::Port { link, bridge } => remove_port(session, link, bridge),
        Object::Address { place, link, address } => remove_address(session, place, link, *address),
        Object::RouteLocalnet { bridge } => match session.target(&Place::Host, bridge)? {
            Some(_) => sysctl::write(&sysctl::route_localnet(bridge), "0"),
            None => Ok(()),
        },
        Object::Hairpin { link } => {
            let Some(target) = session.target(&Place::Host, link)? else { return Ok(()) };
            let answer = target.socket.request(link::change_port(target.index, &PortChange::NoHairpin))?;
            // EOPNOTSUPP: it is in no bridge any more (rtnl_newlink() in net/core/rtnetlink.c), so it has no such mode.
            done(answer, &[Errno::ENODEV, Errno::EOPNOTSUPP], || format!("turn off the hairpin mode of {link}"))
        }
        Object::Ipv6 { namespace, link } => match session.target(&Place::Namespace(namespace.clone()), link)? {
            Some(_) => netns::set(namespace, &[(sysctl::ipv6(link, "disable_ipv6"), "1")]).map(drop),
            None => Ok(()),
        },
        Object::Element(element) => change_elements(session, &[], std::slice::from_ref(element)),
        Object::Up { place, link } => {
            let Some(target) = session.target(place, link)? else { return Ok(()) };
            let answer = target.socket.request(link::change(target.index, &Change::Down))?;
            done(answer, &[Errno::ENODEV], || format!("take {link} down"))
        }
        Object::Route { namespace, gateway, link } => {
            let place = Place::Namespace(namespace.clone());
            let Some(target) = session.target(&place, link)? else { return Ok(()) };
            let answer = target.socket.request(address::remove_default_route(target.index, *gateway))?;
            done(answer, &[Errno::ESRCH, Errno::ENODEV], || format!("remove the default route via {gateway}"))
        }
        Object::Resolver { namespace, container } => match session.inner_netfilter(namespace, container)? {
            Some(netfilter) => resolver::remove(netfilter),
            None => Ok(()),
        },
    }
}

/// `ip link set NAME up`. A macvlan whose Ethernet address another one has is refused (`macvlan_open` in
/// drivers/net/macvlan.c); the other may be in a namespace that is just ending.
fn bring_up(session: &mut Session, place: &Place, name: &IfName) -> Result<(), KernelError> {
    let mut looks = Looks::within(VANISH_WITHIN);
    loop {
        let target = session.needed(place, name)?;
        let answer = target.socket.request(link::change(target.index, &Change::Up))?;
        let busy = matches!(&answer, Err(refusal) if refusal.errno == Errno::EADDRINUSE);
        if !busy || !looks.wait() {
            return done(answer, &[], || format!("bring {name} up"));
        }
    }
}

fn change_elements(session: &mut Session, add: &[Element], remove: &[Element]) -> Result<(), KernelError> {
    if add.is_empty() && remove.is_empty() {
        return Ok(());
    }
    tables::change(session.netfilter()?, add, remove)?;
    let host = &mut session.host;
    conntrack::forget(add, remove, || Ok(address::list(host, None)?.iter().map(|own| own.address.addr()).collect()))
}

/// Written only when they are missing or damaged, since writing them empties the sets.
fn add_tables(session: &mut Session) -> Result<(), KernelError> {
    let shared = Arc::clone(&session.shared);
    if tables::read(session.netfilter()?, &shared.shape)?.is_some() {
        return Ok(());
    }
    shared.nft.write_tables()
}

/// `ip link add NAME address MAC type bridge; ip link set NAME alias MARK`, in one datagram, then `ip link set NAME mtu MTU`
/// where that is not what it has.
fn add_bridge(
    session: &mut Session,
    object: &Object,
    name: &IfName,
    network: &NetworkId,
    mtu: u32,
) -> Result<(), KernelError> {
    let link = match link::find(&mut session.host, name)? {
        Some(link) if link.mark() == Some(Mark::Network(network.clone())) && link.kind == "bridge" => link,
        Some(_) => return Err(foreign_link(name)),
        None => {
            let make = link::add_bridge(name, Object::bridge_mac(network));
            let mark = object.mark().unwrap_or_default();
            make_link(session, name, make, &Change::Alias(&mark), &format!("create bridge {name}"))?
        }
    };
    // Until the kernel has asked around for the address that it gives the bridge by itself, a second from the first container on,
    // it asks for no neighbour behind it, and what comes for a container is lost (`ndisc_send_ns` in net/ipv6/ndisc.c).
    sysctl::write_if_there(&sysctl::ipv6(name, "accept_dad"), "0")?;
    if link.mtu != mtu {
        let answer = session.host.request(link::change(link.index, &Change::Mtu(mtu)))?;
        done(answer, &[], || format!("set the size of packets on {name} to {mtu}"))?;
    }
    session.remember(name, link, None);
    Ok(())
}

/// Makes a link and marks it, in one datagram: a process that is killed leaves both or neither. The caller has seen that
/// the name was free. `marking` has the mark.
pub(crate) fn make_link(
    session: &mut Session,
    name: &IfName,
    make: Request,
    marking: &Change<'_>,
    what: &str,
) -> Result<Link, KernelError> {
    let requests = vec![make, link::change_named(name.as_str(), marking), link::get(name)];
    let mut answers = session.host.batch(requests)?.into_iter();
    let (Some(made), Some(marked), Some(found)) = (answers.next(), answers.next(), answers.next()) else {
        return Err(KernelError::answer(what, "fewer answers than requests"));
    };
    if let Err(refusal) = made {
        // The kernel goes on after a message that fails. If it could mark a link, that one took the name since it was
        // last looked up; it is somebody else's, and had no alias in its first microseconds.
        if marked.is_ok() {
            session.host.request(link::change_named(name.as_str(), &Change::Alias("")))?.ok();
            return Err(foreign_link(name));
        }
        return Err(refusal.when(what));
    }
    let found = link::found(found.map_err(|refusal| (refusal.errno, refusal.when(what))))?;
    let link = found.ok_or_else(|| KernelError::Absent { what: format!("link {name}, which was just made,") })?;
    if let Err(refusal) = marked {
        session.host.request(link::remove(link.index))?.ok();
        return Err(refusal.when(what));
    }
    Ok(link)
}

fn add_namespace(
    session: &mut Session,
    object: &Object,
    name: &NsName,
    container: &ContainerId,
) -> Result<(), KernelError> {
    let mark = object.mark().unwrap_or_default();
    match netns::look(name)? {
        Entry::Absent => {}
        Entry::Placeholder(text) if text == mark => {}
        Entry::Placeholder(_) => return Err(foreign_namespace(name)),
        Entry::Mounted(_) => {
            let inside = session.inside(name)?.filter(|inside| inside.container == *container);
            let inside = inside.ok_or_else(|| foreign_namespace(name))?;
            return netns::mark(&mut inside.namespace.socket, &mark);
        }
    }
    let coming = match session.coming(name) {
        Some(coming) => coming,
        None => Coming::begin(mark.clone())?,
    };
    let namespace = session.shared.directory.create(name, &mark, coming)?.ok_or_else(|| foreign_namespace(name))?;
    session.keep(name, namespace, container.clone());
    Ok(())
}

/// `ip netns del NAME`. The kernel takes the links in it away in batches, in the background: one by one each would wait
/// for RCU, some 30 ms.
fn remove_namespace(
    session: &mut Session,
    object: &Object,
    name: &NsName,
    container: &ContainerId,
) -> Result<(), KernelError> {
    match netns::look(name)? {
        Entry::Absent => {}
        Entry::Placeholder(text) if Some(&text) == object.mark().as_ref() => {}
        Entry::Placeholder(_) => return Err(foreign_namespace(name)),
        Entry::Mounted(_) => {
            let ours = session.inside(name)?.is_none_or(|inside| inside.container == *container);
            if !ours {
                return Err(foreign_namespace(name));
            }
        }
    }
    session.release(name);
    netns::remove(name)
}

/// `ip link del NAME`, if it has this mark.
fn remove_link(session: &mut Session, name: &IfName, mark: &Mark, what: &str) -> Result<(), KernelError> {
    let Some(link) = link::find(&mut session.host, name)? else { return Ok(()) };
    if link.mark().as_ref() != Some(mark) {
        return Err(foreign_link(name));
    }
    session.forget_links();
    // The kernel is at it already.
    if link.peer_place == link::PeerPlace::Dying {
        return Ok(());
    }
    done(session.host.request(link::remove(link.index))?, &[Errno::ENODEV], || what.to_owned())
}

fn remove_port(session: &mut Session, name: &IfName, bridge: &IfName) -> Result<(), KernelError> {
    let Some(link) = link::find(&mut session.host, name)? else { return Ok(()) };
    if link.mark().is_none() {
        return Err(foreign_link(name));
    }
    let Some(bridge_link) = link::find(&mut session.host, bridge)? else { return Ok(()) };
    if link.master != Some(bridge_link.index) {
        return Ok(());
    }
    let answer = session.host.request(link::change(link.index, &Change::NoMaster))?;
    done(answer, &[Errno::ENODEV], || format!("unplug {name} from bridge {bridge}"))
}

fn remove_address(session: &mut Session, place: &Place, name: &IfName, address: IpNet) -> Result<(), KernelError> {
    let Some(target) = session.target(place, name)? else { return Ok(()) };
    let answer = target.socket.request(address::remove(target.index, address))?;
    done(answer, &[Errno::EADDRNOTAVAIL, Errno::ENODEV], || format!("take the address {address} off {name}"))
}

fn add_route(session: &mut Session, namespace: &NsName, gateway: IpAddr, name: &IfName) -> Result<(), KernelError> {
    let target = session.needed(&Place::Namespace(namespace.clone()), name)?;
    let what = format!("set the default route via {gateway} in namespace {namespace}");
    match target.socket.request(address::add_default_route(target.index, gateway))? {
        Ok(_) => Ok(()),
        // There is one; the kernel calls it the same whatever its gateway is.
        Err(refusal) if refusal.errno == Errno::EEXIST => {
            let routes = address::list_routes(target.socket)?;
            let same = routes.iter().any(|route| {
                route.destination.prefix_len() == 0
                    && route.gateway == Some(gateway)
                    && route.index == Some(target.index)
            });
            if same { Ok(()) } else { Err(refusal.when(what)) }
        }
        Err(refusal) => Err(refusal.when(what)),
    }
}

/// Reads the answer to a request; the numbers in `harmless` say that it was done before.
pub(crate) fn done(answer: Answer, harmless: &[Errno], what: impl FnOnce() -> String) -> Result<(), KernelError> {
    match answer {
        Ok(_) => Ok(()),
        Err(refusal) if harmless.contains(&refusal.errno) => Ok(()),
        Err(refusal) => Err(refusal.when(what())),
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::{Kernel, testing::check_in_sandbox};

    #[test]
    fn a_name_taken_at_the_last_moment_is_given_back_unmarked() {
        check_in_sandbox(|| {
            let mut session = Kernel::open().expect("this machine can").session().expect("a session");
            let name: IfName = "docker0".parse().expect("valid");
            let network = NetworkId::from_bytes([1; 32]);
            let make = || link::add_bridge(&name, Object::bridge_mac(&network));
            session.host.request(make()).expect("sent").expect("somebody else makes it");
            let before = link::find(&mut session.host, &name).expect("root may look");
            let error =
                make_link(&mut session, &name, make(), &Change::Alias("drawbridge:network:1"), "create bridge docker0");
            assert!(matches!(error, Err(KernelError::Foreign { .. })), "{error:?}");
            let after = link::find(&mut session.host, &name).expect("root may look");
            let alias = |link: Option<Link>| link.and_then(|link| link.alias).unwrap_or_default();
            assert_eq!(alias(after), alias(before));
        });
    }
}
