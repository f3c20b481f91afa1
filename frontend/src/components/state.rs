//! The state of a container, as a word with a mark: readable without colour.

use crate::i18n::containers;
use drawbridge_api::{Container, ContainerState};
use leptos::prelude::*;
use std::sync::Arc;

/// The word for it: `Running`, `Exited (137)`.
pub fn word(container: &Container) -> String {
    match container.state {
        ContainerState::Created if !container.error.is_empty() => containers::start_failed().to_owned(),
        ContainerState::Created => containers::state_created().to_owned(),
        ContainerState::Running if container.paused => containers::paused().to_owned(),
        ContainerState::Running => match container.health.as_deref() {
            Some("starting") => containers::health_starting().to_owned(),
            Some(health) => containers::running_health(&health),
            None => containers::running().to_owned(),
        },
        ContainerState::Exited if container.restarting => containers::restarting(&container.exit_code),
        ContainerState::Exited => containers::exited(&container.exit_code),
    }
}

/// Whether the container runs; one that is gone does not.
pub fn is_running(container: Memo<Option<Arc<Container>>>) -> Memo<bool> {
    Memo::new(move |_| {
        container.with(|container| container.as_ref().is_some_and(|c| c.state == ContainerState::Running))
    })
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
