//! Address management: which ranges a network gets, and what in them is never leased.

use super::{
    OpError,
    taken::{self, conflict},
};
use crate::model::{NewNetwork, NewRange};
use drawbridge_api::{Driver, Subnet};
use drawbridge_plan::{Family, alloc};
use ipnet::{IpNet, Ipv6Net};
use sha2::{Digest, Sha256};
use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

/// A range that networks get parts of when they name none: `10.10.0.0/16/24` is 256 networks of 256 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressPool {
    base: IpNet,
    size: u8,
}

/// The text is no address pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidPool(String);

impl fmt::Display for InvalidPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid address pool {}: write CIDR/SIZE, like 10.10.0.0/16/24, with room for a network", self.0)
    }
}

impl std::error::Error for InvalidPool {}

impl fmt::Display for AddressPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.size)
    }
}

impl FromStr for AddressPool {
    type Err = InvalidPool;

    fn from_str(text: &str) -> Result<Self, InvalidPool> {
        let invalid = || InvalidPool(text.to_owned());
        let (base, size) = text.rsplit_once('/').ok_or_else(invalid)?;
        let (base, size): (IpNet, u8) = (base.parse().map_err(|_| invalid())?, size.parse().map_err(|_| invalid())?);
        let has_room = size >= base.prefix_len() && size <= base.max_prefix_len() - 2;
        if has_room && base.trunc() == base { Ok(Self { base, size }) } else { Err(invalid()) }
    }
}

/// Where the ranges of networks come from that name none.
#[derive(Clone, Debug)]
pub struct Pools {
    /// The usual ones where there are none.
    four: Vec<AddressPool>,
    six: Vec<AddressPool>,
}

impl Pools {
    /// The pools that were given; of a family of which none was, the usual ones of IPv4, and of IPv6 the range of this machine
    /// (RFC 4193 §3.2.2: `fd`, then 40 bits that are the machine's, so that two of them can be joined one day).
    pub fn new(given: &[AddressPool], machine_id: &str) -> Pools {
        let (four, mut six): (Vec<AddressPool>, Vec<AddressPool>) =
            given.iter().partition(|pool| pool.base.addr().is_ipv4());
        if six.is_empty() {
            let hash = Sha256::digest(format!("drawbridge networks of {}", machine_id.trim()));
            let mut bytes = [0; 16];
            bytes[0] = 0xfd;
            bytes[1..6].copy_from_slice(&hash[..5]);
            six.push(AddressPool { base: IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::from(bytes), 48)), size: 64 });
        }
        Pools { four, six }
    }

    fn free(&self, family: Family, used: &[IpNet]) -> Option<IpNet> {
        let pools = match family {
            Family::Ipv4 if self.four.is_empty() => {
                return alloc::free_pool(alloc::default_pools().map(IpNet::V4), used);
            }
            Family::Ipv4 => &self.four,
            Family::Ipv6 => &self.six,
        };
        // One after the other: a pool may have millions of parts.
        let parts = pools.iter().flat_map(|pool| pool.base.subnets(pool.size).into_iter().flatten());
        alloc::free_pool(parts, used)
    }
}

/// The ranges of a network to be made, IPv4 first, checked against what has others.
///
/// # Errors
/// `Invalid` where something makes no sense, `SubnetOverlaps`, or `NoFreePool`.
pub(super) fn subnets(new: &NewNetwork, taken: &[taken::Range], pools: &Pools) -> Result<Vec<Subnet>, OpError> {
    if !new.ipv4 && !new.ipv6 {
        return Err(OpError::Invalid("IPv4 or IPv6 must be enabled".into()));
    }
    let mut found: Vec<Subnet> = Vec::new();
    for (family, wanted) in [(Family::Ipv4, new.ipv4), (Family::Ipv6, new.ipv6)] {
        let asked: Vec<NewRange> = new.ranges.iter().filter(|range| family_of(range) == family).cloned().collect();
        let asked = match (wanted, asked.is_empty()) {
            (true, true) => vec![NewRange::default()],
            (true, false) => asked,
            // A range of a family that is not wanted is nobody's.
            (false, _) => Vec::new(),
        };
        for range in &asked {
            let own = found.iter().map(|known| (known.subnet, format!("network {} itself", new.name)));
            let taken: Vec<taken::Range> = taken.iter().cloned().chain(own).collect();
            found.push(subnet(new, range, family, &taken, pools)?);
        }
    }
    Ok(found)
}

