//! The commands that show a thing to a person at a shell, as the inspector lists them. Pure. What a *plan* does is
//! explained by the daemon; these only look.

use drawbridge_api::{Container, Endpoint, Network};

/// A command and what it shows.
pub type Look = (&'static str, String);

/// For the machine.
pub fn host() -> Vec<Look> {
    vec![
        ("Interfaces and their addresses", "ip -brief address".to_owned()),
        ("Routes", "ip route".to_owned()),
        ("Network namespaces", "ip netns list".to_owned()),
        ("Bridges", "ip -d link show type bridge".to_owned()),
        ("Drawbridge’s rules", "nft list table inet drawbridge".to_owned()),
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
        ]);
    }
    looks.push(("What Docker says", format!("docker network inspect {}", network.name)));
    looks
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
    if let Some(pid) = container.pid {
        looks.push(("The namespaces of its main process", format!("ls -l /proc/{pid}/ns")));
        looks.push(("The same from inside", format!("docker exec {} ip address", container.name)));
    }
    looks.push(("Its output", format!("docker logs {}", container.name)));
    looks.push(("What Docker says", format!("docker inspect {}", container.name)));
    looks
}

/// For a veth pair.
pub fn veth(container: &Container, endpoint: &Endpoint) -> Vec<Look> {
    let (outside, inside) = (&endpoint.host_end, &endpoint.interface);
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
        assert_eq!(lines(veth(&running, &running.endpoints[0]))[0], "ip -d link show veth0000001");
    }

    #[test]
    fn what_is_not_there_is_not_looked_at() {
        let mut none = sample::network(1);
        (none.driver, none.bridge) = (Driver::Null, None);
        assert_eq!(lines(network(&none)), ["docker network inspect bridge"]);
        let mut stopped = sample::container(1, 1);
        (stopped.namespace, stopped.pid) = (None, None);
        assert_eq!(lines(container(&stopped)), ["docker logs box1", "docker inspect box1"]);
    }
}
