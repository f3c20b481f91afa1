//! Where everything stands in the topology: numbers in, numbers out. Pure, and the same for the same input.
//!
//! A bridge is a bar. Its containers hang below it in rows, each on its own wire, so that no two wires cross; from the
//! second row on they hang from rails that a spine joins to the bar. Everything stands in the order of its creation:
//! what is added stands behind what is there, and moves nothing but what lies further down. A stopped container keeps
//! its place. A second network of a container is reached through a gutter at the right.
//!
//! Lengths are CSS pixels; the origin is the top left corner of the drawing.

mod found;
mod ways;

pub use found::{FoundBox, FoundBridge, FoundSpots, place_found};

use crate::route::Density;
use drawbridge_api::{Container, ContainerId, Driver, EndpointId, Host, Network, NetworkId};
use std::{collections::BTreeMap, sync::Arc};
use ways::{BUS, doors, place_host, place_ways};
pub use ways::{Door, PortChip};

/// Room around everything.
const MARGIN: i32 = 20;
/// A bridge's bar: two lines of text.
pub const BAR: i32 = 64;
/// From one bridge's last box to the next bridge.
const NETWORK_GAP: i32 = 36;
/// From the bar's left edge to the boxes; the spine runs in it.
const INDENT: i32 = 28;
/// From the bar's left edge to the spine.
const SPINE: i32 = 12;
/// A column of bridges is never narrower than this while there are several.
const COLUMN: i32 = 840;
/// Between two columns.
const COLUMN_GAP: i32 = 48;
/// From the column's left edge, where the trunk runs, to the bars.
const TRUNK: i32 = 32;
/// One wire in the gutter.
const GUTTER: i32 = 10;
/// The heading of a group without a bridge.
const HEADING: i32 = 34;
/// A box's measures for one density.
struct Measures {
    width: i32,
    height: i32,
    wire: i32,
    gap: i32,
    /// From a box's lower edge to the rail of the ways in; above the rail of the bridge, which is at `gap`.
    way: i32,
}

const fn measures(density: Density) -> Measures {
    match density {
        Density::Full => Measures { width: 208, height: 100, wire: 58, gap: 20, way: 15 },
        Density::Compact => Measures { width: 136, height: 46, wire: 24, gap: 12, way: 6 },
    }
}

/// A rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spot {
    /// Left edge.
    pub x: i32,
    /// Top edge.
    pub y: i32,
    /// Width.
    pub width: i32,
    /// Height.
    pub height: i32,
}

/// A point.
pub type Point = (i32, i32);

/// A bridge: its bar and what joins it to its boxes and to the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeSpot {
    /// The bar.
    pub bar: Spot,
    /// Down from the bar, then one rail for each row behind the first; all are part of the bridge.
    pub rails: Vec<[Point; 2]>,
    /// From the trunk to the bar; none for an internal network.
    pub uplink: Option<[Point; 2]>,
}

/// One veth pair: from the bridge to the box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wire {
    /// Corners, from the port of the bridge to the end in the namespace.
    pub points: Vec<Point>,
}

/// The heading of containers that have no bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// What is said.
    pub text: &'static str,
    /// Left end of the text's base line.
    pub at: Point,
}

/// The whole drawing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Width and height of the drawing.
    pub size: (i32, i32),
    /// The host's own box: name, addresses.
    pub host: Spot,
    /// The host's addresses, in their order.
    pub addresses: Vec<Spot>,
    /// Published ports at the host, in the order of their containers.
    pub chips: Vec<PortChip>,
    /// What leads into each container that has published ports.
    pub doors: BTreeMap<ContainerId, Door>,
    /// The ways in as lines, each drawn once however many ports lead along it.
    pub ways: Vec<[Point; 2]>,
    /// Lines from the host down to the bridges, one for each column that has a bridge with a way out.
    pub trunks: Vec<[Point; 2]>,
    /// Bridges.
    pub bridges: BTreeMap<NetworkId, BridgeSpot>,
    /// Namespace boxes, stopped containers too.
    pub containers: BTreeMap<ContainerId, Spot>,
    /// Veth pairs.
    pub wires: BTreeMap<EndpointId, Wire>,
    /// Headings of groups without a bridge.
    pub headings: Vec<Heading>,
    /// What others have made; see [`place_found`].
    pub found: FoundSpots,
}

