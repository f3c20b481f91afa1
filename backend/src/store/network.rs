//! Networks and their subnets.

use super::{
    Connection, StoreError,
    sql::{all, first, from_json, from_word, parsed, parsed_or_null, run, to_json},
};
use drawbridge_api::{Gateway, IfName, Macvlan, Network, NetworkId, NetworkName, Subnet};
use ipnet::IpNet;
use rusqlite::{Row, params};

/// Inserts a network that `change_id` is adding.
///
/// # Errors
/// `Conflict` when its name or bridge is taken.
pub fn insert(db: &Connection, network: &Network, change_id: i64) -> Result<(), StoreError> {
    run(
        db,
        "insert into network (network_id, name, driver, bridge, parent, macvlan_mode, ipv4, ipv6, inhibit_ipv4, internal,
                              icc, masquerade, mode4, mode6, source4, source6, mtu, attachable, options, ipam_options,
                              labels, predefined, settings, settings_of, created_at_ms, phase, change_id)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'adding', ?)",
        params![
            network.id.as_str(),
            network.name.as_str(),
            network.driver.as_str(),
            network.bridge.as_ref().map(IfName::as_str),
            network.macvlan.as_ref().map(|macvlan| macvlan.parent.as_str()),
            network.macvlan.as_ref().map(|macvlan| macvlan.mode.as_str()),
            network.ipv4,
            network.ipv6,
            network.inhibit_ipv4,
            network.internal,
            network.icc,
            network.gateway4.masquerade,
            network.gateway4.mode.as_str(),
            network.gateway6.mode.as_str(),
            network.gateway4.source.map(|address| address.to_string()),
            network.gateway6.source.map(|address| address.to_string()),
            network.mtu,
            network.attachable,
            to_json("options", &network.options)?,
            to_json("ipam_options", &network.ipam_options)?,
            to_json("labels", &network.labels)?,
            network.predefined,
            network.settings,
            network.settings_of.as_ref().map(NetworkName::as_str),
            network.created_at_ms,
            change_id,
        ],
    )?;
    for (position, subnet) in (0_i64..).zip(&network.subnets) {
        run(
            db,
            "insert into subnet (network_id, position, subnet, gateway, ip_range, reserved, lease_from)
             values (?, ?, ?, ?, ?, ?, ?)",
            (
                network.id.as_str(),
                position,
                subnet.subnet.to_string(),
                subnet.gateway.to_string(),
                subnet.ip_range.map(|range| range.to_string()),
                to_json("reserved", &subnet.reserved)?,
                subnet.subnet.network().to_string(),
            ),
        )?;
    }
    Ok(())
}

/// Marks a network as going with `change_id`.
///
/// # Errors
/// When SQLite fails.
pub fn mark_removing(db: &Connection, id: &NetworkId, change_id: i64) -> Result<(), StoreError> {
    run(db, "update network set phase = 'removing', change_id = ? where network_id = ?", (change_id, id.as_str()))?;
    Ok(())
}

/// All networks that are there or coming, oldest first.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn list(db: &Connection) -> Result<Vec<Network>, StoreError> {
    all(db, "select * from network where phase <> 'removing' order by created_at_ms, rowid", [], |row| read(db, row))
}

/// The network of an id.
///
/// # Errors
/// When SQLite fails or the row can't be read.
pub fn get(db: &Connection, id: &NetworkId) -> Result<Option<Network>, StoreError> {
    first(db, "select * from network where network_id = ?", [id.as_str()], |row| read(db, row))
}

/// The network of a name, whatever its phase.
///
/// # Errors
/// When SQLite fails or the row can't be read.
pub fn by_name(db: &Connection, name: &NetworkName) -> Result<Option<Network>, StoreError> {
    first(db, "select * from network where name = ?", [name.as_str()], |row| read(db, row))
}

/// The ids that a text can mean, in Docker's order: the full id, else the exact name, else every id that begins so.
///
/// # Errors
/// When SQLite fails.
pub fn resolve(db: &Connection, text: &str) -> Result<Vec<NetworkId>, StoreError> {
    let id = |row: &Row<'_>| parsed(row, "network_id");
    for exact in [
        "select network_id from network where phase <> 'removing' and network_id = ?",
        "select network_id from network where phase <> 'removing' and name = ?",
    ] {
        let found = all(db, exact, [text], id)?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    if text.is_empty() {
        return Ok(Vec::new());
    }
    all(
        db,
        "select network_id from network where phase <> 'removing' and network_id >= ?1 and network_id < ?1 || 'g'
         limit 9",
        [text],
        id,
    )
}

/// The internal networks that are bridges, as a member's address tells them.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn internal(db: &Connection) -> Result<Vec<InternalNetwork>, StoreError> {
    let sql = "select network_id, bridge from network where internal and bridge is not null";
    all(db, sql, [], |row| {
        let id: String = row.get("network_id")?;
        let subnets = all(db, "select subnet from subnet where network_id = ?", [&id], |row| parsed(row, "subnet"))?;
        Ok(InternalNetwork { bridge: parsed_or_null(row, "bridge")?, subnets })
    })
}

/// What an internal network is told by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InternalNetwork {
    /// Its bridge.
    pub bridge: Option<IfName>,
    /// Its ranges.
    pub subnets: Vec<IpNet>,
}

/// Every range in use, with the name of its network; those still being removed count.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn ranges(db: &Connection) -> Result<Vec<(IpNet, NetworkName)>, StoreError> {
    all(db, "select subnet.subnet, network.name from subnet join network using (network_id)", [], |row| {
        Ok((parsed(row, "subnet")?, parsed(row, "name")?))
    })
}

/// How packets of one family leave and come in.
pub(super) fn gateway(row: &Row<'_>, mode: &'static str, source: &'static str) -> Result<Gateway, StoreError> {
    Ok(Gateway {
        mode: from_word(row, mode)?,
        masquerade: row.get("masquerade")?,
        source: parsed_or_null(row, source)?,
    })
}

fn read(db: &Connection, row: &Row<'_>) -> Result<Network, StoreError> {
    let id: NetworkId = parsed(row, "network_id")?;
    let subnets = all(db, "select * from subnet where network_id = ? order by position", [id.as_str()], |row| {
        Ok(Subnet {
            subnet: parsed(row, "subnet")?,
            gateway: parsed(row, "gateway")?,
            ip_range: parsed_or_null(row, "ip_range")?,
            reserved: from_json(row, "reserved")?,
        })
    })?;
    let macvlan = match parsed_or_null(row, "parent")? {
        Some(parent) => Some(Macvlan { parent, mode: from_word(row, "macvlan_mode")? }),
        None => None,
    };
    Ok(Network {
        id,
        name: parsed(row, "name")?,
        driver: from_word(row, "driver")?,
        bridge: parsed_or_null(row, "bridge")?,
        macvlan,
        ipv4: row.get("ipv4")?,
        ipv6: row.get("ipv6")?,
        subnets,
        inhibit_ipv4: row.get("inhibit_ipv4")?,
        internal: row.get("internal")?,
        icc: row.get("icc")?,
        gateway4: gateway(row, "mode4", "source4")?,
        gateway6: gateway(row, "mode6", "source6")?,
        mtu: row.get("mtu")?,
        attachable: row.get("attachable")?,
        options: from_json(row, "options")?,
        ipam_options: from_json(row, "ipam_options")?,
        labels: from_json(row, "labels")?,
        predefined: row.get("predefined")?,
        settings: row.get("settings")?,
        settings_of: parsed_or_null(row, "settings_of")?,
        created_at_ms: row.get("created_at_ms")?,
    })
}
