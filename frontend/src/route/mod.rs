//! The addresses of the panel's pages, as one enum: read from the address bar, written into links. Filters and
//! selection are part of an address, so a reload or a shared link shows the same. No browser calls here.

mod escape;
mod picture;

pub use escape::encode;
pub use picture::{Density, Picture, Selection, Tab};

use crate::{
    i18n::{images, labs, shell},
    listing::Listing,
};
use drawbridge_api::{Trial, TrialKind};
use escape::decode;

/// What is at the other end of a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Far {
    /// The container's log, as it grows.
    Logs,
    /// Its main process.
    Main,
    /// A command that is run in it; words with spaces between.
    Command(String),
}

impl Far {
    /// Whether it is of the same kind.
    pub fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// A page and what is chosen on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/?select=container:box1&density=compact`
    Topology(Picture),
    /// `/networks?find=demo&sort=name`
    Networks(Listing),
    /// `/networks/demo`
    Network(String),
    /// `/containers?find=box&sort=-state`
    Containers(Listing),
    /// `/containers/box1`
    Container(String),
    /// `/containers/box1/try?kind=tcp&target=box2&port=80`
    Try {
        /// The container that it is tried from, by name.
        container: String,
        /// What the form says.
        trial: Trial,
    },
    /// `/containers/box1/terminal?far=command&command=sh`
    Terminal {
        /// The container, by name.
        container: String,
        /// What is at the other end.
        far: Far,
    },
    /// `/images?find=redis&sort=-size`
    Images(Listing),
    /// `/images/redis:7`, or by the beginning of an id.
    Image(String),
    /// `/labs?find=school`
    Labs(Listing),
    /// `/rules?find=8080&sort=-counted`
    Rules(Listing),
    /// `/dns?find=box1&sort=took`
    Dns(Listing),
    /// `/doctor`
    Doctor,
    /// `/settings`
    Settings,
    /// `/changes?find=failed`
    Changes(Listing),
    /// `/changes/7`
    Change(i64),
    /// `/login`
    Login,
    /// Anything else.
    Unknown,
}

impl Route {
    /// The first screen, nothing selected.
    pub const HOME: Self = Self::Topology(Picture::EMPTY);

    /// The topology with one thing selected.
    pub fn select(selection: Selection) -> Self {
        Self::Topology(Picture { select: Some(selection), ..Picture::EMPTY })
    }

    /// Where a link to this leads from another page. A link that only selects something in the topology, followed in the
    /// topology, leaves all else that is chosen there as it is.
    #[must_use]
    pub fn seen_from(self, current: &Self) -> Self {
        match (self, current) {
            (Self::Topology(Picture { select: Some(select), .. }), Self::Topology(now)) if *current != Self::HOME => {
                Self::Topology(Picture { select: Some(select), ..now.clone() })
            }
            (other, _) => other,
        }
    }

