//! Links: what a `RTM_NEWLINK` says, and the requests that make, change, find and remove one (rtnetlink(7)).

use crate::{
    error::KernelError,
    mark::Mark,
    socket::{Request, Socket},
};
use drawbridge_api::{IfName, MacAddress, MacvlanMode};
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NlasIterator};
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{
        AfSpecInet6, AfSpecUnspec, In6AddrGenMode, InfoBridge, InfoBridgePort, InfoData, InfoKind, InfoMacVlan,
        InfoPortData, InfoPortKind, InfoVeth, LinkAttribute, LinkExtentMask, LinkFlags, LinkHeader, LinkInfo,
        LinkMessage,
    },
};
use nix::errno::Errno;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The length of `struct ifinfomsg`.
const HEADER_SIZE_BYTES: usize = 16;
/// Attributes that are read, from include/uapi/linux/if_link.h. They are picked out by hand, because one of a foreign
/// link that this program does not know must not stop it from reading the others.
mod ifla {
    pub(super) const ADDRESS: u16 = 1;
    pub(super) const IFNAME: u16 = 3;
    pub(super) const MTU: u16 = 4;
    pub(super) const LINK: u16 = 5;
    pub(super) const MASTER: u16 = 10;
    pub(super) const LINKINFO: u16 = 18;
    pub(super) const IFALIAS: u16 = 20;
    pub(super) const LINK_NETNSID: u16 = 37;
    pub(super) const INFO_KIND: u16 = 1;
    pub(super) const INFO_DATA: u16 = 2;
    pub(super) const MACVLAN_MODE: u16 = 1;
    pub(super) const INFO_SLAVE_DATA: u16 = 5;
    pub(super) const BRPORT_MODE: u16 = 4;
}

/// Where a veth's other end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerPlace {
    /// In the namespace of this end.
    Here,
    /// In the namespace that this end's namespace knows by this number (ip-netns(8), "set").
    Nsid(i32),
    /// In one that is being destroyed: nobody holds it any more, and the kernel takes both ends away
    /// (`peernet2id_alloc` in net/core/net_namespace.c gives -1).
    Dying,
}

/// What is used of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// Its number in its namespace.
    pub(crate) index: u32,
    /// Its name, as the kernel has it; a foreign one may break our rule for names.
    pub(crate) name: String,
    /// Its alias, which may be our mark.
    pub(crate) alias: Option<String>,
    /// `bridge`, `veth` or another driver's name; empty for hardware and loopback.
    pub(crate) kind: String,
    /// Largest packet in bytes.
    pub(crate) mtu: u32,
    /// Its Ethernet address, if it has one of that length.
    pub(crate) mac: Option<MacAddress>,
    /// Whether it is set up (`IFF_UP`).
    pub(crate) up: bool,
    /// The number of the bridge that it is a port of.
    pub(crate) master: Option<u32>,
    /// Whether frames may leave it by the way they came in, if it is a bridge's port.
    pub(crate) hairpin: bool,
    /// The mode of a macvlan, as the kernel numbers them (`enum macvlan_mode` in include/uapi/linux/if_link.h).
    pub(crate) macvlan_mode: Option<u32>,
    /// The number of a veth's other end or of what a macvlan shares, in that one's namespace.
    pub(crate) peer: Option<u32>,
    /// Where that other end is.
    pub(crate) peer_place: PeerPlace,
}

impl Link {
    /// Whom it belongs to, if it is ours.
    pub(crate) fn mark(&self) -> Option<Mark> {
        Mark::parse(self.alias.as_deref()?)
    }

