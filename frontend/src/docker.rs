//! The docker command that does what is asked for, as a person would type it. Pure.

use crate::{ask::Ask, commands::flags, words};
use drawbridge_api::{ContainerCreate, ContainerState, Driver, GatewayMode, NetworkCreate};

/// The command; none where Docker has no word for it.
pub fn command(ask: &Ask) -> Option<String> {
    let plain = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let words = match ask {
        Ask::CreateNetwork(create) => network(create),
        Ask::RemoveNetwork { name, .. } => plain(&["docker", "network", "rm", name]),
        Ask::CreateContainer(create) => container(create),
        Ask::StartContainer { name, .. } => plain(&["docker", "start", name]),
        Ask::StopContainer { name, .. } => plain(&["docker", "stop", name]),
        // Its network connect gives an interface no hardware address.
        Ask::Connect { attachment, .. } if attachment.mac.is_some() => return None,
        Ask::Connect { name, attachment, .. } => {
            let mut words = plain(&["docker", "network", "connect"]);
            for alias in &attachment.aliases {
                words.extend(["--alias".to_owned(), alias.clone()]);
            }
            if let Some(address) = attachment.address4 {
                words.extend(["--ip".to_owned(), address.to_string()]);
            }
            if let Some(address) = attachment.address6 {
                words.extend(["--ip6".to_owned(), address.to_string()]);
            }
            for address in &attachment.link_local {
                words.extend(["--link-local-ip".to_owned(), address.to_string()]);
            }
            for link in &attachment.links {
                words.extend(["--link".to_owned(), link.clone()]);
            }
            if attachment.gateway_priority != 0 {
                words.extend(["--gw-priority".to_owned(), attachment.gateway_priority.to_string()]);
            }
            for (name, value) in &attachment.options {
                words.extend(["--driver-opt".to_owned(), format!("{name}={value}")]);
            }
            words.extend([attachment.network.to_string(), name.clone()]);
            words
        }
        Ask::Disconnect { name, network, .. } => plain(&["docker", "network", "disconnect", network.as_str(), name]),
        Ask::RemoveContainer { name, state: ContainerState::Running, .. } => plain(&["docker", "rm", "-f", name]),
        Ask::RemoveContainer { name, .. } => plain(&["docker", "rm", name]),
        Ask::UpdatePorts { .. } | Ask::Undo { .. } => return None,
    };
    Some(words::join(&words))
}

/// To fetch an image.
pub fn pull(name: &str) -> String {
    words::join(&["docker", "pull", name].map(str::to_owned))
}

/// To load what an archive holds.
pub fn load(archive: &str) -> String {
    words::join(&["docker", "load", "-i", archive].map(str::to_owned))
}

/// To build one of a Dockerfile alone.
pub fn build(name: &str) -> String {
    format!("{} < Dockerfile", words::join(&["docker", "build", "-t", name, "-"].map(str::to_owned)))
}

/// To give an image one more name.
pub fn tag(image: &str, name: &str) -> String {
    words::join(&["docker", "tag", image, name].map(str::to_owned))
}

/// To remove images; `force` also where stopped containers were made of them.
pub fn remove_images(names: &[String], force: bool) -> String {
    let verb: &[&str] = if force { &["docker", "rmi", "-f"] } else { &["docker", "rmi"] };
    words::join(&verb.iter().map(|word| (*word).to_owned()).chain(names.iter().cloned()).collect::<Vec<_>>())
}

/// To bring a lab up from its file.
pub fn lab_up(name: &str) -> String {
    words::join(&["docker", "compose", "-f", "compose.yaml", "-p", name, "up", "-d"].map(str::to_owned))
}

/// To take one down; `volumes` with what it has kept.
pub fn lab_down(name: &str, volumes: bool) -> String {
    let verb = words::join(&["docker", "compose", "-p", name, "down"].map(str::to_owned));
    if volumes { format!("{verb} -v") } else { verb }
}

fn network(create: &NetworkCreate) -> Vec<String> {
    let mut words = ["docker", "network", "create"].map(str::to_owned).to_vec();
    let option = |key: &str, value: &str| ["-o".to_owned(), format!("com.docker.network.bridge.{key}={value}")];
    let plain = |key: &str, value: &str| ["-o".to_owned(), format!("{key}={value}")];
    if let Some(driver) = create.driver.filter(|driver| *driver != Driver::Bridge) {
        words.extend(["-d".to_owned(), driver.as_str().to_owned()]);
    }
    words.extend(create.parent.iter().flat_map(|parent| plain("parent", parent)));
    words.extend(create.macvlan_mode.iter().flat_map(|mode| plain("macvlan_mode", mode.as_str())));
    for (flag, value) in [
        ("--subnet", &create.subnet),
        ("--gateway", &create.gateway),
        ("--ip-range", &create.ip_range),
        ("--subnet", &create.subnet6),
        ("--gateway", &create.gateway6),
        ("--ip-range", &create.ip_range6),
    ] {
        words.extend(value.iter().flat_map(|value| [flag.to_owned(), value.clone()]));
    }
    if create.ipv4 == Some(false) {
        words.push("--ipv4=false".to_owned());
    }
    if create.ipv6 {
        words.push("--ipv6".to_owned());
    }
    if create.internal {
        words.push("--internal".to_owned());
    }
    if create.icc == Some(false) {
        words.extend(option("enable_icc", "false"));
    }
    if create.masquerade == Some(false) {
        words.extend(option("enable_ip_masquerade", "false"));
    }
    if let Some(mode) = create.gateway_mode.filter(|mode| *mode != GatewayMode::Nat) {
        words.extend(option("gateway_mode_ipv4", mode.as_str()));
        if create.ipv6 {
            words.extend(option("gateway_mode_ipv6", mode.as_str()));
        }
    }
    for range in &create.ranges {
        words.extend(["--subnet".to_owned(), range.subnet.clone()]);
        words.extend(range.gateway.iter().flat_map(|gateway| ["--gateway".to_owned(), gateway.clone()]));
        words.extend(range.ip_range.iter().flat_map(|range| ["--ip-range".to_owned(), range.clone()]));
    }
    for (name, address) in &create.reserved {
        words.extend(["--aux-address".to_owned(), format!("{name}={address}")]);
    }
    if let Some(mtu) = create.mtu {
        words.extend(plain("com.docker.network.driver.mtu", &mtu.to_string()));
    }
    if let Some(bridge) = &create.bridge {
        words.extend(option("name", bridge));
    }
    if create.inhibit_ipv4 {
        words.extend(option("inhibit_ipv4", "true"));
    }
    for (name, value) in &create.labels {
        words.extend(["--label".to_owned(), format!("{name}={value}")]);
    }
    for (name, value) in &create.options {
        words.extend(plain(name, value));
    }
    words.push(create.name.clone());
    words
}

