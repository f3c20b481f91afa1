//! Fields of forms, each with its label and a line that says what belongs in it.

use leptos::prelude::*;

/// A field of one line.
#[component]
pub fn Line(
    /// Its id.
    id: &'static str,
    /// What it is.
    label: &'static str,
    /// What belongs in it.
    #[prop(optional)]
    note: &'static str,
    /// What it is when nothing is written.
    #[prop(optional)]
    placeholder: &'static str,
    /// What is written.
    value: RwSignal<String>,
    /// Whether nothing can be written now.
    #[prop(optional, into)]
    disabled: Signal<bool>,
) -> impl IntoView {
    view! {
        <label class="field">
            <span>{label}</span>
            <input
                id=id
                class="mono"
                spellcheck="false"
                placeholder=placeholder
                disabled=move || disabled.get()
                bind:value=value
            />
            {(!note.is_empty()).then(|| view! { <small>{note}</small> })}
        </label>
    }
}

/// A field of several lines.
#[component]
pub fn Lines(
    /// Its id.
    id: &'static str,
    /// What it is.
    label: &'static str,
    /// What belongs in it.
    note: &'static str,
    /// What is written.
    value: RwSignal<String>,
) -> impl IntoView {
    view! {
        <label class="field">
            <span>{label}</span>
            <textarea id=id class="mono" rows="2" spellcheck="false" bind:value=value></textarea>
            <small>{note}</small>
        </label>
    }
}

/// A field that is ticked or not.
#[component]
pub fn Tick(
    /// Its id.
    id: &'static str,
    /// What it is.
    label: &'static str,
    /// What it means.
    note: &'static str,
    /// Whether it is ticked.
    value: RwSignal<bool>,
) -> impl IntoView {
    view! {
        <label class="check wide">
            <input id=id type="checkbox" bind:checked=value />
            <span>{label}</span>
            <small>{note}</small>
        </label>
    }
}
