//! A plan as a person reads it: steps, why each is needed, the commands that would do the same, and how each is undone.
//! The same before a change and after it.

use crate::{
    components::code::Commands,
    i18n::{changes, common},
    said::said,
    text,
};
use drawbridge_api::{ExplainedStep, Outcome};
use leptos::prelude::*;

/// Whether the steps lie ahead or behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// They would be done.
    Planned,
    /// They were done, or tried: outcome, duration and error are shown.
    Recorded,
    /// They are what makes a thing that is there.
    Recalled,
}

/// The steps of a plan.
#[component]
pub fn PlanView(
    /// The steps in order.
    steps: Vec<ExplainedStep>,
    /// Whether they lie ahead or behind.
    telling: Telling,
) -> impl IntoView {
    if steps.is_empty() {
        let text = match telling {
            Telling::Planned | Telling::Recalled => changes::empty_planned(),
            Telling::Recorded => changes::empty_recorded(),
        };
        return view! { <p class="plan-empty" data-test="plan">{text}</p> }.into_any();
    }
    let summary = match telling {
        Telling::Planned => changes::will_be_done(steps.len()),
        Telling::Recorded | Telling::Recalled => common::steps(steps.len()),
    };
    view! {
        // No section: of several plans on a page, each would be a landmark of the same name.
        <div class="plan" role="group" data-test="plan" aria-label=changes::plan()>
            <p class="plan-summary">{summary}</p>
            <ol>{steps.into_iter().map(|step| view! { <Step step telling /> }).collect_view()}</ol>
        </div>
    }
    .into_any()
}

#[component]
fn Step(
    /// The step.
    step: ExplainedStep,
    /// Whether it lies ahead or behind.
    telling: Telling,
) -> impl IntoView {
    let outcome = match (telling, step.outcome) {
        (Telling::Planned | Telling::Recalled, _) => None,
        (Telling::Recorded, Outcome::Planned) => Some(changes::not_reached()),
        (Telling::Recorded, Outcome::Done) => Some(changes::done()),
        (Telling::Recorded, Outcome::Failed) => Some(changes::failed()),
        (Telling::Recorded, Outcome::Undone) => Some(changes::undone()),
    };
    view! {
        <li class="step" data-test="step" data-outcome=step.outcome.as_str()>
            <div class="step-head">
                <h3>{said(&step.title).into_owned()}</h3>
                {outcome.map(|outcome| view! { <span class="badge" data-state=step.outcome.as_str()>{outcome}</span> })}
                {step.duration_us.map(|us| view! { <span class="muted number">{text::duration(us)}</span> })}
            </div>
            <p class="why">{said(&step.why).into_owned()}</p>
            {step.error.map(|error| view! { <p class="refusal">{said(&error).into_owned()}</p> })}
            <Commands lines=step.commands />
            {(!step.undo.is_empty()).then(|| view! {
                <details class="undo">
                    <summary>{changes::how_undone()}</summary>
                    <Commands lines=step.undo />
                </details>
            })}
        </li>
    }
}
