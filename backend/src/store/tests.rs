//! One test per question that the store answers, on a database in memory made by the migrations.

use super::{
    Connection, StoreError,
    connection::set_up,
    container, desired, endpoint, image,
    journal::{self, About, Request, StepResult, Verdict},
    lease,
    migrate::migrate,
    network, sysctl,
};
use crate::model::{ContainerRecord, ContainerSpec, ImageRecord};
use drawbridge_api::{
    ChangeState, ContainerId, ContainerState, Driver, Endpoint, EndpointId, Gateway, ImageId, MacAddress, Network,
    NetworkId, NetworkMode, Origin, Outcome, Subnet,
};
use drawbridge_plan::{Desired, Family, Object, Scope, Step};
use ipnet::IpNet;

pub(super) fn database() -> Connection {
    let mut db = Connection::open_in_memory().unwrap();
    set_up(&db).unwrap();
    migrate(&mut db).unwrap();
    db
}

pub(super) fn demo(number: u8) -> Network {
    let [subnet, gateway] = [format!("10.{number}.0.0/29"), format!("10.{number}.0.1")];
    Network {
        bridge: Some(format!("br-{number}").parse().unwrap()),
        subnets: vec![Subnet::new(subnet.parse().unwrap(), gateway.parse().unwrap())],
        gateway4: Gateway::nat(),
        gateway6: Gateway::nat(),
        options: [("a".to_owned(), "b".to_owned())].into(),
        created_at_ms: i64::from(number),
        ..Network::new(NetworkId::from_bytes([number; 32]), format!("demo{number}").parse().unwrap(), Driver::Bridge)
    }
}

fn box_of(number: u8) -> ContainerRecord {
    ContainerRecord {
        id: ContainerId::from_bytes([number; 32]),
        name: format!("box{number}").parse().unwrap(),
        image_id: ImageId::from_bytes([1; 32]),
        spec: ContainerSpec {
            image: "busybox".into(),
            entrypoint: None,
            cmd: None,
            env: Vec::new(),
            working_dir: String::new(),
            user: String::new(),
            hostname: None,
            labels: Default::default(),
            stop_signal: None,
            stop_timeout_s: None,
            network_mode: NetworkMode::None,
            auto_remove: false,
            exposed_ports: Vec::new(),
            console: Default::default(),
            ports: Vec::new(),
            publish_all: false,
            settings: Default::default(),
            naming: Default::default(),
        },
        state: ContainerState::Created,
        pid: None,
        exit_code: 0,
        error: String::new(),
        created_at_ms: i64::from(number),
        started_at_ms: None,
        finished_at_ms: None,
        life: Default::default(),
    }
}

fn busybox() -> ImageRecord {
    ImageRecord {
        id: ImageId::from_bytes([1; 32]),
        config: "{}".into(),
        layers: vec!["sha256:0".into()],
        size_bytes: 5,
        created_at_ms: 7,
        tags: vec!["busybox:latest".into()],
        digests: Vec::new(),
        parent_id: None,
        tagged_at_ms: Some(7),
    }
}

pub(super) fn open(db: &Connection) -> i64 {
    journal::open(db, request(), 1).unwrap().id
}

fn request() -> Request {
    Request { verb: "test", subject: "it".into(), origin: Origin::Panel }
}

pub(super) fn settle(db: &Connection, change: i64, verdict: Verdict) {
    journal::settle(db, change, &Scope::Everything, &[], &verdict, 2).unwrap();
}

pub(super) fn failed() -> Verdict {
    Verdict::Failed { error: "no".into() }
}

pub(super) fn with_network(db: &Connection, number: u8) -> Network {
    let network = demo(number);
    let change = open(db);
    network::insert(db, &network, change).unwrap();
    lease::reserve(db, &network.id, network.subnets[0].gateway).unwrap();
    settle(db, change, Verdict::Done);
    network
}

pub(super) fn with_box(db: &Connection, number: u8) -> ContainerRecord {
    image::put(db, &busybox(), 7).unwrap();
    let record = box_of(number);
    container::insert(db, &record).unwrap();
    record
}

