//! What the rows want from the kernel: those that are live or being added.

use super::{
    Connection, StoreError, network, port,
    sql::{all, from_json, from_word, parsed, parsed_or_null},
    sysctl,
};
use drawbridge_api::{GatewayMode, IfName};
use drawbridge_plan::{
    BridgeNetwork, Candidate, Desired, MacvlanEndpoint, Namespace, Resolver, Scope, VethEndpoint, outlets,
};
use ipnet::IpNet;
use rusqlite::params_from_iter;
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// The network option that names the interfaces which it trusts.
const TRUSTED_OPTION: &str = "com.docker.network.bridge.trusted_host_interfaces";

/// Loads what is wanted within `scope`. No scope but the two widest reads more than one network or container.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn load(db: &Connection, scope: &Scope) -> Result<Desired, StoreError> {
    Ok(match scope {
        Scope::Everything | Scope::Tables => {
            Desired { tables: true, sysctls: sysctl::needed(db)?, networks: networks(db, None)?, ..plugged(db, None)? }
        }
        Scope::Network { id, .. } => {
            Desired { sysctls: sysctl::needed(db)?, networks: networks(db, Some(id.as_str()))?, ..Desired::default() }
        }
        Scope::Container { id, .. } => plugged(db, Some(id.as_str()))?,
    })
}

/// What all containers, or one of them, want.
fn plugged(db: &Connection, container: Option<&str>) -> Result<Desired, StoreError> {
    let mut desired =
        Desired { namespaces: namespaces(db, container)?, resolvers: resolvers(db, container)?, ..Desired::default() };
    for plug in plugs(db, container)? {
        match plug {
            Plug::Veth(endpoint) => desired.endpoints.push(endpoint),
            Plug::Macvlan(endpoint) => desired.macvlans.push(endpoint),
        }
    }
    Ok(desired)
}

/// The bridge networks, or one of them.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn networks(db: &Connection, id: Option<&str>) -> Result<Vec<BridgeNetwork>, StoreError> {
    let mut sql = "select * from network where driver = 'bridge' and phase <> 'removing'".to_owned();
    if id.is_some() {
        sql.push_str(" and network_id = ?");
    }
    all(db, &sql, params_from_iter(id), |row| bridge_network(db, row))
}

fn bridge_network(db: &Connection, row: &rusqlite::Row<'_>) -> Result<BridgeNetwork, StoreError> {
    let id: String = row.get("network_id")?;
    let mut addresses: Vec<IpNet> =
        all(db, "select subnet, gateway from subnet where network_id = ? order by position", [&id], |row| {
            let subnet: IpNet = parsed(row, "subnet")?;
            Ok(IpNet::new_assert(parsed(row, "gateway")?, subnet.prefix_len()))
        })?;
    let (gateway4, gateway6) = (network::gateway(row, "mode4", "source4")?, network::gateway(row, "mode6", "source6")?);
    let trusted = trusted(row)?;
    let inhibit_ipv4: bool = row.get("inhibit_ipv4")?;
    addresses.retain(|address| match address {
        // The host has no part in an isolated network.
        IpNet::V4(_) => gateway4.mode != GatewayMode::Isolated && !inhibit_ipv4,
        IpNet::V6(_) => gateway6.mode != GatewayMode::Isolated,
    });
    Ok(BridgeNetwork {
        id: parsed(row, "network_id")?,
        bridge: parsed(row, "bridge")?,
        mtu: row.get("mtu")?,
        addresses,
        internal: row.get("internal")?,
        icc: row.get("icc")?,
        trusted,
        gateway4,
        gateway6,
    })
}

/// The interfaces that a network trusts, by the option that Docker has for them. Colons part their names.
fn trusted(row: &rusqlite::Row<'_>) -> Result<Vec<IfName>, StoreError> {
    let options: BTreeMap<String, String> = from_json(row, "options")?;
    let names = options.get(TRUSTED_OPTION).map(String::as_str).unwrap_or_default().split(':');
    // They were looked at when the network was made.
    Ok(names.filter_map(|name| name.parse().ok()).collect())
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

/// Where names are answered: in the namespaces of all containers, or of one, that are on a network which is not always there.
fn resolvers(db: &Connection, container: Option<&str>) -> Result<Vec<Resolver>, StoreError> {
    let mut sql = "select distinct namespace.name, namespace.container_id
                   from namespace join endpoint using (container_id) join network using (network_id)
                   where namespace.phase <> 'removing' and endpoint.phase <> 'removing' and not network.predefined"
        .to_owned();
    if container.is_some() {
        sql.push_str(" and namespace.container_id = ?");
    }
    all(db, &sql, params_from_iter(container), |row| {
        Ok(Resolver { namespace: parsed(row, "name")?, container: parsed(row, "container_id")? })
    })
}

/// The endpoints of all containers, or of one, that are on bridges.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn endpoints(db: &Connection, container: Option<&str>) -> Result<Vec<VethEndpoint>, StoreError> {
    let veth = |plug| match plug {
        Plug::Veth(endpoint) => Some(endpoint),
        Plug::Macvlan(_) => None,
    };
    Ok(plugs(db, container)?.into_iter().filter_map(veth).collect())
}

