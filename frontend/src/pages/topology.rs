//! The first screen: a drawing of what is connected to what, and over it what the selected thing is.

use crate::{
    app::{Dialog, app},
    components::{drawing::Drawing, parts},
    find::{means_container, means_network},
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
    let is_selected = Memo::new(move |_| picture.with(|picture| picture.select.is_some()));
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
                    {Signal::derive(move || {
                        let (bridges, running) = (bridges.get(), running.get());
                        format!("{} · {}", topology::bridges(bridges), topology::containers_running(running))
                    })}
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
                {move || is_selected.get().then(|| parts::inspector(picture, choose, show))}
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
                {Signal::derive(move || match meant.with(Vec::len) {
                    _ if find.with(String::is_empty) => String::new(),
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
    let details = NodeRef::<html::Details>::new();
    let is_opened = RwSignal::new(false);
    let on = Memo::new(move |_| {
        picture.with(|picture| [&picture.network, &picture.label].into_iter().flatten().cloned().collect::<Vec<_>>())
    });
    let close = move |event: ev::KeyboardEvent| {
        if event.key() == "Escape"
            && let Some(details) = details.get_untracked()
        {
            details.set_open(false);
        }
    };
    let words = move || match on.with(|on| on.join(", ")) {
        none if none.is_empty() => topology::filter().to_owned(),
        on => crate::text::fit(&on, 24),
    };
    view! {
        <details
            class="filters"
            data-test="filters"
            node_ref=details
            on:keydown=close
            on:toggle=move |_| is_opened.set(true)
        >
            <summary class="button" class:on=Signal::derive(move || on.with(|on| !on.is_empty()))>
                {Signal::derive(words)}
            </summary>
            <div class="filter-panel">{move || is_opened.get().then(|| parts::filters(picture))}</div>
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
