//! What this machine has and lacks, and the one command that mends each thing.

use crate::{
    api,
    app::app,
    components::{code::Commands, empty::Empty},
    i18n::{doctor as texts, shell},
    said::said,
};
use drawbridge_api::{Finding, Health, Remedy};
use leptos::{prelude::*, task::spawn_local};

/// What the daemon said last.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    Asking,
    Found(Vec<Finding>),
    Failed(String),
}

/// Everything that containers need of this machine, the worst first.
#[component]
pub fn DoctorPage() -> impl IntoView {
    let answer = RwSignal::new(Answer::Asking);
    let look = move || {
        answer.set(Answer::Asking);
        spawn_local(async move {
            let found = match api::doctor().await {
                Ok(findings) => Answer::Found(worst_first(findings)),
                Err(failure) => Answer::Failed(failure.to_string()),
            };
            // The page may be left by now.
            answer.try_set(found);
        });
    };
    look();
    app().link.when_back(move || {
        if matches!(answer.get_untracked(), Answer::Failed(_)) {
            look();
        }
    });
    let is_asking = move || answer.with(|answer| *answer == Answer::Asking);
    view! {
        <div class="page" data-test="doctor">
            <div class="page-head">
                <h1>{shell::doctor()}</h1>
                <p class="muted" role="status">{move || answer.with(summary)}</p>
                <button class="button" data-test="look-again" disabled=is_asking on:click=move |_| look()>
                    {texts::look_again()}
                </button>
            </div>
            {move || match answer.get() {
                Answer::Asking => view! { <p class="waiting">{texts::trying()}</p> }.into_any(),
                Answer::Failed(failure) => view! {
                    <Empty title=texts::cannot_look()><p>{failure}</p></Empty>
                }.into_any(),
                Answer::Found(findings) => view! {
                    <ul class="findings">
                        {findings.into_iter().map(|finding| view! { <Row finding /> }).collect_view()}
                    </ul>
                }.into_any(),
            }}
        </div>
    }
}

#[component]
fn Row(
    /// What was found.
    finding: Finding,
) -> impl IntoView {
    let health = finding.health.as_str();
    let word = match finding.health {
        Health::Missing => texts::missing(),
        Health::Warning => texts::warning(),
        Health::Ok => texts::ok(),
    };
    let remedy = finding.remedy.map(|remedy| {
        view! {
            <div class="remedy">
                <p class="muted">{texts::mends()}</p>
                {match remedy {
                Remedy::Command(line) => view! { <Commands lines=vec![line] /> }.into_any(),
                Remedy::Advice(text) => view! { <p>{said(&text).into_owned()}</p> }.into_any(),
            }}
            </div>
        }
    });
    view! {
        <li class="finding" data-health=health>
            <span class="health">{word}</span>
            <div>
                <h2>{said(&finding.subject).into_owned()}</h2>
                <p>{said(&finding.detail).into_owned()}</p>
                {remedy}
            </div>
        </li>
    }
}

fn worst_first(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|finding| finding.health);
    findings
}

fn summary(answer: &Answer) -> String {
    let Answer::Found(findings) = answer else { return String::new() };
    match findings.iter().filter(|finding| finding.health != Health::Ok).count() {
        0 => texts::all_there().to_owned(),
        bad => texts::to_see_to(bad),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(subject: &str, health: Health) -> Finding {
        Finding { subject: subject.into(), health, detail: String::new(), remedy: None }
    }

    #[test]
    fn the_worst_stands_first_and_is_counted() {
        let findings = vec![finding("a", Health::Ok), finding("b", Health::Warning), finding("c", Health::Missing)];
        let sorted = worst_first(findings);
        assert_eq!(sorted.iter().map(|finding| finding.subject.as_str()).collect::<String>(), "cba");
        assert_eq!(summary(&Answer::Found(sorted)), "2 things to see to.");
        assert_eq!(summary(&Answer::Found(Vec::new())), "Everything that containers need is there.");
        assert_eq!(summary(&Answer::Asking), "");
    }
}
