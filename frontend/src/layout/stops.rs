//! Where the keyboard can go in the drawing, and which way leads where. Pure.

use super::{Layout, Spot, Wire};
use crate::route::Selection;
use drawbridge_api::{ContainerId, EndpointId, NetworkId};

/// Something in the drawing that can have the focus.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Stop {
    /// The machine.
    Host,
    /// A bridge of ours.
    Network(NetworkId),
    /// A namespace.
    Container(ContainerId),
    /// A network's folded containers.
    Block(NetworkId),
    /// A veth pair.
    Wire(EndpointId),
    /// A chip of published ports: of one container, or of all that have no room.
    Port(Option<ContainerId>),
    /// What others have made.
    Found(Selection),
}

impl std::fmt::Display for Stop {
    /// As the drawing marks it: `container-1b2c…`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Host => f.write_str("host"),
            Self::Network(id) => write!(f, "network-{id}"),
            Self::Container(id) => write!(f, "container-{id}"),
            Self::Block(id) => write!(f, "block-{id}"),
            Self::Wire(id) => write!(f, "wire-{id}"),
            Self::Port(Some(id)) => write!(f, "port-{id}"),
            Self::Port(None) => f.write_str("ports"),
            Self::Found(selection) => write!(f, "found-{selection}"),
        }
    }
}

/// Where an arrow key leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Towards {
    /// Against the reading direction.
    Left,
    /// Along it.
    Right,
    /// To the host.
    Up,
    /// Away from it.
    Down,
}

/// Everything that can have the focus, with its place.
pub fn stops(layout: &Layout) -> Vec<(Stop, Spot)> {
    let mut stops = vec![(Stop::Host, head(layout.host))];
    stops.extend(layout.chips.iter().map(|chip| (Stop::Port(chip.container.clone()), chip.spot)));
    stops.extend(layout.bridges.iter().map(|(id, bridge)| (Stop::Network(id.clone()), bridge.bar)));
    stops.extend(layout.blocks.iter().map(|(id, block)| (Stop::Block(id.clone()), block.spot)));
    stops.extend(layout.containers.iter().map(|(id, spot)| (Stop::Container(id.clone()), *spot)));
    stops.extend(layout.wires.iter().map(|(id, wire)| (Stop::Wire(id.clone()), plug(wire))));
    let bridges = layout.found.bridges.iter();
    stops.extend(bridges.map(|bridge| (Stop::Found(Selection::Link(bridge.name.clone())), bridge.bar)));
    stops.extend(layout.found.boxes.iter().map(|found| (Stop::Found(found.selection.clone()), found.spot)));
    stops
}

/// The host's first line, so that its chips lie below it.
fn head(host: Spot) -> Spot {
    Spot { height: 40.min(host.height), ..host }
}

/// The end of a wire at its box.
pub(super) fn plug(wire: &Wire) -> Spot {
    let (x, y) = wire.points.last().copied().unwrap_or_default();
    Spot { x: x - 12, y: y - 24, width: 24, height: 16 }
}

/// The nearest in a direction; none at the edge. What lies straight ahead comes before what lies aside.
pub fn next_stop(stops: &[(Stop, Spot)], from: &Stop, towards: Towards) -> Option<Stop> {
    let (_, here) = stops.iter().find(|(stop, _)| stop == from)?;
    let cost = |spot: &Spot| {
        let (ahead, (a, b), (c, d)) = match towards {
            Towards::Left => (here.x - spot.x, (here.y, here.height), (spot.y, spot.height)),
            Towards::Right => (spot.x - here.x, (here.y, here.height), (spot.y, spot.height)),
            Towards::Up => (here.y - spot.y, (here.x, here.width), (spot.x, spot.width)),
            Towards::Down => (spot.y - here.y, (here.x, here.width), (spot.x, spot.width)),
        };
        // How far apart they lie across the direction; nothing while they overlap there.
        let aside = (c - (a + b)).max(a - (c + d)).max(0);
        // From a wide bar the nearest box is the first one, and not the one under its middle.
        let shift = if matches!(towards, Towards::Up | Towards::Down) { (c - a).abs() / 8 } else { 0 };
        (ahead > 0).then_some((aside > 0, i64::from(ahead) + 4 * i64::from(aside) + i64::from(shift)))
    };
    let others = stops.iter().filter(|(stop, _)| stop != from);
    let best = others.filter_map(|(stop, spot)| Some((cost(spot)?, stop))).min_by_key(|(cost, _)| *cost);
    best.map(|(_, stop)| stop.clone())
}

#[cfg(test)]
mod tests {
    use super::{super::*, *};
    use crate::sample;

    #[test]
    fn arrows_reach_everything_and_lead_back() {
        let live = sample::live(3, 12);
        let wish = Wish { width: 1200, density: Density::Full, folds: Folds::Never };
        let layout = layout(&live.host, &live.networks, &live.containers, wish);
        let stops = stops(&layout);
        let mut reached = vec![Stop::Host];
        let mut at = 0;
        while let Some(from) = reached.get(at).cloned() {
            for towards in [Towards::Left, Towards::Right, Towards::Up, Towards::Down] {
                if let Some(next) = next_stop(&stops, &from, towards)
                    && !reached.contains(&next)
                {
                    reached.push(next);
                }
            }
            at += 1;
        }
        assert_eq!(reached.len(), stops.len(), "some can’t be reached");
    }

    #[test]
    fn down_from_a_bridge_is_its_first_veth_and_then_its_box() {
        let live = sample::live(1, 5);
        let wish = Wish { width: 1200, density: Density::Full, folds: Folds::Never };
        let layout = layout(&live.host, &live.networks, &live.containers, wish);
        let stops = stops(&layout);
        let network = Stop::Network(live.networks[0].id.clone());
        assert_eq!(next_stop(&stops, &Stop::Host, Towards::Down), Some(network.clone()));
        let wire = Stop::Wire(live.containers[0].endpoints[0].id.clone());
        assert_eq!(next_stop(&stops, &network, Towards::Down), Some(wire.clone()));
        let first = Stop::Container(live.containers[0].id.clone());
        assert_eq!(next_stop(&stops, &wire, Towards::Down), Some(first.clone()));
        let second = Stop::Container(live.containers[1].id.clone());
        assert_eq!(next_stop(&stops, &first, Towards::Right), Some(second));
        assert_eq!(next_stop(&stops, &Stop::Host, Towards::Up), None);
    }
}
