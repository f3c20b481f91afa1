//! The filters of the topology: by network and by label.

use crate::{
    app::app,
    find::labels,
    i18n::topology,
    route::{Picture, Route},
};
use leptos::prelude::*;

/// What may be chosen.
#[component]
pub fn Filters(
    /// What is chosen on the page.
    picture: Memo<Picture>,
) -> impl IntoView {
    let app = app();
    let networks = app.memo(|live| {
        let bridges = live.networks.iter().filter(|network| network.bridge.is_some() || network.macvlan.is_some());
        bridges.map(|network| network.name.to_string()).collect::<Vec<_>>()
    });
    let labels = app.memo(|live| labels(&live.containers));
    let network = Memo::new(move |_| picture.with(|picture| picture.network.clone()));
    let label = Memo::new(move |_| picture.with(|picture| picture.label.clone()));
    let set = move |network: Option<String>, label: Option<String>| {
        app.nav.go(Route::Topology(Picture { network, label, ..picture.get_untracked() }));
    };
    let chosen = |value: String| Some(value).filter(|value| !value.is_empty());
    view! {
        <label class="field">
            <span>{topology::network()}</span>
            <select
                id="filter-network"
                prop:value=move || network.get().unwrap_or_default()
                on:change:target=move |event| set(chosen(event.target().value()), label.get_untracked())
            >
                <option value="">{topology::all_networks()}</option>
                {move || networks.get().into_iter().map(|name| {
                    let selected = network.get_untracked().as_ref() == Some(&name);
                    view! { <option value=name.clone() selected=selected>{name.clone()}</option> }
                }).collect_view()}
            </select>
        </label>
        <label class="field">
            <span>{topology::label()}</span>
            <select
                id="filter-label"
                prop:value=move || label.get().unwrap_or_default()
                disabled=move || labels.with(Vec::is_empty) && label.with(Option::is_none)
                on:change:target=move |event| set(network.get_untracked(), chosen(event.target().value()))
            >
                <option value="">{topology::all_labels()}</option>
                {move || labels.get().into_iter().map(|one| {
                    let selected = label.get_untracked().as_ref() == Some(&one);
                    view! { <option value=one.clone() selected=selected>{one.clone()}</option> }
                }).collect_view()}
            </select>
        </label>
        <button class="button" data-test="filter-none" on:click=move |_| set(None, None)>{topology::show_all()}</button>
    }
}
