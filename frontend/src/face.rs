//! What the nodes of the topology say, in the room that they have. Pure.

use crate::{
    components::state,
    i18n::topology,
    route::Density,
    text::{addresses, fit},
    words,
};
use drawbridge_api::{Container, Endpoint, Network};
use std::{cmp::Reverse, net::IpAddr};

/// A bar with more room says everything.
pub const WIDE: i32 = 420;
/// Pixels of a monospaced character at 12.5 px, in hundredths: the widest of the style sheet's fonts has 0.61 em.
const MONO: i32 = 763;
/// Pixels of a character of a name at 14 px, bold, on average.
const NAME: i32 = 9;

/// One line of a box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it says.
    pub text: String,
    /// Its classes in the style sheet.
    pub class: &'static str,
}

fn line(class: &'static str, text: String) -> Line {
    Line { text, class }
}

/// As many monospaced characters as fit into so many pixels.
pub fn mono(width: i32) -> usize {
    usize::try_from(width * 100 / MONO).unwrap_or(0)
}

/// As many characters of a name.
pub fn name(width: i32) -> usize {
    usize::try_from(width / NAME).unwrap_or(0)
}

/// The lines below a container's name: in a full box its addresses, the way out, the process and the namespace, as far as four
/// lines go; in a compact one its first address.
pub fn lines(container: &Container, density: Density, width: i32) -> Vec<Line> {
    let room = mono(width - 28);
    if density == Density::Compact {
        let first = container.endpoints.first().map(addresses);
        let first = first.as_deref().and_then(|all| all.split(", ").next());
        return match first {
            Some(address) => vec![line("mono", fit(address, room))],
            None => vec![line("faint", fit(&state::word(container), room))],
        };
    }
    let mut lines = address_lines(&container.endpoints);
    if lines.is_empty() {
        lines.push(line("faint", state::word(container)));
        lines.push(line("faint", container.image.clone()));
    }
    if container.paused {
        lines.push(line("faint", state::word(container)));
    }
    lines.extend(way_out(container).map(|gateway| line("mono faint", format!("default via {gateway}"))));
    let command = words::join(&container.command);
    match container.pid {
        Some(pid) => lines.push(line("mono faint", format!("pid {pid} {command}"))),
        None if !command.is_empty() => lines.push(line("mono faint", command)),
        None => {}
    }
    lines.extend(container.namespace.as_ref().map(|namespace| line("mono faint", format!("netns {namespace}"))));
    lines.truncate(4);
    for line in &mut lines {
        line.text = fit(&line.text, room);
    }
    lines
}

/// The addresses, by interface where there are several; two at the most, and how many more. Each interface has its first one before
/// any has its second.
fn address_lines(endpoints: &[Endpoint]) -> Vec<Line> {
    let of_rank = |rank: usize| {
        endpoints.iter().filter_map(move |endpoint| {
            let prefix = if endpoints.len() > 1 { format!("{} ", endpoint.interface) } else { String::new() };
            endpoint.addresses().get(rank).map(|address| format!("{prefix}{address}"))
        })
    };
    let all: Vec<String> = of_rank(0).chain(of_rank(1)).collect();
    let mut lines: Vec<Line> = all.iter().take(2).map(|text| line("mono", text.clone())).collect();
    if let Some(last) = lines.last_mut()
        && all.len() > 2
    {
        last.text = format!("{} +{}", last.text, all.len() - 2);
    }
    lines
}

/// Where the default route leads: IPv4's, or IPv6's where there is no other. As the planner chooses it (`outlets` in
/// backend/plan/src/outlet.rs): the highest priority, then both families, then the first by name.
pub fn way_out(container: &Container) -> Option<IpAddr> {
    let best = |gateway: fn(&Endpoint) -> Option<IpAddr>| {
        let leading = container.endpoints.iter().filter(|endpoint| gateway(endpoint).is_some());
        let first = leading.min_by_key(|endpoint| {
            let both = endpoint.gateway4.is_some() && endpoint.gateway6.is_some();
            (Reverse(endpoint.gateway_priority), !both, endpoint.network.as_str())
        });
        first.and_then(gateway)
    };
    best(|endpoint| endpoint.gateway4.map(IpAddr::V4)).or_else(|| best(|endpoint| endpoint.gateway6.map(IpAddr::V6)))
}

