//! Elements as bytes: what nf_tables has for a key and a value. Each part of a concatenation begins at a multiple of 4 bytes, as
//! it lies in the kernel's registers (`nft_set_desc_concat` in net/netfilter/nf_tables_api.c); names of interfaces are padded
//! to 16 bytes, addresses and ports have their highest byte first. In a set with ranges (`flags interval`) an element has a last
//! key as well, each part of which is no less than that of the first (`nft_set_pipapo.c`).

use drawbridge_api::{HostPort, IfName, Protocol};
use drawbridge_plan::{Element, Family, Service, Table};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// `IFNAMSIZ`
const NAME_BYTES: usize = 16;
/// `NFPROTO_INET` and `NFPROTO_BRIDGE` (include/uapi/linux/netfilter.h).
const NFPROTO_INET: u8 = 1;
const NFPROTO_BRIDGE: u8 = 7;

/// The name that both tables have.
pub(crate) const TABLE: &str = "drawbridge";

/// The sets that count, all of one table.
pub(crate) const COUNTED: [&str; 6] = ["sent", "received", "counted4", "counted6", "counted4_at", "counted6_at"];

/// The number of a table's family.
pub(crate) fn family(table: Table) -> u8 {
    match table {
        Table::Inet => NFPROTO_INET,
        Table::Bridge => NFPROTO_BRIDGE,
    }
}

/// What is looked up.
pub(crate) fn key(element: &Element) -> Vec<u8> {
    match element {
        Element::Bridge(name)
        | Element::Apart(name)
        | Element::Internal(name)
        | Element::Sent(name)
        | Element::Received(name)
        | Element::ApartPort(name)
        | Element::Router(name)
        | Element::Masquerade { bridge: name, .. }
        | Element::Snat { bridge: name, .. }
        | Element::Unprotected { bridge: name, .. }
        | Element::Routed { bridge: name, .. } => Bytes::default().name(name).0,
        Element::Pair { from, to } | Element::Trusted { from, bridge: to } => Bytes::default().name(from).name(to).0,
        Element::Published { host: HostPort { address, protocol, port }, .. }
        | Element::Counted(HostPort { address, protocol, port }) => {
            let bytes = Bytes::default();
            let bytes = if address.is_unspecified() { bytes } else { bytes.address(*address) };
            bytes.protocol(*protocol).port(*port).0
        }
        Element::Open(Service { address, protocol, port })
        | Element::ApartService(Service { address, protocol, port }) => {
            Bytes::default().address(*address).protocol(*protocol).port(*port).0
        }
        Element::Hairpin(address) => Bytes::default().address(*address).address(*address).0,
        Element::Detour { address, bridge } => Bytes::default().address(*address).name(bridge).0,
        Element::Leased(address) => Bytes::default().address(*address).0,
        Element::Source { link, address } => Bytes::default().name(link).address(*address).0,
        Element::Range { link, range } => Bytes::default().name(link).address(range.network()).0,
    }
}

/// The last key of an element that is a range; none of one that is not.
pub(crate) fn end(element: &Element) -> Option<Vec<u8>> {
    match element {
        Element::Range { link, range } => Some(Bytes::default().name(link).address(range.broadcast()).0),
        _ => None,
    }
}

/// What a map gives for the key; none for an element of a set.
pub(crate) fn value(element: &Element) -> Option<Vec<u8>> {
    match element {
        Element::Snat { source, .. } => Some(Bytes::default().address(*source).0),
        Element::Published { to, .. } => Some(Bytes::default().address(to.ip()).port(to.port()).0),
        _ => None,
    }
}

