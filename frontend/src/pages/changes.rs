//! All changes, newest first: the latest ones live, older ones read on demand.

use crate::{
    api,
    app::app,
    components::{change::ChangeRow, empty::Empty},
};
use drawbridge_api::Change;
use leptos::{prelude::*, task::spawn_local};
use std::{collections::BTreeMap, sync::Arc};

/// The history of the machine.
#[component]
pub fn ChangesPage() -> impl IntoView {
    let latest = app().changes();
    // The history may have been begun anew under another run; then what was read before is forgotten.
    let older = RwSignal::new(Vec::<Arc<Change>>::new());
    let state = RwSignal::new(Older::Unknown);
    let all = Memo::new(move |_| latest.with(|latest| older.with(|older| merge(latest, older))));
    let ids = Memo::new(move |_| all.with(|all| all.keys().rev().copied().collect::<Vec<_>>()));
    let load = move |_| {
        let Some(oldest) = ids.with_untracked(|ids| ids.last().copied()) else { return };
        state.set(Older::Loading);
        spawn_local(async move {
            let answer = api::changes_before(oldest).await;
            match answer {
                Ok(page) => {
                    let end = page.len() < api::CHANGES_PER_PAGE;
                    older.try_update(|older| older.extend(page.into_iter().map(Arc::new)));
                    state.try_set(if end { Older::None } else { Older::Unknown });
                }
                Err(failure) => {
                    state.try_set(Older::Failed(failure.to_string()));
                }
            }
        });
    };
    // A daemon that has fewer than a page has no older ones; change 1 is the first there ever was.
    let may_have_older = move || state.get() != Older::None && ids.with(|ids| ids.last().is_some_and(|id| *id > 1));
    view! {
        <div class="page">
            <div class="page-head">
                <h1>"Changes"</h1>
                <p class="muted">"Everything that was done to this machine’s networks: who asked, and each step."</p>
            </div>
            <Show
                when=move || !ids.with(Vec::is_empty)
                fallback=|| view! {
                    <Empty title="Nothing was changed yet">
                        <p>"Every network and container that is made, started, stopped or removed leaves its plan here."</p>
                    </Empty>
                }
            >
                <div class="changes">
                    <For each=move || ids.get() key=|id| *id let(id)>
                        {
                            let change = Memo::new(move |_| all.with(|all| all.get(&id).cloned()));
                            // The row leaves before its change does.
                            change.get_untracked().map(|first| view! {
                                <ChangeRow change=Signal::derive(move || change.get().unwrap_or_else(|| first.clone())) />
                            })
                        }
                    </For>
                </div>
                {move || match state.get() {
                    Older::Failed(text) => Some(view! { <p class="refusal" role="alert">{text}</p> }),
                    Older::Unknown | Older::Loading | Older::None => None,
                }}
                <Show
                    when=may_have_older
                    fallback=|| view! { <p class="end-of-list muted">"This is where it began."</p> }
                >
                    <button
                        class="button wide"
                        data-test="older"
                        disabled=move || state.get() == Older::Loading
                        on:click=load
                    >
                        {move || if state.get() == Older::Loading { "Loading…" } else { "Load older" }}
                    </button>
                </Show>
            </Show>
        </div>
    }
}

/// What is known of the changes before the oldest one shown.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Older {
    Unknown,
    Loading,
    Failed(String),
    None,
}

/// Both lists by id; where both know a change, the live one counts.
fn merge(latest: &[Arc<Change>], older: &[Arc<Change>]) -> BTreeMap<i64, Arc<Change>> {
    older.iter().chain(latest).map(|change| (change.id, change.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use drawbridge_api::ChangeState;

    #[test]
    fn the_live_state_of_a_change_counts() {
        let change = |id, state| Arc::new(Change { state, ..sample::change(id) });
        let latest = [change(3, ChangeState::Done), change(2, ChangeState::Done)];
        let older = [change(2, ChangeState::Open), change(1, ChangeState::Failed)];
        let states: Vec<_> = merge(&latest, &older).into_iter().map(|(id, change)| (id, change.state)).collect();
        assert_eq!(states, [(1, ChangeState::Failed), (2, ChangeState::Done), (3, ChangeState::Done)]);
    }
}
