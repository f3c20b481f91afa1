//! How the connection stands: a word in the header, and a banner while it is lost.

use crate::{app::app, i18n::shell, live::Connection};
use leptos::prelude::*;

/// One word in the header, with a dot whose form differs as well as its colour.
#[component]
pub fn Indicator() -> impl IntoView {
    let connection = app().link.connection;
    let word = move || match connection.get() {
        Connection::Connecting => ("connecting", shell::connecting()),
        Connection::Live => ("live", shell::live()),
        Connection::Lost { .. } => ("lost", shell::lost()),
        Connection::LoggedOut => ("logged-out", shell::logged_out()),
    };
    view! {
        <span class="indicator" data-test="connection" data-state=move || word().0 role="status">
            {move || word().1}
        </span>
    }
}

/// Says that what is shown may be old, and when the next attempt is made.
#[component]
pub fn Banner() -> impl IntoView {
    let link = app().link;
    let is_lost = move || matches!(link.connection.get(), Connection::Lost { .. });
    let detail = move || match link.connection.get() {
        Connection::Lost { retry_s: 0, .. } => shell::retrying().to_owned(),
        Connection::Lost { retry_s, .. } => shell::retry(&retry_s),
        Connection::Connecting | Connection::Live | Connection::LoggedOut => String::new(),
    };
    let reason = move || match link.connection.get() {
        Connection::Lost { reason, .. } => reason,
        Connection::Connecting | Connection::Live | Connection::LoggedOut => None,
    };
    view! {
        <Show when=is_lost>
            <div class="banner" data-test="banner" role="alert">
                <p>
                    <strong>{shell::no_connection()}</strong>
                    " "
                    {move || if link.live.with(Option::is_some) { shell::out_of_date() } else { "" }}
                    " "
                    {reason}
                </p>
                // The countdown is not announced every second.
                <span class="countdown" aria-hidden="true">{detail}</span>
                <button class="button small" data-test="retry" on:click=move |_| link.retry_now()>{shell::try_now()}</button>
            </div>
        </Show>
    }
}
