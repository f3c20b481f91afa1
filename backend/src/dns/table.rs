//! Which names there are: by network, the containers of it that have a name. Changed one container at a time, so that what it
//! costs to start one does not grow with how many there are.

use drawbridge_api::{ContainerId, NetworkId};
use ipnet::IpNet;
use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
};

/// A running container's part in a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The network.
    pub network: NetworkId,
    /// Its name.
    pub network_name: String,
    /// Whether names are answered in it: in all but the default bridge.
    pub naming: Naming,
    /// Whether it leads out of the machine.
    pub way_out: WayOut,
    /// Its address ranges.
    pub subnets: Vec<IpNet>,
    /// What the container is called in it, its own name first.
    pub names: Vec<String>,
    /// What the container, and nobody else, calls others in it.
    pub links: Vec<Link>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// A name that one container has for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The name.
    pub alias: String,
    /// What the other is called in the network.
    pub target: String,
}

/// Whether a network has names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// Containers find one another by name.
    Names,
    /// They do not.
    AddressesOnly,
}

/// Whether a network leads out of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayOut {
    /// It does.
    Open,
    /// It is internal.
    Closed,
}

/// What is known of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pointed {
    /// It is a container's, which is called so.
    To(String),
    /// It is in a range of the asker's networks, and nobody has it.
    Nobody,
    /// It is somewhere else.
    Elsewhere,
}

/// All names.
#[derive(Debug, Default)]
pub struct Table {
    containers: HashMap<ContainerId, Vec<Membership>>,
    networks: HashMap<NetworkId, Network>,
}

/// The names of one network, in lower case.
#[derive(Debug, Default)]
struct Network {
    by_name: HashMap<String, Vec<(ContainerId, Vec<IpAddr>)>>,
    /// The first name of whoever has an address.
    by_address: HashMap<IpAddr, (ContainerId, String)>,
}

impl Table {
    /// Sets what a container takes part in; nothing when it does not run.
    pub fn set(&mut self, container: &ContainerId, memberships: Vec<Membership>) {
        for old in self.containers.remove(container).unwrap_or_default() {
            self.forget(container, &old);
        }
        if memberships.is_empty() {
            return;
        }
        for membership in memberships.iter().filter(|membership| membership.naming == Naming::Names) {
            self.networks.entry(membership.network.clone()).or_default().learn(container, membership);
        }
        self.containers.insert(container.clone(), memberships);
    }

    /// Sets what all containers take part in.
    pub fn replace(&mut self, all: impl IntoIterator<Item = (ContainerId, Vec<Membership>)>) {
        *self = Table::default();
        for (container, memberships) in all {
            self.set(&container, memberships);
        }
    }

    /// The addresses of a name, of both families, as a container sees it: in the first of its networks that has the name, and
    /// then as `name.network`. None when none has it.
    pub fn addresses(&self, asker: &ContainerId, name: &str) -> Option<Vec<IpAddr>> {
        let name = name.to_ascii_lowercase();
        let networks = || self.memberships(asker).iter().filter(|membership| membership.naming == Naming::Names);
        if let Some(found) = networks().find_map(|membership| self.as_member(membership, &name)) {
            return Some(found);
        }
        // Both parts may have dots: the longest name comes first.
        name.rmatch_indices('.').find_map(|(at, _)| {
            let (head, tail) = (&name[..at], &name[at + 1..]);
            let network = networks().find(|membership| membership.network_name.eq_ignore_ascii_case(tail))?;
            self.in_network(&network.network, head)
        })
    }

    /// Who has an address, as a container sees it: `name.network`.
    pub fn pointer(&self, asker: &ContainerId, address: IpAddr) -> Pointed {
        let mut pointed = Pointed::Elsewhere;
        for membership in self.memberships(asker).iter().filter(|membership| membership.naming == Naming::Names) {
            let network = self.networks.get(&membership.network);
            if let Some((_, name)) = network.and_then(|network| network.by_address.get(&address)) {
                return Pointed::To(format!("{name}.{}", membership.network_name));
            }
            if membership.subnets.iter().any(|subnet| subnet.contains(&address)) {
                pointed = Pointed::Nobody;
            }
        }
        pointed
    }

    /// Whether one of a container's networks leads out of the machine.
    pub fn way_out(&self, asker: &ContainerId) -> WayOut {
        let open = self.memberships(asker).iter().any(|membership| membership.way_out == WayOut::Open);
        if open { WayOut::Open } else { WayOut::Closed }
    }

    fn memberships(&self, container: &ContainerId) -> &[Membership] {
        self.containers.get(container).map_or(&[], Vec::as_slice)
    }

    /// What a member of a network finds: first by the names that only it knows.
    fn as_member(&self, membership: &Membership, name: &str) -> Option<Vec<IpAddr>> {
        let link = membership.links.iter().find(|link| link.alias.eq_ignore_ascii_case(name));
        let linked = link.and_then(|link| self.in_network(&membership.network, &link.target.to_ascii_lowercase()));
        linked.or_else(|| self.in_network(&membership.network, name))
    }

    fn in_network(&self, network: &NetworkId, name: &str) -> Option<Vec<IpAddr>> {
        let holders = self.networks.get(network)?.by_name.get(name)?;
        Some(holders.iter().flat_map(|(_, addresses)| addresses.iter().copied()).collect())
    }

    fn forget(&mut self, container: &ContainerId, membership: &Membership) {
        let Some(network) = self.networks.get_mut(&membership.network) else { return };
        for name in &membership.names {
            let name = name.to_ascii_lowercase();
            if let Some(holders) = network.by_name.get_mut(&name) {
                holders.retain(|(holder, _)| holder != container);
                if holders.is_empty() {
                    network.by_name.remove(&name);
                }
            }
        }
        for address in &membership.addresses {
            // Another may have got it since.
            if network.by_address.get(address).is_some_and(|(holder, _)| holder == container) {
                network.by_address.remove(address);
            }
        }
        if network.by_name.is_empty() && network.by_address.is_empty() {
            self.networks.remove(&membership.network);
        }
    }
}