fn family_of(range: &NewRange) -> Family {
    let address = range.subnet.map(|subnet| subnet.addr()).or(range.gateway);
    address.map_or(Family::Ipv4, Family::of)
}

fn subnet(
    new: &NewNetwork,
    range: &NewRange,
    family: Family,
    taken: &[taken::Range],
    pools: &Pools,
) -> Result<Subnet, OpError> {
    let subnet = match range.subnet {
        Some(subnet) => checked(subnet, new.driver, taken)?,
        None => {
            let used: Vec<IpNet> = taken.iter().map(|(range, _)| *range).collect();
            pools.free(family, &used).ok_or(OpError::NoFreePool)?
        }
    };
    let within = |what: &str, address: IpAddr| {
        if is_of_a_host(subnet, address) {
            return Ok(address);
        }
        Err(OpError::Invalid(format!(
            "invalid network config:\ninvalid {what} {address}: parent subnet {subnet} doesn't contain this address"
        )))
    };
    if let Some(ip_range) = range.ip_range {
        let text = match () {
            () if !subnet.contains(&ip_range) => format!("parent subnet {subnet} doesn't contain ip-range"),
            () if ip_range.trunc() != ip_range => format!("it should be {}", ip_range.trunc()),
            () => String::new(),
        };
        if !text.is_empty() {
            return Err(OpError::Invalid(format!("invalid network config:\ninvalid ip-range {ip_range}: {text}")));
        }
    }
    for address in range.reserved.values() {
        within("auxiliary address", *address)?;
    }
    let gateway = match range.gateway {
        Some(gateway) => within("gateway", gateway)?,
        None => {
            let mut reserved: Vec<IpAddr> = range.reserved.values().copied().collect();
            reserved.sort();
            let from = range.ip_range.unwrap_or(subnet);
            alloc::lowest_free(subnet, from, from.network(), reserved).ok_or(OpError::NoFreePool)?
        }
    };
    if let Some((name, _)) = range.reserved.iter().find(|(_, address)| **address == gateway) {
        return Err(OpError::Invalid(format!(
            "invalid network config:\nauxiliary address {name} is the gateway {gateway}; reserve another"
        )));
    }
    Ok(Subnet { subnet, gateway, ip_range: range.ip_range, reserved: range.reserved.clone() })
}

fn is_of_a_host(subnet: IpNet, address: IpAddr) -> bool {
    let is_broadcast = address.is_ipv4() && address == subnet.broadcast();
    subnet.contains(&address) && address != subnet.network() && !is_broadcast
}

