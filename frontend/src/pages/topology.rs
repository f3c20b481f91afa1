//! The first screen: a drawing of what is connected to what, and over it what the selected thing is.

use crate::{
    app::{Dialog, app},
    components::{drawing::Drawing, inspector::Inspector},
    find::{labels, means_container, means_network},
    i18n::{shell, topology},
    route::{Density, Picture, Route, Selection, Tab},
};
use leptos::{ev, html, prelude::*};

/// The drawing, its tools and the inspector.
#[component]
pub fn TopologyPage() -> impl IntoView {
    let app = app();
    let picture = Memo::new(move |_| match app.nav.route.get() {
        Route::Topology(picture) => picture,
        _ => Picture::default(),
    });
    let change = move |change: &dyn Fn(&mut Picture)| {
        let mut next = picture.get_untracked();
        change(&mut next);
        app.nav.go(Route::Topology(next));
    };
    let choose = Callback::new(move |select: Option<Selection>| change(&|picture| picture.select.clone_from(&select)));
    let show = Callback::new(move |tab: Tab| change(&|picture| picture.tab = tab));
    let unfold = Callback::new(move |name: String| {
        change(&|picture| {
            let before = picture.open.len();
            picture.open.retain(|open| *open != name);
            if picture.open.len() == before {
                picture.open.push(name.clone());
            }
        });
    });
    let running = app.memo(|live| live.containers.iter().filter(|container| container.pid.is_some()).count());
    let bridges = app.memo(|live| live.networks.iter().filter(|network| network.bridge.is_some()).count());
    let dense = move || picture.with(|picture| picture.density == Density::Compact);
    let toggle = move |_| {
        let density = if untrack(dense) { Density::Full } else { Density::Compact };
        change(&|picture| picture.density = density);
    };
    view! {
        <div class="topology">
            <div class="page-head">
                <h1>{shell::topology()}</h1>
                <p class="muted number counts">
                    {move || topology::bridges(bridges.get())}
                    " · "
                    {move || topology::containers_running(running.get())}
                </p>
                <Search picture />
                <Filters picture />
                <button class="button" aria-pressed=move || dense().to_string() on:click=toggle>{topology::compact()}</button>
                <button class="button" data-test="new-network" on:click=move |_| app.dialog.set(Dialog::CreateNetwork)>
                    {topology::new_network()}
                </button>
                <button
                    class="button primary"
                    data-test="new-container"
                    on:click=move |_| app.dialog.set(Dialog::CreateContainer)
                >
                    {topology::new_container()}
                </button>
            </div>
            <div class="stage">
                <Drawing picture choose unfold />
                <Inspector picture choose show />
            </div>
            <FirstSteps />
        </div>
    }
}

/// The search: what is meant stays bright, and Enter goes from one to the next.
#[component]
fn Search(
    /// What is chosen on the page.
    picture: Memo<Picture>,
) -> impl IntoView {
    let app = app();
    let find = Memo::new(move |_| picture.with(|picture| picture.find.clone()));
    let meant = app.memo(move |live| {
        find.with(|find| {
            if find.is_empty() {
                return Vec::new();
            }
            let networks =
                live.networks.iter().filter(|network| network.bridge.is_some() && means_network(network, find));
            let networks = networks.map(|network| Selection::Network(network.name.to_string()));
            let containers = live.containers.iter().filter(|container| means_container(container, find));
            networks.chain(containers.map(|container| Selection::Container(container.name.to_string()))).collect()
        })
    });
    let typed = move |event: ev::Targeted<ev::Event, web_sys::HtmlInputElement>| {
        let find = event.target().value();
        app.nav.replace(Route::Topology(Picture { find, ..picture.get_untracked() }));
    };
    let go_on = move |event: ev::KeyboardEvent| match event.key().as_str() {
        "Enter" => {
            let now = picture.with_untracked(|picture| picture.select.clone());
            let next = meant.with_untracked(|meant| {
                let place = meant.iter().position(|one| Some(one) == now.as_ref());
                let count = meant.len().max(1);
                let step = if event.shift_key() { count - 1 } else { 1 };
                meant.get(place.map_or(0, |place| (place + step) % count)).cloned()
            });
            if next.is_some() {
                app.nav.replace(Route::Topology(Picture { select: next, ..picture.get_untracked() }));
            }
        }
        "Escape" => app.nav.replace(Route::Topology(Picture { find: String::new(), ..picture.get_untracked() })),
        _ => {}
    };
    view! {
        <label class="search">
            <span class="hidden">{topology::search_label()}</span>
            <input
                id="find-topology"
                type="search"
                placeholder=topology::search()
                spellcheck="false"
                autocomplete="off"
                prop:value=move || find.get()
                on:input:target=typed
                on:keydown=go_on
            />
            <span class="found number" role="status">
                {move || (!find.with(String::is_empty)).then(|| match meant.with(Vec::len) {
                    0 => topology::none_found().to_owned(),
                    found => found.to_string(),
                })}
            </span>
        </label>
    }
}

/// Filters by network and by label, folded; what is on stands on the button.
#[component]
fn Filters(
    /// What is chosen on the page.
    picture: Memo<Picture>,
) -> impl IntoView {
    let app = app();
    let details = NodeRef::<html::Details>::new();
    let networks = app.memo(|live| {
        let bridges = live.networks.iter().filter(|network| network.bridge.is_some() || network.macvlan.is_some());
        bridges.map(|network| network.name.to_string()).collect::<Vec<_>>()
    });
    let labels = app.memo(|live| labels(&live.containers));
    let network = Memo::new(move |_| picture.with(|picture| picture.network.clone()));
    let label = Memo::new(move |_| picture.with(|picture| picture.label.clone()));
    let on = move || [network.get(), label.get()].into_iter().flatten().collect::<Vec<_>>();
    let set = move |network: Option<String>, label: Option<String>| {
        app.nav.go(Route::Topology(Picture { network, label, ..picture.get_untracked() }));
    };
    let chosen = |value: String| Some(value).filter(|value| !value.is_empty());
    let close = move |event: ev::KeyboardEvent| {
        if event.key() == "Escape"
            && let Some(details) = details.get_untracked()
        {
            details.set_open(false);
        }
    };
    view! {
        <details class="filters" data-test="filters" node_ref=details on:keydown=close>
            <summary class="button" class:on=move || !on().is_empty()>
                {move || {
                    let on = on();
                    if on.is_empty() { topology::filter().to_owned() } else { crate::text::fit(&on.join(", "), 24) }
                }}
            </summary>
            <div class="filter-panel">
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
            </div>
        </details>
    }
}

/// What to do on a machine without containers.
#[component]
fn FirstSteps() -> impl IntoView {
    let containers = app().containers();
    view! {
        <Show when=move || containers.with(Vec::is_empty)>
            <section class="first-steps">
                <h2>{topology::empty_title()}</h2>
                <p>{topology::empty_hint()}</p>
                <pre class="command"><code>"docker run -d --name box1 busybox sleep 3600"</code></pre>
            </section>
        </Show>
    }
}