/// Lays out the topology for a drawing of `width` pixels.
pub fn layout(
    host: &Host,
    networks: &[Arc<Network>],
    containers: &[Arc<Container>],
    width: i32,
    density: Density,
) -> Layout {
    let width = width.max(320);
    let mut layout = Layout { size: (width, 0), ..Layout::default() };
    let doors = doors(containers);
    let bottom = place_host(&mut layout, host, &doors, width, density);

    let bridges: Vec<&Arc<Network>> = networks.iter().filter(|network| network.driver == Driver::Bridge).collect();
    let inner = width - 2 * MARGIN;
    let columns = (inner / COLUMN).clamp(1, i32::try_from(bridges.len()).unwrap_or(1).max(1));
    let column_width = (inner - (columns - 1) * COLUMN_GAP) / columns;
    // Wires to a second network run right of the bars; nothing is kept free while there are none.
    let crossing: usize = containers.iter().map(|container| container.endpoints.len().saturating_sub(1)).sum();
    let gutter = if crossing == 0 { 0 } else { GUTTER * (1 + i32::try_from(crossing.min(8)).unwrap_or(8)) };

    let mut buses = BTreeMap::new();
    let mut floors = vec![bottom; usize::try_from(columns).unwrap_or(1)];
    for (index, network) in bridges.iter().enumerate() {
        let column = index % floors.len();
        let left = MARGIN + i32::try_from(column).unwrap_or(0) * (column_width + COLUMN_GAP);
        let bar = Spot {
            x: left + TRUNK,
            y: floors[column] + NETWORK_GAP,
            width: column_width - TRUNK - gutter,
            height: BAR,
        };
        let members: Vec<&Arc<Container>> =
            containers.iter().filter(|container| hangs_below(container, network)).collect();
        floors[column] = place_bridge(&mut layout, network, bar, &members, density);
        buses.insert(network.id.clone(), left + column_width + BUS);
        let uplink = [(left + TRUNK / 2, bar.y + BAR / 2), (bar.x, bar.y + BAR / 2)];
        if let Some(spot) = layout.bridges.get_mut(&network.id)
            && !network.internal
        {
            spot.uplink = Some(uplink);
            match layout.trunks.iter_mut().find(|trunk| trunk[0].0 == uplink[0].0) {
                Some(trunk) => trunk[1] = uplink[0],
                None => layout.trunks.push([(uplink[0].0, layout.host.y + layout.host.height), uplink[0]]),
            }
        }
    }
    place_crossings(&mut layout, containers);
    place_ways(&mut layout, &doors, &buses, density);

    let mut floor = floors.into_iter().max().unwrap_or(bottom);
    for (text, driver) in [
        ("On the wire of a host’s interface (macvlan)", Driver::Macvlan),
        ("In the host’s own namespace", Driver::Host),
        ("Without a network: loopback only", Driver::Null),
    ] {
        let others = networks.iter().filter(|network| network.driver == driver);
        let members: Vec<_> =
            others.flat_map(|network| containers.iter().filter(|container| hangs_below(container, network))).collect();
        floor = place_group(&mut layout, text, &members, floor, density);
    }
    // Containers that are in no network, or stopped ones whose network was removed.
    let lost: Vec<_> = containers.iter().filter(|container| !layout.containers.contains_key(&container.id)).collect();
    floor = place_group(&mut layout, "In no network, or in one that no longer exists", &lost, floor, density);
    layout.size.1 = floor + MARGIN;
    layout
}

/// Whether a container has its place below a network: that of its first endpoint, or of its first attachment while it has none.
fn hangs_below(container: &Container, network: &Network) -> bool {
    match (container.endpoints.first(), container.attachments.first()) {
        (Some(endpoint), _) => endpoint.network_id == network.id,
        (None, attachment) => attachment.is_some_and(|attachment| attachment.network == network.name),
    }
}

