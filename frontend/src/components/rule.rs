//! An element of the tables: what it does, as nft writes it, what it is there for, and what it has counted.

use crate::i18n::rules as texts;
use crate::{
    route::{Route, Selection},
    rules::{self, Elements, Names},
    said::said,
    text,
};
use leptos::prelude::*;

/// A row of the table of elements.
#[component]
pub fn RuleRow(
    /// Which element.
    id: String,
    /// All elements.
    elements: Memo<Option<Elements>>,
    /// The names of what elements are there for.
    names: Memo<Names>,
) -> impl IntoView {
    let element = {
        let id = id.clone();
        Memo::new_with_compare(
            move |_| elements.with(|all| all.as_ref()?.get(&id).cloned()),
            |before, now| rules::differs(before.and_then(Option::as_ref), now.and_then(Option::as_ref)),
        )
    };
    let is_there = move || element.with(|element| element.as_ref().is_none_or(|element| element.there));
    view! {
        <tr data-rule=move || element.get().map(|element| element.set.clone()) data-there=move || is_there().to_string()>
            <th scope="row">
                {move || element.get().map(|element| said(&element.sentence).into_owned())}
                <Show when=move || !is_there()>
                    <span class="badge" data-state="failed">{texts::not_there()}</span>
                </Show>
                <code class="nft">{move || element.get().map(|element| rules::nft(&element))}</code>
            </th>
            <td data-label=texts::there_for()>
                {move || {
                    let element = element.get()?;
                    names.with(|names| {
                        let link = |selection: Selection, name: &str| {
                            view! { <a href=Route::select(selection).href()>{name.to_owned()}</a> }
                        };
                        let container = names.container(&element);
                        let network = names.network(&element).filter(|_| container.is_none());
                        Some(view! {
                            {container.map(|name| link(Selection::Container(name.to_owned()), name))}
                            {network.map(|name| link(Selection::Network(name.to_owned()), name))}
                        })
                    })
                }}
            </td>
            <td class="end" data-label=texts::counted()><Counted id elements /></td>
        </tr>
    }
}

/// What an element has counted; absent where nothing counts.
#[component]
pub fn Counted(
    /// Which element.
    id: String,
    /// All elements.
    elements: Memo<Option<Elements>>,
) -> impl IntoView {
    let traffic = Memo::new(move |_| {
        elements.with(|all| {
            let all = all.as_ref()?;
            rules::traffic(all.get(&id)?, all)
        })
    });
    move || {
        traffic.get().map(|traffic| view! { <span class="muted number small counted">{text::traffic(traffic)}</span> })
    }
}
