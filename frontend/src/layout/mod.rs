//! Where everything stands in the topology: numbers in, numbers out. Pure, and the same for the same input.
//!
//! A bridge is a bar. Its containers hang below it in rows, each on its own wire, so that no two wires cross; from the
//! second row on they hang from rails that a spine joins to the bar. Everything stands in the order of its creation:
//! what is added stands behind what is there, and moves nothing but what lies further down. A stopped container keeps
//! its place. A second network of a container is reached through a gutter at the right. A network of many containers is one
//! block with a tile for each, until somebody unfolds it.
//!
//! Lengths are CSS pixels; the origin is the top left corner of the drawing.

mod blocks;
mod crossings;
mod found;
mod stops;
mod ways;

pub use blocks::{Block, FOLD_FROM};
pub use crossings::Bundle;
pub use found::{FoundBox, FoundBridge, FoundSpots, place_found};
pub use stops::{Stop, Towards, next_stop, stops};

use crate::{i18n::topology, route::Density};
use blocks::place_block;
use crossings::{gutter, place_crossings};
use drawbridge_api::{Container, ContainerId, Driver, EndpointId, Host, Network, NetworkId, NetworkMode};
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
/// A column of bridges is never narrower than this while there are several: two boxes that say everything stand side by side. At
/// 840 a screen of 1440 pixels had one column, and a dozen networks were four screens long.
const COLUMN: i32 = 560;
/// Between two columns.
const COLUMN_GAP: i32 = 48;
/// From the column's left edge, where the trunk runs, to the bars.
const TRUNK: i32 = 32;
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
        Density::Full => Measures { width: 208, height: 118, wire: 66, gap: 20, way: 15 },
        Density::Compact => Measures { width: 136, height: 46, wire: 24, gap: 12, way: 6 },
    }
}

/// Which networks of many containers are drawn as one block.
#[derive(Clone, Copy, Debug)]
pub enum Folds<'a> {
    /// None.
    Never,
    /// All but those of these names.
    Unless(&'a [String]),
}

/// How it is to be drawn.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// Pixels from left to right.
    pub width: i32,
    /// How much each box says.
    pub density: Density,
    /// What is folded.
    pub folds: Folds<'a>,
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
    /// Namespace boxes, stopped containers too; those in a block left out.
    pub containers: BTreeMap<ContainerId, Spot>,
    /// Networks whose containers stand in a block.
    pub blocks: BTreeMap<NetworkId, Block>,
    /// Veth pairs.
    pub wires: BTreeMap<EndpointId, Wire>,
    /// What of blocks is plugged into other networks.
    pub bundles: Vec<Bundle>,
    /// Headings of groups without a bridge.
    pub headings: Vec<Heading>,
    /// What others have made; see [`place_found`].
    pub found: FoundSpots,
}

