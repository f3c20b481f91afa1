//! Leases: which addresses of a network are taken. A lease goes with its endpoint's row, never earlier, so an address
//! is free for the next one only when the kernel has let go of it.

use super::{
    Connection, StoreError,
    sql::{all, first, parsed, parsed_or_null, run},
};
use drawbridge_api::{ContainerId, EndpointId, Network, NetworkId};
use drawbridge_plan::{Family, alloc::lowest_free};
use ipnet::IpNet;
use rusqlite::Row;
use std::net::{IpAddr, Ipv6Addr};

/// Takes an address for the bridge itself, or for somebody outside.
///
/// # Errors
/// `Conflict` when it is taken.
pub fn reserve(db: &Connection, network: &NetworkId, address: IpAddr) -> Result<(), StoreError> {
    insert(db, network, address, None)
}

/// Takes an address for an endpoint, whose row must be there.
///
/// # Errors
/// `Conflict` when it is taken.
pub fn take(db: &Connection, network: &NetworkId, address: IpAddr, endpoint: &EndpointId) -> Result<(), StoreError> {
    insert(db, network, address, Some(endpoint))
}

/// Who has an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The network itself: its gateway, or somebody outside for whom it is reserved.
    Network,
    /// A container that runs, or is just being started or stopped.
    Container(ContainerId),
}

/// Who has an address of a network, if anybody.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn holder(db: &Connection, network: &NetworkId, address: IpAddr) -> Result<Option<Holder>, StoreError> {
    first(
        db,
        "select endpoint.container_id from lease left join endpoint using (endpoint_id)
         where lease.network_id = ? and lease.address = ?",
        (network.as_str(), to_blob(address)),
        |row| Ok(parsed_or_null(row, "container_id")?.map_or(Holder::Network, Holder::Container)),
    )
}

/// The lowest free address of a network's ranges of one family, with its subnet's prefix length; none when they are full or
/// there are none. Remembers how far a range is full, so that the next search begins there. Addresses that containers ask
/// for, running or not, are left for them.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn next_free(db: &Connection, network: &Network, family: Family) -> Result<Option<IpNet>, StoreError> {
    for search in searches(db, &network.id, family)? {
        if let Some(address) = search.next_free(db, network, family)? {
            return Ok(Some(address));
        }
    }
    Ok(None)
}

/// A range of a network, and where the search for a free address in it begins.
struct Search {
    subnet: IpNet,
    range: IpNet,
    from: IpAddr,
}

impl Search {
    fn read(row: &Row<'_>) -> Result<Search, StoreError> {
        let subnet = parsed(row, "subnet")?;
        let range = parsed_or_null(row, "ip_range")?.unwrap_or(subnet);
        Ok(Search { subnet, range, from: parsed(row, "lease_from")? })
    }

    fn next_free(&self, db: &Connection, network: &Network, family: Family) -> Result<Option<IpNet>, StoreError> {
        // A page at a time: the first gap is nearly always in the first page.
        const PAGE: usize = 64;
        let sql = match family {
            Family::Ipv4 => {
                "select address from lease where network_id = ?1 and address >= ?2
                 union select address4 from attachment where network = ?3 and address4 >= ?2 order by 1 limit 64"
            }
            Family::Ipv6 => {
                "select address from lease where network_id = ?1 and address >= ?2
                 union select address6 from attachment where network = ?3 and address6 >= ?2 order by 1 limit 64"
            }
        };
        // Addresses below the range are no part of the search; without this they would fill its pages.
        let mut from = self.from.max(self.range.network());
        let begin = from;
        let address = loop {
            let taken = all(db, sql, (network.id.as_str(), to_blob(from), network.name.as_str()), |row| {
                Ok(from_blob(row.get(0)?))
            })?;
            let Some(free) = lowest_free(self.subnet, self.range, from, taken.iter().copied()) else {
                return Ok(None);
            };
            if taken.len() < PAGE || taken.last().is_none_or(|last| free < *last) {
                break free;
            }
            from = free;
        };
        if address != begin {
            set_search(db, &network.id, self.subnet, address)?;
        }
        Ok(Some(IpNet::new_assert(address, self.subnet.prefix_len())))
    }
}

/// Lets the search for free addresses begin no higher than `address`, which is about to be free.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub(super) fn search_from(db: &Connection, network: &NetworkId, address: IpAddr) -> Result<(), StoreError> {
    for search in searches(db, network, Family::of(address))? {
        if search.range.contains(&address) && address < search.from {
            set_search(db, network, search.subnet, address)?;
        }
    }
    Ok(())
}

fn searches(db: &Connection, network: &NetworkId, family: Family) -> Result<Vec<Search>, StoreError> {
    let sql = match family {
        Family::Ipv4 => {
            "select subnet, ip_range, lease_from from subnet
             where network_id = ? and instr(subnet, ':') = 0 order by position"
        }
        Family::Ipv6 => {
            "select subnet, ip_range, lease_from from subnet
             where network_id = ? and instr(subnet, ':') > 0 order by position"
        }
    };
    all(db, sql, [network.as_str()], Search::read)
}

fn set_search(db: &Connection, network: &NetworkId, subnet: IpNet, from: IpAddr) -> Result<(), StoreError> {
    run(
        db,
        "update subnet set lease_from = ? where network_id = ? and subnet = ?",
        (from.to_string(), network.as_str(), subnet.to_string()),
    )?;
    Ok(())
}

fn insert(
    db: &Connection,
    network: &NetworkId,
    address: IpAddr,
    endpoint: Option<&EndpointId>,
) -> Result<(), StoreError> {
    run(
        db,
        "insert into lease (network_id, address, endpoint_id) values (?, ?, ?)",
        (network.as_str(), to_blob(address), endpoint.map(EndpointId::as_str)),
    )?;
    Ok(())
}

/// The 16 bytes of an address: it sorts as the addresses do.
pub(super) fn to_blob(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// The address of 16 bytes.
pub(super) fn from_blob(bytes: [u8; 16]) -> IpAddr {
    Ipv6Addr::from(bytes).to_canonical()
}
