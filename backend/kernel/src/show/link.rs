//! The two lines that `ip address` begins each link with (`print_linkinfo` in iproute2, ip/ipaddress.c).

use super::{colons, name_of};
use crate::{error::KernelError, link, socket::Socket};
use netlink_packet_core::NlasIterator;

/// The length of `struct ifinfomsg`: family, padding, type (2), index (4), flags (4), change (4).
const HEADER_SIZE_BYTES: usize = 16;
/// Attributes that are read, from include/uapi/linux/if_link.h; picked out by hand, so that one which is not known stops none.
mod ifla {
    pub(super) const ADDRESS: u16 = 1;
    pub(super) const BROADCAST: u16 = 2;
    pub(super) const IFNAME: u16 = 3;
    pub(super) const MTU: u16 = 4;
    pub(super) const LINK: u16 = 5;
    pub(super) const QDISC: u16 = 6;
    pub(super) const MASTER: u16 = 10;
    pub(super) const TXQLEN: u16 = 13;
    pub(super) const OPERSTATE: u16 = 16;
    pub(super) const LINKINFO: u16 = 18;
    pub(super) const GROUP: u16 = 27;
    pub(super) const LINK_NETNSID: u16 = 37;
    pub(super) const INFO_KIND: u16 = 1;
}
/// Flags in the order in which they are printed (netdevice(7)).
const FLAGS: [(u32, &str); 18] = [
    (0x8, "LOOPBACK"),
    (0x2, "BROADCAST"),
    (0x10, "POINTOPOINT"),
    (0x1000, "MULTICAST"),
    (0x80, "NOARP"),
    (0x200, "ALLMULTI"),
    (0x100, "PROMISC"),
    (0x400, "MASTER"),
    (0x800, "SLAVE"),
    (0x4, "DEBUG"),
    (0x8000, "DYNAMIC"),
    (0x4000, "AUTOMEDIA"),
    (0x2000, "PORTSEL"),
    (0x20, "NOTRAILERS"),
    (UP, "UP"),
    (0x1_0000, "LOWER_UP"),
    (0x2_0000, "DORMANT"),
    (0x4_0000, "ECHO"),
];
const UP: u32 = 0x1;
const RUNNING: u32 = 0x40;
/// `IF_OPER_*` (include/uapi/linux/if.h).
const STATES: [&str; 7] = ["UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP"];

/// What is printed of a link.
#[derive(Clone, Debug, Default)]
pub(super) struct ShownLink {
    pub(super) index: u32,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) master: Option<u32>,
    /// The number that this namespace knows the other end's by.
    pub(super) nsid: Option<i32>,
    /// The name of that namespace, where it was looked up.
    pub(super) peer_namespace: Option<String>,
    hardware: u16,
    flags: u32,
    mtu: u32,
    qdisc: String,
    state: u8,
    group: u32,
    queue: u32,
    address: Vec<u8>,
    broadcast: Vec<u8>,
    peer: Option<u32>,
}

/// All links of the socket's namespace.
pub(super) fn list(socket: &mut Socket) -> Result<Vec<ShownLink>, KernelError> {
    link::list_raw(socket)?.iter().map(|body| parse(body)).collect()
}

