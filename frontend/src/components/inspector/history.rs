//! What was done to a thing, newest first.

use crate::{
    components::{
        change::{origin_word, state_word},
        load_older::LoadOlder,
        time::Ago,
    },
    i18n::{common, inspector},
    listing::Listing,
    past::{Older, Past},
    route::{Route, Selection},
    text,
};
use leptos::prelude::*;

/// The changes of a thing.
#[component]
pub fn HistoryTab(
    /// The network or container; the host's are all.
    thing: Selection,
) -> impl IntoView {
    let past = Past::of(thing);
    // The live state has the latest of all things, which may be none of this one.
    if past.ids().len() < SHOWN && past.older() == Older::Unknown {
        past.load();
    }
    view! {
        {move || (past.changes.with(|changes| changes.is_empty()) && past.older() == Older::None).then(|| view! {
            <p class="muted">{inspector::nothing_yet()}</p>
        })}
        <ol class="history" data-test="history">
            <For
                each=move || past.changes.get().into_values().rev()
                key=|change| (change.id, change.state.as_str())
                let(change)
            >
                <li>
                    <a href=Route::Change(change.id).href()>
                        {format!("#{} {}", change.id, text::verb(&change.verb))}
                    </a>
                    <span class="badge" data-state=change.state.as_str()>{state_word(change.state)}</span>
                    <span class="muted">
                        {format!("{} · {} · ", origin_word(change.origin), common::steps(change.steps.len()))}
                        <Ago ms=Signal::stored(change.opened_at_ms) />
                    </span>
                </li>
            </For>
        </ol>
        <LoadOlder past />
        <a class="small" href=Route::Changes(Listing::default()).href()>{inspector::all_changes()}</a>
    }
}

/// With fewer at hand, more are read at once.
const SHOWN: usize = 20;
