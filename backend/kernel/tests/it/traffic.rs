//! Packets go where they should.

use crate::wanted::{Net, desired, reach, shell, soon};
use drawbridge_api::{HostPort, Protocol, Traffic};
use drawbridge_kernel::{
    Kernel,
    testing::{check_in_sandbox, inside},
};
use drawbridge_plan::{Element, Step};
use std::{
    net::{Ipv4Addr, UdpSocket},
    process::Command,
    time::Duration,
};

/// Whether packets come through soon: a bridge forwards through a port when its carrier has been seen, which the kernel looks
/// for once a second (`linkwatch_schedule_work` in net/core/link_watch.c).
fn reaches(namespace: &str, address: &str) -> bool {
    soon(|| ping(namespace, address))
}

fn ping(namespace: &str, address: &str) -> bool {
    let ping = if address.contains(':') { "ping6" } else { "ping" };
    let output = Command::new("ip")
        .args(["netns", "exec", namespace, "busybox", ping, "-c", "1", "-W", "1", address])
        .output()
        .expect("there is ip");
    output.status.success()
}

#[test]
fn containers_of_a_network_reach_each_other_and_others_do_not() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        let mut wanted = desired(&[Net::new(0, 2), Net::new(1, 0), Net { internal: true, ..Net::new(2, 0) }]);
        // A third container, alone in the second network, and a fourth in the internal one.
        for (network, container) in [(1, 2), (2, 3)] {
            let mut alone = desired(&[Net::new(network, container + 1)]);
            wanted.namespaces.push(alone.namespaces.pop().expect("it has one"));
            let mut endpoint = alone.endpoints.pop().expect("it has one");
            endpoint.gateways = vec![alone.networks[0].addresses[0].addr()];
            wanted.endpoints.push(endpoint);
        }
        reach(&kernel, &wanted);
        let names: Vec<&str> = wanted.namespaces.iter().map(|namespace| namespace.name.as_str()).collect();
        outside();

        assert!(reaches(names[0], "172.17.0.3"), "two of one network");
        assert!(reaches(names[0], "172.17.0.1"), "the gateway");
        assert!(reaches(names[2], "172.18.0.1"), "the other gateway");
        assert!(reaches(names[0], "192.0.2.2"), "outside, by masquerade");
        assert!(!ping(names[0], "172.18.0.4"), "another network");
        assert!(!ping(names[2], "172.17.0.2"), "another network");
        assert!(!ping(names[3], "192.0.2.2"), "outside, from an internal network");
    });
}

/// A machine outside, behind a link of ours with 192.0.2.1, which knows no way back to the containers' ranges.
fn outside() {
    shell("ip netns add outside; ip link add out0 type veth peer name eth0 netns outside");
    shell("ip addr add 192.0.2.1/24 dev out0; ip link set out0 up");
    shell("ip -n outside addr add 192.0.2.2/24 dev eth0; ip -n outside link set eth0 up");
}

