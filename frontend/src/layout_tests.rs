//! What holds for the drawing of every world: nothing overlaps, nothing jumps, every wire leads somewhere.

use super::*;
use crate::{reduce::Live, sample};
use drawbridge_api::{ContainerState, NetworkMode};

fn of(live: &Live, width: i32, density: Density) -> Layout {
    layout(&live.host, &live.networks, &live.containers, width, density)
}

fn overlap(a: &Spot, b: &Spot) -> bool {
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
}

/// What must hold for every world at every width.
fn check(live: &Live, width: i32, density: Density) {
    let layout = of(live, width, density);
    let mut boxes: Vec<Spot> = layout.containers.values().copied().collect();
    boxes.extend(layout.bridges.values().map(|bridge| bridge.bar));
    boxes.push(layout.host);
    for (index, spot) in boxes.iter().enumerate() {
        assert!(spot.x >= 0 && spot.x + spot.width <= layout.size.0, "{spot:?} leaves {width} px");
        assert!(spot.y >= 0 && spot.y + spot.height <= layout.size.1, "{spot:?} leaves {} px", layout.size.1);
        for other in &boxes[index + 1..] {
            assert!(!overlap(spot, other), "{spot:?} lies over {other:?} at {width} px");
        }
    }
    assert_eq!(layout.containers.len(), live.containers.len(), "every container is drawn");
    assert_eq!(layout, of(live, width, density), "the same input gives the same drawing");
}

#[test]
fn nothing_overlaps_at_any_width() {
    let mut live = sample::live(4, 50);
    for (n, network) in [(60, 2), (61, 2), (62, 4)] {
        live.containers.push(Arc::new(sample::container(n, network)));
    }
    let mut two_homed = sample::container(70, 2);
    two_homed.endpoints.extend(sample::container(71, 4).endpoints);
    live.containers.push(Arc::new(two_homed));
    for width in [0, 320, 390, 768, 1024, 1440, 1920, 2560] {
        for density in [Density::Full, Density::Compact] {
            check(&live, width, density);
            check(&sample::live(1, 0), width, density);
            check(&sample::live(0, 0), width, density);
        }
    }
}

#[test]
fn what_is_added_moves_nothing_in_its_network() {
    let mut live = sample::live(2, 30);
    let before = of(&live, 1400, Density::Full);
    live.containers.push(Arc::new(sample::container(90, 1)));
    live.networks.push(Arc::new(sample::network(3)));
    let after = of(&live, 1400, Density::Full);
    for (id, spot) in &before.containers {
        assert_eq!(after.containers[id], *spot);
    }
    assert_eq!(after.bridges[&live.networks[0].id].bar, before.bridges[&live.networks[0].id].bar);
}

#[test]
fn a_stopped_container_keeps_its_place_and_loses_its_wire() {
    let mut live = sample::live(1, 3);
    let before = of(&live, 1400, Density::Full);
    let mut stopped = (*live.containers[1]).clone();
    let endpoint = stopped.endpoints.remove(0).id;
    stopped.state = ContainerState::Exited;
    live.containers[1] = Arc::new(stopped);
    let after = of(&live, 1400, Density::Full);
    assert_eq!(before.containers, after.containers);
    assert!(before.wires.contains_key(&endpoint) && !after.wires.contains_key(&endpoint));
}

#[test]
fn every_wire_leaves_its_bridge_and_ends_at_its_box() {
    let mut live = sample::live(2, 20);
    let mut two_homed = sample::container(70, 1);
    two_homed.endpoints.extend(sample::container(71, 2).endpoints);
    live.containers.push(Arc::new(two_homed));
    let layout = of(&live, 1000, Density::Full);
    for container in &live.containers {
        let spot = layout.containers[&container.id];
        for endpoint in &container.endpoints {
            let bridge = &layout.bridges[&endpoint.network_id];
            let points = &layout.wires[&endpoint.id].points;
            let ((x, y), (end_x, end_y)) = (points[0], points[points.len() - 1]);
            let bottom = bridge.bar.y + bridge.bar.height;
            let on_bar = x >= bridge.bar.x && x <= bridge.bar.x + bridge.bar.width && y >= bridge.bar.y && y <= bottom;
            let on_rail = bridge.rails.iter().any(|[from, to]| from.1 == y && from.0 <= x && x <= to.0);
            assert!(on_bar || on_rail, "{points:?} hangs in the air");
            assert!(end_y == spot.y && end_x > spot.x && end_x < spot.x + spot.width, "{points:?} misses its box");
        }
    }
}

#[test]
fn an_internal_network_has_no_way_out() {
    let mut live = sample::live(2, 0);
    let mut internal = (*live.networks[1]).clone();
    internal.internal = true;
    live.networks[1] = Arc::new(internal);
    let layout = of(&live, 1000, Density::Full);
    assert!(layout.bridges[&live.networks[0].id].uplink.is_some());
    assert!(layout.bridges[&live.networks[1].id].uplink.is_none());
    assert_eq!(layout.trunks.len(), 1);
}

#[test]
fn containers_without_a_bridge_stand_under_a_heading() {
    let mut live = sample::live(1, 2);
    for (name, driver) in [("host", Driver::Host), ("none", Driver::Null)] {
        let mut network = sample::network(if name == "host" { 8 } else { 9 });
        network.name = name.parse().unwrap();
        network.driver = driver;
        live.networks.push(Arc::new(network));
    }
    let mut bare = sample::container(5, 1);
    bare.endpoints.clear();
    bare.network_mode = NetworkMode::None;
    let mut lost = sample::container(6, 1);
    lost.endpoints.clear();
    lost.network_mode = NetworkMode::Network("gone".parse().unwrap());
    live.containers.extend([Arc::new(bare), Arc::new(lost)]);
    let layout = of(&live, 1000, Density::Full);
    assert_eq!(layout.headings.len(), 2);
    assert_eq!(layout.bridges.len(), 1, "host and none are not bridges");
    check(&live, 1000, Density::Full);
}
