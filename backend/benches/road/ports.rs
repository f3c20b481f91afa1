//! Published ports: what the last of many costs a new connection, what one more costs to add, and what two hundred cost a
//! container's start; beside one DNAT rule of iptables for each port, as Docker lays them out.

use crate::{
    measure::{Times, aim, in_units, line, timed, title},
    road::{Road, applied, attach, detach, sleeper},
    script::{feed, shell},
};
use drawbridge::{
    engine::Mode,
    ops::container::{self, Running, Volumes},
    store::endpoint,
};
use drawbridge_api::{HostPort, Origin, PortRequest, Protocol};
use drawbridge_kernel::{Kernel, Session, testing::inside};
use drawbridge_plan::{Element, Step};
use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::Command,
    thread,
};

/// How many ports are published.
const AMOUNTS: [u16; 3] = [1, 1_000, 20_000];
/// The first of them.
const FIRST: u16 = 20_000;
/// How many connections are timed in one round with each amount, and how many additions.
const CONNECTIONS: usize = 100;
const ADDITIONS: usize = 20;
/// How often each amount is measured; rules take seconds to come and go.
const ROUNDS_OF_MAPS: usize = 9;
const ROUNDS_OF_RULES: usize = 2;
/// The first connections after thousands of ports were published find cold caches.
const WARM_UP: usize = 20;
/// How many ports one container publishes at once.
const MANY: u16 = 200;
/// The host's address on the neighbour's wire.
const HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

pub(crate) fn print(road: &Road, count: usize) {
    let record = road.container("bridge");
    let scope = road.tokio.block_on(attach(&road.daemon, &record, None)).unwrap();
    let endpoints = endpoint::of_container(&road.daemon.engine.store.read().unwrap(), &record.id).unwrap();
    let server = SocketAddr::new(endpoints[0].addresses()[0].addr(), 80);
    let listener = inside(record.id.short(), || TcpListener::bind("0.0.0.0:80").unwrap());
    // Ends with the program: it waits for connections that no longer come.
    thread::spawn(move || listener.incoming().for_each(drop));
    shell(&format!(
        "ip netns add near; ip link add wire type veth peer name eth0 netns near; ip addr add {HOST}/24 dev wire
         ip link set wire up; ip -n near link set eth0 up; ip -n near addr add 192.0.2.2/24 dev eth0"
    ));

    let kernel = Kernel::open().unwrap();
    let Costs { times: maps, used } = measure(&mut Maps { session: kernel.session().unwrap(), server }, ROUNDS_OF_MAPS);
    let rules = Rules::new(server).map(|mut rules| measure(&mut rules, ROUNDS_OF_RULES).times);
    title("a new connection through the last of n published ports");
    for (amount, (connect, _)) in AMOUNTS.iter().zip(&maps) {
        line(&format!("one map: {amount}"), connect, &[("one port", maps[0].0.median())]);
    }
    aim("20,000 ports / one", maps[2].0.median().as_secs_f64() / maps[0].0.median().as_secs_f64(), 1.1);
    for (amount, (connect, _)) in AMOUNTS.iter().zip(rules.iter().flatten()) {
        line(&format!("one iptables rule each: {amount}"), connect, &[("one port", maps[0].0.median())]);
    }
    title("one more port beside n");
    for (amount, (_, add)) in AMOUNTS.iter().zip(&maps) {
        line(&format!("one map: {amount}"), add, &[("one port", maps[0].1.median())]);
    }
    for (amount, (_, add)) in AMOUNTS.iter().zip(rules.iter().flatten()) {
        line(&format!("one iptables rule each: {amount}"), add, &[("one map", maps[0].1.median())]);
    }
    println!(
        "  kernel memory of a published port's elements: {used} bytes each (growth of Slab and Percpu, 20,000 ports)"
    );
    shell("ip netns del near");
    road.tokio.block_on(detach(&road.daemon, &record, scope)).unwrap();
    run_with_many(road, count.min(50));
}

/// A way to publish ports.
trait Publish {
    fn publish(&mut self, ports: &[u16]);
    fn unpublish(&mut self, ports: &[u16]);
}

/// What one way was found to cost.
struct Costs {
    /// New connections through the last port and one more port, at each amount.
    times: [(Times, Times); AMOUNTS.len()],
    /// Kernel memory of a port in bytes, at the largest amount.
    used: u64,
}

