//! Veth pairs: making one with its other end already in the namespace, and telling what stands in the way.

use crate::{
    error::KernelError,
    execute::{done, make_link},
    link::{self, Cable, Change, Link, PeerPlace},
    mark::Mark,
    session::{Session, foreign_link},
    vanish::{Looks, VANISH_WITHIN},
};
use drawbridge_api::{EndpointId, IfName, MacAddress, NsName};
use drawbridge_plan::{IPV6_MTU_BYTES, Object};
use nix::errno::Errno;
use std::os::fd::AsFd;

/// What stands for the namespace and the interface of a pair whose other end is in no namespace of ours. No container
/// has a namespace or an interface of this name.
pub(crate) const ORPHAN: &str = "unknown";

/// A pair as the plan wants it.
struct Wanted<'a> {
    endpoint: &'a EndpointId,
    namespace: &'a NsName,
    cable: Cable<'a>,
}

/// `ip link add HOST_END mtu MTU type veth peer name INTERFACE netns NAMESPACE address MAC mtu MTU; ip link set HOST_END
/// alias MARK addrgenmode none`, in one datagram.
pub(crate) fn add(session: &mut Session, object: &Object) -> Result<(), KernelError> {
    let (Some(wanted), Some(mark)) = (Wanted::read(object), object.mark()) else { return Ok(()) };
    let host_end = wanted.cable.host_end;
    // The undoing of an orphan's removal: where its other end was, nobody knows, and nothing wants it.
    if wanted.cable.interface.as_str() == ORPHAN {
        tracing::warn!(link = %host_end, "a veth pair without a namespace is not made again");
        return Ok(());
    }
    let mut looks = Looks::within(VANISH_WITHIN);
    while let Some(link) = link::find(&mut session.host, host_end)? {
        let ours = link.mark() == Some(Mark::Endpoint(wanted.endpoint.clone()));
        let dying = link.peer_place == PeerPlace::Dying;
        if ours && is_same(session, &wanted, &link)? {
            session.remember(host_end, link, Some((wanted.namespace, wanted.cable.interface)));
            return Ok(());
        }
        if ours && !dying {
            session.forget_links();
            let answer = session.host.request(link::remove(link.index))?;
            done(answer, &[Errno::ENODEV], || format!("delete veth pair {host_end}, whose other end is elsewhere"))?;
        } else if !dying || !looks.wait() {
            return Err(foreign_link(host_end));
        }
    }
    let absent = || KernelError::Absent { what: format!("namespace {}", wanted.namespace) };
    let make = {
        let inside = session.inside(wanted.namespace)?.ok_or_else(absent)?;
        link::add_veth(&wanted.cable, inside.namespace.file.as_fd())
    };
    let what = format!("create veth pair {host_end} and {} in {}", wanted.cable.interface, wanted.namespace);
    let has_ipv6 = session.shared.ipv6 && wanted.cable.mtu >= IPV6_MTU_BYTES;
    let marking = if has_ipv6 { Change::PortAlias(&mark) } else { Change::Alias(&mark) };
    let link = make_link(session, host_end, make, &marking, &what)?;
    session.remember(host_end, link, Some((wanted.namespace, wanted.cable.interface)));
    Ok(())
}

impl<'a> Wanted<'a> {
    fn read(object: &'a Object) -> Option<Wanted<'a>> {
        match object {
            Object::Veth { endpoint, host_end, namespace, interface, mac, mtu } => {
                Some(Wanted { endpoint, namespace, cable: Cable { host_end, interface, mac: *mac, mtu: *mtu } })
            }
            Object::Tables
            | Object::Bridge { .. }
            | Object::Namespace { .. }
            | Object::Macvlan { .. }
            | Object::Port { .. }
            | Object::Address { .. }
            | Object::RouteLocalnet { .. }
            | Object::Hairpin { .. }
            | Object::Ipv6 { .. }
            | Object::Element(_)
            | Object::Up { .. }
            | Object::Route { .. }
            | Object::Resolver { .. } => None,
        }
    }
}

/// Whether this host end, whose mark fits, is one end of the wanted pair.
fn is_same(session: &mut Session, wanted: &Wanted<'_>, host_end: &Link) -> Result<bool, KernelError> {
    if host_end.kind != "veth" || host_end.mtu != wanted.cable.mtu {
        return Ok(false);
    }
    let PeerPlace::Nsid(_) = host_end.peer_place else { return Ok(false) };
    let Some(inside) = session.inside(wanted.namespace)? else { return Ok(false) };
    let Some(other) = link::find(&mut inside.namespace.socket, wanted.cable.interface)? else { return Ok(false) };
    Ok(is_pair(host_end, &other) && has(&other, wanted.cable.interface, wanted.cable.mac, wanted.cable.mtu))
}

fn has(link: &Link, name: &IfName, mac: MacAddress, mtu: u32) -> bool {
    link.name == name.as_str() && link.mac == Some(mac) && link.mtu == mtu
}

/// Whether each of two ends, in different namespaces, names the other.
pub(crate) fn is_pair(host_end: &Link, other: &Link) -> bool {
    other.kind == "veth" && host_end.peer == Some(other.index) && other.peer == Some(host_end.index)
}
