//! Networks and their subnets.

use super::{Connection, StoreError, from_json, from_word, parse, to_json};
use crate::model::Masquerade;
use drawbridge_api::{IfName, Network, NetworkId, NetworkName, Subnet};
use ipnet::IpNet;

#[derive(sqlx::FromRow)]
struct Row {
    network_id: String,
    name: String,
    driver: String,
    bridge: Option<String>,
    internal: bool,
    mtu: u32,
    options: String,
    labels: String,
    predefined: bool,
    created_at_ms: i64,
}

/// Inserts a network that `change_id` is adding.
///
/// # Errors
/// `Conflict` when its name or bridge is taken.
pub async fn insert(
    db: &mut Connection,
    network: &Network,
    masquerade: Masquerade,
    change_id: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into network (network_id, name, driver, bridge, internal, masquerade, mtu, options, labels,
                              predefined, created_at_ms, phase, change_id)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'adding', ?)",
    )
    .bind(network.id.as_str())
    .bind(network.name.as_str())
    .bind(network.driver.as_str())
    .bind(network.bridge.as_ref().map(IfName::as_str))
    .bind(network.internal)
    .bind(masquerade == Masquerade::Yes)
    .bind(network.mtu)
    .bind(to_json("options", &network.options)?)
    .bind(to_json("labels", &network.labels)?)
    .bind(network.predefined)
    .bind(network.created_at_ms)
    .bind(change_id)
    .execute(&mut *db)
    .await?;
    for subnet in &network.subnets {
        sqlx::query("insert into subnet (network_id, subnet, gateway, lease_from) values (?, ?, ?, ?)")
            .bind(network.id.as_str())
            .bind(subnet.subnet.to_string())
            .bind(subnet.gateway.to_string())
            .bind(subnet.subnet.network().to_string())
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

/// Marks a network as going with `change_id`.
///
/// # Errors
/// When SQLite fails.
pub async fn mark_removing(db: &mut Connection, id: &NetworkId, change_id: i64) -> Result<(), StoreError> {
    sqlx::query("update network set phase = 'removing', change_id = ? where network_id = ?")
        .bind(change_id)
        .bind(id.as_str())
        .execute(db)
        .await?;
    Ok(())
}

/// All networks that are there or coming, oldest first.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub async fn list(db: &mut Connection) -> Result<Vec<Network>, StoreError> {
    let rows: Vec<Row> =
        sqlx::query_as("select * from network where phase <> 'removing' order by created_at_ms, rowid")
            .fetch_all(&mut *db)
            .await?;
    let mut networks = Vec::with_capacity(rows.len());
    for row in rows {
        networks.push(complete(db, row).await?);
    }
    Ok(networks)
}

/// The network of an id.
///
/// # Errors
/// When SQLite fails or the row can't be read.
pub async fn get(db: &mut Connection, id: &NetworkId) -> Result<Option<Network>, StoreError> {
    let row: Option<Row> =
        sqlx::query_as("select * from network where network_id = ?").bind(id.as_str()).fetch_optional(&mut *db).await?;
    match row {
        Some(row) => Ok(Some(complete(db, row).await?)),
        None => Ok(None),
    }
}

/// The ids that a text can mean, in Docker's order: the full id, else the exact name, else every id that begins so.
///
/// # Errors
/// When SQLite fails.
pub async fn resolve(db: &mut Connection, text: &str) -> Result<Vec<NetworkId>, StoreError> {
    let exact: Vec<String> = sqlx::query_scalar(
        "select network_id from network where phase <> 'removing' and (network_id = ?1 or name = ?1)
         order by network_id = ?1 desc limit 1",
    )
    .bind(text)
    .fetch_all(&mut *db)
    .await?;
    let found = if exact.is_empty() && !text.is_empty() {
        sqlx::query_scalar(
            "select network_id from network where phase <> 'removing' and network_id >= ?1 and network_id < ?1 || 'g'
             limit 9",
        )
        .bind(text)
        .fetch_all(&mut *db)
        .await?
    } else {
        exact
    };
    found.iter().map(|id| parse("network_id", id)).collect()
}

/// Every range in use, with the name of its network; those still being removed count.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub async fn ranges(db: &mut Connection) -> Result<Vec<(IpNet, NetworkName)>, StoreError> {
    let rows: Vec<(String, String)> =
        sqlx::query_as("select subnet.subnet, network.name from subnet join network using (network_id)")
            .fetch_all(db)
            .await?;
    rows.iter().map(|(subnet, name)| Ok((parse("subnet", subnet)?, parse("network name", name)?))).collect()
}

async fn complete(db: &mut Connection, row: Row) -> Result<Network, StoreError> {
    let subnets: Vec<(String, String)> =
        sqlx::query_as("select subnet, gateway from subnet where network_id = ? order by instr(subnet, ':'), subnet")
            .bind(&row.network_id)
            .fetch_all(db)
            .await?;
    Ok(Network {
        id: parse("network_id", &row.network_id)?,
        name: parse("network name", &row.name)?,
        driver: from_word("driver", &row.driver)?,
        bridge: row.bridge.as_deref().map(|bridge| parse("bridge", bridge)).transpose()?,
        subnets: subnets
            .iter()
            .map(|(subnet, gateway)| {
                Ok(Subnet { subnet: parse("subnet", subnet)?, gateway: parse("gateway", gateway)? })
            })
            .collect::<Result<_, StoreError>>()?,
        internal: row.internal,
        mtu: row.mtu,
        options: from_json("options", &row.options)?,
        labels: from_json("labels", &row.labels)?,
        predefined: row.predefined,
        created_at_ms: row.created_at_ms,
    })
}