    fn parse(body: &[u8]) -> Result<Link, KernelError> {
        let unreadable = |error| KernelError::answer("a question about links", error);
        let header = LinkHeader::parse(body).map_err(unreadable)?;
        let mut link = Link {
            index: header.index,
            name: String::new(),
            alias: None,
            kind: String::new(),
            mtu: 0,
            mac: None,
            up: header.flags.contains(LinkFlags::Up),
            master: None,
            hairpin: false,
            macvlan_mode: None,
            peer: None,
            peer_place: PeerPlace::Here,
        };
        for attribute in NlasIterator::new(body.get(HEADER_SIZE_BYTES..).unwrap_or_default()) {
            let attribute = attribute.map_err(unreadable)?;
            let value = attribute.value();
            match attribute.kind() {
                ifla::ADDRESS => link.mac = value.try_into().ok().map(MacAddress),
                ifla::IFNAME => link.name = text(value),
                ifla::MTU => link.mtu = number(value).unwrap_or_default(),
                ifla::LINK => link.peer = number(value),
                ifla::MASTER => link.master = number(value),
                ifla::IFALIAS => link.alias = Some(text(value)),
                ifla::LINK_NETNSID => {
                    link.peer_place = match number(value).map(u32::cast_signed) {
                        Some(id @ 0..) => PeerPlace::Nsid(id),
                        Some(_) | None => PeerPlace::Dying,
                    }
                }
                ifla::LINKINFO => {
                    for info in NlasIterator::new(value).flatten() {
                        match info.kind() {
                            ifla::INFO_KIND => link.kind = text(info.value()),
                            // The kind comes before the data (`rtnl_link_info_fill` in net/core/rtnetlink.c).
                            ifla::INFO_DATA if link.kind == "macvlan" => link.macvlan_mode = macvlan_mode(info.value()),
                            ifla::INFO_SLAVE_DATA => link.hairpin = is_hairpin(info.value()),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(link)
    }
}

fn macvlan_mode(data: &[u8]) -> Option<u32> {
    NlasIterator::new(data)
        .flatten()
        .find(|option| option.kind() == ifla::MACVLAN_MODE)
        .and_then(|option| number(option.value()))
}

/// Reads what is said of a port; of one in another thing than a bridge the number means something else, but no veth of
/// ours is in one.
fn is_hairpin(port: &[u8]) -> bool {
    NlasIterator::new(port).flatten().any(|option| option.kind() == ifla::BRPORT_MODE && option.value() == [1])
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).trim_end_matches('\0').to_owned()
}

fn number(value: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(value.try_into().ok()?))
}

// ---- finding ----

/// `ip link show`
pub(crate) fn list(socket: &mut Socket) -> Result<Vec<Link>, KernelError> {
    list_raw(socket)?.iter().map(|body| Link::parse(body)).collect()
}

/// The same, as the kernel says it.
pub(crate) fn list_raw(socket: &mut Socket) -> Result<Vec<Vec<u8>>, KernelError> {
    let question = || {
        let mut message = LinkMessage::default();
        message.attributes = vec![LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats])];
        RouteNetlinkMessage::GetLink(message)
    };
    socket.dump(question)?.map_err(|refusal| refusal.when("list links"))
}

/// `ip link show NAME`; none when there is no such link.
pub(crate) fn find(socket: &mut Socket, name: &IfName) -> Result<Option<Link>, KernelError> {
    found(socket.request(get(name))?.map_err(|refusal| (refusal.errno, refusal.when(format!("find link {name}")))))
}

/// The link of this number; none when there is none.
pub(crate) fn find_index(socket: &mut Socket, index: u32) -> Result<Option<Link>, KernelError> {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.attributes = vec![LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats])];
    let answer = socket.request(Request::new(RouteNetlinkMessage::GetLink(message), 0))?;
    found(answer.map_err(|refusal| (refusal.errno, refusal.when(format!("find link {index}")))))
}

/// The question for one link, to be sent along with other requests.
pub(crate) fn get(name: &IfName) -> Request {
    let mut message = LinkMessage::default();
    message.attributes =
        vec![LinkAttribute::IfName(name.as_str().to_owned()), LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats])];
    Request::new(RouteNetlinkMessage::GetLink(message), 0)
}

