//! All networks in a table that is filtered and sorted, and of which several may be removed at once.

use crate::{
    app::{App, Dialog, app},
    ask::Ask,
    components::{
        listing::{Choose, ChooseAll, Chosen, Filter, SeveralBar, SortChoice, SortHead, View},
        time::Ago,
    },
    gateway::tags,
    i18n::{common, networks as texts, shell},
    listing::{Key, Listing},
    reduce::is_member,
    route::Route,
    text::lower,
};
use drawbridge_api::{Container, Driver, Network, NetworkId};
use leptos::prelude::*;
use std::sync::Arc;

/// All networks, oldest first unless they are sorted.
#[component]
pub fn NetworksPage() -> impl IntoView {
    let app = app();
    let listing = Memo::new(move |_| match app.nav.route.get() {
        Route::Networks(listing) => listing,
        _ => Listing::default(),
    });
    let view = View { listing, go: Callback::new(move |listing| app.nav.replace(Route::Networks(listing))) };
    let ids = app.memo(move |live| {
        let listing = listing.get();
        let mut found: Vec<_> =
            live.networks.iter().filter(|network| matches(network, &listing.find)).cloned().collect();
        listing.sort(&mut found, |network, column| key(network, &live.containers, column));
        found.into_iter().map(|network| network.id.clone()).collect::<Vec<_>>()
    });
    let chosen = Chosen::begin();
    let removable = app.memo(|live| {
        let own = live.networks.iter().filter(|network| !network.predefined);
        own.map(|network| network.id.to_string()).collect::<Vec<_>>()
    });
    let shown = Signal::derive(move || {
        let removable = removable.get();
        ids.with(|ids| ids.iter().map(ToString::to_string).filter(|id| removable.contains(id)).collect::<Vec<_>>())
    });
    let remove = Callback::new(move |ids: Vec<String>| {
        let all = app.networks().get_untracked();
        let asks = all.iter().filter(|network| ids.contains(&network.id.to_string()));
        app.confirm_several(asks.map(|network| Ask::remove_network(network)).collect());
    });
    let columns = vec![
        ("name", common::name()),
        ("subnet", texts::subnet()),
        ("containers", texts::containers()),
        ("created", common::created()),
    ];
    view! {
        <div class="page">
            <div class="page-head">
                <h1>{shell::networks()}</h1>
                <Filter id="find-networks" label=texts::filter() view />
                <SortChoice columns view />
                <button
                    class="button primary"
                    data-test="new-network"
                    on:click=move |_| app.dialog.set(Dialog::CreateNetwork)
                >
                    {texts::new()}
                </button>
            </div>
            <SeveralBar chosen ids=shown buttons=vec![("remove-chosen", common::remove(), remove)] />
            <div class="table" role="region" aria-label=shell::networks() tabindex="0">
                <table>
                    <thead>
                        <tr>
                            <ChooseAll chosen ids=shown />
                            <SortHead column="name" words=common::name() view />
                            <SortHead column="interface" words=texts::interface() view />
                            <SortHead column="subnet" words=texts::subnet() view />
                            <th>{texts::gateway()}</th>
                            <SortHead column="containers" words=texts::containers() view end=true />
                            <SortHead column="created" words=common::created() view />
                            <th><span class="hidden">{common::actions()}</span></th>
                        </tr>
                    </thead>
                    <tbody>
                        <For each=move || ids.get() key=|id| id.clone() let(id)>
                            <Row id chosen />
                        </For>
                    </tbody>
                </table>
                <Show when=move || ids.with(Vec::is_empty)>
                    <p class="no-match" role="status">
                        {texts::no_match()} " " <a href="/networks">{common::show_all()}</a>
                    </p>
                </Show>
            </div>
        </div>
    }
}

#[component]
fn Row(
    /// Which network.
    id: NetworkId,
    /// What is chosen.
    chosen: Chosen,
) -> impl IntoView {
    let app = app();
    let network = app.memo(move |live| live.networks.iter().find(|network| network.id == id).cloned());
    // A network's row is small: it is drawn again as a whole when the network changes, which is rare.
    move || network.get().map(|network| row(app, network, chosen))
}

