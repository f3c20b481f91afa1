//! The world of the table: a host with twelve networks, and a neighbour machine that routes everything through it.

use super::{
    rows::{Protocol, Row},
    sctp,
};
use crate::wanted::{FORWARD, reach, shell};
use drawbridge_api::{ContainerId, EndpointId, Gateway, GatewayMode, HostPort, MacAddress, NetworkId, PublishedPort};
use drawbridge_kernel::{Kernel, testing::inside};
use drawbridge_plan::{BridgeNetwork, Desired, Namespace, Sysctl, VethEndpoint};
use std::{
    io::{self, ErrorKind, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// What becomes of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A server answered, which saw this source.
    Reached(&'static str),
    /// Somebody said no.
    Refused,
    /// Nobody said anything.
    Dropped,
    /// A server heard it, and its answer went elsewhere.
    Unanswered,
    /// A server answered that saw another source.
    ReachedAs(IpAddr),
}

/// How long an answer may take that is to come. Everything is on one machine, which may be busy.
const PATIENCE: Duration = Duration::from_secs(30);
/// What is waited for in vain costs this each; what is to come is asked for again after it.
const IN_VAIN: Duration = Duration::from_millis(700);

/// A network of the world; its containers have .2, .3 and so on.
struct Net {
    number: u8,
    containers: &'static [&'static str],
    mode: GatewayMode,
    internal: bool,
    icc: bool,
    masquerade: bool,
    source: bool,
    trusting: bool,
}

const NAT: Net = Net {
    number: 18,
    containers: &["a", "b", "s"],
    mode: GatewayMode::Nat,
    internal: false,
    icc: true,
    masquerade: true,
    source: false,
    trusting: false,
};

const NETS: [Net; 12] = [
    NAT,
    Net { number: 19, containers: &["c"], ..NAT },
    Net { number: 20, containers: &["d", "e"], icc: false, ..NAT },
    Net { number: 21, containers: &["f", "g"], internal: true, ..NAT },
    Net { number: 22, containers: &["h"], mode: GatewayMode::NatUnprotected, ..NAT },
    Net { number: 23, containers: &["i"], mode: GatewayMode::Routed, ..NAT },
    Net { number: 24, containers: &["j", "k"], mode: GatewayMode::Isolated, internal: true, ..NAT },
    Net { number: 25, containers: &["l"], masquerade: false, ..NAT },
    Net { number: 26, containers: &["m"], source: true, ..NAT },
    Net { number: 27, containers: &["n"], trusting: true, ..NAT },
    // A lab: p behind the router r, and q and t behind it on the other side, where it is .9.
    Net { number: 28, containers: &["p", "r"], ..NAT },
    Net { number: 29, containers: &["q", "t"], ..NAT },
];

/// What is published: the container, where on the host, and the container's port.
const PUBLISHED: [(&str, &str, &str, u16); 21] = [
    ("a", "0.0.0.0:8080", "tcp", 80),
    ("a", "[::]:8080", "tcp", 80),
    ("a", "0.0.0.0:8080", "udp", 80),
    ("a", "[::]:8080", "udp", 80),
    ("a", "0.0.0.0:8080", "sctp", 80),
    ("a", "[::]:8080", "sctp", 80),
    ("a", "127.0.0.1:8081", "tcp", 80),
    ("a", "192.0.2.1:8082", "tcp", 81),
    ("a", "[2001:db8::1]:8082", "tcp", 81),
    ("a", "192.0.2.1:8090", "tcp", 80),
    ("b", "192.0.2.9:8090", "tcp", 80),
    ("d", "0.0.0.0:8083", "tcp", 80),
    ("d", "[::]:8083", "tcp", 80),
    ("d", "0.0.0.0:8083", "sctp", 80),
    ("h", "0.0.0.0:8085", "tcp", 80),
    ("h", "[::]:8085", "tcp", 80),
    ("i", "0.0.0.0:0", "tcp", 80),
    ("i", "[::]:0", "tcp", 80),
    ("i", "0.0.0.0:0", "sctp", 82),
    ("n", "0.0.0.0:8086", "tcp", 80),
    ("n", "[::]:8086", "tcp", 80),
];

/// The world; its servers end with it.
pub(super) struct World {
    end: Arc<AtomicBool>,
    server: Option<JoinHandle<()>>,
}

impl World {
    pub(super) fn new() -> World {
        neighbour();
        let kernel = Kernel::open().expect("this machine can");
        reach(&kernel, &desired());
        shell("sysctl -qw net.ipv6.conf.all.forwarding=1");
        // For the attempts with another's address.
        shell("ip -n s addr add 172.18.0.2/32 dev eth0; ip -n s addr add 172.18.0.1/32 dev eth0");
        shell("ip -n s addr add fd18::2/128 dev eth0 nodad; ip -n s addr add 172.19.0.2/32 dev eth0");
        lab();
        let mut servers = Servers::default();
        for name in NETS.iter().flat_map(|net| net.containers) {
            servers.extend(inside(name, || Servers::open(&["::"], &[80, 81])));
            servers.sctp.push(inside(name, || sctp::Server::open(&[80, 81, 82])));
        }
        servers.extend(inside("neighbour", || Servers::open(&["::"], &[7000])));
        servers.sctp.push(inside("neighbour", || sctp::Server::open(&[7000])));
        servers.extend(Servers::open(&["::"], &[7001]));
        wait_for_ipv6();
        let end = Arc::<AtomicBool>::default();
        let until = Arc::clone(&end);
        World { end, server: Some(thread::spawn(move || servers.serve(&until))) }
    }

    pub(super) fn attempt(&self, row: &Row) -> Outcome {
        let to: SocketAddr = row.to.parse().expect("an address and a port");
        let source = match row.from {
            "s as a" if to.is_ipv4() => Some("172.18.0.2"),
            "s as a" => Some("fd18::2"),
            "s as gateway" => Some("172.18.0.1"),
            "s as c" => Some("172.19.0.2"),
            "r as t" if to.is_ipv4() => Some("172.29.0.3"),
            "r as t" => Some("fd29::3"),
            _ => None,
        };
        let source = source.map(|address| address.parse().expect("an address"));
        let patience = if row.expected == Outcome::Dropped { IN_VAIN } else { PATIENCE };
        let try_it = || match row.protocol {
            Protocol::Tcp => tcp(to, patience),
            Protocol::Udp => udp(to, source, patience),
            Protocol::Sctp => sctp::ask(to, source, patience, IN_VAIN),
        };
        let answer = match row.from.split(' ').next() {
            None | Some("host") => try_it(),
            Some(name) => inside(name, try_it),
        };
        match (answer, row.expected) {
            (Ok(seen), Outcome::Reached(expected)) if expected.parse() == Ok(seen) => row.expected,
            (Ok(seen), _) => Outcome::ReachedAs(seen),
            (Err(error), _) if error.kind() == ErrorKind::ConnectionRefused => Outcome::Refused,
            (Err(error), _) if error.kind() == ErrorKind::Other => Outcome::Unanswered,
            (Err(_), _) => Outcome::Dropped,
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(server) = self.server.take() {
            server.join().expect("the servers end");
        }
    }
}

/// Until no link-local address is being tried any more (RFC 4862 §5.4): before that a bridge does not ask who has an address.
fn wait_for_ipv6() {
    let tentative = || {
        shell(
            "ip -o -6 addr show tentative; for name in $(ls /run/netns); do ip -n $name -o -6 addr show tentative; done",
        )
    };
    let deadline = Instant::now() + PATIENCE;
    while !tentative().is_empty() {
        assert!(Instant::now() < deadline, "{}", tentative());
        thread::sleep(Duration::from_millis(20));
    }
}

/// Another machine on the same wire, whose every route leads here: one to 127.0.0.0/8 too.
fn neighbour() {
    shell("ip netns add neighbour; ip link add wire type veth peer name eth0 netns neighbour; ip link set wire up");
    shell("ip addr add 192.0.2.1/24 dev wire; ip addr add 192.0.2.9/24 dev wire");
    shell("ip addr add 2001:db8::1/64 dev wire nodad; ip addr add 2001:db8::9/64 dev wire nodad preferred_lft 0");
    shell("ip -n neighbour link set lo up; ip -n neighbour link set eth0 up");
    shell("ip -n neighbour addr add 192.0.2.2/24 dev eth0; ip -n neighbour addr add 2001:db8::2/64 dev eth0 nodad");
    shell("ip -n neighbour route add default via 192.0.2.1; ip -n neighbour route add default via 2001:db8::1");
    shell("ip -n neighbour addr del 127.0.0.1/8 dev lo; ip -n neighbour route add 127.0.0.0/8 via 192.0.2.1");
    shell("nsenter --net=/run/netns/neighbour sysctl -qw net.ipv4.conf.eth0.route_localnet=1");
}

/// What whoever builds the lab does in its containers: ways through the router, which forwards.
fn lab() {
    for (name, network, router) in [("p", 29, "28::3"), ("q", 28, "29::9")] {
        let (four, six) = (router.replace("::", ".0."), format!("fd{router}"));
        shell(&format!("ip -n {name} route add 172.{network}.0.0/24 via 172.{four}"));
        shell(&format!("ip -n {name} route add fd{network}::/64 via {six}"));
    }
    for setting in ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"] {
        shell(&format!("nsenter --net=/run/netns/r sysctl -qw {setting}"));
    }
    // For the attempts with another's address.
    shell("ip -n r addr add 172.29.0.3/32 dev lo; ip -n r addr add fd29::3/128 dev lo nodad");
}

fn desired() -> Desired {
    let sysctls = vec![Sysctl { key: FORWARD.to_owned(), value: "1".to_owned() }];
    let mut desired = Desired { tables: true, sysctls, ..Desired::default() };
    for net in NETS {
        let Net { number, mode, internal, icc, masquerade, .. } = net;
        let gateway = |source: &str| Gateway {
            mode,
            masquerade,
            source: net.source.then(|| source.parse().expect("an address")),
        };
        let network = BridgeNetwork {
            id: NetworkId::from_bytes([number; 32]),
            bridge: format!("br{number}").parse().expect("valid"),
            mtu: 1500,
            addresses: if mode == GatewayMode::Isolated { Vec::new() } else { addresses(number, 1).to_vec() },
            internal,
            icc,
            trusted: net.trusting.then(|| "wire".parse().expect("valid")).into_iter().collect(),
            gateway4: gateway("192.0.2.9"),
            gateway6: gateway("2001:db8::9"),
        };
        for (host, name) in (2_u8..).zip(net.containers) {
            desired.namespaces.push(Namespace {
                name: name.parse().expect("valid"),
                container: ContainerId::from_bytes([8 * (number - 17) + host; 32]),
            });
            let [four, six] = addresses(number, 1);
            desired.endpoints.push(VethEndpoint {
                id: EndpointId::from_bytes([8 * (number - 17) + host; 32]),
                network: network.id.clone(),
                bridge: network.bridge.clone(),
                namespace: name.parse().expect("valid"),
                host_end: format!("veth{number}x{host}").parse().expect("valid"),
                interface: "eth0".parse().expect("valid"),
                mac: MacAddress([2, 0x42, 0, 0, number, host]),
                mtu: 1500,
                addresses: addresses(number, host).to_vec(),
                link_local: Vec::new(),
                gateways: if internal { Vec::new() } else { vec![four.addr(), six.addr()] },
                icc,
                trusting: net.trusting,
                forwards: *name == "r",
                mode4: mode,
                mode6: mode,
                ports: published(name),
            });
        }
        desired.networks.push(network);
    }
    let is = |endpoint: &&VethEndpoint, name: &str| endpoint.namespace.as_str() == name;
    let near = desired.endpoints.iter().find(|endpoint| is(endpoint, "r")).expect("it is there").clone();
    let far = desired.endpoints.iter().find(|endpoint| is(endpoint, "q")).expect("it is there").clone();
    desired.endpoints.push(VethEndpoint {
        id: EndpointId::from_bytes([255; 32]),
        namespace: near.namespace,
        host_end: "veth29x9".parse().expect("valid"),
        interface: "eth1".parse().expect("valid"),
        mac: MacAddress([2, 0x42, 0, 0, 29, 9]),
        addresses: addresses(29, 9).to_vec(),
        gateways: Vec::new(),
        forwards: true,
        ..far
    });
    desired
}

fn addresses(number: u8, host: u8) -> [ipnet::IpNet; 2] {
    // The second group in the decimal digits of the IPv4 range, so that a row can be read.
    let group = u16::from_str_radix(&format!("fd{number}"), 16).expect("digits");
    let four = Ipv4Addr::new(172, number, 0, host).into();
    let six = Ipv6Addr::new(group, 0, 0, 0, 0, 0, 0, host.into()).into();
    [ipnet::IpNet::new_assert(four, 24), ipnet::IpNet::new_assert(six, 64)]
}

fn published(container: &str) -> Vec<PublishedPort> {
    let own = PUBLISHED.iter().filter(|(name, ..)| *name == container);
    let ports = own.map(|(_, host, protocol, container_port)| {
        let at: SocketAddr = host.parse().expect("an address and a port");
        let protocol = protocol.parse().expect("a protocol");
        let host = HostPort { address: at.ip(), protocol, port: at.port() };
        PublishedPort { host, container_port: *container_port }
    });
    ports.collect()
}

/// Sockets that answer with the address they were spoken to from.
#[derive(Default)]
struct Servers {
    tcp: Vec<TcpListener>,
    udp: Vec<UdpSocket>,
    sctp: Vec<sctp::Server>,
}

impl Servers {
    /// Opens them in the namespace of the calling thread.
    fn open(addresses: &[&str], ports: &[u16]) -> Servers {
        let mut servers = Servers::default();
        for address in addresses {
            for port in ports {
                let at = SocketAddr::new(address.parse().expect("an address"), *port);
                let listener = TcpListener::bind(at).expect("nobody else has it");
                listener.set_nonblocking(true).expect("a socket");
                let socket = UdpSocket::bind(at).expect("nobody else has it");
                socket.set_nonblocking(true).expect("a socket");
                servers.tcp.push(listener);
                servers.udp.push(socket);
            }
        }
        servers
    }

    fn extend(&mut self, other: Servers) {
        self.tcp.extend(other.tcp);
        self.udp.extend(other.udp);
        self.sctp.extend(other.sctp);
    }

    fn serve(self, end: &AtomicBool) {
        let mut buffer = [0; 16];
        while !end.load(Ordering::Relaxed) {
            for listener in &self.tcp {
                while let Ok((mut stream, from)) = listener.accept() {
                    let _ = stream.write_all(from.ip().to_canonical().to_string().as_bytes());
                }
            }
            for socket in &self.udp {
                while let Ok((_, from)) = socket.recv_from(&mut buffer) {
                    let _ = socket.send_to(from.ip().to_canonical().to_string().as_bytes(), from);
                }
            }
            self.sctp.iter().for_each(sctp::Server::serve);
            thread::sleep(Duration::from_millis(1));
        }
    }
}

fn tcp(to: SocketAddr, patience: Duration) -> io::Result<IpAddr> {
    let mut stream = TcpStream::connect_timeout(&to, patience)?;
    stream.set_read_timeout(Some(patience))?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    address(&text)
}

/// A datagram may be lost, while a bridge has not seen yet that its ports are up, for one: so it is sent again.
fn udp(to: SocketAddr, source: Option<IpAddr>, patience: Duration) -> io::Result<IpAddr> {
    let any: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((source.unwrap_or(any), 0))?;
    socket.set_read_timeout(Some(IN_VAIN))?;
    socket.connect(to)?;
    let deadline = Instant::now() + patience;
    let mut buffer = [0; 64];
    loop {
        socket.send(b"who am I")?;
        match socket.recv(&mut buffer) {
            Ok(length) => return address(&String::from_utf8_lossy(&buffer[..length])),
            // How a read that took too long is told (socket(7), SO_RCVTIMEO).
            Err(error) if error.kind() == ErrorKind::WouldBlock && Instant::now() < deadline => {}
            Err(error) => return Err(error),
        }
    }
}

fn address(text: &str) -> io::Result<IpAddr> {
    text.parse().map_err(|_| io::Error::other(format!("not an address: {text:?}")))
}
