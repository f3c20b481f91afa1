//! What a step means: for a person the title and the reason, for `sh` the commands that do the same. The commands are
//! run by tests and compared with what the executor did, so they are not illustrations.

use crate::{
    element::{Element, Table},
    object::{IPV6_MTU_BYTES, NO_IPV6, Object, Place, RESOLVER, RESOLVER_PORT},
    ruleset,
    step::Step,
};
use drawbridge_api::{IfName, NsName, Protocol};
use std::collections::BTreeMap;

/// A step in words and commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// What it does, a few words.
    pub title: String,
    /// Why it is needed, one sentence.
    pub why: String,
    /// Commands for `sh`, in order.
    pub commands: Vec<String>,
}

/// Explains one step.
pub fn explain(step: &Step) -> Explained {
    match step {
        Step::Add { object } => explain_add(object),
        Step::Remove { object, takes } => explain_remove(object, takes),
        Step::Elements { add, remove } => explain_elements(add, remove),
        Step::SetSysctl { key, from, to } => Explained {
            title: format!("Set {key} from {from} to {to}"),
            why: sysctl_reason(key),
            commands: vec![format!("sysctl -w {key}={to}")],
        },
    }
}

fn sysctl_reason(key: &str) -> String {
    match key {
        "net.ipv4.ip_forward" => {
            "Without forwarding the host drops every packet that is not for itself, so containers could not reach \
             anything beyond their bridge."
        }
        "net.ipv6.conf.all.forwarding" => {
            "Without forwarding the host drops every IPv6 packet that is not for itself. With it, it no longer takes its own \
             default route from a router's announcements, unless accept_ra of that interface is 2."
        }
        _ => "The networks need this kernel setting.",
    }
    .to_owned()
}

fn explain_add(object: &Object) -> Explained {
    let (title, why) = match object {
        Object::Tables => (
            format!("Write the nftables tables {} and {}", Table::Inet.name(), Table::Bridge.name()),
            "Their chains never change: networks and containers only add elements to their sets, so the cost of a packet \
             stays the same however many there are."
                .to_owned(),
        ),
        Object::Bridge { name, .. } => (
            format!("Create bridge {name}"),
            "A bridge is a switch in software: every container of the network is plugged into it. The alias says which \
             network it belongs to. Its IPv6 addresses are used at once: it is alone with its containers, so nobody else can \
             have them."
                .to_owned(),
        ),
        Object::Namespace { name, .. } => (
            format!("Create network namespace {name}"),
            "The container gets a network stack of its own: interfaces, addresses and routes that nobody else sees. It starts \
             with a loopback and nothing more. What comes into it has no IPv6 until a network asks for it."
                .to_owned(),
        ),
        Object::Veth { host_end, interface, .. } => (
            format!("Create veth pair {host_end} ↔ {interface}"),
            "A veth pair is a cable with two ends: one stays on the host, the other is put into the namespace. What \
             goes in at one end comes out at the other."
                .to_owned(),
        ),
        Object::Macvlan { interface, parent, .. } => (
            format!("Create macvlan interface {interface} on {parent}"),
            "A macvlan interface is a second Ethernet address on the host's interface: the container is on that wire like a \
             machine of its own, without a bridge. Host and container can't reach each other this way."
                .to_owned(),
        ),
        Object::Port { link, bridge } => (
            format!("Plug {link} into bridge {bridge}"),
            "As a port of the bridge, the host's end of the cable is connected to every other container of the network."
                .to_owned(),
        ),
        Object::Address { place: Place::Host, link, address } => (
            format!("Give {link} the address {address}"),
            "The bridge's address is the containers' gateway, and the prefix brings the host a route to all of them."
                .to_owned(),
        ),
        Object::Address { place: Place::Namespace(_), link, address } => (
            format!("Give {link} the address {address}"),
            "The container is known by this address in its network; it is leased to it until it stops.".to_owned(),
        ),
        Object::RouteLocalnet { bridge } => (
            format!("Let 127.0.0.0/8 be routed through {bridge}"),
            "What the host sends to a port published on 127.0.0.1 leaves by this bridge. The tables drop such packets when a \
             container sends them."
                .to_owned(),
        ),
        Object::Hairpin { link } => (
            format!("Let {link} send back what came from it"),
            "Where br_netfilter is on, the bridge itself turns round a packet by which a container reaches its own \
             published port."
                .to_owned(),
        ),
        Object::Ipv6 { link, .. } => (
            format!("Turn IPv6 on for {link}"),
            "Its network has IPv6 addresses. They are leased, so the interface need not ask around for a second whether \
             somebody has one, and it believes no neighbour that announces itself as the way out."
                .to_owned(),
        ),
        Object::Element(element) => {
            return explain_elements(std::slice::from_ref(element), &[]);
        }
        Object::Up { link, .. } => {
            (format!("Bring {link} up"), "A link carries packets only when it is up.".to_owned())
        }
        Object::Route { gateway, link, .. } => (
            format!("Set the default route via {gateway}"),
            format!("Whatever is not in the container's own range leaves by {link} to the bridge, and the host takes it on."),
        ),
        Object::Resolver { namespace, .. } => (
            format!("Lead {RESOLVER} port 53 in {namespace} to the resolver"),
            format!(
                "The container's resolv.conf names {RESOLVER}, where the daemon answers the names of its neighbours. It \
                 listens at port {RESOLVER_PORT}, so that port 53 stays free for a server of the container's own."
            ),
        ),
    };
    Explained { title, why, commands: commands_to_add(object) }
}