/// Lays out the topology.
pub fn layout(host: &Host, networks: &[Arc<Network>], containers: &[Arc<Container>], wish: Wish<'_>) -> Layout {
    let Wish { density, folds, .. } = wish;
    let width = wish.width.max(320);
    let mut layout = Layout { size: (width, 0), ..Layout::default() };
    let doors = doors(containers);
    let bottom = place_host(&mut layout, host, &doors, width, density);
    let (members, lost) = members(networks, containers);
    let none = Vec::new();
    let members_of = |network: &Network| members.get(&network.id).unwrap_or(&none);

    let bridges: Vec<&Arc<Network>> = networks.iter().filter(|network| network.driver == Driver::Bridge).collect();
    let inner = width - 2 * MARGIN;
    let columns = (inner / COLUMN).clamp(1, i32::try_from(bridges.len()).unwrap_or(1).max(1));
    let column_width = (inner - (columns - 1) * COLUMN_GAP) / columns;
    let mut buses = BTreeMap::new();
    let mut floors = vec![bottom; usize::try_from(columns).unwrap_or(1)];
    for (index, network) in bridges.iter().enumerate() {
        let column = index % floors.len();
        let left = MARGIN + i32::try_from(column).unwrap_or(0) * (column_width + COLUMN_GAP);
        let bar = Spot {
            x: left + TRUNK,
            y: floors[column] + NETWORK_GAP,
            width: column_width - TRUNK - gutter(width),
            height: BAR,
        };
        let members = members_of(network);
        let is_folded = members.len() >= FOLD_FROM
            && match folds {
                Folds::Never => false,
                Folds::Unless(open) => !open.iter().any(|name| name == network.name.as_str()),
            };
        floors[column] = if is_folded {
            place_block(&mut layout, network, bar, members)
        } else {
            place_bridge(&mut layout, network, bar, members, density)
        };
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
    place_crossings(&mut layout, containers, &members, density);
    place_ways(&mut layout, &doors, &buses, density);

    let mut floor = floors.into_iter().max().unwrap_or(bottom);
    for (text, driver) in [
        (topology::group_macvlan(), Driver::Macvlan),
        (topology::group_host(), Driver::Host),
        (topology::group_none(), Driver::Null),
    ] {
        let others = networks.iter().filter(|network| network.driver == driver);
        let members: Vec<_> = others.flat_map(|network| members_of(network)).copied().collect();
        floor = place_group(&mut layout, text, &members, floor, density);
    }
    let (shared, lost): (Vec<_>, Vec<_>) =
        lost.into_iter().partition(|container| matches!(container.network_mode, NetworkMode::Container(_)));
    floor = place_group(&mut layout, topology::group_shared(), &shared, floor, density);
    floor = place_group(&mut layout, topology::group_lost(), &lost, floor, density);
    layout.size.1 = floor + MARGIN;
    layout
}

/// The containers that have their place below each network, in their order.
type Members<'a> = BTreeMap<NetworkId, Vec<&'a Arc<Container>>>;

/// Below which network each container stands: that of its first endpoint that is drawn, or of its first attachment while it has
/// none. And those that are in none, as stopped ones whose network was removed.
fn members<'a>(networks: &[Arc<Network>], containers: &'a [Arc<Container>]) -> (Members<'a>, Vec<&'a Arc<Container>>) {
    let (mut members, mut lost) = (Members::new(), Vec::new());
    for container in containers {
        let by_endpoint = container
            .endpoints
            .iter()
            .find_map(|endpoint| networks.iter().find(|network| network.id == endpoint.network_id));
        let home = by_endpoint.or_else(|| {
            let mut attachments = container.attachments.iter().filter(|_| container.endpoints.is_empty());
            attachments.find_map(|attachment| networks.iter().find(|network| network.name == attachment.network))
        });
        match home {
            Some(network) => members.entry(network.id.clone()).or_default().push(container),
            None => lost.push(container),
        }
    }
    (members, lost)
}

/// Which of a container's endpoints is in this network.
fn endpoint_in(container: &Container, network: &NetworkId) -> Option<usize> {
    container.endpoints.iter().position(|endpoint| endpoint.network_id == *network)
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
        if let Some(index) = endpoint_in(container, &network.id) {
            let x = port(spot, index, container.endpoints.len());
            let wire = Wire { points: vec![(x, hang), (x, spot.y)] };
            layout.wires.insert(container.endpoints[index].id.clone(), wire);
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

/// Boxes in rows from left to right, below `top`; each row keeps room for its wires. They are as wide as fills the rows, however
/// many there are.
fn grid(left: i32, top: i32, right: i32, count: usize, density: Density) -> Vec<Spot> {
    let sizes = measures(density);
    let columns = ((right - left + sizes.gap) / (sizes.width + sizes.gap)).max(1);
    let width = (right - left + sizes.gap) / columns - sizes.gap;
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

/// The place of an endpoint on the box's upper edge.
fn port(spot: &Spot, index: usize, count: usize) -> i32 {
    let (index, count) = (i32::try_from(index).unwrap_or(0), i32::try_from(count).unwrap_or(1));
    spot.x + spot.width * (index + 1) / (count + 1)
}

#[cfg(test)]
mod tests;
