//! Theme and language of this browser, what there is to know of the daemon, and the way out.

use crate::{
    api,
    app::app,
    components::empty::Empty,
    i18n::{Language, common, settings as texts},
    preferences::Theme,
};
use drawbridge_api::About;
use leptos::{prelude::*, task::spawn_local};

/// The settings.
#[component]
pub fn SettingsPage() -> impl IntoView {
    let about = RwSignal::new(None::<Result<About, String>>);
    let ask = move || {
        spawn_local(async move {
            let answer = api::about().await.map_err(|failure| failure.to_string());
            // The page may be left by now.
            about.try_set(Some(answer));
        });
    };
    ask();
    app().link.when_back(move || {
        if matches!(about.get_untracked(), Some(Err(_))) {
            ask();
        }
    });
    view! {
        <div class="page" data-test="settings">
            <div class="page-head"><h1>{texts::title()}</h1></div>
            <div class="columns">
                <Look />
                {move || match about.get() {
                    None => view! { <p class="waiting" role="status">{common::loading()}</p> }.into_any(),
                    Some(Err(why)) => view! { <Empty title=texts::cannot_show()><p>{why}</p></Empty> }.into_any(),
                    Some(Ok(about)) => view! { <Daemon about /> }.into_any(),
                }}
            </div>
        </div>
    }
}

/// What is kept in this browser.
#[component]
fn Look() -> impl IntoView {
    let preferences = app().preferences;
    let word = |theme| match theme {
        Theme::System => texts::theme_system(),
        Theme::Light => texts::theme_light(),
        Theme::Dark => texts::theme_dark(),
    };
    let themes = Theme::ALL.map(|theme| {
        view! {
            <label class="check">
                <input
                    type="radio"
                    name="theme"
                    value=theme.as_str()
                    prop:checked=move || preferences.theme.get() == theme
                    on:change=move |_| preferences.wear(theme)
                />
                <span>{word(theme)}</span>
            </label>
        }
    });
    let languages = Language::ALL.map(|language| {
        view! {
            <label class="check">
                <input
                    type="radio"
                    name="language"
                    value=language.tag()
                    prop:checked=move || preferences.language.get() == language
                    on:change=move |_| preferences.speak(language)
                />
                <span lang=language.tag()>{language.name()}</span>
            </label>
        }
    });
    view! {
        <section class="card">
            <h2>{texts::look()}</h2>
            <fieldset class="choices">
                <legend>{texts::theme()}</legend>
                {themes.into_iter().collect_view()}
            </fieldset>
            <fieldset class="choices">
                <legend>{texts::language()}</legend>
                {languages.into_iter().collect_view()}
            </fieldset>
            <p class="muted small">{texts::kept()}</p>
        </section>
    }
}

#[component]
fn Daemon(
    /// What is known.
    about: About,
) -> impl IntoView {
    let code = |term: &'static str, value: String| view! { <dt>{term}</dt> <dd class="mono">{value}</dd> };
    let listed = |values: Vec<String>, none: &str| if values.is_empty() { none.to_owned() } else { values.join(", ") };
    let token_file = format!("{}/token", about.data_dir);
    let access = if about.token { texts::with_token(&token_file) } else { texts::without_token().to_owned() };
    let leave = move |_| {
        spawn_local(async move {
            // A daemon that can't be reached has nothing to be logged out of; the login page says more.
            let _ = api::logout().await;
            if let Err(error) = window().location().set_href("/login") {
                web_sys::console::warn_1(&error);
            }
        });
    };
    view! {
        <section class="card" data-test="about">
            <h2>{texts::daemon()}</h2>
            <dl>
                {code(texts::version(), about.version)}
                {code(texts::panel(), about.panel)}
                {code(texts::socket(), about.docker_socket.clone())}
                {code(texts::data_dir(), about.data_dir)}
                {code(texts::run_dir(), about.run_dir)}
                {code(texts::runtime(), about.runtime)}
                {code(texts::kernel(), about.kernel)}
                {code(texts::pools(), listed(about.pools, texts::pools_usual()))}
                {code(texts::mirrors(), listed(about.mirrors, texts::no_mirrors()))}
            </dl>
            <p class="muted small">{texts::socket_note(&about.docker_socket)}</p>
        </section>
        <section class="card">
            <h2>{texts::access()}</h2>
            <p>{access}</p>
            {about.token.then(|| view! {
                <p><button class="button" data-test="log-out" on:click=leave>{texts::log_out()}</button></p>
            })}
        </section>
    }
}
