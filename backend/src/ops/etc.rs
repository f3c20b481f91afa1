//! The files of a container's `/etc` that the daemon writes: what it is called, who its neighbours are, and whom it asks. They are
//! written when it starts, and when its networks change while it runs. The runtime knows where they are.

use super::{Daemon, OpError, linking};
use crate::{
    dns::{
        resolv_conf::{Families, Overrides, ResolvConf, Surroundings},
        table::Naming,
    },
    model::{ContainerRecord, NamingSpec},
    store::{Connection, names, network},
};
use drawbridge_api::NetworkMode;
use std::{collections::HashSet, fs, net::IpAddr};
use tokio::task::block_in_place;

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
    // Whether those run that it links to is looked at before a start.
    let linked = linking::linked(&db, record).map(|linked| linking::host_lines(&linked)).unwrap_or_default();
    Ok(Etc {
        hosts: format!("{LOCALHOST}{extra}{linked}{}", lines(&addresses, &own_names(record))),
        resolv_conf: ResolvConf::parse(&host).for_container(asked, place),
    })
}

/// Writes the files of a running container anew, after its networks have changed: its own lines of `/etc/hosts`, and
/// `/etc/resolv.conf` unless somebody has changed it since it was last written.
///
/// # Errors
/// When the store fails or a file can't be written.
pub(super) fn rewrite(daemon: &Daemon, record: &ContainerRecord, gone: &[IpAddr]) -> Result<(), OpError> {
    block_in_place(|| {
        let present: Vec<IpAddr> = {
            let db = daemon.engine.store.read()?;
            let memberships = names::memberships(&db, Some(&record.id))?.into_iter().flat_map(|(_, all)| all);
            memberships.flat_map(|membership| membership.addresses).collect()
        };
        let Etc { resolv_conf, .. } = files(daemon, record)?;
        let edit = |hosts: &str| with_own_lines(hosts, &own_names(record), gone, &present);
        Ok(daemon.runtime.rewrite_etc(&record.id, edit, &resolv_conf)?)
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

/// `/etc/hosts` without the container's own lines for addresses that are gone, and with lines for those that have come; what
/// else is in it stays.
fn with_own_lines(hosts: &str, own: &str, gone: &[IpAddr], present: &[IpAddr]) -> String {
    let own_line = |address: &IpAddr| format!("{address}\t{own}");
    let gone: HashSet<String> = gone.iter().filter(|address| !present.contains(address)).map(own_line).collect();
    let mut kept: Vec<String> = hosts.lines().filter(|line| !gone.contains(*line)).map(str::to_owned).collect();
    for line in present.iter().map(own_line) {
        if !kept.contains(&line) {
            kept.push(line);
        }
    }
    kept.iter().map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_lines_come_and_go_and_the_rest_stays() {
        let addresses = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpAddr>>();
        let (one, two) = (addresses(&["172.18.0.2"]), addresses(&["172.19.0.2"]));
        let before = "127.0.0.1\tlocalhost\n10.0.0.1\tby-hand\n172.18.0.2\tbox\n";
        let both = with_own_lines(before, "box", &[], &[one.clone(), two.clone()].concat());
        assert_eq!(both, format!("{before}172.19.0.2\tbox\n"));
        assert_eq!(with_own_lines(&both, "box", &two, &one), before);
        assert_eq!(with_own_lines(before, "other", &one, &[]), before, "not a line of its own");
        assert_eq!(with_own_lines(before, "box", &one, &one), before, "left and joined again");
    }
}
