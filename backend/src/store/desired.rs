//! What the rows want from the kernel: those that are live or being added.

use super::{
    Connection, StoreError,
    sql::{all, parsed, parsed_or_null, value},
    sysctl,
};
use drawbridge_plan::{BridgeNetwork, Desired, Namespace, Scope, VethEndpoint};
use ipnet::{IpNet, Ipv4Net};
use rusqlite::{Row, params_from_iter};

/// Loads what is wanted within `scope`. The table is every network's, so a network's scope reads them all; no scope but
/// `Everything` reads all containers.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn load(db: &Connection, scope: &Scope) -> Result<Desired, StoreError> {
    // An absent container selects every row.
    let (container, with_networks, with_containers) = match scope {
        Scope::Everything => (None, true, true),
        Scope::Network { .. } => (None, true, false),
        Scope::Container { id, .. } => (Some(id.as_str()), false, true),
    };
    let mut desired = Desired::default();
    if with_networks {
        desired.sysctls = sysctl::needed(db)?;
        desired.networks = networks(db)?;
        desired.table = value(db, "select exists (select 1 from network where phase <> 'removing')", [])?;
    }
    if with_containers {
        desired.namespaces = namespaces(db, container)?;
        desired.endpoints = endpoints(db, container)?;
    }
    Ok(desired)
}

fn networks(db: &Connection) -> Result<Vec<BridgeNetwork>, StoreError> {
    all(
        db,
        "select network_id, bridge, mtu, internal, masquerade from network
         where driver = 'bridge' and phase <> 'removing'",
        [],
        |row| network(db, row),
    )
}

fn network(db: &Connection, row: &Row<'_>) -> Result<BridgeNetwork, StoreError> {
    let internal: bool = row.get("internal")?;
    let with_masquerade: bool = row.get("masquerade")?;
    let mut network = BridgeNetwork {
        id: parsed(row, "network_id")?,
        bridge: parsed(row, "bridge")?,
        mtu: row.get("mtu")?,
        addresses: Vec::new(),
        masquerade: Vec::new(),
        internal,
    };
    let subnets: Vec<(IpNet, _)> = all(
        db,
        "select subnet, gateway from subnet where network_id = ? order by subnet",
        [network.id.as_str()],
        |row| Ok((parsed(row, "subnet")?, parsed(row, "gateway")?)),
    )?;
    for (subnet, gateway) in subnets {
        network.addresses.push(IpNet::new_assert(gateway, subnet.prefix_len()));
        if let (IpNet::V4(range), true) = (subnet, with_masquerade && !internal) {
            network.masquerade.push(Ipv4Net::trunc(&range));
        }
    }
    Ok(network)
}

fn namespaces(db: &Connection, container: Option<&str>) -> Result<Vec<Namespace>, StoreError> {
    let sql = match container {
        None => "select name, container_id from namespace where phase <> 'removing'",
        Some(_) => "select name, container_id from namespace where phase <> 'removing' and container_id = ?",
    };
    all(db, sql, params_from_iter(container), |row| {
        Ok(Namespace { name: parsed(row, "name")?, container: parsed(row, "container_id")? })
    })
}

fn endpoints(db: &Connection, container: Option<&str>) -> Result<Vec<VethEndpoint>, StoreError> {
    let mut sql = "select endpoint.endpoint_id, endpoint.network_id, network.bridge, namespace.name as namespace,
                          endpoint.host_end, endpoint.interface, endpoint.mac, network.mtu, endpoint.address,
                          endpoint.gateway
                   from endpoint join network using (network_id) join namespace using (container_id)
                   where endpoint.phase <> 'removing'"
        .to_owned();
    if container.is_some() {
        sql.push_str(" and endpoint.container_id = ?");
    }
    all(db, &sql, params_from_iter(container), |row| {
        Ok(VethEndpoint {
            id: parsed(row, "endpoint_id")?,
            network: parsed(row, "network_id")?,
            bridge: parsed(row, "bridge")?,
            namespace: parsed(row, "namespace")?,
            host_end: parsed(row, "host_end")?,
            interface: parsed(row, "interface")?,
            mac: parsed(row, "mac")?,
            mtu: row.get("mtu")?,
            address: parsed(row, "address")?,
            gateway: parsed_or_null(row, "gateway")?,
        })
    })
}
