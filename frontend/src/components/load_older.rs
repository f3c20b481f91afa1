//! The end of a list of changes: the button that reads older ones, or that there are none.

use crate::{
    i18n::{changes as texts, common},
    past::{Older, Past},
};
use leptos::prelude::*;

/// What stands below the changes of a thing.
#[component]
pub fn LoadOlder(
    /// The changes above.
    past: Past,
) -> impl IntoView {
    let state = Memo::new(move |_| past.older());
    view! {
        {move || match state.get() {
            Older::Failed(text) => Some(view! { <p class="refusal" role="alert">{text}</p> }),
            Older::Unknown | Older::Loading | Older::None => None,
        }}
        <Show
            when=move || state.get() != Older::None
            fallback=|| view! { <p class="end-of-list muted">{texts::began()}</p> }
        >
            <button
                class="button wide"
                data-test="older"
                disabled=move || state.get() == Older::Loading
                on:click=move |_| past.load()
            >
                {move || if state.get() == Older::Loading { common::loading() } else { texts::load_older() }}
            </button>
        </Show>
    }
}
