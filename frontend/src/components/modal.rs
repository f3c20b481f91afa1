//! A native dialog: the browser keeps the focus inside, gives it back afterwards and closes it with Escape.

use crate::i18n::common;
use leptos::{ev, html, prelude::*};

/// A dialog that is open as long as it is mounted. Mount it inside `<Show>`, so that each opening starts afresh.
#[component]
pub fn Modal(
    /// The id of the dialog.
    id: &'static str,
    /// Its heading.
    #[prop(into)]
    title: String,
    /// Called when the person closes it.
    on_close: Callback<()>,
    /// What stands below the heading.
    children: Children,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    dialog.on_load(move |dialog| {
        // Shown once it is in the document, which it is not yet when it is made.
        request_animation_frame(move || {
            if dialog.is_connected() && !dialog.open() {
                // Fails only for a dialog that is open or not in the document.
                let _ = dialog.show_modal();
            }
        });
    });
    let heading = format!("{id}-heading");
    let labelled_by = heading.clone();
    view! {
        <dialog
            id=id
            node_ref=dialog
            aria-labelledby=labelled_by
            on:cancel=move |event: ev::Event| {
                event.prevent_default();
                on_close.run(());
            }
        >
            <header>
                <h2 id=heading>{title}</h2>
                <button type="button" class="icon" aria-label=common::close() on:click=move |_| on_close.run(())>"✕"</button>
            </header>
            {children()}
        </dialog>
    }
}
