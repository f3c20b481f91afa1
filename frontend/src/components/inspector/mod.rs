//! What the selected thing is, how to look at it from a shell, what was done to it, and what may be done with it.

pub mod facts;
pub mod found;
pub mod host_ports;
pub mod rules;

use crate::route::Selection;
use facts::{ContainerFacts, HostFacts, NetworkFacts, VethFacts};
use found::{LinkFacts, NamespaceFacts};
use leptos::{ev, html, prelude::*};
use wasm_bindgen::JsCast;

/// The panel at the side; absent while nothing is selected.
#[component]
pub fn Inspector(
    /// What is selected.
    select: Memo<Option<Selection>>,
    /// Called with what is selected next: nothing, when it is closed.
    choose: Callback<Option<Selection>>,
) -> impl IntoView {
    let panel = NodeRef::<html::Aside>::new();
    let close = move || {
        let selection = select.get_untracked();
        choose.run(None);
        // Back to the node that opened it.
        if let Some(selection) = selection {
            focus_node(&selection);
        }
    };
    move || {
        let selection = select.get()?;
        Some(view! {
            <aside
                class="inspector"
                data-test="inspector"
                aria-label="Inspector"
                node_ref=panel
                on:keydown=move |event: ev::KeyboardEvent| {
                    if event.key() == "Escape" {
                        close();
                    }
                }
            >
                <button class="icon close" aria-label="Close the inspector" on:click=move |_| close()>"✕"</button>
                {match selection {
                    Selection::Host => view! { <HostFacts /> }.into_any(),
                    Selection::Network(name) => view! { <NetworkFacts name /> }.into_any(),
                    Selection::Container(name) => view! { <ContainerFacts name /> }.into_any(),
                    Selection::Veth(name) => view! { <VethFacts name /> }.into_any(),
                    Selection::Link(name) => view! { <LinkFacts name /> }.into_any(),
                    Selection::Namespace(name) => view! { <NamespaceFacts name /> }.into_any(),
                }}
            </aside>
        })
    }
}

/// Moves the focus to the node of a selection, when it is still drawn.
fn focus_node(selection: &Selection) {
    let (mark, name) = match selection {
        Selection::Host => ("data-host", None),
        Selection::Network(name) => ("data-network", Some(name)),
        Selection::Container(name) => ("data-container", Some(name)),
        Selection::Veth(name) => ("data-veth", Some(name)),
        Selection::Link(name) => ("data-link", Some(name)),
        Selection::Namespace(name) => ("data-namespace", Some(name)),
    };
    let Ok(nodes) = document().query_selector_all(&format!("svg [{mark}]")) else { return };
    let nodes = (0..nodes.length()).filter_map(|index| nodes.get(index)?.dyn_into::<web_sys::SvgElement>().ok());
    for node in nodes {
        if name.is_none_or(|name| node.get_attribute(mark).as_ref() == Some(name)) {
            // A node that can't take the focus leaves it where it is.
            let _ = node.focus();
        }
    }
}