/// What a bridge's bar says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BarWords {
    /// The network's name.
    pub name: String,
    /// The bridge's own; behind the name on a wide bar, on the second line of a narrow one.
    pub bridge: String,
    /// Ranges, and gateways where there is room.
    pub ranges: String,
}

/// The words for a bar. `right_px` is what stands at its right end, on either line.
pub fn bar_words(network: &Network, width: i32, right_px: (i32, i32)) -> BarWords {
    let bridge = network.bridge.as_ref().map(ToString::to_string).unwrap_or_default();
    let room = width - 32;
    let taken = |text: &str| i32::try_from(text.chars().count()).unwrap_or(0) * MONO / 100 + 10;
    let is_wide = width > WIDE;
    let ranges: Vec<String> = network
        .subnets
        .iter()
        .map(|subnet| match is_wide && network.subnets.len() == 1 {
            true => topology::gateway(&subnet.subnet, &subnet.gateway),
            false => subnet.subnet.to_string(),
        })
        .collect();
    let (beside_name, beside_ranges) = if is_wide { (taken(&bridge), 0) } else { (0, taken(&bridge)) };
    BarWords {
        name: fit(network.name.as_str(), name(room - right_px.0 - beside_name).clamp(4, 40)),
        ranges: fit(&ranges.join("   "), mono(room - right_px.1 - beside_ranges)),
        bridge,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn texts(container: &Container, density: Density, width: i32) -> Vec<String> {
        lines(container, density, width).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn a_box_says_address_way_out_process_and_namespace() {
        let one = sample::container(1, 1);
        let expected = ["172.17.0.2/16", "default via 172.17.0.1", "pid 1001 sleep 3600", "netns 010101010101"];
        assert_eq!(texts(&one, Density::Full, 208), expected);
        assert_eq!(texts(&one, Density::Compact, 136), ["172.17.0.2"]);
        let narrow = texts(&one, Density::Full, 140);
        assert!(narrow.iter().all(|text| text.chars().count() <= mono(112)), "{narrow:?}");
    }

    #[test]
    fn every_network_of_a_container_is_told() {
        let mut two = sample::container(1, 1);
        let mut second = sample::container(2, 2).endpoints.remove(0);
        second.interface = "eth1".parse().unwrap();
        two.endpoints.push(second.clone());
        let expected = ["eth0 172.17.0.2/16", "eth1 172.18.0.3/16", "default via 172.17.0.1", "pid 1001 sleep 3600"];
        assert_eq!(texts(&two, Density::Full, 260), expected);
        two.endpoints.push(second);
        assert_eq!(texts(&two, Density::Full, 260)[1], "eth1 172.18.0.3/16 +1");
        // The way out follows the priority.
        two.endpoints[1].gateway_priority = 5;
        assert_eq!(way_out(&two).unwrap().to_string(), "172.18.0.1");
        two.endpoints.iter_mut().for_each(|endpoint| endpoint.gateway4 = None);
        assert_eq!(way_out(&two), None);
    }

    #[test]
    fn a_stopped_box_says_what_it_would_run() {
        let mut stopped = sample::container(1, 1);
        stopped.endpoints.clear();
        (stopped.pid, stopped.namespace, stopped.state) = (None, None, drawbridge_api::ContainerState::Exited);
        let texts = texts(&stopped, Density::Full, 208);
        assert_eq!(texts[1..], ["busybox", "sleep 3600"]);
    }

    #[test]
    fn a_bar_has_room_for_its_words_at_every_width() {
        let mut network = sample::network(2);
        network.name = "a-rather-long-name-for-a-network-of-the-laboratory".parse().unwrap();
        for width in [180, 230, 260, 300, 421, 600, 1300] {
            let words = bar_words(&network, width, (80, 0));
            let count = |text: &str| i32::try_from(text.chars().count()).unwrap();
            let (name, bridge) = (count(&words.name) * NAME, count(&words.bridge) * MONO / 100 + 10);
            let ranges = count(&words.ranges) * MONO / 100;
            let (first, second) = if width > WIDE { (name + bridge, ranges) } else { (name, bridge + ranges) };
            assert!(first + 80 <= width - 32 || words.name.chars().count() == 4, "{words:?} at {width}");
            assert!(second <= width - 32 || words.ranges.is_empty() || words.ranges == "…", "{words:?} at {width}");
        }
        // At 390 pixels a bar has 260: the range is told whole beside the bridge's name.
        assert_eq!(bar_words(&network, 260, (80, 0)).ranges, "172.18.0.0/16");
    }
}
