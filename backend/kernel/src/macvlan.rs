//! Macvlan interfaces: making one in a namespace on an interface of the host, which is not ours and is only looked at.

use crate::{
    error::KernelError,
    execute::done,
    link::{self, Change, Link, MacvlanNumber},
    mark::Mark,
    session::{Session, foreign_link},
    vanish::{Looks, VANISH_WITHIN},
};
use drawbridge_api::{EndpointId, IfName, MacAddress, MacvlanMode, NsName};
use drawbridge_plan::Object;
use nix::errno::Errno;
use std::os::fd::AsFd;

/// The modes, to find the one of a number.
const MODES: [MacvlanMode; 4] = [MacvlanMode::Bridge, MacvlanMode::Private, MacvlanMode::Vepa, MacvlanMode::Passthru];

/// What is wanted.
pub(crate) struct Wanted<'a> {
    pub(crate) namespace: &'a NsName,
    pub(crate) interface: &'a IfName,
    pub(crate) endpoint: &'a EndpointId,
    pub(crate) parent: &'a IfName,
    pub(crate) mode: MacvlanMode,
    pub(crate) mac: MacAddress,
}

/// `ip link add link PARENT name INTERFACE netns NAMESPACE address MAC type macvlan mode MODE; ip -n NAMESPACE link set
/// INTERFACE alias MARK`. A process that is killed between the two leaves it unmarked in a namespace that is ours: the next
/// one marks it.
pub(crate) fn add(session: &mut Session, object: &Object, wanted: &Wanted<'_>) -> Result<(), KernelError> {
    let Wanted { namespace, interface, parent, .. } = *wanted;
    let absent = |what: String| KernelError::Absent { what };
    let parent_index =
        link::find(&mut session.host, parent)?.ok_or_else(|| absent(format!("interface {parent}")))?.index;
    let (host, inside) = session.both(namespace)?.ok_or_else(|| absent(format!("namespace {namespace}")))?;
    let socket = &mut inside.namespace.socket;
    if let Some(link) = link::find(socket, interface)? {
        let ours =
            link.kind == "macvlan" && link.mark().is_none_or(|mark| mark == Mark::Endpoint(wanted.endpoint.clone()));
        if !ours {
            return Err(foreign_link(interface));
        }
        if !is_same(&link, wanted, parent_index) {
            done(socket.request(link::remove(link.index))?, &[Errno::ENODEV], || format!("replace {interface}"))?;
        }
    }
    let what = format!("create macvlan interface {interface} on {parent} in {namespace}");
    let mut looks = Looks::within(VANISH_WITHIN);
    while link::find(socket, interface)?.is_none() {
        let make = link::add_macvlan(parent_index, interface, wanted.mac, wanted.mode, inside.namespace.file.as_fd());
        let answer = host.request(make)?;
        // One in passthru mode must be alone (`macvlan_common_newlink`); another may be in a namespace that is just ending.
        let busy = matches!(&answer, Err(refusal) if refusal.errno == Errno::EINVAL);
        if !busy || wanted.mode != MacvlanMode::Passthru || !looks.wait() {
            done(answer, &[], || what.clone())?;
        }
    }
    let mark = object.mark().unwrap_or_default();
    let marked = socket.request(link::change_named(interface.as_str(), &Change::Alias(&mark)))?;
    session.forget_links();
    done(marked, &[], || what)
}

fn is_same(link: &Link, wanted: &Wanted<'_>, parent: u32) -> bool {
    link.mac == Some(wanted.mac)
        && link.peer == Some(parent)
        && link.macvlan_mode == Some(MacvlanNumber(wanted.mode).into())
}

/// `ip -n NAMESPACE link del INTERFACE`, if it is the endpoint's.
pub(crate) fn remove(session: &mut Session, wanted: &Wanted<'_>) -> Result<(), KernelError> {
    let Wanted { namespace, interface, .. } = *wanted;
    let Some(inside) = session.inside(namespace)? else { return Ok(()) };
    let Some(link) = link::find(&mut inside.namespace.socket, interface)? else { return Ok(()) };
    if link.mark() != Some(Mark::Endpoint(wanted.endpoint.clone())) {
        return Err(foreign_link(interface));
    }
    let answer = inside.namespace.socket.request(link::remove(link.index))?;
    session.forget_links();
    done(answer, &[Errno::ENODEV], || format!("delete macvlan interface {interface}"))
}

/// The interface that a link of a namespace is, if it is a macvlan of ours; `parent` is what it shares.
pub(crate) fn object(namespace: &NsName, link: &Link, parent: &str) -> Option<Object> {
    let Some(Mark::Endpoint(endpoint)) = link.mark() else { return None };
    let number = link.macvlan_mode?;
    let mode = MODES.into_iter().find(|mode| u32::from(MacvlanNumber(*mode)) == number)?;
    let (interface, parent) = (link.name.parse().ok()?, parent.parse().ok()?);
    Some(Object::Macvlan { namespace: namespace.clone(), interface, endpoint, parent, mode, mac: link.mac? })
}
