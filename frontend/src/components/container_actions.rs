//! What may be done with a container: start or stop, and remove.

use crate::{app::app, ask::Ask};
use drawbridge_api::{Container, ContainerState};
use leptos::prelude::*;
use std::sync::Arc;

/// Buttons for a container. Each opens the dialog with its plan.
#[component]
pub fn ContainerActions(
    /// The container, as long as it is there.
    container: Memo<Option<Arc<Container>>>,
) -> impl IntoView {
    let app = app();
    let is_running =
        Memo::new(move |_| container.with(|c| c.as_ref().is_some_and(|c| c.state == ContainerState::Running)));
    let name = move || container.with(|c| c.as_ref().map(|c| c.name.to_string()).unwrap_or_default());
    let ask = move |make: fn(&Container) -> Ask| {
        move |_| {
            if let Some(container) = container.get_untracked() {
                app.confirm(make(&container));
            }
        }
    };
    view! {
        <div class="actions">
            <Show
                when=move || is_running.get()
                fallback=move || view! {
                    <button
                        class="button small"
                        data-test="start"
                        aria-label=move || format!("Start {}", name())
                        on:click=ask(Ask::start)
                    >
                        "Start"
                    </button>
                }
            >
                <button
                    class="button small"
                    data-test="stop"
                    aria-label=move || format!("Stop {}", name())
                    on:click=ask(Ask::stop)
                >
                    "Stop"
                </button>
            </Show>
            <button
                class="button small quiet-danger"
                data-test="remove"
                aria-label=move || format!("Remove {}", name())
                on:click=ask(Ask::remove_container)
            >
                "Remove"
            </button>
        </div>
    }
}