/// Attaches a box to a network and leaves the change open.
pub(super) fn attach(db: &Connection, record: &ContainerRecord, network: &Network) -> Option<(i64, Endpoint)> {
    let change = open(db);
    let Some(IpNet::V4(address)) = lease::next_free(db, network, Family::Ipv4).unwrap() else { return None };
    let id = EndpointId::from_bytes(rand::random());
    let endpoint = Endpoint {
        host_end: Some(format!("veth{}", &id.as_str()[..7]).parse().unwrap()),
        id,
        network_id: network.id.clone(),
        network: network.name.clone(),
        interface: "eth0".parse().unwrap(),
        mac: MacAddress::from_ipv4(address.addr()),
        address4: Some(address),
        address6: None,
        gateway4: Some("10.1.0.1".parse().unwrap()),
        gateway6: None,
        link_local: vec!["169.254.0.9".parse().unwrap()],
        gateway_priority: -3,
    };
    endpoint::insert_namespace(db, &record.id, &record.id.short().parse().unwrap(), change).unwrap();
    endpoint::insert(db, &record.id, &endpoint, change).unwrap();
    Some((change, endpoint))
}

/// What a change of a box may touch.
pub(super) fn scope(record: &ContainerRecord) -> Scope {
    Scope::Container {
        id: record.id.clone(),
        namespace: record.id.short().parse().unwrap(),
        host_ends: Vec::new(),
        elements: Vec::new(),
    }
}

pub(super) fn is_conflict(result: Result<(), StoreError>) -> bool {
    matches!(result, Err(StoreError::Conflict { .. }))
}

#[test]
fn a_network_is_kept_whole_and_found_by_id_name_and_beginning() {
    let db = &database();
    let network = with_network(db, 0xab);
    assert_eq!(network::get(db, &network.id).unwrap(), Some(network.clone()));
    assert_eq!(network::list(db).unwrap(), vec![network.clone()]);
    for text in [network.id.as_str(), network.name.as_str(), "abab"] {
        assert_eq!(network::resolve(db, text).unwrap(), vec![network.id.clone()], "{text}");
    }
    for text in ["", "nope", "ABAB", "demo"] {
        assert_eq!(network::resolve(db, text).unwrap(), [], "{text}");
    }
    let ranges = network::ranges(db).unwrap();
    assert_eq!(ranges, [(network.subnets[0].subnet, network.name.clone())]);
}

#[test]
fn names_and_bridges_are_unique() {
    let db = &database();
    with_network(db, 1);
    let change = open(db);
    let same_name = Network { name: demo(1).name, ..demo(2) };
    assert!(is_conflict(network::insert(db, &same_name, change)));
    let same_bridge = Network { bridge: demo(1).bridge, ..demo(2) };
    assert!(is_conflict(network::insert(db, &same_bridge, change)));
    let record = with_box(db, 1);
    let same_name = ContainerRecord { name: record.name, ..box_of(2) };
    assert!(is_conflict(container::insert(db, &same_name)));
}

#[test]
fn leases_are_the_lowest_free_and_held_until_the_kernel_lets_go() {
    let db = &database();
    let network = with_network(db, 1);
    let mut boxes = Vec::new();
    // A /29 has six addresses, and the gateway has one of them.
    for (number, expected) in (1..).zip(["10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5", "10.1.0.6"]) {
        let record = with_box(db, number);
        let (change, endpoint) = attach(db, &record, &network).unwrap();
        settle(db, change, Verdict::Done);
        assert_eq!(endpoint.address4.unwrap().addr().to_string(), expected);
        boxes.push(record);
    }
    let late = with_box(db, 9);
    assert!(attach(db, &late, &network).is_none(), "the range is full");

    let change = open(db);
    endpoint::mark_removing(db, &boxes[2].id, change).unwrap();
    assert!(lease::next_free(db, &network, Family::Ipv4).unwrap().is_none(), "still in the kernel");
    settle(db, change, Verdict::Done);
    let (_, endpoint) = attach(db, &late, &network).unwrap();
    assert_eq!(endpoint.address4.unwrap().addr().to_string(), "10.1.0.4");
    let taken = lease::take(db, &network.id, "10.1.0.4".parse().unwrap(), &endpoint.id);
    assert!(is_conflict(taken), "never twice");
}

