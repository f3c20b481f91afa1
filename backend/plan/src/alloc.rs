//! Choosing addresses and ranges that are free. Pure: the caller says what is taken.

use ipnet::{IpNet, Ipv4Net};
use std::net::Ipv4Addr;

/// The lowest free address of `subnet`, not below `from`: neither the network's own nor the broadcast address (RFC 919
/// §7). `taken` are addresses in ascending order, those below `from` left out; it is read only as far as the first gap.
/// None when the range is full.
pub fn lowest_free(subnet: Ipv4Net, from: Ipv4Addr, taken: impl IntoIterator<Item = Ipv4Addr>) -> Option<Ipv4Addr> {
    let first = u32::from(subnet.network()).checked_add(1)?;
    let last = u32::from(subnet.broadcast()).checked_sub(1)?;
    let mut candidate = first.max(u32::from(from));
    for address in taken {
        let address = u32::from(address);
        if address > candidate {
            break;
        }
        if address == candidate {
            candidate = candidate.checked_add(1)?;
        }
    }
    (candidate <= last).then(|| Ipv4Addr::from(candidate))
}

/// Docker's default pools, in its order: 172.17.0.0/16 to 172.31.0.0/16, then 192.168.0.0/20 to 192.168.240.0/20
/// (moby, daemon/libnetwork/ipamutils).
pub fn default_pools() -> impl Iterator<Item = Ipv4Net> {
    let class_b = (17..=31).map(|second| Ipv4Net::new_assert(Ipv4Addr::new(172, second, 0, 0), 16));
    let class_c = (0..16).map(|block| Ipv4Net::new_assert(Ipv4Addr::new(192, 168, block * 16, 0), 20));
    class_b.chain(class_c)
}

/// The first pool that overlaps none of `used`; none when all are used.
pub fn free_pool(pools: impl IntoIterator<Item = Ipv4Net>, used: &[IpNet]) -> Option<Ipv4Net> {
    pools.into_iter().find(|pool| !used.iter().any(|range| overlap(IpNet::V4(*pool), *range)))
}

/// Whether two ranges share an address.
pub fn overlap(a: IpNet, b: IpNet) -> bool {
    a.contains(&b) || b.contains(&a)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(subnet: &str, from: &str, taken: &[&str], expected: Option<&str>) {
        let parse = |text: &str| text.parse::<Ipv4Addr>().unwrap();
        let found = lowest_free(subnet.parse().unwrap(), parse(from), taken.iter().map(|text| parse(text)));
        assert_eq!(found, expected.map(parse), "in {subnet} from {from} beside {taken:?}");
    }

    #[test]
    fn the_lowest_free_address_fills_gaps_first() {
        check("172.17.0.0/16", "0.0.0.0", &[], Some("172.17.0.1"));
        check("172.17.0.0/16", "0.0.0.0", &["172.17.0.1"], Some("172.17.0.2"));
        check("172.17.0.0/16", "0.0.0.0", &["172.17.0.1", "172.17.0.3"], Some("172.17.0.2"));
        check("172.17.0.0/16", "172.17.0.3", &["172.17.0.3", "172.17.0.4"], Some("172.17.0.5"));
        check("10.0.0.0/30", "0.0.0.0", &["10.0.0.1", "10.0.0.2"], None);
        check("255.255.255.252/30", "0.0.0.0", &["255.255.255.253", "255.255.255.254"], None);
    }

    #[test]
    fn pools_come_in_dockers_order_and_skip_what_is_used() {
        let used: Vec<IpNet> = ["172.17.0.0/16", "172.18.5.0/24"].iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(free_pool(default_pools(), &used).unwrap().to_string(), "172.19.0.0/16");
        assert_eq!(free_pool(default_pools(), &["0.0.0.0/0".parse().unwrap()]), None);
        assert_eq!(default_pools().count(), 31);
    }
}
