//! Moments of the browser that can be waited for.

use js_sys::{Function, Promise};
use leptos::prelude::*;
use std::time::Duration;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

/// So many milliseconds from now.
pub async fn pause(ms: i32) {
    until(|resolve| {
        // Fails only where there is no clock, which no browser lacks.
        let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, ms);
    })
    .await;
}

/// When what is in the document now has been painted: whatever is waited for until then can't hold it up. A page that nobody sees
/// is not painted before somebody does.
pub async fn painted() {
    // What a frame calls runs before it is painted; a task that is begun there runs after it.
    until(|resolve| {
        request_animation_frame(move || {
            set_timeout(
                move || {
                    // Fails for no function of the browser's own.
                    let _ = resolve.call0(&JsValue::NULL);
                },
                Duration::ZERO,
            );
        });
    })
    .await;
}

async fn until(begin: impl Fn(Function)) {
    let promise = Promise::new(&mut |resolve, _| begin(resolve));
    // Never rejected.
    let _ = JsFuture::from(promise).await;
}
