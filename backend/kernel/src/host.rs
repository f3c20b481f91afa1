//! The host as it is, ours and not ours: which names and ranges are taken, and how large a packet leaves it.

use crate::{address, error::KernelError, link, socket::Socket};
use ipnet::IpNet;
use std::{collections::HashMap, fs, net::IpAddr};

/// What a new network must keep clear of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostView {
    /// All links of the host.
    pub links: Vec<HostLink>,
    /// The destinations of the main table's routes, default routes left out.
    pub routes: Vec<IpNet>,
    /// The name servers of `/etc/resolv.conf` (resolv.conf(5)).
    pub nameservers: Vec<IpAddr>,
    /// The largest packet in bytes of the link that the IPv4 default route leaves by; none without such a route.
    pub default_route_mtu: Option<u32>,
}

/// A link of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostLink {
    /// Its name; a foreign one may break our rule for names.
    pub name: String,
    /// Its alias, which may be our mark.
    pub alias: Option<String>,
    /// Its global addresses.
    pub addresses: Vec<IpNet>,
}

/// Reads it.
pub(crate) fn read() -> Result<HostView, KernelError> {
    let mut socket = Socket::open()?;
    let links = link::list(&mut socket)?;
    let routes = address::list_routes(&mut socket)?;
    let mut addresses: HashMap<u32, Vec<IpNet>> = HashMap::new();
    for address in address::list(&mut socket, None)? {
        addresses.entry(address.index).or_default().push(address.address);
    }
    let default = routes.iter().find(|route| route.destination.prefix_len() == 0 && route.destination.addr().is_ipv4());
    let default = default.and_then(|route| links.iter().find(|link| Some(link.index) == route.index));
    Ok(HostView {
        default_route_mtu: default.map(|link| link.mtu),
        routes: routes
            .iter()
            .map(|route| route.destination)
            .filter(|destination| destination.prefix_len() > 0)
            .collect(),
        links: links
            .into_iter()
            .map(|link| HostLink {
                addresses: addresses.remove(&link.index).unwrap_or_default(),
                name: link.name,
                alias: link.alias,
            })
            .collect(),
        // A host without that file asks nobody.
        nameservers: nameservers(&fs::read_to_string("/etc/resolv.conf").unwrap_or_default()),
    })
}

fn nameservers(text: &str) -> Vec<IpAddr> {
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    // An IPv6 address may name the link that it is reached by: fe80::1%eth0.
    lines.filter_map(|rest| rest.trim().split(['%', ' ', '\t']).next()?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_are_read_as_resolv_conf_says() {
        let text = "# nameserver 9.9.9.9\nsearch lan\nnameserver 10.0.0.2\n nameserver\tfe80::1%eth0\nnameserver x\n";
        let expected: Vec<IpAddr> = ["10.0.0.2", "fe80::1"].map(|text| text.parse().expect("valid")).to_vec();
        assert_eq!(nameservers(text), expected);
    }
}
