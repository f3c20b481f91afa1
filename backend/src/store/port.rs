//! Published ports: which port of the host leads to which port of a container, from the container's start to its end.

use super::{
    Connection, StoreError,
    sql::{all, first, parsed, run},
};
use drawbridge_api::{ContainerId, EndpointId, HostPort, PublishedPort};
use rusqlite::Row;

/// Inserts a port that `change_id` is publishing.
///
/// # Errors
/// `Conflict` when the port of the host is published already.
pub fn insert(db: &Connection, endpoint: &EndpointId, port: &PublishedPort, change_id: i64) -> Result<(), StoreError> {
    let PublishedPort { host, container_port } = port;
    run(
        db,
        "insert into published_port (endpoint_id, host_address, protocol, host_port, container_port, phase, change_id)
         values (?, ?, ?, ?, ?, 'adding', ?)",
        (endpoint.as_str(), host.address.to_string(), host.protocol.as_str(), host.port, container_port, change_id),
    )?;
    Ok(())
}

/// Marks a port as going with `change_id`.
///
/// # Errors
/// When SQLite fails.
pub fn mark_removing(
    db: &Connection,
    endpoint: &EndpointId,
    port: &PublishedPort,
    change_id: i64,
) -> Result<(), StoreError> {
    let PublishedPort { host, container_port } = port;
    run(
        db,
        "update published_port set phase = 'removing', change_id = ?
         where endpoint_id = ? and host_address = ? and protocol = ? and host_port = ? and container_port = ?",
        (change_id, endpoint.as_str(), host.address.to_string(), host.protocol.as_str(), host.port, container_port),
    )?;
    Ok(())
}

/// The ports of an endpoint that are there or coming, in the order of host address, protocol and port.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn of_endpoint(db: &Connection, endpoint: &EndpointId) -> Result<Vec<PublishedPort>, StoreError> {
    all(
        db,
        "select * from published_port where endpoint_id = ? and phase <> 'removing'
         order by host_address, protocol, host_port, container_port",
        [endpoint.as_str()],
        read,
    )
}

/// The ports of a container that are there or coming, in the same order.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn of_container(db: &Connection, container: &ContainerId) -> Result<Vec<PublishedPort>, StoreError> {
    all(
        db,
        "select published_port.* from published_port join endpoint using (endpoint_id)
         where endpoint.container_id = ? and published_port.phase <> 'removing'
         order by host_address, protocol, host_port, container_port",
        [container.as_str()],
        read,
    )
}

/// All ports with their containers, in the same order.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn list(db: &Connection) -> Result<Vec<(ContainerId, PublishedPort)>, StoreError> {
    all(
        db,
        "select published_port.*, endpoint.container_id from published_port join endpoint using (endpoint_id)
         where published_port.phase <> 'removing' order by host_address, protocol, host_port, container_port",
        [],
        |row| Ok((parsed(row, "container_id")?, read(row)?)),
    )
}

/// The container that has a port of the host, or one that overlaps it: every address of a family overlaps each of them.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn holder(db: &Connection, host: &HostPort) -> Result<Option<ContainerId>, StoreError> {
    let any = if host.address.is_ipv4() { "0.0.0.0" } else { "::" };
    first(
        db,
        "select endpoint.container_id from published_port join endpoint using (endpoint_id)
         where protocol = ?1 and host_port = ?2
           and (host_address = ?3 or host_address = ?4 or (?3 = ?4 and (instr(host_address, ':') > 0) = (instr(?4, ':') > 0)))
         limit 1",
        (host.protocol.as_str(), host.port, host.address.to_string(), any),
        |row| parsed(row, "container_id"),
    )
}

fn read(row: &Row<'_>) -> Result<PublishedPort, StoreError> {
    Ok(PublishedPort {
        host: HostPort {
            address: parsed(row, "host_address")?,
            protocol: parsed(row, "protocol")?,
            port: row.get("host_port")?,
        },
        container_port: row.get("container_port")?,
    })
}