/// A bridge and the containers below it. Gives back the bottom edge.
fn place_bridge(
    layout: &mut Layout,
    network: &Network,
    bar: Spot,
    members: &[&Arc<Container>],
    density: Density,
) -> i32 {
    let sizes = measures(density);
    let spots = grid(bar.x + INDENT, bar.y + bar.height, bar.x + bar.width, members.len(), density);
    let mut rails: Vec<[Point; 2]> = Vec::new();
    let spine = bar.x + SPINE;
    for (container, spot) in members.iter().zip(&spots) {
        let hang = spot.y - sizes.wire;
        if let Some(endpoint) = container.endpoints.first() {
            let x = port(spot, 0, container.endpoints.len());
            layout.wires.insert(endpoint.id.clone(), Wire { points: vec![(x, hang), (x, spot.y)] });
            // The first row hangs from the bar itself.
            match rails.last_mut() {
                _ if hang == bar.y + bar.height => {}
                Some([_, end]) if end.1 == hang => end.0 = x,
                Some(_) | None => rails.push([(spine, hang), (x, hang)]),
            }
        }
        layout.containers.insert(container.id.clone(), *spot);
    }
    if let Some(last) = rails.last().map(|rail| rail[0].1) {
        rails.insert(0, [(spine, bar.y + bar.height), (spine, last)]);
    }
    layout.bridges.insert(network.id.clone(), BridgeSpot { bar, rails, uplink: None });
    spots.last().map_or(bar.y + bar.height, |spot| spot.y + spot.height)
}

/// Boxes in rows from left to right, below `top`; each row keeps room for its wires.
fn grid(left: i32, top: i32, right: i32, count: usize, density: Density) -> Vec<Spot> {
    let sizes = measures(density);
    let width = sizes.width.min(right - left);
    let columns = ((right - left + sizes.gap) / (width + sizes.gap)).max(1);
    let step = sizes.wire + sizes.height + sizes.gap;
    (0..count)
        .map(|index| {
            let index = i32::try_from(index).unwrap_or(i32::MAX / step);
            Spot {
                x: left + index % columns * (width + sizes.gap),
                y: top + sizes.wire + index / columns * step,
                width,
                height: sizes.height,
            }
        })
        .collect()
}

/// Containers without a bridge, under a heading. Gives back the bottom edge.
fn place_group(
    layout: &mut Layout,
    text: &'static str,
    members: &[&Arc<Container>],
    floor: i32,
    density: Density,
) -> i32 {
    if members.is_empty() {
        return floor;
    }
    let sizes = measures(density);
    let left = MARGIN + TRUNK;
    layout.headings.push(Heading { text, at: (left, floor + HEADING + 14) });
    let top = floor + HEADING + 28 - sizes.wire;
    let spots = grid(left, top, layout.size.0 - MARGIN, members.len(), density);
    for (container, spot) in members.iter().zip(&spots) {
        layout.containers.insert(container.id.clone(), *spot);
    }
    spots.last().map_or(floor, |spot| spot.y + spot.height)
}

/// Wires from a container to its second and further networks: up from its port, right to the gutter, to the bar's end.
fn place_crossings(layout: &mut Layout, containers: &[Arc<Container>]) {
    let mut lane = 0;
    for container in containers {
        let Some(spot) = layout.containers.get(&container.id).copied() else { continue };
        for (index, endpoint) in container.endpoints.iter().enumerate().skip(1) {
            let Some(bar) = layout.bridges.get(&endpoint.network_id).map(|bridge| bridge.bar) else { continue };
            let x = port(&spot, index, container.endpoints.len());
            let right = bar.x + bar.width;
            let gutter = right + GUTTER * (1 + lane % 8);
            let height = bar.y + 12 + lane * 6 % (bar.height - 24);
            let above = spot.y - 10 - lane % 3 * 4;
            let points = vec![(right, height), (gutter, height), (gutter, above), (x, above), (x, spot.y)];
            layout.wires.insert(endpoint.id.clone(), Wire { points });
            lane += 1;
        }
    }
}

/// The place of an endpoint on the box's upper edge.
fn port(spot: &Spot, index: usize, count: usize) -> i32 {
    let (index, count) = (i32::try_from(index).unwrap_or(0), i32::try_from(count).unwrap_or(1));
    spot.x + spot.width * (index + 1) / (count + 1)
}

#[cfg(test)]
mod tests;
