//! Links on the default network, where there are no names: a container finds another by a line of its hosts file, and by
//! variables of its environment. Which ones there are follows Docker 28 (moby, daemon/links).

use super::{Daemon, OpError, image, lookup, process, publish};
use crate::{
    model::{ContainerRecord, NewLink},
    store::{
        Connection, container as containers, endpoint,
        link::{self, HostLink},
        network,
    },
};
use drawbridge_api::{ContainerId, ContainerName, ContainerState, NetworkMode, Protocol};
use std::{collections::HashMap, net::IpAddr};

/// Writes the links that a container asks for.
///
/// # Errors
/// `Invalid` when the other isn't there, has no namespace of its own to be found in, or a name is given twice.
pub(super) fn insert(db: &Connection, container: &ContainerId, asked: &[NewLink]) -> Result<(), OpError> {
    for NewLink { target, alias } in asked {
        let not_found = |error| OpError::Invalid(format!("could not get container for {target}: {error}"));
        let mut other = lookup::find_in(db, target).map_err(not_found)?;
        while let NetworkMode::Container(shared) = &other.spec.network_mode {
            other = lookup::find_in(db, shared.as_str()).map_err(not_found)?;
        }
        if other.spec.network_mode == NetworkMode::Host {
            return Err(OpError::Invalid(
                "conflicting options: host type networking can't be used with links. This would result in undefined \
                 behavior"
                    .into(),
            ));
        }
        let link = HostLink { container: container.clone(), alias: alias.clone(), target: other.id };
        if link::of_container(db, container)?.iter().any(|known| known.alias == *alias) {
            return Err(OpError::Invalid(format!("the name {alias} is given to two containers; choose another")));
        }
        link::insert(db, &link)?;
    }
    Ok(())
}

/// Takes a link away; the running container's files keep its line until the next start.
///
/// # Errors
/// `Invalid` when there is no such link.
pub fn remove(daemon: &Daemon, text: &str, alias: &str) -> Result<(), OpError> {
    let record = lookup::find(daemon, text)?;
    if daemon.engine.write(|db| link::delete(db, &record.id, alias))? {
        return Ok(());
    }
    Err(OpError::Invalid(format!("container {} has no link {alias}; `docker inspect` shows those it has", record.name)))
}

/// The links of a container as inspect shows them: `/target:/container/alias`.
///
/// # Errors
/// When the store fails.
pub fn shown(daemon: &Daemon, record: &ContainerRecord) -> Result<Vec<String>, OpError> {
    let db = daemon.engine.store.read()?;
    let mut shown = Vec::new();
    for link in link::of_container(&db, &record.id)? {
        if let Some(target) = containers::get(&db, &link.target)? {
            shown.push(format!("/{}:{}", target.name, path(&record.name, &link.alias)));
        }
    }
    Ok(shown)
}

/// What others call each container that is linked to: `/web/db`.
///
/// # Errors
/// When the store fails.
pub fn names_of_all(daemon: &Daemon) -> Result<HashMap<ContainerId, Vec<String>>, OpError> {
    let mut names: HashMap<ContainerId, Vec<String>> = HashMap::new();
    for (target, holder, alias) in link::to_all(&*daemon.engine.store.read()?)? {
        names.entry(target).or_default().push(path(&holder, &alias));
    }
    Ok(names)
}

fn path(holder: &ContainerName, alias: &str) -> String {
    format!("/{holder}/{alias}")
}

/// A container that another calls by a name, as it runs.
pub(super) struct Linked {
    /// The name.
    alias: String,
    /// Who it is.
    target: ContainerRecord,
    /// Its addresses on the default network, IPv4 first.
    addresses: Vec<IpAddr>,
}

impl Linked {
    /// What its lines of the hosts file say: the alias, its host name and, where that is another one, its name.
    fn names(&self) -> String {
        let hostname = self.target.spec.hostname.as_deref().unwrap_or(self.target.id.short());
        let name = self.target.name.as_str();
        let own = if self.alias == name { String::new() } else { format!(" {name}") };
        format!("{} {hostname}{own}", self.alias)
    }

