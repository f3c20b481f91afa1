//! Where files are dropped, or chosen.

use crate::i18n::common;
use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{File, Node};

/// Something that files are dropped on. A handle; copies are the same.
#[derive(Clone, Copy)]
struct Drops {
    is_over: RwSignal<bool>,
    on_file: Callback<File>,
}

impl Drops {
    fn onto(on_file: Callback<File>) -> Self {
        Self { is_over: RwSignal::new(false), on_file }
    }

    /// Whether a file is held over it.
    fn is_over(self) -> bool {
        self.is_over.get()
    }

    /// For `dragover`. Only files are taken: a text is still dropped into a field, and what lies within may take a file itself.
    fn over(self, event: &ev::DragEvent) {
        let is_taken = event.default_prevented();
        let types = event.data_transfer().map(|transfer| transfer.types());
        let has_files = types.is_some_and(|types| types.includes(&"Files".into(), 0));
        self.is_over.set(has_files && !is_taken);
        if has_files {
            event.prevent_default();
        }
    }

    /// For `dragleave`, which is also told when the pointer comes to something within.
    fn left(self, event: &ev::DragEvent) {
        let place = event.current_target().and_then(|place| place.dyn_into::<Node>().ok());
        let next = event.related_target().and_then(|next| next.dyn_into::<Node>().ok());
        if !place.is_some_and(|place| place.contains(next.as_ref())) {
            self.is_over.set(false);
        }
    }

    /// For `drop`.
    fn dropped(self, event: &ev::DragEvent) {
        self.is_over.set(false);
        let files = event.data_transfer().and_then(|transfer| transfer.files());
        let file = files.and_then(|files| files.get(0)).filter(|_| !event.default_prevented());
        if let Some(file) = file {
            // Otherwise the browser would leave the page and show the file.
            event.prevent_default();
            self.on_file.run(file);
        }
    }
}

/// A page on which files may be dropped anywhere.
#[component]
pub fn DropPage(
    /// What tests know it by.
    test: &'static str,
    /// Called with the file.
    on_file: Callback<File>,
    /// What is on it.
    children: Children,
) -> impl IntoView {
    let drops = Drops::onto(on_file);
    view! {
        <div
            class="page"
            data-test=test
            class:over=move || drops.is_over()
            on:dragover=move |event| drops.over(&event)
            on:dragleave=move |event| drops.left(&event)
            on:drop=move |event| drops.dropped(&event)
        >
            {children()}
        </div>
    }
}

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
    let drops = Drops::onto(on_file);
    view! {
        <label
            class="file-drop"
            class:over=move || drops.is_over()
            on:dragover=move |event| drops.over(&event)
            on:dragleave=move |event| drops.left(&event)
            on:drop=move |event| drops.dropped(&event)
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
