//! What every list has: the filter, heads that sort, and the choice of several things to act on at once.

use crate::{
    i18n::common,
    listing::{Listing, Order},
};
use leptos::prelude::*;
use std::collections::BTreeSet;

/// How a list is looked at, and what a new look at it leads to.
#[derive(Clone, Copy)]
pub struct View {
    /// The filter and the order, out of the address.
    pub listing: Memo<Listing>,
    /// Puts another into the address.
    pub go: Callback<Listing>,
}

/// The field that filters a list.
#[component]
pub fn Filter(
    /// The field's id.
    id: &'static str,
    /// What it looks at.
    label: &'static str,
    /// The list.
    view: View,
) -> impl IntoView {
    view! {
        <input
            id=id
            type="search"
            aria-label=label
            placeholder=label
            prop:value=move || view.listing.with(|listing| listing.find.clone())
            on:input:target=move |event| {
                view.go.run(view.listing.get_untracked().with_find(event.target().value()));
            }
        />
    }
}

/// The head of a column that sorts.
#[component]
pub fn SortHead(
    /// The column, as in the address.
    column: &'static str,
    /// What stands in it.
    words: &'static str,
    /// The list.
    view: View,
    /// Whether it stands at the end, as numbers do.
    #[prop(optional)]
    end: bool,
) -> impl IntoView {
    let order = Memo::new(move |_| view.listing.with(|listing| listing.order(column)));
    let state = move || match order.get() {
        Some(Order::Up) => "ascending",
        Some(Order::Down) => "descending",
        None => "none",
    };
    let mark = move || match order.get() {
        Some(Order::Up) => "↑",
        Some(Order::Down) => "↓",
        None => "",
    };
    view! {
        <th class:end=end aria-sort=state>
            <button
                type="button"
                class="sort"
                data-sort=column
                on:click=move |_| view.go.run(view.listing.get_untracked().pressed(column))
            >
                {words}
                <span aria-hidden="true">{mark}</span>
            </button>
        </th>
    }
}

/// The same choice where a list has no heads, on narrow screens.
#[component]
pub fn SortChoice(
    /// The columns and their words.
    columns: Vec<(&'static str, &'static str)>,
    /// The list.
    view: View,
) -> impl IntoView {
    let chosen = move |value: String| view.listing.with(|listing| listing.sort == value);
    let option = move |value: String, words: String| {
        let is_chosen = {
            let value = value.clone();
            move || chosen(value.clone())
        };
        view! { <option value=value selected=is_chosen>{words}</option> }
    };
    let options = columns.into_iter().flat_map(|(column, words)| {
        [(column.to_owned(), format!("{words} ↑")), (format!("-{column}"), format!("{words} ↓"))]
    });
    view! {
        <label class="sort-choice">
            <span>{common::sort_by()}</span>
            <select on:change:target=move |event| {
                let sort = event.target().value();
                view.go.run(Listing { sort, ..view.listing.get_untracked() });
            }>
                {option(String::new(), common::sort_none().to_owned())}
                {options.map(|(value, words)| option(value, words)).collect_view()}
            </select>
        </label>
    }
}

/// Which things of a list are chosen, by their ids. A handle; copies are the same.
#[derive(Clone, Copy)]
pub struct Chosen(RwSignal<BTreeSet<String>>);

impl Chosen {
    /// None yet. Lives as long as the component that calls this.
    pub fn begin() -> Self {
        Self(RwSignal::new(BTreeSet::new()))
    }

    /// Those that are chosen and among these.
    pub fn among(self, ids: &[String]) -> Vec<String> {
        self.0.with(|chosen| ids.iter().filter(|id| chosen.contains(*id)).cloned().collect())
    }

    /// Chooses none.
    pub fn clear(self) {
        self.0.set(BTreeSet::new());
    }

    fn toggle(self, id: &str) {
        self.0.update(|chosen| {
            if !chosen.remove(id) {
                chosen.insert(id.to_owned());
            }
        });
    }
}

/// The cell that chooses a thing.
#[component]
pub fn Choose(
    /// What is chosen.
    chosen: Chosen,
    /// The thing's id.
    id: String,
    /// Its name.
    #[prop(into)]
    name: Signal<String>,
) -> impl IntoView {
    view! { <td class="choose"><ChooseBox chosen id name /></td> }
}

/// The box that chooses a thing, for a list that is no table.
#[component]
pub fn ChooseBox(
    /// What is chosen.
    chosen: Chosen,
    /// The thing's id.
    id: String,
    /// Its name.
    #[prop(into)]
    name: Signal<String>,
) -> impl IntoView {
    let is_chosen = {
        let id = id.clone();
        move || chosen.0.with(|chosen| chosen.contains(&id))
    };
    view! {
        <input
            type="checkbox"
            data-test="choose"
            aria-label=move || common::select(&name.get())
            prop:checked=is_chosen
            on:change=move |_| chosen.toggle(&id)
        />
    }
}

/// The head above the cells that choose: all that is shown, or none.
#[component]
pub fn ChooseAll(
    /// What is chosen.
    chosen: Chosen,
    /// The ids of what is shown and may be chosen.
    #[prop(into)]
    ids: Signal<Vec<String>>,
) -> impl IntoView {
    let are_all = move || ids.with(|ids| !ids.is_empty() && chosen.among(ids).len() == ids.len());
    let toggle = move |_| {
        let ids = ids.get_untracked();
        if untrack(are_all) { chosen.clear() } else { chosen.0.set(ids.into_iter().collect()) }
    };
    view! {
        <th class="choose">
            <input type="checkbox" data-test="choose-all" aria-label=common::select_all() prop:checked=are_all on:change=toggle />
        </th>
    }
}

/// What may be done with all that is chosen; not there while nothing is.
#[component]
pub fn SeveralBar(
    /// What is chosen.
    chosen: Chosen,
    /// The ids of what is shown and may be chosen.
    #[prop(into)]
    ids: Signal<Vec<String>>,
    /// The buttons: their mark for tests, their words, and what is called with the ids.
    buttons: Vec<(&'static str, &'static str, Callback<Vec<String>>)>,
) -> impl IntoView {
    let count = Memo::new(move |_| ids.with(|ids| chosen.among(ids).len()));
    let buttons = StoredValue::new(buttons);
    view! {
        <Show when=move || count.get() != 0>
            <div class="several" role="toolbar" data-test="several" aria-label=common::actions()>
                <strong class="number">{move || common::selected(count.get())}</strong>
                {buttons.get_value().into_iter().map(|(test, words, act)| view! {
                    <button
                        class="button small"
                        data-test=test
                        on:click=move |_| act.run(ids.with_untracked(|ids| untrack(|| chosen.among(ids))))
                    >
                        {words}
                    </button>
                }).collect_view()}
                <button class="button small" data-test="choose-none" on:click=move |_| chosen.clear()>
                    {common::clear_selection()}
                </button>
            </div>
        </Show>
    }
}