/// Reads the answer to [`get`].
pub(crate) fn found(answer: Result<Vec<Vec<u8>>, (Errno, KernelError)>) -> Result<Option<Link>, KernelError> {
    match answer {
        Ok(bodies) => bodies.first().map(|body| Link::parse(body)).transpose(),
        Err((Errno::ENODEV, _)) => Ok(None),
        Err((_, error)) => Err(error),
    }
}

// ---- making ----

/// `ip link add NAME address MAC type bridge`
pub(crate) fn add_bridge(name: &IfName, mac: MacAddress) -> Request {
    let mut message = LinkMessage::default();
    message.attributes = vec![
        LinkAttribute::IfName(name.as_str().to_owned()),
        LinkAttribute::Address(mac.0.to_vec()),
        LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Bridge),
            LinkInfo::Data(InfoData::Bridge(Vec::<InfoBridge>::new())),
        ]),
    ];
    Request::new(RouteNetlinkMessage::NewLink(message), NLM_F_CREATE | NLM_F_EXCL)
}

/// The two ends of a cable.
pub(crate) struct Cable<'a> {
    /// The end on the host.
    pub(crate) host_end: &'a IfName,
    /// The end in the namespace.
    pub(crate) interface: &'a IfName,
    /// The Ethernet address of that end.
    pub(crate) mac: MacAddress,
    /// Largest packet of both, in bytes.
    pub(crate) mtu: u32,
}

/// `ip link add HOST_END mtu MTU type veth peer name INTERFACE netns NAMESPACE address MAC mtu MTU`: one message, so the
/// inner end is in its namespace from the start. It can't be made up in the same message: the kernel opens each end
/// before they are joined (ENOTCONN, `veth_open` in drivers/net/veth.c).
pub(crate) fn add_veth(cable: &Cable<'_>, namespace: BorrowedFd<'_>) -> Request {
    let mut peer = LinkMessage::default();
    peer.attributes = vec![
        LinkAttribute::IfName(cable.interface.as_str().to_owned()),
        LinkAttribute::Address(cable.mac.0.to_vec()),
        LinkAttribute::Mtu(cable.mtu),
        LinkAttribute::NetNsFd(namespace.as_raw_fd()),
    ];
    let mut message = LinkMessage::default();
    message.attributes = vec![
        LinkAttribute::IfName(cable.host_end.as_str().to_owned()),
        LinkAttribute::Mtu(cable.mtu),
        LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Veth),
            LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
        ]),
    ];
    Request::new(RouteNetlinkMessage::NewLink(message), NLM_F_CREATE | NLM_F_EXCL)
}

/// `ip link add link PARENT name INTERFACE netns NAMESPACE address MAC type macvlan mode MODE`, the parent by its number. A
/// macvlan in passthru mode takes the parent's place, and no other is possible on it.
pub(crate) fn add_macvlan(
    parent: u32,
    interface: &IfName,
    mac: MacAddress,
    mode: MacvlanMode,
    namespace: BorrowedFd<'_>,
) -> Request {
    let mut message = LinkMessage::default();
    message.attributes = vec![
        LinkAttribute::Link(parent),
        LinkAttribute::IfName(interface.as_str().to_owned()),
        LinkAttribute::Address(mac.0.to_vec()),
        LinkAttribute::NetNsFd(namespace.as_raw_fd()),
        LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::MacVlan),
            LinkInfo::Data(InfoData::MacVlan(vec![InfoMacVlan::Mode(u32::from(MacvlanNumber(mode)).into())])),
        ]),
    ];
    Request::new(RouteNetlinkMessage::NewLink(message), NLM_F_CREATE | NLM_F_EXCL)
}

/// A mode as the kernel numbers it.
pub(crate) struct MacvlanNumber(pub(crate) MacvlanMode);

impl From<MacvlanNumber> for u32 {
    fn from(MacvlanNumber(mode): MacvlanNumber) -> u32 {
        match mode {
            MacvlanMode::Private => 1,
            MacvlanMode::Vepa => 2,
            MacvlanMode::Bridge => 4,
            MacvlanMode::Passthru => 8,
        }
    }
}