    fn lines(&self) -> impl Iterator<Item = String> + '_ {
        self.addresses.iter().map(|address| format!("{address}\t{}\n", self.names()))
    }
}

/// Those that a container links to.
///
/// # Errors
/// `State` when one of them does not run, or has no address on the default network.
pub(super) fn linked(db: &Connection, record: &ContainerRecord) -> Result<Vec<Linked>, OpError> {
    let mut linked = Vec::new();
    for HostLink { alias, target, .. } in link::of_container(db, &record.id)? {
        let Some(target) = containers::get(db, &target)? else { continue };
        if target.state != ContainerState::Running {
            return Err(OpError::State(format!(
                "Cannot link to a non running container: /{} AS {}; start it first",
                target.name,
                path(&record.name, &alias)
            )));
        }
        let addresses = addresses(db, &target.id)?;
        if addresses.is_empty() {
            return Err(OpError::State(format!(
                "Cannot link to /{}, as it does not belong to the default network",
                target.name
            )));
        }
        linked.push(Linked { alias, target, addresses });
    }
    Ok(linked)
}

fn addresses(db: &Connection, id: &ContainerId) -> Result<Vec<IpAddr>, OpError> {
    let default = network::list(db)?.into_iter().find(|network| network.predefined && network.bridge.is_some());
    let endpoints = endpoint::of_container(db, id)?;
    let on_default = endpoints.iter().find(|endpoint| default.as_ref().is_some_and(|it| it.id == endpoint.network_id));
    let addresses = on_default.map(|endpoint| endpoint.addresses()).unwrap_or_default();
    Ok(addresses.iter().map(|address| address.addr()).collect())
}

/// The lines of a container's hosts file for those that it links to.
pub(super) fn host_lines(linked: &[Linked]) -> String {
    linked.iter().flat_map(Linked::lines).collect()
}

/// Tells those that run and link to a container, which has just got its addresses, where it is now.
///
/// # Errors
/// When the store fails or a file can't be written.
pub(super) fn tell_parents(daemon: &Daemon, target: &ContainerRecord) -> Result<(), OpError> {
    let (links, addresses) = {
        let db = daemon.engine.store.read()?;
        let links = link::to_container(&db, &target.id)?;
        if links.is_empty() {
            return Ok(());
        }
        (links, addresses(&db, &target.id)?)
    };
    for HostLink { container, alias, .. } in links {
        let parent = lookup::get(daemon, &container)?;
        if parent.state == ContainerState::Running {
            let linked = Linked { alias, target: target.clone(), addresses: addresses.clone() };
            daemon.runtime.edit_hosts(&parent.id, |hosts| with_lines(hosts, &linked))?;
        }
    }
    Ok(())
}

/// A hosts file in which the lines of one name are those of a container.
fn with_lines(hosts: &str, linked: &Linked) -> String {
    let is_other = |line: &&str| line.split_whitespace().nth(1) != Some(&linked.alias);
    let kept = hosts.lines().filter(is_other).map(|line| format!("{line}\n"));
    kept.chain(linked.lines()).collect()
}

/// The variables that tell a container of those that it links to: where each listens, and what its own variables are.
///
/// # Errors
/// When the store fails.
pub(super) fn environment(
    daemon: &Daemon,
    record: &ContainerRecord,
    linked: &[Linked],
) -> Result<Vec<String>, OpError> {
    let mut all = Vec::new();
    for other in linked {
        let defaults = process::image_defaults(&image::find(daemon, other.target.image_id.as_str())?)?;
        let exposed = other.target.spec.exposed_ports.iter().chain(&defaults.exposed_ports);
        let ports = exposed.map(|text| publish::exposed(text)).collect::<Result<Vec<_>, _>>()?;
        let own = process::configured_environment(&other.target.spec, &defaults);
        all.extend(variables(&path(&record.name, &other.alias), &other.alias, other.addresses[0], ports, &own));
    }
    Ok(all)
}

/// As [`environment`]; nothing where one that it links to has ended since.
pub(super) fn known_environment(daemon: &Daemon, record: &ContainerRecord) -> Vec<String> {
    let known = || environment(daemon, record, &linked(&*daemon.engine.store.read()?, record)?);
    known().unwrap_or_default()
}

