//! A scope shows its part of the whole, and nothing else.

use crate::wanted::{FORWARD, Net, desired, reach, shell};
use drawbridge_kernel::{Kernel, testing::check_in_sandbox};
use drawbridge_plan::{Desired, Element, Object, Scope};
use std::collections::BTreeSet;

fn scopes(desired: &Desired) -> Vec<Scope> {
    let networks = desired.networks.iter().map(|network| Scope::Network {
        id: network.id.clone(),
        bridge: network.bridge.clone(),
        elements: network.elements(),
    });
    let containers = desired.namespaces.iter().map(|namespace| {
        let own = || desired.endpoints.iter().filter(|endpoint| endpoint.namespace == namespace.name);
        Scope::Container {
            id: namespace.container.clone(),
            namespace: namespace.name.clone(),
            host_ends: own().map(|endpoint| endpoint.host_end.clone()).collect(),
            elements: own().flat_map(|endpoint| endpoint.elements()).collect(),
        }
    });
    networks.chain(containers).collect()
}

#[test]
fn a_scope_shows_its_part() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        let wanted = desired(&[
            Net { ports: true, ipv6: true, icc: false, ..Net::new(0, 2) },
            Net { internal: true, ..Net::new(1, 2) },
        ]);
        for scope in scopes(&wanted) {
            assert_eq!(kernel.observe(&scope, &[]).expect("root may look").objects, BTreeSet::new(), "{scope:?}");
        }
        reach(&kernel, &wanted);
        for scope in scopes(&wanted) {
            let expected: BTreeSet<Object> = wanted
                .objects()
                .into_iter()
                .filter(|object| match (object, &scope) {
                    (Object::Element(element), Scope::Network { elements, .. } | Scope::Container { elements, .. }) => {
                        elements.contains(element)
                    }
                    _ => scope.covers(object),
                })
                .collect();
            let observed = kernel.observe(&scope, &[FORWARD.to_owned()]).expect("root may look");
            assert_eq!(observed.objects, expected, "{scope:?}");
            let value = observed.sysctls.get(FORWARD).map(String::as_str);
            assert_eq!(value, scope.covers_sysctls().then_some("1"), "{scope:?}");
        }
    });
}

#[test]
fn a_scope_shows_the_value_that_a_map_gives() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        let wanted = desired(&[Net { ports: true, ..Net::new(0, 1) }]);
        reach(&kernel, &wanted);
        let host = wanted.endpoints[0].ports[0].host;
        let element = |to: &str| Element::Published { host, to: to.parse().expect("valid") };
        let scope = Scope::Container {
            id: wanted.namespaces[0].container.clone(),
            namespace: "other".parse().expect("valid"),
            host_ends: Vec::new(),
            elements: vec![element("172.17.0.9:80")],
        };
        let observed = kernel.observe(&scope, &[]).expect("root may look").objects;
        assert_eq!(observed, [Object::Element(element("172.17.0.2:80"))].into());
    });
}

#[test]
fn the_host_tells_what_is_taken() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        reach(&kernel, &desired(&[Net::new(0, 0)]));
        shell(
            "ip link add up0 mtu 1450 type veth peer name up1; ip link set up0 up; ip link set up1 up; ip addr add 192.0.2.7/24 dev up0",
        );
        shell("ip route add default via 192.0.2.1; ip route add 10.0.0.0/8 via 192.0.2.2");
        let host = kernel.host().expect("root may look");
        assert_eq!(host.default_route_mtu, Some(1450));
        assert!(host.routes.contains(&"10.0.0.0/8".parse().expect("valid")));
        assert!(host.routes.contains(&"192.0.2.0/24".parse().expect("valid")));
        assert!(host.routes.iter().all(|route| route.prefix_len() > 0));
        let link = |name: &str| host.links.iter().find(|link| link.name == name).expect("it was made");
        assert_eq!(link("up0").addresses, ["192.0.2.7/24".parse().expect("valid")]);
        assert!(link("docker0").alias.as_ref().is_some_and(|alias| alias.starts_with("drawbridge:network:")));
    });
}
