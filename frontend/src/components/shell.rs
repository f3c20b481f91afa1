//! The frame: header, banner, the page that the address names, the dialogs and the last message.

use crate::{
    app::{App, Dialog},
    components::{connection::Banner, empty::NoPage, header::Header, message::LastMessage, parts},
    i18n::shell,
    live::Connection,
    pages::{Page, topology::TopologyPage},
    route::Route,
};
use leptos::prelude::*;

/// The whole panel, drawn anew when its language changes.
#[component]
pub fn Shell() -> impl IntoView {
    let app = App::open();
    move || {
        app.preferences.language.track();
        view! { <Frame app /> }
    }
}

#[component]
fn Frame(
    /// What every page shares.
    app: App,
) -> impl IntoView {
    let page = Memo::new(move |_| {
        let route = app.nav.route.get();
        if route == Route::Login || app.link.connection.get() == Connection::LoggedOut {
            return Page::Login;
        }
        match (app.link.live.with(|live| live.as_ref().map(|live| live.is_whole)), Page::of(route)) {
            (None, _) => Page::Connecting,
            // The first screen needs no more.
            (Some(_), Page::Topology) => Page::Topology,
            (Some(false), _) => Page::Connecting,
            (Some(true), page) => page,
        }
    });
    Effect::new(move |_| {
        let title = if page.get() == Page::Login { Route::Login.title() } else { app.nav.route.read().title() };
        document().set_title(&format!("{title} · Drawbridge"));
    });
    let is_asking = Memo::new(move |_| app.dialog.with(|dialog| !matches!(dialog, Dialog::Closed)));
    view! {
        <a class="skip" href="#main">{shell::skip()}</a>
        <Header page_is_login=Signal::derive(move || page.get() == Page::Login) />
        <Banner />
        <main id="main" tabindex="-1">
            {move || match page.get() {
                Page::Login => parts::login(),
                Page::Connecting => view! { <Waiting /> }.into_any(),
                Page::Topology => view! { <TopologyPage /> }.into_any(),
                page => parts::page(page),
            }}
        </main>
        {move || is_asking.get().then(parts::dialog)}
        <LastMessage />
    }
}

/// Before the first snapshot. Appears late, so that a quick answer does not flicker.
#[component]
fn Waiting() -> impl IntoView {
    let app = crate::app::app();
    let lost = move || matches!(app.link.connection.get(), Connection::Lost { .. });
    view! {
        <Show
            when=lost
            fallback=|| view! { <p class="waiting" role="status">{shell::asking()}</p> }
        >
            <NoPage title=shell::no_answer()>
                <p>{shell::is_it_running()}</p>
                <pre class="command"><code>"drawbridge serve"</code></pre>
                <p class="muted">{shell::goes_on()}</p>
            </NoPage>
        </Show>
    }
}
