//! Making a network, and what one commit of the store costs.

use crate::{
    floor,
    measure::{Times, line, timed, title},
    road::{Road, applied},
    script,
};
use drawbridge::{
    engine::{Changed, Mode},
    model::NewNetwork,
    ops::{OpError, network},
    store::{
        Store,
        journal::{self, Request, Verdict},
    },
};
use drawbridge_api::{Gateway, Network, NetworkId, Origin};
use drawbridge_plan::{BridgeNetwork, Element, Scope};
use std::net::Ipv4Addr;

const WARM_UP: usize = 5;

/// Prints what one commit costs.
pub(crate) fn commit(road: &Road, count: usize) {
    title("one transaction of the store: begin, one row, commit (WAL, not synced)");
    line("journal row", &commit_times(road, count), &[]);
}

/// On a database of its own, in the same folder.
pub(crate) fn commit_times(road: &Road, count: usize) -> Times {
    let file = road.folders.data_dir.join("commit.sqlite");
    let store = Store::open(&file).unwrap();
    let mut times = Times::default();
    for number in 0..count + WARM_UP {
        let request = Request { verb: "commit", subject: number.to_string(), origin: Origin::Daemon };
        let begun = std::time::Instant::now();
        let tx = store.write().unwrap();
        let id = journal::open(&tx, request, 0).unwrap().id;
        tx.commit().unwrap();
        times.push(begun.elapsed());
        let tx = store.write().unwrap();
        journal::settle(&tx, id, &Scope::Tables, &[], &Verdict::Done, 0).unwrap();
        tx.commit().unwrap();
    }
    times.0.drain(..WARM_UP);
    times
}

/// Prints what a network costs.
pub(crate) fn print(road: &Road, count: usize) {
    let (mut engine, mut netlink, mut transaction, mut shell) =
        (Times::default(), Times::default(), Times::default(), Times::default());
    for number in 0..count + WARM_UP {
        let (network, time) = timed(|| create(road, Mode::Apply, number));
        engine.push(time);
        let name = applied(network.unwrap()).name;
        let removed = network::remove(&road.daemon, Mode::Apply, Origin::Daemon, name.as_str());
        applied(road.tokio.block_on(removed).unwrap());

        let (index, bridge) = (910_000 + u32::try_from(number).unwrap(), format!("floor{number}"));
        let alias = format!("drawbridge:network:{:064x}", number);
        netlink.push(timed(|| floor::bridge(index, &bridge, Ipv4Addr::new(10, 201, 0, 1), 16, &alias)).1);
        transaction.push(timed(|| script::nft(&elements("add", &bridge))).1);
        script::nft(&elements("delete", &bridge));
        floor::remove(index);

        let Changed::Previewed(plan) = create(road, Mode::Preview, number).unwrap() else { unreachable!("asked for") };
        shell.push(timed(|| script::carry_out(&plan)).1);
        script::take_back(&plan);
    }
    for times in [&mut engine, &mut netlink, &mut transaction, &mut shell] {
        times.0.drain(..WARM_UP);
    }
    let floor: Times = netlink.0.iter().zip(&transaction.0).map(|(one, other)| *one + *other).collect();
    title(&format!("create a network, {count} in a row"));
    line("netlink, 1 datagram", &netlink, &[]);
    line("one transaction by nft -f -", &transaction, &[]);
    line("floor: both", &floor, &[]);
    line("engine: host, table, rows, plan, steps, journal", &engine, &[("floor", floor.median())]);
    line("the plan's own commands by sh", &shell, &[("engine", engine.median())]);
}

pub(crate) fn create(road: &Road, mode: Mode, number: usize) -> Result<Changed<Network>, OpError> {
    let new = NewNetwork::bridge(format!("net{number}").parse()?);
    road.tokio.block_on(network::create(&road.daemon, mode, Origin::Daemon, new))
}

/// What a network is in the tables, added or deleted in one transaction.
fn elements(verb: &str, bridge: &str) -> String {
    let network = BridgeNetwork {
        id: NetworkId::from_bytes([1; 32]),
        bridge: bridge.parse().unwrap(),
        mtu: 1500,
        addresses: vec!["10.201.0.1/16".parse().unwrap()],
        internal: false,
        icc: true,
        gateway4: Gateway::nat(),
        gateway6: Gateway::nat(),
        trusted: Vec::new(),
    };
    let line = |element: Element| {
        format!("{verb} element {} {} {{ {} }}\n", element.table().name(), element.set(), element.key())
    };
    network.elements().into_iter().map(line).collect()
}
