//! Attaching a container to a network, from nothing to its default route: the engine's change, the netlink floor and the
//! chapter's script, by turns.

use crate::{
    AT_ONCE, floor,
    measure::{Times, aim, in_units, line, timed, title},
    network,
    road::{self, Road},
    script,
};
use drawbridge::model::ContainerRecord;
use drawbridge_kernel::Kernel;
use drawbridge_plan::{Element, Scope, Step};
use std::{
    net::Ipv4Addr,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// How many of one kind are attached before it is another one's turn.
const ROW: usize = AT_ONCE;
/// The bridge that floor and script attach to.
pub(crate) const BRIDGE: (u32, &str) = (900_000, "floor");
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 200, 0, 1);
pub(crate) const PREFIX: u8 = 16;

/// Makes the bridge of floor and script.
pub(crate) fn floor_bridge() {
    floor::bridge(BRIDGE.0, BRIDGE.1, GATEWAY, PREFIX, "");
}

/// Attaches by the floor; the namespace's name and its host end have this number.
pub(crate) fn attach_floor(number: usize) {
    floor::attach(BRIDGE.0, &namespace(number), &host_end(number), address(number), PREFIX, GATEWAY);
}

fn namespace(number: usize) -> String {
    format!("f{number}")
}

fn host_end(number: usize) -> String {
    format!("veth-f{number}")
}

pub(crate) fn address(number: usize) -> Ipv4Addr {
    Ipv4Addr::from_bits(GATEWAY.to_bits() + 1 + u32::try_from(number).unwrap())
}

pub(crate) fn print(road: &Road, count: usize) {
    floor_bridge();
    let records: Vec<Arc<ContainerRecord>> = (0..AT_ONCE).map(|_| Arc::new(road.container("bridge"))).collect();
    let commit = network::commit_times(road, count).median();
    let transaction = transaction_times(count).median();

    let [engine, floor, script] = in_a_row(road, &records, count);
    let ratio = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64();
    let without = |engine: &Times| engine.median().saturating_sub(commit + transaction);
    title(&format!("attach a container, {ROW} in a row, {} in all", engine.0.len()));
    line("netlink floor, 2 datagrams", &floor, &[]);
    line("engine: lock, rows, plan, steps, journal", &engine, &[("floor", floor.median())]);
    line("the chapter's script and a default route", &script, &[("engine", engine.median())]);
    println!("  one commit {}, one transaction of the tables {}", in_units(commit), in_units(transaction));
    aim("(engine - one commit - one transaction) / floor", ratio(without(&engine), floor.median()), 1.5);
    aim("engine / script", ratio(engine.median(), script.median()), 0.2);
    println!("  of these, in the engine:");
    for (name, times) in road.stopwatch.take() {
        println!(
            "    {name:<50} {:>5} {:>10} {:>10}",
            times.0.len(),
            in_units(times.median()),
            in_units(times.quantile(95))
        );
    }

    let [engine, floor, script] = by_turns(road, &records[0], count);
    title(&format!("attach a container, one by turns with the others, {count} in all"));
    line("netlink floor, 2 datagrams", &floor, &[]);
    line("engine", &engine, &[("floor", floor.median())]);
    line("the chapter's script and a default route", &script, &[("engine", engine.median())]);
    println!("  (engine - one commit - one transaction) / floor: {:.2}", ratio(without(&engine), floor.median()));

    let (engine, floor) = at_once(road, &records, count);
    title(&format!("attach a container, {AT_ONCE} at once, {} in all", engine.each.0.len()));
    line("netlink floor, from its begin to its end", &floor.each, &[]);
    line("engine, from its begin to its end", &engine.each, &[("floor", floor.each.median())]);
    line(&format!("netlink floor, all {AT_ONCE}"), &floor.all, &[]);
    line(&format!("engine, all {AT_ONCE}"), &engine.all, &[("floor", floor.all.median())]);
    println!("  the script can't: its interface eth00 is one name for all, on the host");
    floor::remove(BRIDGE.0);
}

/// Two elements, as an attached container has in the tables: who may send from its address.
fn transaction_times(count: usize) -> Times {
    let mut session = Kernel::open().unwrap().session().unwrap();
    let (address, link) = (Ipv4Addr::new(198, 51, 100, 1).into(), "veth-none".parse().unwrap());
    let elements = vec![Element::Leased(address), Element::Source { link, address }];
    let once = |_| {
        let add = Step::Elements { add: elements.clone(), remove: Vec::new() };
        let time = timed(|| session.execute(&add).unwrap()).1;
        session.execute(&Step::Elements { add: Vec::new(), remove: elements.clone() }).unwrap();
        time
    };
    (0..count).map(once).collect()
}

