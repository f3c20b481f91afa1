//! Leases: which addresses of a network are taken. A lease goes with its endpoint's row, never earlier, so an address
//! is free for the next one only when the kernel has let go of it.

use super::{Connection, StoreError, parse};
use drawbridge_api::{EndpointId, NetworkId};
use drawbridge_plan::alloc::lowest_free;
use ipnet::{IpNet, Ipv4Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Takes the bridge's own address.
///
/// # Errors
/// `Conflict` when it is taken.
pub async fn reserve_gateway(db: &mut Connection, network: &NetworkId, gateway: IpAddr) -> Result<(), StoreError> {
    insert(db, network, gateway, None).await
}

/// Takes an address for an endpoint, whose row must be there.
///
/// # Errors
/// `Conflict` when it is taken.
pub async fn take(
    db: &mut Connection,
    network: &NetworkId,
    address: IpAddr,
    endpoint: &EndpointId,
) -> Result<(), StoreError> {
    insert(db, network, address, Some(endpoint)).await
}

/// The lowest free address of a network's IPv4 range, with the range's prefix length; none when it is full or there is
/// no such range. Remembers how far the range is full, so that the next search begins there.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub async fn next_free(db: &mut Connection, network: &NetworkId) -> Result<Option<Ipv4Net>, StoreError> {
    let row: Option<(String, String)> = sqlx::query_as(
        "select subnet, lease_from from subnet where network_id = ? and instr(subnet, ':') = 0 order by subnet limit 1",
    )
    .bind(network.as_str())
    .fetch_optional(&mut *db)
    .await?;
    let Some((subnet, from)) = row else { return Ok(None) };
    let subnet: Ipv4Net = parse("subnet", &subnet)?;
    let mut from: Ipv4Addr = parse("lease_from", &from)?;
    let address = loop {
        // A page at a time: the first gap is nearly always in the first page.
        const PAGE: usize = 64;
        let taken: Vec<Vec<u8>> = sqlx::query_scalar(
            "select address from lease where network_id = ? and address >= ? order by address limit 64",
        )
        .bind(network.as_str())
        .bind(to_blob(from.into()))
        .fetch_all(&mut *db)
        .await?;
        let taken: Vec<Ipv4Addr> = taken.iter().filter_map(|blob| from_blob(blob)).collect();
        let Some(free) = lowest_free(subnet, from, taken.iter().copied()) else { return Ok(None) };
        if taken.len() < PAGE || taken.last().is_none_or(|last| free < *last) {
            break free;
        }
        from = free;
    };
    sqlx::query("update subnet set lease_from = ? where network_id = ? and subnet = ?")
        .bind(address.to_string())
        .bind(network.as_str())
        .bind(subnet.to_string())
        .execute(db)
        .await?;
    Ok(Some(Ipv4Net::new_assert(address, subnet.prefix_len())))
}

/// Lets the search for free addresses begin no higher than `address`, which is about to be free.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub async fn search_from(db: &mut Connection, network: &NetworkId, address: IpNet) -> Result<(), StoreError> {
    let IpAddr::V4(address) = address.addr() else { return Ok(()) };
    let row: Option<(String, String)> = sqlx::query_as(
        "select subnet, lease_from from subnet where network_id = ? and instr(subnet, ':') = 0 order by subnet limit 1",
    )
    .bind(network.as_str())
    .fetch_optional(&mut *db)
    .await?;
    let Some((subnet, from)) = row else { return Ok(()) };
    if address < parse::<Ipv4Addr>("lease_from", &from)? {
        sqlx::query("update subnet set lease_from = ? where network_id = ? and subnet = ?")
            .bind(address.to_string())
            .bind(network.as_str())
            .bind(subnet)
            .execute(db)
            .await?;
    }
    Ok(())
}

async fn insert(
    db: &mut Connection,
    network: &NetworkId,
    address: IpAddr,
    endpoint: Option<&EndpointId>,
) -> Result<(), StoreError> {
    sqlx::query("insert into lease (network_id, address, endpoint_id) values (?, ?, ?)")
        .bind(network.as_str())
        .bind(to_blob(address))
        .bind(endpoint.map(EndpointId::as_str))
        .execute(db)
        .await?;
    Ok(())
}

fn to_blob(address: IpAddr) -> Vec<u8> {
    let address = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    address.octets().to_vec()
}

fn from_blob(blob: &[u8]) -> Option<Ipv4Addr> {
    let octets: [u8; 16] = blob.try_into().ok()?;
    Ipv6Addr::from(octets).to_ipv4_mapped()
}
