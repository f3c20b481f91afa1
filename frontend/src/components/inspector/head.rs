//! Which thing the inspector is about: its name, what may be done with it at once, and where its other tabs find it.

use super::{
    commands::Made,
    container::{container, veth},
    rules::Whose,
};
use crate::{
    api::Place,
    app::{App, Dialog, app},
    ask::Ask,
    commands::{self, Look},
    components::{
        container_actions::ContainerActions,
        state::{self, StateBadge},
    },
    i18n::inspector,
    route::Selection,
};
use drawbridge_api::{Container, Driver, FoundLink, Network};
use leptos::prelude::*;
use std::sync::Arc;

/// Everything that the tabs need to know of the selected thing. A handle; copies are the same.
#[derive(Clone, Copy)]
pub struct Subject {
    /// What is selected.
    pub thing: StoredValue<Selection>,
    /// Its name.
    pub name: StoredValue<String>,
    /// Whether it is there.
    pub is_there: Memo<bool>,
    /// Where in the kernel it is.
    pub places: Memo<Vec<Place>>,
    /// Whose rules are its rules.
    pub whose: Memo<Option<Whose>>,
    /// What makes it.
    pub made: Memo<Option<Made>>,
    /// What shows it.
    pub looks: Memo<Vec<Look>>,
    /// Whose changes are its history; a cable has those of its container, and what others have made has none.
    pub past: Memo<Option<Selection>>,
}

