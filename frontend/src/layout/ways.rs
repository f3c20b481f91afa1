//! The host's box, and the ways in from its published ports to the containers. Pure.
//!
//! Published ports are chips at the host, one for each container. The ways in are the mirror of the wires: from the chips
//! to a rail below the host, down a bus at the right of each column, along a rail below each row, up into the boxes. So any
//! number of them is as many lines as there are columns and rows, and none crosses a box or takes room from one.

use super::{Layout, MARGIN, Point, Spot, measures};
use crate::{
    i18n::topology,
    ports::{self, Entry},
    route::Density,
    text::fit,
};
use drawbridge_api::{Container, ContainerId, Host, NetworkId};
use std::{collections::BTreeMap, sync::Arc};

/// A host address, and the room between two.
const CHIP: (i32, i32) = (26, 8);
/// Width of a monospaced character at 12.5 px, in hundredths: the widest of the style sheet's fonts has 0.61 em.
const CHARACTER: i32 = 763;

/// From a column's right edge to its bus of ways in: in the margin, or in the gap to the next column.
pub(super) const BUS: i32 = 10;
/// From the host's lower edge to the rail that joins the chips to the buses.
const HOST_RAIL: i32 = 16;
/// Rows of port chips; the last chip stands for all that have no room.
const PORT_ROWS: i32 = 2;
/// The same where the drawing is narrow.
const PORT_ROWS_NARROW: i32 = 4;
/// A drawing that is not narrow.
const NARROW: i32 = 760;

/// What leads into a container from outside: a chip at the host, and the way from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    /// The chip; the one that stands for several where there are too many.
    pub chip: usize,
    /// What the end at the box says: `80/tcp`, `12 ports`.
    pub inside: String,
    /// Corners, from the chip to the box's lower edge. Empty for a container that hangs from no bridge.
    pub points: Vec<Point>,
}

/// A chip at the host: the ports of one container, or of all that have no room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortChip {
    /// Where it stands.
    pub spot: Spot,
    /// `8080/tcp → box1`, `+ 489 containers`.
    pub text: String,
    /// The container; none when it stands for several.
    pub container: Option<ContainerId>,
}

/// The containers that publish ports, in their order, with the words for them.
pub(super) fn doors(containers: &[Arc<Container>]) -> Vec<(&Arc<Container>, Entry)> {
    containers.iter().filter_map(|container| Some((container, ports::entry(&container.ports)?))).collect()
}

/// The host's box at the top, its addresses and its published ports as chips that wrap. Gives back the bottom edge.
pub(super) fn place_host(
    layout: &mut Layout,
    host: &Host,
    doors: &[(&Arc<Container>, Entry)],
    width: i32,
    density: Density,
) -> i32 {
    let (chip, gap) = CHIP;
    let mut shelf = Shelf { left: MARGIN + 16, right: width - MARGIN - 16, at: (MARGIN + 16, MARGIN + 52), row: 0 };
    for address in &host.addresses {
        let characters = address.interface.chars().count() + address.address.to_string().len() + 1;
        layout.addresses.push(shelf.put(characters, 28));
    }
    let mut bottom = if host.addresses.is_empty() { MARGIN + 56 } else { shelf.at.1 + chip + 14 };
    if !doors.is_empty() {
        shelf = Shelf { at: (shelf.left, bottom - 14 + gap), row: 0, ..shelf };
        layout.chips =
            place_chips(&mut shelf, doors, if width < NARROW { PORT_ROWS_NARROW } else { PORT_ROWS }, density);
        bottom = shelf.at.1 + chip + 14;
    }
    layout.host = Spot { x: MARGIN, y: MARGIN, width: width - 2 * MARGIN, height: bottom - MARGIN };
    bottom
}

/// Rows that fill from left to right.
#[derive(Clone, Copy)]
struct Shelf {
    left: i32,
    right: i32,
    /// Where the next chip would stand.
    at: Point,
    /// Which row that is, from 0.
    row: i32,
}

impl Shelf {
    /// A chip for that many monospaced characters, and as much room besides.
    fn put(&mut self, characters: usize, besides: i32) -> Spot {
        let (chip, gap) = CHIP;
        let length = (i32::try_from(characters).unwrap_or(40) * CHARACTER / 100 + besides).min(self.right - self.left);
        if self.at.0 > self.left && self.at.0 + length > self.right {
            self.at = (self.left, self.at.1 + chip + gap);
            self.row += 1;
        }
        let spot = Spot { x: self.at.0, y: self.at.1, width: length, height: chip };
        self.at.0 += length + gap;
        spot
    }
}

