//! The tables as a person reads them: elements in groups that say what they are for, and a filter. Pure; the sentences are
//! the daemon's.

use crate::{
    i18n::rules as texts,
    listing::{Key, Listing},
    said::said,
    text::lower,
};
use drawbridge_api::{Container, ContainerId, Network, NetworkId, RuleElement, Rules, Traffic};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// The table of what is routed.
const INET: &str = "inet drawbridge";
/// What the filter finds a missing element by; the screen says the same.
pub const MISSING: &str = "not in the kernel";

/// What an element is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Which bridges are ours, and which talk to which.
    Networks,
    /// Which port of the host leads to which container.
    Ports,
    /// Which container may send from which address.
    Addresses,
    /// What is kept from what.
    Apart,
    /// With which address packets leave.
    Out,
    /// What is reached without translation.
    In,
    /// What is counted only.
    Counted,
    /// A set that this panel does not know.
    Other,
}

impl Group {
    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Networks => texts::group_networks(),
            Self::Ports => texts::group_ports(),
            Self::Addresses => texts::group_addresses(),
            Self::Apart => texts::group_apart(),
            Self::Out => texts::group_out(),
            Self::In => texts::group_in(),
            Self::Counted => texts::group_counted(),
            Self::Other => texts::group_other(),
        }
    }

    /// One sentence about it.
    pub fn note(self) -> &'static str {
        match self {
            Self::Networks => texts::note_networks(),
            Self::Ports => texts::note_ports(),
            Self::Addresses => texts::note_addresses(),
            Self::Apart => texts::note_apart(),
            Self::Out => texts::note_out(),
            Self::In => texts::note_in(),
            Self::Counted => texts::note_counted(),
            Self::Other => texts::note_other(),
        }
    }
}

/// What an element is for, as its table and set tell.
pub fn group(element: &RuleElement) -> Group {
    let set = element.set.trim_end_matches("_at").trim_end_matches(['4', '6']);
    match (element.table == INET, set) {
        (true, "bridges" | "pairs") => Group::Networks,
        (true, "published" | "hairpins") => Group::Ports,
        (true, "masqueraded" | "snat") => Group::Out,
        (true, "unprotected" | "routed" | "open") => Group::In,
        (true, "sent" | "received" | "counted") => Group::Counted,
        (true, "apart" | "internal") | (false, "apart" | "published") => Group::Apart,
        (false, "leased" | "sources") => Group::Addresses,
        _ => Group::Other,
    }
}

/// What no two elements share.
pub fn id(element: &RuleElement) -> String {
    format!("{} {} {}", element.table, element.set, element.key)
}

/// The element as it stands in nft's listings: `inet drawbridge published4 { tcp . 8080 : 172.17.0.2 . 80 }`.
pub fn nft(element: &RuleElement) -> String {
    let RuleElement { table, set, key, value, .. } = element;
    match value {
        Some(value) => format!("{table} {set} {{ {key} : {value} }}"),
        None => format!("{table} {set} {{ {key} }}"),
    }
}

/// Elements by their id.
pub type Elements = HashMap<String, Arc<RuleElement>>;

/// All elements, to be found by their id.
pub fn index(rules: &Rules) -> Elements {
    rules.elements.iter().map(|element| (id(element), Arc::new(element.clone()))).collect()
}

/// Whether there is something else to draw than a counter, which changes with every packet and is drawn on its own.
pub fn differs(before: Option<&Arc<RuleElement>>, now: Option<&Arc<RuleElement>>) -> bool {
    match (before, now) {
        (Some(before), Some(now)) => {
            let RuleElement { table, set, key, value, sentence, network, container, there, traffic: _ } = &**before;
            (table, set, key, value, sentence, network, container, there)
                != (&now.table, &now.set, &now.key, &now.value, &now.sentence, &now.network, &now.container, &now.there)
        }
        (None, None) => false,
        (Some(_), None) | (None, Some(_)) => true,
    }
}

/// What an element has counted. Maps do not count: what went through a published port is counted by its twin in the set
/// `counted…`, under the same key.
pub fn traffic(element: &RuleElement, all: &Elements) -> Option<Traffic> {
    element.traffic.or_else(|| {
        let family = element.set.strip_prefix("published").filter(|_| element.table == INET)?;
        all.get(&format!("{INET} counted{family} {}", element.key))?.traffic
    })
}

/// The names of networks and containers, to link to and to filter by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    networks: HashMap<NetworkId, String>,
    containers: HashMap<ContainerId, String>,
}

impl Names {
    /// Of all there are.
    pub fn of(networks: &[Arc<Network>], containers: &[Arc<Container>]) -> Self {
        Self {
            networks: networks.iter().map(|network| (network.id.clone(), network.name.to_string())).collect(),
            containers: containers.iter().map(|c| (c.id.clone(), c.name.to_string())).collect(),
        }
    }

    /// Of the network that an element is there for.
    pub fn network(&self, element: &RuleElement) -> Option<&str> {
        self.networks.get(element.network.as_ref()?).map(String::as_str)
    }

    /// Of the container that an element is there for.
    pub fn container(&self, element: &RuleElement) -> Option<&str> {
        self.containers.get(element.container.as_ref()?).map(String::as_str)
    }
}

