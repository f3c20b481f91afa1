//! A container's namespace and its endpoints: what it has in the kernel from start to stop.

use super::{
    Connection, StoreError, lease,
    sql::{Columns, all, first, from_json, listed, parsed, parsed_or_null, run, to_json},
};
use drawbridge_api::{ContainerId, Endpoint, EndpointId, IfName, NetworkId, NsName};
use rusqlite::params;

/// Inserts the namespace that `change_id` is adding.
///
/// # Errors
/// `Conflict` when the container has one already: it is running, or just being started or stopped.
pub fn insert_namespace(
    db: &Connection,
    container: &ContainerId,
    name: &NsName,
    change_id: i64,
) -> Result<(), StoreError> {
    run(
        db,
        "insert into namespace (container_id, name, phase, change_id) values (?, ?, 'adding', ?)",
        (container.as_str(), name.as_str(), change_id),
    )?;
    Ok(())
}

/// Inserts an endpoint that `change_id` is adding.
///
/// # Errors
/// `Conflict` when the container is in that network already, or an address is taken.
pub fn insert(db: &Connection, container: &ContainerId, endpoint: &Endpoint, change_id: i64) -> Result<(), StoreError> {
    run(
        db,
        "insert into endpoint (endpoint_id, container_id, network_id, host_end, interface, mac, address4, address6,
                               gateway4, gateway6, link_local, gateway_priority, phase, change_id)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'adding', ?)",
        params![
            endpoint.id.as_str(),
            container.as_str(),
            endpoint.network_id.as_str(),
            endpoint.host_end.as_ref().map(IfName::as_str),
            endpoint.interface.as_str(),
            endpoint.mac.to_string(),
            endpoint.address4.map(|address| address.to_string()),
            endpoint.address6.map(|address| address.to_string()),
            endpoint.gateway4.map(|gateway| gateway.to_string()),
            endpoint.gateway6.map(|gateway| gateway.to_string()),
            to_json("link_local", &endpoint.link_local)?,
            endpoint.gateway_priority,
            change_id,
        ],
    )?;
    for address in endpoint.addresses() {
        lease::take(db, &endpoint.network_id, address.addr(), &endpoint.id)?;
    }
    Ok(())
}

/// Marks one endpoint and its published ports as going with `change_id`.
///
/// # Errors
/// When SQLite fails.
pub fn mark_one_removing(db: &Connection, endpoint: &EndpointId, change_id: i64) -> Result<(), StoreError> {
    for sql in [
        "update endpoint set phase = 'removing', change_id = ? where endpoint_id = ?",
        "update published_port set phase = 'removing', change_id = ? where endpoint_id = ?",
    ] {
        run(db, sql, (change_id, endpoint.as_str()))?;
    }
    Ok(())
}

/// Marks a container's namespace, endpoints and published ports as going with `change_id`.
///
/// # Errors
/// When SQLite fails.
pub fn mark_removing(db: &Connection, container: &ContainerId, change_id: i64) -> Result<(), StoreError> {
    for sql in [
        "update namespace set phase = 'removing', change_id = ? where container_id = ?",
        "update endpoint set phase = 'removing', change_id = ? where container_id = ?",
        "update published_port set phase = 'removing', change_id = ?
         where endpoint_id in (select endpoint_id from endpoint where container_id = ?)",
    ] {
        run(db, sql, (change_id, container.as_str()))?;
    }
    Ok(())
}

/// A container's namespace, whatever its phase.
///
/// # Errors
/// When SQLite fails.
pub fn namespace(db: &Connection, container: &ContainerId) -> Result<Option<NsName>, StoreError> {
    first(db, "select name from namespace where container_id = ?", [container.as_str()], |row| parsed(row, "name"))
}

/// All namespaces with their containers, whatever their phase.
///
/// # Errors
/// When SQLite fails.
pub fn namespaces(db: &Connection) -> Result<Vec<(ContainerId, NsName)>, StoreError> {
    all(db, "select container_id, name from namespace", [], |row| {
        Ok((parsed(row, "container_id")?, parsed(row, "name")?))
    })
}

/// A container's endpoints in the order in which they were made, whatever their phase.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn of_container(db: &Connection, container: &ContainerId) -> Result<Vec<Endpoint>, StoreError> {
    all(
        db,
        "select endpoint.*, network.name as network from endpoint join network using (network_id)
         where container_id = ? order by endpoint.rowid",
        [container.as_str()],
        |row| Ok(read(row)?.1),
    )
}

/// A network's endpoints with their containers, whatever their phase.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn of_network(db: &Connection, network: &NetworkId) -> Result<Vec<(ContainerId, Endpoint)>, StoreError> {
    all(
        db,
        "select endpoint.*, network.name as network from endpoint join network using (network_id)
         where network_id = ? order by container_id",
        [network.as_str()],
        |row| read(row),
    )
}

/// All endpoints with their containers, whatever their phase.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn list(db: &Connection) -> Result<Vec<(ContainerId, Endpoint)>, StoreError> {
    listed(
        db,
        "select endpoint.*, network.name as network from endpoint join network using (network_id) order by endpoint.rowid",
        [],
        |row| read(row),
    )
}

fn read(row: &impl Columns) -> Result<(ContainerId, Endpoint), StoreError> {
    Ok((
        parsed(row, "container_id")?,
        Endpoint {
            id: parsed(row, "endpoint_id")?,
            network_id: parsed(row, "network_id")?,
            network: parsed(row, "network")?,
            host_end: parsed_or_null(row, "host_end")?,
            interface: parsed(row, "interface")?,
            mac: parsed(row, "mac")?,
            address4: parsed_or_null(row, "address4")?,
            address6: parsed_or_null(row, "address6")?,
            gateway4: parsed_or_null(row, "gateway4")?,
            gateway6: parsed_or_null(row, "gateway6")?,
            link_local: from_json(row, "link_local")?,
            gateway_priority: row.plain("gateway_priority")?,
        },
    ))
}
