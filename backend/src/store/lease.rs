//! Leases: which addresses of a network are taken. A lease goes with its endpoint's row, never earlier, so an address
//! is free for the next one only when the kernel has let go of it.

use super::{
    Connection, StoreError,
    sql::{all, first, parsed, run},
};
use drawbridge_api::{EndpointId, NetworkId};
use drawbridge_plan::alloc::lowest_free;
use ipnet::{IpNet, Ipv4Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Takes the bridge's own address.
///
/// # Errors
/// `Conflict` when it is taken.
pub fn reserve_gateway(db: &Connection, network: &NetworkId, gateway: IpAddr) -> Result<(), StoreError> {
    insert(db, network, gateway, None)
}

/// Takes an address for an endpoint, whose row must be there.
///
/// # Errors
/// `Conflict` when it is taken.
pub fn take(db: &Connection, network: &NetworkId, address: IpAddr, endpoint: &EndpointId) -> Result<(), StoreError> {
    insert(db, network, address, Some(endpoint))
}

/// The lowest free address of a network's IPv4 range, with the range's prefix length; none when it is full or there is
/// no such range. Remembers how far the range is full, so that the next search begins there.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn next_free(db: &Connection, network: &NetworkId) -> Result<Option<Ipv4Net>, StoreError> {
    let Some((subnet, begin)) = search(db, network)? else { return Ok(None) };
    let mut from = begin;
    let address = loop {
        // A page at a time: the first gap is nearly always in the first page.
        const PAGE: usize = 64;
        let taken: Vec<[u8; 16]> = all(
            db,
            "select address from lease where network_id = ? and address >= ? order by address limit 64",
            (network.as_str(), to_blob(from.into())),
            |row| Ok(row.get("address")?),
        )?;
        let taken: Vec<Ipv4Addr> = taken.iter().filter_map(|blob| Ipv6Addr::from(*blob).to_ipv4_mapped()).collect();
        let Some(free) = lowest_free(subnet, from, taken.iter().copied()) else { return Ok(None) };
        if taken.len() < PAGE || taken.last().is_none_or(|last| free < *last) {
            break free;
        }
        from = free;
    };
    if address != begin {
        set_search(db, network, subnet, address)?;
    }
    Ok(Some(Ipv4Net::new_assert(address, subnet.prefix_len())))
}

/// Lets the search for free addresses begin no higher than `address`, which is about to be free.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub(super) fn search_from(db: &Connection, network: &NetworkId, address: IpNet) -> Result<(), StoreError> {
    let IpAddr::V4(address) = address.addr() else { return Ok(()) };
    match search(db, network)? {
        Some((subnet, from)) if address < from => set_search(db, network, subnet, address),
        Some(_) | None => Ok(()),
    }
}

/// A network's IPv4 range, and where the search for a free address in it begins.
fn search(db: &Connection, network: &NetworkId) -> Result<Option<(Ipv4Net, Ipv4Addr)>, StoreError> {
    first(
        db,
        "select subnet, lease_from from subnet where network_id = ? and instr(subnet, ':') = 0 order by subnet limit 1",
        [network.as_str()],
        |row| Ok((parsed(row, "subnet")?, parsed(row, "lease_from")?)),
    )
}

fn set_search(db: &Connection, network: &NetworkId, subnet: Ipv4Net, from: Ipv4Addr) -> Result<(), StoreError> {
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

fn to_blob(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}