fn checked(subnet: IpNet, driver: Driver, taken: &[taken::Range]) -> Result<IpNet, OpError> {
    let refused = |why: &str| Err(OpError::Invalid(format!("invalid network config:\ninvalid subnet {subnet}: {why}")));
    if subnet.trunc() != subnet {
        return refused(&format!("it should be {}", subnet.trunc()));
    }
    // A bridge and one container are the least; RFC 3021's /31 has no room for the two and a broadcast address.
    let shortest = if subnet.addr().is_ipv4() { 8 } else { 16 };
    let longest = subnet.max_prefix_len() - 2;
    if !(shortest..=longest).contains(&subnet.prefix_len()) {
        return refused(&format!("its prefix must be from /{shortest} to /{longest}"));
    }
    let address = subnet.addr();
    let special = match address {
        IpAddr::V4(address) => address.octets()[0] == 0,
        IpAddr::V6(address) => address.is_unicast_link_local() || address.to_ipv4_mapped().is_some(),
    };
    if special || address.is_loopback() || address.is_multicast() || address.is_unspecified() {
        return refused("loopback, multicast, link-local and unspecified addresses can't be given to containers");
    }
    // A macvlan network's containers are on the wire of an interface of the host, and in its range.
    let others = taken.iter().filter(|(_, holder)| driver != Driver::Macvlan || holder.starts_with("network "));
    match conflict(subnet, others) {
        Some((range, holder)) => Err(OpError::SubnetOverlaps { subnet, range: *range, holder: holder.clone() }),
        None => Ok(subnet),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pools() -> Pools {
        Pools::new(&[], "machine")
    }

    /// Each range is `subnet gateway ip-range reserved`, `-` where nothing is said.
    fn check(ranges: &[&str], expected: &str) {
        let ranges = ranges.iter().map(|text| {
            let mut words = text.split(' ').map(|word| if word == "-" { None } else { Some(word) });
            let mut word = || words.next().flatten();
            NewRange {
                subnet: word().map(|text| text.parse().unwrap()),
                gateway: word().map(|text| text.parse().unwrap()),
                ip_range: word().map(|text| text.parse().unwrap()),
                reserved: word().map(|text| ("a".to_owned(), text.parse().unwrap())).into_iter().collect(),
            }
        });
        let new = NewNetwork { ranges: ranges.collect(), ipv6: true, ..NewNetwork::bridge("demo".parse().unwrap()) };
        let taken = vec![("172.17.0.0/16".parse().unwrap(), "network bridge".to_owned())];
        let found = match subnets(&new, &taken, &pools()) {
            Ok(found) => {
                let told = found.iter().map(|found| format!("{} {}", found.subnet, found.gateway));
                told.collect::<Vec<_>>().join(", ")
            }
            Err(error) => error.to_string().replace("invalid network config:\n", ""),
        };
        assert!(found.contains(expected), "{new:?}: {found}");
    }

    #[test]
    fn ranges_are_given_or_chosen() {
        check(&[], "172.18.0.0/16 172.18.0.1, fd");
        check(&["10.1.0.0/16", "fd00:1::/64"], "10.1.0.0/16 10.1.0.1, fd00:1::/64 fd00:1::1");
        check(&["10.1.0.0/16 10.1.0.9", "10.2.0.0/24"], "10.1.0.0/16 10.1.0.9, 10.2.0.0/24 10.2.0.1, fd");
        check(&["10.1.0.0/16 - 10.1.4.0/24"], "10.1.0.0/16 10.1.4.0,");
        check(&["10.1.0.0/16 - - 10.1.0.1"], "10.1.0.0/16 10.1.0.2,");
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (range, expected) in [
            ("10.1.0.1/16", "invalid subnet 10.1.0.1/16: it should be 10.1.0.0/16"),
            ("10.1.0.0/31", "invalid subnet 10.1.0.0/31: its prefix"),
            ("127.0.0.0/8", "invalid subnet 127.0.0.0/8: loopback"),
            ("fe80::/64", "invalid subnet fe80::/64: loopback"),
            ("172.17.8.0/24", "172.17.8.0/24 overlaps 172.17.0.0/16 of network bridge"),
            (
                "10.1.0.0/24 10.2.0.1",
                "invalid gateway 10.2.0.1: parent subnet 10.1.0.0/24 doesn't contain this address",
            ),
            ("10.1.0.0/24 10.1.0.255", "invalid gateway 10.1.0.255"),
            ("10.1.0.0/24 ::1", "invalid gateway ::1"),
            (
                "10.1.0.0/24 - 10.2.0.0/25",
                "invalid ip-range 10.2.0.0/25: parent subnet 10.1.0.0/24 doesn't contain ip-range",
            ),
            ("10.1.0.0/24 - - 10.2.0.1", "invalid auxiliary address 10.2.0.1: parent subnet"),
            ("10.1.0.0/24 10.1.0.1 - 10.1.0.1", "auxiliary address a is the gateway"),
        ] {
            check(&[range], expected);
        }
        check(&["10.1.0.0/16", "10.1.4.0/24"], "10.1.4.0/24 overlaps 10.1.0.0/16 of network demo itself");
    }

    #[test]
    fn pools_are_given_or_the_machines() {
        let pool = |text: &str| text.parse::<AddressPool>();
        for bad in ["", "10.0.0.0/16", "10.0.0.0/16/8", "10.0.0.0/16/31", "10.0.0.1/16/24", "x/16/24"] {
            assert!(pool(bad).is_err(), "{bad} was taken");
        }
        let given = Pools::new(&[pool("10.10.0.0/23/24").unwrap()], "machine");
        let first: IpNet = "10.10.0.0/24".parse().unwrap();
        assert_eq!(given.free(Family::Ipv4, &[]), Some(first));
        assert_eq!(given.free(Family::Ipv4, &[first]), Some("10.10.1.0/24".parse().unwrap()));
        assert_eq!(given.free(Family::Ipv4, &["10.0.0.0/8".parse().unwrap()]), None);
        let six = |machine| Pools::new(&[], machine).free(Family::Ipv6, &[]).unwrap();
        assert_eq!(six("one"), six("one\n"));
        assert_ne!(six("one"), six("other"));
        assert_eq!((six("one").prefix_len(), six("one").to_string().starts_with("fd")), (64, true));
    }
}
