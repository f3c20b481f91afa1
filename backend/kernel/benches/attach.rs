//! How long it takes to attach a container, from a new namespace to its default route: the executor, beside the least that
//! netlink can be asked with, and beside the commands of the plan typed into a shell. `cargo bench -p drawbridge-kernel`.
//! Argument: how many containers in a row, 100 unless told. Each publishes a port; the floor leaves the tables alone.

use drawbridge_api::{
    ContainerId, EndpointId, Gateway, GatewayMode, HostPort, IfName, MacAddress, NetworkId, NsName, Protocol,
    PublishedPort,
};
use drawbridge_kernel::{Kernel, testing::in_sandbox};
use drawbridge_plan::{BridgeNetwork, Desired, Namespace, Object, Scope, Step, VethEndpoint, explain, plan};
use netlink_packet_core::{NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressMessage},
    link::{InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage},
    route::{RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteType},
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};
use std::{
    fs::File,
    net::{IpAddr, Ipv4Addr},
    os::fd::AsRawFd,
    process::Command,
    time::{Duration, Instant},
};

/// The first ones fill caches, and make the folder of namespaces.
const WARM_UP: u16 = 5;

/// One attachment: what took how long.
type Timings = Vec<(&'static str, Duration)>;

fn main() {
    let count = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(100);
    // By turns, so that whatever else the machine does slows both.
    let (floor, executor): (Vec<Timings>, Vec<Timings>) = in_sandbox(|| {
        let kernel = network_up();
        let rows = (0..count + WARM_UP).map(|number| (floor(2 * number), executor(&kernel, 2 * number + 1)));
        let rows = rows.skip(WARM_UP.into()).unzip();
        let start = Instant::now();
        let found = kernel.observe(&Scope::Everything, &[]).expect("observed").objects.len();
        println!("to observe everything, {found} objects: {} µs", start.elapsed().as_micros());
        rows
    });
    let script: Vec<Timings> = in_sandbox(|| {
        network_up();
        (0..count.min(100) + WARM_UP).map(script).skip(WARM_UP.into()).collect()
    });
    for (name, rows) in [("netlink floor", &floor), ("executor", &executor), ("shell", &script)] {
        println!("{name}: {} containers in a row; µs: median, p95, median of the last tenth", rows.len());
        for (index, (step, _)) in rows[0].iter().enumerate() {
            print(step, rows.iter().map(|row| row[index].1));
        }
        print("all", rows.iter().map(total));
    }
    let median = |rows: &[Timings]| quantile(rows.iter().map(total), 50).as_secs_f64();
    println!("executor / floor: {:.2}", median(&executor) / median(&floor));
    println!("shell / executor: {:.2}", median(&script) / median(&executor));
}

fn network_up() -> Kernel {
    let kernel = Kernel::open().expect("this machine can");
    let network = Desired { tables: true, networks: vec![network()], ..Desired::default() };
    let mut session = kernel.session().expect("a session");
    for step in plan(&network, &Default::default(), &Scope::Everything) {
        session.execute(&step).expect("the bridge and the tables");
    }
    kernel
}

fn total(row: &Timings) -> Duration {
    row.iter().map(|(_, time)| *time).sum()
}

fn quantile(times: impl Iterator<Item = Duration>, percent: usize) -> Duration {
    let mut times: Vec<Duration> = times.collect();
    times.sort();
    times[(times.len() - 1) * percent / 100]
}

fn print(name: &str, times: impl ExactSizeIterator<Item = Duration> + Clone) {
    let last = quantile(times.clone().skip(times.len() * 9 / 10), 50);
    let (median, p95) = (quantile(times.clone(), 50), quantile(times, 95));
    println!("  {name:<12} {:>7} {:>7} {:>7}", median.as_micros(), p95.as_micros(), last.as_micros());
}

struct Clock {
    row: Timings,
    last: Instant,
}

impl Clock {
    fn start() -> Clock {
        Clock { row: Vec::new(), last: Instant::now() }
    }

    fn lap(&mut self, step: &'static str) {
        let now = Instant::now();
        self.row.push((step, now - self.last));
        self.last = now;
    }
}

fn network() -> BridgeNetwork {
    BridgeNetwork {
        id: NetworkId::from_bytes([1; 32]),
        bridge: "docker0".parse().expect("valid"),
        mtu: 1500,
        addresses: vec!["172.17.0.1/16".parse().expect("valid")],
        internal: false,
        icc: true,
        gateway4: Gateway { masquerade: true, ..Gateway::default() },
        trusted: Vec::new(),
        gateway6: Gateway::default(),
    }
}

fn address(number: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(172, 17, 0, 2)) + u32::from(number))
}