/// An endpoint of one kind or the other.
#[derive(Clone)]
enum Plug {
    Veth(VethEndpoint),
    Macvlan(MacvlanEndpoint),
}

fn plugs(db: &Connection, container: Option<&str>) -> Result<Vec<Plug>, StoreError> {
    let mut sql =
        "select endpoint.endpoint_id, endpoint.container_id, endpoint.network_id, network.name, network.bridge,
                          network.parent, network.macvlan_mode, namespace.name as namespace, endpoint.host_end,
                          endpoint.interface, endpoint.mac, network.mtu, endpoint.address4, endpoint.address6,
                          endpoint.gateway4, endpoint.gateway6, endpoint.link_local, endpoint.gateway_priority,
                          network.icc, network.mode4, network.mode6, network.options,
                          exists (select 1 from json_each(container.spec, '$.settings.sysctls') as setting
                                  where setting.key in ('net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding')
                                    and trim(setting.value) = '1') as forwards
                   from endpoint join network using (network_id) join namespace using (container_id)
                                 join container using (container_id)
                   where endpoint.phase <> 'removing'"
            .to_owned();
    sql.push_str(match container {
        Some(_) => " and endpoint.container_id = ?",
        // Those of one container together.
        None => " order by endpoint.container_id",
    });
    let rows = all(db, &sql, params_from_iter(container), |row| Row::read(db, row))?;
    let mut plugs = Vec::with_capacity(rows.len());
    for rows in rows.chunk_by(|one, other| one.container == other.container) {
        // A namespace has one default route of each family.
        let candidates: Vec<Candidate<'_>> = rows.iter().map(Row::candidate).collect();
        let (four, six) = outlets(&candidates);
        for (position, row) in rows.iter().enumerate() {
            let gateway4 = row.gateway4.filter(|_| four == Some(position)).map(IpAddr::V4);
            let gateway6 = row.gateway6.filter(|_| six == Some(position)).map(IpAddr::V6);
            let gateways = gateway4.into_iter().chain(gateway6).collect();
            plugs.push(match row.plug.clone() {
                Plug::Veth(endpoint) => Plug::Veth(VethEndpoint { gateways, ..endpoint }),
                Plug::Macvlan(endpoint) => Plug::Macvlan(MacvlanEndpoint { gateways, ..endpoint }),
            });
        }
    }
    Ok(plugs)
}

/// An endpoint before it is known whether it leads out.
struct Row {
    plug: Plug,
    container: String,
    network: String,
    priority: i32,
    gateway4: Option<Ipv4Addr>,
    gateway6: Option<Ipv6Addr>,
}

impl Row {
    fn read(db: &Connection, row: &rusqlite::Row<'_>) -> Result<Row, StoreError> {
        let id = parsed(row, "endpoint_id")?;
        let address4: Option<IpNet> = parsed_or_null(row, "address4")?;
        let address6: Option<IpNet> = parsed_or_null(row, "address6")?;
        let addresses = address4.into_iter().chain(address6).collect();
        let link_local = from_json(row, "link_local")?;
        let plug = match parsed_or_null(row, "parent")? {
            Some(parent) => Plug::Macvlan(MacvlanEndpoint {
                id,
                namespace: parsed(row, "namespace")?,
                interface: parsed(row, "interface")?,
                parent,
                mode: from_word(row, "macvlan_mode")?,
                mac: parsed(row, "mac")?,
                addresses,
                link_local,
                gateways: Vec::new(),
            }),
            None => Plug::Veth(VethEndpoint {
                ports: port::of_endpoint(db, &id)?,
                id,
                network: parsed(row, "network_id")?,
                bridge: parsed(row, "bridge")?,
                namespace: parsed(row, "namespace")?,
                host_end: parsed(row, "host_end")?,
                interface: parsed(row, "interface")?,
                mac: parsed(row, "mac")?,
                mtu: row.get("mtu")?,
                addresses,
                link_local,
                gateways: Vec::new(),
                icc: row.get("icc")?,
                trusting: !trusted(row)?.is_empty(),
                // Who asks for it means to have a router.
                forwards: row.get("forwards")?,
                mode4: from_word(row, "mode4")?,
                mode6: from_word(row, "mode6")?,
            }),
        };
        Ok(Row {
            plug,
            container: row.get("container_id")?,
            network: row.get("name")?,
            priority: row.get("gateway_priority")?,
            gateway4: parsed_or_null(row, "gateway4")?,
            gateway6: parsed_or_null(row, "gateway6")?,
        })
    }

    fn candidate(&self) -> Candidate<'_> {
        Candidate {
            priority: self.priority,
            network: &self.network,
            ipv4: self.gateway4.is_some(),
            ipv6: self.gateway6.is_some(),
        }
    }
}