/// The ids of the elements that the filter leaves, by group, in the tables' order unless they are sorted. Every word of the filter must stand
/// somewhere in the element.
pub fn grouped(rules: &Rules, names: &Names, listing: &Listing) -> BTreeMap<Group, Vec<String>> {
    let mut groups = BTreeMap::<_, Vec<_>>::new();
    let mut found: Vec<_> = rules.elements.iter().filter(|element| matches(element, names, &listing.find)).collect();
    listing.sort(&mut found, |element, column| match column {
        "counted" => {
            Key::Number(element.traffic.map_or(-1, |counted| i64::try_from(counted.bytes).unwrap_or(i64::MAX)))
        }
        _ => Key::text(said(&element.sentence)),
    });
    for element in found {
        groups.entry(group(element)).or_default().push(id(element));
    }
    groups
}

fn matches(element: &RuleElement, names: &Names, find: &str) -> bool {
    // Asked for every element after every poll, most often without a filter.
    if find.trim().is_empty() {
        return true;
    }
    let sentence = said(&element.sentence);
    let text = [
        sentence.as_ref(),
        &nft(element),
        names.network(element).unwrap_or_default(),
        names.container(element).unwrap_or_default(),
        element.container.as_ref().map_or("", ContainerId::as_str),
        if element.there { "" } else { MISSING },
    ];
    let text = lower(&text.join("\n"));
    lower(find).split_whitespace().all(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn element(table: &str, set: &str, key: &str) -> RuleElement {
        RuleElement {
            table: format!("{table} drawbridge"),
            set: set.into(),
            key: key.into(),
            value: None,
            sentence: format!("About {key}."),
            network: None,
            container: None,
            there: true,
            traffic: None,
        }
    }

    #[test]
    fn every_set_has_its_group() {
        for (table, sets, expected) in [
            ("inet", "bridges pairs", Group::Networks),
            ("inet", "published4 published4_at published6 published6_at hairpins4 hairpins6", Group::Ports),
            ("bridge", "leased4 leased6 sources4 sources6", Group::Addresses),
            ("inet", "apart internal", Group::Apart),
            ("bridge", "apart published4 published6", Group::Apart),
            ("inet", "masqueraded4 masqueraded6 snat4 snat6", Group::Out),
            ("inet", "unprotected4 unprotected6 routed4 routed6 open4 open6", Group::In),
            ("inet", "sent received counted4 counted6 counted4_at counted6_at", Group::Counted),
            ("inet", "tomorrow", Group::Other),
        ] {
            for set in sets.split(' ') {
                assert_eq!(group(&element(table, set, "x")), expected, "{table} {set}");
            }
        }
    }

    #[test]
    fn a_published_port_shows_what_its_twin_counts() {
        let counted = Some(Traffic { packets: 3, bytes: 180 });
        let rules = Rules {
            tables: String::new(),
            intact: true,
            elements: vec![
                element("inet", "published4", "tcp . 8080"),
                RuleElement { traffic: counted, ..element("inet", "counted4", "tcp . 8080") },
                element("inet", "published4_at", "127.0.0.1 . tcp . 8080"),
                element("bridge", "published4", "tcp . 8080"),
            ],
        };
        let all = index(&rules);
        let counts: Vec<_> = rules.elements.iter().map(|element| traffic(element, &all)).collect();
        assert_eq!(counts, [counted, counted, None, None]);
    }

    #[test]
    fn a_counter_draws_nothing_else_anew() {
        let before = Arc::new(element("inet", "sent", "\"docker0\""));
        let counted = Arc::new(RuleElement { traffic: Some(Traffic { packets: 1, bytes: 60 }), ..(*before).clone() });
        let missing = Arc::new(RuleElement { there: false, ..(*before).clone() });
        assert!(!differs(Some(&before), Some(&counted)));
        assert!(differs(Some(&before), Some(&missing)));
        assert!(differs(None, Some(&before)) && differs(Some(&before), None) && !differs(None, None));
    }

    #[test]
    fn elements_read_as_in_nft() {
        let map = RuleElement { value: Some("172.17.0.2 . 80".into()), ..element("inet", "published4", "tcp . 8080") };
        assert_eq!(nft(&map), "inet drawbridge published4 { tcp . 8080 : 172.17.0.2 . 80 }");
        assert_eq!(nft(&element("inet", "bridges", "\"docker0\"")), "inet drawbridge bridges { \"docker0\" }");
    }

    #[test]
    fn the_filter_looks_at_all_that_is_shown() {
        let live = sample::live(1, 1);
        let names = Names::of(&live.networks, &live.containers);
        let found = RuleElement {
            container: Some(live.containers[0].id.clone()),
            network: Some(live.networks[0].id.clone()),
            there: false,
            ..element("inet", "published4", "tcp . 8080")
        };
        for find in ["", " 8080 ", "BOX1", "bridge published4", "not in the kernel", "0101", "about box1 tcp"] {
            assert!(matches(&found, &names, find), "{find:?} should match");
        }
        for find in ["8081", "box2", "box1 udp"] {
            assert!(!matches(&found, &names, find), "{find:?} should not match");
        }
        assert!(!matches(&RuleElement { there: true, ..found }, &names, MISSING));
    }

    #[test]
    fn groups_keep_the_order_of_the_tables() {
        let elements = (0..1000).map(|n| {
            let set = if n % 2 == 0 { "published4" } else { "bridges" };
            element("inet", set, &n.to_string())
        });
        let rules = Rules { tables: String::new(), intact: true, elements: elements.collect() };
        let groups = grouped(&rules, &Names::default(), &Listing::default());
        assert_eq!(groups.keys().copied().collect::<Vec<_>>(), [Group::Networks, Group::Ports]);
        assert_eq!(groups[&Group::Ports][..2], ["inet drawbridge published4 0", "inet drawbridge published4 2"]);
        assert_eq!(groups.values().map(Vec::len).sum::<usize>(), 1000);
        assert_eq!(index(&rules).len(), 1000, "no two elements share an id");
    }
}
