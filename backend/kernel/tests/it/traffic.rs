//! Packets go where they should.

use crate::wanted::{Net, desired, reach, shell};
use drawbridge_kernel::{Kernel, testing::check_in_sandbox};
use std::process::Command;

fn ping(namespace: &str, address: &str) -> bool {
    let output = Command::new("ip")
        .args(["netns", "exec", namespace, "ping", "-c", "1", "-W", "1", address])
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
            endpoint.gateway = Some(alone.networks[0].addresses[0].addr());
            wanted.endpoints.push(endpoint);
        }
        reach(&kernel, &wanted);
        let names: Vec<&str> = wanted.namespaces.iter().map(|namespace| namespace.name.as_str()).collect();
        // Something outside: a host behind another link, which knows no way back to the containers' ranges.
        shell("ip netns add outside; ip link add out0 type veth peer name eth0 netns outside");
        shell("ip addr add 192.0.2.1/24 dev out0; ip link set out0 up");
        shell("ip -n outside addr add 192.0.2.2/24 dev eth0; ip -n outside link set eth0 up");

        assert!(ping(names[0], "172.17.0.3"), "two of one network");
        assert!(ping(names[0], "172.17.0.1"), "the gateway");
        assert!(ping(names[2], "172.18.0.1"), "the other gateway");
        assert!(ping(names[0], "192.0.2.2"), "outside, by masquerade");
        assert!(!ping(names[0], "172.18.0.4"), "another network");
        assert!(!ping(names[2], "172.17.0.2"), "another network");
        assert!(!ping(names[3], "192.0.2.2"), "outside, from an internal network");
    });
}
