//! The views of one container, as links: what it is, its log, its process, a shell, and what it reaches.

use crate::{
    i18n::containers as texts,
    route::{Far, Route},
};
use drawbridge_api::Trial;
use leptos::prelude::*;

/// A view of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// What it is.
    Overview,
    /// What it has printed.
    Log,
    /// Its main process.
    Main,
    /// A command in it.
    Shell,
    /// What it reaches.
    Try,
}

impl Tab {
    /// The view of a terminal.
    pub fn of(far: &Far) -> Self {
        match far {
            Far::Logs => Self::Log,
            Far::Main => Self::Main,
            Far::Command(_) => Self::Shell,
        }
    }
}

/// The links, with the one that is shown marked.
#[component]
pub fn ContainerTabs(
    /// The container's name.
    name: String,
    /// What is shown.
    tab: Signal<Tab>,
) -> impl IntoView {
    let terminal = |far: Far| Route::Terminal { container: name.clone(), far };
    let tabs = [
        (Tab::Overview, texts::overview(), "far-overview", Route::Container(name.clone())),
        (Tab::Log, texts::log(), "far-logs", terminal(Far::Logs)),
        (Tab::Main, texts::main(), "far-main", terminal(Far::Main)),
        (Tab::Shell, texts::shell(), "far-command", terminal(Far::Command("sh".into()))),
        (Tab::Try, texts::try_it(), "far-try", Route::Try { container: name.clone(), trial: Trial::default() }),
    ];
    view! {
        <nav class="page-tabs" aria-label=texts::views()>
            {tabs.map(|(own, words, test, route)| view! {
                <a href=route.href() data-test=test aria-current=move || (tab.get() == own).then_some("page")>{words}</a>
            }).into_iter().collect_view()}
        </nav>
    }
}
