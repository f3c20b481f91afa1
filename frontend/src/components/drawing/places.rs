//! Where in the drawing something stands, and what stands at a point of it.

use crate::{
    app::App,
    layout::{Layout, Point, Spot},
    route::Selection,
};
use drawbridge_api::{ContainerId, NetworkId};
use leptos::prelude::*;

/// Where a selected thing stands.
pub(super) fn place_of(app: App, layout: &Layout, selection: &Selection) -> Option<Spot> {
    app.link.live.with(|live| {
        let live = live.as_ref()?;
        let container = |name: &str| live.containers.iter().find(|container| container.name.as_str() == name);
        match selection {
            Selection::Host => Some(layout.host),
            Selection::Network(name) => {
                let network = live.networks.iter().find(|network| network.name.as_str() == name)?;
                Some(layout.bridges.get(&network.id)?.bar)
            }
            Selection::Container(name) => {
                let id = &container(name)?.id;
                let tile = || layout.blocks.values().flat_map(|block| &block.tiles).find(|(tile, _)| tile == id);
                layout.containers.get(id).copied().or_else(|| tile().map(|(_, spot)| *spot))
            }
            Selection::Veth(name) => {
                let endpoints = live.containers.iter().flat_map(|container| &container.endpoints);
                let endpoint = endpoints
                    .into_iter()
                    .find(|endpoint| endpoint.host_end.as_ref().is_some_and(|host_end| host_end.as_str() == name))?;
                let (x, y) = layout.wires.get(&endpoint.id)?.points.last().copied()?;
                Some(Spot { x: x - 20, y: y - 40, width: 40, height: 60 })
            }
            Selection::Link(name) => {
                let bridge = layout.found.bridges.iter().find(|bridge| bridge.name == *name).map(|bridge| bridge.bar);
                bridge.or_else(|| found_box(layout, selection))
            }
            Selection::Namespace(_) => found_box(layout, selection),
        }
    })
}

fn found_box(layout: &Layout, selection: &Selection) -> Option<Spot> {
    layout.found.boxes.iter().find(|found| found.selection == *selection).map(|found| found.spot)
}

fn holds(spot: &Spot, (x, y): Point) -> bool {
    x >= spot.x && x < spot.x + spot.width && y >= spot.y && y < spot.y + spot.height
}

/// The container whose box or tile is at a point.
pub(super) fn box_at(layout: &Layout, point: Point) -> Option<ContainerId> {
    let boxed = layout.containers.iter().find(|(_, spot)| holds(spot, point)).map(|(id, _)| id);
    boxed.or_else(|| layout.blocks.values().find_map(|block| block.at(point))).cloned()
}

/// The network whose bar or block is at a point.
pub(super) fn network_at(layout: &Layout, point: Point) -> Option<NetworkId> {
    let bars = layout.bridges.iter().map(|(id, bridge)| (id, bridge.bar));
    let blocks = layout.blocks.iter().map(|(id, block)| (id, block.spot));
    bars.chain(blocks).find(|(_, spot)| holds(spot, point)).map(|(id, _)| id.clone())
}
