//! A native dialog: the browser keeps the focus inside, gives it back when it is closed and closes it with Escape.

use crate::i18n::common;
use leptos::{ev, html, prelude::*};
use std::time::Duration;
use wasm_bindgen::JsCast;

/// What had the focus before a dialog may be drawn anew, or gone, after what the dialog did: the drawing's own stop has it then, or
/// else the page.
fn hold_focus() {
    let document = document();
    if document.active_element().is_some_and(|focused| focused.tag_name() != "BODY") {
        return;
    }
    let found = |selector| document.query_selector(selector).ok().flatten();
    if let Some(place) = found(".canvas [role=button][tabindex='0']").or_else(|| found("#main")) {
        // Shapes of SVG have this function too, though the type does not say so.
        let _ = place.unchecked_ref::<web_sys::HtmlElement>().focus();
    }
}

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
    let shown = StoredValue::new_local(None::<web_sys::HtmlDialogElement>);
    dialog.on_load(move |dialog| {
        shown.set_value(Some(dialog.clone()));
        // Shown once it is in the document, which it is not yet when it is made.
        request_animation_frame(move || {
            if dialog.is_connected() && !dialog.open() {
                // Fails only for a dialog that is open or not in the document.
                let _ = dialog.show_modal();
            }
        });
    });
    on_cleanup(move || {
        if let Some(dialog) = shown.try_update_value(Option::take).flatten() {
            // Taken out of the document while it is open, it would leave the focus nowhere.
            dialog.close();
            set_timeout(hold_focus, Duration::ZERO);
        }
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
