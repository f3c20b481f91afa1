//! Commands to read and to take along.

use crate::i18n::common;
use leptos::{prelude::*, task::spawn_local};
use std::time::Duration;
use wasm_bindgen_futures::JsFuture;

/// Commands, one block, with a button that copies them.
#[component]
pub fn Commands(
    /// The commands, in order.
    lines: Vec<String>,
) -> impl IntoView {
    if lines.is_empty() {
        return None;
    }
    let text = lines.join("\n");
    Some(view! {
        <div class="command">
            <pre>
                {lines.iter().map(|line| view! { <code data-test="command">{words(line)}</code> }).collect_view()}
            </pre>
            <Copy text words=common::copy() />
        </div>
    })
}

/// A long text in a language of its own, with a button that copies it.
#[component]
pub fn Listing(
    /// The text.
    text: String,
    /// What the button says, if not the usual.
    #[prop(optional)]
    copy: Option<&'static str>,
) -> impl IntoView {
    view! {
        <div class="command listing">
            <pre tabindex="0">{text.clone()}</pre>
            <Copy text words=copy.unwrap_or(common::copy()) />
        </div>
    }
}

/// One command that is not of a plan, with a button that copies it.
#[component]
pub fn Line(
    /// The command.
    text: String,
) -> impl IntoView {
    view! {
        <div class="command">
            <pre><code data-test="line">{words(&text)}</code></pre>
            <Copy text words=common::copy() />
        </div>
    }
}

/// The docker command that does what a form does.
#[component]
pub fn DockerSays(
    /// The command.
    command: String,
) -> impl IntoView {
    view! {
        <p class="muted small">{common::what_docker_says()}</p>
        <Line text=command />
    }
}

/// Longer words are torn anyway, and best where the line ends.
const WHOLE: usize = 40;

/// A line that wraps between its words: browsers would also break behind a hyphen, and tear `--net` apart.
fn words(line: &str) -> impl IntoView + use<> {
    let words = line.split_inclusive([' ', '\n']).map(|word| {
        let end = word.trim_end_matches([' ', '\n']).len();
        let (word, blank) = word.split_at(end);
        let class = if (1..=WHOLE).contains(&word.len()) { "word" } else { "" };
        view! {
            <span class=class>{word.to_owned()}</span>
            {blank.to_owned()}
        }
    });
    words.collect_view()
}

/// A button that puts a text on the clipboard. Absent where the browser has none: outside of https and localhost.
#[component]
fn Copy(
    /// What is copied.
    text: String,
    /// What the button says.
    words: &'static str,
) -> impl IntoView {
    if !window().is_secure_context() {
        return None;
    }
    let copied = RwSignal::new(false);
    let copy = move |_| {
        let written = window().navigator().clipboard().write_text(&text);
        spawn_local(async move {
            if JsFuture::from(written).await.is_ok() && copied.try_set(true).is_none() {
                set_timeout(
                    move || {
                        copied.try_set(false);
                    },
                    Duration::from_secs(2),
                );
            }
        });
    };
    Some(view! {
        <button type="button" class="copy" on:click=copy>{move || if copied.get() { common::copied() } else { words }}</button>
    })
}