/// The element that these bytes are in that set; none when no [`Element`] stands for them.
pub(crate) fn read(table: Table, set: &str, key: &[u8], end: Option<&[u8]>, value: Option<&[u8]>) -> Option<Element> {
    use Family::{Ipv4, Ipv6};
    let mut key = Reader(key);
    let mut end = Reader(end.unwrap_or_default());
    let mut value = Reader(value.unwrap_or_default());
    let key = &mut key;
    let element = match (table, set) {
        (Table::Inet, "bridges") => Element::Bridge(key.name()?),
        (Table::Inet, "pairs") => Element::Pair { from: key.name()?, to: key.name()? },
        (Table::Inet, "apart") => Element::Apart(key.name()?),
        (Table::Inet, "trusted") => Element::Trusted { from: key.name()?, bridge: key.name()? },
        (Table::Inet, "internal") => Element::Internal(key.name()?),
        (Table::Inet, "sent") => Element::Sent(key.name()?),
        (Table::Inet, "received") => Element::Received(key.name()?),
        (Table::Inet, "masqueraded4") => Element::Masquerade { family: Ipv4, bridge: key.name()? },
        (Table::Inet, "masqueraded6") => Element::Masquerade { family: Ipv6, bridge: key.name()? },
        (Table::Inet, "snat4") => Element::Snat { bridge: key.name()?, source: value.address(Ipv4)? },
        (Table::Inet, "snat6") => Element::Snat { bridge: key.name()?, source: value.address(Ipv6)? },
        (Table::Inet, "unprotected4") => Element::Unprotected { family: Ipv4, bridge: key.name()? },
        (Table::Inet, "unprotected6") => Element::Unprotected { family: Ipv6, bridge: key.name()? },
        (Table::Inet, "routed4") => Element::Routed { family: Ipv4, bridge: key.name()? },
        (Table::Inet, "routed6") => Element::Routed { family: Ipv6, bridge: key.name()? },
        (Table::Inet, "published4") => {
            Element::Published { host: key.everywhere(Ipv4)?, to: value.socket_address(Ipv4)? }
        }
        (Table::Inet, "published6") => {
            Element::Published { host: key.everywhere(Ipv6)?, to: value.socket_address(Ipv6)? }
        }
        (Table::Inet, "published4_at") => {
            Element::Published { host: key.at_one(Ipv4)?, to: value.socket_address(Ipv4)? }
        }
        (Table::Inet, "published6_at") => {
            Element::Published { host: key.at_one(Ipv6)?, to: value.socket_address(Ipv6)? }
        }
        (Table::Inet, "counted4") => Element::Counted(key.everywhere(Ipv4)?),
        (Table::Inet, "counted6") => Element::Counted(key.everywhere(Ipv6)?),
        (Table::Inet, "counted4_at") => Element::Counted(key.at_one(Ipv4)?),
        (Table::Inet, "counted6_at") => Element::Counted(key.at_one(Ipv6)?),
        (Table::Inet, "open4") => Element::Open(key.service(Ipv4)?),
        (Table::Inet, "open6") => Element::Open(key.service(Ipv6)?),
        (Table::Inet, "hairpins4") => Element::Hairpin(key.twice(Ipv4)?),
        (Table::Inet, "hairpins6") => Element::Hairpin(key.twice(Ipv6)?),
        (Table::Inet, "detours4") => Element::Detour { address: key.address(Ipv4)?, bridge: key.name()? },
        (Table::Inet, "detours6") => Element::Detour { address: key.address(Ipv6)?, bridge: key.name()? },
        (Table::Bridge, "apart") => Element::ApartPort(key.name()?),
        (Table::Bridge, "leased4") => Element::Leased(key.address(Ipv4)?),
        (Table::Bridge, "leased6") => Element::Leased(key.address(Ipv6)?),
        (Table::Bridge, "sources4") => Element::Source { link: key.name()?, address: key.address(Ipv4)? },
        (Table::Bridge, "sources6") => Element::Source { link: key.name()?, address: key.address(Ipv6)? },
        (Table::Bridge, "routers") => Element::Router(key.name()?),
        (Table::Bridge, "ranges4") => key.range(&mut end, Ipv4)?,
        (Table::Bridge, "ranges6") => key.range(&mut end, Ipv6)?,
        (Table::Bridge, "published4") => Element::ApartService(key.service(Ipv4)?),
        (Table::Bridge, "published6") => Element::ApartService(key.service(Ipv6)?),
        (Table::Inet | Table::Bridge, _) => return None,
    };
    (key.0.is_empty() && end.0.is_empty() && value.0.is_empty()).then_some(element)
}

