//! The buttons below the drawing: closer, farther, all of it, and which keys there are.

use super::stage::Stage;
use crate::{i18n::topology, viewport::STEP};
use leptos::prelude::*;

/// What each key does.
fn keys() -> [(&'static str, &'static str); 11] {
    [
        ("← ↑ → ↓", topology::key_arrows()),
        ("Enter", topology::key_enter()),
        ("Esc", topology::key_escape()),
        ("Shift + ←", topology::key_shift()),
        ("+  −", topology::key_signs()),
        ("0  1", topology::key_digits()),
        ("/", topology::key_slash()),
        ("C", topology::key_c()),
        ("S", topology::key_s()),
        ("P", topology::key_p()),
        ("Delete", topology::key_delete()),
    ]
}

/// The buttons.
#[component]
pub fn Tools(
    /// What they move.
    stage: Stage,
) -> impl IntoView {
    let percent = Memo::new(move |_| (stage.view.with(|view| view.scale) * 100.0).round() as i32);
    view! {
        <div class="tools" role="group" aria-label=topology::view()>
            <button class="icon" aria-label=topology::zoom_out() data-test="zoom-out" on:click=move |_| stage.zoom(1.0 / STEP)>"−"</button>
            <button class="icon percent number" title=topology::actual_size() data-test="zoom-actual" on:click=move |_| stage.actual()>
                {Signal::derive(move || format!("{} %", percent.get()))}
            </button>
            <button class="icon" aria-label=topology::zoom_in() data-test="zoom-in" on:click=move |_| stage.zoom(STEP)>"+"</button>
            <button class="icon word" data-test="fit" on:click=move |_| stage.fit()>{topology::fit()}</button>
            <button class="icon" aria-label=topology::keys() data-test="keys-button" popovertarget="keys">"?"</button>
        </div>
        <div id="keys" popover class="keys" data-test="keys">
            <h2>{topology::keys()}</h2>
            <dl>
                {keys().map(|(key, what)| view! {
                    <dt><kbd>{key}</kbd></dt>
                    <dd>{what}</dd>
                }).collect_view()}
            </dl>
            <p class="muted small">{topology::key_mouse()}</p>
        </div>
    }
}
