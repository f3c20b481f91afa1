//! The least that the kernel can be asked with: one process, netlink only, messages that are built and sent together
//! wherever the kernel allows it. No marks, no questions, no errors but panics; nobody could run containers with it.

use drawbridge_api::MacAddress;
use netlink_packet_core::{NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressMessage},
    link::{InfoBridge, InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage},
    route::{RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteType},
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, unshare},
};
use std::{
    fs::{self, File},
    net::{IpAddr, Ipv4Addr},
    os::fd::AsRawFd,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// The loopback's number in every namespace.
const LOOPBACK: u32 = 1;
/// The number that is asked for the other end of a pair, so that it need not be looked up.
const INSIDE: u32 = 2;
/// How long something may take to vanish.
const VANISH_WITHIN: Duration = Duration::from_secs(30);

/// A bridge with an address, made up: one datagram of three messages. Its number is asked for, so it is known.
pub(crate) fn bridge(index: u32, name: &str, address: Ipv4Addr, prefix: u8, alias: &str) {
    let mut bridge = LinkMessage::default();
    bridge.header.index = index;
    set_up(&mut bridge);
    bridge.attributes = vec![
        LinkAttribute::IfName(name.to_owned()),
        LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Bridge),
            LinkInfo::Data(InfoData::Bridge(Vec::<InfoBridge>::new())),
        ]),
    ];
    // One that comes with the message that makes the link is not read.
    let mut aliased = LinkMessage::default();
    aliased.header.index = index;
    aliased.attributes = vec![LinkAttribute::IfAlias(alias.to_owned())];
    ask(
        &mut open(),
        [
            (RouteNetlinkMessage::NewLink(bridge), NLM_F_CREATE | NLM_F_EXCL),
            (RouteNetlinkMessage::SetLink(aliased), 0),
            (RouteNetlinkMessage::NewAddress(own_address(index, address, prefix)), NLM_F_CREATE | NLM_F_EXCL),
        ],
    );
}

/// `ip link del`, by number.
pub(crate) fn remove(index: u32) {
    let mut message = LinkMessage::default();
    message.header.index = index;
    ask(&mut open(), [(RouteNetlinkMessage::DelLink(message), 0)]);
}

/// A namespace with a cable to a bridge and a default route: one datagram on the host, one inside.
pub(crate) fn attach(bridge: u32, name: &str, host_end: &str, address: Ipv4Addr, prefix: u8, gateway: Ipv4Addr) {
    let path = path(name);
    let (mut inside, namespace) = thread::spawn(move || {
        File::create_new(&path).unwrap();
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        let own = "/proc/thread-self/ns/net";
        mount(Some(own), path.as_str(), None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap();
        (open(), File::open(own).unwrap())
    })
    .join()
    .unwrap();

    let mut peer = LinkMessage::default();
    peer.header.index = INSIDE;
    peer.attributes = vec![
        LinkAttribute::IfName("eth0".to_owned()),
        LinkAttribute::Address(MacAddress::from_ipv4(address).0.to_vec()),
        LinkAttribute::NetNsFd(namespace.as_raw_fd()),
    ];
    let mut pair = LinkMessage::default();
    set_up(&mut pair);
    pair.attributes = vec![
        LinkAttribute::IfName(host_end.to_owned()),
        LinkAttribute::Controller(bridge),
        LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Veth),
            LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
        ]),
    ];
    ask(&mut open(), [(RouteNetlinkMessage::NewLink(pair), NLM_F_CREATE | NLM_F_EXCL)]);

    let mut route = RouteMessage::default();
    route.header.address_family = AddressFamily::Inet;
    route.header.table = RouteHeader::RT_TABLE_MAIN;
    route.header.kind = RouteType::Unicast;
    route.header.protocol = RouteProtocol::Boot;
    route.attributes = vec![RouteAttribute::Gateway(RouteAddress::Inet(gateway)), RouteAttribute::Oif(INSIDE)];
    ask(
        &mut inside,
        [
            (RouteNetlinkMessage::SetLink(up(LOOPBACK)), 0),
            (RouteNetlinkMessage::NewAddress(own_address(INSIDE, address, prefix)), NLM_F_CREATE | NLM_F_EXCL),
            (RouteNetlinkMessage::SetLink(up(INSIDE)), 0),
            (RouteNetlinkMessage::NewRoute(route), NLM_F_CREATE | NLM_F_EXCL),
        ],
    );
}