/// Engine, floor and script by turns, [`ROW`] of one and then as many of the next: often enough that whatever else the
/// machine does falls on all of them, and each in a row with its like, as the programs of a script of its own would else
/// push what it works with out of the processor's caches.
fn in_a_row(road: &Road, records: &[Arc<ContainerRecord>], count: usize) -> [Times; 3] {
    let [mut engine, mut floor, mut script] = [const { Times(Vec::new()) }; 3];
    for round in 0..=count.div_ceil(ROW) {
        if round == 1 {
            road.stopwatch.take();
            [&mut engine, &mut floor, &mut script].into_iter().for_each(|times| times.0.clear());
        }
        let attach_one = |record: &Arc<ContainerRecord>| {
            road.stopwatch.start();
            let attached =
                timed(|| road.tokio.block_on(road::attach(&road.daemon, record, Some(&road.stopwatch))).unwrap());
            road.stopwatch.stop("settle, commit, publish");
            attached
        };
        let attached: Vec<_> = records.iter().map(attach_one).collect();
        for (record, (scope, time)) in records.iter().zip(attached) {
            engine.push(time);
            detach(road, record, scope);
        }

        floor.0.extend((0..ROW).map(|number| timed(|| attach_floor(number)).1));
        for number in 0..ROW {
            floor::detach(&namespace(number));
            floor::wait_until_gone(&host_end(number));
        }

        for number in 0..ROW {
            let (name, address) = (format!("s{number}"), format!("{}/{PREFIX}", address(number)));
            script.push(timed(|| script::attach(BRIDGE.1, &name, &address, &GATEWAY.to_string())).1);
            floor::detach(&name);
            floor::wait_until_gone(&format!("veth-{name}"));
        }
    }
    [engine, floor, script]
}

/// The same, each one between one of the others, with cold caches.
fn by_turns(road: &Road, record: &ContainerRecord, count: usize) -> [Times; 3] {
    let [mut engine, mut floor, mut script] = [const { Times(Vec::new()) }; 3];
    for number in 0..count {
        let (scope, time) = timed(|| road.tokio.block_on(road::attach(&road.daemon, record, None)).unwrap());
        engine.push(time);
        detach(road, record, scope);

        floor.push(timed(|| attach_floor(number)).1);
        floor::detach(&namespace(number));
        floor::wait_until_gone(&host_end(number));

        let (name, address) = (format!("s{number}"), format!("{}/{PREFIX}", address(number)));
        script.push(timed(|| script::attach(BRIDGE.1, &name, &address, &GATEWAY.to_string())).1);
        floor::detach(&name);
        floor::wait_until_gone(&format!("veth-{name}"));
    }
    [engine, floor, script]
}

pub(crate) fn detach(road: &Road, record: &ContainerRecord, scope: Scope) {
    let Scope::Container { host_ends, .. } = &scope else { unreachable!("it is a container's") };
    let host_ends = host_ends.clone();
    road.tokio.block_on(road::detach(&road.daemon, record, scope)).unwrap();
    for host_end in host_ends {
        floor::wait_until_gone(host_end.as_str());
    }
}

/// Many that begin at the same moment: each one's time, and that of all of them.
#[derive(Default)]
struct Together {
    each: Times,
    all: Times,
}

fn at_once(road: &Road, records: &[Arc<ContainerRecord>], count: usize) -> (Together, Together) {
    let (mut engine, mut floor) = (Together::default(), Together::default());
    for _ in 0..count.div_ceil(AT_ONCE) {
        let (attached, time) = timed(|| {
            road.tokio.block_on(async {
                let begin = |record: &Arc<ContainerRecord>| {
                    let (daemon, record, begun) = (Arc::clone(&road.daemon), Arc::clone(record), Instant::now());
                    tokio::spawn(async move { (road::attach(&daemon, &record, None).await.unwrap(), begun.elapsed()) })
                };
                let tasks: Vec<_> = records.iter().map(begin).collect();
                let mut attached = Vec::with_capacity(tasks.len());
                for task in tasks {
                    attached.push(task.await.unwrap());
                }
                attached
            })
        });
        engine.all.push(time);
        for (record, (scope, time)) in records.iter().zip(attached) {
            engine.each.push(time);
            detach(road, record, scope);
        }

        let (times, time) = timed(|| {
            let begin = |number| {
                let begun = Instant::now();
                thread::spawn(move || {
                    attach_floor(number);
                    begun.elapsed()
                })
            };
            let threads: Vec<_> = (0..records.len()).map(begin).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Times>()
        });
        floor.all.push(time);
        floor.each.0.extend(times.0);
        (0..records.len()).for_each(|number| floor::detach(&namespace(number)));
        (0..records.len()).for_each(|number| floor::wait_until_gone(&host_end(number)));
    }
    (engine, floor)
}
