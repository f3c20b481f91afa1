//! Interfaces on the wire of one of the host's: the laws of their plans, and what passes.

use crate::wanted::{execute, observe, reach, shell, soon};
use drawbridge_api::{ContainerId, EndpointId, MacAddress, MacvlanMode};
use drawbridge_kernel::{
    Kernel,
    testing::{check_in_sandbox, in_sandbox, is_able},
};
use drawbridge_plan::{Desired, MacvlanEndpoint, Namespace, Observed, Scope, Step, explain, plan};

/// Two containers on `up0`, whose other end is a machine outside.
fn wanted(mode: MacvlanMode, last: u8) -> Desired {
    let mut desired = Desired::default();
    for number in [last, last + 1] {
        let container = ContainerId::from_bytes([number; 32]);
        let namespace: drawbridge_api::NsName = container.short().parse().expect("valid");
        desired.namespaces.push(Namespace { name: namespace.clone(), container });
        desired.macvlans.push(MacvlanEndpoint {
            id: EndpointId::from_bytes([number; 32]),
            namespace,
            interface: "eth0".parse().expect("valid"),
            parent: "up0".parse().expect("valid"),
            mode,
            mac: MacAddress([2, 0x42, 0, 0, 0, number]),
            addresses: vec![
                format!("192.0.2.{number}/24").parse().expect("valid"),
                format!("2001:db8::{number}/64").parse().expect("valid"),
            ],
            link_local: Vec::new(),
            gateways: vec!["192.0.2.1".parse().expect("valid"), "2001:db8::1".parse().expect("valid")],
        });
    }
    desired
}

fn wire() {
    shell(
        "ip link add up0 type veth peer name up1; ip link set up0 up; ip link set up1 up; ip addr add 192.0.2.1/24 dev up1",
    );
}

/// From nothing to one want, to others, and back.
fn ways() -> Vec<Desired> {
    let [first, second] = [wanted(MacvlanMode::Bridge, 10), wanted(MacvlanMode::Private, 10)];
    vec![first, second, wanted(MacvlanMode::Vepa, 11), Desired::default()]
}

#[test]
fn what_is_executed_is_what_is_observed_and_undone() {
    check_in_sandbox(|| {
        wire();
        let kernel = Kernel::open().expect("this machine can");
        for desired in ways() {
            let before = observe(&kernel);
            let steps = plan(&desired, &before, &Scope::Everything);
            for count in 0..=steps.len() {
                let mut session = kernel.session().expect("a session");
                execute(&mut session, &steps[..count]);
                // Done twice is done once, and undone twice is undone once.
                execute(&mut session, &steps[..count][count.saturating_sub(1)..]);
                for step in steps[..count].iter().rev() {
                    execute(&mut session, &step.undo());
                    execute(&mut session, &step.undo());
                }
                drop(session);
                assert_eq!(observe(&kernel), before, "{count} steps of {steps:#?}, undone");
            }
            reach(&kernel, &desired);
            assert_eq!(observe(&kernel).objects, desired.objects());
            assert_eq!(plan(&desired, &observe(&kernel), &Scope::Everything), []);
        }
        assert!(shell("ip link show up0").contains("up0"), "what is shared stays");
    });
}

#[test]
fn explained_commands_do_the_same() {
    if !is_able() {
        return;
    }
    let walk = |run: fn(&Kernel, &[Step])| {
        in_sandbox(|| {
            wire();
            let kernel = Kernel::open().expect("this machine can");
            let go = |desired: Desired| {
                run(&kernel, &plan(&desired, &observe(&kernel), &Scope::Everything));
                observe(&kernel)
            };
            ways().into_iter().map(go).collect::<Vec<Observed>>()
        })
    };
    let executed = walk(|kernel, steps| execute(&mut kernel.session().expect("a session"), steps));
    let typed = walk(|_, steps| {
        steps.iter().flat_map(|step| explain(step).commands).for_each(|command| drop(shell(&command)));
    });
    assert_eq!(executed, typed);
}

#[test]
fn neighbours_and_the_wire_are_reached() {
    check_in_sandbox(|| {
        wire();
        let kernel = Kernel::open().expect("this machine can");
        let desired = wanted(MacvlanMode::Bridge, 10);
        reach(&kernel, &desired);
        let ping = |to: &str| {
            format!(
                "ip netns exec {} ping -c 1 -W 1 {to} >/dev/null && echo yes || echo no",
                desired.namespaces[0].name
            )
        };
        for to in ["192.0.2.1", "192.0.2.11", "2001:db8::11"] {
            assert!(soon(|| shell(&ping(to)).trim() == "yes"), "{to} is not reached");
        }
        reach(&kernel, &wanted(MacvlanMode::Private, 10));
        assert_eq!(shell(&ping("192.0.2.11")).trim(), "no", "private interfaces do not reach one another");
        assert!(soon(|| shell(&ping("192.0.2.1")).trim() == "yes"));
    });
}
