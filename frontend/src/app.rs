//! What every page shares: the connection, the address, the open dialog and the last message. Found through the
//! context, so that pages need no chain of props.

use crate::{
    api,
    ask::Ask,
    live::Link,
    nav::Nav,
    poll::{PAUSE_MS, Poll, Polled},
    preferences::Preferences,
    reduce::Live,
};
use drawbridge_api::{Change, Container, ContainerId, LinkReport, Network, Rules, TrafficReport};
use leptos::prelude::*;
use std::sync::Arc;

/// From one report on links to the next: rates are of one second.
const LINKS_PAUSE_MS: i32 = 1_000;

/// The dialog that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialog {
    /// None.
    Closed,
    /// The form of a new network.
    CreateNetwork,
    /// The form of a new container.
    CreateContainer,
    /// The same, with a network chosen already, by name.
    CreateContainerIn(String),
    /// The choice of a network to connect a container to.
    Connect(ContainerId),
    /// The form of a container's ports.
    EditPorts(ContainerId),
    /// The plan of a change, to be agreed to.
    Confirm(Ask),
    /// The plans of several changes, to be agreed to together.
    ConfirmSeveral(Vec<Ask>),
}

/// What is said for a while after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// It was done.
    Done(String),
    /// It was not, and the dialog that asked is closed already.
    Failed(String),
}

/// What every page shares. A handle; copies are the same.
#[derive(Clone, Copy)]
pub struct App {
    /// The connection.
    pub link: Link,
    /// The address.
    pub nav: Nav,
    /// What this browser was told of language and theme.
    pub preferences: Preferences,
    traffic: Poll<TrafficReport>,
    links: Poll<LinkReport>,
    rules: Poll<Rules>,
    /// The open dialog.
    pub dialog: RwSignal<Dialog>,
    /// The last message.
    pub message: RwSignal<Option<Message>>,
}

impl App {
    /// Opens the connection and takes the address over; called once.
    pub fn open() -> Self {
        let app = Self {
            link: Link::open(),
            nav: Nav::open(),
            preferences: Preferences::open(),
            traffic: Poll::open(PAUSE_MS),
            links: Poll::open(LINKS_PAUSE_MS),
            rules: Poll::open(PAUSE_MS),
            dialog: RwSignal::new(Dialog::Closed),
            message: RwSignal::new(None),
        };
        provide_context(app);
        app
    }

    /// A part of the live state that is compared before anything is drawn again. The default before the first snapshot.
    pub fn memo<T>(self, part: impl Fn(&Live) -> T + Send + Sync + 'static) -> Memo<T>
    where
        T: Default + PartialEq + Send + Sync + 'static,
    {
        Memo::new(move |_| self.link.live.with(|live| live.as_ref().map(&part).unwrap_or_default()))
    }

    /// All networks, oldest first.
    pub fn networks(self) -> Memo<Vec<Arc<Network>>> {
        self.memo(|live| live.networks.clone())
    }

    /// All containers, oldest first.
    pub fn containers(self) -> Memo<Vec<Arc<Container>>> {
        self.memo(|live| live.containers.clone())
    }

    /// One container, as long as it is there.
    pub fn container(self, id: ContainerId) -> Memo<Option<Arc<Container>>> {
        self.memo(move |live| live.containers.iter().find(|container| container.id == id).cloned())
    }

    /// The latest changes, newest first.
    pub fn changes(self) -> Memo<Vec<Arc<Change>>> {
        self.memo(|live| live.changes.clone())
    }

    /// What the counters say, for as long as the component that calls this is there.
    pub fn follow_traffic(self) -> ReadSignal<Polled<TrafficReport>> {
        self.traffic.follow(|| Box::pin(api::traffic()))
    }

    /// What the host's links count, each second, for as long as the component that calls this is there.
    pub fn follow_links(self) -> ReadSignal<Polled<LinkReport>> {
        self.links.follow(|| Box::pin(api::links()))
    }

    /// The tables in the kernel, for as long as the component that calls this is there.
    pub fn follow_rules(self) -> ReadSignal<Polled<Rules>> {
        self.rules.follow(|| Box::pin(api::rules()))
    }

    /// Opens the dialog that shows the plans of several changes and carries them out.
    pub fn confirm_several(self, asks: Vec<Ask>) {
        if !asks.is_empty() {
            self.dialog.set(Dialog::ConfirmSeveral(asks));
        }
    }

    /// Opens the dialog that shows the plan of a change and carries it out.
    pub fn confirm(self, ask: Ask) {
        self.dialog.set(Dialog::Confirm(ask));
    }
}

/// The shared state, from anywhere below the root.
pub fn app() -> App {
    expect_context()
}