fn names(number: u16) -> (NsName, IfName) {
    let name = format!("{number:012x}");
    (name.parse().expect("valid"), format!("veth{number:07x}").parse().expect("valid"))
}

fn wanted(number: u16) -> (Desired, Scope) {
    let mut id = [7; 32];
    id[..2].copy_from_slice(&number.to_be_bytes());
    let (name, host_end) = names(number);
    let container = ContainerId::from_bytes(id);
    let endpoint = VethEndpoint {
        id: EndpointId::from_bytes(id),
        network: network().id,
        bridge: network().bridge,
        namespace: name.clone(),
        host_end: host_end.clone(),
        interface: "eth0".parse().expect("valid"),
        mac: MacAddress::from_ipv4(address(number)),
        mtu: 1500,
        addresses: vec![format!("{}/16", address(number)).parse().expect("valid")],
        link_local: Vec::new(),
        gateways: vec!["172.17.0.1".parse().expect("valid")],
        icc: true,
        mode4: GatewayMode::Nat,
        trusting: false,
        forwards: false,
        mode6: GatewayMode::Nat,
        ports: vec![PublishedPort {
            host: HostPort { address: Ipv4Addr::UNSPECIFIED.into(), protocol: Protocol::Tcp, port: 10_000 + number },
            container_port: 80,
        }],
    };
    let scope = Scope::Container {
        id: container.clone(),
        namespace: name.clone(),
        host_ends: vec![host_end],
        elements: endpoint.elements().into_iter().collect(),
    };
    let namespaces = vec![Namespace { name, container }];
    (Desired { namespaces, endpoints: vec![endpoint], ..Desired::default() }, scope)
}

fn executor(kernel: &Kernel, number: u16) -> Timings {
    let (desired, scope) = wanted(number);
    let mut clock = Clock::start();
    let observed = kernel.observe(&scope, &[]).expect("observed");
    clock.lap("observe");
    let steps = plan(&desired, &observed, &scope);
    clock.lap("plan");
    let mut session = kernel.session().expect("a session");
    clock.lap("open");
    for step in &steps {
        session.execute(step).expect("done");
        clock.lap(title(step));
    }
    drop(session);
    clock.lap("close");
    clock.row
}

fn script(number: u16) -> Timings {
    let (desired, scope) = wanted(number);
    let steps = plan(&desired, &Default::default(), &scope);
    let mut clock = Clock::start();
    for step in &steps {
        for command in explain(step).commands {
            assert!(Command::new("sh").args(["-c", &command]).status().expect("a shell").success(), "{command}");
        }
        clock.lap(title(step));
    }
    clock.row
}

fn title(step: &Step) -> &'static str {
    match step {
        Step::Add { object: Object::Namespace { .. } } => "namespace",
        Step::Add { object: Object::Veth { .. } } => "veth",
        Step::Add { object: Object::Port { .. } } => "port",
        Step::Add { object: Object::Address { .. } } => "address",
        Step::Add { object: Object::Up { .. } } => "up",
        Step::Add { object: Object::Route { .. } } => "route",
        Step::Add { object: Object::Hairpin { .. } } => "hairpin",
        Step::Elements { .. } => "elements",
        Step::Add { .. } | Step::Remove { .. } | Step::SetSysctl { .. } => "other",
    }
}

// ---- the floor: no marks, no questions, no errors but panics ----

