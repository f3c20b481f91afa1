//! The pages, one for each kind of address. All but the topology come on demand: see `components::parts`.

pub mod change;
pub mod changes;
pub mod container;
pub mod containers;
pub mod dns;
pub mod doctor;
pub mod image;
pub mod images;
pub mod labs;
pub mod login;
pub mod network;
pub mod networks;
pub mod rules;
pub mod settings;
pub mod terminal;
pub mod topology;
pub mod trial;

use crate::route::Route;

/// Which page is drawn; what is chosen on it is the page's own matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// The way in.
    Login,
    /// Nothing is known yet.
    Connecting,
    /// The first screen.
    Topology,
    /// All networks.
    Networks,
    /// One network, by its name.
    Network(String),
    /// All containers.
    Containers,
    /// One container, by its name.
    Container(String),
    /// What this container reaches.
    Try(String),
    /// A terminal.
    Terminal,
    /// The tables in the kernel.
    Rules,
    /// What was asked for names.
    Dns,
    /// What this machine has and lacks.
    Doctor,
    /// All images.
    Images,
    /// One image, by a name or the beginning of its id.
    Image(String),
    /// Compose files.
    Labs,
    /// Language, theme, and what the daemon says of itself.
    Settings,
    /// All changes.
    Changes,
    /// One change, by its id.
    Change(i64),
    /// There is no such page.
    Unknown,
}

impl Page {
    /// The page of an address.
    pub fn of(route: Route) -> Self {
        match route {
            Route::Topology(_) => Self::Topology,
            Route::Networks(_) => Self::Networks,
            Route::Network(name) => Self::Network(name),
            Route::Containers(_) => Self::Containers,
            Route::Container(name) => Self::Container(name),
            Route::Try { container, .. } => Self::Try(container),
            Route::Terminal { .. } => Self::Terminal,
            Route::Rules(_) => Self::Rules,
            Route::Dns(_) => Self::Dns,
            Route::Doctor => Self::Doctor,
            Route::Images(_) => Self::Images,
            Route::Image(name) => Self::Image(name),
            Route::Labs(_) => Self::Labs,
            Route::Settings => Self::Settings,
            Route::Changes(_) => Self::Changes,
            Route::Change(id) => Self::Change(id),
            Route::Login => Self::Login,
            Route::Unknown => Self::Unknown,
        }
    }
}
