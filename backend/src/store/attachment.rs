//! Attachments: the networks that a container is to be in whenever it runs, from its making to its removal.

use super::{
    Connection, StoreError,
    lease::{self, from_blob, to_blob},
    sql::{Columns, all, first, from_json, listed, parsed, parsed_or_null, run, to_json},
};
use drawbridge_api::{Attachment, ContainerId, NetworkId, NetworkName};
use rusqlite::params;
use std::net::IpAddr;

/// Inserts an attachment after those that the container has.
///
/// # Errors
/// `Conflict` when the container is attached to that network already.
pub fn insert(db: &Connection, container: &ContainerId, attachment: &Attachment) -> Result<(), StoreError> {
    run(
        db,
        "insert into attachment (container_id, network, position, aliases, address4, address6, link_local, mac,
                                 gateway_priority, links, options)
         values (?1, ?2, (select coalesce(max(position), -1) + 1 from attachment where container_id = ?1),
                 ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            container.as_str(),
            attachment.network.as_str(),
            to_json("aliases", &attachment.aliases)?,
            attachment.address4.map(|address| to_blob(address.into())),
            attachment.address6.map(|address| to_blob(address.into())),
            to_json("link_local", &attachment.link_local)?,
            attachment.mac.map(|mac| mac.to_string()),
            attachment.gateway_priority,
            to_json("links", &attachment.links)?,
            to_json("options", &attachment.options)?,
        ],
    )?;
    Ok(())
}

/// Takes an attachment away. Whether there was one.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn delete(db: &Connection, container: &ContainerId, network: &NetworkName) -> Result<bool, StoreError> {
    let Some(attachment) = of_container(db, container)?.into_iter().find(|known| known.network == *network) else {
        return Ok(false);
    };
    run(db, "delete from attachment where container_id = ? and network = ?", (container.as_str(), network.as_str()))?;
    free(db, &attachment)?;
    Ok(true)
}

/// Lets the addresses that a container asks for be found by searches again; its attachments are about to go with it.
pub(super) fn free_all(db: &Connection, container: &ContainerId) -> Result<(), StoreError> {
    of_container(db, container)?.iter().try_for_each(|attachment| free(db, attachment))
}

fn free(db: &Connection, attachment: &Attachment) -> Result<(), StoreError> {
    let Attachment { network, address4, address6, .. } = attachment;
    let addresses = address4.map(IpAddr::V4).into_iter().chain(address6.map(IpAddr::V6));
    for address in addresses {
        let id = first(db, "select network_id from network where name = ?", [network.as_str()], |row| {
            parsed::<NetworkId>(row, "network_id")
        })?;
        if let Some(id) = id {
            lease::search_from(db, &id, address)?;
        }
    }
    Ok(())
}

/// A container's attachments in the order of its interfaces.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn of_container(db: &Connection, container: &ContainerId) -> Result<Vec<Attachment>, StoreError> {
    all(db, "select * from attachment where container_id = ? order by position", [container.as_str()], |row| read(row))
}

/// All attachments with their containers, of each in the order of its interfaces.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn list(db: &Connection) -> Result<Vec<(ContainerId, Attachment)>, StoreError> {
    listed(db, "select * from attachment order by container_id, position", [], |row| {
        Ok((parsed(row, "container_id")?, read(row)?))
    })
}

/// Those of [`list`] that are of containers which run, or are about to be started again.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn list_up(db: &Connection) -> Result<Vec<(ContainerId, Attachment)>, StoreError> {
    listed(
        db,
        "select attachment.* from attachment join container using (container_id)
         where state = 'running' or restart_at_ms is not null order by container_id, position",
        [],
        |row| Ok((parsed(row, "container_id")?, read(row)?)),
    )
}

fn read(row: &impl Columns) -> Result<Attachment, StoreError> {
    let address4: Option<[u8; 16]> = row.plain("address4")?;
    let address6: Option<[u8; 16]> = row.plain("address6")?;
    let four = |address| match from_blob(address) {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    };
    Ok(Attachment {
        network: parsed(row, "network")?,
        aliases: from_json(row, "aliases")?,
        address4: address4.and_then(four),
        address6: address6.map(Into::into),
        link_local: from_json(row, "link_local")?,
        mac: parsed_or_null(row, "mac")?,
        gateway_priority: row.plain("gateway_priority")?,
        links: from_json(row, "links")?,
        options: from_json(row, "options")?,
    })
}
