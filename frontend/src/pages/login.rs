//! The page that asks for the token.

use crate::{
    api::{self, Failure},
    app::app,
    i18n::login as texts,
    route::Route,
};
use leptos::{ev, html, prelude::*, task::spawn_local};

/// Asks for the token, and leads back to the page that was wanted.
#[component]
pub fn LoginPage() -> impl IntoView {
    let app = app();
    let token = RwSignal::new(String::new());
    let refusal = RwSignal::new(None::<String>);
    let busy = RwSignal::new(false);
    let field = NodeRef::<html::Input>::new();
    // `autofocus` counts only while a document is loading. A field that can't take the focus leaves it where it is.
    field.on_load(move |field| request_animation_frame(move || drop(field.focus())));
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        // Whoever pastes the whole link means the token in it.
        let pasted = token.get_untracked().trim().to_owned();
        let token = pasted.rsplit_once("token=").map_or(pasted.clone(), |(_, token)| token.to_owned());
        busy.set(true);
        refusal.set(None);
        spawn_local(async move {
            let answer = api::login(&token).await;
            if busy.try_set(false).is_some() {
                return;
            }
            match answer {
                Ok(()) => {
                    if app.nav.route.get_untracked() == Route::Login {
                        app.nav.replace(Route::HOME);
                    }
                    app.link.reconnect();
                }
                Err(Failure::Unauthorised) => refusal.set(Some(texts::wrong().to_owned())),
                Err(Failure::Unreachable | Failure::Unanswered) => {
                    refusal.set(Some(texts::no_answer().to_owned()));
                }
                Err(failure @ Failure::Refused(_)) => refusal.set(Some(failure.to_string())),
            }
        });
    };
    view! {
        <form id="login" class="card login" on:submit=submit>
            <h1>{texts::title()}</h1>
            <p>
                {texts::before()}
                " "
                <code>"panel: http://…/?token=…"</code>
                {texts::after()}
            </p>
            // Password managers keep a secret only under a name.
            <input type="text" hidden autocomplete="username" value="drawbridge" />
            <label class="field">
                <span>{texts::token()}</span>
                <input
                    id="token"
                    class="mono"
                    type="password"
                    required
                    node_ref=field
                    autocomplete="current-password"
                    spellcheck="false"
                    bind:value=token
                />
            </label>
            {move || refusal.get().map(|text| view! {
                <p class="refusal" data-test="refusal" role="alert">{text}</p>
            })}
            <button class="button primary" data-test="login" disabled=move || busy.get()>
                {move || if busy.get() { texts::busy() } else { texts::title() }}
            </button>
            <p class="muted">
                {texts::file_before()}
                " "
                <code>"token"</code>
                " "
                {texts::file_middle()}
                " "
                <code>"/var/lib/drawbridge/token"</code>
                " "
                {texts::file_after()}
            </p>
        </form>
    }
}