/// Parts of a key or value, as they are written.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn name(self, name: &IfName) -> Self {
        let end = self.0.len() + NAME_BYTES;
        let mut bytes = self.part(name.as_str().as_bytes());
        bytes.0.resize(end, 0);
        bytes
    }

    fn address(self, address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => self.part(&address.octets()),
            IpAddr::V6(address) => self.part(&address.octets()),
        }
    }

    fn protocol(self, protocol: Protocol) -> Self {
        self.part(&[protocol.number()])
    }

    fn port(self, port: u16) -> Self {
        self.part(&port.to_be_bytes())
    }

    fn part(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }
}

/// What is left of a key or value, as it is read.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn name(&mut self) -> Option<IfName> {
        let bytes: [u8; NAME_BYTES] = self.part()?;
        let end = bytes.iter().position(|byte| *byte == 0)?;
        std::str::from_utf8(&bytes[..end]).ok()?.parse().ok()
    }

    fn address(&mut self, family: Family) -> Option<IpAddr> {
        match family {
            Family::Ipv4 => Some(Ipv4Addr::from(self.part::<4>()?).into()),
            Family::Ipv6 => Some(Ipv6Addr::from(self.part::<16>()?).into()),
        }
    }

    fn protocol(&mut self) -> Option<Protocol> {
        let [number] = self.part()?;
        [Protocol::Tcp, Protocol::Udp, Protocol::Sctp].into_iter().find(|protocol| protocol.number() == number)
    }

    fn port(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.part()?))
    }

    /// A port at every address of the family.
    fn everywhere(&mut self, family: Family) -> Option<HostPort> {
        let address = match family {
            Family::Ipv4 => Ipv4Addr::UNSPECIFIED.into(),
            Family::Ipv6 => Ipv6Addr::UNSPECIFIED.into(),
        };
        Some(HostPort { address, protocol: self.protocol()?, port: self.port()? })
    }

    /// A port at one address, which must not be the one that stands for all.
    fn at_one(&mut self, family: Family) -> Option<HostPort> {
        let Service { address, protocol, port } = self.service(family)?;
        (!address.is_unspecified()).then_some(HostPort { address, protocol, port })
    }

    fn service(&mut self, family: Family) -> Option<Service> {
        Some(Service { address: self.address(family)?, protocol: self.protocol()?, port: self.port()? })
    }

    fn socket_address(&mut self, family: Family) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.address(family)?, self.port()?))
    }

    fn twice(&mut self, family: Family) -> Option<IpAddr> {
        let address = self.address(family)?;
        (self.address(family)? == address).then_some(address)
    }

    /// A range of addresses that has a prefix, from this key to the other.
    fn range(&mut self, end: &mut Reader<'_>, family: Family) -> Option<Element> {
        let (link, first) = (self.name()?, self.address(family)?);
        let (last_link, last) = (end.name()?, end.address(family)?);
        let common = match (first, last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => (first.to_bits() ^ last.to_bits()).leading_zeros(),
            (IpAddr::V6(first), IpAddr::V6(last)) => (first.to_bits() ^ last.to_bits()).leading_zeros(),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return None,
        };
        let range = IpNet::new(first, u8::try_from(common).ok()?).ok()?;
        (link == last_link && (range.network(), range.broadcast()) == (first, last))
            .then_some(Element::Range { link, range })
    }

    fn part<const LENGTH: usize>(&mut self) -> Option<[u8; LENGTH]> {
        let part = self.0.get(..LENGTH)?.try_into().ok()?;
        self.0 = self.0.get(LENGTH.next_multiple_of(4)..).unwrap_or_default();
        Some(part)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Elements of every set, of both families and all protocols.
    pub(crate) fn of_every_set() -> Vec<Element> {
        let name = |text: &str| -> IfName { text.parse().expect("valid") };
        let (bridge, link) = (name("docker0"), name("veth0123456789a"));
        let mut all = vec![
            Element::Bridge(bridge.clone()),
            Element::Pair { from: bridge.clone(), to: name("br-0123456789ab") },
            Element::Apart(bridge.clone()),
            Element::Trusted { from: name("eth0"), bridge: bridge.clone() },
            Element::Internal(bridge.clone()),
            Element::Sent(bridge.clone()),
            Element::Received(bridge.clone()),
            Element::ApartPort(link.clone()),
            Element::Router(link.clone()),
        ];
        for range in ["172.17.0.0/16", "10.0.0.4/30", "192.0.2.7/32", "fd00::/64", "2001:db8::8/125"] {
            all.push(Element::Range { link: link.clone(), range: range.parse().expect("valid") });
        }
        for (family, any, host, own) in
            [(Family::Ipv4, "0.0.0.0", "192.0.2.1", "172.17.0.2"), (Family::Ipv6, "::", "2001:db8::1", "fd00::a:2")]
        {
            let [any, host, own]: [IpAddr; 3] = [any, host, own].map(|text| text.parse().expect("valid"));
            all.extend([
                Element::Masquerade { family, bridge: bridge.clone() },
                Element::Snat { bridge: bridge.clone(), source: host },
                Element::Unprotected { family, bridge: bridge.clone() },
                Element::Routed { family, bridge: bridge.clone() },
                Element::Hairpin(own),
                Element::Leased(own),
                Element::Source { link: link.clone(), address: own },
            ]);
            for (protocol, port) in [(Protocol::Tcp, 80), (Protocol::Udp, 5353), (Protocol::Sctp, 65535)] {
                let service = Service { address: own, protocol, port };
                all.extend([Element::Open(service), Element::ApartService(service)]);
                for address in [any, host] {
                    let host = HostPort { address, protocol, port: port - 1 };
                    all.extend([Element::Counted(host), Element::Published { host, to: SocketAddr::new(own, port) }]);
                }
            }
        }
        all
    }

    #[test]
    fn an_element_reads_back_as_it_was_written() {
        for element in of_every_set() {
            let value = value(&element);
            let end = end(&element);
            let back = read(element.table(), element.set(), &key(&element), end.as_deref(), value.as_deref());
            assert_eq!(back.as_ref(), Some(&element));
            assert_eq!(value.is_some(), element.value().is_some());
        }
    }

    #[test]
    fn what_is_not_ours_is_not_read() {
        let read = |set: &str, key: &[u8]| read(Table::Inet, set, key, None, None);
        assert_eq!(read("bridges", b"docker0"), None, "too short");
        assert_eq!(read("bridges", &[b'a'; NAME_BYTES]), None, "no end");
        assert_eq!(read("counted4", &[1, 0, 0, 0, 0, 80, 0, 0]), None, "icmp has no ports");
        assert_eq!(read("counted4_at", &[0, 0, 0, 0, 6, 0, 0, 0, 0, 80, 0, 0]), None, "belongs into counted4");
        assert_eq!(read("hairpins4", &[10, 0, 0, 1, 10, 0, 0, 2]), None, "two addresses");
        assert_eq!(read("mine", &[10, 0, 0, 1]), None);
        let longer = [key(&Element::Leased([10, 0, 0, 1].into())), vec![0; 4]].concat();
        assert_eq!(super::read(Table::Bridge, "leased4", &longer, None, None), None);
        let link = [b"veth0\0\0\0\0\0\0\0\0\0\0\0".as_slice(), &[10, 0, 0, 1]].concat();
        let end = [&link[..NAME_BYTES], &[10, 0, 0, 2]].concat();
        assert_eq!(super::read(Table::Bridge, "ranges4", &link, Some(&end), None), None, "without a prefix");
        assert_eq!(super::read(Table::Bridge, "ranges4", &link, None, None), None, "without an end");
    }

    #[test]
    fn those_that_count_are_in_the_sets_that_are_asked() {
        for element in of_every_set() {
            let counts = matches!(element, Element::Sent(_) | Element::Received(_) | Element::Counted(_));
            assert_eq!(counts, element.table() == Table::Inet && COUNTED.contains(&element.set()), "{element:?}");
        }
    }
}