fn commands_to_add(object: &Object) -> Vec<String> {
    match object {
        // Declaring a table first makes deleting it harmless where there is none; all in one transaction.
        Object::Tables => vec![format!("nft -f - <<'EOF'\n{}{}EOF", undeclared(), ruleset::TABLES)],
        // The size is set on the finished bridge: given when it is made, the kernel does not take it for our wish, and
        // goes back to 1500 with the last port (`br_mtu_auto_adjust` in net/bridge/br_if.c).
        Object::Bridge { name, network, mtu } => vec![
            format!("ip link add {name} address {} type bridge", Object::bridge_mac(network)),
            format!("ip link set {name} mtu {mtu} alias {}", mark(object)),
            // A machine without IPv6 has no such setting.
            format!("sysctl -qew net/ipv6/conf/{name}/accept_dad=0"),
        ],
        Object::Namespace { name, .. } => vec![
            format!("ip netns add {name}"),
            format!("ip -n {name} link set lo alias {} up", mark(object)),
            format!("nsenter --net=/run/netns/{name} sysctl -qw {NO_IPV6}=1"),
        ],
        Object::Veth { host_end, namespace, interface, mac, mtu, .. } => {
            let mut commands = vec![
                format!(
                    "ip link add {host_end} mtu {mtu} type veth peer name {interface} netns {namespace} address {mac} mtu {mtu}"
                ),
                format!("ip link set {host_end} alias {}", mark(object)),
            ];
            // A bridge's port needs no address of its own.
            if *mtu >= IPV6_MTU_BYTES {
                commands.push(format!("ip link set {host_end} addrgenmode none"));
            }
            commands
        }
        Object::Macvlan { namespace, interface, parent, mode, mac, .. } => vec![
            format!(
                "ip link add link {parent} name {interface} netns {namespace} address {mac} type macvlan mode {}",
                mode.as_str()
            ),
            format!("ip -n {namespace} link set {interface} alias {}", mark(object)),
        ],
        Object::Port { link, bridge } => vec![format!("ip link set {link} master {bridge}")],
        // Nobody else can have an address that is leased here, so IPv6 need not ask around for a second first.
        Object::Address { place, link, address } => {
            let nodad = if address.addr().is_ipv6() { " nodad" } else { "" };
            vec![format!("{} addr add {address} dev {link}{nodad}", ip(place))]
        }
        Object::RouteLocalnet { bridge } => vec![format!("sysctl -qw net/ipv4/conf/{bridge}/route_localnet=1")],
        Object::Hairpin { link } => vec![format!("bridge link set dev {link} hairpin on")],
        Object::Ipv6 { namespace, link } => {
            let settings = ["accept_dad=0", "accept_ra=0", "disable_ipv6=0"];
            vec![ipv6_settings(namespace, link, &settings)]
        }
        Object::Element(_) => Vec::new(),
        Object::Up { place, link } => vec![format!("{} link set {link} up", ip(place))],
        Object::Route { namespace, gateway, link } => {
            vec![format!("ip -n {namespace} route add default via {gateway} dev {link}")]
        }
        Object::Resolver { namespace, .. } => {
            let (inside, table) = (inside(namespace), ruleset::RESOLVER);
            vec![format!("{inside} nft -f - <<'EOF'\ntable ip drawbridge\ndelete table ip drawbridge\n{table}EOF")]
        }
    }
}

