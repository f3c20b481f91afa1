//! The files of a container's `/etc` that the daemon writes: what it is called, who its neighbours are, and whom it asks. They are
//! written when it starts, and when its networks change while it runs. The runtime knows where they are.

use super::{Daemon, OpError};
use crate::{
    dns::{
        resolv_conf::{Families, Overrides, ResolvConf, Surroundings},
        table::Naming,
    },
    model::{ContainerRecord, NamingSpec},
    store::{Connection, names, network},
};
use drawbridge_api::NetworkMode;
use std::{fs, net::IpAddr};

/// What every container's `/etc/hosts` begins with (moby, libnetwork/etchosts).
const LOCALHOST: &str = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\n\
                         ff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n";

/// The texts of the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Etc {
    /// `/etc/hosts`
    pub(super) hosts: String,
    /// `/etc/resolv.conf`
    pub(super) resolv_conf: String,
}

/// What a container's files say, by its rows as they are now. Those of the host are read, some kilobytes.
///
/// # Errors
/// When the store fails.
pub(super) fn files(daemon: &Daemon, record: &ContainerRecord) -> Result<Etc, OpError> {
    let db = daemon.engine.store.read()?;
    let spec = &record.spec.naming;
    let extra = extra_lines(&db, spec)?;
    // There may be none, on a host that asks nobody.
    let host = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let asked = Overrides { servers: &spec.dns_servers, search: &spec.dns_search, options: &spec.dns_options };
    if record.spec.network_mode == NetworkMode::Host {
        let hosts = match extra.as_str() {
            "" => fs::read_to_string("/etc/hosts").unwrap_or_default(),
            extra => format!("{LOCALHOST}{extra}"),
        };
        let resolv_conf = if asked.is_empty() { host } else { ResolvConf::parse(&host).for_host_mode(asked) };
        return Ok(Etc { hosts, resolv_conf });
    }
    let memberships = names::memberships(&db, Some(&record.id))?.into_iter().flat_map(|(_, all)| all);
    let mut place = Surroundings { naming: Naming::AddressesOnly, family: Families::Ipv4 };
    let mut addresses = Vec::new();
    for membership in memberships {
        if membership.naming == Naming::Names {
            place.naming = Naming::Names;
        }
        if membership.addresses.iter().any(IpAddr::is_ipv6) {
            place.family = Families::WithIpv6;
        }
        addresses.extend(membership.addresses);
    }
    Ok(Etc {
        hosts: format!("{LOCALHOST}{extra}{}", lines(&addresses, &own_names(record))),
        resolv_conf: ResolvConf::parse(&host).for_container(asked, place),
    })
}

/// What a container is called in its own `/etc/hosts`: whole, and without the domain.
fn own_names(record: &ContainerRecord) -> String {
    let whole = full_hostname(record, record.id.short());
    match whole.split_once('.') {
        Some((short, _)) => format!("{whole} {short}"),
        None => whole,
    }
}

/// A container's name for itself with its domain; `otherwise` where none was asked for.
pub(super) fn full_hostname(record: &ContainerRecord, otherwise: &str) -> String {
    let hostname = record.spec.hostname.as_deref().unwrap_or(otherwise);
    match record.spec.naming.domainname.as_str() {
        "" => hostname.to_owned(),
        domain => format!("{hostname}.{domain}"),
    }
}

/// The lines that were asked for. The host is reached at the default network's gateway, by each family that it has.
fn extra_lines(db: &Connection, spec: &NamingSpec) -> Result<String, OpError> {
    let mut text = String::new();
    for host in &spec.extra_hosts {
        let addresses = match host.address {
            Some(address) => vec![address],
            None => host_gateways(db)?,
        };
        text.push_str(&lines(&addresses, &host.name));
    }
    Ok(text)
}

fn host_gateways(db: &Connection) -> Result<Vec<IpAddr>, OpError> {
    let networks = network::list(db)?;
    let default = networks.into_iter().find(|network| network.predefined && network.bridge.is_some());
    Ok(default.map(|network| network.subnets.iter().map(|subnet| subnet.gateway).collect()).unwrap_or_default())
}

fn lines(addresses: &[IpAddr], names: &str) -> String {
    addresses.iter().map(|address| format!("{address}\t{names}\n")).collect()
}
