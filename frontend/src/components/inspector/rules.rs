//! The elements of the tables that are there for one container, read once somebody unfolds them.

use crate::{app::app, components::rule::Counted, route::Route, rules, text};
use drawbridge_api::ContainerId;
use leptos::{ev, html, prelude::*};

/// The elements for a container, folded.
#[component]
pub fn ContainerRules(
    /// Which one.
    id: ContainerId,
    /// Its name, for the link to the page of all rules.
    name: String,
) -> impl IntoView {
    let details = NodeRef::<html::Details>::new();
    let is_open = RwSignal::new(false);
    let toggle = move |_: ev::Event| is_open.set(details.get_untracked().is_some_and(|details| details.open()));
    view! {
        <details class="fold" data-test="container-rules" node_ref=details on:toggle=toggle>
            <summary>"Its rules in nftables"</summary>
            {move || is_open.get().then(|| view! { <Elements id=id.clone() name=name.clone() /> })}
        </details>
    }
}

#[component]
fn Elements(
    /// Which container.
    id: ContainerId,
    /// Its name.
    name: String,
) -> impl IntoView {
    /// More are left to the page of all rules.
    const SHOWN: usize = 30;
    let polled = app().rules.follow();
    let elements = Memo::new(move |_| polled.with(|polled| polled.value.as_deref().map(rules::index)));
    let own = Memo::new(move |_| {
        polled.with(|polled| {
            let rules = polled.value.as_ref()?;
            let own = rules.elements.iter().filter(|element| element.container.as_ref() == Some(&id));
            Some(own.map(rules::id).collect::<Vec<_>>())
        })
    });
    let all = Route::Rules { find: name }.href();
    move || {
        let Some(own) = own.get() else {
            let failure = polled.with(|polled| polled.failure.as_ref().map(ToString::to_string));
            return view! { <p class="muted small">{failure.unwrap_or_else(|| "Reading the tables…".to_owned())}</p> }
                .into_any();
        };
        if own.is_empty() {
            return view! { <p class="muted small">"None: it does not run, or is in no network of ours."</p> }
                .into_any();
        }
        let more = own.len().saturating_sub(SHOWN);
        view! {
            <ul class="rules">
                {own.into_iter().take(SHOWN).filter_map(|id| {
                    let element = elements.with_untracked(|all| all.as_ref()?.get(&id).cloned())?;
                    Some(view! {
                        <li>
                            <p>{element.sentence.clone()}</p>
                            <code class="muted">{rules::nft(&element)}</code>
                            {(!element.there).then(|| view! { <span class="badge" data-state="failed">"Not in the kernel"</span> })}
                            <Counted id elements />
                        </li>
                    })
                }).collect_view()}
            </ul>
            <a class="small" href=all.clone()>
                {if more > 0 { format!("All of them, {} more", text::number(more as u64)) } else { "Show among all rules".to_owned() }}
            </a>
        }
        .into_any()
    }
}