fn row(app: App, network: Arc<Network>, chosen: Chosen) -> impl IntoView {
    let name = network.name.to_string();
    let members = {
        let network = network.clone();
        app.memo(move |live| live.containers.iter().filter(|container| is_member(container, &network)).count())
    };
    let lines = |pick: fn(&drawbridge_api::Subnet) -> String| {
        let lines = network.subnets.iter().map(|subnet| view! { <div>{pick(subnet)}</div> }).collect_view();
        if network.subnets.is_empty() {
            view! { <span class="muted">{common::none()}</span> }.into_any()
        } else {
            lines.into_any()
        }
    };
    let notes = match network.driver {
        Driver::Bridge => tags(&network),
        Driver::Macvlan => vec!["macvlan"],
        Driver::Host => vec![texts::host_own()],
        Driver::Null => vec![texts::loopback_only()],
    };
    let remove = {
        let network = network.clone();
        move |_| app.confirm(Ask::remove_network(&network))
    };
    let choose = if network.predefined {
        view! { <td class="choose"></td> }.into_any()
    } else {
        view! { <Choose chosen id=network.id.to_string() name=Signal::stored(name.clone()) /> }.into_any()
    };
    view! {
        <tr data-network=name.clone()>
            {choose}
            <th scope="row">
                <a href=Route::Network(name.clone()).href()>{name.clone()}</a>
                {notes.into_iter().map(|note| view! { <span class="tag">{note}</span> }).collect_view()}
            </th>
            <td class="mono" data-label=texts::interface()>
                {interface(&network).map_or_else(
                    || view! { <span class="muted">{common::none()}</span> }.into_any(),
                    IntoAny::into_any,
                )}
            </td>
            <td class="mono" data-label=texts::subnet()>{lines(|subnet| subnet.subnet.to_string())}</td>
            <td class="mono" data-label=texts::gateway()>{lines(|subnet| subnet.gateway.to_string())}</td>
            <td class="end number" data-label=texts::containers()>{move || members.get()}</td>
            <td data-label=common::created()><Ago ms=Signal::stored(network.created_at_ms) /></td>
            <td class="end">
                {if network.predefined {
                    view! { <span class="muted" title=texts::built_in_title()>{texts::built_in()}</span> }.into_any()
                } else {
                    view! {
                        <button
                            class="button small quiet-danger"
                            data-test="remove"
                            aria-label=common::remove_one(&name)
                            on:click=remove
                        >
                            {common::remove()}
                        </button>
                    }
                    .into_any()
                }}
            </td>
        </tr>
    }
}

/// The host's interface that stands for it.
fn interface(network: &Network) -> Option<String> {
    let parent = network.macvlan.as_ref().map(|macvlan| &macvlan.parent);
    network.bridge.as_ref().or(parent).map(ToString::to_string)
}

/// Whether a row is shown: the text stands in the name, the interface, the id's beginning, a range or a label, in any case.
fn matches(network: &Network, find: &str) -> bool {
    let find = lower(find.trim());
    lower(network.name.as_str()).contains(&find)
        || network.id.as_str().starts_with(&find)
        || interface(network).is_some_and(|interface| interface.contains(&find))
        || network.subnets.iter().any(|range| range.subnet.to_string().contains(&find))
        || network.labels.iter().any(|(name, value)| lower(&format!("{name}={value}")).contains(&find))
}

fn key(network: &Network, containers: &[Arc<Container>], column: &str) -> Key {
    match column {
        "interface" => Key::text(interface(network).unwrap_or_default()),
        "subnet" => Key::text(network.subnets.first().map(|range| range.subnet.to_string()).unwrap_or_default()),
        "containers" => {
            let members = containers.iter().filter(|container| is_member(container, network)).count();
            Key::Number(i64::try_from(members).unwrap_or(i64::MAX))
        }
        "created" => Key::Number(network.created_at_ms),
        _ => Key::text(network.name.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn networks_are_found_and_sorted() {
        let mut network = sample::network(2);
        network.labels.insert("team".into(), "Red".into());
        for find in ["", "NET2", "br-0", "172.18", "0202", "team=red"] {
            assert!(matches(&network, find), "{find:?} should match");
        }
        assert!(!matches(&network, "172.17"));
        let containers = [Arc::new(sample::container(1, 2)), Arc::new(sample::container(2, 2))];
        assert_eq!(key(&network, &containers, "containers"), Key::Number(2));
        assert_eq!(key(&network, &containers, "subnet"), Key::text("172.18.0.0/16"));
        assert_eq!(key(&network, &containers, "nosuch"), Key::text("net2"));
    }
}