fn explain_remove(object: &Object, takes: &[Object]) -> Explained {
    let (title, command) = match object {
        Object::Tables => (
            format!("Delete the nftables tables {} and {}", Table::Inet.name(), Table::Bridge.name()),
            format!("nft -f - <<'EOF'\n{}EOF", undeclared()),
        ),
        Object::Bridge { name, .. } => (format!("Delete bridge {name}"), format!("ip link del {name}")),
        Object::Namespace { name, .. } => (format!("Delete network namespace {name}"), format!("ip netns del {name}")),
        Object::Veth { host_end, .. } => (format!("Delete veth pair {host_end}"), format!("ip link del {host_end}")),
        Object::Macvlan { namespace, interface, .. } => {
            (format!("Delete macvlan interface {interface}"), format!("ip -n {namespace} link del {interface}"))
        }
        Object::Port { link, bridge } => {
            (format!("Unplug {link} from bridge {bridge}"), format!("ip link set {link} nomaster"))
        }
        Object::Address { place, link, address } => {
            (format!("Take the address {address} off {link}"), format!("{} addr del {address} dev {link}", ip(place)))
        }
        Object::RouteLocalnet { bridge } => (
            format!("Let 127.0.0.0/8 no longer be routed through {bridge}"),
            format!("sysctl -qw net/ipv4/conf/{bridge}/route_localnet=0"),
        ),
        Object::Hairpin { link } => (
            format!("Let {link} no longer send back what came from it"),
            format!("bridge link set dev {link} hairpin off"),
        ),
        Object::Ipv6 { namespace, link } => {
            (format!("Turn IPv6 off for {link}"), ipv6_settings(namespace, link, &["disable_ipv6=1"]))
        }
        Object::Element(element) => {
            return explain_elements(&[], std::slice::from_ref(element));
        }
        Object::Up { place, link } => (format!("Take {link} down"), format!("{} link set {link} down", ip(place))),
        Object::Route { namespace, gateway, link } => (
            format!("Remove the default route via {gateway}"),
            format!("ip -n {namespace} route del default via {gateway} dev {link}"),
        ),
        Object::Resolver { namespace, .. } => (
            format!("Lead {RESOLVER} port 53 in {namespace} nowhere"),
            format!("{} nft -f - <<'EOF'\ntable ip drawbridge\ndelete table ip drawbridge\nEOF", inside(namespace)),
        ),
    };
    let why = if takes.is_empty() {
        "Nothing wants it any more.".to_owned()
    } else {
        format!("Nothing wants it any more. The kernel takes along what is in it: {}.", listed(takes))
    };
    Explained { title, why, commands: vec![command] }
}

