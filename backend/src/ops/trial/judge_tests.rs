//! Each cause, from facts alone.

use super::{
    Outcome,
    facts::{Facts, Party, Stack, Target},
    judge::{Obstacle, judge, unknown_name},
    naming::Named,
};
use drawbridge_api::{Driver, HindranceKind as Kind, Network, Remedy, TrialKind};
use drawbridge_kernel::{ForeignDrop, Surroundings, Way};
use std::net::IpAddr;

fn network(number: u8, name: &str) -> Network {
    let id = format!("{number:064x}").parse().expect("an id");
    Network::new(id, name.parse().expect("a name"), Driver::Bridge)
}

fn party(name: &str, networks: &[&Network], last: u8) -> Party {
    let address = |index: usize| IpAddr::from([172, 18 + u8::try_from(index).expect("few"), 0, last]);
    Party {
        name: name.to_owned(),
        stack: Stack::Own,
        networks: networks
            .iter()
            .enumerate()
            .map(|(index, network)| ((*network).clone(), vec![address(index)]))
            .collect(),
    }
}

fn running(party: Party, listeners: &[&str]) -> Target {
    let listeners = listeners.iter().map(|text| text.parse().expect("valid")).collect();
    let around = Surroundings { listeners, ..Surroundings::default() };
    Target::Running { party, around, namespace: Some("0123456789ab".into()) }
}

/// With a link to 172.18.0.0/16, and everything else behind its gateway.
fn around() -> Surroundings {
    let way = |destination: &str, gateway: Option<&str>| Way {
        destination: destination.parse().expect("valid"),
        gateway: gateway.map(|text| text.parse().expect("valid")),
        interface: "eth0".into(),
    };
    Surroundings {
        ways: vec![way("172.18.0.0/16", None), way("0.0.0.0/0", Some("172.18.0.1"))],
        ..Surroundings::default()
    }
}

fn named(is_answered: bool) -> Named {
    Named::Unknown { lines: Vec::new(), is_answered }
}

fn facts(networks: &[&Network], target: Target) -> Facts {
    Facts { source: party("box1", networks, 2), around: around(), target, host_has_way: true, ..Facts::default() }
}

fn obstacle(outcome: Outcome, address: &str) -> Obstacle {
    Obstacle { outcome, kind: TrialKind::Tcp, address: address.parse().expect("valid"), port: Some(80) }
}

fn check(obstacle: Obstacle, facts: &Facts, kind: Kind, words: &str) {
    let hindrance = judge(obstacle, facts);
    assert_eq!(hindrance.kind, kind, "{hindrance:?}");
    assert!(format!("{hindrance:?}").contains(words), "{words} is not in {hindrance:?}");
}

#[test]
fn the_first_thing_on_the_way_is_told() {
    let (lab, other) = (network(1, "lab"), network(2, "other"));
    let box2 = || party("box2", &[&lab], 3);
    let silent = obstacle(Outcome::Silent, "172.18.0.3");
    let refused = obstacle(Outcome::Refused, "172.18.0.3");

    let stopped = facts(&[&lab], Target::Stopped { name: "box2".into() });
    check(silent, &stopped, Kind::Stopped, "docker start box2");
    let apart = facts(&[&other], running(box2(), &["0.0.0.0:80"]));
    check(silent, &apart, Kind::Apart, "docker network connect lab box1");
    let none = Facts { around: Surroundings::default(), ..facts(&[], running(box2(), &[])) };
    check(obstacle(Outcome::NoRoute, "172.18.0.3"), &none, Kind::NoRoute, "has no network");

    let dead = Network { icc: false, ..lab.clone() };
    let kept = facts(&[&dead], running(party("box2", &[&dead], 3), &["0.0.0.0:80"]));
    check(silent, &kept, Kind::IccOff, "published ports only");
    check(refused, &facts(&[&dead], running(party("box2", &[&dead], 3), &[])), Kind::NothingListens, "any other");

    let together = |listeners: &[&str]| facts(&[&lab], running(box2(), listeners));
    check(refused, &together(&[]), Kind::NothingListens, "Start the program in box2");
    check(refused, &together(&["0.0.0.0:8080", "[::]:443"]), Kind::NothingListens, "it listens at 443, 8080");
    check(refused, &together(&["127.0.0.1:80"]), Kind::OnlyLoopback, "0.0.0.0:80 instead of 127.0.0.1:80");
    check(silent, &together(&["0.0.0.0:80"]), Kind::Unseen, "nsenter --net=/run/netns/0123456789ab");
    check(obstacle(Outcome::Odd, "172.18.0.3"), &together(&["0.0.0.0:80"]), Kind::OddAnswer, "HTTP");
    // Listening says nothing about an echo.
    check(Obstacle { kind: TrialKind::Ping, port: None, ..silent }, &together(&[]), Kind::Unseen, "a rule inside it");
}

