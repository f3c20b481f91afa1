//! What containers are called in the networks that they are in, and how they ask for the names of others.

use super::{
    Connection, StoreError,
    sql::{all, from_json, parsed, parsed_or_null},
};
use crate::{
    dns::{
        Asker, Membership,
        question::BareNames,
        resolv_conf,
        table::{Link, Naming, WayOut},
    },
    model::ContainerSpec,
};
use drawbridge_api::{ContainerId, ContainerName};
use ipnet::IpNet;
use rusqlite::{Row, params_from_iter};

/// What running containers, or one of them, take part in, by container and in the order of their interfaces.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn memberships(
    db: &Connection,
    container: Option<&ContainerId>,
) -> Result<Vec<(ContainerId, Vec<Membership>)>, StoreError> {
    let mut sql = "select endpoint.container_id, container.name, endpoint.network_id, network.name as network,
                          network.predefined, network.internal, endpoint.address4, endpoint.address6,
                          coalesce(attachment.aliases, '[]') as aliases, coalesce(attachment.links, '[]') as links
                   from endpoint join network using (network_id) join container using (container_id)
                        left join attachment on attachment.container_id = endpoint.container_id
                                                and attachment.network = network.name
                   where endpoint.phase <> 'removing'"
        .to_owned();
    if container.is_some() {
        sql.push_str(" and endpoint.container_id = ?");
    }
    sql.push_str(" order by endpoint.container_id, endpoint.rowid");
    let rows = all(db, &sql, params_from_iter(container.map(ContainerId::as_str)), |row| membership(db, row))?;
    let mut grouped: Vec<(ContainerId, Vec<Membership>)> = Vec::new();
    for (id, membership) in rows {
        match grouped.last_mut() {
            Some((last, memberships)) if *last == id => memberships.push(membership),
            _ => grouped.push((id, vec![membership])),
        }
    }
    Ok(grouped)
}

fn membership(db: &Connection, row: &Row<'_>) -> Result<(ContainerId, Membership), StoreError> {
    let id: ContainerId = parsed(row, "container_id")?;
    let name: ContainerName = parsed(row, "name")?;
    let network: String = row.get("network_id")?;
    let addresses: [Option<IpNet>; 2] = [parsed_or_null(row, "address4")?, parsed_or_null(row, "address6")?];
    let subnets = all(db, "select subnet from subnet where network_id = ?", [&network], |row| parsed(row, "subnet"))?;
    let aliases: Vec<String> = from_json(row, "aliases")?;
    let links: Vec<String> = from_json(row, "links")?;
    let names = [name.to_string()].into_iter().chain(aliases).chain([id.short().to_owned()]);
    let membership = Membership {
        network: parsed(row, "network_id")?,
        network_name: row.get("network")?,
        naming: if row.get("predefined")? { Naming::AddressesOnly } else { Naming::Names },
        way_out: if row.get("internal")? { WayOut::Closed } else { WayOut::Open },
        subnets,
        names: names.collect(),
        // `container:alias`; without an alias, the container's own name.
        links: links
            .iter()
            .map(|link| link.split_once(':').unwrap_or((link, link)))
            .map(|(target, alias)| Link { alias: alias.to_owned(), target: target.to_owned() })
            .collect(),
        addresses: addresses.iter().flatten().map(IpNet::addr).collect(),
    };
    Ok((id, membership))
}

/// Who asks in which namespace: of all containers on a network with names, or of one.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn askers(db: &Connection, container: Option<&ContainerId>) -> Result<Vec<Asker>, StoreError> {
    let mut sql = "select namespace.container_id, namespace.name, container.spec
                   from namespace join container using (container_id)
                   where namespace.phase <> 'removing' and exists (
                       select 1 from endpoint join network using (network_id)
                       where endpoint.container_id = namespace.container_id and endpoint.phase <> 'removing'
                             and not network.predefined)"
        .to_owned();
    if container.is_some() {
        sql.push_str(" and namespace.container_id = ?");
    }
    all(db, &sql, params_from_iter(container.map(ContainerId::as_str)), |row| {
        let spec: ContainerSpec = from_json(row, "spec")?;
        // Asked for, and more than none: a bare name is then completed by who asks.
        let completed = resolv_conf::ndots(&spec.naming.dns_options).is_some_and(|dots| dots > 0);
        Ok(Asker {
            container: parsed(row, "container_id")?,
            namespace: parsed(row, "name")?,
            servers: spec.naming.dns_servers,
            bare_names: if completed { BareNames::Completed } else { BareNames::Forwarded },
        })
    })
}
