//! What the rows want from the kernel: those that are live or being added.

use super::{Connection, StoreError, parse, sysctl};
use drawbridge_plan::{BridgeNetwork, Desired, Namespace, Scope, VethEndpoint};
use ipnet::{IpNet, Ipv4Net};
use sqlx::QueryBuilder;

#[derive(sqlx::FromRow)]
struct NetworkRow {
    network_id: String,
    bridge: String,
    mtu: u32,
    internal: bool,
    masquerade: bool,
}

#[derive(sqlx::FromRow)]
struct EndpointRow {
    endpoint_id: String,
    network_id: String,
    bridge: String,
    namespace: String,
    host_end: String,
    interface: String,
    mac: String,
    mtu: u32,
    address: String,
    gateway: Option<String>,
}

/// Loads what is wanted within `scope`. The table is every network's, so a network's scope reads them all; no scope but
/// `Everything` reads all containers.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub async fn load(db: &mut Connection, scope: &Scope) -> Result<Desired, StoreError> {
    // An absent container selects every row.
    let (container, with_networks, with_containers) = match scope {
        Scope::Everything => (None, true, true),
        Scope::Network { .. } => (None, true, false),
        Scope::Container { id, .. } => (Some(id.as_str()), false, true),
    };
    let mut desired = Desired::default();
    if with_networks {
        desired.sysctls = sysctl::needed(db).await?;
        desired.networks = networks(db).await?;
        desired.table = sqlx::query_scalar("select exists (select 1 from network where phase <> 'removing')")
            .fetch_one(&mut *db)
            .await?;
    }
    if with_containers {
        desired.namespaces = namespaces(db, container).await?;
        desired.endpoints = endpoints(db, container).await?;
    }
    Ok(desired)
}

async fn networks(db: &mut Connection) -> Result<Vec<BridgeNetwork>, StoreError> {
    let rows: Vec<NetworkRow> = sqlx::query_as(
        "select network_id, bridge, mtu, internal, masquerade from network
         where driver = 'bridge' and phase <> 'removing'",
    )
    .fetch_all(&mut *db)
    .await?;
    let mut networks = Vec::with_capacity(rows.len());
    for row in rows {
        let subnets: Vec<(String, String)> =
            sqlx::query_as("select subnet, gateway from subnet where network_id = ? order by subnet")
                .bind(&row.network_id)
                .fetch_all(&mut *db)
                .await?;
        let mut addresses = Vec::new();
        let mut masquerade = Vec::new();
        for (subnet, gateway) in &subnets {
            let subnet: IpNet = parse("subnet", subnet)?;
            addresses.push(IpNet::new_assert(parse("gateway", gateway)?, subnet.prefix_len()));
            if let (IpNet::V4(range), true) = (subnet, row.masquerade && !row.internal) {
                masquerade.push(Ipv4Net::trunc(&range));
            }
        }
        networks.push(BridgeNetwork {
            id: parse("network_id", &row.network_id)?,
            bridge: parse("bridge", &row.bridge)?,
            mtu: row.mtu,
            addresses,
            masquerade,
            internal: row.internal,
        });
    }
    Ok(networks)
}

async fn namespaces(db: &mut Connection, container: Option<&str>) -> Result<Vec<Namespace>, StoreError> {
    let mut query = QueryBuilder::new("select name, container_id from namespace where phase <> 'removing'");
    if let Some(container) = container {
        query.push(" and container_id = ").push_bind(container);
    }
    let rows: Vec<(String, String)> = query.build_query_as().fetch_all(db).await?;
    rows.iter()
        .map(|(name, id)| Ok(Namespace { name: parse("namespace", name)?, container: parse("container_id", id)? }))
        .collect()
}

async fn endpoints(db: &mut Connection, container: Option<&str>) -> Result<Vec<VethEndpoint>, StoreError> {
    let mut query = QueryBuilder::new(
        "select endpoint.endpoint_id, endpoint.network_id, network.bridge, namespace.name as namespace,
                endpoint.host_end, endpoint.interface, endpoint.mac, network.mtu, endpoint.address, endpoint.gateway
         from endpoint join network using (network_id) join namespace using (container_id)
         where endpoint.phase <> 'removing'",
    );
    if let Some(container) = container {
        query.push(" and endpoint.container_id = ").push_bind(container);
    }
    let rows: Vec<EndpointRow> = query.build_query_as().fetch_all(db).await?;
    rows.into_iter()
        .map(|row| {
            Ok(VethEndpoint {
                id: parse("endpoint_id", &row.endpoint_id)?,
                network: parse("network_id", &row.network_id)?,
                bridge: parse("bridge", &row.bridge)?,
                namespace: parse("namespace", &row.namespace)?,
                host_end: parse("host_end", &row.host_end)?,
                interface: parse("interface", &row.interface)?,
                mac: parse("mac", &row.mac)?,
                mtu: row.mtu,
                address: parse("address", &row.address)?,
                gateway: row.gateway.as_deref().map(|gateway| parse("gateway", gateway)).transpose()?,
            })
        })
        .collect()
}
