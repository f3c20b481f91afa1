//! Compose files read: what they become, and what is said of what is wrong in them.

use super::*;
use crate::ops::lab::{Until, Wait};
use drawbridge_api::{Attachment, NetworkMode, Protocol};

fn read(text: &str) -> Result<Lab, String> {
    let variables = [("TAG".to_owned(), "1.36".to_owned())].into();
    let place = Place { name: "Two Boxes".into(), folder: Some("/srv/lab".into()), variables };
    lab(text, &place).map_err(|error| error.to_string())
}

const LAB: &str = r#"
services:
  web:
    image: busybox:${TAG}
    command: sh -c 'httpd -f'
    environment: {GREETING: hello, TAG: }
    ports: ["8080:80", {target: 53, published: 5353, protocol: udp, host_ip: 127.0.0.1}]
    networks:
      front:
      back: {aliases: [www], ipv4_address: 10.9.0.7}
    volumes: [./html:/www:ro, "data:/data", /scratch]
    depends_on: {db: {condition: service_healthy}}
    restart: on-failure:3
    sysctls: [net.ipv4.ip_forward=1]
    cap_add: [NET_ADMIN]
    scale: 2
  db:
    image: redis
    network_mode: none
    healthcheck: {test: redis-cli ping, interval: 1s, retries: 5}
  probe: {image: busybox, network_mode: "service:db", deploy: {replicas: 1}}
networks:
  front: {internal: true}
  back: {ipam: {config: [{subnet: 10.9.0.0/24, gateway: 10.9.0.1}]}, labels: {a: b}}
volumes:
  data:
x-note: kept
"#;

#[test]
fn a_file_becomes_a_lab() {
    let lab = read(LAB).unwrap();
    assert_eq!(lab.name, "twoboxes");
    let services: Vec<&str> = lab.services.iter().map(|service| service.name.as_str()).collect();
    assert_eq!(services, ["db", "web", "probe"], "each behind those that it waits for");
    let web = &lab.services[1];
    assert_eq!(web.waits, [Wait { service: "db".into(), until: Until::Healthy }]);
    let names: Vec<_> =
        web.containers.iter().map(|container| container.new.name.clone().unwrap().to_string()).collect();
    assert_eq!(names, ["twoboxes-web-1", "twoboxes-web-2"]);
    let new = &web.containers[0].new;
    assert_eq!(new.spec.image, "busybox:1.36");
    assert_eq!(new.spec.cmd.as_deref().unwrap(), ["sh", "-c", "httpd -f"]);
    assert_eq!(new.spec.env, ["GREETING=hello", "TAG=1.36"]);
    let ports: Vec<_> =
        new.spec.ports.iter().map(|port| (port.container_port, port.protocol, port.host_port)).collect();
    assert_eq!(ports, [(53, Protocol::Udp, 5353), (80, Protocol::Tcp, 8080)]);
    assert_eq!(new.spec.network_mode, NetworkMode::Network("twoboxes_front".parse().unwrap()));
    let back = Attachment {
        aliases: vec!["web".into(), "www".into()],
        address4: Some("10.9.0.7".parse().unwrap()),
        ..Attachment::to("twoboxes_back".parse().unwrap())
    };
    assert!(new.attachments.contains(&back), "{:?}", new.attachments);
    let labels = &new.spec.labels;
    for (key, value) in
        [(lab::PROJECT, "twoboxes"), (lab::SERVICE, "web"), (lab::NUMBER, "1"), (lab::FOLDER, "/srv/lab")]
    {
        assert_eq!(labels[key], value);
    }
    assert_eq!(labels[lab::HASH], web.containers[1].new.spec.labels[lab::HASH], "of one kind");
    let probe = &lab.services[2].containers[0].new;
    assert_eq!(probe.spec.network_mode, NetworkMode::Container("twoboxes-db-1".parse().unwrap()));
    assert_eq!(lab.networks.len(), 2, "nobody is in a default network");
    assert_eq!(lab.networks[1].new.as_ref().unwrap().labels["a"], "b");
    assert_eq!(lab.volumes[0].name, "twoboxes_data");
}

#[test]
fn the_same_file_has_the_same_digests_and_another_has_others() {
    let digest = |text: &str| {
        let lab = read(text).unwrap();
        lab.services.iter().map(|service| service.containers[0].new.spec.labels[lab::HASH].clone()).collect::<Vec<_>>()
    };
    assert_eq!(digest(LAB), digest(LAB));
    let (before, after) = (digest(LAB), digest(&LAB.replace("hello", "good day")));
    assert_ne!(before[1], after[1]);
    assert_eq!((&before[0], &before[2]), (&after[0], &after[2]));
}

#[test]
fn what_is_wrong_is_told_by_name_and_line() {
    let check = |text: &str, error: &str| assert_eq!(read(text).unwrap_err(), error, "{text}");
    check(
        "services:\n  web:\n    image: x\n    prots: [80]\n",
        "line 4: `prots` of service web is not known here; did you mean `ports`?",
    );
    check(
        "services:\n  web:\n    image: x\nsecrets: {}\n",
        "line 4: `secrets` of the file is not known here; take it out, or write `x-` before it to keep it as a note",
    );
    check("services:\n  web: {}\n", "line 2: service web has no `image`; name one, such as busybox");
    check(
        "services:\n  web:\n    image: x\n    networks: [front]\n",
        "line 4: network front of service web is not among the file's `networks`; add it there",
    );
    check(
        "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [a]}\n",
        "line 2: services a, b depend on one another in a circle",
    );
    check(
        "services:\n  a: {image: x, depends_on: [c]}\n",
        "line 2: service a depends on c, which is not among the services",
    );
    check(
        "services:\n  a:\n    image: x\n    volumes: [\"data:/data\"]\n",
        "line 4: volume data is not among the file's `volumes`; add it there, or write ./data for a folder",
    );
    check(
        "services:\n  a: {image: x, container_name: b, scale: 2}\n",
        "line 2: service a has one `container_name` and 2 containers; take the name out",
    );
    check(
        "services:\n  a: {image: x, ports: [yes]}\n",
        "line 2: invalid port \"yes\": write CONTAINER, HOST:CONTAINER or ADDRESS:HOST:CONTAINER, such as \"8080:80\"",
    );
    check(
        "services:\n  a: {image: x, restart: sometimes}\n",
        "line 2: service a: invalid restart policy: unknown policy 'sometimes'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'",
    );
    check("version: '3'\n", "line 1: the file has neither services nor networks; there is nothing to bring up");
}

#[test]
fn a_service_that_names_no_network_is_in_the_default_one() {
    let lab = read("services: {a: {image: x}}").unwrap();
    assert_eq!(lab.networks[0].name.as_str(), "twoboxes_default");
    assert_eq!(lab.services[0].containers[0].new.attachments[0].network.as_str(), "twoboxes_default");
}
