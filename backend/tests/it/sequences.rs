//! Any sequence of operations on networks and containers leaves in the kernel exactly what the rows want, after each of them.

use crate::harness::{DEADLINE, Folders};
use drawbridge::{
    boot,
    engine::Mode,
    model::{ContainerSpec, NewContainer, NewNetwork, NewRange},
    ops::{Class, Daemon, OpError, connect, container, lifecycle, network, publish, start, stopping},
};
use drawbridge_api::{Attachment, NetworkMode, Origin, PortRequest, Protocol};
use drawbridge_kernel::testing::check_in_sandbox;
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};
use tokio::runtime::Runtime;

const CASES: u32 = 24;
const NETWORKS: usize = 3;
const CONTAINERS: usize = 2;

/// One thing that somebody asks for, by the numbers of networks and containers.
#[derive(Clone, Copy, Debug)]
enum Deed {
    CreateNetwork(usize),
    RemoveNetwork(usize),
    CreateContainer(usize, usize),
    Start(usize),
    Stop(usize),
    Remove(usize),
    Publish(usize, u16),
    Connect(usize, usize, i32),
    Disconnect(usize, usize),
}

fn deed() -> impl Strategy<Value = Deed> {
    // Number NETWORKS is the default bridge.
    let (net, any_net, box_) = (0..NETWORKS, 0..=NETWORKS, 0..CONTAINERS);
    prop_oneof![
        3 => net.clone().prop_map(Deed::CreateNetwork),
        1 => net.prop_map(Deed::RemoveNetwork),
        3 => (box_.clone(), any_net.clone()).prop_map(|(one, network)| Deed::CreateContainer(one, network)),
        4 => box_.clone().prop_map(Deed::Start),
        1 => box_.clone().prop_map(Deed::Stop),
        1 => box_.clone().prop_map(Deed::Remove),
        3 => (box_.clone(), 0..3u16).prop_map(|(one, ports)| Deed::Publish(one, ports)),
        4 => (box_.clone(), any_net.clone(), -1..2).prop_map(|(one, network, first)| Deed::Connect(one, network, first)),
        2 => (box_, any_net).prop_map(|(one, network)| Deed::Disconnect(one, network)),
    ]
}

fn network_name(number: usize) -> String {
    if number == NETWORKS { "bridge".to_owned() } else { format!("net{number}") }
}

/// The networks differ: the first has IPv6 too, the second keeps its containers apart, the third is internal.
fn new_network(number: usize) -> Result<NewNetwork, OpError> {
    let subnet = format!("10.{}.0.0/24", 40 + number).parse().unwrap();
    Ok(NewNetwork {
        ranges: vec![NewRange::of(subnet)],
        ipv6: number == 0,
        icc: number != 1,
        internal: number == 2,
        ..NewNetwork::bridge(network_name(number).parse()?)
    })
}

fn new_container(number: usize, network: usize) -> Result<NewContainer, OpError> {
    let spec = ContainerSpec {
        image: "busybox".into(),
        entrypoint: None,
        cmd: Some(vec!["sleep".into(), "100000".into()]),
        env: Vec::new(),
        working_dir: String::new(),
        user: String::new(),
        hostname: None,
        labels: BTreeMap::new(),
        stop_signal: Some("SIGKILL".into()),
        stop_timeout_s: Some(0),
        network_mode: NetworkMode::Network(network_name(network).parse()?),
        auto_remove: false,
        exposed_ports: Vec::new(),
        console: Default::default(),
        ports: Vec::new(),
        publish_all: false,
        settings: Default::default(),
        naming: Default::default(),
    };
    Ok(NewContainer { name: Some(format!("box{number}").parse()?), spec, attachments: Vec::new(), links: Vec::new() })
}

fn port(container: usize, number: u16) -> PortRequest {
    let host_port = 8000 + 10 * u16::try_from(container).unwrap() + number;
    PortRequest { container_port: 80, protocol: Protocol::Tcp, host_address: None, host_port, host_port_end: None }
}

