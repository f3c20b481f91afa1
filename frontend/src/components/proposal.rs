//! A change on its way: asked for as a preview, shown as a plan, agreed to, done or refused. All forms and all
//! confirmations share it, so a plan is always shown and a refusal always stands next to the buttons.

use crate::{
    api::{self, Failure},
    app::{App, Dialog, Message, app},
    ask::Ask,
    components::{
        code::{DockerSays, Listing},
        plan::{PlanView, Telling},
    },
    docker,
    i18n::{ask as texts, common},
};
use drawbridge_api::Plan;
use leptos::{html, prelude::*, task::spawn_local};

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Editing,
    Previewing,
    Planned,
    Applying,
}

/// A change on its way. A handle; copies are the same.
#[derive(Clone, Copy)]
pub struct Proposal {
    app: App,
    stage: RwSignal<Stage>,
    planned: RwSignal<Option<(Ask, Plan)>>,
    refusal: RwSignal<Option<String>>,
    /// Counts questions, so that the answer to an outdated one is dropped.
    question: StoredValue<u32>,
}

impl Proposal {
    /// Nothing asked yet. Lives as long as the component that calls this.
    pub fn begin() -> Self {
        Self {
            app: app(),
            stage: RwSignal::new(Stage::Editing),
            planned: RwSignal::new(None),
            refusal: RwSignal::new(None),
            question: StoredValue::new(0),
        }
    }

    /// Forgets plan and refusal: what they were about was edited.
    pub fn edit(self) {
        self.question.update_value(|question| *question += 1);
        self.stage.set(Stage::Editing);
        self.planned.set(None);
        self.refusal.set(None);
    }

    /// Says what is wrong with the form itself.
    pub fn refuse(self, reason: String) {
        self.edit();
        self.refusal.set(Some(reason));
    }

    /// Asks what the change would do.
    pub fn preview(self, ask: Ask) {
        self.edit();
        self.stage.set(Stage::Previewing);
        let question = self.question.get_value();
        spawn_local(async move {
            let answer = api::preview(&ask).await;
            // None when the dialog was closed meanwhile.
            if self.question.try_get_value() != Some(question) {
                return;
            }
            match answer {
                Ok(plan) => {
                    self.planned.set(Some((ask, plan)));
                    self.stage.set(Stage::Planned);
                }
                Err(failure) => {
                    self.refusal.set(Some(explain_preview(&failure)));
                    self.stage.set(Stage::Editing);
                }
            }
        });
    }

    /// Does what was planned. Goes on when the dialog is closed meanwhile, and then reports by a message.
    pub fn apply(self) {
        let Some((ask, _)) = self.planned.get_untracked() else { return };
        self.refusal.set(None);
        self.stage.set(Stage::Applying);
        let question = self.question.get_value();
        spawn_local(async move {
            let answer = api::apply(&ask).await;
            let is_open = self.question.try_get_value() == Some(question);
            match answer {
                Ok(()) => {
                    if is_open {
                        self.app.dialog.set(Dialog::Closed);
                    }
                    self.app.message.set(Some(Message::Done(ask.done())));
                }
                Err(failure) if is_open => {
                    self.refusal.set(Some(failure.to_string()));
                    self.stage.set(Stage::Planned);
                }
                Err(failure) => {
                    self.app.message.set(Some(Message::Failed(format!("{}: {failure}", ask.title()))));
                }
            }
        });
    }
}

/// A preview changes nothing, so nothing can be half done.
fn explain_preview(failure: &Failure) -> String {
    match failure {
        Failure::Unreachable => texts::preview_no_answer().to_owned(),
        Failure::Unauthorised | Failure::Unanswered | Failure::Refused(_) => failure.to_string(),
    }
}

