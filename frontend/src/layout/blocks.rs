//! A network of many containers as one block: a tile for each, in rows, small enough that hundreds are seen at once.

use super::{BridgeSpot, INDENT, Layout, Point, SPINE, Spot};
use drawbridge_api::{Container, ContainerId, Network};
use std::sync::Arc;

/// With as many containers a network is a block, unless it is unfolded. Thirty boxes that say everything fill a screen of 1440 by
/// 900 pixels.
pub const FOLD_FROM: usize = 30;
/// A tile, and the room to the next.
const TILE: (i32, i32) = (18, 4);
/// Above the tiles: what the block says, and the button that unfolds it.
const BLOCK_HEAD: i32 = 52;
/// From the block's edge to the tiles.
const PADDING: i32 = 16;
/// From the bar to the block.
const DROP: i32 = 28;

/// The containers of one network, folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The whole of it.
    pub spot: Spot,
    /// From the bar to the block: all veth pairs in one.
    pub cable: [Point; 2],
    /// Each container's tile.
    pub tiles: Vec<(ContainerId, Spot)>,
}

impl Block {
    /// The container whose tile is at a point.
    pub fn at(&self, (x, y): Point) -> Option<&ContainerId> {
        let hit = |spot: &Spot| x >= spot.x && x < spot.x + spot.width && y >= spot.y && y < spot.y + spot.height;
        self.tiles.iter().find(|(_, spot)| hit(spot)).map(|(id, _)| id)
    }
}

/// A bridge and the block below it. Gives back the bottom edge.
pub(super) fn place_block(layout: &mut Layout, network: &Network, bar: Spot, members: &[&Arc<Container>]) -> i32 {
    let (tile, gap) = TILE;
    let left = bar.x + INDENT;
    let top = bar.y + bar.height + DROP;
    let width = bar.width - INDENT;
    let columns = ((width - 2 * PADDING + gap) / (tile + gap)).max(1);
    let place = |index: usize| {
        let index = i32::try_from(index).unwrap_or(i32::MAX / (tile + gap));
        Spot {
            x: left + PADDING + index % columns * (tile + gap),
            y: top + BLOCK_HEAD + index / columns * (tile + gap),
            width: tile,
            height: tile,
        }
    };
    let tiles: Vec<_> = members.iter().enumerate().map(|(index, member)| (member.id.clone(), place(index))).collect();
    let bottom = tiles.last().map_or(top + BLOCK_HEAD, |(_, spot)| spot.y + spot.height) + PADDING;
    let spot = Spot { x: left, y: top, width, height: bottom - top };
    let x = bar.x + INDENT + SPINE;
    let cable = [(x, bar.y + bar.height), (x, top)];
    layout.blocks.insert(network.id.clone(), Block { spot, cable, tiles });
    layout.bridges.insert(network.id.clone(), BridgeSpot { bar, rails: Vec::new(), uplink: None });
    bottom
}
