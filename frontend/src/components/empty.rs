//! What stands where there is nothing yet.

use leptos::prelude::*;

/// An empty place: what is missing, and what to do about it.
#[component]
pub fn Empty(
    /// What is missing.
    #[prop(into)]
    title: String,
    /// What to do about it.
    children: Children,
) -> impl IntoView {
    view! {
        <section class="empty">
            <h2>{title}</h2>
            {children()}
        </section>
    }
}

/// A whole page that is not there: what is missing, and what to do about it.
#[component]
pub fn NoPage(
    /// What is missing.
    #[prop(into)]
    title: String,
    /// What to do about it.
    children: Children,
) -> impl IntoView {
    view! {
        <section class="empty">
            <h1>{title}</h1>
            {children()}
        </section>
    }
}