fn floor(number: u16) -> Timings {
    let (name, host_end) = names(number);
    let path = format!("/run/netns/{name}");
    let mut clock = Clock::start();
    let mut host = open();
    clock.lap("open");
    let (mut inside, namespace) = std::thread::spawn(move || {
        File::create_new(&path).expect("a file");
        unshare(CloneFlags::CLONE_NEWNET).expect("root may");
        let inside = open();
        let own = "/proc/thread-self/ns/net";
        mount(Some(own), path.as_str(), None::<&str>, MsFlags::MS_BIND, None::<&str>).expect("mounted");
        (inside, File::open(own).expect("it is there"))
    })
    .join()
    .expect("it ends");
    up(&mut inside, 1);
    clock.lap("namespace");
    let mut peer = LinkMessage::default();
    peer.attributes = vec![
        LinkAttribute::IfName("eth0".to_owned()),
        LinkAttribute::Address(MacAddress::from_ipv4(address(number)).0.to_vec()),
        LinkAttribute::NetNsFd(namespace.as_raw_fd()),
    ];
    let mut pair = LinkMessage::default();
    pair.attributes = vec![
        LinkAttribute::IfName(host_end.as_str().to_owned()),
        LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Veth),
            LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
        ]),
    ];
    ask(&mut host, RouteNetlinkMessage::NewLink(pair), NLM_F_CREATE | NLM_F_EXCL);
    clock.lap("veth");
    let index = index_of(&mut host, host_end.as_str());
    let bridge = index_of(&mut host, "docker0");
    let mut port = LinkMessage::default();
    port.header.index = index;
    port.attributes = vec![LinkAttribute::Controller(bridge)];
    ask(&mut host, RouteNetlinkMessage::SetLink(port), 0);
    clock.lap("port");
    let mut message = AddressMessage::default();
    message.header.family = AddressFamily::Inet;
    message.header.prefix_len = 16;
    message.header.index = 2;
    let own = IpAddr::V4(address(number));
    message.attributes = vec![AddressAttribute::Local(own), AddressAttribute::Address(own)];
    ask(&mut inside, RouteNetlinkMessage::NewAddress(message), NLM_F_CREATE | NLM_F_EXCL);
    clock.lap("address");
    up(&mut host, index);
    clock.lap("up");
    up(&mut inside, 2);
    clock.lap("up");
    let mut route = RouteMessage::default();
    route.header.address_family = AddressFamily::Inet;
    route.header.table = RouteHeader::RT_TABLE_MAIN;
    route.header.kind = RouteType::Unicast;
    route.header.protocol = RouteProtocol::Boot;
    let gateway = RouteAddress::Inet(Ipv4Addr::new(172, 17, 0, 1));
    route.attributes = vec![RouteAttribute::Gateway(gateway), RouteAttribute::Oif(2)];
    ask(&mut inside, RouteNetlinkMessage::NewRoute(route), NLM_F_CREATE | NLM_F_EXCL);
    clock.lap("route");
    drop((host, inside, namespace));
    clock.lap("close");
    clock.row
}

fn open() -> Socket {
    let mut socket = Socket::new(NETLINK_ROUTE).expect("a socket");
    socket.bind_auto().expect("bound");
    socket.connect(&SocketAddr::new(0, 0)).expect("connected");
    socket
}

fn up(socket: &mut Socket, index: u32) {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    ask(socket, RouteNetlinkMessage::SetLink(message), 0);
}

fn ask(socket: &mut Socket, message: RouteNetlinkMessage, flags: u16) {
    let answer = send(socket, message, NLM_F_ACK | flags);
    assert_eq!(answer.get(16..20), Some([0; 4].as_slice()), "refused: {answer:?}");
}

fn index_of(socket: &mut Socket, name: &str) -> u32 {
    let mut message = LinkMessage::default();
    message.attributes = vec![LinkAttribute::IfName(name.to_owned())];
    let answer = send(socket, RouteNetlinkMessage::GetLink(message), 0);
    // Family, type and number follow the header (`struct ifinfomsg`).
    u32::from_ne_bytes(answer[20..24].try_into().expect("four bytes"))
}

/// Sends a request and gives the first datagram of its answer.
fn send(socket: &mut Socket, message: RouteNetlinkMessage, flags: u16) -> Vec<u8> {
    let mut message = NetlinkMessage::new(Default::default(), NetlinkPayload::InnerMessage(message));
    message.header.flags = NLM_F_REQUEST | flags;
    message.finalize();
    let mut datagram = vec![0; message.buffer_len()];
    message.serialize(&mut datagram);
    socket.send(&datagram, 0).expect("sent");
    let mut answer = Vec::with_capacity(4096);
    socket.recv(&mut answer, 0).expect("answered");
    answer
}