#[test]
fn a_search_for_an_address_goes_beyond_a_page() {
    let db = &database();
    let mut network = demo(1);
    network.subnets[0].subnet = "10.1.0.0/16".parse().unwrap();
    let change = open(db);
    network::insert(db, &network, change).unwrap();
    for last in 1..=200 {
        lease::reserve(db, &network.id, format!("10.1.0.{last}").parse().unwrap()).unwrap();
    }
    assert_eq!(lease::next_free(db, &network, Family::Ipv4).unwrap().unwrap().to_string(), "10.1.0.201/16");
}

#[test]
fn a_containers_life_is_kept() {
    let db = &database();
    let record = with_box(db, 0xcd);
    assert_eq!(container::get(db, &record.id).unwrap(), Some(record.clone()));
    for text in [record.id.as_str(), "box205", "cdcd"] {
        assert_eq!(container::resolve(db, text).unwrap(), vec![record.id.clone()], "{text}");
    }
    assert_eq!(container::by_name(db, &record.name).unwrap(), Some(record.id.clone()));
    container::set_start_failed(db, &record.id, 127, "not found").unwrap();
    container::set_running(db, &record.id, 42, 5).unwrap();
    let now = container::get(db, &record.id).unwrap().unwrap();
    assert_eq!((now.state, now.pid, now.exit_code, now.error.as_str()), (ContainerState::Running, Some(42), 0, ""));
    container::set_exited(db, &record.id, 3, 6).unwrap();
    let now = container::list(db).unwrap().remove(0);
    assert_eq!((now.state, now.pid, now.exit_code, now.finished_at_ms), (ContainerState::Exited, None, 3, Some(6)));
    container::delete(db, &record.id).unwrap();
    assert_eq!(container::list(db).unwrap(), []);
}

#[test]
fn endpoints_are_listed_by_container_and_network() {
    let db = &database();
    let network = with_network(db, 1);
    let record = with_box(db, 1);
    let (change, endpoint) = attach(db, &record, &network).unwrap();
    settle(db, change, Verdict::Done);
    assert_eq!(endpoint::of_container(db, &record.id).unwrap(), vec![endpoint.clone()]);
    let of_all = [(record.id.clone(), endpoint)];
    assert_eq!(endpoint::of_network(db, &network.id).unwrap(), of_all);
    assert_eq!(endpoint::list(db).unwrap(), of_all);
    let name: drawbridge_api::NsName = record.id.short().parse().unwrap();
    assert_eq!(endpoint::namespace(db, &record.id).unwrap(), Some(name.clone()));
    assert_eq!(endpoint::namespaces(db).unwrap(), [(record.id.clone(), name.clone())]);
    let again = endpoint::insert_namespace(db, &record.id, &name, change);
    assert!(is_conflict(again), "a container has one namespace");
    assert!(is_conflict(container::delete(db, &record.id)), "and keeps its row as long");
}

#[test]
fn what_is_wanted_are_the_rows_that_are_live_or_coming() {
    let db = &database();
    let nothing = Desired { tables: true, ..Desired::default() };
    assert_eq!(desired::load(db, &Scope::Everything).unwrap(), nothing);
    let network = with_network(db, 1);
    sysctl::need(db, "net.ipv4.ip_forward", "1", "0").unwrap();
    let (one, two) = (with_box(db, 1), with_box(db, 2));
    for record in [&one, &two] {
        attach(db, record, &network).unwrap();
    }
    let all = desired::load(db, &Scope::Everything).unwrap();
    assert!(all.tables);
    assert_eq!((all.networks.len(), all.namespaces.len(), all.endpoints.len(), all.sysctls.len()), (1, 2, 2, 1));
    assert_eq!(all.networks[0].addresses, ["10.1.0.1/29".parse().unwrap()]);

    let of_one = desired::load(db, &scope(&one)).unwrap();
    assert_eq!((of_one.networks.len(), of_one.endpoints.len()), (0, 1));
    let change = open(db);
    endpoint::mark_removing(db, &one.id, change).unwrap();
    assert_eq!(desired::load(db, &scope(&one)).unwrap().objects(), Default::default());
}