async fn ask(daemon: &Arc<Daemon>, deed: Deed) -> Result<(), OpError> {
    let (mode, origin) = (Mode::Apply, Origin::Docker);
    let name = |number: usize| format!("box{number}");
    match deed {
        Deed::CreateNetwork(number) => network::create(daemon, mode, origin, new_network(number)?).await.map(drop),
        Deed::RemoveNetwork(number) => network::remove(daemon, mode, origin, &network_name(number)).await.map(drop),
        Deed::CreateContainer(one, network) => {
            container::create(daemon, mode, origin, new_container(one, network)?).await.map(drop)
        }
        Deed::Start(one) => lifecycle::start(daemon, mode, origin, &name(one)).await.map(drop),
        Deed::Stop(one) => {
            let options = stopping::StopOptions::default();
            stopping::stop(daemon, mode, origin, &name(one), options).await.map(drop)
        }
        Deed::Remove(one) => {
            let (running, volumes) = (container::Running::Kill, container::Volumes::Remove);
            container::remove(daemon, mode, origin, &name(one), running, volumes).await.map(drop)
        }
        Deed::Publish(one, ports) => {
            let ports = (0..ports).map(|number| port(one, number)).collect();
            publish::update(daemon, mode, origin, &name(one), ports).await.map(drop)
        }
        Deed::Connect(one, network, gateway_priority) => {
            let to = Attachment { gateway_priority, ..Attachment::to(network_name(network).parse()?) };
            connect::connect(daemon, mode, origin, &name(one), to).await.map(drop)
        }
        Deed::Disconnect(one, network) => {
            let how = connect::Disconnect::Whole;
            connect::disconnect(daemon, mode, origin, &name(one), &network_name(network), how).await.map(drop)
        }
    }
}

/// Refusals are part of life; a failure is not.
fn check(deed: Deed, done: Result<(), OpError>) -> Result<(), TestCaseError> {
    match done {
        Ok(()) | Err(OpError::NotConnected { .. }) => Ok(()),
        Err(error) if error.class() != Class::Failed => Ok(()),
        Err(error) => Err(TestCaseError::fail(format!("{deed:?} failed: {error}"))),
    }
}

/// A namespace ends a little after its name, in the background; nothing else may differ.
async fn is_as_wanted(daemon: &Arc<Daemon>, after: &[Deed]) -> Result<(), TestCaseError> {
    let begun = Instant::now();
    loop {
        let drift = daemon.engine.drift().map_err(|error| TestCaseError::fail(error.to_string()))?;
        if drift.steps.is_empty() {
            return Ok(());
        }
        if begun.elapsed() > DEADLINE {
            return Err(TestCaseError::fail(format!("after {after:?}: {:#?}", drift.steps)));
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// What every sequence begins with, since most of what chance asks for first is refused: there is nothing yet.
const FIRST: [Deed; 4] =
    [Deed::CreateNetwork(0), Deed::CreateContainer(0, 0), Deed::Start(0), Deed::Connect(0, NETWORKS, 0)];

/// Does them, and counts those starts and connections that were not refused.
async fn go(daemon: &Arc<Daemon>, chosen: &[Deed], counts: &[AtomicUsize; 2]) -> Result<(), TestCaseError> {
    let deeds = [&FIRST, chosen].concat();
    for (number, deed) in deeds.iter().enumerate() {
        let done = ask(daemon, *deed).await;
        match deed {
            Deed::Start(_) if done.is_ok() => drop(counts[0].fetch_add(1, Ordering::Relaxed)),
            Deed::Connect(..) if done.is_ok() => drop(counts[1].fetch_add(1, Ordering::Relaxed)),
            _ => {}
        }
        check(*deed, done)?;
        is_as_wanted(daemon, &deeds[..=number]).await?;
    }
    // The next case begins with what the first one did.
    let last = (0..CONTAINERS).map(Deed::Remove).chain((0..NETWORKS).map(Deed::RemoveNetwork));
    for deed in last {
        check(deed, ask(daemon, deed).await)?;
    }
    is_as_wanted(daemon, &deeds).await
}

#[test]
fn the_kernel_has_what_the_rows_want_whatever_is_done() {
    check_in_sandbox(|| {
        let folders = Folders::new();
        let runtime = Runtime::new().unwrap();
        let booted = runtime.block_on(boot::boot(&folders.config())).unwrap();
        runtime.block_on(start::bring_up(&booted.daemon)).unwrap();
        let config = Config { cases: CASES, failure_persistence: None, max_shrink_iters: 4, ..Config::default() };
        let daemon = &booted.daemon;
        let counts = [AtomicUsize::new(0), AtomicUsize::new(0)];
        TestRunner::new(config)
            .run(&vec(deed(), 8..20), |deeds| runtime.block_on(go(daemon, &deeds, &counts)))
            .unwrap_or_else(|failure| panic!("{failure}"));
        let [starts, connections] = counts.map(AtomicUsize::into_inner);
        let cases = usize::try_from(CASES).unwrap();
        assert!(starts >= cases && connections >= cases, "{starts} starts and {connections} connections are no test");
        runtime.block_on(start::take_down(daemon)).unwrap();
        runtime.shutdown_background();
    });
}
