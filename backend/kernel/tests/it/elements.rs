//! Elements come and go in one transaction, however many they are.

use crate::wanted::{Net, desired, observe, reach, shell};
use drawbridge_api::{HostPort, Protocol};
use drawbridge_kernel::{Kernel, StepError, testing::check_in_sandbox};
use drawbridge_plan::{Element, Object, Service, Step, explain};
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

fn tables() -> Kernel {
    let kernel = Kernel::open().expect("this machine can");
    reach(&kernel, &desired(&[Net::new(0, 0)]));
    kernel
}

fn change(kernel: &Kernel, add: &[Element], remove: &[Element]) -> Result<(), StepError> {
    let step = Step::Elements { add: add.to_vec(), remove: remove.to_vec() };
    kernel.session().expect("a session").execute(&step)
}

fn elements(kernel: &Kernel) -> BTreeSet<Element> {
    observe(kernel).objects.into_iter().filter_map(Object::into_element).collect()
}

fn at(port: u16) -> HostPort {
    HostPort { address: Ipv4Addr::UNSPECIFIED.into(), protocol: Protocol::Tcp, port }
}

fn published(port: u16, to: &str) -> Element {
    Element::Published { host: at(port), to: to.parse().expect("valid") }
}

/// Elements of both tables and of several sets, half of them with a value.
fn many(count: u16) -> Vec<Element> {
    let element = |number: u16| {
        let four: IpAddr = Ipv4Addr::from(0x0a00_0000 | u32::from(number)).into();
        let six: IpAddr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, number).into();
        match number % 4 {
            0 => Element::Published { host: at(number + 1), to: SocketAddr::new(four, 80) },
            1 => Element::Published {
                host: HostPort { address: six, protocol: Protocol::Udp, port: 53 },
                to: SocketAddr::new(six, number),
            },
            2 => Element::Counted(at(number + 1)),
            _ => Element::ApartService(Service { address: six, protocol: Protocol::Sctp, port: 7 }),
        }
    };
    (0..count).map(element).collect()
}

#[test]
fn thousands_come_and_go_at_once() {
    check_in_sandbox(|| {
        let kernel = tables();
        let before = elements(&kernel);
        let many = many(5000);
        change(&kernel, &many, &[]).expect("added");
        let after = elements(&kernel);
        assert_eq!(after.difference(&before).cloned().collect::<BTreeSet<_>>(), many.iter().cloned().collect());
        change(&kernel, &many, &[]).expect("added again");
        assert_eq!(elements(&kernel), after);
        change(&kernel, &[], &many).expect("removed");
        assert_eq!(elements(&kernel), before);
        change(&kernel, &[], &many).expect("removed again");
        assert_eq!(elements(&kernel), before);
        // More than a set's list in one message takes.
        let of_one_set: Vec<Element> = (0..5000).map(|number| published(number + 1, "10.0.0.1:80")).collect();
        change(&kernel, &of_one_set, &[]).expect("added");
        assert_eq!(elements(&kernel).len(), before.len() + 5000);
        change(&kernel, &before.iter().cloned().collect::<Vec<_>>(), &of_one_set).expect("removed");
        assert_eq!(elements(&kernel), before);
    });
}

#[test]
fn every_element_is_what_nft_makes_of_it() {
    check_in_sandbox(|| {
        let kernel = tables();
        let before = elements(&kernel);
        let many = many(64);
        for command in explain(&Step::Elements { add: many.clone(), remove: Vec::new() }).commands {
            shell(&command);
        }
        assert_eq!(elements(&kernel).len(), before.len() + many.len());
        change(&kernel, &[], &many).expect("removed");
        assert_eq!(elements(&kernel), before);
    });
}

#[test]
fn a_port_leads_elsewhere_after_one_transaction() {
    check_in_sandbox(|| {
        let kernel = tables();
        let (old, new) = (published(80, "172.17.0.2:80"), published(80, "172.17.0.3:8080"));
        change(&kernel, std::slice::from_ref(&old), &[]).expect("added");
        let step = Step::Elements { add: vec![new.clone()], remove: vec![old.clone()] };
        let mut session = kernel.session().expect("a session");
        for _ in 0..2 {
            session.execute(&step).expect("changed");
            assert!(elements(&kernel).contains(&new) && !elements(&kernel).contains(&old));
        }
        for _ in 0..2 {
            session.execute(&step.undo()[0]).expect("changed back");
            assert!(elements(&kernel).contains(&old) && !elements(&kernel).contains(&new));
        }
    });
}

#[test]
fn a_port_that_leads_elsewhere_is_told_and_nothing_done() {
    check_in_sandbox(|| {
        let kernel = tables();
        change(&kernel, &[published(80, "172.17.0.2:80")], &[]).expect("added");
        let before = elements(&kernel);
        let mut add: Vec<Element> = many(100);
        add.extend([published(8000, "172.17.0.3:80"), published(80, "172.17.0.3:80")]);
        let missing = Element::Leased(Ipv4Addr::new(198, 51, 100, 1).into());
        let error = change(&kernel, &add, &[missing]).expect_err("it leads elsewhere").to_string();
        assert!(error.contains("{ tcp . 80 : 172.17.0.3 . 80 } of published4 of inet drawbridge"), "{error}");
        assert!(error.contains("the map has another value for that key"), "{error}");
        assert_eq!(elements(&kernel), before);
    });
}

#[test]
fn what_is_not_there_is_removed_with_what_is() {
    check_in_sandbox(|| {
        let kernel = tables();
        let before = elements(&kernel);
        let there = [published(80, "172.17.0.2:80"), Element::Counted(at(80))];
        change(&kernel, &there, &[]).expect("added");
        let remove = [there.to_vec(), many(200)].concat();
        let added = Element::Leased(Ipv4Addr::new(198, 51, 100, 1).into());
        change(&kernel, std::slice::from_ref(&added), &remove).expect("changed");
        let mut expected = before;
        expected.insert(added);
        assert_eq!(elements(&kernel), expected);
    });
}

#[test]
fn without_tables_there_is_nothing_to_remove_and_no_place_to_add() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        change(&kernel, &[], &many(100)).expect("nothing is there");
        assert_eq!(kernel.all_traffic().expect("root may look"), [].into());
        assert_eq!(kernel.traffic(&[Element::Counted(at(80))]).expect("root may look"), [None]);
        let error = change(&kernel, &[Element::Counted(at(80))], &many(3)).expect_err("no set").to_string();
        assert!(error.contains("the set counted4 of the table inet drawbridge does not exist"), "{error}");
    });
}
