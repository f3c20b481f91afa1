//! The commands that make a thing, from nothing, and those that show it.

use crate::{
    api::{self, Failure},
    commands::Look,
    components::{
        code::Commands,
        plan::{PlanView, Telling},
    },
    i18n::inspector,
};
use drawbridge_api::{ContainerId, NetworkId, Plan};
use leptos::{prelude::*, task::spawn_local};

/// What is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made {
    /// A container's namespace and its links.
    Container(ContainerId),
    /// A network's bridge.
    Network(NetworkId),
}

/// What makes it, and what shows it.
#[component]
pub fn CommandsTab(
    /// What is made; none for what is not of Drawbridge's making, or not there.
    made: Memo<Option<Made>>,
    /// What shows it.
    looks: Memo<Vec<Look>>,
) -> impl IntoView {
    view! {
        {move || made.get().map(|made| view! { <Making made /> })}
        <h3>{inspector::look_yourself()}</h3>
        {move || looks.get().into_iter().map(|(what, command)| view! {
            <p class="look">{what}</p>
            <Commands lines=vec![command] />
        }).collect_view()}
    }
}

#[component]
fn Making(
    /// What is made.
    made: Made,
) -> impl IntoView {
    let answer = RwSignal::new(None::<Result<Plan, Failure>>);
    spawn_local(async move {
        let plan = match made {
            Made::Container(id) => api::container_plan(&id).await,
            Made::Network(id) => api::network_plan(&id).await,
        };
        // Gone when the tab was left meanwhile.
        answer.try_set(Some(plan));
    });
    view! {
        <h3>{inspector::makes_it()}</h3>
        {move || match answer.get() {
            None => view! { <p class="waiting">{inspector::planning()}</p> }.into_any(),
            Some(Err(failure)) => view! { <p class="refusal">{failure.to_string()}</p> }.into_any(),
            Some(Ok(plan)) if plan.steps.is_empty() => {
                view! { <p class="muted">{inspector::nothing_made()}</p> }.into_any()
            }
            Some(Ok(plan)) => view! { <PlanView steps=plan.steps telling=Telling::Recalled /> }.into_any(),
        }}
    }
}