fn variables(path: &str, alias: &str, at: IpAddr, mut ports: Vec<(u16, Protocol)>, own: &[String]) -> Vec<String> {
    let prefix = alias.to_uppercase().replace('-', "_");
    // TCP comes first.
    ports.sort_by_key(|(port, protocol)| (*protocol != Protocol::Tcp, protocol.as_str(), *port));
    ports.dedup();
    let url = |port: u16, protocol: Protocol| format!("{protocol}://{at}:{port}");
    let mut variables = Vec::new();
    if let Some((port, protocol)) = ports.first() {
        variables.push(format!("{prefix}_PORT={}", url(*port, *protocol)));
    }
    for run in ports.chunk_by(|one, next| one.1 == next.1 && next.0 == one.0 + 1) {
        let of = |port: u16, protocol: Protocol| format!("{prefix}_PORT_{port}_{}", protocol.as_str().to_uppercase());
        for (port, protocol) in run {
            let name = of(*port, *protocol);
            variables.extend([
                format!("{name}={}", url(*port, *protocol)),
                format!("{name}_ADDR={at}"),
                format!("{name}_PORT={port}"),
                format!("{name}_PROTO={protocol}"),
            ]);
        }
        if let [(start, protocol), .., (end, _)] = run {
            let name = of(*start, *protocol);
            variables.extend([
                format!("{name}_START={}", url(*start, *protocol)),
                format!("{name}_PORT_START={start}"),
                format!("{name}_END={}", url(*end, *protocol)),
                format!("{name}_PORT_END={end}"),
            ]);
        }
    }
    variables.push(format!("{prefix}_NAME={path}"));
    for (name, value) in own.iter().filter_map(|entry| entry.split_once('=')) {
        // Every image has these, and they say nothing of who is linked to.
        if name != "HOME" && name != "PATH" {
            variables.push(format!("{prefix}_ENV_{name}={value}"));
        }
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_those_of_docker_28() {
        let at = "172.17.0.2".parse().unwrap();
        let ports = vec![(53, Protocol::Udp), (6380, Protocol::Tcp), (6379, Protocol::Tcp), (80, Protocol::Tcp)];
        let own = ["PATH=/bin".to_owned(), "MODE=fast".to_owned()];
        let found = variables("/web/my-db", "my-db", at, ports, &own);
        let expected = "MY_DB_PORT=tcp://172.17.0.2:80
            MY_DB_PORT_80_TCP=tcp://172.17.0.2:80
            MY_DB_PORT_80_TCP_ADDR=172.17.0.2
            MY_DB_PORT_80_TCP_PORT=80
            MY_DB_PORT_80_TCP_PROTO=tcp
            MY_DB_PORT_6379_TCP=tcp://172.17.0.2:6379
            MY_DB_PORT_6379_TCP_ADDR=172.17.0.2
            MY_DB_PORT_6379_TCP_PORT=6379
            MY_DB_PORT_6379_TCP_PROTO=tcp
            MY_DB_PORT_6380_TCP=tcp://172.17.0.2:6380
            MY_DB_PORT_6380_TCP_ADDR=172.17.0.2
            MY_DB_PORT_6380_TCP_PORT=6380
            MY_DB_PORT_6380_TCP_PROTO=tcp
            MY_DB_PORT_6379_TCP_START=tcp://172.17.0.2:6379
            MY_DB_PORT_6379_TCP_PORT_START=6379
            MY_DB_PORT_6379_TCP_END=tcp://172.17.0.2:6380
            MY_DB_PORT_6379_TCP_PORT_END=6380
            MY_DB_PORT_53_UDP=udp://172.17.0.2:53
            MY_DB_PORT_53_UDP_ADDR=172.17.0.2
            MY_DB_PORT_53_UDP_PORT=53
            MY_DB_PORT_53_UDP_PROTO=udp
            MY_DB_NAME=/web/my-db
            MY_DB_ENV_MODE=fast";
        assert_eq!(found, expected.lines().map(str::trim).collect::<Vec<_>>());
    }
}
