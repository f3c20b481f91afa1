//! Choosing addresses and ranges that are free, of either family. Pure: the caller says what is taken.

use ipnet::{IpNet, Ipv4Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The lowest free address of `range`, a part of `subnet` or all of it, not below `from`: neither the subnet's own address
/// nor, of IPv4, the broadcast address (RFC 919 §7). The first address of an IPv6 subnet is that of its routers (RFC 4291
/// §2.6.1) and the last one is as good as any other. `taken` are addresses in ascending order, those below `from` left out; it is read
/// only as far as the first gap. None when the range is full.
pub fn lowest_free(
    subnet: IpNet,
    range: IpNet,
    from: IpAddr,
    taken: impl IntoIterator<Item = IpAddr>,
) -> Option<IpAddr> {
    let last_usable = match subnet {
        IpNet::V4(_) => number(subnet.broadcast()).checked_sub(1)?,
        IpNet::V6(_) => number(subnet.broadcast()),
    };
    let first = number(range.network()).max(number(subnet.network()).checked_add(1)?);
    let last = number(range.broadcast()).min(last_usable);
    let mut candidate = first.max(number(from));
    for address in taken {
        let address = number(address);
        if address > candidate {
            break;
        }
        if address == candidate {
            candidate = candidate.checked_add(1)?;
        }
    }
    (candidate <= last).then(|| address(subnet, candidate))
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

/// The address of a number, of the family of `like`.
fn address(like: IpNet, number: u128) -> IpAddr {
    match like {
        IpNet::V4(_) => Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX)).into(),
        IpNet::V6(_) => Ipv6Addr::from(number).into(),
    }
}

/// Docker's default pools, in its order: 172.17.0.0/16 to 172.31.0.0/16, then 192.168.0.0/20 to 192.168.240.0/20
/// (moby, daemon/libnetwork/ipamutils).
pub fn default_pools() -> impl Iterator<Item = Ipv4Net> {
    let class_b = (17..=31).map(|second| Ipv4Net::new_assert(Ipv4Addr::new(172, second, 0, 0), 16));
    let class_c = (0..16).map(|block| Ipv4Net::new_assert(Ipv4Addr::new(192, 168, block * 16, 0), 20));
    class_b.chain(class_c)
}

/// The first pool that overlaps none of `used`; none when all are used.
pub fn free_pool(pools: impl IntoIterator<Item = IpNet>, used: &[IpNet]) -> Option<IpNet> {
    pools.into_iter().find(|pool| !used.iter().any(|range| overlap(*pool, *range)))
}

/// Whether two ranges share an address.
pub fn overlap(a: IpNet, b: IpNet) -> bool {
    a.contains(&b) || b.contains(&a)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(subnet: &str, range: &str, from: &str, taken: &[&str], expected: Option<&str>) {
        let parse = |text: &str| text.parse::<IpAddr>().unwrap();
        let [subnet, range] = [subnet, range].map(|text| text.parse().unwrap());
        let found = lowest_free(subnet, range, parse(from), taken.iter().map(|text| parse(text)));
        assert_eq!(found, expected.map(parse), "in {range} of {subnet} from {from} beside {taken:?}");
    }

    #[test]
    fn the_lowest_free_address_fills_gaps_first() {
        let whole = "172.17.0.0/16";
        check(whole, whole, "0.0.0.0", &[], Some("172.17.0.1"));
        check(whole, whole, "0.0.0.0", &["172.17.0.1"], Some("172.17.0.2"));
        check(whole, whole, "0.0.0.0", &["172.17.0.1", "172.17.0.3"], Some("172.17.0.2"));
        check(whole, whole, "172.17.0.3", &["172.17.0.3", "172.17.0.4"], Some("172.17.0.5"));
        check("10.0.0.0/30", "10.0.0.0/30", "0.0.0.0", &["10.0.0.1", "10.0.0.2"], None);
        let end = "255.255.255.252/30";
        check(end, end, "0.0.0.0", &["255.255.255.253", "255.255.255.254"], None);
    }

    #[test]
    fn a_range_within_a_subnet_is_used_to_its_ends() {
        check("10.5.0.0/16", "10.5.1.0/30", "10.5.0.0", &["10.5.0.1"], Some("10.5.1.0"));
        check("10.5.0.0/16", "10.5.1.0/31", "10.5.1.0", &["10.5.1.0"], Some("10.5.1.1"));
        check("10.5.0.0/16", "10.5.1.0/31", "10.5.1.0", &["10.5.1.0", "10.5.1.1"], None);
        check("10.5.0.0/24", "10.5.0.254/31", "10.5.0.0", &["10.5.0.254"], None);
    }

    #[test]
    fn ipv6_has_routers_first_and_no_broadcast() {
        check("fd00::/64", "fd00::/64", "::", &[], Some("fd00::1"));
        check("fd00::/126", "fd00::/126", "fd00::", &["fd00::1", "fd00::2"], Some("fd00::3"));
        let high = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127";
        check(high, high, "::", &["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"], None);
    }

    #[test]
    fn pools_come_in_dockers_order_and_skip_what_is_used() {
        let pools = || default_pools().map(IpNet::V4);
        let used: Vec<IpNet> = ["172.17.0.0/16", "172.18.5.0/24"].iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(free_pool(pools(), &used).unwrap().to_string(), "172.19.0.0/16");
        assert_eq!(free_pool(pools(), &["0.0.0.0/0".parse().unwrap()]), None);
        assert_eq!(default_pools().count(), 31);
    }
}
