//! Several changes at once: each with its plan first, then one button that makes them one after the other. What can't be planned yet
//! may be possible after the others, as a network can be removed when nothing is in it: it is asked for again then.

use crate::{
    api,
    app::{Dialog, app},
    ask::Ask,
    components::{modal::Modal, proposal::ShownWork},
    i18n::{ask as texts, common},
};
use drawbridge_api::Plan;
use leptos::{prelude::*, task::spawn_local};

/// How far one of them has come.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    Asking,
    Planned(Plan),
    Doing,
    Done,
    /// There is no plan, and why.
    Refused(String),
    /// It was begun, and how it failed.
    Failed(String),
}

/// One of them. A handle.
#[derive(Clone)]
struct Item {
    ask: Ask,
    stage: RwSignal<Stage>,
}

/// The dialog of several changes.
#[component]
pub fn ConfirmSeveral(
    /// What is asked.
    asks: Vec<Ask>,
) -> impl IntoView {
    let app = app();
    let button = asks.first().map_or("", Ask::button);
    let title = texts::several(asks.len(), &button);
    let is_destructive = asks.iter().any(Ask::is_destructive);
    let items: Vec<Item> = asks.into_iter().map(|ask| Item { ask, stage: RwSignal::new(Stage::Asking) }).collect();
    let items = StoredValue::new(items);
    let is_busy = RwSignal::new(true);
    let close = Callback::new(move |()| app.dialog.set(Dialog::Closed));
    spawn_local(async move {
        plan(items).await;
        is_busy.try_set(false);
    });
    let can_begin = Memo::new(move |_| {
        !is_busy.get()
            && items.with_value(|items| items.iter().any(|item| matches!(item.stage.get(), Stage::Planned(_))))
    });
    let begin = move |_| {
        is_busy.set(true);
        // What was begun goes on when the dialog is closed; the events tell of it.
        spawn_local(async move {
            for item in items.try_get_value().unwrap_or_default() {
                if !matches!(item.stage.try_get_untracked(), Some(Stage::Planned(_))) {
                    continue;
                }
                item.stage.try_set(Stage::Doing);
                let stage = match api::apply(&item.ask).await {
                    Ok(()) => Stage::Done,
                    Err(failure) => Stage::Failed(failure.to_string()),
                };
                item.stage.try_set(stage);
            }
            plan(items).await;
            is_busy.try_set(false);
        });
    };
    view! {
        <Modal id="several" title=title on_close=close>
            <div class="dialog-body">
                <ul class="several-list">
                    {items.get_value().into_iter().map(|item| view! { <Row item /> }).collect_view()}
                </ul>
            </div>
            <footer>
                <div class="buttons">
                    <button type="button" class="button" data-test="cancel" autofocus on:click=move |_| close.run(())>
                        {common::close()}
                    </button>
                    <button
                        type="button"
                        class="button"
                        class:primary=!is_destructive
                        class:danger=is_destructive
                        data-test="apply"
                        disabled=move || !can_begin.get()
                        on:click=begin
                    >
                        {move || if is_busy.get() { texts::doing_all() } else { texts::do_all() }}
                    </button>
                </div>
            </footer>
        </Modal>
    }
}

/// Asks for the plans that are missing, in the order of the items.
async fn plan(items: StoredValue<Vec<Item>>) {
    for item in items.try_get_value().unwrap_or_default() {
        if !matches!(item.stage.try_get_untracked(), Some(Stage::Asking | Stage::Refused(_))) {
            continue;
        }
        let stage = match api::preview(&item.ask).await {
            Ok(plan) => Stage::Planned(plan),
            Err(failure) => Stage::Refused(failure.to_string()),
        };
        // Gone when the dialog was closed meanwhile.
        if item.stage.try_set(stage).is_some() {
            return;
        }
    }
}

#[component]
fn Row(
    /// Which.
    item: Item,
) -> impl IntoView {
    let (stage, asked) = (item.stage, item.ask.clone());
    let (state, word) = (
        move || match stage.get() {
            Stage::Asking => "asking",
            Stage::Planned(_) => "planned",
            Stage::Doing => "open",
            Stage::Done => "done",
            Stage::Refused(_) | Stage::Failed(_) => "failed",
        },
        move || match stage.get() {
            Stage::Asking => texts::item_asking().to_owned(),
            Stage::Planned(plan) => common::steps(plan.steps.len()),
            Stage::Doing => texts::item_doing().to_owned(),
            Stage::Done => texts::item_done().to_owned(),
            Stage::Refused(why) | Stage::Failed(why) => why,
        },
    );
    let plan = move || match stage.get() {
        Stage::Planned(plan) => Some(view! { <ShownWork ask=asked.clone() plan /> }),
        Stage::Asking | Stage::Doing | Stage::Done | Stage::Refused(_) | Stage::Failed(_) => None,
    };
    view! {
        <li data-test="several-item" data-state=state>
            <details class="fold">
                <summary>
                    <strong>{item.ask.title()}</strong>
                    " "
                    <span class="badge" data-state=state>{word}</span>
                </summary>
                {plan}
            </details>
        </li>
    }
}
