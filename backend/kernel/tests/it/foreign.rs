//! What is not ours stays as it is.

use crate::wanted::{Net, desired, examples, observe, reach, shell, soon};
use drawbridge_kernel::{Kernel, StepError, testing::check_in_sandbox};
use drawbridge_plan::{Desired, Object, Step};

/// Everything that a person can see, without what changes by itself.
fn everything() -> String {
    let links = shell(
        "ip -4 -o addr show; ip -o link show | sed 's/state [A-Z]*//; s/NO-CARRIER,//; s/,LOWER_UP//'; ip netns list",
    );
    format!("{links}{}", shell("nft -s list ruleset"))
}

fn refused(kernel: &Kernel, step: &Step, name: &str) -> StepError {
    let before = everything();
    let error = kernel.session().expect("a session").execute(step).expect_err("it is not ours");
    let text = error.to_string();
    assert!(text.contains("exists and is not ours") && text.contains(name), "{text}");
    assert_eq!(everything(), before, "{step:?} changed something");
    error
}

#[test]
fn a_name_that_is_taken_is_refused_and_left_alone() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        let mut wanted = desired(&[Net { ports: true, ipv6: true, ..Net::new(0, 1) }]);
        wanted.resolvers.extend(desired(&[Net::new(1, 1)]).resolvers);
        shell("ip link add docker0 type bridge");
        shell("ip link add veth0000000 type bridge");
        shell(&format!("ip netns add {}", wanted.namespaces[0].name));
        for object in wanted.objects() {
            let name = match &object {
                Object::Bridge { name, .. } => name.as_str(),
                Object::Namespace { name, .. } => name.as_str(),
                Object::Veth { host_end, .. } => host_end.as_str(),
                Object::Port { bridge, .. } => bridge.as_str(),
                Object::Address { place: drawbridge_plan::Place::Host, link, .. } => link.as_str(),
                Object::Up { link, .. } if link.as_str() != "eth0" => link.as_str(),
                Object::Route { namespace, .. }
                | Object::Resolver { namespace, .. }
                | Object::Ipv6 { namespace, .. } => namespace.as_str(),
                Object::RouteLocalnet { bridge } => bridge.as_str(),
                Object::Hairpin { link } => link.as_str(),
                Object::Macvlan { namespace, .. } => namespace.as_str(),
                Object::Tables | Object::Element(_) | Object::Address { .. } | Object::Up { .. } => continue,
            };
            refused(&kernel, &Step::Add { object: object.clone() }, name);
            refused(&kernel, &Step::Remove { object: object.clone(), takes: Vec::new() }, name);
        }
    });
}

#[test]
fn what_belongs_to_another_of_ours_is_refused() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        reach(&kernel, &desired(&[Net::new(0, 1)]));
        let mut other = desired(&[Net::new(0, 1)]);
        other.networks[0].id = drawbridge_api::NetworkId::from_bytes([1; 32]);
        other.namespaces[0].container = drawbridge_api::ContainerId::from_bytes([2; 32]);
        other.endpoints[0].id = drawbridge_api::EndpointId::from_bytes([3; 32]);
        for object in other.objects() {
            if let Object::Bridge { .. } | Object::Namespace { .. } | Object::Veth { .. } = object {
                refused(&kernel, &Step::Add { object: object.clone() }, "");
                refused(&kernel, &Step::Remove { object, takes: Vec::new() }, "");
            }
        }
    });
}

#[test]
fn taking_everything_away_leaves_others_alone() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        shell(
            "ip link add br-other type bridge; ip link set br-other alias uplink up; ip addr add 10.9.0.1/24 dev br-other",
        );
        shell(
            "ip netns add other; ip link add vother type veth peer name eth0 netns other; ip link set vother master br-other",
        );
        shell("nft 'table inet other { chain c { type filter hook forward priority 0; policy accept; }; }'");
        // The first numbers, which depend on the order of making, are taken before.
        let before = everything();
        for (_, wanted) in examples() {
            reach(&kernel, &wanted);
        }
        reach(&kernel, &Desired::default());
        assert_eq!(observe(&kernel).objects, Desired::default().objects());
        // A pair that the kernel is taking away counts as gone, and is listed for some milliseconds more.
        soon(|| everything() == before);
        assert_eq!(everything(), before);
    });
}