impl Network {
    fn learn(&mut self, container: &ContainerId, membership: &Membership) {
        // An alias that is the container's name too would otherwise give each address twice.
        let names: HashSet<String> = membership.names.iter().map(|name| name.to_ascii_lowercase()).collect();
        for name in names {
            self.by_name.entry(name).or_default().push((container.clone(), membership.addresses.clone()));
        }
        if let Some(name) = membership.names.first() {
            for address in &membership.addresses {
                self.by_address.insert(*address, (container.clone(), name.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(number: u8) -> ContainerId {
        ContainerId::from_bytes([number; 32])
    }

    fn member(network: u8, names: &[&str], host: u8) -> Membership {
        Membership {
            network: NetworkId::from_bytes([network; 32]),
            network_name: format!("net{network}"),
            naming: if network == 0 { Naming::AddressesOnly } else { Naming::Names },
            way_out: if network == 9 { WayOut::Closed } else { WayOut::Open },
            subnets: vec![format!("10.0.{network}.0/24").parse().unwrap()],
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            links: Vec::new(),
            addresses: vec![format!("10.0.{network}.{host}").parse().unwrap()],
        }
    }

    /// Two containers named web in networks 1 and 2, and one in both.
    fn table() -> Table {
        let mut table = Table::default();
        table.set(&container(1), vec![member(1, &["web-1", "web", "aaaaaaaaaaaa"], 2)]);
        table.set(&container(2), vec![member(1, &["web-2", "web", "WEB"], 3), member(2, &["web-2", "other.name"], 3)]);
        table.set(&container(3), vec![member(2, &["db"], 4), member(9, &["db", "inside"], 4)]);
        table.set(&container(4), vec![member(0, &["plain"], 2), member(9, &["plain"], 5)]);
        table
    }

    #[track_caller]
    fn check(table: &Table, asker: u8, name: &str, expected: &[&str]) {
        let mut found = table.addresses(&container(asker), name).unwrap_or_default();
        found.sort_unstable();
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{name} for {asker}");
    }

    #[test]
    fn a_name_is_seen_in_the_askers_networks_only() {
        let table = table();
        check(&table, 1, "web-1", &["10.0.1.2"]);
        check(&table, 1, "aaaaaaaaaaaa", &["10.0.1.2"]);
        check(&table, 1, "Web", &["10.0.1.2", "10.0.1.3"]);
        check(&table, 1, "db", &[]);
        check(&table, 3, "web", &[]);
        check(&table, 3, "web-2", &["10.0.2.3"]);
        check(&table, 2, "web-2", &["10.0.1.3"]);
        check(&table, 2, "web-2.net2", &["10.0.2.3"]);
        check(&table, 2, "OTHER.name.NET2", &["10.0.2.3"]);
        check(&table, 1, "web-2.net2", &[]);
        check(&table, 4, "db", &["10.0.9.4"]);
        check(&table, 3, "plain.net0", &[]);
        check(&table, 7, "web", &[]);
        check(&table, 1, "", &[]);
        check(&table, 1, ".net1", &[]);
    }

    #[test]
    fn a_link_is_a_name_that_one_container_knows() {
        let mut table = table();
        let link = |alias: &str, target: &str| Link { alias: alias.to_owned(), target: target.to_owned() };
        let links = vec![link("Store", "web-2"), link("web", "web-1"), link("gone", "nobody")];
        table.set(&container(5), vec![Membership { links, ..member(1, &["linker"], 5) }]);
        check(&table, 5, "store", &["10.0.1.3"]);
        check(&table, 5, "web", &["10.0.1.2"]);
        check(&table, 5, "gone", &[]);
        check(&table, 1, "store", &[]);
    }

    #[test]
    fn what_has_stopped_is_gone_and_what_others_have_stays() {
        let mut table = table();
        table.set(&container(2), Vec::new());
        check(&table, 1, "web", &["10.0.1.2"]);
        check(&table, 1, "web-2", &[]);
        check(&table, 2, "web", &[]);
        // Its address goes to another, and the late end of the first does not take that name.
        table.set(&container(5), vec![member(1, &["new"], 2)]);
        table.set(&container(1), Vec::new());
        assert_eq!(table.pointer(&container(5), "10.0.1.2".parse().unwrap()), Pointed::To("new.net1".to_owned()));
        for number in 1..=5 {
            table.set(&container(number), Vec::new());
        }
        assert!(table.networks.is_empty() && table.containers.is_empty());
    }

    #[test]
    fn addresses_point_to_names_within_the_askers_ranges() {
        let table = table();
        let pointer = |asker, address: &str| table.pointer(&container(asker), address.parse().unwrap());
        assert_eq!(pointer(1, "10.0.1.3"), Pointed::To("web-2.net1".to_owned()));
        assert_eq!(pointer(1, "10.0.1.77"), Pointed::Nobody);
        assert_eq!(pointer(1, "10.0.2.3"), Pointed::Elsewhere);
        assert_eq!(pointer(1, "fd00::1"), Pointed::Elsewhere);
    }

    #[test]
    fn one_network_with_a_way_out_is_enough() {
        let table = table();
        assert_eq!(table.way_out(&container(3)), WayOut::Open);
        assert_eq!(table.way_out(&container(4)), WayOut::Open);
        let mut table = table;
        table.set(&container(6), vec![member(9, &["x"], 9)]);
        assert_eq!(table.way_out(&container(6)), WayOut::Closed);
    }
}