/// Times connections and additions at each amount, the amounts by turns: what earlier connections leave behind, in the
/// kernel's tables and in its caches, then weighs on all of them alike.
fn measure(way: &mut dyn Publish, rounds: usize) -> Costs {
    let mut costs = Costs { times: Default::default(), used: 0 };
    for _ in 0..rounds {
        for (amount, (connect, add)) in AMOUNTS.iter().zip(&mut costs.times) {
            let ports: Vec<u16> = (FIRST..FIRST + amount).collect();
            let before = kernel_bytes();
            ports.chunks(2_000).for_each(|ports| way.publish(ports));
            costs.used = kernel_bytes().saturating_sub(before) / u64::from(*amount);
            let last = SocketAddr::new(IpAddr::V4(HOST), FIRST + amount - 1);
            let times = inside("near", || {
                (0..WARM_UP + CONNECTIONS).map(|_| timed(|| TcpStream::connect(last).unwrap()).1).collect::<Vec<_>>()
            });
            connect.0.extend(&times[WARM_UP..]);
            for _ in 0..ADDITIONS {
                add.push(timed(|| way.publish(&[FIRST + amount])).1);
                way.unpublish(&[FIRST + amount]);
            }
            ports.chunks(2_000).for_each(|ports| way.unpublish(ports));
        }
    }
    costs
}

/// What the kernel uses for itself in small pieces (proc_meminfo(5)).
fn kernel_bytes() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap();
    let of = |name: &str| -> u64 {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0)
    };
    1024 * (of("SUnreclaim:") + of("Percpu:"))
}

/// Ours: elements.
struct Maps {
    session: Session,
    server: SocketAddr,
}

impl Maps {
    fn elements(&self, ports: &[u16]) -> Vec<Element> {
        let elements = ports.iter().flat_map(|port| {
            let host = HostPort { address: Ipv4Addr::UNSPECIFIED.into(), protocol: Protocol::Tcp, port: *port };
            [Element::Published { host, to: self.server }, Element::Counted(host)]
        });
        elements.collect()
    }
}

impl Publish for Maps {
    fn publish(&mut self, ports: &[u16]) {
        let add = self.elements(ports);
        self.session.execute(&Step::Elements { add, remove: Vec::new() }).unwrap();
    }

    fn unpublish(&mut self, ports: &[u16]) {
        let remove = self.elements(ports);
        self.session.execute(&Step::Elements { add: Vec::new(), remove }).unwrap();
    }
}

/// Docker's layout: a chain with a rule for each port.
struct Rules {
    server: SocketAddr,
}

impl Rules {
    fn new(server: SocketAddr) -> Option<Rules> {
        if !Command::new("iptables").arg("--version").output().is_ok_and(|output| output.status.success()) {
            println!("  iptables is not installed, so there is nothing to compare with");
            return None;
        }
        shell("iptables -t nat -N DOCKER; iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER");
        Some(Rules { server })
    }

    fn each(&self, verb: &str, ports: &[u16]) {
        let rule = |port: &u16| format!("{verb} DOCKER -p tcp --dport {port} -j DNAT --to-destination {}", self.server);
        match ports {
            [one] => shell(&format!("iptables -t nat {}", rule(one))),
            several => {
                let rules: Vec<String> = several.iter().map(rule).collect();
                let text = format!("*nat\n{}\nCOMMIT\n", rules.join("\n"));
                feed("iptables-restore", &["--noflush"], &text);
            }
        }
    }
}

impl Publish for Rules {
    fn publish(&mut self, ports: &[u16]) {
        self.each("-A", ports);
    }

    fn unpublish(&mut self, ports: &[u16]) {
        match ports {
            [_] => self.each("-D", ports),
            // All at once: to delete one rule after another takes minutes.
            _ => shell("iptables -t nat -F DOCKER"),
        }
    }
}

/// A container's whole run with one published port and with many.
fn run_with_many(road: &Road, count: usize) {
    let (mut one, mut many) = (Times::default(), Times::default());
    for number in 0..count + 2 {
        let times = [(1, &mut one), (MANY, &mut many)].map(|(ports, times)| {
            let mut new = sleeper("bridge");
            let request = |port: u16| PortRequest {
                container_port: 1_000 + port,
                protocol: Protocol::Tcp,
                host_address: Some(Ipv4Addr::UNSPECIFIED.into()),
                host_port: FIRST + port,
                host_port_end: None,
            };
            new.spec.ports = (0..ports).map(request).collect();
            let run = container::run(&road.daemon, Mode::Apply, Origin::Daemon, new);
            let (record, time) = timed(|| applied(road.tokio.block_on(run).unwrap()));
            let remove = container::remove(
                &road.daemon,
                Mode::Apply,
                Origin::Daemon,
                record.id.as_str(),
                Running::Kill,
                Volumes::Keep,
            );
            applied(road.tokio.block_on(remove).unwrap());
            (times, time)
        });
        // The first ones fill caches.
        if number >= 2 {
            for (times, time) in times {
                times.push(time);
            }
        }
    }
    title("run -d with published ports");
    line("1 port", &one, &[]);
    line(&format!("{MANY} ports, one transaction"), &many, &[("one", one.median())]);
    aim(&format!("{MANY} ports / one"), many.median().as_secs_f64() / one.median().as_secs_f64(), 2.0);
    println!("  {} more for each port", in_units((many.median().saturating_sub(one.median())) / u32::from(MANY - 1)));
}
