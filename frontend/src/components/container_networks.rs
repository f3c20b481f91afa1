//! The networks of a container, to be left, and those that it could join with what it asks for there. Each change shows its
//! plan first.

use crate::{
    app::app,
    ask::Ask,
    components::{input::Line, network_create::filled},
    i18n::container_networks as say,
    network_form::words,
    route::{Route, Selection},
};
use drawbridge_api::{Attachment, Container, Driver, NetworkMode, NetworkName};
use leptos::prelude::*;
use std::{str::FromStr, sync::Arc};

/// The list, and the choice of one more.
#[component]
pub fn ContainerNetworks(
    /// Whose networks; nothing while it is not there.
    container: Memo<Option<Arc<Container>>>,
) -> impl IntoView {
    let app = app();
    let networks = app.networks();
    let attached = Memo::new(move |_| {
        let container = container.get();
        container.filter(|container| can_change(container)).map(|container| {
            container.attachments.iter().map(|attachment| attachment.network.clone()).collect::<Vec<_>>()
        })
    });
    let others = Memo::new(move |_| {
        let attached = attached.get().unwrap_or_default();
        let joinable = |driver| driver == Driver::Bridge || driver == Driver::Macvlan;
        networks.with(|networks| {
            let names = networks.iter().filter(|network| joinable(network.driver)).map(|network| network.name.clone());
            names.filter(|name| !attached.contains(name)).collect::<Vec<_>>()
        })
    });
    let row = move |network: NetworkName| {
        let (name, label) = (network.to_string(), say::disconnect_from(&network));
        let disconnect = move |_| {
            if let Some(container) = container.get_untracked() {
                app.confirm(Ask::disconnect(&container, network.clone()));
            }
        };
        view! {
            <li>
                <a href=Route::select(Selection::Network(name.clone())).href()>{name.clone()}</a>
                <button class="button small" data-test="disconnect" aria-label=label on:click=disconnect>
                    {say::disconnect()}
                </button>
            </li>
        }
    };
    move || {
        let attached = attached.get()?;
        Some(view! {
            <h3>{say::networks()}</h3>
            <ul class="members">{attached.into_iter().map(row).collect_view()}</ul>
            <Show when=move || others.with(|others| !others.is_empty())>
                <Join container others />
            </Show>
        })
    }
}

/// What is asked for in the network that is joined, as it is written.
#[derive(Clone, Copy)]
struct Wishes {
    address4: RwSignal<String>,
    address6: RwSignal<String>,
    mac: RwSignal<String>,
    aliases: RwSignal<String>,
    link_local: RwSignal<String>,
    priority: RwSignal<String>,
}

impl Wishes {
    fn new() -> Self {
        let text = || RwSignal::new(String::new());
        let (address4, address6, mac) = (text(), text(), text());
        Self { address4, address6, mac, aliases: text(), link_local: text(), priority: text() }
    }

    /// The attachment; or what is wrong, a sentence.
    fn attachment(self, network: NetworkName) -> Result<Attachment, String> {
        let link_local = words(&self.link_local.get_untracked());
        Ok(Attachment {
            address4: read(self.address4, say::address4(), "172.18.0.9")?,
            address6: read(self.address6, say::address6(), "fd00::9")?,
            mac: read(self.mac, say::mac(), "02:42:ac:12:00:09")?,
            aliases: words(&self.aliases.get_untracked()),
            link_local: link_local
                .iter()
                .map(|word| word.parse().map_err(|_| say::wrong(word, &say::link_local(), &"169.254.9.9")))
                .collect::<Result<_, _>>()?,
            gateway_priority: read(self.priority, say::priority(), "10")?.unwrap_or(0),
            ..Attachment::to(network)
        })
    }
}

fn read<T: FromStr>(signal: RwSignal<String>, what: &'static str, example: &'static str) -> Result<Option<T>, String> {
    let text = filled(&signal.get_untracked());
    text.map(|text| text.parse().map_err(|_| say::wrong(&text, &what, &example))).transpose()
}

/// The choice of a network to join.
#[component]
fn Join(
    /// Who joins.
    container: Memo<Option<Arc<Container>>>,
    /// What it can join.
    others: Memo<Vec<NetworkName>>,
) -> impl IntoView {
    let app = app();
    let chosen = RwSignal::new(String::new());
    let wishes = Wishes::new();
    let refusal = RwSignal::new(None::<String>);
    let connect = move |_| {
        let name = others.with_untracked(|others| {
            let chosen = chosen.get_untracked();
            others.iter().find(|name| name.as_str() == chosen).or(others.first()).cloned()
        });
        let (Some(container), Some(network)) = (container.get_untracked(), name) else { return };
        match wishes.attachment(network) {
            Ok(attachment) => {
                refusal.set(None);
                app.confirm(Ask::connect(&container, attachment));
            }
            Err(reason) => refusal.set(Some(reason)),
        }
    };
    view! {
        <div class="join">
            <select
                aria-label=say::connect_to()
                data-test="connect-to"
                on:change:target=move |event| chosen.set(event.target().value())
            >
                {move || others.get().into_iter().map(|name| {
                    let (value, name) = (name.to_string(), name.to_string());
                    view! { <option value=value>{name}</option> }
                }).collect_view()}
            </select>
        <details data-test="connect-with">
            <summary>{say::with()}</summary>
            <div class="fields">
                <Line id="connect-ip" label=say::address4() placeholder=say::free() value=wishes.address4 />
                <Line id="connect-ip6" label=say::address6() placeholder=say::free() value=wishes.address6 />
                <Line id="connect-aliases" label=say::aliases() note=say::aliases_note() placeholder="web www" value=wishes.aliases />
                <Line id="connect-link-local" label=say::link_local() placeholder="169.254.7.7 fe80::7" value=wishes.link_local />
                <Line id="connect-mac" label=say::mac() placeholder="02:00:00:00:00:07" value=wishes.mac />
                <Line id="connect-priority" label=say::priority() note=say::priority_note() placeholder="0" value=wishes.priority />
            </div>
        </details>
        // Below the fields: above them the inspector's tabs would cover it while they are filled in.
        <button class="button small" data-test="connect" on:click=connect>{say::connect()}</button>
        {move || refusal.get().map(|reason| view! { <p class="refusal" role="alert" data-test="connect-refusal">{reason}</p> })}
        </div>
    }
}

/// Whether it has a namespace of its own, whose networks can change.
fn can_change(container: &Container) -> bool {
    match container.network_mode {
        NetworkMode::Network(_) | NetworkMode::None => true,
        NetworkMode::Host | NetworkMode::Container(_) => false,
    }
}
