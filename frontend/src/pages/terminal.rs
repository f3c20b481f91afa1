//! What a container prints and reads: its log, its main process, and a command of one's own in it.

use crate::{
    api,
    app::app,
    components::{
        empty::Empty,
        terminal::{Terminal, TerminalState},
    },
    route::{Far, Route},
};
use drawbridge_api::ContainerState;
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
    let container =
        app.memo(move |live| live.containers.iter().find(|c| c.name.as_str() == name.get()).map(|c| c.state));
    let is_running = Memo::new(move |_| container.get() == Some(ContainerState::Running));
    // Opened anew for each address, and when somebody asks for it.
    let round = RwSignal::new(0);
    let state = RwSignal::new(TerminalState::Opening);
    let tab = move |far: fn() -> Far, words: &'static str, test: &'static str| {
        let is_here = Memo::new(move |_| place.with(|(_, here)| here.is_like(&far())));
        view! {
            <a
                class="button small"
                data-test=test
                href=move || Route::Terminal { container: name.get(), far: far() }.href()
                aria-current=move || is_here.get().then_some("page")
            >
                {words}
            </a>
        }
    };
    let said = move || match state.get() {
        TerminalState::Opening => "Opening…".to_owned(),
        TerminalState::Open(_) if !is_running.get() => {
            "The container does not run. What it prints shows as soon as it starts.".to_owned()
        }
        TerminalState::Open(text) | TerminalState::Ended(text) | TerminalState::Lost(text) => text,
    };
    let is_over = Memo::new(move |_| matches!(state.get(), TerminalState::Ended(_) | TerminalState::Lost(_)));
    view! {
        <div class="page terminal-page">
            <div class="page-head">
                <h1>{move || name.get()}</h1>
                <nav class="actions" aria-label="What is shown">
                    {tab(|| Far::Logs, "Log", "far-logs")}
                    {tab(|| Far::Main, "Main process", "far-main")}
                    {tab(|| Far::Command("sh".into()), "Shell", "far-command")}
                </nav>
                <a href=move || Route::Containers { find: String::new() }.href()>"All containers"</a>
            </div>
            <p class="terminal-state" role="status" data-test="terminal-state">
                <span>{said}</span>
                <Show when=move || is_over.get()>
                    <button
                        class="button small"
                        data-test="open-again"
                        on:click=move |_| round.update(|round| *round += 1)
                    >
                        "Open again"
                    </button>
                </Show>
            </p>
            {move || {
                round.track();
                let (name, far) = place.get();
                if name.is_empty() {
                    return view! { <Empty title="No container">""</Empty> }.into_any();
                }
                state.set(TerminalState::Opening);
                view! { <Terminal address=api::terminal_url(&name, &far) state /> }.into_any()
            }}
        </div>
    }
}
