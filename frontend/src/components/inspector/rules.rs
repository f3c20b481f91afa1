//! The elements of the tables that are there for a thing, with what they have counted.

use crate::{
    app::app, components::rule::Counted, i18n::inspector, listing::Listing, route::Route, rules, said::said, text,
};
use drawbridge_api::{ContainerId, NetworkId};
use leptos::prelude::*;

/// Whose elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// A container's.
    Container(ContainerId),
    /// A network's own, without those of the containers in it.
    Network(NetworkId),
    /// All that there are; only their number is told.
    All,
    /// Of something that others have made.
    Nobody,
}

/// The elements for a thing.
#[component]
pub fn RulesTab(
    /// Whose.
    whose: Memo<Option<Whose>>,
    /// Its name, for the link to the page of all rules.
    name: String,
) -> impl IntoView {
    /// More are left to the page of all rules.
    const SHOWN: usize = 50;
    let polled = app().follow_rules();
    let elements = Memo::new(move |_| polled.with(|polled| polled.value.as_deref().map(rules::index)));
    let own = Memo::new(move |_| {
        polled.with(|polled| {
            let rules = polled.value.as_ref()?;
            let own = rules.elements.iter().filter(|element| match whose.get() {
                Some(Whose::Container(id)) => element.container.as_ref() == Some(&id),
                Some(Whose::Network(id)) => element.network.as_ref() == Some(&id) && element.container.is_none(),
                Some(Whose::All) => true,
                Some(Whose::Nobody) | None => false,
            });
            Some(own.map(rules::id).collect::<Vec<_>>())
        })
    });
    move || {
        let Some(own) = own.get() else {
            let failure = polled.with(|polled| polled.failure.as_ref().map(ToString::to_string));
            return view! { <p class="muted">{failure.unwrap_or_else(|| inspector::reading_tables().to_owned())}</p> }
                .into_any();
        };
        let find = if whose.get() == Some(Whose::All) { String::new() } else { name.clone() };
        let all = Route::Rules(Listing::find(find)).href();
        match whose.get() {
            Some(Whose::All) => {
                return view! {
                    <p>{inspector::elements(own.len())}</p>
                    <a class="button" href=all>{inspector::all_rules()}</a>
                }
                .into_any();
            }
            Some(Whose::Nobody) => {
                return view! { <p class="muted">{inspector::rules_of_others()}</p> }.into_any();
            }
            _ if own.is_empty() => {
                return view! { <p class="muted">{inspector::no_rules()}</p> }.into_any();
            }
            _ => {}
        }
        let more = own.len().saturating_sub(SHOWN);
        view! {
            <ul class="rules" data-test="container-rules">
                {own.into_iter().take(SHOWN).filter_map(|id| {
                    let element = elements.with_untracked(|all| all.as_ref()?.get(&id).cloned())?;
                    Some(view! {
                        <li>
                            <p>{said(&element.sentence).into_owned()}</p>
                            <code class="muted">{rules::nft(&element)}</code>
                            {(!element.there).then(|| view! { <span class="badge" data-state="failed">{inspector::missing()}</span> })}
                            <Counted id elements />
                        </li>
                    })
                }).collect_view()}
            </ul>
            <a class="small" href=all.clone()>
                {if more > 0 { inspector::all_of_them(&text::number(more as u64)) } else { inspector::among_all().to_owned() }}
            </a>
        }
        .into_any()
    }
}
