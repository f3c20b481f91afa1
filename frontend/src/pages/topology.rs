//! The first screen: a drawing of what is connected to what, and beside it what the selected thing is.

use crate::{
    app::{Dialog, app},
    components::{drawing::Drawing, inspector::Inspector},
    route::{Density, Route, Selection},
};
use leptos::prelude::*;

/// The drawing, its tools and the inspector.
#[component]
pub fn TopologyPage() -> impl IntoView {
    let app = app();
    let chosen = Memo::new(move |_| {
        let Route::Topology { select, density } = app.nav.route.get() else { return (None, Density::Full) };
        (select, density)
    });
    let select = Memo::new(move |_| chosen.get().0);
    let density = Memo::new(move |_| chosen.get().1);
    let choose = Callback::new(move |select: Option<Selection>| {
        app.nav.go(Route::Topology { select, density: density.get_untracked() });
    });
    let running = app.memo(|live| live.containers.iter().filter(|container| container.pid.is_some()).count());
    let bridges = app.memo(|live| live.networks.iter().filter(|network| network.bridge.is_some()).count());
    let dense = move || density.get() == Density::Compact;
    let toggle = move |_| {
        let density = if dense() { Density::Full } else { Density::Compact };
        app.nav.go(Route::Topology { select: select.get_untracked(), density });
    };
    view! {
        <div class="topology" class:inspecting=move || select.get().is_some()>
            <div class="drawing">
                <div class="page-head">
                    <h1>"Topology"</h1>
                    <p class="muted number">
                        {move || crate::text::count(bridges.get(), "bridge")}
                        " · "
                        {move || format!("{} running", crate::text::count(running.get(), "container"))}
                    </p>
                    <button class="button" aria-pressed=move || dense().to_string() on:click=toggle>"Compact"</button>
                    <button class="button" data-test="new-network" on:click=move |_| app.dialog.set(Dialog::CreateNetwork)>
                        "New network"
                    </button>
                    <button
                        class="button primary"
                        data-test="new-container"
                        on:click=move |_| app.dialog.set(Dialog::CreateContainer)
                    >
                        "New container"
                    </button>
                </div>
                <Drawing select density choose />
                <FirstSteps />
            </div>
            <Inspector select choose />
        </div>
    }
}

/// What to do on a machine without containers.
#[component]
fn FirstSteps() -> impl IntoView {
    let containers = app().containers();
    view! {
        <Show when=move || containers.with(Vec::is_empty)>
            <section class="first-steps">
                <h2>"No containers yet"</h2>
                <p>
                    "Make one with “New container”, or with any Docker client; it appears here at once, hanging from its bridge."
                </p>
                <pre class="command"><code>"docker run -d --name box1 busybox sleep 3600"</code></pre>
            </section>
        </Show>
    }
}
