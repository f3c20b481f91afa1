//! A change, folded: one line that opens to its steps.

use crate::{
    app::app,
    ask::Ask,
    components::{
        plan::{PlanView, Telling},
        time::Ago,
    },
    i18n::{changes, common, networks},
    route::{Route, Selection},
    said::said,
    text,
};
use drawbridge_api::{Change, ChangeState, Origin};
use leptos::{ev, html, prelude::*};
use std::sync::Arc;

/// The word for a change's state.
pub fn state_word(state: ChangeState) -> &'static str {
    match state {
        ChangeState::Open => changes::in_progress(),
        ChangeState::Done => changes::done(),
        ChangeState::Failed => changes::failed(),
    }
}

/// Who asked, as a person says it.
pub fn origin_word(origin: Origin) -> &'static str {
    match origin {
        Origin::Docker => changes::by_docker(),
        Origin::Panel => changes::by_panel(),
        Origin::Daemon => changes::by_daemon(),
        Origin::Undo(_) => changes::by_undo(),
    }
}

/// One change. Its steps are drawn once it is opened: a long history stays light.
#[component]
pub fn ChangeRow(
    /// The change, newest known state.
    #[prop(into)]
    change: Signal<Arc<Change>>,
    /// Whether it is open from the beginning.
    #[prop(optional)]
    open: bool,
) -> impl IntoView {
    let app = app();
    let opened = RwSignal::new(open);
    let details = NodeRef::<html::Details>::new();
    let toggle = move |_: ev::Event| {
        if let Some(details) = details.get_untracked() {
            opened.set(details.open());
        }
    };
    let id = change.with_untracked(|change| change.id);
    let took = move || {
        change.with(|change| change.settled_at_ms.map(|settled| text::duration((settled - change.opened_at_ms) * 1000)))
    };
    view! {
        <details
            class="change"
            data-change=id
            data-state=move || change.with(|change| change.state.as_str())
            open=open
            node_ref=details
            on:toggle=toggle
        >
            <summary>
                <span class="change-id number muted">{format!("#{id}")}</span>
                <h2 class="change-what">
                    <strong>{move || change.with(|change| text::verb(&change.verb))}</strong>
                    " "
                    <span class="subject">{move || change.with(|change| change.subject.clone())}</span>
                </h2>
                <span class="badge" data-state=move || change.with(|change| change.state.as_str())>
                    {move || state_word(change.with(|change| change.state))}
                </span>
                <span class="change-origin muted">{move || origin_word(change.with(|change| change.origin))}</span>
                <span class="change-steps muted number">
                    {move || common::steps(change.with(|change| change.steps.len()))}
                </span>
                <span class="change-took muted number">{took}</span>
                <span class="change-when muted">
                    <Ago ms=Signal::derive(move || change.with(|change| change.opened_at_ms)) />
                </span>
            </summary>
            {move || opened.get().then(|| {
                let change = change.get();
                let can_undo = change.state == ChangeState::Done;
                let undone_by = change.origin.undoes();
                let asked = change.clone();
                view! {
                    <div class="change-body">
                        {change.error.clone().map(|error| view! { <p class="refusal">{said(&error).into_owned()}</p> })}
                        <PlanView steps=change.steps.clone() telling=Telling::Recorded />
                        <p class="change-links">
                            <a href=Route::Change(change.id).href()>{changes::link()}</a>
                            {Selection::of(&change).map(|selection| view! {
                                <a href=Route::select(selection).href()>{networks::in_topology()}</a>
                            })}
                            {undone_by.map(|id| view! {
                                <a href=Route::Change(id).href()>{changes::takes_back(&id)}</a>
                            })}
                            {can_undo.then(|| view! {
                                <button
                                    class="button small"
                                    data-test="undo"
                                    aria-label=changes::undo_one(&asked.id)
                                    on:click=move |_| app.confirm(Ask::undo(&asked))
                                >
                                    {changes::undo()}
                                </button>
                            })}
                        </p>
                    </div>
                }
            })}
        </details>
    }
}
