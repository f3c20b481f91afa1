//! The commands that show a thing to a person at a shell, as the inspector lists them. Pure. What a *plan* does is
//! explained by the daemon; these only look.

use crate::{
    i18n::inspector,
    ports::{nft_key, publishes},
    words,
};
use drawbridge_api::{Container, Endpoint, FoundLink, HostPort, Network, NetworkMode, PortRequest, PublishedPort};
use std::collections::BTreeSet;

/// As many published ports are looked up one by one; with more, their map is listed.
const PORTS_LOOKED_UP: usize = 2;

/// A command and what it shows.
pub type Look = (&'static str, String);

/// For the machine.
pub fn host() -> Vec<Look> {
    vec![
        (inspector::look_interfaces(), "ip -brief address".to_owned()),
        (inspector::look_routes(), "ip route".to_owned()),
        (inspector::look_namespaces(), "ip netns list".to_owned()),
        (inspector::look_bridges(), "ip -d link show type bridge".to_owned()),
        (inspector::look_table_inet(), "nft list table inet drawbridge".to_owned()),
        (inspector::look_table_bridge(), "nft list table bridge drawbridge".to_owned()),
        (inspector::look_every_port(), "nft list map inet drawbridge published4".to_owned()),
    ]
}

/// For a network; empty for `host` and `none`, which have no bridge.
pub fn network(network: &Network) -> Vec<Look> {
    let mut looks = Vec::new();
    if let Some(bridge) = &network.bridge {
        looks.extend([
            (inspector::look_bridge(), format!("ip -d link show {bridge}")),
            (inspector::look_bridge_address(), format!("ip address show {bridge}")),
            (inspector::look_bridge_ports(), format!("ip link show master {bridge}")),
            (inspector::look_fdb(), format!("bridge fdb show br {bridge}")),
            (inspector::look_bridge_route(), format!("ip route show dev {bridge}")),
            (inspector::look_sent(), format!("nft get element inet drawbridge sent '{{ \"{bridge}\" }}'")),
            (inspector::look_received(), format!("nft get element inet drawbridge received '{{ \"{bridge}\" }}'")),
        ]);
    }
    looks.push((inspector::look_docker(), format!("docker network inspect {}", network.name)));
    looks
}

/// For a link that others have made.
pub fn link(link: &FoundLink) -> Vec<Look> {
    let name = &link.name;
    let mut looks = vec![
        (inspector::look_link(), format!("ip -d link show {name}")),
        (inspector::look_addresses(), format!("ip address show {name}")),
    ];
    if link.kind == "bridge" {
        looks.push((inspector::look_ports(), format!("ip link show master {name}")));
        looks.push((inspector::look_fdb(), format!("bridge fdb show br {name}")));
    }
    looks
}

/// For a namespace that others have made.
pub fn namespace(name: &str) -> Vec<Look> {
    vec![
        (inspector::look_own_interfaces(), format!("ip netns exec {name} ip address")),
        (inspector::look_own_routes(), format!("ip netns exec {name} ip route")),
        (inspector::look_who(), format!("ip netns pids {name}")),
    ]
}

/// For a container: inside its namespace while it runs, what Docker keeps of it always.
pub fn container(container: &Container) -> Vec<Look> {
    let mut looks = Vec::new();
    if let Some(ns) = &container.namespace {
        looks.extend([
            (inspector::look_own_interfaces(), format!("nsenter --net=/run/netns/{ns} ip address")),
            (inspector::look_own_routes(), format!("nsenter --net=/run/netns/{ns} ip route")),
            (inspector::look_arp(), format!("nsenter --net=/run/netns/{ns} ip neighbour")),
        ]);
    }
    looks.extend(ports(&container.ports));
    if let Some(pid) = container.pid {
        looks.push((inspector::look_namespaces_of(), format!("ls -l /proc/{pid}/ns")));
        looks.push((inspector::look_inside(), format!("docker exec {} ip address", container.name)));
    }
    looks.push((inspector::look_another(), run(container)));
    looks.push((inspector::look_output(), format!("docker logs {}", container.name)));
    looks.push((inspector::look_docker(), format!("docker inspect {}", container.name)));
    looks
}

/// Where published ports lead, and what they have counted: nft's own words for it.
fn ports(ports: &[PublishedPort]) -> Vec<Look> {
    let hosts: BTreeSet<HostPort> = ports.iter().map(|port| port.host).collect();
    let keys: Vec<_> = hosts.iter().map(nft_key).collect();
    if keys.len() > PORTS_LOOKED_UP {
        let sets: BTreeSet<&str> = keys.iter().map(|(set, _)| *set).collect();
        return sets
            .into_iter()
            .flat_map(|set| {
                [
                    (inspector::look_ports_lead(), format!("nft list map inet drawbridge published{set}")),
                    (inspector::look_ports_counted(), format!("nft list set inet drawbridge counted{set}")),
                ]
            })
            .collect();
    }
    keys.into_iter()
        .flat_map(|(set, key)| {
            [
                (inspector::look_port_leads(), format!("nft get element inet drawbridge published{set} '{{ {key} }}'")),
                (inspector::look_port_counted(), format!("nft get element inet drawbridge counted{set} '{{ {key} }}'")),
            ]
        })
        .collect()
}

/// `-p 8080:80` for each, ranges as one.
pub fn flags(requests: &[PortRequest]) -> Vec<String> {
    publishes(requests).iter().flat_map(|publish| ["-p".to_owned(), publish.to_string()]).collect()
}

/// The command that makes such a container with Docker's own client.
fn run(container: &Container) -> String {
    let mut words = ["docker", "run", "-d"].map(str::to_owned).to_vec();
    if container.auto_remove {
        words.push("--rm".to_owned());
    }
    match &container.network_mode {
        // The default one needs no word.
        NetworkMode::Network(name) if name.as_str() == "bridge" => {}
        NetworkMode::Network(name) => words.extend(["--network".to_owned(), name.to_string()]),
        NetworkMode::Host => words.extend(["--network".to_owned(), "host".to_owned()]),
        NetworkMode::None => words.extend(["--network".to_owned(), "none".to_owned()]),
        NetworkMode::Container(other) => words.extend(["--network".to_owned(), format!("container:{other}")]),
    }
    for (name, value) in &container.labels {
        words.extend(["--label".to_owned(), format!("{name}={value}")]);
    }
    words.extend(flags(&container.port_requests));
    words.push(container.image.clone());
    words.extend_from_slice(&container.command);
    words::join(&words)
}

/// For a veth pair.
pub fn veth(container: &Container, outside: &str, endpoint: &Endpoint) -> Vec<Look> {
    let inside = &endpoint.interface;
    let mut looks = vec![
        (inspector::look_end_host(), format!("ip -d link show {outside}")),
        (inspector::look_counters(), format!("ip -s link show {outside}")),
    ];
    if let Some(ns) = &container.namespace {
        looks.push((inspector::look_end_inside(), format!("nsenter --net=/run/netns/{ns} ip -d link show {inside}")));
    }
    looks.push((inspector::look_packets(), format!("tcpdump -ni {outside}")));
    looks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use drawbridge_api::Driver;

    fn lines(looks: Vec<Look>) -> Vec<String> {
        looks.into_iter().map(|(_, command)| command).collect()
    }

    #[test]
    fn commands_name_the_kernel_objects() {
        assert!(lines(network(&sample::network(1))).contains(&"ip -d link show docker0".to_owned()));
        let running = sample::container(1, 1);
        assert!(lines(container(&running)).contains(&"nsenter --net=/run/netns/010101010101 ip address".to_owned()));
        assert_eq!(lines(veth(&running, "veth0000001", &running.endpoints[0]))[0], "ip -d link show veth0000001");
    }

    #[test]
    fn published_ports_are_found_in_nftables_and_in_docker() {
        let one = lines(container(&sample::publishing(sample::container(1, 1), 1)));
        assert!(one.contains(&"nft get element inet drawbridge published4 '{ tcp . 8000 }'".to_owned()));
        assert!(one.contains(&"nft get element inet drawbridge counted4 '{ tcp . 8000 }'".to_owned()));
        assert!(one.contains(&"docker run -d -p 8000:80 busybox sleep 3600".to_owned()));
        let many = lines(container(&sample::publishing(sample::container(1, 2), 500)));
        assert!(many.contains(&"nft list map inet drawbridge published4".to_owned()));
        assert!(many.contains(&"docker run -d --network net2 -p 8000-8499:80-579 busybox sleep 3600".to_owned()));
        assert!(many.len() < 15, "500 ports are not 500 commands");
    }

    #[test]
    fn what_is_not_there_is_not_looked_at() {
        let mut none = sample::network(1);
        (none.driver, none.bridge) = (Driver::Null, None);
        assert_eq!(lines(network(&none)), ["docker network inspect bridge"]);
        let mut stopped = sample::container(1, 1);
        (stopped.namespace, stopped.pid) = (None, None);
        assert_eq!(
            lines(container(&stopped)),
            ["docker run -d busybox sleep 3600", "docker logs box1", "docker inspect box1"]
        );
    }
}
