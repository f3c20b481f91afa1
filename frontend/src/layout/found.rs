//! Where that stands which others have made: below everything of ours. A bridge is a bar with a box for each namespace, or
//! other link, that is plugged into it; what is plugged into no such bridge stands in rows of its own.

use super::{
    BAR, HEADING, Heading, INDENT, Layout, MARGIN, NETWORK_GAP, Point, SPINE, Spot, TRUNK, grid, measures, port,
};
use crate::{
    i18n::topology,
    route::{Density, Selection},
};
use drawbridge_api::{Found, FoundLink};

/// A bridge of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundBridge {
    /// Its name.
    pub name: String,
    /// The bar.
    pub bar: Spot,
    /// Down from the bar, then one rail for each row behind the first.
    pub rails: Vec<[Point; 2]>,
}

/// A namespace, or a link that leads into none that has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundBox {
    /// What it stands for.
    pub selection: Selection,
    /// Where.
    pub spot: Spot,
    /// From the bridge to the box, where it hangs from one.
    pub wire: Option<[Point; 2]>,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundSpots {
    /// Bridges.
    pub bridges: Vec<FoundBridge>,
    /// Boxes.
    pub boxes: Vec<FoundBox>,
}

/// Adds what others have made to a drawing of ours.
pub fn place_found(layout: &mut Layout, found: &Found, density: Density) {
    if found.links.is_empty() && found.namespaces.is_empty() {
        return;
    }
    let mut floor = layout.size.1 - MARGIN;
    let left = MARGIN + TRUNK;
    let heading = Heading { text: topology::by_others(), at: (left, floor + HEADING + 14) };
    layout.headings.push(heading);
    floor += HEADING + 20;
    let right = layout.size.0 - MARGIN;
    let mut placed: Vec<Selection> = Vec::new();
    for bridge in found.links.iter().filter(|link| link.kind == "bridge") {
        let ports = found.links.iter().filter(|link| link.bridge.as_ref() == Some(&bridge.name));
        let mut members: Vec<Selection> = Vec::new();
        for member in ports.map(behind) {
            if !placed.contains(&member) && !members.contains(&member) {
                members.push(member);
            }
        }
        floor = hang(layout, bridge, &members, floor, right, density);
        placed.extend(members);
    }
    let namespaces = found.namespaces.iter().map(|namespace| Selection::Namespace(namespace.name.clone()));
    let links = found.links.iter().filter(|link| link.kind != "bridge").map(behind);
    let mut rest: Vec<Selection> = Vec::new();
    for selection in namespaces.chain(links) {
        if !placed.contains(&selection) && !rest.contains(&selection) {
            rest.push(selection);
        }
    }
    if !rest.is_empty() {
        let sizes = measures(density);
        let spots = grid(left, floor + NETWORK_GAP / 2 - sizes.wire, right, rest.len(), density);
        floor = spots.last().map_or(floor, |spot| spot.y + spot.height);
        let boxes = rest.into_iter().zip(spots).map(|(selection, spot)| FoundBox { selection, spot, wire: None });
        layout.found.boxes.extend(boxes);
    }
    layout.size.1 = floor + MARGIN;
}

/// What a port of a bridge leads to: a namespace that has a name, or no further than itself.
fn behind(link: &FoundLink) -> Selection {
    match link.peer.as_ref().and_then(|peer| peer.namespace.clone()) {
        Some(namespace) => Selection::Namespace(namespace),
        None => Selection::Link(link.name.clone()),
    }
}