#[test]
fn what_goes_through_a_port_is_counted() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        let wanted = desired(&[Net { ports: true, ..Net::new(0, 1) }]);
        reach(&kernel, &wanted);
        outside();
        let bridge = wanted.networks[0].bridge.clone();
        let counted = Element::Counted(wanted.endpoints[0].ports[0].host);
        let silent = Element::Counted(wanted.endpoints[0].ports[1].host);
        let of = [
            counted.clone(),
            silent,
            Element::Sent(bridge.clone()),
            Element::Received(bridge.clone()),
            Element::Bridge(bridge),
        ];
        let before = kernel.traffic(&of).expect("root may look");
        let none = Some(Traffic::default());
        assert_eq!(before, [none, none, none, none, None]);

        let name = wanted.namespaces[0].name.as_str();
        let mut server = Command::new("ip")
            .args(["netns", "exec", name, "busybox", "httpd", "-f", "-p", "80", "-h", "/etc"])
            .spawn()
            .expect("there is ip");
        let fetch = "ip netns exec outside busybox wget -q -O - http://192.0.2.1:8000/passwd";
        let fetched = || Command::new("sh").args(["-c", fetch]).output().is_ok_and(|output| output.status.success());
        assert!(soon(fetched), "the container's port is not reached");
        let after = || kernel.traffic(&of).expect("root may look");
        let packets = |traffic: &Option<Traffic>| traffic.map_or(0, |traffic| traffic.packets);
        // Both ways, at the least: three to shake hands, a question, an answer, and the end, which may come after its client's.
        let all_passed =
            |seen: &[Option<Traffic>]| packets(&seen[0]) >= 8 && packets(&seen[2]) >= 4 && packets(&seen[3]) >= 4;
        assert!(soon(|| all_passed(&after())), "{:?}", after());
        let after = after();
        let [Some(through), Some(nothing), Some(_), Some(_), None] = after[..] else { panic!("{after:?}") };
        assert_eq!(nothing, Traffic::default());
        assert!(through.bytes > 40 * through.packets, "{through:?}");
        let all = kernel.all_traffic().expect("root may look");
        assert!(all.get(&counted).is_some_and(|all| all.packets >= through.packets), "{all:?}");
        assert_eq!(all.len(), 6, "{all:?}");

        // What was there before keeps its count when it is added again.
        let step = Step::Elements { add: vec![counted.clone()], remove: Vec::new() };
        kernel.session().expect("a session").execute(&step).expect("it is there");
        assert!(kernel.traffic(&[counted]).expect("root may look")[0].is_some_and(|now| now.packets > 0));
        server.kill().expect("it runs");
        server.wait().expect("it ends");
    });
}

#[test]
fn ipv6_goes_where_it_should() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        let wanted = desired(&[Net { ipv6: true, ..Net::new(0, 2) }, Net { ipv6: true, ..Net::new(1, 0) }]);
        reach(&kernel, &wanted);
        shell("sysctl -qw net.ipv6.conf.all.forwarding=1");
        outside();
        shell("ip addr add 2001:db8::1/64 dev out0 nodad; ip -n outside addr add 2001:db8::2/64 dev eth0 nodad");
        let name = wanted.namespaces[0].name.as_str();
        assert!(reaches(name, "fd00:11::3"), "two of one network");
        assert!(reaches(name, "fd00:11::1"), "the gateway");
        assert!(reaches(name, "2001:db8::2"), "outside, by masquerade");
        assert!(!ping("outside", "fd00:11::2"), "from outside");
    });
}

#[test]
fn a_flow_of_datagrams_follows_its_port() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        let wanted = desired(&[Net::new(0, 2)]);
        reach(&kernel, &wanted);
        outside();
        let servers: Vec<UdpSocket> = wanted
            .namespaces
            .iter()
            .map(|namespace| inside(namespace.name.as_str(), || UdpSocket::bind("0.0.0.0:53").expect("it is free")))
            .collect();
        let client = inside("outside", || UdpSocket::bind("192.0.2.2:40000").expect("it is free"));
        client.connect("192.0.2.1:5353").expect("there is a route");
        for server in &servers {
            server.set_read_timeout(Some(Duration::from_millis(50))).expect("not zero");
        }
        // Who hears the client, which always sends from the same port.
        let heard_by = |wanted: Option<usize>| {
            soon(|| {
                // Refused by the host while nothing listens there.
                let _ = client.send(b"?");
                let heard = servers.iter().position(|server| server.recv(&mut [0; 8]).is_ok());
                heard == wanted
            })
        };
        let host = HostPort { address: Ipv4Addr::UNSPECIFIED.into(), protocol: Protocol::Udp, port: 5353 };
        let published = |to: &str| vec![Element::Published { host, to: to.parse().expect("valid") }];
        let change = |add: Vec<Element>, remove: Vec<Element>| {
            let step = Step::Elements { add, remove };
            kernel.session().expect("a session").execute(&step).unwrap_or_else(|error| panic!("{error:#?}"));
        };
        assert!(heard_by(None), "a flow that begins before the port is published");
        change(published("172.17.0.2:53"), Vec::new());
        assert!(heard_by(Some(0)), "published");
        change(published("172.17.0.3:53"), published("172.17.0.2:53"));
        assert!(heard_by(Some(1)), "published elsewhere");
        change(Vec::new(), published("172.17.0.3:53"));
        assert!(heard_by(None), "published no more");
    });
}