fn explain_elements(add: &[Element], remove: &[Element]) -> Explained {
    let script: String = remove
        .iter()
        .map(|element| format!("delete element {} {} {{ {} }}\n", element.table().name(), element.set(), element.key()))
        .chain(add.iter().map(|element| {
            format!("add element {} {} {{ {} }}\n", element.table().name(), element.set(), mapping(element))
        }))
        .collect();
    let title = match (add, remove) {
        (add, []) => format!("Add to the tables: {}", by_set(add)),
        ([], remove) => format!("Take out of the tables: {}", by_set(remove)),
        (add, remove) => format!("Change the tables: add {}; remove {}", by_set(add), by_set(remove)),
    };
    let mut why = "The constant chains look packets up in these sets and maps: which bridges are ours and what may pass between \
               them, what leaves with the host's address, which port of the host leads to which container, and who holds \
               which address. All of it comes and goes in one transaction."
        .to_owned();
    // No command stands for it: which flows there are is known only when the step is done.
    let of_udp =
        |element: &Element| matches!(element, Element::Published { host, .. } if host.protocol == Protocol::Udp);
    if add.iter().chain(remove).any(of_udp) {
        why = format!("{why} Older flows of UDP through these ports are forgotten, as `conntrack -D` would do.");
    }
    Explained { title, why, commands: vec![format!("nft -f - <<'EOF'\n{script}EOF")] }
}

/// Key and value, as an element is added.
fn mapping(element: &Element) -> String {
    match element.value() {
        Some(value) => format!("{} : {value}", element.key()),
        None => element.key(),
    }
}

/// The elements with their sets' names; of many in one set only how many they are.
fn by_set(elements: &[Element]) -> String {
    let mut sets: BTreeMap<(Table, &str), Vec<&Element>> = BTreeMap::new();
    for element in elements {
        sets.entry((element.table(), element.set())).or_default().push(element);
    }
    let words: Vec<String> = sets
        .iter()
        .map(|((_, set), elements)| match elements.as_slice() {
            [element] => format!("{set} {}", mapping(element).replace('"', "")),
            several => format!("{} to {set}", several.len()),
        })
        .collect();
    words.join(", ")
}

/// Takes both tables away, harmless where there are none.
fn undeclared() -> String {
    Table::ALL.iter().map(|table| format!("table {name}\ndelete table {name}\n", name = table.name())).collect()
}

fn listed(objects: &[Object]) -> String {
    let words: Vec<String> = objects
        .iter()
        .map(|object| match object {
            Object::Tables => "the tables".to_owned(),
            Object::Bridge { name, .. } => format!("bridge {name}"),
            Object::Namespace { name, .. } => format!("namespace {name}"),
            Object::Veth { host_end, interface, .. } => format!("the veth pair {host_end} ↔ {interface}"),
            Object::Macvlan { interface, .. } => format!("the macvlan interface {interface}"),
            Object::Port { link, .. } => format!("the bridge port {link}"),
            Object::Address { address, .. } => format!("the address {address}"),
            Object::RouteLocalnet { bridge } => format!("the routing of 127.0.0.0/8 through {bridge}"),
            Object::Hairpin { link } => format!("the hairpin mode of {link}"),
            Object::Ipv6 { link, .. } => format!("IPv6 on {link}"),
            Object::Element(element) => format!("{} {}", element.set(), element.key().replace('"', "")),
            Object::Up { link, .. } => format!("the state of {link}"),
            Object::Route { gateway, .. } => format!("the route via {gateway}"),
            Object::Resolver { .. } => "the way to the resolver".to_owned(),
        })
        .collect();
    words.join(", ")
}

/// What runs a command in a namespace.
fn inside(namespace: &NsName) -> String {
    format!("nsenter --net=/run/netns/{namespace}")
}

/// `sysctl(8)` takes a path with slashes, so that a dot in the link's name is one.
fn ipv6_settings(namespace: &NsName, link: &IfName, settings: &[&str]) -> String {
    let settings: Vec<String> = settings.iter().map(|setting| format!("net/ipv6/conf/{link}/{setting}")).collect();
    format!("nsenter --net=/run/netns/{namespace} sysctl -qw {}", settings.join(" "))
}

fn ip(place: &Place) -> String {
    match place {
        Place::Host => "ip".to_owned(),
        Place::Namespace(name) => format!("ip -n {name}"),
    }
}

fn mark(object: &Object) -> String {
    object.mark().unwrap_or_default()
}