    /// Reads a path (`/changes/7`) and a query (`?find=box`, or empty). Unknown query keys are ignored.
    pub fn parse(path: &str, query: &str) -> Self {
        let value = |key: &str| {
            query.trim_start_matches('?').split('&').find_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                (name == key).then(|| decode(value))
            })
        };
        let listing = || Listing { find: value("find").unwrap_or_default(), sort: value("sort").unwrap_or_default() };
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        match parts.as_slice() {
            [] => Self::Topology(Picture::parse(value)),
            ["networks"] => Self::Networks(listing()),
            ["networks", name] => Self::Network(decode(name)),
            ["containers", name] => Self::Container(decode(name)),
            ["containers", name, "try"] => {
                let kind = value("kind").unwrap_or_default();
                let trial = Trial {
                    kind: TrialKind::ALL.into_iter().find(|known| known.as_str() == kind).unwrap_or_default(),
                    target: value("target").unwrap_or_default(),
                    port: value("port").and_then(|port| port.parse().ok()),
                    path: value("path"),
                };
                Self::Try { container: decode(name), trial }
            }
            ["containers", name, "terminal"] => Self::Terminal {
                container: decode(name),
                far: match value("far").as_deref() {
                    Some("main") => Far::Main,
                    Some("command") => Far::Command(value("command").unwrap_or_else(|| "sh".to_owned())),
                    Some(_) | None => Far::Logs,
                },
            },
            ["images"] => Self::Images(listing()),
            // A name may have slashes of its own, and the browser may show them as they are.
            ["images", name @ ..] => Self::Image(decode(&name.join("/"))),
            ["labs"] => Self::Labs(listing()),
            ["containers"] => Self::Containers(listing()),
            ["rules"] => Self::Rules(listing()),
            ["dns"] => Self::Dns(listing()),
            ["doctor"] => Self::Doctor,
            ["settings"] => Self::Settings,
            ["changes"] => Self::Changes(listing()),
            ["changes", id] => id.parse().map_or(Self::Unknown, Self::Change),
            ["login"] => Self::Login,
            _ => Self::Unknown,
        }
    }

    /// The path and query that `parse` reads back.
    pub fn href(&self) -> String {
        match self {
            Self::Topology(picture) => {
                let query = picture.query();
                if query.is_empty() { "/".to_owned() } else { format!("/?{query}") }
            }
            Self::Networks(listing) => listing.href("/networks"),
            Self::Network(name) => format!("/networks/{}", encode(name)),
            Self::Containers(listing) => listing.href("/containers"),
            Self::Container(name) => format!("/containers/{}", encode(name)),
            Self::Try { container, trial } => {
                let mut href = format!("/containers/{}/try?kind={}", encode(container), trial.kind.as_str());
                let port = trial.port.map(|port| port.to_string());
                let target = Some(trial.target.clone()).filter(|target| !target.is_empty());
                for (key, value) in [("target", target), ("port", port), ("path", trial.path.clone())] {
                    if let Some(value) = value {
                        href.push_str(&format!("&{key}={}", encode(&value)));
                    }
                }
                href
            }
            Self::Terminal { container, far } => {
                let path = format!("/containers/{}/terminal", encode(container));
                match far {
                    Far::Logs => path,
                    Far::Main => format!("{path}?far=main"),
                    Far::Command(command) => format!("{path}?far=command&command={}", encode(command)),
                }
            }
            Self::Images(listing) => listing.href("/images"),
            Self::Image(name) => format!("/images/{}", encode(name)),
            Self::Labs(listing) => listing.href("/labs"),
            Self::Rules(listing) => listing.href("/rules"),
            Self::Dns(listing) => listing.href("/dns"),
            Self::Doctor => "/doctor".to_owned(),
            Self::Settings => "/settings".to_owned(),
            Self::Changes(listing) => listing.href("/changes"),
            Self::Change(id) => format!("/changes/{id}"),
            Self::Login => "/login".to_owned(),
            Self::Unknown => "/".to_owned(),
        }
    }

    /// What the browser's tab says.
    pub fn title(&self) -> &'static str {
        match self {
            Self::Topology(_) => shell::topology(),
            Self::Images(_) | Self::Image(_) => images::title(),
            Self::Labs(_) => labs::title(),
            Self::Networks(_) | Self::Network(_) => shell::networks(),
            Self::Containers(_) | Self::Container(_) | Self::Try { .. } | Self::Terminal { .. } => shell::containers(),
            Self::Rules(_) => shell::rules(),
            Self::Dns(_) => shell::dns(),
            Self::Doctor => shell::doctor(),
            Self::Settings => shell::settings(),
            Self::Changes(_) | Self::Change(_) => shell::changes(),
            Self::Login => shell::log_in(),
            Self::Unknown => shell::not_found(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(href: &str, route: Route) {
        let (path, query) = href.split_once('?').unwrap_or((href, ""));
        assert_eq!(Route::parse(path, query), route, "{href} was read wrongly");
        assert_eq!(route.href(), href, "{route:?} was written wrongly");
    }

    #[test]
    fn every_address_round_trips() {
        let compact = |select| Route::Topology(Picture { select, density: Density::Compact, ..Picture::default() });
        check("/", Route::HOME);
        check("/?select=host", Route::select(Selection::Host));
        check("/?select=container:box1", Route::select(Selection::Container("box1".into())));
        check("/?select=network:bridge&density=compact", compact(Some(Selection::Network("bridge".into()))));
        check("/?density=compact", compact(None));
        check("/?select=veth:veth0a1b2c3", Route::select(Selection::Veth("veth0a1b2c3".into())));
        check("/?select=link:mydocker0", Route::select(Selection::Link("mydocker0".into())));
        check("/?select=namespace:ns1", Route::select(Selection::Namespace("ns1".into())));
        check(
            "/?select=container:box1&tab=kernel&find=a%20b&network=demo&label=tier%3Ddb&open=bridge%2Clab",
            Route::Topology(Picture {
                select: Some(Selection::Container("box1".into())),
                tab: Tab::Kernel,
                find: "a b".into(),
                network: Some("demo".into()),
                label: Some("tier=db".into()),
                open: vec!["bridge".into(), "lab".into()],
                ..Picture::default()
            }),
        );
        check("/networks", Route::Networks(Listing::default()));
        check("/containers", Route::Containers(Listing::default()));
        check("/containers?find=a%20b%26%C3%BC", Route::Containers(Listing::find("a b&ü")));
        let terminal = |far| Route::Terminal { container: "box1".into(), far };
        check("/containers/box1/terminal", terminal(Far::Logs));
        check("/containers/box1/terminal?far=main", terminal(Far::Main));
        check("/containers/box1/terminal?far=command&command=ls%20-l", terminal(Far::Command("ls -l".into())));
        check("/images", Route::Images(Listing::default()));
        check("/images?find=redis&sort=-size", Route::Images(Listing { find: "redis".into(), sort: "-size".into() }));
        check("/images/redis:7", Route::Image("redis:7".into()));
        check("/images/lab:5000%2Fteam%2Fweb:2", Route::Image("lab:5000/team/web:2".into()));
        check("/labs?find=school", Route::Labs(Listing::find("school")));
        check("/rules", Route::Rules(Listing::default()));
        check("/rules?find=tcp%20.%208080", Route::Rules(Listing::find("tcp . 8080")));
        check("/dns", Route::Dns(Listing::default()));
        check("/dns?find=box1%20failed", Route::Dns(Listing::find("box1 failed")));
        check("/doctor", Route::Doctor);
        check("/changes", Route::Changes(Listing::default()));
        check("/settings", Route::Settings);
        check("/networks/demo", Route::Network("demo".into()));
        check("/containers/box1", Route::Container("box1".into()));
        check("/containers/box1/try?kind=ping", Route::Try { container: "box1".into(), trial: Trial::default() });
        let trial = Trial { kind: TrialKind::Http, target: "web".into(), port: Some(8080), path: Some("/a b".into()) };
        let href = "/containers/box1/try?kind=http&target=web&port=8080&path=%2Fa%20b";
        check(href, Route::Try { container: "box1".into(), trial });
        check("/changes/7", Route::Change(7));
        check("/login", Route::Login);
    }

    #[test]
    fn a_link_that_selects_keeps_what_else_is_chosen() {
        let box1 = || Route::select(Selection::Container("box1".into()));
        let filtered = Route::parse("/", "select=host&tab=rules&network=demo&density=compact");
        let kept = box1().seen_from(&filtered);
        assert_eq!(kept.href(), "/?select=container:box1&tab=rules&density=compact&network=demo");
        assert_eq!(box1().seen_from(&Route::Networks(Listing::default())), box1());
        assert_eq!(Route::HOME.seen_from(&filtered), Route::HOME, "the way home leads home");
        let networks = Route::Networks(Listing::default());
        assert_eq!(networks.clone().seen_from(&filtered), networks);
    }

    #[test]
    fn strange_addresses_are_harmless() {
        assert_eq!(Route::parse("/changes/x", ""), Route::Unknown);
        assert_eq!(Route::parse("/a/b/c", ""), Route::Unknown);
        assert_eq!(Route::parse("/", "select=container:&density=x&tab=x&open=&find="), Route::HOME);
        assert_eq!(Route::parse("/", "select"), Route::HOME);
        assert_eq!(Route::parse("/containers/", "?find=%zz%4"), Route::Containers(Listing::find("%zz%4")));
        assert_eq!(Route::parse("/containers", "find=a+ü%"), Route::Containers(Listing::find("a ü%")));
    }
}