/// The plan, once there is one.
#[component]
pub fn Planned(
    /// What it is about.
    proposal: Proposal,
) -> impl IntoView {
    let place = NodeRef::<html::Div>::new();
    // A form is longer than a screen, and the plan stands below it.
    Effect::new(move |_| {
        if proposal.planned.with(Option::is_some)
            && let Some(place) = place.get()
        {
            request_animation_frame(move || place.scroll_into_view());
        }
    });
    view! {
        <div class="planned" aria-live="polite" node_ref=place>
            {move || {
                (proposal.stage.get() == Stage::Previewing)
                    .then(|| view! { <p class="waiting">{texts::working_out()}</p> })
            }}
            {move || {
                let (ask, plan) = proposal.planned.get()?;
                Some(view! { <ShownWork ask plan /> })
            }}
        </div>
    }
}

/// What a change would do: by the docker command, step by step, and as a script.
#[component]
pub fn ShownWork(
    /// What is asked.
    ask: Ask,
    /// Its plan.
    plan: Plan,
) -> impl IntoView {
    let unknown = ask.unknown().filter(|_| !plan.steps.is_empty());
    let script = Some(plan.script).filter(|script| !script.is_empty() && !plan.steps.is_empty());
    view! {
        {match docker::command(&ask) {
            Some(command) => view! { <DockerSays command /> }.into_any(),
            None => view! { <p class="muted small">{common::no_docker()}</p> }.into_any(),
        }}
        <PlanView steps=plan.steps telling=Telling::Planned />
        {script.map(|script| view! {
            <details class="fold" data-test="script">
                <summary>{common::script()}</summary>
                <p class="muted small">{common::script_note()}</p>
                <Listing text=script copy=common::copy_script() />
            </details>
        })}
        {unknown.map(|text| view! { <p class="plan-unknown muted small">{text}</p> })}
    }
}

/// The foot of a dialog: the refusal, and the buttons.
#[component]
pub fn Buttons(
    /// What they are about.
    proposal: Proposal,
    /// The words of the button that does it, ready and busy.
    words: Signal<(&'static str, &'static str)>,
    /// Whether it takes something away.
    #[prop(optional)]
    destructive: bool,
    /// Called by the cancel button.
    on_cancel: Callback<()>,
    /// Called by the preview button; a button of type `submit` when absent, for forms.
    #[prop(optional)]
    on_preview: Option<Callback<()>>,
) -> impl IntoView {
    let stage = proposal.stage;
    let has_plan = Memo::new(move |_| matches!(stage.get(), Stage::Planned | Stage::Applying));
    let is_applying = move || stage.get() == Stage::Applying;
    view! {
        <footer>
            {move || proposal.refusal.get().map(|refusal| view! {
                <p class="refusal" data-test="refusal" role="alert">{refusal}</p>
            })}
            <div class="buttons">
                // A form has the focus in its first field; a mere confirmation has it where nothing happens by mistake.
                <button
                    type="button"
                    class="button"
                    data-test="cancel"
                    autofocus=on_preview.is_some()
                    on:click=move |_| on_cancel.run(())
                >
                    {move || if is_applying() { common::close() } else { common::cancel() }}
                </button>
                <Show
                    when=move || has_plan.get()
                    fallback=move || view! {
                        <button
                            type=if on_preview.is_some() { "button" } else { "submit" }
                            class="button primary"
                            data-test="preview"
                            disabled=move || stage.get() == Stage::Previewing
                            on:click=move |_| {
                                if let Some(on_preview) = on_preview {
                                    on_preview.run(());
                                }
                            }
                        >
                            {move || if stage.get() == Stage::Previewing { common::previewing() } else { common::preview() }}
                        </button>
                    }
                >
                    <button
                        type="button"
                        class="button"
                        class:primary=!destructive
                        class:danger=destructive
                        data-test="apply"
                        disabled=is_applying
                        on:click=move |_| proposal.apply()
                    >
                        {move || if is_applying() { words.get().1 } else { words.get().0 }}
                    </button>
                </Show>
            </div>
        </footer>
    }
}