/// One chip for each container, as far as the rows go, then one for all others.
fn place_chips(shelf: &mut Shelf, doors: &[(&Arc<Container>, Entry)], rows: i32, density: Density) -> Vec<PortChip> {
    // Room for the triangle that tells a port from an address.
    const BESIDES: i32 = 38;
    let rest = topology::more_containers;
    let mut chips = Vec::new();
    for (index, (container, entry)) in doors.iter().enumerate() {
        let text = match density {
            Density::Full => format!("{} → {}", fit(&entry.outside, 30), fit(container.name.as_str(), 16)),
            Density::Compact => fit(&entry.outside, 30),
        };
        let before = *shelf;
        let spot = shelf.put(text.chars().count(), BESIDES);
        // The chip for the others must have its place behind this one, as long as there may be others.
        let others = doors.len() - index - 1;
        let fits = shelf.row < rows
            && (others == 0 || {
                let mut tried = *shelf;
                tried.put(rest(others).chars().count(), BESIDES);
                tried.row < rows
            });
        if !fits {
            *shelf = before;
            let text = rest(others + 1);
            chips.push(PortChip { spot: shelf.put(text.chars().count(), BESIDES), text, container: None });
            break;
        }
        chips.push(PortChip { spot, text, container: Some(container.id.clone()) });
    }
    chips
}

/// The ways from the chips to the boxes, each on its own for a container that is looked at, and together as lines.
pub(super) fn place_ways(
    layout: &mut Layout,
    doors: &[(&Arc<Container>, Entry)],
    buses: &BTreeMap<NetworkId, i32>,
    density: Density,
) {
    let below = measures(density).way;
    let rail = layout.host.y + layout.host.height + HOST_RAIL;
    // How far each line goes: the rail at the host, then the buses by their x, then the rails below rows by bus and y.
    let mut host_rail: Option<(i32, i32)> = None;
    let mut bus_ends = BTreeMap::<i32, i32>::new();
    let mut rows = BTreeMap::<(i32, i32), i32>::new();
    for (index, (container, entry)) in doors.iter().enumerate() {
        let chip = index.min(layout.chips.len() - 1);
        let mut points = Vec::new();
        let bus = container.endpoints.first().and_then(|endpoint| buses.get(&endpoint.network_id));
        // A folded container is reached through its block.
        let folded = || {
            let endpoint = container.endpoints.first()?;
            Some(&layout.blocks.get(&endpoint.network_id)?.spot)
        };
        if let (Some(&bus), Some(spot)) = (bus, layout.containers.get(&container.id).or_else(folded)) {
            let from = layout.chips[chip].spot;
            let (start, end) = (from.x + from.width / 2, spot.x + spot.width / 2);
            let bottom = spot.y + spot.height;
            let row = bottom + below;
            points =
                vec![(start, from.y + from.height), (start, rail), (bus, rail), (bus, row), (end, row), (end, bottom)];
            let (left, right) = host_rail.unwrap_or((start, start));
            host_rail = Some((left.min(start).min(bus), right.max(start).max(bus)));
            let lowest = bus_ends.entry(bus).or_insert(row);
            *lowest = (*lowest).max(row);
            let leftmost = rows.entry((bus, row)).or_insert(end);
            *leftmost = (*leftmost).min(end);
            // The chip of several has one drop for all.
            if layout.chips[chip].container.is_some() || index == chip {
                layout.ways.push([points[0], points[1]]);
            }
            let end = [points[4], points[5]];
            if layout.ways.last() != Some(&end) {
                layout.ways.push(end);
            }
        }
        layout.doors.insert(container.id.clone(), Door { chip, inside: entry.inside.clone(), points });
    }
    layout.ways.extend(host_rail.map(|(left, right)| [(left, rail), (right, rail)]));
    layout.ways.extend(bus_ends.into_iter().map(|(bus, lowest)| [(bus, rail), (bus, lowest)]));
    layout.ways.extend(rows.into_iter().map(|((bus, row), leftmost)| [(bus, row), (leftmost, row)]));
}
