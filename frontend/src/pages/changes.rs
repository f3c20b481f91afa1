//! All changes, newest first: the latest ones live, older ones read on demand. Several may be taken back at once.

use crate::{
    app::app,
    ask::Ask,
    components::{
        change::{ChangeRow, origin_word, state_word},
        empty::Empty,
        listing::{ChooseBox, Chosen, Filter, SeveralBar, SortChoice, View},
        load_older::LoadOlder,
    },
    i18n::{changes as texts, common, shell, spoken},
    listing::{Key, Listing},
    past::Past,
    route::{Route, Selection},
    text::{self, lower},
};
use drawbridge_api::{Change, ChangeState};
use leptos::prelude::*;
use std::{collections::BTreeMap, sync::Arc};

/// The history of the machine.
#[component]
pub fn ChangesPage() -> impl IntoView {
    let app = app();
    let nav = app.nav;
    let past = Past::of(Selection::Host);
    let all = past.changes;
    let listing = Memo::new(move |_| match nav.route.get() {
        Route::Changes(listing) => listing,
        _ => Listing::default(),
    });
    let view = View { listing, go: Callback::new(move |listing| nav.replace(Route::Changes(listing))) };
    // The first change of each day has the day above it, as long as they stand in the order of time.
    let rows = Memo::new(move |_| {
        let listing = listing.get();
        let mut found: Vec<Arc<Change>> =
            all.with(|all| all.values().rev().filter(|change| matches(change, &listing.find)).cloned().collect());
        listing.sort(&mut found, |change, column| key(change, column));
        let is_in_time = listing.sort.is_empty() || listing.sort.ends_with("made");
        let mut last = String::new();
        let row = |change: Arc<Change>| {
            let day = day(change.opened_at_ms);
            let is_new = is_in_time && day != last;
            last.clone_from(&day);
            (change.id, is_new.then_some(day))
        };
        found.into_iter().map(row).collect::<Vec<_>>()
    });
    let chosen = Chosen::begin();
    let undoable = Signal::derive(move || {
        all.with(|all| {
            let is_undoable = |id: &i64| all.get(id).is_some_and(|change| change.state == ChangeState::Done);
            rows.with(|rows| {
                rows.iter().map(|(id, _)| *id).filter(is_undoable).map(|id| id.to_string()).collect::<Vec<_>>()
            })
        })
    });
    // The newest first: it may stand on what came before.
    let undo = Callback::new(move |ids: Vec<String>| {
        let is_meant = |change: &&Arc<Change>| ids.contains(&change.id.to_string());
        app.confirm_several(
            all.with_untracked(|all| all.values().rev().filter(is_meant).map(|change| Ask::undo(change)).collect()),
        );
    });
    let columns = vec![("made", texts::sort_made()), ("took", texts::sort_took()), ("subject", texts::sort_subject())];
    view! {
        <div class="page">
            <div class="page-head">
                <h1>{shell::changes()}</h1>
                <p class="muted">{texts::note()}</p>
                <Filter id="find-changes" label=texts::filter() view />
                <SortChoice columns view />
            </div>
            <Show
                when=move || !all.with(BTreeMap::is_empty)
                fallback=|| view! {
                    <Empty title=texts::nothing_yet()>
                        <p>{texts::nothing_note()}</p>
                    </Empty>
                }
            >
                <SeveralBar chosen ids=undoable buttons=vec![("undo-chosen", texts::undo(), undo)] />
                <div class="changes timeline">
                    <For each=move || rows.get() key=|(id, _)| *id let((id, _))>
                        // The day goes over to a change that comes; the row stays as it is, open or not.
                        {move || {
                            let day = rows.with(|rows| rows.iter().find(|row| row.0 == id).and_then(|row| row.1.clone()));
                            day.map(|day| view! { <h2 class="day">{day}</h2> })
                        }}
                        {
                            let change = Memo::new(move |_| all.with(|all| all.get(&id).cloned()));
                            // The row leaves before its change does.
                            change.get_untracked().map(|first| {
                                let is_undoable = Memo::new(move |_| {
                                    change.with(|change| change.as_ref().is_some_and(|one| one.state == ChangeState::Done))
                                });
                                let name = Ask::undo(&first).title();
                                view! {
                                    <div class="choosable">
                                        <div class="choose">
                                            {move || is_undoable.get().then(|| view! {
                                                <ChooseBox chosen id=id.to_string() name=name.clone() />
                                            })}
                                        </div>
                                        <ChangeRow
                                            change=Signal::derive(move || change.get().unwrap_or_else(|| first.clone()))
                                        />
                                    </div>
                                }
                            })
                        }
                    </For>
                </div>
                <Show when=move || rows.with(Vec::is_empty)>
                    <p class="no-match" role="status">
                        {texts::no_match()} " " <a href="/changes">{common::show_all()}</a>
                    </p>
                </Show>
                <LoadOlder past />
            </Show>
        </div>
    }
}

/// Whether a change is shown: each word of the text stands in what was done, to what, by whom, or how it ended.
fn matches(change: &Change, find: &str) -> bool {
    let told = [
        text::verb(&change.verb),
        change.verb.clone(),
        change.subject.clone(),
        origin_word(change.origin).to_owned(),
        state_word(change.state).to_owned(),
        format!("#{}", change.id),
    ];
    let told = lower(&told.join("\n"));
    lower(find).split_whitespace().all(|word| told.contains(word))
}

fn key(change: &Change, column: &str) -> Key {
    match column {
        "took" => Key::Number(change.settled_at_ms.map_or(i64::MAX, |settled| settled - change.opened_at_ms)),
        "subject" => Key::text(&change.subject),
        _ => Key::Number(change.id),
    }
}

/// The day of a moment, as people who speak the page's language write it.
fn day(ms: i64) -> String {
    let date = js_sys::Date::new(&wasm_bindgen::JsValue::from_f64(ms as f64));
    let options = js_sys::Object::new();
    // Fails only for what is no object.
    let _ = js_sys::Reflect::set(&options, &"dateStyle".into(), &"full".into());
    date.to_locale_date_string(spoken().tag(), &options).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn changes_are_found_by_what_they_were() {
        let change = Change { subject: "Box1".into(), ..sample::change(7) };
        for find in ["", "create", "box1 done", "#7"] {
            assert!(matches(&change, find), "{find:?} should match");
        }
        assert!(!matches(&change, "box1 failed"));
    }
}
