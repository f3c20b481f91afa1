//! Throughput between two containers and through a published port, beside a bridge and veths made by hand.

use crate::{
    attach::{BRIDGE, address, attach_floor, floor_bridge},
    floor,
    road::{Road, attach, detach},
    script::shell,
};
use drawbridge::store::endpoint;
use drawbridge_api::{HostPort, Protocol};
use drawbridge_kernel::{Kernel, testing::inside};
use drawbridge_plan::{Element, Step};
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

/// How long one measurement takes, and how often each is repeated, by turns: short ones, so that what else the machine does
/// falls on all of them alike.
const FOR: Duration = Duration::from_millis(250);
const ROUNDS: usize = 41;
const PORT: u16 = 5201;

pub(crate) fn print(road: &Road, _: usize) {
    floor_bridge();
    let (by_hand, by_hand_client) = (9_001, 9_002);
    attach_floor(by_hand);
    attach_floor(by_hand_client);
    let records = [road.container("bridge"), road.container("bridge")];
    let scopes = records.each_ref().map(|record| road.tokio.block_on(attach(&road.daemon, record, None)).unwrap());
    let endpoints = endpoint::of_container(&road.daemon.engine.store.read().unwrap(), &records[0].id).unwrap();
    let server = SocketAddr::new(endpoints[0].addresses()[0].addr(), PORT);
    shell(
        "ip netns add near; ip link add wire type veth peer name eth0 netns near; ip addr add 192.0.2.1/24 dev wire
         ip link set wire up; ip -n near link set eth0 up; ip -n near addr add 192.0.2.2/24 dev eth0
         ip -n near route add default via 192.0.2.1",
    );
    let host = HostPort { address: Ipv4Addr::UNSPECIFIED.into(), protocol: Protocol::Tcp, port: PORT };
    let elements = vec![Element::Published { host, to: server }, Element::Counted(host)];
    let mut session = Kernel::open().unwrap().session().unwrap();
    session.execute(&Step::Elements { add: elements.clone(), remove: Vec::new() }).unwrap();
    for name in [records[0].id.short(), &format!("f{by_hand}")] {
        let listener = inside(name, || TcpListener::bind(("0.0.0.0", PORT)).unwrap());
        // Ends with the program: it waits for connections that no longer come.
        thread::spawn(move || listener.incoming().flatten().for_each(swallow));
    }
    let by_hand_address = SocketAddr::new(address(by_hand).into(), PORT);
    let client = format!("f{by_hand_client}");
    let ways = [
        ("two namespaces on a bridge made by hand", client.as_str(), by_hand_address),
        ("two containers of one network", records[1].id.short(), server),
        ("a neighbour, routed to a namespace made by hand", "near", by_hand_address),
        ("a neighbour, through a published port", "near", SocketAddr::new(Ipv4Addr::new(192, 0, 2, 1).into(), PORT)),
    ];
    let mut rates = [const { Vec::<f64>::new() }; 4];
    for _ in 0..ROUNDS {
        for ((_, from, to), rates) in ways.iter().zip(&mut rates) {
            rates.push(inside(from, || rate(*to)));
        }
    }
    println!("\nthroughput of one TCP connection, {ROUNDS} times {} ms by turns", FOR.as_millis());
    let medians = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[ROUNDS / 2]
    });
    for ((name, ..), median) in ways.iter().zip(medians) {
        println!("  {name:<52} {median:>8.2} Gbit/s");
    }
    for (words, ours, theirs) in [("two containers / by hand", 1, 0), ("published / routed by hand", 3, 2)] {
        let ratio = medians[ours] / medians[theirs];
        let word = if ratio >= 0.98 { "met" } else { "missed" };
        println!("  aim {word}: {words}: {ratio:.3}, at least 0.980");
    }
    session.execute(&Step::Elements { add: Vec::new(), remove: elements }).unwrap();
    shell("ip netns del near");
    for (record, scope) in records.iter().zip(scopes) {
        road.tokio.block_on(detach(&road.daemon, record, scope)).unwrap();
    }
    for name in [by_hand, by_hand_client] {
        floor::detach(&format!("f{name}"));
    }
    floor::remove(BRIDGE.0);
}

fn swallow(mut stream: TcpStream) {
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 17];
        while stream.read(&mut buffer).is_ok_and(|length| length > 0) {}
    });
}

/// Gigabits in a second that one connection carries.
fn rate(to: SocketAddr) -> f64 {
    let mut stream = TcpStream::connect(to).unwrap();
    let buffer = vec![0; 1 << 17];
    let begun = Instant::now();
    let mut sent = 0_u64;
    while begun.elapsed() < FOR {
        stream.write_all(&buffer).unwrap();
        sent += buffer.len() as u64;
    }
    8.0 * sent as f64 / begun.elapsed().as_secs_f64() / 1e9
}