/// `ip netns del`.
pub(crate) fn detach(name: &str) {
    umount2(path(name).as_str(), MntFlags::MNT_DETACH).unwrap();
    fs::remove_file(path(name)).unwrap();
}

/// Waits until a link is gone: the kernel takes a namespace down in the background, and would still be at it while the
/// next one is measured.
pub(crate) fn wait_until_gone(link: &str) {
    let mut socket = open();
    let begun = Instant::now();
    while number_of(&mut socket, link).is_some() {
        assert!(begun.elapsed() < VANISH_WITHIN, "{link} does not vanish");
        thread::sleep(Duration::from_millis(1));
    }
}

/// The number of a link, if there is one of that name.
pub(crate) fn number_of(socket: &mut Socket, name: &str) -> Option<u32> {
    let mut message = LinkMessage::default();
    message.attributes = vec![LinkAttribute::IfName(name.to_owned())];
    send(socket, &[bytes(RouteNetlinkMessage::GetLink(message), 0)]);
    let answer = receive(socket);
    // The type is in the header (`struct nlmsghdr`); family, type and number follow it (`struct ifinfomsg`).
    let is_link = answer.get(4..6) == Some(16_u16.to_ne_bytes().as_slice());
    is_link.then(|| u32::from_ne_bytes(answer[20..24].try_into().unwrap()))
}

pub(crate) fn open() -> Socket {
    let mut socket = Socket::new(NETLINK_ROUTE).unwrap();
    socket.bind_auto().unwrap();
    socket.connect(&SocketAddr::new(0, 0)).unwrap();
    socket
}

fn path(name: &str) -> String {
    Path::new("/run/netns").join(name).display().to_string()
}

fn set_up(message: &mut LinkMessage) {
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
}

fn up(index: u32) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    set_up(&mut message);
    message
}

fn own_address(index: u32, address: Ipv4Addr, prefix: u8) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = AddressFamily::Inet;
    message.header.prefix_len = prefix;
    message.header.index = index;
    let own = IpAddr::V4(address);
    message.attributes = vec![AddressAttribute::Local(own), AddressAttribute::Address(own)];
    message
}

/// Sends all messages in one datagram and takes an acknowledgement for each.
fn ask<const N: usize>(socket: &mut Socket, messages: [(RouteNetlinkMessage, u16); N]) {
    send(socket, &messages.map(|(message, flags)| bytes(message, NLM_F_ACK | flags)));
    for number in 0..N {
        let answer = receive(socket);
        assert_eq!(answer.get(16..20), Some([0; 4].as_slice()), "message {number} refused: {answer:?}");
    }
}

fn bytes(message: RouteNetlinkMessage, flags: u16) -> Vec<u8> {
    let mut message = NetlinkMessage::new(Default::default(), NetlinkPayload::InnerMessage(message));
    message.header.flags = NLM_F_REQUEST | flags;
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

fn send(socket: &mut Socket, messages: &[Vec<u8>]) {
    let mut datagram: Vec<u8> = Vec::with_capacity(1024);
    for message in messages {
        datagram.extend(message);
        datagram.resize(datagram.len().next_multiple_of(4), 0);
    }
    socket.send(&datagram, 0).unwrap();
}

fn receive(socket: &mut Socket) -> Vec<u8> {
    let mut answer = Vec::with_capacity(8192);
    socket.recv(&mut answer, 0).unwrap();
    answer
}
