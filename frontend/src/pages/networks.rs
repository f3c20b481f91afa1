//! All networks in a table.

use crate::{
    app::{App, Dialog, app},
    ask::Ask,
    components::time::Ago,
    gateway::tags,
    reduce::is_member,
    route::{Route, Selection},
};
use drawbridge_api::{Driver, Network, NetworkId};
use leptos::prelude::*;
use std::sync::Arc;

/// All networks, oldest first.
#[component]
pub fn NetworksPage() -> impl IntoView {
    let app = app();
    let ids = app.memo(|live| live.networks.iter().map(|network| network.id.clone()).collect::<Vec<_>>());
    view! {
        <div class="page">
            <div class="page-head">
                <h1>"Networks"</h1>
                <button
                    class="button primary"
                    data-test="new-network"
                    on:click=move |_| app.dialog.set(Dialog::CreateNetwork)
                >
                    "New network"
                </button>
            </div>
            <div class="table" role="region" aria-label="Networks" tabindex="0">
                <table>
                    <thead>
                        <tr>
                            <th>"Name"</th>
                            <th>"Interface"</th>
                            <th>"Subnet"</th>
                            <th>"Gateway"</th>
                            <th class="end">"Containers"</th>
                            <th>"Created"</th>
                            <th><span class="hidden">"Actions"</span></th>
                        </tr>
                    </thead>
                    <tbody>
                        <For each=move || ids.get() key=|id| id.clone() let(id)>
                            <Row id />
                        </For>
                    </tbody>
                </table>
            </div>
        </div>
    }
}

#[component]
fn Row(
    /// Which network.
    id: NetworkId,
) -> impl IntoView {
    let app = app();
    let network = app.memo(move |live| live.networks.iter().find(|network| network.id == id).cloned());
    // A network's row is small: it is drawn again as a whole when the network changes, which is rare.
    move || network.get().map(|network| row(app, network))
}

fn row(app: App, network: Arc<Network>) -> impl IntoView {
    let name = network.name.to_string();
    let members = {
        let network = network.clone();
        app.memo(move |live| live.containers.iter().filter(|container| is_member(container, &network)).count())
    };
    let lines = |pick: fn(&drawbridge_api::Subnet) -> String| {
        let lines = network.subnets.iter().map(|subnet| view! { <div>{pick(subnet)}</div> }).collect_view();
        if network.subnets.is_empty() {
            view! { <span class="muted">"none"</span> }.into_any()
        } else {
            lines.into_any()
        }
    };
    let title = match network.driver {
        Driver::Bridge | Driver::Macvlan => view! {
            <a href=Route::select(Selection::Network(name.clone())).href()>{name.clone()}</a>
        }
        .into_any(),
        Driver::Host | Driver::Null => name.clone().into_any(),
    };
    let notes = match network.driver {
        Driver::Bridge => tags(&network),
        Driver::Macvlan => vec!["macvlan"],
        Driver::Host => vec!["the host’s own namespace"],
        Driver::Null => vec!["loopback only"],
    };
    let remove = {
        let network = network.clone();
        move |_| app.confirm(Ask::remove_network(&network))
    };
    view! {
        <tr data-network=name.clone()>
            <th scope="row">
                {title}
                {notes.into_iter().map(|note| view! { <span class="tag">{note}</span> }).collect_view()}
            </th>
            <td class="mono" data-label="Interface">
                {network.bridge.as_ref().or(network.macvlan.as_ref().map(|macvlan| &macvlan.parent)).map(ToString::to_string)
                    .map_or_else(|| view! { <span class="muted">"none"</span> }.into_any(), IntoAny::into_any)}
            </td>
            <td class="mono" data-label="Subnet">{lines(|subnet| subnet.subnet.to_string())}</td>
            <td class="mono" data-label="Gateway">{lines(|subnet| subnet.gateway.to_string())}</td>
            <td class="end number" data-label="Containers">{move || members.get()}</td>
            <td data-label="Created"><Ago ms=Signal::stored(network.created_at_ms) /></td>
            <td class="end">
                {if network.predefined {
                    view! { <span class="muted" title="Always there, as in Docker: it can’t be removed">"built in"</span> }
                        .into_any()
                } else {
                    view! {
                        <button
                            class="button small quiet-danger"
                            data-test="remove"
                            aria-label=format!("Remove {name}")
                            on:click=remove
                        >
                            "Remove"
                        </button>
                    }
                    .into_any()
                }}
            </td>
        </tr>
    }
}
