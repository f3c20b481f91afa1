//! What was done to a thing, newest first.

use crate::{
    app::app,
    components::{
        change::{origin_word, state_word},
        time::Ago,
    },
    i18n::{common, inspector},
    listing::Listing,
    route::{Route, Selection},
    text,
};
use leptos::prelude::*;

/// The changes of a thing, as far as the page knows them.
#[component]
pub fn HistoryTab(
    /// What it is; the host's are all.
    thing: Selection,
) -> impl IntoView {
    /// More are on the page of changes.
    const SHOWN: usize = 50;
    let changes = app().memo(move |live| {
        let of_it = live
            .changes
            .iter()
            .filter(|change| thing == Selection::Host || Selection::of(change).as_ref() == Some(&thing));
        of_it.take(SHOWN).cloned().collect::<Vec<_>>()
    });
    view! {
        {move || changes.with(Vec::is_empty).then(|| view! {
            <p class="muted">{inspector::nothing_lately()}</p>
        })}
        <ol class="history" data-test="history">
            <For each=move || changes.get() key=|change| (change.id, change.state.as_str()) let(change)>
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
        <a class="small" href=Route::Changes(Listing::default()).href()>{inspector::all_changes()}</a>
    }
}
