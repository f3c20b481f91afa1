//! What is chosen on the topology, as its address has it.

use super::encode;
use drawbridge_api::Change;
use std::fmt;

/// What the topology's inspector shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Selection {
    /// The machine.
    Host,
    /// A network, by name.
    Network(String),
    /// A container, by name.
    Container(String),
    /// A veth pair, by the name of its end on the host.
    Veth(String),
    /// A link that others have made, by name.
    Link(String),
    /// A network namespace that others have made, by name.
    Namespace(String),
}

impl Selection {
    /// Reads `container:box1`; none when the text names nothing.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "host" {
            return Some(Self::Host);
        }
        let (kind, name) = text.split_once(':')?;
        match (kind, name) {
            (_, "") => None,
            ("network", name) => Some(Self::Network(name.to_owned())),
            ("container", name) => Some(Self::Container(name.to_owned())),
            ("veth", name) => Some(Self::Veth(name.to_owned())),
            ("link", name) => Some(Self::Link(name.to_owned())),
            ("namespace", name) => Some(Self::Namespace(name.to_owned())),
            _ => None,
        }
    }
}

impl Selection {
    /// What a change was about, as its verb and subject tell: `create network`, `container ended`. What was removed since
    /// selects nothing, which is harmless. None for the machine as a whole.
    pub fn of(change: &Change) -> Option<Self> {
        let name = change.subject.clone();
        let has = |word: &str| change.verb.split(' ').any(|own| own == word);
        if name.is_empty() {
            None
        } else if has("network") {
            Some(Self::Network(name))
        } else if has("container") || change.verb == "publish ports of" {
            Some(Self::Container(name))
        } else {
            None
        }
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("host"),
            Self::Network(name) => write!(f, "network:{name}"),
            Self::Container(name) => write!(f, "container:{name}"),
            Self::Veth(name) => write!(f, "veth:{name}"),
            Self::Link(name) => write!(f, "link:{name}"),
            Self::Namespace(name) => write!(f, "namespace:{name}"),
        }
    }
}

/// How much the topology says about each container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Density {
    /// Name, addresses and both ends of the veth pair.
    #[default]
    Full,
    /// Name and address, for many containers at once.
    Compact,
}

/// What the inspector tells of the selected thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// What it is and what may be done with it.
    #[default]
    About,
    /// Its links, addresses, routes and neighbours, as ip(8) prints them.
    Kernel,
    /// The elements of the tables that are there for it.
    Rules,
    /// What makes it, and what shows it.
    Commands,
    /// What was done to it.
    History,
}

impl Tab {
    /// All of them, in their order.
    pub const ALL: [Self; 5] = [Self::About, Self::Kernel, Self::Rules, Self::Commands, Self::History];

    /// The word in an address.
    pub fn word(self) -> &'static str {
        match self {
            Self::About => "about",
            Self::Kernel => "kernel",
            Self::Rules => "rules",
            Self::Commands => "commands",
            Self::History => "history",
        }
    }
}

/// What is chosen on the topology.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// What the inspector shows.
    pub select: Option<Selection>,
    /// Which part of it.
    pub tab: Tab,
    /// How much each box says.
    pub density: Density,
    /// What is searched for; empty for nothing.
    pub find: String,
    /// Only this network is drawn.
    pub network: Option<String>,
    /// Only containers with this label are drawn, `key=value` or a key.
    pub label: Option<String>,
    /// Networks of many containers that are unfolded, by name.
    pub open: Vec<String>,
}

impl Picture {
    pub(super) const EMPTY: Self = Self {
        select: None,
        tab: Tab::About,
        density: Density::Full,
        find: String::new(),
        network: None,
        label: None,
        open: Vec::new(),
    };

    /// Reads the pairs of a query, of which `value` gives one.
    pub(super) fn parse(value: impl Fn(&str) -> Option<String>) -> Self {
        let word = |key: &str| value(key).filter(|word| !word.is_empty());
        let tab = word("tab").and_then(|word| Tab::ALL.into_iter().find(|tab| tab.word() == word));
        Self {
            select: word("select").as_deref().and_then(Selection::parse),
            tab: tab.unwrap_or_default(),
            density: if word("density").as_deref() == Some("compact") { Density::Compact } else { Density::Full },
            find: word("find").unwrap_or_default(),
            network: word("network"),
            label: word("label"),
            // No network's name has a comma.
            open: word("open").map(|names| names.split(',').map(str::to_owned).collect()).unwrap_or_default(),
        }
    }

    /// The query that `parse` reads back; empty when nothing is chosen.
    pub(super) fn query(&self) -> String {
        let mut query = Vec::new();
        let mut put = |key: &str, value: &str| {
            if !value.is_empty() {
                query.push(format!("{key}={}", encode(value)));
            }
        };
        put("select", &self.select.as_ref().map(ToString::to_string).unwrap_or_default());
        put("tab", if self.tab == Tab::About { "" } else { self.tab.word() });
        put("density", if self.density == Density::Compact { "compact" } else { "" });
        put("find", &self.find);
        put("network", self.network.as_deref().unwrap_or_default());
        put("label", self.label.as_deref().unwrap_or_default());
        put("open", &self.open.join(","));
        query.join("&")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_leads_to_its_thing() {
        let of = |verb: &str, subject: &str| {
            Selection::of(&Change { verb: verb.into(), subject: subject.into(), ..crate::sample::change(1) })
        };
        assert_eq!(of("create network", "demo"), Some(Selection::Network("demo".into())));
        assert_eq!(of("give up start of container", "box1"), Some(Selection::Container("box1".into())));
        assert_eq!(of("container ended", "box1"), Some(Selection::Container("box1".into())));
        assert_eq!(of("publish ports of", "box1"), Some(Selection::Container("box1".into())));
        assert_eq!(of("reconcile", ""), None);
    }
}
