//! A scope shows its part of the whole, and nothing else.

use crate::wanted::{FORWARD, Net, desired, reach, shell};
use drawbridge_kernel::{Kernel, testing::check_in_sandbox};
use drawbridge_plan::{Desired, Object, Scope};
use std::collections::BTreeSet;

fn scopes(desired: &Desired) -> Vec<Scope> {
    let networks = desired
        .networks
        .iter()
        .map(|network| Scope::Network { id: network.id.clone(), bridge: network.bridge.clone() });
    let containers = desired.namespaces.iter().map(|namespace| Scope::Container {
        id: namespace.container.clone(),
        namespace: namespace.name.clone(),
        host_ends: desired
            .endpoints
            .iter()
            .filter(|endpoint| endpoint.namespace == namespace.name)
            .map(|endpoint| endpoint.host_end.clone())
            .collect(),
    });
    networks.chain(containers).collect()
}

#[test]
fn a_scope_shows_its_part() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        let wanted = desired(&[Net::new(0, 2), Net { internal: true, ..Net::new(1, 2) }]);
        for scope in scopes(&wanted) {
            assert_eq!(kernel.observe(&scope, &[]).expect("root may look").objects, BTreeSet::new(), "{scope:?}");
        }
        reach(&kernel, &wanted);
        for scope in scopes(&wanted) {
            let expected: BTreeSet<Object> =
                wanted.objects().into_iter().filter(|object| scope.covers(object)).collect();
            let observed = kernel.observe(&scope, &[FORWARD.to_owned()]).expect("root may look");
            assert_eq!(observed.objects, expected, "{scope:?}");
            assert_eq!(observed.sysctls[FORWARD], "1");
        }
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
