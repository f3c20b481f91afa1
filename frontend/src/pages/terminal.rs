//! What a container prints and reads: its log, its main process, and a command of one's own in it.

use crate::{
    api,
    app::app,
    components::{
        container_head::{ContainerHead, container_called},
        container_tabs::Tab,
        empty::NoPage,
        state,
        terminal::{Terminal, TerminalState},
    },
    i18n::containers as texts,
    route::{Far, Route},
};
use leptos::prelude::*;

/// A terminal, and above it what it is tied to.
#[component]
pub fn TerminalPage() -> impl IntoView {
    let app = app();
    let place = Memo::new(move |_| match app.nav.route.get() {
        Route::Terminal { container, far } => (container, far),
        _ => (String::new(), Far::Logs),
    });
    let name = Memo::new(move |_| place.with(|(name, _)| name.clone()));
    let container = container_called(name.into());
    let is_running = state::is_running(container);
    // Opened anew for each address, and when somebody asks for it.
    let round = RwSignal::new(0);
    let state = RwSignal::new(TerminalState::Opening);
    let tab = Signal::derive(move || place.with(|(_, far)| Tab::of(far)));
    let said = move || match state.get() {
        TerminalState::Opening => texts::opening().to_owned(),
        TerminalState::Open(_) if !is_running.get() => texts::idle().to_owned(),
        TerminalState::Open(text) | TerminalState::Ended(text) | TerminalState::Lost(text) => text,
    };
    let is_over = Memo::new(move |_| matches!(state.get(), TerminalState::Ended(_) | TerminalState::Lost(_)));
    view! {
        <div class="page terminal-page">
            <ContainerHead name=name.into() container tab />
            <p class="terminal-state" role="status" data-test="terminal-state">
                <span>{said}</span>
                <Show when=move || is_over.get()>
                    <button
                        class="button small"
                        data-test="open-again"
                        on:click=move |_| round.update(|round| *round += 1)
                    >
                        {texts::open_again()}
                    </button>
                </Show>
            </p>
            {move || {
                round.track();
                let (name, far) = place.get();
                // Only when it is opened: one that is removed later leaves what it has said.
                if container.with_untracked(Option::is_none) {
                    return view! { <NoPage title=texts::no_container()>""</NoPage> }.into_any();
                }
                state.set(TerminalState::Opening);
                view! { <Terminal address=api::terminal_url(&name, &far) state /> }.into_any()
            }}
        </div>
    }
}
