//! What the selected thing is, what the kernel has of it, its rules, the commands that make it and what was done to it: one tab
//! each.

pub mod about;
pub mod commands;
pub mod container;
pub mod found;
pub mod head;
pub mod history;
pub mod host_ports;
pub mod kernel;
pub mod rules;

use crate::{
    app::app,
    i18n::inspector,
    route::{Picture, Selection, Tab},
};
use about::{HostFacts, NetworkFacts};
use commands::CommandsTab;
use container::{ContainerFacts, VethFacts};
use found::{LinkFacts, NamespaceFacts};
use head::{Head, Subject};
use history::HistoryTab;
use kernel::KernelTab;
use leptos::{ev, html, prelude::*};
use rules::RulesTab;
use wasm_bindgen::JsCast;

/// The panel at the side; absent while nothing is selected.
#[component]
pub fn Inspector(
    /// What is chosen on the page.
    picture: Memo<Picture>,
    /// Called with what is selected next: nothing, when it is closed.
    choose: Callback<Option<Selection>>,
    /// Called with the tab that is shown next.
    show: Callback<Tab>,
) -> impl IntoView {
    let panel = NodeRef::<html::Aside>::new();
    let select = Memo::new(move |_| picture.with(|picture| picture.select.clone()));
    let tab = Memo::new(move |_| picture.with(|picture| picture.tab));
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
                aria-label=inspector::inspector()
                node_ref=panel
                on:keydown=move |event: ev::KeyboardEvent| {
                    if event.key() == "Escape" {
                        close();
                    }
                }
            >
                <button class="icon close" aria-label=inspector::close() on:click=move |_| close()>"✕"</button>
                <Contents selection tab show />
            </aside>
        })
    }
}

#[component]
fn Contents(
    /// What is selected.
    selection: Selection,
    /// The tab that is shown.
    tab: Memo<Tab>,
    /// Called with the tab that is shown next.
    show: Callback<Tab>,
) -> impl IntoView {
    let subject = Subject::of(app(), &selection);
    view! {
        <Head subject />
        {move || subject.is_there.get().then(|| {
            let selection = selection.clone();
            view! {
                <Tabs tab show />
                <div class="tab-panel" role="tabpanel" id="tab-panel" aria-labelledby=move || tab_id(tab.get())>
                    {move || panel(&selection, subject, tab.get())}
                </div>
            }
        })}
    }
}

/// What a tab holds.
fn panel(selection: &Selection, subject: Subject, tab: Tab) -> AnyView {
    match tab {
        Tab::About => match selection.clone() {
            Selection::Host => view! { <HostFacts /> }.into_any(),
            Selection::Network(name) => view! { <NetworkFacts name /> }.into_any(),
            Selection::Container(name) => view! { <ContainerFacts name /> }.into_any(),
            Selection::Veth(name) => view! { <VethFacts name /> }.into_any(),
            Selection::Link(name) => view! { <LinkFacts name /> }.into_any(),
            Selection::Namespace(name) => view! { <NamespaceFacts name /> }.into_any(),
        },
        Tab::Kernel => view! { <KernelTab places=subject.places /> }.into_any(),
        Tab::Rules => view! { <RulesTab whose=subject.whose name=subject.name.get_value() /> }.into_any(),
        Tab::Commands => view! { <CommandsTab made=subject.made looks=subject.looks /> }.into_any(),
        Tab::History => match subject.past.get() {
            Some(thing) => view! { <HistoryTab thing /> }.into_any(),
            None => view! { <p class="muted">{inspector::not_ours()}</p> }.into_any(),
        },
    }
}

fn tab_id(tab: Tab) -> String {
    format!("tab-{}", tab.word())
}

fn tab_title(tab: Tab) -> &'static str {
    match tab {
        Tab::About => inspector::about(),
        Tab::Kernel => inspector::kernel(),
        Tab::Rules => inspector::rules(),
        Tab::Commands => inspector::commands(),
        Tab::History => inspector::history(),
    }
}

/// The tabs; arrow keys lead from one to the next, as in every tab list.
#[component]
fn Tabs(
    /// The one that is shown.
    tab: Memo<Tab>,
    /// Called with the next.
    show: Callback<Tab>,
) -> impl IntoView {
    let step = move |event: ev::KeyboardEvent| {
        let now = Tab::ALL.iter().position(|one| *one == tab.get_untracked()).unwrap_or_default();
        let count = Tab::ALL.len();
        let next = match event.key().as_str() {
            "ArrowRight" => (now + 1) % count,
            "ArrowLeft" => (now + count - 1) % count,
            "Home" => 0,
            "End" => count - 1,
            _ => return,
        };
        event.prevent_default();
        event.stop_propagation();
        show.run(Tab::ALL[next]);
        let id = tab_id(Tab::ALL[next]);
        request_animation_frame(move || {
            let button =
                document().get_element_by_id(&id).and_then(|found| found.dyn_into::<web_sys::HtmlElement>().ok());
            if let Some(button) = button {
                // A button that went meanwhile leaves the focus where it is.
                let _ = button.focus();
            }
        });
    };
    view! {
        <div class="tabs" role="tablist" aria-label=inspector::tabs() on:keydown=step>
            {Tab::ALL.map(|one| view! {
                <button
                    role="tab"
                    id=tab_id(one)
                    data-test=tab_id(one)
                    aria-controls="tab-panel"
                    aria-selected=move || (tab.get() == one).to_string()
                    tabindex=move || if tab.get() == one { "0" } else { "-1" }
                    on:click=move |_| show.run(one)
                >
                    {tab_title(one)}
                </button>
            }).collect_view()}
        </div>
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
