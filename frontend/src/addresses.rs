//! Which addresses of a network are used, kept and free, drawn as a map of cells. Pure.

use drawbridge_api::{Container, Network, Subnet};
use ipnet::IpNet;
use std::{collections::BTreeMap, net::IpAddr};

/// As many cells at the most; of a larger range each stands for several addresses.
const CELLS: u128 = 256;

/// What becomes of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Use {
    /// The bridge's own: the gateway.
    Gateway,
    /// The network's or the broadcast address, which nobody can have.
    Special,
    /// Kept back when the network was made, under this name.
    Reserved(String),
    /// A container that runs has it.
    Used(String),
    /// A container that does not run asks for it.
    Kept(String),
}

/// A part of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The first address in it.
    pub first: IpAddr,
    /// The last; the same where it stands for one.
    pub last: IpAddr,
    /// Those in it that are not free.
    pub taken: Vec<(IpAddr, Use)>,
    /// Whether containers are given addresses from it.
    pub is_given_from: bool,
}

/// The map of one range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// The range.
    pub subnet: IpNet,
    /// In order, all of it.
    pub cells: Vec<Cell>,
    /// How many addresses containers have.
    pub used: usize,
    /// How many are kept for others.
    pub reserved: usize,
    /// How many are left to be given; none when they are more than anybody counts.
    pub free: Option<u128>,
}

/// The maps of a network's ranges.
pub fn maps<'a>(network: &Network, containers: impl Iterator<Item = &'a Container> + Clone) -> Vec<Map> {
    network.subnets.iter().map(|subnet| map(network, subnet, containers.clone())).collect()
}

fn map<'a>(network: &Network, range: &Subnet, containers: impl Iterator<Item = &'a Container>) -> Map {
    let mut taken: BTreeMap<IpAddr, Use> = BTreeMap::new();
    let subnet = range.subnet.trunc();
    if let IpNet::V4(subnet) = subnet
        && subnet.prefix_len() < 31
    {
        taken.insert(subnet.network().into(), Use::Special);
        taken.insert(subnet.broadcast().into(), Use::Special);
    }
    for (name, address) in &range.reserved {
        taken.insert(*address, Use::Reserved(name.clone()));
    }
    for container in containers {
        let name = || container.name.to_string();
        for attachment in container.attachments.iter().filter(|attachment| attachment.network == network.name) {
            let asked = attachment.address4.map(IpAddr::V4).into_iter().chain(attachment.address6.map(IpAddr::V6));
            taken.extend(asked.map(|address| (address, Use::Kept(name()))));
        }
        for endpoint in container.endpoints.iter().filter(|endpoint| endpoint.network_id == network.id) {
            taken.extend(endpoint.addresses().iter().map(|address| (address.addr(), Use::Used(name()))));
        }
    }
    taken.insert(range.gateway, Use::Gateway);
    taken.retain(|address, _| subnet.contains(address));

    let bits = u32::from(subnet.max_prefix_len() - subnet.prefix_len());
    // 2^128 is one more than fits; so large a range is none that networks have.
    let size = 1_u128.checked_shl(bits).unwrap_or(u128::MAX);
    let step = (size / CELLS).max(1);
    let base = number(subnet.network());
    let given = range.ip_range.unwrap_or(subnet);
    let cells = (0..size.min(CELLS)).map(|index| {
        let (first, last) = (base + index * step, base + index * step + (step - 1));
        let (first, last) = (address(first, subnet), address(last, subnet));
        Cell {
            first,
            last,
            taken: taken.range(first..=last).map(|(address, what)| (*address, what.clone())).collect(),
            is_given_from: given.contains(&first) || subnet_is_in(given, first, last),
        }
    });
    let count = |test: fn(&Use) -> bool| taken.values().filter(|what| test(what)).count();
    let given_bits = u32::from(given.max_prefix_len() - given.prefix_len());
    let in_given = taken.keys().filter(|address| given.contains(*address)).count() as u128;
    Map {
        subnet,
        cells: cells.collect(),
        used: count(|what| matches!(what, Use::Used(_))),
        reserved: count(|what| matches!(what, Use::Reserved(_) | Use::Kept(_))),
        free: (given_bits <= 32).then(|| (1_u128 << given_bits) - in_given),
    }
}

/// Whether a smaller range lies between two addresses.
fn subnet_is_in(range: IpNet, first: IpAddr, last: IpAddr) -> bool {
    first <= range.network() && range.network() <= last
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

fn address(number: u128, like: IpNet) -> IpAddr {
    match like {
        // What is in an IPv4 range has 32 bits.
        IpNet::V4(_) => IpAddr::V4((u32::try_from(number).unwrap_or(u32::MAX)).into()),
        IpNet::V6(_) => IpAddr::V6(number.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_small_range_has_a_cell_for_each_address() {
        let mut network = sample::network(1);
        network.subnets[0].subnet = "172.17.0.0/28".parse().unwrap();
        network.subnets[0].ip_range = Some("172.17.0.8/29".parse().unwrap());
        network.subnets[0].reserved.insert("router".into(), "172.17.0.9".parse().unwrap());
        let running = sample::container(1, 1);
        let mut idle = sample::container(2, 1);
        idle.endpoints.clear();
        idle.attachments[0].address4 = Some("172.17.0.10".parse().unwrap());
        let map = &maps(&network, [&running, &idle].into_iter())[0];
        assert_eq!(map.cells.len(), 16);
        let of = |index: usize| map.cells[index].taken.first().map(|(_, what)| what.clone());
        assert_eq!((of(0), of(15)), (Some(Use::Special), Some(Use::Special)));
        assert_eq!(of(1), Some(Use::Gateway));
        assert_eq!(of(2), Some(Use::Used("box1".into())));
        assert_eq!(of(9), Some(Use::Reserved("router".into())));
        assert_eq!(of(10), Some(Use::Kept("box2".into())));
        assert_eq!((map.used, map.reserved, map.free), (1, 2, Some(5)));
        assert!(!map.cells[7].is_given_from && map.cells[8].is_given_from);
    }

    #[test]
    fn a_large_range_has_cells_for_many() {
        let network = sample::network(1);
        let running = sample::container(1, 1);
        let map = &maps(&network, std::iter::once(&running))[0];
        assert_eq!(map.cells.len(), 256);
        assert_eq!(map.cells[0].last, "172.17.0.255".parse::<IpAddr>().unwrap());
        assert_eq!(map.cells[0].taken.len(), 3, "the network's, the gateway, and the container's");
        assert_eq!(map.free, Some(65_536 - 4));
        let mut six = network.clone();
        six.subnets[0].subnet = "fd00::/64".parse().unwrap();
        six.subnets[0].gateway = "fd00::1".parse().unwrap();
        let map = &maps(&six, std::iter::empty())[0];
        assert_eq!((map.cells.len(), map.free), (256, None));
        assert_eq!(map.cells[255].last, "fd00::ffff:ffff:ffff:ffff".parse::<IpAddr>().unwrap());
        let host = network.subnets[0].clone();
        let single = Network { subnets: vec![Subnet { subnet: "10.0.0.1/32".parse().unwrap(), ..host }], ..network };
        assert_eq!(maps(&single, std::iter::empty())[0].cells.len(), 1);
    }
}
