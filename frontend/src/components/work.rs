//! What takes long, as it is drawn: a bar for each layer, what was said, what was printed, how it ended.

use crate::{
    api::{self, Errand, Failure},
    i18n::images,
    said::said,
    work::{Heard, Standing},
};
use drawbridge_api::Progress;
use leptos::{html, prelude::*, task::spawn_local};

/// Something that takes long. A handle; copies are the same.
#[derive(Clone, Copy)]
pub struct Work {
    /// What was heard so far.
    pub heard: RwSignal<Heard>,
}

impl Work {
    /// Nothing yet.
    pub fn idle() -> Self {
        Self { heard: RwSignal::new(Heard::default()) }
    }

    /// Begins. What goes on goes on when its page is left: the daemon brings it to its end.
    pub fn begin(self, errand: Errand) {
        self.heard.set(Heard::begun());
        spawn_local(async move {
            let hear = |report: Progress| {
                // The page may be left by now.
                let _ = self.heard.try_update(|heard| heard.hear(report));
            };
            if let Err(failure) = api::follow(errand, hear).await {
                let message = match failure {
                    Failure::Unreachable => images::cut_off().to_owned(),
                    failure => failure.to_string(),
                };
                hear(Progress::Failed { message });
            }
        });
    }

    /// Whether it goes on.
    pub fn is_running(self) -> bool {
        self.heard.with(|heard| heard.standing == Standing::Running)
    }

    /// Whether it came to its end.
    pub fn is_done(self) -> bool {
        self.heard.with(|heard| heard.standing == Standing::Done)
    }
}

/// How far it is.
#[component]
pub fn WorkView(
    /// Of what.
    work: Work,
) -> impl IntoView {
    let heard = work.heard;
    let layers = move || heard.with(|heard| heard.layers.clone());
    let lines = move || heard.with(|heard| heard.lines.clone());
    let output = Memo::new(move |_| heard.with(|heard| heard.output.clone()));
    let standing = Memo::new(move |_| heard.with(|heard| heard.standing.clone()));
    let end = NodeRef::<html::Div>::new();
    // What is said of it may be longer than the screen.
    Effect::new(move |_| {
        if standing.with(|standing| matches!(standing, Standing::Done | Standing::Failed(_)))
            && let Some(end) = end.get()
        {
            request_animation_frame(move || end.scroll_into_view_with_bool(false));
        }
    });
    view! {
        <div class="work" data-test="work" node_ref=end>
            <ul class="layers" aria-label=images::layers()>
                {move || layers().into_iter().map(|layer| {
                    let words = layer.words();
                    let value = layer.share();
                    view! {
                        <li data-layer=layer.id.clone()>
                            <span class="mono">{layer.id.clone()}</span>
                            <progress max="1" value=value.map(|share| share.to_string()) aria-label=layer.id.clone()></progress>
                            <span class="muted number">{words}</span>
                        </li>
                    }
                }).collect_view()}
            </ul>
            <ul class="said" role="log">
                {move || lines().into_iter().map(|(subject, text)| view! {
                    <li>
                        {subject.map(|subject| view! { <b>{said(&subject).into_owned()}</b>" " })}
                        {said(&text).into_owned()}
                    </li>
                }).collect_view()}
            </ul>
            <Show when=move || output.with(|output| !output.is_empty())>
                <pre class="output" tabindex="0" aria-label=images::output()>{move || output.get()}</pre>
            </Show>
            {move || match standing.get() {
                Standing::Idle => ().into_any(),
                Standing::Running => view! { <p class="waiting" role="status">{images::working()}</p> }.into_any(),
                Standing::Done => view! { <p class="good" role="status" data-test="work-done">{images::done()}</p> }.into_any(),
                Standing::Failed(message) => view! {
                    <p class="refusal" role="alert" data-test="refusal">{said(&message).into_owned()}</p>
                }.into_any(),
            }}
        </div>
    }
}
