//! What holds for the drawing of every world: nothing overlaps, nothing jumps, every wire leads somewhere.

use super::*;
use crate::{reduce::Live, sample};
use drawbridge_api::{Attachment, ContainerState};

fn of(live: &Live, width: i32, density: Density) -> Layout {
    let wish = Wish { width, density, folds: Folds::Never };
    layout(&live.host, &live.networks, &live.containers, wish)
}

fn folded(live: &Live, width: i32, open: &[String]) -> Layout {
    let wish = Wish { width, density: Density::Full, folds: Folds::Unless(open) };
    layout(&live.host, &live.networks, &live.containers, wish)
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

/// A world in which every container publishes that many ports, spread over the networks.
fn publishing(networks: u8, containers: u16, ports: u16) -> Live {
    let mut live = sample::live(networks, 0);
    live.containers = (0..containers)
        .map(|n| {
            let mut container = sample::container(1, 1 + u8::try_from(n % u16::from(networks)).unwrap());
            let mut bytes = [0; 32];
            bytes[..2].copy_from_slice(&n.to_be_bytes());
            container.id = drawbridge_api::ContainerId::from_bytes(bytes);
            container.name = format!("box{n}").parse().unwrap();
            container.endpoints[0].id = EndpointId::from_bytes(bytes);
            Arc::new(sample::publishing(container, ports))
        })
        .collect();
    live
}

/// Whether a line runs through the inside of a box.
fn cuts(line: &[Point; 2], spot: &Spot) -> bool {
    let [(ax, ay), (bx, by)] = *line;
    ax.min(bx) < spot.x + spot.width && ax.max(bx) > spot.x && ay.min(by) < spot.y + spot.height && ay.max(by) > spot.y
}

/// What must hold for the ways in of every world at every width.
fn check_ways(live: &Live, width: i32, density: Density) {
    let layout = of(live, width, density);
    let boxes: Vec<Spot> =
        layout.containers.values().copied().chain(layout.bridges.values().map(|bridge| bridge.bar)).collect();
    for line in &layout.ways {
        let [(ax, ay), (bx, by)] = *line;
        assert!(ax == bx || ay == by, "{line:?} is slanted");
        assert!(ax.max(bx) < layout.size.0 && ay.max(by) < layout.size.1, "{line:?} leaves the drawing");
        for spot in &boxes {
            assert!(!cuts(line, spot), "{line:?} runs through {spot:?} at {width} px");
        }
        for wire in layout.wires.values() {
            for part in wire.points.windows(2) {
                let (across, down) = (part[0].1 == part[1].1, part[0].0 == part[1].0);
                let hides = (across && ay == by && ay == part[0].1) || (down && ax == bx && ax == part[0].0);
                // Two lines of one direction at one place; a box's own wire ends where its way in does not begin.
                let apart = |a: i32, b: i32, c: i32, d: i32| a.max(b) <= c.min(d) || c.max(d) <= a.min(b);
                let apart =
                    if down { apart(ay, by, part[0].1, part[1].1) } else { apart(ax, bx, part[0].0, part[1].0) };
                assert!(!hides || apart, "{line:?} hides the wire {part:?}");
            }
        }
        for [from, to] in layout.bridges.values().flat_map(|bridge| &bridge.rails) {
            assert!(from.1 != to.1 || ay != by || from.1 != ay, "{line:?} hides a rail");
        }
    }
    for (index, chip) in layout.chips.iter().enumerate() {
        let spot = chip.spot;
        let host = layout.host;
        assert!(spot.x > host.x && spot.x + spot.width < host.x + host.width, "{chip:?} leaves the host");
        assert!(spot.y > host.y && spot.y + spot.height < host.y + host.height, "{chip:?} leaves the host");
        for other in layout.chips[index + 1..].iter().map(|chip| &chip.spot).chain(&layout.addresses) {
            assert!(!overlap(&spot, other), "{chip:?} lies over {other:?}");
        }
    }
    for container in live.containers.iter().filter(|container| !container.ports.is_empty()) {
        let door = &layout.doors[&container.id];
        let (chip, spot) = (&layout.chips[door.chip].spot, &layout.containers[&container.id]);
        assert!(layout.chips[door.chip].container.as_ref().is_none_or(|id| *id == container.id));
        let (first, last) = (door.points[0], door.points[door.points.len() - 1]);
        assert!(first.1 == chip.y + chip.height && first.0 > chip.x && first.0 < chip.x + chip.width);
        assert!(last.1 == spot.y + spot.height && last.0 > spot.x && last.0 < spot.x + spot.width);
        for part in door.points.windows(2) {
            let is_drawn = layout.ways.iter().any(|way| {
                let within = |point: Point| {
                    (way[0].0.min(way[1].0)..=way[0].0.max(way[1].0)).contains(&point.0)
                        && (way[0].1.min(way[1].1)..=way[0].1.max(way[1].1)).contains(&point.1)
                };
                within(part[0]) && within(part[1])
            });
            assert!(is_drawn, "{part:?} of {} is not drawn", container.name);
        }
    }
}

#[test]
fn ways_in_are_tidy_at_five_and_at_five_hundred() {
    for density in [Density::Full, Density::Compact] {
        for width in [320, 390, 768, 1024, 1440, 1920, 2560] {
            for (networks, containers, ports) in [(1, 1, 1), (1, 5, 1), (3, 5, 12), (2, 40, 2), (6, 500, 1)] {
                let live = publishing(networks, containers, ports);
                check(&live, width, density);
                check_ways(&live, width, density);
            }
        }
    }
}

#[test]
fn five_hundred_ports_are_few_lines_and_few_chips() {
    let live = publishing(2, 500, 1);
    let layout = of(&live, 1440, Density::Full);
    assert!(layout.chips.len() < 20, "{} chips", layout.chips.len());
    let rest = layout.chips.last().unwrap();
    assert_eq!(rest.container, None);
    assert_eq!(rest.text, format!("+ {} containers", 500 - (layout.chips.len() - 1)));
    assert!(layout.host.height < 200, "the host takes {} px", layout.host.height);
    // Beside the short ends at chips and boxes.
    let long = layout.ways.len() - layout.containers.len() - layout.chips.len();
    let rows: std::collections::BTreeSet<_> = layout.containers.values().map(|spot| (spot.x / 800, spot.y)).collect();
    assert!(long <= rows.len() + 3, "{long} lines for {} rows", rows.len());
}

#[test]
fn many_ports_of_a_container_are_one_chip() {
    let layout = of(&publishing(1, 2, 12), 1440, Density::Full);
    let words: Vec<&str> = layout.chips.iter().map(|chip| chip.text.as_str()).collect();
    assert_eq!(words, ["12 ports → box0", "12 ports → box1"]);
    assert!(layout.doors.values().all(|door| door.inside == "12 ports"));
    let layout = of(&publishing(1, 1, 1), 1440, Density::Compact);
    assert_eq!(layout.chips[0].text, "8000/tcp");
}

#[test]
fn publishing_a_port_moves_nothing_sideways() {
    let before = of(&publishing(2, 30, 0), 1440, Density::Full);
    let after = of(&publishing(2, 30, 1), 1440, Density::Full);
    assert!(before.doors.is_empty() && before.ways.is_empty());
    let down = after.host.height - before.host.height;
    for (id, spot) in &before.containers {
        assert_eq!(after.containers[id], Spot { y: spot.y + down, ..*spot });
    }
}

#[test]
fn ways_in_keep_clear_of_wires_to_a_second_network() {
    let mut live = publishing(4, 40, 1);
    for n in 0..6 {
        let mut two_homed = (*live.containers[n]).clone();
        two_homed.endpoints.extend(sample::container(70 + n as u8, 4).endpoints);
        live.containers[n] = Arc::new(two_homed);
    }
    for width in [390, 1024, 1440, 2560] {
        check_ways(&live, width, Density::Full);
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
    bare.attachments = vec![Attachment::to("none".parse().unwrap())];
    let mut lost = sample::container(6, 1);
    lost.endpoints.clear();
    lost.attachments = vec![Attachment::to("gone".parse().unwrap())];
    live.containers.extend([Arc::new(bare), Arc::new(lost)]);
    let layout = of(&live, 1000, Density::Full);
    assert_eq!(layout.headings.len(), 2);
    assert_eq!(layout.bridges.len(), 1, "host and none are not bridges");
    check(&live, 1000, Density::Full);
}

#[test]
fn five_hundred_containers_are_a_few_blocks() {
    for width in [390, 768, 1440, 2560] {
        let live = publishing(10, 500, 1);
        let layout = folded(&live, width, &[]);
        assert_eq!((layout.blocks.len(), layout.containers.len(), layout.wires.len()), (10, 0, 0));
        let mut boxes: Vec<Spot> = layout.blocks.values().map(|block| block.spot).collect();
        boxes.extend(layout.bridges.values().map(|bridge| bridge.bar));
        boxes.push(layout.host);
        for (index, spot) in boxes.iter().enumerate() {
            assert!(spot.x >= 0 && spot.x + spot.width <= width && spot.y + spot.height <= layout.size.1);
            assert!(boxes[index + 1..].iter().all(|other| !overlap(spot, other)), "{spot:?} at {width} px");
        }
        let tiles: Vec<_> = layout.blocks.values().flat_map(|block| &block.tiles).collect();
        assert_eq!(tiles.len(), 500);
        for block in layout.blocks.values() {
            for (id, tile) in &block.tiles {
                let inside = block.spot;
                assert!(tile.x > inside.x && tile.x + tile.width < inside.x + inside.width);
                assert!(tile.y > inside.y && tile.y + tile.height < inside.y + inside.height);
                assert_eq!(block.at((tile.x + 1, tile.y + 1)), Some(id));
            }
        }
        // What leads into a folded container is still drawn.
        assert!(layout.doors.values().all(|door| !door.points.is_empty()));
    }
    assert!(folded(&publishing(10, 500, 0), 1440, &[]).size.1 < 1600, "they fit on two screens");
}

#[test]
fn a_block_is_joined_to_other_networks_by_one_line_each() {
    let mut live = publishing(4, 200, 0);
    for n in 0..60 {
        let mut two_homed = (*live.containers[n]).clone();
        // Every network to the one behind it.
        let mut second = sample::container(1, 1 + u8::try_from((n + 1) % 4).unwrap()).endpoints.remove(0);
        second.id = EndpointId::from_bytes([100 + u8::try_from(n).unwrap(); 32]);
        two_homed.endpoints.push(second);
        live.containers[n] = Arc::new(two_homed);
    }
    for width in [390, 1440] {
        let layout = folded(&live, width, &[]);
        assert_eq!(layout.bundles.len(), 4);
        assert_eq!(layout.bundles.iter().map(|bundle| bundle.count).sum::<usize>(), 60);
        let blocks = layout.blocks.values().map(|block| block.spot);
        let boxes: Vec<Spot> = blocks.chain(layout.bridges.values().map(|bridge| bridge.bar)).collect();
        for bundle in &layout.bundles {
            for part in bundle.points.windows(2) {
                for spot in &boxes {
                    assert!(!cuts(&[part[0], part[1]], spot), "{part:?} runs through {spot:?} at {width} px");
                }
            }
        }
    }
}

#[test]
fn one_block_unfolds_and_the_others_stay() {
    let live = publishing(4, 200, 0);
    let open = live.networks[1].name.to_string();
    let layout = folded(&live, 1440, &[open]);
    assert_eq!((layout.blocks.len(), layout.containers.len()), (3, 50));
    assert!(layout.bridges.len() == 4 && !layout.blocks.contains_key(&live.networks[1].id));
}

#[test]
fn a_container_more_keeps_every_tile() {
    let mut live = publishing(1, 60, 0);
    let before = folded(&live, 1440, &[]);
    let mut last = sample::container(1, 1);
    last.id = ContainerId::from_bytes([255; 32]);
    live.containers.push(Arc::new(last));
    let after = folded(&live, 1440, &[]);
    let [before, after] = [&before, &after].map(|layout| &layout.blocks[&live.networks[0].id].tiles);
    assert_eq!(before[..], after[..60]);
}

#[test]
fn wires_to_a_second_network_run_through_no_box() {
    let mut live = sample::live(5, 0);
    for n in 0..12u8 {
        let mut two_homed = sample::container(2 * n + 1, 1 + n % 5);
        two_homed.endpoints.extend(sample::container(2 * n + 2, 1 + (n + 1 + n % 4) % 5).endpoints);
        live.containers.push(Arc::new(two_homed));
    }
    for width in [390, 768, 1440, 1920] {
        for density in [Density::Full, Density::Compact] {
            let layout = of(&live, width, density);
            let boxes = layout.containers.values().copied().chain(layout.bridges.values().map(|bridge| bridge.bar));
            let boxes: Vec<Spot> = boxes.chain([layout.host]).collect();
            assert_eq!(layout.wires.len(), 24);
            for wire in layout.wires.values() {
                for part in wire.points.windows(2) {
                    for spot in &boxes {
                        assert!(!cuts(&[part[0], part[1]], spot), "{part:?} runs through {spot:?} at {width} px");
                    }
                }
            }
        }
    }
}

#[test]
fn joining_a_second_network_moves_nothing() {
    let mut live = sample::live(3, 12);
    let before = of(&live, 1440, Density::Full);
    let mut two_homed = (*live.containers[4]).clone();
    two_homed.endpoints.extend(sample::container(99, 3).endpoints);
    live.containers[4] = Arc::new(two_homed);
    let after = of(&live, 1440, Density::Full);
    assert_eq!(before.containers, after.containers);
    assert_eq!(before.bridges.keys().collect::<Vec<_>>(), after.bridges.keys().collect::<Vec<_>>());
}
