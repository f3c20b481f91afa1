//! A moment: how long ago, and exactly when on the pointer.

use crate::{app::app, i18n::spoken, text};
use leptos::prelude::*;
use wasm_bindgen::JsValue;

/// How long ago something happened, kept up to date.
#[component]
pub fn Ago(
    /// When, UTC milliseconds since 1970.
    #[prop(into)]
    ms: Signal<i64>,
) -> impl IntoView {
    let now_ms = app().link.now_ms;
    let date = move || js_sys::Date::new(&JsValue::from_f64(ms.get() as f64));
    view! {
        <time
            class="number"
            datetime=move || date().to_iso_string().as_string()
            title=move || date().to_locale_string(spoken().tag(), &JsValue::UNDEFINED).as_string()
        >
            {move || text::ago(ms.get(), now_ms.get())}
        </time>
    }
}
