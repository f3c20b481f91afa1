//! The networks of a container, to be left, and those that it could join. Each change shows its plan first.

use crate::{
    app::app,
    ask::Ask,
    route::{Route, Selection},
};
use drawbridge_api::{Attachment, Container, Driver, NetworkMode, NetworkName};
use leptos::prelude::*;
use std::sync::Arc;

/// The list, and the choice of one more.
#[component]
pub fn ContainerNetworks(
    /// Whose networks; nothing while it is not there.
    container: Memo<Option<Arc<Container>>>,
) -> impl IntoView {
    let app = app();
    let networks = app.networks();
    let chosen = RwSignal::new(String::new());
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
    let connect = move |_| {
        let name = others.with_untracked(|others| {
            let chosen = chosen.get_untracked();
            others.iter().find(|name| name.as_str() == chosen).or(others.first()).cloned()
        });
        if let (Some(container), Some(network)) = (container.get_untracked(), name) {
            app.confirm(Ask::connect(&container, Attachment::to(network)));
        }
    };
    let row = move |network: NetworkName| {
        let (name, label) = (network.to_string(), format!("Disconnect from {network}"));
        let disconnect = move |_| {
            if let Some(container) = container.get_untracked() {
                app.confirm(Ask::disconnect(&container, network.clone()));
            }
        };
        view! {
            <li>
                <a href=Route::select(Selection::Network(name.clone())).href()>{name.clone()}</a>
                <button class="button small" data-test="disconnect" aria-label=label on:click=disconnect>
                    "Disconnect"
                </button>
            </li>
        }
    };
    move || {
        let attached = attached.get()?;
        let options = others.get();
        Some(view! {
            <h3>"Networks"</h3>
            <ul class="members">{attached.into_iter().map(row).collect_view()}</ul>
            {(!options.is_empty()).then(|| view! {
                <p>
                    <select
                        aria-label="Network to connect to"
                        data-test="connect-to"
                        on:change:target=move |event| chosen.set(event.target().value())
                    >
                        {options.iter().map(|name| view! { <option value=name.to_string()>{name.to_string()}</option> })
                            .collect_view()}
                    </select>
                    " "
                    <button class="button small" data-test="connect" on:click=connect>"Connect"</button>
                </p>
            })}
        })
    }
}

/// Whether it has a namespace of its own, whose networks can change.
fn can_change(container: &Container) -> bool {
    match container.network_mode {
        NetworkMode::Network(_) | NetworkMode::None => true,
        NetworkMode::Host | NetworkMode::Container(_) => false,
    }
}
