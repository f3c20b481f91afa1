//! The header: the name, the way to the pages, the state of the connection.

use crate::{
    app::app,
    components::connection::Indicator,
    i18n::{Language, shell},
    listing::Listing,
    route::Route,
};
use leptos::prelude::*;

/// The header of every page.
#[component]
pub fn Header(
    /// Whether the login page is shown, from which no other page can be reached.
    page_is_login: Signal<bool>,
) -> impl IntoView {
    let all = Listing::default;
    let pages = [
        Route::HOME,
        Route::Networks(all()),
        Route::Containers(all()),
        Route::Images(Listing::default()),
        Route::Labs(Listing::default()),
        Route::Rules(all()),
        Route::Dns(all()),
        Route::Changes(all()),
        Route::Doctor,
        Route::Settings,
    ];
    view! {
        <header class="top">
            <a class="brand" href="/" aria-label=shell::home()>
                <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
                    <path class="brand-water" d="M2 27h28" />
                    <path class="brand-tower" d="M6 26V7M26 26V7M2 19h4M26 19h4" />
                    <path class="brand-deck" d="M6 19l9-6M26 19l-9-6" />
                </svg>
                <span>"Drawbridge"</span>
            </a>
            <Show when=move || !page_is_login.get()>
                <nav aria-label=shell::pages()>
                    {pages.clone().map(|page| view! { <PageLink page /> }).into_iter().collect_view()}
                </nav>
            </Show>
            <Indicator />
            <SpeakOther />
        </header>
    }
}

#[component]
fn PageLink(
    /// Where it leads.
    page: Route,
) -> impl IntoView {
    let title = page.title();
    let current = move || (app().nav.route.read().title() == title).then_some("page");
    view! { <a href=page.href() aria-current=current>{title}</a> }
}

/// A button with the name of the other language, in that language.
#[component]
fn SpeakOther() -> impl IntoView {
    let preferences = app().preferences;
    let other = Language::ALL.into_iter().find(|language| *language != preferences.language.get_untracked());
    other.map(|other| {
        view! {
            <button
                class="button small"
                lang=other.tag()
                data-test="language"
                on:click=move |_| preferences.speak(other)
            >
                {other.name()}
            </button>
        }
    })
}
