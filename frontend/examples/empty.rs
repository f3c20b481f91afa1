//! An empty page of Leptos, beside which `cargo xtask bench panel` measures the panel's first paint.

use leptos::prelude::*;

fn main() {
    mount_to_body(|| view! { <p id="empty">"Empty"</p> });
}