/// A bridge and its boxes. Gives back the bottom edge.
fn hang(
    layout: &mut Layout,
    bridge: &FoundLink,
    members: &[Selection],
    floor: i32,
    right: i32,
    density: Density,
) -> i32 {
    let sizes = measures(density);
    let left = MARGIN + TRUNK;
    let bar = Spot { x: left, y: floor + NETWORK_GAP / 2, width: right - left, height: BAR };
    let spots = grid(bar.x + INDENT, bar.y + bar.height, right, members.len(), density);
    let spine = bar.x + SPINE;
    let mut rails: Vec<[Point; 2]> = Vec::new();
    for (selection, spot) in members.iter().zip(&spots) {
        let hang = spot.y - sizes.wire;
        let x = port(spot, 0, 1);
        // The first row hangs from the bar itself.
        match rails.last_mut() {
            _ if hang == bar.y + bar.height => {}
            Some([_, end]) if end.1 == hang => end.0 = x,
            Some(_) | None => rails.push([(spine, hang), (x, hang)]),
        }
        let wire = Some([(x, hang), (x, spot.y)]);
        layout.found.boxes.push(FoundBox { selection: selection.clone(), spot: *spot, wire });
    }
    if let Some(last) = rails.last().map(|rail| rail[0].1) {
        rails.insert(0, [(spine, bar.y + bar.height), (spine, last)]);
    }
    layout.found.bridges.push(FoundBridge { name: bridge.name.clone(), bar, rails });
    spots.last().map_or(bar.y + bar.height, |spot| spot.y + spot.height)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Folds, Wish, layout},
        *,
    };
    use crate::sample;

    /// What the chapter's script makes: a bridge with two namespaces; and a namespace and a veth by themselves.
    fn found() -> Found {
        let link = |name: &str, kind: &str, bridge: Option<&str>, namespace: Option<&str>| FoundLink {
            bridge: bridge.map(str::to_owned),
            peer: namespace.map(|namespace| drawbridge_api::FoundPeer {
                namespace: Some(namespace.to_owned()),
                name: Some("eth00".to_owned()),
            }),
            ..sample::found_link(name, kind)
        };
        Found {
            links: vec![
                link("mydocker0", "bridge", None, None),
                link("veth-ns1", "veth", Some("mydocker0"), Some("ns1")),
                link("veth-ns2", "veth", Some("mydocker0"), Some("ns2")),
                link("eth9", "", Some("mydocker0"), None),
                link("lone", "veth", None, None),
            ],
            namespaces: ["alone", "ns1", "ns2"].map(sample::found_namespace).to_vec(),
        }
    }

    #[test]
    fn everything_that_was_found_stands_once_below_what_is_ours() {
        for density in [Density::Full, Density::Compact] {
            for width in [360, 1200] {
                let live = sample::live(1, 3);
                let wish = Wish { width, density, folds: Folds::Never };
                let ours = layout(&live.host, &live.networks, &live.containers, wish);
                let mut all = ours.clone();
                place_found(&mut all, &found(), density);
                assert_eq!(all.containers, ours.containers, "nothing of ours moves");
                let mut names: Vec<String> = all.found.boxes.iter().map(|found| found.selection.to_string()).collect();
                assert_eq!(names.len(), 5, "{names:?}");
                assert_eq!(names[..3], ["namespace:ns1", "namespace:ns2", "link:eth9"]);
                names.sort_unstable();
                names.dedup();
                assert_eq!(names.len(), 5);
                let hanging = all.found.boxes.iter().filter(|found| found.wire.is_some()).count();
                assert_eq!((all.found.bridges.len(), hanging), (1, 3));
                for found in &all.found.boxes {
                    assert!(found.spot.y >= ours.size.1 - MARGIN && found.spot.y + found.spot.height <= all.size.1);
                    assert!(found.spot.x + found.spot.width <= width.max(320));
                    let apart = |other: &&FoundBox| {
                        other.spot.x >= found.spot.x + found.spot.width
                            || found.spot.x >= other.spot.x + other.spot.width
                            || other.spot.y >= found.spot.y + found.spot.height
                            || found.spot.y >= other.spot.y + other.spot.height
                    };
                    assert_eq!(all.found.boxes.iter().filter(apart).count(), 4, "one box lies over another");
                }
            }
        }
    }

    #[test]
    fn nothing_found_changes_nothing() {
        let live = sample::live(1, 3);
        let wish = Wish { width: 800, density: Density::Full, folds: Folds::Never };
        let ours = layout(&live.host, &live.networks, &live.containers, wish);
        let mut all = ours.clone();
        place_found(&mut all, &Found::default(), Density::Full);
        assert_eq!(all, ours);
    }
}
