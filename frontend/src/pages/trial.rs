//! What a container reaches: a form that is part of the address, the answer, and the first thing in the way.

use crate::{
    api,
    app::{App, app},
    components::{
        code::{Line, Listing},
        container_head::{ContainerHead, container_called},
        container_tabs::Tab,
        state,
    },
    i18n::trial as texts,
    route::Route,
    said::said,
    text,
};
use drawbridge_api::{Hindrance, HindranceKind, Remedy, Trial, TrialAnswer, TrialKind};
use leptos::{ev, prelude::*, task::spawn_local};

/// What a kind is called, and what it does.
fn words(kind: TrialKind) -> (&'static str, &'static str) {
    match kind {
        TrialKind::Ping => (texts::ping(), texts::ping_note()),
        TrialKind::Tcp => (texts::tcp(), texts::tcp_note()),
        TrialKind::Http => (texts::http(), texts::http_note()),
        TrialKind::Resolve => (texts::resolve(), texts::resolve_note()),
        TrialKind::Trace => (texts::trace(), texts::trace_note()),
    }
}

/// What has become of a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    Idle,
    Trying,
    Answered(TrialAnswer),
    Refused(String),
}

/// The form and its answer, for one container.
#[component]
pub fn TryPage(
    /// The container's name.
    name: String,
) -> impl IntoView {
    let app = app();
    let trial = Memo::new(move |_| match app.nav.route.get() {
        Route::Try { trial, .. } => trial,
        _ => Trial::default(),
    });
    let container = container_called(Signal::stored(name.clone()));
    let is_running = state::is_running(container);
    let stage = RwSignal::new(Stage::Idle);
    let edit = {
        let name = name.clone();
        Callback::new(move |trial: Trial| {
            stage.set(Stage::Idle);
            app.nav.replace(Route::Try { container: name.clone(), trial });
        })
    };
    let submit = {
        let name = name.clone();
        move |event: ev::SubmitEvent| {
            event.prevent_default();
            stage.set(Stage::Trying);
            let (name, trial) = (name.clone(), trial.get_untracked());
            spawn_local(async move {
                let answer = match api::attempt(&name, &asked(trial.clone())).await {
                    Ok(answer) => Stage::Answered(answer),
                    Err(failure) => Stage::Refused(failure.to_string()),
                };
                // Something else may be asked by now.
                if stage.try_get_untracked() == Some(Stage::Trying) {
                    stage.try_set(answer);
                }
            });
        }
    };
    view! {
        <div class="page" data-test="trial">
            <ContainerHead name=Signal::stored(name.clone()) container tab=Signal::stored(Tab::Try) />
            <div class="columns">
                <section class="card">
                    <h2>{texts::title(&name)}</h2>
                    <p class="muted small">{texts::note()}</p>
                    <Show when=move || !is_running.get()>
                        <p class="warning">{texts::not_running(&name)}</p>
                    </Show>
                    <form id="try" on:submit=submit autocomplete="off">
                        <Kinds trial edit />
                        <Fields app trial edit />
                        <button
                            class="button primary"
                            data-test="try"
                            disabled=move || stage.get() == Stage::Trying || !is_running.get()
                        >
                            {move || if stage.get() == Stage::Trying { texts::going() } else { texts::go() }}
                        </button>
                    </form>
                    <p class="muted small">{texts::share()}</p>
                </section>
                <section class="answer-place" aria-live="polite">
                    {move || match stage.get() {
                        Stage::Idle => view! { <p class="card waiting">{texts::idle()}</p> }.into_any(),
                        Stage::Trying => view! { <p class="card waiting">{texts::going()}</p> }.into_any(),
                        Stage::Refused(why) => view! { <p class="refusal" data-test="refusal">{why}</p> }.into_any(),
                        Stage::Answered(answer) => view! { <Answer answer /> }.into_any(),
                    }}
                </section>
            </div>
        </div>
    }
}

/// What is sent: fields that a kind has not are left out.
fn asked(trial: Trial) -> Trial {
    let has_port = matches!(trial.kind, TrialKind::Tcp | TrialKind::Http);
    let path = trial.path.filter(|path| trial.kind == TrialKind::Http && !path.is_empty());
    Trial { port: trial.port.filter(|_| has_port), path, ..trial }
}

#[component]
fn Kinds(
    /// What the form says.
    trial: Memo<Trial>,
    /// Called when it says something else.
    edit: Callback<Trial>,
) -> impl IntoView {
    view! {
        <fieldset class="choices kinds">
            <legend>{texts::kind()}</legend>
            {TrialKind::ALL.map(|kind| {
                let (word, note) = words(kind);
                view! {
                    <label class="check">
                        <input
                            type="radio"
                            name="kind"
                            value=kind.as_str()
                            prop:checked=move || trial.with(|trial| trial.kind == kind)
                            on:change=move |_| edit.run(Trial { kind, ..trial.get_untracked() })
                        />
                        <span>{word}</span>
                        <small>{note}</small>
                    </label>
                }
            }).into_iter().collect_view()}
        </fieldset>
    }
}

