//! The commands that show a thing to a person at a shell, as the inspector lists them. Pure. What a *plan* does is
//! explained by the daemon; these only look.

use crate::{
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
        ("Interfaces and their addresses", "ip -brief address".to_owned()),
        ("Routes", "ip route".to_owned()),
        ("Network namespaces", "ip netns list".to_owned()),
        ("Bridges", "ip -d link show type bridge".to_owned()),
        ("Drawbridge’s rules for what is routed", "nft list table inet drawbridge".to_owned()),
        ("Drawbridge’s rules between a bridge’s ports", "nft list table bridge drawbridge".to_owned()),
        ("Every published port", "nft list map inet drawbridge published4".to_owned()),
    ]
}

/// For a network; empty for `host` and `none`, which have no bridge.
pub fn network(network: &Network) -> Vec<Look> {
    let mut looks = Vec::new();
    if let Some(bridge) = &network.bridge {
        looks.extend([
            ("The bridge, with its alias mark", format!("ip -d link show {bridge}")),
            ("Its address, the containers’ gateway", format!("ip address show {bridge}")),
            ("Its ports: the host ends of the veth pairs", format!("ip link show master {bridge}")),
            ("Which MAC address is behind which port", format!("bridge fdb show br {bridge}")),
            ("The route to its subnet", format!("ip route show dev {bridge}")),
            ("What was forwarded from it", format!("nft get element inet drawbridge sent '{{ \"{bridge}\" }}'")),
            ("What was forwarded to it", format!("nft get element inet drawbridge received '{{ \"{bridge}\" }}'")),
        ]);
    }
    looks.push(("What Docker says", format!("docker network inspect {}", network.name)));
    looks
}

/// For a link that others have made.
pub fn link(link: &FoundLink) -> Vec<Look> {
    let name = &link.name;
    let mut looks = vec![
        ("The link with its details", format!("ip -d link show {name}")),
        ("Its addresses", format!("ip address show {name}")),
    ];
    if link.kind == "bridge" {
        looks.push(("Its ports", format!("ip link show master {name}")));
        looks.push(("Which MAC address is behind which port", format!("bridge fdb show br {name}")));
    }
    looks
}

/// For a namespace that others have made.
pub fn namespace(name: &str) -> Vec<Look> {
    vec![
        ("Its interfaces and addresses", format!("ip netns exec {name} ip address")),
        ("Its routes", format!("ip netns exec {name} ip route")),
        ("Who is in it", format!("ip netns pids {name}")),
    ]
}

/// For a container: inside its namespace while it runs, what Docker keeps of it always.
pub fn container(container: &Container) -> Vec<Look> {
    let mut looks = Vec::new();
    if let Some(ns) = &container.namespace {
        looks.extend([
            ("Its interfaces and addresses", format!("nsenter --net=/run/netns/{ns} ip address")),
            ("Its routes", format!("nsenter --net=/run/netns/{ns} ip route")),
            ("Its neighbours (ARP)", format!("nsenter --net=/run/netns/{ns} ip neighbour")),
        ]);
    }
    looks.extend(ports(&container.ports));
    if let Some(pid) = container.pid {
        looks.push(("The namespaces of its main process", format!("ls -l /proc/{pid}/ns")));
        looks.push(("The same from inside", format!("docker exec {} ip address", container.name)));
    }
    looks.push(("The command that makes another like it", run(container)));
    looks.push(("Its output", format!("docker logs {}", container.name)));
    looks.push(("What Docker says", format!("docker inspect {}", container.name)));
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
                    ("Where published ports lead", format!("nft list map inet drawbridge published{set}")),
                    ("What went through them", format!("nft list set inet drawbridge counted{set}")),
                ]
            })
            .collect();
    }
    keys.into_iter()
        .flat_map(|(set, key)| {
            [
                ("Where the port leads", format!("nft get element inet drawbridge published{set} '{{ {key} }}'")),
                ("What went through it", format!("nft get element inet drawbridge counted{set} '{{ {key} }}'")),
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
        ("The end on the host, a port of the bridge", format!("ip -d link show {outside}")),
        ("Its counters", format!("ip -s link show {outside}")),
    ];
    if let Some(ns) = &container.namespace {
        looks.push(("The end in the namespace", format!("nsenter --net=/run/netns/{ns} ip -d link show {inside}")));
    }
    looks.push(("Every packet that passes", format!("tcpdump -ni {outside}")));
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