#[test]
fn what_lies_outside_is_judged_by_routes_and_rules() {
    let lab = network(1, "lab");
    let away = obstacle(Outcome::Silent, "192.0.2.1");
    let mut outside = facts(&[&lab], Target::Elsewhere);
    check(away, &outside, Kind::Unseen, "Trace the route");
    check(obstacle(Outcome::Refused, "192.0.2.1"), &outside, Kind::NothingListens, "192.0.2.1:80");
    outside.foreign.push(ForeignDrop {
        rule: "policy drop of chain FORWARD".into(),
        effect: "ufw drops packets from docker0".into(),
        remedy: "ufw route allow in on docker0".into(),
    });
    check(away, &outside, Kind::ForeignRule, "ufw route allow");
    let internal = Network { internal: true, ..lab.clone() };
    check(away, &facts(&[&internal], Target::Elsewhere), Kind::Internal, "docker network connect bridge box1");
    let mut nobody = facts(&[&lab], Target::Elsewhere);
    nobody.around.absent.push(IpAddr::from([172, 18, 0, 9]));
    check(obstacle(Outcome::Unreachable, "172.18.0.9"), &nobody, Kind::NobodyThere, "behind eth0");
    nobody.around.absent.push(IpAddr::from([172, 18, 0, 1]));
    check(away, &nobody, Kind::NobodyThere, "The gateway 172.18.0.1");
    let six = facts(&[&lab], Target::Elsewhere);
    check(obstacle(Outcome::NoRoute, "fd00::1"), &six, Kind::NoRoute, "has no IPv6");
    check(obstacle(Outcome::NoRoute, "fd00::1"), &six, Kind::NoRoute, "docker network create --ipv6");
    let stuck = Facts { host_has_way: false, ..facts(&[&lab], Target::Elsewhere) };
    check(obstacle(Outcome::Unreachable, "10.1.2.3"), &stuck, Kind::NoRoute, "The host has no route to 10.1.2.3");
    check(obstacle(Outcome::NoRoute, "10.1.2.3"), &stuck, Kind::NoRoute, "The host has no route to 10.1.2.3");
    check(obstacle(Outcome::NoRoute, "10.1.2.3"), &outside_of(&lab), Kind::Unseen, "somebody on the way says");
    check(obstacle(Outcome::Silent, "fe80::1"), &outside_of(&lab), Kind::NoRoute, "is a link-local address");
    let everybody = Facts { is_broadcast: true, ..outside_of(&lab) };
    check(obstacle(Outcome::Unreachable, "172.18.255.255"), &everybody, Kind::NobodyThere, "is a broadcast address");
    let host = Target::Host { around: Surroundings::default() };
    check(obstacle(Outcome::Refused, "172.18.0.1"), &facts(&[&lab], host), Kind::NothingListens, "the host");
}

fn outside_of(network: &Network) -> Facts {
    facts(&[network], Target::Elsewhere)
}

#[test]
fn commands_that_are_told_can_be_typed() {
    let lab = network(1, "lab");
    let bridge = Network { predefined: true, ..network(2, "bridge") };
    let of_names = |source: Party, other: Party, taken: &[&str]| {
        let taken = taken.iter().map(|name| (*name).to_owned()).collect();
        let facts = Facts { source, taken, ..facts(&[], running(other, &[])) };
        unknown_name("box2", &named(true), &facts).remedy
    };
    let alone = |name: &str| Party { stack: Stack::Alone, ..party(name, &[], 0) };
    let shared = |name: &str| Party { stack: Stack::Shared, ..party(name, &[], 0) };
    let is_command = |remedy: Remedy, command: &str| assert_eq!(remedy, Remedy::Command(command.into()));
    let (box1, box2) = (party("box1", &[&bridge], 2), party("box2", &[&bridge], 3));
    is_command(
        of_names(box1.clone(), box2.clone(), &["lab", "lab2"]),
        "docker network create lab3 && docker network connect lab3 box1 && docker network connect lab3 box2",
    );
    is_command(of_names(party("box1", &[&lab], 2), box2, &["lab"]), "docker network connect lab box2");
    is_command(
        of_names(alone("box1"), party("box2", &[&lab], 3), &["lab"]),
        "docker network disconnect none box1 && docker network connect lab box1",
    );
    is_command(
        of_names(box1.clone(), alone("box2"), &[]),
        "docker network create lab && docker network connect lab box1 && docker network disconnect none box2 && \
         docker network connect lab box2",
    );
    for remedy in [of_names(box1, shared("box2"), &[]), of_names(shared("box1"), party("box2", &[&lab], 3), &[])] {
        assert!(format!("{remedy:?}").contains("can be connected to no network"), "{remedy:?}");
    }
    let taken = Facts { taken: ["six".to_owned()].into(), ..outside_of(&lab) };
    let told = judge(obstacle(Outcome::NoRoute, "fd00::1"), &taken).remedy;
    is_command(told, "docker network create --ipv6 six2 && docker network connect six2 box1");
}

#[test]
fn a_name_without_an_address_is_explained() {
    let (lab, other) = (network(1, "lab"), network(2, "other"));
    let bridge = Network { predefined: true, ..network(3, "bridge") };
    let of = |own: &Network, theirs: &Network| {
        unknown_name("box2", &named(true), &facts(&[own], running(party("box2", &[theirs], 3), &[])))
    };
    assert_eq!(of(&lab, &other).kind, Kind::Apart);
    assert_eq!(of(&lab, &other).remedy, Remedy::Command("docker network connect other box1".into()));
    assert!(of(&bridge, &bridge).reason.contains("on which names are not answered"));
    assert!(of(&lab, &lab).reason.contains("does not know box2"));
    let stopped = unknown_name("box2", &named(true), &facts(&[&lab], Target::Stopped { name: "box2".into() }));
    assert_eq!(stopped.kind, Kind::Stopped);
    let silent = unknown_name("nobody", &named(false), &facts(&[&lab], Target::Elsewhere));
    assert!(silent.reason.contains("give no answer"), "{silent:?}");
    let nobody = unknown_name("nobody", &named(true), &facts(&[&lab], Target::Elsewhere));
    assert_eq!(nobody.kind, Kind::NameUnknown);
    let box2 = facts(&[&lab], running(party("box2", &[&other, &lab], 3), &[]));
    assert_eq!(box2.target_address(), Some(IpAddr::from([172, 19, 0, 3])), "that in the shared network");
}