#[test]
fn the_journal_keeps_steps_and_outcomes() {
    let db = &database();
    let mut opened = journal::open(db, request(), 1).unwrap();
    let change = opened.id;
    assert!(journal::any_open(db).unwrap());
    let steps =
        [Step::Add { object: Object::Tables }, Step::SetSysctl { key: "k".into(), from: "0".into(), to: "1".into() }];
    journal::write_steps(db, change, &steps).unwrap();
    let done = StepResult { outcome: Outcome::Undone, error: None, duration_us: Some(9) };
    let refused = StepResult { outcome: Outcome::Failed, error: Some("why".into()), duration_us: None };
    opened.steps = journal::planned(&steps);
    assert_eq!(journal::get(db, change).unwrap().unwrap(), opened, "what is published is what is kept");
    let results = [done, refused];
    journal::settle(db, change, &Scope::Everything, &results, &failed(), 2).unwrap();
    assert!(!journal::any_open(db).unwrap());
    let kept = journal::get(db, change).unwrap().unwrap();
    assert_eq!(kept, journal::settled(opened, results.to_vec(), failed(), 2), "what is published is what is kept");
    assert_eq!((kept.state, kept.error.as_deref(), kept.settled_at_ms), (ChangeState::Failed, Some("no"), Some(2)));
    let outcomes: Vec<_> = kept.steps.iter().map(|step| (step.outcome, step.error.as_deref())).collect();
    assert_eq!(outcomes, [(Outcome::Undone, None), (Outcome::Failed, Some("why"))]);
    assert_eq!(kept.steps[1].commands, ["sysctl -w k=1"]);

    let later = open(db);
    let numbers = |changes: Vec<drawbridge_api::Change>| changes.iter().map(|change| change.id).collect::<Vec<_>>();
    assert_eq!(numbers(journal::list(db, About::All, None, 10).unwrap()), [later, change]);
    assert_eq!(numbers(journal::list(db, About::All, Some(later), 10).unwrap()), [change]);
    assert_eq!(numbers(journal::list(db, About::All, None, 1).unwrap()), [later]);
}

#[test]
fn the_journal_finds_the_changes_of_a_thing() {
    let db = &database();
    let open = |verb, subject: &str| {
        let request = journal::Request { verb, subject: subject.to_owned(), origin: Origin::Panel };
        journal::open(db, request, 1).unwrap().id
    };
    let network = open("create network", "web");
    let container = open("create container", "web");
    let ports = open("publish ports of", "web");
    open("start container", "other");
    open("reconcile", "");
    let ended = open("container ended", "web");
    let numbers = |about, before, limit| {
        let found = journal::list(db, about, before, limit).unwrap();
        found.iter().map(|change| change.id).collect::<Vec<_>>()
    };
    assert_eq!(numbers(About::Network("web"), None, 10), [network]);
    assert_eq!(numbers(About::Container("web"), None, 10), [ended, ports, container]);
    assert_eq!(numbers(About::Container("web"), None, 1), [ended]);
    assert_eq!(numbers(About::Container("web"), Some(ports), 10), [container]);
    assert!(numbers(About::Container("nobody"), None, 10).is_empty());
}

#[test]
fn a_change_that_was_cut_off_is_taken_over() {
    let db = &database();
    let cut_off = open(db);
    network::insert(db, &demo(1), cut_off).unwrap();
    let next = open(db);
    assert_eq!(journal::take_over(db, next, 5).unwrap(), 1);
    settle(db, next, Verdict::Done);
    assert_eq!(network::list(db).unwrap(), [demo(1)]);
    let kept = journal::get(db, cut_off).unwrap().unwrap();
    assert_eq!(
        (kept.state, kept.error),
        (ChangeState::Failed, Some(format!("interrupted; finished by change {next}")))
    );
}

#[test]
fn images_are_found_by_tag_and_beginning() {
    let db = &database();
    image::put(db, &busybox(), 7).unwrap();
    image::put(db, &busybox(), 7).unwrap();
    assert_eq!(image::list(db).unwrap(), [busybox()]);
    assert_eq!(image::by_tag(db, "busybox:latest").unwrap(), Some(busybox().id));
    assert_eq!(image::by_prefix(db, "0101").unwrap(), [busybox().id]);
    assert_eq!(image::get(db, &ImageId::from_bytes([2; 32])).unwrap(), None);
}

#[test]
fn a_settings_first_value_stands() {
    let db = &database();
    sysctl::need(db, "k", "1", "0").unwrap();
    sysctl::need(db, "k", "1", "1").unwrap();
    assert_eq!(sysctl::originals(db).unwrap()[0].value, "0");
    assert_eq!(sysctl::needed(db).unwrap()[0].value, "1");
}
