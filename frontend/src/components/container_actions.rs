//! What may be done with a container: start or stop, talk to it, publish ports, and remove.

use crate::{
    app::{Dialog, app},
    ask::Ask,
    components::state,
    i18n::{common, containers as texts},
    route::{Far, Route},
};
use drawbridge_api::Container;
use leptos::prelude::*;
use std::sync::Arc;

/// Buttons for a container. Each opens the dialog with its plan.
#[component]
pub fn ContainerActions(
    /// The container, as long as it is there.
    container: Memo<Option<Arc<Container>>>,
) -> impl IntoView {
    let app = app();
    let is_running = state::is_running(container);
    // What prints and reads nothing any more has still its log.
    let far = move || if is_running.get() { Far::Command("sh".into()) } else { Far::Logs };
    let name = move || container.with(|c| c.as_ref().map(|c| c.name.to_string()).unwrap_or_default());
    let ask = move |make: fn(&Container) -> Ask| {
        if let Some(container) = container.get_untracked() {
            app.confirm(make(&container));
        }
    };
    view! {
        <div class="actions">
            // One button for both: after a stop, the focus is still there.
            <button
                class="button small"
                data-test=move || if is_running.get() { "stop" } else { "start" }
                aria-label=move || if is_running.get() { texts::stop_one(&name()) } else { texts::start_one(&name()) }
                on:click=move |_| ask(if is_running.get_untracked() { Ask::stop } else { Ask::start })
            >
                {move || if is_running.get() { common::stop() } else { common::start() }}
            </button>
            <a
                class="button small"
                data-test="terminal-link"
                aria-label=move || texts::terminal_of(&name())
                href=move || Route::Terminal { container: name(), far: far() }.href()
            >
                {move || if is_running.get() { texts::terminal() } else { texts::log() }}
            </a>
            <button
                class="button small"
                data-test="ports"
                aria-label=move || texts::edit_ports(&name())
                on:click=move |_| {
                    if let Some(container) = container.get_untracked() {
                        app.dialog.set(Dialog::EditPorts(container.id.clone()));
                    }
                }
            >
                {common::ports()}
            </button>
            <button
                class="button small quiet-danger"
                data-test="remove"
                aria-label=move || common::remove_one(&name())
                on:click=move |_| ask(Ask::remove_container)
            >
                {common::remove()}
            </button>
        </div>
    }
}
