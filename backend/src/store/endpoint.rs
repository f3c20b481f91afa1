//! A container's namespace and its endpoints: what it has in the kernel from start to stop.

use super::{Connection, StoreError, lease, parse};
use drawbridge_api::{ContainerId, Endpoint, EndpointId, NetworkId, NsName};

#[derive(sqlx::FromRow)]
struct Row {
    endpoint_id: String,
    container_id: String,
    network_id: String,
    network: String,
    host_end: String,
    interface: String,
    mac: String,
    address: String,
    gateway: Option<String>,
}

/// Inserts the namespace that `change_id` is adding.
///
/// # Errors
/// `Conflict` when the container has one already: it is running, or just being started or stopped.
pub async fn insert_namespace(
    db: &mut Connection,
    container: &ContainerId,
    name: &NsName,
    change_id: i64,
) -> Result<(), StoreError> {
    sqlx::query("insert into namespace (container_id, name, phase, change_id) values (?, ?, 'adding', ?)")
        .bind(container.as_str())
        .bind(name.as_str())
        .bind(change_id)
        .execute(db)
        .await?;
    Ok(())
}

/// Inserts an endpoint that `change_id` is adding.
///
/// # Errors
/// `Conflict` when the container is in that network already.
pub async fn insert(
    db: &mut Connection,
    container: &ContainerId,
    endpoint: &Endpoint,
    change_id: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into endpoint (endpoint_id, container_id, network_id, host_end, interface, mac, address, gateway,
                               phase, change_id)
         values (?, ?, ?, ?, ?, ?, ?, ?, 'adding', ?)",
    )
    .bind(endpoint.id.as_str())
    .bind(container.as_str())
    .bind(endpoint.network_id.as_str())
    .bind(endpoint.host_end.as_str())
    .bind(endpoint.interface.as_str())
    .bind(endpoint.mac.to_string())
    .bind(endpoint.address.to_string())
    .bind(endpoint.gateway.map(|gateway| gateway.to_string()))
    .bind(change_id)
    .execute(&mut *db)
    .await?;
    lease::take(db, &endpoint.network_id, endpoint.address.addr(), &endpoint.id).await
}

/// Marks a container's namespace and endpoints as going with `change_id`.
///
/// # Errors
/// When SQLite fails.
pub async fn mark_removing(db: &mut Connection, container: &ContainerId, change_id: i64) -> Result<(), StoreError> {
    for sql in [
        "update namespace set phase = 'removing', change_id = ? where container_id = ?",
        "update endpoint set phase = 'removing', change_id = ? where container_id = ?",
    ] {
        sqlx::query(sql).bind(change_id).bind(container.as_str()).execute(&mut *db).await?;
    }
    Ok(())
}

/// A container's namespace, whatever its phase.
///
/// # Errors
/// When SQLite fails.
pub async fn namespace(db: &mut Connection, container: &ContainerId) -> Result<Option<NsName>, StoreError> {
    let name: Option<String> = sqlx::query_scalar("select name from namespace where container_id = ?")
        .bind(container.as_str())
        .fetch_optional(db)
        .await?;
    name.map(|name| parse("namespace", &name)).transpose()
}

/// All namespaces with their containers, whatever their phase.
///
/// # Errors
/// When SQLite fails.
pub async fn namespaces(db: &mut Connection) -> Result<Vec<(ContainerId, NsName)>, StoreError> {
    let rows: Vec<(String, String)> = sqlx::query_as("select container_id, name from namespace").fetch_all(db).await?;
    rows.iter().map(|(id, name)| Ok((parse("container_id", id)?, parse("namespace", name)?))).collect()
}

/// A container's endpoints in the order of their interfaces, whatever their phase.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub async fn of_container(db: &mut Connection, container: &ContainerId) -> Result<Vec<Endpoint>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "select endpoint.*, network.name as network from endpoint join network using (network_id)
         where container_id = ? order by interface",
    )
    .bind(container.as_str())
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| Ok(endpoint(row)?.1)).collect()
}

/// A network's endpoints with their containers, whatever their phase.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub async fn of_network(db: &mut Connection, network: &NetworkId) -> Result<Vec<(ContainerId, Endpoint)>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "select endpoint.*, network.name as network from endpoint join network using (network_id)
         where network_id = ? order by container_id",
    )
    .bind(network.as_str())
    .fetch_all(db)
    .await?;
    rows.into_iter().map(endpoint).collect()
}

/// All endpoints with their containers, whatever their phase.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub async fn list(db: &mut Connection) -> Result<Vec<(ContainerId, Endpoint)>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "select endpoint.*, network.name as network from endpoint join network using (network_id) order by interface",
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(endpoint).collect()
}

fn endpoint(row: Row) -> Result<(ContainerId, Endpoint), StoreError> {
    Ok((
        parse("container_id", &row.container_id)?,
        Endpoint {
            id: parse::<EndpointId>("endpoint_id", &row.endpoint_id)?,
            network_id: parse("network_id", &row.network_id)?,
            network: parse("network name", &row.network)?,
            host_end: parse("host_end", &row.host_end)?,
            interface: parse("interface", &row.interface)?,
            mac: parse("mac", &row.mac)?,
            address: parse("address", &row.address)?,
            gateway: row.gateway.as_deref().map(|gateway| parse("gateway", gateway)).transpose()?,
        },
    ))
}