fn container(create: &ContainerCreate) -> Vec<String> {
    let verb: &[&str] = if create.start { &["docker", "run", "-d"] } else { &["docker", "create"] };
    let mut words: Vec<String> = verb.iter().map(|word| (*word).to_owned()).collect();
    if create.auto_remove {
        words.push("--rm".to_owned());
    }
    if let Some(name) = &create.name {
        words.extend(["--name".to_owned(), name.clone()]);
    }
    if let Some(network) = create.network.as_ref().filter(|network| *network != "bridge") {
        words.extend(["--network".to_owned(), network.clone()]);
    }
    words.extend(flags(&create.ports));
    words.push(create.image.clone());
    words.extend_from_slice(&create.command);
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use drawbridge_api::Attachment;

    fn check(ask: &Ask, expected: &str) {
        assert_eq!(command(ask).as_deref(), Some(expected));
    }

    #[test]
    fn every_ask_is_said_as_docker_says_it() {
        let mut box1 = sample::container(1, 1);
        let mut connected = Attachment::to("demo".parse().unwrap());
        connected.address4 = Some("10.9.0.7".parse().unwrap());
        check(&Ask::start(&box1), "docker start box1");
        check(&Ask::stop(&box1), "docker stop box1");
        check(&Ask::remove_container(&box1), "docker rm -f box1");
        check(&Ask::connect(&box1, connected), "docker network connect --ip 10.9.0.7 demo box1");
        check(&Ask::disconnect(&box1, "demo".parse().unwrap()), "docker network disconnect demo box1");
        let mut hardware = Attachment::to("demo".parse().unwrap());
        hardware.mac = Some("02:42:ac:11:00:02".parse().unwrap());
        assert_eq!(command(&Ask::connect(&box1, hardware)), None);
        check(&Ask::remove_network(&sample::network(2)), "docker network rm net2");
        box1.state = ContainerState::Exited;
        check(&Ask::remove_container(&box1), "docker rm box1");
        let network = NetworkCreate {
            name: "demo".into(),
            subnet: Some("10.9.0.0/24".into()),
            ipv4: Some(true),
            ipv6: true,
            internal: true,
            icc: Some(false),
            gateway_mode: Some(GatewayMode::Isolated),
            mtu: Some(1400),
            labels: [("team".to_owned(), "red".to_owned())].into(),
            ..NetworkCreate::default()
        };
        check(
            &Ask::CreateNetwork(network),
            "docker network create --subnet 10.9.0.0/24 --ipv6 --internal -o com.docker.network.bridge.enable_icc=false \
             -o com.docker.network.bridge.gateway_mode_ipv4=isolated -o com.docker.network.bridge.gateway_mode_ipv6=isolated \
             -o com.docker.network.driver.mtu=1400 --label team=red demo",
        );
        let container = ContainerCreate {
            name: Some("web".into()),
            image: "busybox".into(),
            command: vec!["sh".into(), "-c".into(), "sleep 1".into()],
            network: Some("demo".into()),
            auto_remove: true,
            ports: sample::publishing(sample::container(1, 1), 1).port_requests,
            start: true,
        };
        let run = "docker run -d --rm --name web --network demo -p 8000:80 busybox sh -c 'sleep 1'";
        check(&Ask::CreateContainer(container.clone()), run);
        let create = ContainerCreate { start: false, network: Some("bridge".into()), ..container };
        check(&Ask::CreateContainer(create), "docker create --rm --name web -p 8000:80 busybox sh -c 'sleep 1'");
    }

    #[test]
    fn images_and_labs_are_said_as_docker_says_them() {
        assert_eq!(pull("redis:7"), "docker pull redis:7");
        assert_eq!(build("mine:1"), "docker build -t mine:1 - < Dockerfile");
        assert_eq!(tag("redis:7", "mine:2"), "docker tag redis:7 mine:2");
        assert_eq!(remove_images(&["a:1".into(), "b:2".into()], true), "docker rmi -f a:1 b:2");
        assert_eq!(lab_up("web lab"), "docker compose -f compose.yaml -p 'web lab' up -d");
        assert_eq!(lab_down("web", true), "docker compose -p web down -v");
    }
}
