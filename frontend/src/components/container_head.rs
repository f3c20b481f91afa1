//! What stands above each view of a container: its name, how it does, what may be done with it, and the way to its other views.

use crate::{
    app::app,
    components::{
        container_actions::ContainerActions,
        container_tabs::{ContainerTabs, Tab},
        state::{self, StateBadge},
    },
    i18n::containers as texts,
    route::{Route, Selection},
};
use drawbridge_api::Container;
use leptos::prelude::*;
use std::sync::Arc;

/// The container of this name, as long as there is one.
pub fn container_called(name: Signal<String>) -> Memo<Option<Arc<Container>>> {
    app().memo(move |live| {
        name.with(|name| live.containers.iter().find(|container| container.name.as_str() == name).cloned())
    })
}

/// The head of a page about one container.
#[component]
pub fn ContainerHead(
    /// The container's name.
    name: Signal<String>,
    /// The container, as long as it is there.
    container: Memo<Option<Arc<Container>>>,
    /// The view that is shown.
    tab: Signal<Tab>,
) -> impl IntoView {
    let is_there = Memo::new(move |_| container.with(Option::is_some));
    view! {
        <div class="page-head">
            <h1>{move || name.get()}</h1>
            {move || container.get().map(|container| view! {
                <StateBadge word=state::word(&container) state=container.state />
            })}
            <p></p>
            <Show when=move || is_there.get()>
                <a class="button small" href=move || Route::select(Selection::Container(name.get())).href()>
                    {texts::in_topology()}
                </a>
                <ContainerActions container />
            </Show>
        </div>
        {move || view! { <ContainerTabs name=name.get() tab /> }}
    }
}
