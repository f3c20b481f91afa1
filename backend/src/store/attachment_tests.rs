//! What is asked for in networks, and the addresses that are given beside it.

use super::{
    attachment, container, lease, network,
    tests::{database, demo, is_conflict, open, with_box},
};
use drawbridge_api::{Attachment, Subnet};
use drawbridge_plan::Family;

#[test]
fn leases_come_from_the_range_and_leave_what_is_asked_for() {
    let db = &database();
    let mut network = demo(1);
    let reserved = [("router".to_owned(), "10.1.4.1".parse().unwrap())].into();
    let six = Subnet::new("fd00:1::/64".parse().unwrap(), "fd00:1::1".parse().unwrap());
    network.subnets = vec![
        Subnet {
            ip_range: Some("10.1.4.0/30".parse().unwrap()),
            reserved,
            ..Subnet::new("10.1.0.0/16".parse().unwrap(), "10.1.0.1".parse().unwrap())
        },
        Subnet::new("10.2.0.0/30".parse().unwrap(), "10.2.0.1".parse().unwrap()),
        six,
    ];
    let change = open(db);
    network::insert(db, &network, change).unwrap();
    assert_eq!(network::get(db, &network.id).unwrap(), Some(network.clone()));
    let reserve = |address: &str| lease::reserve(db, &network.id, address.parse().unwrap()).unwrap();
    for address in ["10.1.0.1", "10.2.0.1", "fd00:1::1", "10.1.4.1"] {
        reserve(address);
    }
    let record = with_box(db, 1);
    let attachment = Attachment { address4: Some("10.1.4.2".parse().unwrap()), ..Attachment::to(network.name.clone()) };
    attachment::insert(db, &record.id, &attachment).unwrap();
    let next = |family| lease::next_free(db, &network, family).unwrap().map(|address| address.to_string());
    assert_eq!(next(Family::Ipv6).as_deref(), Some("fd00:1::2/64"));
    assert_eq!(next(Family::Ipv4).as_deref(), Some("10.1.4.0/16"));
    reserve("10.1.4.0");
    assert_eq!(next(Family::Ipv4).as_deref(), Some("10.1.4.3/16"), "10.1.4.2 is asked for");
    reserve("10.1.4.3");
    assert_eq!(next(Family::Ipv4).as_deref(), Some("10.2.0.2/30"), "the next range");
    reserve("10.2.0.2");
    assert_eq!(next(Family::Ipv4), None);
    let holder = |address: &str| lease::holder(db, &network.id, address.parse().unwrap()).unwrap();
    assert_eq!((holder("10.1.4.1"), holder("10.1.4.2")), (Some(lease::Holder::Network), None));
    container::delete(db, &record.id).unwrap();
    assert_eq!(next(Family::Ipv4).as_deref(), Some("10.1.4.2/16"), "nobody asks for it any more");
}

#[test]
fn attachments_are_kept_in_their_order() {
    let db = &database();
    let (record, other) = (with_box(db, 1), with_box(db, 2));
    let full = Attachment {
        network: "b".parse().unwrap(),
        aliases: vec!["web".into(), "www".into()],
        address4: Some("10.1.0.9".parse().unwrap()),
        address6: Some("fd00::9".parse().unwrap()),
        link_local: vec!["169.254.1.9".parse().unwrap()],
        mac: Some("02:42:00:00:00:09".parse().unwrap()),
        gateway_priority: -5,
        links: vec!["redis:db".into()],
        options: [("k".to_owned(), "v".to_owned())].into(),
    };
    let plain = Attachment::to("a".parse().unwrap());
    for attachment in [&full, &plain] {
        attachment::insert(db, &record.id, attachment).unwrap();
    }
    attachment::insert(db, &other.id, &plain).unwrap();
    assert!(is_conflict(attachment::insert(db, &record.id, &plain)), "once in a network");
    assert_eq!(attachment::of_container(db, &record.id).unwrap(), [full.clone(), plain.clone()]);
    assert_eq!(attachment::list(db).unwrap().len(), 3);
    assert!(attachment::delete(db, &record.id, &full.network).unwrap());
    assert!(!attachment::delete(db, &record.id, &full.network).unwrap());
    assert_eq!(attachment::of_container(db, &record.id).unwrap(), [plain]);
    container::delete(db, &record.id).unwrap();
    assert_eq!(attachment::list(db).unwrap().len(), 1);
}
