//! Wires from a container to its second and further networks. They run where nothing else stands: from the box up into the room
//! above its row, in the gutter at the right of a column, and from one column to another between the host and the first bridges.

use super::{BAR, Layout, Members, Point, Wire, port};
use crate::route::Density;
use drawbridge_api::{Container, NetworkId};
use std::sync::Arc;

/// Wires side by side in a gutter; the next one shares the first place.
const LANES: i32 = 8;
/// From the host's lower edge to the wires between columns, behind the rail of the ways in.
const BETWEEN: i32 = 22;
/// A drawing that is narrower has narrow gutters.
const NARROW: i32 = 560;

/// The room right of the bars. Kept free at all times, so that nothing moves when a container joins a second network.
pub(super) fn gutter(width: i32) -> i32 {
    LANES * step(width)
}

fn step(width: i32) -> i32 {
    if width < NARROW { 3 } else { 6 }
}

/// What of a block is plugged into another network: one line for all of its containers that are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The network whose block it comes from.
    pub from: NetworkId,
    /// The network that it leads to.
    pub to: NetworkId,
    /// Corners, from the bridge to the block.
    pub points: Vec<Point>,
    /// How many veth pairs it stands for.
    pub count: usize,
}

/// Adds them; those of a block as bundles.
pub(super) fn place_crossings(
    layout: &mut Layout,
    containers: &[Arc<Container>],
    members: &Members<'_>,
    density: Density,
) {
    let step = step(layout.size.0);
    // Above the ports at the boxes' edges, below the names of veth pairs.
    let nearest = match density {
        Density::Full => 14,
        Density::Compact => 7,
    };
    // Searched for, since of hundreds of containers few are in several networks.
    let home_of = |container: &Arc<Container>| {
        let is_home = |members: &Vec<&Arc<Container>>| members.iter().any(|member| Arc::ptr_eq(member, container));
        members.iter().find(|(_, members)| is_home(members)).map(|(network, _)| network)
    };
    let mut number = 0;
    for container in containers.iter().filter(|container| container.endpoints.len() > 1) {
        let Some(home) = home_of(container) else { continue };
        let own = layout.bridges.get(home).map(|bridge| bridge.bar);
        let block = layout.blocks.get(home).map(|block| block.spot);
        let Some(spot) = layout.containers.get(&container.id).copied().or(block) else { continue };
        for (index, endpoint) in container.endpoints.iter().enumerate() {
            if endpoint.network_id == *home {
                continue;
            }
            let Some(bar) = layout.bridges.get(&endpoint.network_id).map(|bridge| bridge.bar) else { continue };
            let is_same = |bundle: &&mut Bundle| bundle.from == *home && bundle.to == endpoint.network_id;
            if block.is_some()
                && let Some(bundle) = layout.bundles.iter_mut().find(is_same)
            {
                bundle.count += 1;
                continue;
            }
            let (lane, x) = (step * (1 + number % LANES), port(&spot, index, container.endpoints.len()));
            let right = bar.x + bar.width;
            let height = bar.y + 12 + number * 6 % (BAR - 24);
            let above = spot.y - nearest - number % 3 * 4;
            let mut points = vec![(right, height), (right + lane, height)];
            // A macvlan's box stands in no column of a bridge.
            if let Some(own) = own.filter(|own| own.x != bar.x) {
                let between = layout.host.y + layout.host.height + BETWEEN + number % 3 * 4;
                let back = own.x + own.width + lane;
                points.extend([(right + lane, between), (back, between), (back, above)]);
            } else {
                points.push((right + lane, above));
            }
            if block.is_some() {
                // Into the block's side, below its first lines.
                let into = spot.y + 16 + number * 6 % 24;
                if let Some(last) = points.last_mut() {
                    last.1 = into;
                }
                points.push((spot.x + spot.width, into));
                let (from, to) = (home.clone(), endpoint.network_id.clone());
                layout.bundles.push(Bundle { from, to, points, count: 1 });
            } else {
                points.extend([(x, above), (x, spot.y)]);
                layout.wires.insert(endpoint.id.clone(), Wire { points });
            }
            number += 1;
        }
    }
}