fn parse(body: &[u8]) -> Result<ShownLink, KernelError> {
    let header = body.first_chunk::<HEADER_SIZE_BYTES>();
    let header = header.ok_or_else(|| KernelError::answer("a question about links", "it is too short"))?;
    let word = |at: usize| u32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let mut shown = ShownLink {
        hardware: u16::from_ne_bytes([header[2], header[3]]),
        index: word(4),
        flags: word(8),
        ..ShownLink::default()
    };
    for attribute in NlasIterator::new(&body[HEADER_SIZE_BYTES..]).flatten() {
        let value = attribute.value();
        match attribute.kind() {
            ifla::ADDRESS => shown.address = value.to_vec(),
            ifla::BROADCAST => shown.broadcast = value.to_vec(),
            ifla::IFNAME => shown.name = text(value),
            ifla::MTU => shown.mtu = number(value).unwrap_or_default(),
            ifla::LINK => shown.peer = number(value),
            ifla::QDISC => shown.qdisc = text(value),
            ifla::MASTER => shown.master = number(value),
            ifla::TXQLEN => shown.queue = number(value).unwrap_or_default(),
            ifla::OPERSTATE => shown.state = value.first().copied().unwrap_or_default(),
            ifla::GROUP => shown.group = number(value).unwrap_or_default(),
            ifla::LINK_NETNSID => shown.nsid = number(value).map(u32::cast_signed),
            ifla::LINKINFO => {
                let kind = NlasIterator::new(value).flatten().find(|info| info.kind() == ifla::INFO_KIND);
                shown.kind = kind.map(|kind| text(kind.value())).unwrap_or_default();
            }
            _ => {}
        }
    }
    Ok(shown)
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).trim_end_matches('\0').to_owned()
}

fn number(value: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(value.try_into().ok()?))
}

impl ShownLink {
    /// `3: veth0@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master br0 state UP group default qlen 1000`
    pub(super) fn head(&self, links: &[ShownLink]) -> String {
        let peer = match self.peer {
            None => String::new(),
            Some(0) => "@NONE".to_owned(),
            Some(index) if self.nsid.is_some() => format!("@if{index}"),
            Some(index) => format!("@{}", name_of(links, index)),
        };
        let master = self.master.map(|index| format!(" master {}", name_of(links, index))).unwrap_or_default();
        let state = STATES.get(usize::from(self.state)).copied().unwrap_or("UNKNOWN");
        let group = if self.group == 0 { "default".to_owned() } else { self.group.to_string() };
        let queue = if self.queue == 0 { String::new() } else { format!(" qlen {}", self.queue) };
        format!(
            "{}: {}{peer}: <{}> mtu {} qdisc {}{master} state {state} group {group}{queue}",
            self.index,
            self.name,
            self.flags(links),
            self.mtu,
            self.qdisc
        )
    }

    fn flags(&self, links: &[ShownLink]) -> String {
        let mut words = Vec::new();
        let mut left = self.flags & !RUNNING;
        if self.flags & UP != 0 && self.flags & RUNNING == 0 {
            words.push("NO-CARRIER".to_owned());
        }
        for (flag, word) in FLAGS {
            if left & flag != 0 {
                left &= !flag;
                words.push(word.to_owned());
            }
        }
        if left != 0 {
            words.push(format!("{left:x}"));
        }
        // The other end, where it is in this namespace.
        let other = self.peer.filter(|_| self.nsid.is_none());
        let other = other.and_then(|index| links.iter().find(|link| link.index == index));
        if other.is_some_and(|link| link.flags & UP == 0) {
            words.push("M-DOWN".to_owned());
        }
        words.join(",")
    }

    /// `    link/ether 02:42:ac:11:00:02 brd ff:ff:ff:ff:ff:ff link-netnsid 0`
    pub(super) fn hardware(&self) -> String {
        // ARPHRD_* (include/uapi/linux/if_arp.h).
        let kind = match self.hardware {
            1 => "ether".to_owned(),
            768 => "ipip".to_owned(),
            769 => "tunnel6".to_owned(),
            772 => "loopback".to_owned(),
            776 => "sit".to_owned(),
            778 => "gre".to_owned(),
            65534 => "none".to_owned(),
            other => format!("[{other}]"),
        };
        let address = if self.address.is_empty() { String::new() } else { format!(" {}", colons(&self.address)) };
        let broadcast =
            if self.broadcast.is_empty() { String::new() } else { format!(" brd {}", colons(&self.broadcast)) };
        let far = match (&self.peer_namespace, self.nsid) {
            (Some(name), _) => format!(" link-netns {name}"),
            (None, Some(id)) => format!(" link-netnsid {id}"),
            (None, None) => String::new(),
        };
        format!("    link/{kind}{address}{broadcast}{far}")
    }
}