#[component]
fn Fields(
    /// What every page shares.
    app: App,
    /// What the form says.
    trial: Memo<Trial>,
    /// Called when it says something else.
    edit: Callback<Trial>,
) -> impl IntoView {
    let kind = Memo::new(move |_| trial.with(|trial| trial.kind));
    let names = app.memo(|live| live.containers.iter().map(|container| container.name.to_string()).collect::<Vec<_>>());
    view! {
        <div class="fields">
            <label class="field wide">
                <span>{texts::target()}</span>
                <input
                    id="try-target"
                    class="mono"
                    required
                    spellcheck="false"
                    list="targets"
                    prop:value=move || trial.with(|trial| trial.target.clone())
                    on:input:target=move |event| {
                        edit.run(Trial { target: event.target().value(), ..trial.get_untracked() });
                    }
                />
                <datalist id="targets">
                    {move || names.get().into_iter().map(|name| view! { <option value=name></option> }).collect_view()}
                </datalist>
                <small>{texts::target_note()}</small>
            </label>
            <Show when=move || matches!(kind.get(), TrialKind::Tcp | TrialKind::Http)>
                <label class="field">
                    <span>{texts::port()}</span>
                    <input
                        id="try-port"
                        type="number"
                        min="1"
                        max="65535"
                        required=move || kind.get() == TrialKind::Tcp
                        placeholder="80"
                        prop:value=move || trial.with(|trial| trial.port.map(|port| port.to_string()).unwrap_or_default())
                        on:input:target=move |event| {
                            edit.run(Trial { port: event.target().value().parse().ok(), ..trial.get_untracked() });
                        }
                    />
                </label>
            </Show>
            <Show when=move || kind.get() == TrialKind::Http>
                <label class="field">
                    <span>{texts::path()}</span>
                    <input
                        id="try-path"
                        class="mono"
                        spellcheck="false"
                        placeholder="/"
                        prop:value=move || trial.with(|trial| trial.path.clone().unwrap_or_default())
                        on:input:target=move |event| {
                            let path = Some(event.target().value()).filter(|path| !path.is_empty());
                            edit.run(Trial { path, ..trial.get_untracked() });
                        }
                    />
                </label>
            </Show>
        </div>
    }
}

/// With a capital, unless it begins with an address or a name.
fn heading(summary: &str) -> String {
    let first = summary.split(' ').next().unwrap_or_default();
    let is_name = app().containers().with_untracked(|all| all.iter().any(|one| one.name.as_str() == first));
    if is_name || !first.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return summary.to_owned();
    }
    text::sentence(summary)
}

/// What came of a trial.
#[component]
fn Answer(
    /// What came of it.
    answer: TrialAnswer,
) -> impl IntoView {
    let (state, word) = if answer.reached { ("done", texts::reached()) } else { ("failed", texts::not_reached()) };
    let lines = answer.lines.iter().map(|line| said(line)).collect::<Vec<_>>().join("\n");
    let took = text::duration(i64::try_from(answer.took_ms).unwrap_or(i64::MAX).saturating_mul(1000));
    view! {
        <div class="card answer" data-test="answer" data-reached=answer.reached.to_string()>
            <p>
                <span class="badge" data-state=state>{word}</span>
                " "
                <span class="muted number small">{texts::took(&took)}</span>
            </p>
            <h2>{heading(&said(&answer.summary))}</h2>
            {answer.hindrance.map(|hindrance| view! { <InTheWay hindrance /> })}
            {(!answer.lines.is_empty()).then(|| view! {
                <h3>{texts::seen()}</h3>
                <Listing text=lines />
            })}
        </div>
    }
}

#[component]
fn InTheWay(
    /// What it is.
    hindrance: Hindrance,
) -> impl IntoView {
    let kind = match hindrance.kind {
        HindranceKind::NameUnknown => texts::kind_name_unknown(),
        HindranceKind::Stopped => texts::kind_stopped(),
        HindranceKind::NoRoute => texts::kind_no_route(),
        HindranceKind::Internal => texts::kind_internal(),
        HindranceKind::Apart => texts::kind_apart(),
        HindranceKind::IccOff => texts::kind_icc_off(),
        HindranceKind::ForeignRule => texts::kind_foreign_rule(),
        HindranceKind::NobodyThere => texts::kind_nobody_there(),
        HindranceKind::OnlyLoopback => texts::kind_only_loopback(),
        HindranceKind::NothingListens => texts::kind_nothing_listens(),
        HindranceKind::OddAnswer => texts::kind_odd_answer(),
        HindranceKind::Unseen => texts::kind_unseen(),
    };
    view! {
        <div class="hindrance" data-test="hindrance">
            <h3>{texts::in_the_way()} <span class="tag">{kind}</span></h3>
            <p>{said(&hindrance.reason).into_owned()}</p>
            <h3>{texts::mends()}</h3>
            {match hindrance.remedy {
                Remedy::Command(line) => view! { <Line text=line /> }.into_any(),
                Remedy::Advice(text) => view! { <p>{said(&text).into_owned()}</p> }.into_any(),
            }}
        </div>
    }
}