// ---- changing and removing ----

/// What of a link is changed.
pub(crate) enum Change<'a> {
    /// `alias ALIAS`: the mark. An alias in the message that makes a link is not read (`rtnl_create_link` in
    /// net/core/rtnetlink.c), so it needs this second one.
    Alias(&'a str),
    /// `alias ALIAS addrgenmode none`: no link-local IPv6 address either. A bridge's port is never asked by IP; with an address,
    /// each would join multicast groups and have routes, which makes the kernel slower with every port
    /// (`addrconf_dev_config` in net/ipv6/addrconf.c). Refused where a link has no IPv6.
    PortAlias(&'a str),
    /// `mtu MTU`
    Mtu(u32),
    /// `alias ALIAS up`
    AliasAndUp(&'a str),
    /// `up`
    Up,
    /// `down`
    Down,
    /// `master BRIDGE`, by its number
    Master(u32),
    /// `nomaster`
    NoMaster,
}

/// `ip link set NAME …`
pub(crate) fn change_named(name: &str, change: &Change<'_>) -> Request {
    let mut message = changed(change);
    message.attributes.insert(0, LinkAttribute::IfName(name.to_owned()));
    Request::new(RouteNetlinkMessage::SetLink(message), 0)
}

/// `ip link set NAME …`, by number, so that a link that took the name meanwhile is not hit.
pub(crate) fn change(index: u32, change: &Change<'_>) -> Request {
    let mut message = changed(change);
    message.header.index = index;
    Request::new(RouteNetlinkMessage::SetLink(message), 0)
}

fn changed(change: &Change<'_>) -> LinkMessage {
    let mut message = LinkMessage::default();
    let alias = |alias: &str| LinkAttribute::IfAlias(alias.to_owned());
    match *change {
        Change::Alias(text) => message.attributes.push(alias(text)),
        Change::PortAlias(text) => {
            let mode = AfSpecUnspec::Inet6(vec![AfSpecInet6::AddrGenMode(In6AddrGenMode::None)]);
            message.attributes.extend([alias(text), LinkAttribute::AfSpecUnspec(vec![mode])]);
        }
        Change::Mtu(mtu) => message.attributes.push(LinkAttribute::Mtu(mtu)),
        Change::AliasAndUp(text) => {
            message.attributes.push(alias(text));
            message.header.flags = LinkFlags::Up;
            message.header.change_mask = LinkFlags::Up;
        }
        Change::Up => {
            message.header.flags = LinkFlags::Up;
            message.header.change_mask = LinkFlags::Up;
        }
        Change::Down => message.header.change_mask = LinkFlags::Up,
        Change::Master(bridge) => message.attributes.push(LinkAttribute::Controller(bridge)),
        Change::NoMaster => message.attributes.push(LinkAttribute::Controller(0)),
    }
    message
}

/// What of a port is changed.
pub(crate) enum PortChange {
    /// `hairpin on`
    Hairpin,
    /// `hairpin off`
    NoHairpin,
}

/// `ip link set NAME type bridge_slave …`, by number. Only the message that makes links is read for what is said of a port
/// (`rtnl_newlink`); without `NLM_F_CREATE` it changes one that is there.
pub(crate) fn change_port(index: u32, change: &PortChange) -> Request {
    let option = match change {
        PortChange::Hairpin => InfoBridgePort::HairpinMode(true),
        PortChange::NoHairpin => InfoBridgePort::HairpinMode(false),
    };
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.attributes = vec![LinkAttribute::LinkInfo(vec![
        LinkInfo::PortKind(InfoPortKind::Bridge),
        LinkInfo::PortData(InfoPortData::BridgePort(vec![option])),
    ])];
    Request::new(RouteNetlinkMessage::NewLink(message), 0)
}

/// `ip link del NAME`, by number.
pub(crate) fn remove(index: u32) -> Request {
    let mut message = LinkMessage::default();
    message.header.index = index;
    Request::new(RouteNetlinkMessage::DelLink(message), 0)
}
