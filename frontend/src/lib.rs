//! The panel, client-side rendered: a library, so that its pure parts are tested without a browser, and a `main` that
//! mounts it. `components::shell` holds the frame and chooses the page.
//!
//! Pure: `route`, `reduce`, `event`, `layout`, `viewport`, `face`, `find`, `rates`, `words`, `commands`, `text`, `ports`, `gateway`,
//! `network_form`, `rules`, `addresses`, `listing`, `docker`, `chart`, `dns`, `ask`, `i18n`, and the requests in `api`.
//! In the browser: `api` (fetch), `live` (connection), `poll` (counters), `moment` (what can be waited for), `past` (older changes), `nav` (address bar), `preferences` (language, theme), `said` (the daemon's words in that language), `app` (what pages share),
//! `components`, `pages`. Pages ask the daemon, components draw, `reduce` alone writes the live state.

pub mod addresses;
pub mod api;
pub mod app;
pub mod ask;
pub mod chart;
pub mod commands;
pub mod components;
pub mod dns;
pub mod docker;
pub mod event;
pub mod face;
pub mod find;
pub mod gateway;
pub mod i18n;
pub mod images;
pub mod labs;
pub mod layout;
pub mod listing;
pub mod live;
pub mod moment;
pub mod nav;
pub mod network_form;
pub mod pages;
pub mod past;
pub mod poll;
pub mod ports;
pub mod preferences;
pub mod rates;
pub mod reduce;
pub mod route;
pub mod rules;
pub mod said;
pub mod text;
pub mod viewport;
pub mod words;
pub mod work;

#[cfg(test)]
mod sample;

/// Draws the panel into the page's body, for as long as the page is there.
pub fn mount() {
    // Without this, a panic in WebAssembly is an "unreachable executed" that names nothing.
    std::panic::set_hook(Box::new(|panic| web_sys::console::error_1(&panic.to_string().into())));
    if !matches!(nav::current(), route::Route::Topology(_)) {
        wasm_bindgen_futures::spawn_local(components::parts::fetch_page());
    }
    wasm_bindgen_futures::spawn_local(async {
        said::learn(preferences::language()).await;
        leptos::mount::mount_to_body(components::shell::Shell);
        // The first page is there by then, and hardly anybody has clicked.
        leptos::prelude::set_timeout(components::parts::fetch_all, std::time::Duration::from_secs(1));
    });
}
