//! The state of a container, as a word with a mark: readable without colour.

use drawbridge_api::{Container, ContainerState};
use leptos::prelude::*;

/// The word for it: `Running`, `Exited (137)`.
pub fn word(container: &Container) -> String {
    match container.state {
        ContainerState::Created if !container.error.is_empty() => "Start failed".to_owned(),
        ContainerState::Created => "Created".to_owned(),
        ContainerState::Running if container.paused => "Paused".to_owned(),
        ContainerState::Running => match container.health.as_deref() {
            Some("starting") => "Running (health: starting)".to_owned(),
            Some(health) => format!("Running ({health})"),
            None => "Running".to_owned(),
        },
        ContainerState::Exited if container.restarting => format!("Restarting ({})", container.exit_code),
        ContainerState::Exited => format!("Exited ({})", container.exit_code),
    }
}

/// A badge with the state of a container.
#[component]
pub fn StateBadge(
    /// The word for it.
    word: String,
    /// The state.
    state: ContainerState,
) -> impl IntoView {
    view! { <span class="badge" data-state=state.as_str()>{word}</span> }
}