impl Subject {
    /// The subject of a selection. Lives as long as the component that calls this.
    pub fn of(app: App, selection: &Selection) -> Self {
        let name = match selection {
            Selection::Host => String::new(),
            Selection::Network(name)
            | Selection::Container(name)
            | Selection::Veth(name)
            | Selection::Link(name)
            | Selection::Namespace(name) => name.clone(),
        };
        let subject = |parts: Memo<Option<Parts>>| Self {
            thing: StoredValue::new(selection.clone()),
            name: StoredValue::new(name.clone()),
            is_there: Memo::new(move |_| parts.with(Option::is_some)),
            places: Memo::new(move |_| {
                parts.with(|parts| parts.as_ref().map(|p| p.places.clone()).unwrap_or_default())
            }),
            whose: Memo::new(move |_| parts.with(|parts| parts.as_ref().map(|p| p.whose.clone()))),
            made: Memo::new(move |_| parts.with(|parts| parts.as_ref().and_then(|p| p.made.clone()))),
            looks: Memo::new(move |_| parts.with(|parts| parts.as_ref().map(|p| p.looks.clone()).unwrap_or_default())),
            past: Memo::new(move |_| parts.with(|parts| parts.as_ref().and_then(|p| p.past.clone()))),
        };
        let named = name.clone();
        subject(match selection {
            Selection::Host => Memo::new(|_| {
                Some(Parts {
                    places: vec![Place::Host],
                    whose: Whose::All,
                    made: None,
                    looks: commands::host(),
                    past: Some(Selection::Host),
                })
            }),
            Selection::Network(_) => app.memo(move |live| {
                let network = live.networks.iter().find(|network| network.name.as_str() == named)?;
                Some(of_network(network))
            }),
            Selection::Container(_) => {
                let container = container(named);
                Memo::new(move |_| container.with(|container| container.as_ref().map(|found| of_container(found))))
            }
            Selection::Veth(_) => {
                let found = veth(named.clone());
                Memo::new(move |_| {
                    found.with(|found| {
                        let (owner, endpoint) = found.as_ref()?;
                        Some(Parts {
                            places: vec![Place::Link(named.clone())],
                            looks: commands::veth(owner, &named, endpoint),
                            ..of_container(owner)
                        })
                    })
                })
            }
            Selection::Link(_) => app.memo(move |live| {
                let link = live.found.links.iter().find(|link| link.name == named)?;
                let places = vec![Place::Link(named.clone())];
                Some(Parts { places, whose: Whose::Nobody, made: None, looks: commands::link(link), past: None })
            }),
            Selection::Namespace(_) => app.memo(move |live| {
                live.found.namespaces.iter().find(|namespace| namespace.name == named)?;
                let places = vec![Place::Namespace(named.clone())];
                Some(Parts { places, whose: Whose::Nobody, made: None, looks: commands::namespace(&named), past: None })
            }),
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    places: Vec<Place>,
    whose: Whose,
    made: Option<Made>,
    looks: Vec<Look>,
    past: Option<Selection>,
}

fn of_network(network: &Network) -> Parts {
    Parts {
        places: network.bridge.iter().map(|bridge| Place::Link(bridge.to_string())).collect(),
        whose: Whose::Network(network.id.clone()),
        made: network.bridge.as_ref().map(|_| Made::Network(network.id.clone())),
        looks: commands::network(network),
        past: Some(Selection::Network(network.name.to_string())),
    }
}

fn of_container(container: &Container) -> Parts {
    Parts {
        places: container.namespace.iter().map(|namespace| Place::Namespace(namespace.to_string())).collect(),
        whose: Whose::Container(container.id.clone()),
        made: container.namespace.as_ref().map(|_| Made::Container(container.id.clone())),
        looks: commands::container(container),
        past: Some(Selection::Container(container.name.to_string())),
    }
}

/// The kind of thing, its name, its state and its buttons.
#[component]
pub fn Head(
    /// What it is about.
    subject: Subject,
) -> impl IntoView {
    let name = subject.name.get_value();
    let head = match subject.thing.get_value() {
        Selection::Host => view! { <HostHead /> }.into_any(),
        Selection::Network(_) => view! { <NetworkHead name=name.clone() /> }.into_any(),
        Selection::Container(_) => view! { <ContainerHead name=name.clone() /> }.into_any(),
        Selection::Veth(_) => {
            let found = veth(name.clone());
            let inside =
                move || found.with(|found| found.as_ref().map(|(_, endpoint)| format!(" ↔ {}", endpoint.interface)));
            let app = app();
            let disconnect = move |_| {
                if let Some((container, endpoint)) = found.get_untracked() {
                    app.confirm(Ask::disconnect(&container, endpoint.network));
                }
            };
            view! {
                <p class="kind">{inspector::kind_veth()}</p>
                <h2 class="mono">{name.clone()}{inside}</h2>
                <Show when=move || found.with(Option::is_some)>
                    <div class="actions">
                        <button class="button small" data-test="disconnect" on:click=disconnect>
                            {inspector::disconnect()}
                        </button>
                    </div>
                </Show>
            }
            .into_any()
        }
        Selection::Link(_) => {
            let named = name.clone();
            let kind = app().memo(move |live| live.found.links.iter().find(|link| link.name == named).map(kind_word));
            view! {
                <p class="kind">{move || kind.get().unwrap_or_else(inspector::kind_link)}</p>
                <h2>{name.clone()}</h2>
            }
            .into_any()
        }
        Selection::Namespace(_) => view! {
            <p class="kind">{inspector::kind_namespace()}</p>
            <h2>{name.clone()}</h2>
        }
        .into_any(),
    };
    view! {
        {head}
        <Show when=move || !subject.is_there.get()>
            <p class="muted">{inspector::gone()}</p>
            <a class="button" href="/changes">{inspector::changes()}</a>
        </Show>
    }
}

fn kind_word(link: &FoundLink) -> &'static str {
    match link.kind.as_str() {
        "bridge" => inspector::kind_bridge(),
        "veth" => inspector::kind_veth(),
        _ => inspector::kind_link(),
    }
}

#[component]
fn HostHead() -> impl IntoView {
    let host = app().memo(|live| live.host.name.clone());
    view! {
        <p class="kind">{inspector::kind_host()}</p>
        <h2>{move || host.get()}</h2>
    }
}

#[component]
fn NetworkHead(
    /// Its name.
    name: String,
) -> impl IntoView {
    let app = app();
    let named = name.clone();
    let network: Memo<Option<Arc<Network>>> =
        app.memo(move |live| live.networks.iter().find(|network| network.name.as_str() == named).cloned());
    let kind = move || match network.with(|network| network.as_ref().map(|network| network.driver)) {
        Some(Driver::Macvlan) => inspector::kind_macvlan_network(),
        Some(Driver::Host) => inspector::kind_host_network(),
        Some(Driver::Null) => inspector::kind_no_network(),
        Some(Driver::Bridge) | None => inspector::kind_bridge_network(),
    };
    let remove = move |_| {
        if let Some(network) = network.get_untracked() {
            app.confirm(Ask::remove_network(&network));
        }
    };
    let is_ours = move || network.with(|network| network.as_ref().is_some_and(|network| !network.predefined));
    let is_there = move || network.with(Option::is_some);
    let add = {
        let name = StoredValue::new(name.clone());
        move |_| app.dialog.set(Dialog::CreateContainerIn(name.get_value()))
    };
    view! {
        <p class="kind">{kind}</p>
        <h2>{name.clone()}</h2>
        <Show when=is_there>
            <div class="actions">
                <button class="button small" data-test="new-container-here" on:click=add>{inspector::new_container_here()}</button>
                <Show when=is_ours>
                    <button class="button small quiet-danger" data-test="remove" on:click=remove>{inspector::remove()}</button>
                </Show>
            </div>
        </Show>
    }
}

#[component]
fn ContainerHead(
    /// Its name.
    name: String,
) -> impl IntoView {
    let container = container(name.clone());
    view! {
        <p class="kind">{inspector::kind_container()}</p>
        <h2>
            {name.clone()}
            {move || container.get().map(|container| view! {
                <StateBadge word=state::word(&container) state=container.state />
            })}
        </h2>
        // Apart from the badge, so that a button keeps the focus while the state changes.
        <Show when=move || container.with(Option::is_some)>
            <ContainerActions container />
        </Show>
    }
}
