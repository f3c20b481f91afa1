//! What is said for a while after a change.

use crate::{
    app::{Message, app},
    i18n::{common, shell},
};
use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*};
use std::time::Duration;

/// Long enough to read one sentence.
const SHOWN: Duration = Duration::from_secs(8);

/// The last message at the bottom of the window. A failure stays until it is closed.
#[component]
pub fn LastMessage() -> impl IntoView {
    let message = app().message;
    Effect::new(move |before: Option<Option<TimeoutHandle>>| {
        if let Some(handle) = before.flatten() {
            handle.clear();
        }
        match message.get() {
            Some(Message::Done(_)) => set_timeout_with_handle(move || message.set(None), SHOWN).ok(),
            Some(Message::Failed(_)) | None => None,
        }
    });
    // The region is always there: a screen reader announces only what appears in a region that it knows.
    view! {
        <div class="messages" role="status">
            {move || {
                let (class, text) = match message.get()? {
                    Message::Done(text) => ("message done", text),
                    Message::Failed(text) => ("message failed", text),
                };
                Some(view! {
                    <div class=class data-test="message">
                        <p>{text}</p>
                        <a href="/changes">{shell::what_was_done()}</a>
                        <button class="icon" aria-label=common::close() on:click=move |_| message.set(None)>"✕"</button>
                    </div>
                })
            }}
        </div>
    }
}
