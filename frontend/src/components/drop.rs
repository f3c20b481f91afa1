//! A place for a file: it is dropped there, or chosen.

use crate::i18n::common;
use leptos::{ev, prelude::*};
use web_sys::File;

/// A place for a file.
#[component]
pub fn FileDrop(
    /// What belongs there.
    words: &'static str,
    /// What the file chooser offers: `.tar`.
    accept: &'static str,
    /// Called with the file.
    on_file: Callback<File>,
) -> impl IntoView {
    let over = RwSignal::new(false);
    let dropped = move |event: ev::DragEvent| {
        event.prevent_default();
        over.set(false);
        let files = event.data_transfer().and_then(|transfer| transfer.files());
        if let Some(file) = files.and_then(|files| files.get(0)) {
            on_file.run(file);
        }
    };
    view! {
        <label
            class="file-drop"
            class:over=move || over.get()
            on:dragover=move |event| {
                event.prevent_default();
                over.set(true);
            }
            on:dragleave=move |_| over.set(false)
            on:drop=dropped
        >
            <span>{words}</span>
            // The browser's own chooser speaks the browser's language and says that no file is chosen: it is there, but not seen.
            <span class="button small" aria-hidden="true">{common::choose_file()}</span>
            <input
                type="file"
                class="hidden"
                aria-label=words
                accept=accept
                data-test="file"
                on:change:target=move |event| {
                    let input = event.target();
                    if let Some(file) = input.files().and_then(|files| files.get(0)) {
                        on_file.run(file);
                    }
                    // The same file may be chosen once more.
                    input.set_value("");
                }
            />
        </label>
    }
}
