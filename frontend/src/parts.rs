//! Prototype.

use leptos::{prelude::*, task::spawn_local, wasm_split::{SplitLoaderError, wasm_split}};
use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
use crate::components::shell::Page;

#[wasm_split(pages, wasm_split_path = ::leptos::wasm_split, fallible, preload(fetch_pages))]
fn draw_page(page: Page) -> Result<AnyView, SplitLoaderError> {
    Ok(crate::components::shell::draw(page))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State { Loading, Here, Failed }

fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

pub fn page(page: Page) -> AnyView {
    let state = RwSignal::new(State::Loading);
    spawn_local(async move {
        let loaded = fetch_pages().await;
        state.try_set(if loaded.is_ok() { State::Here } else { State::Failed });
    });
    (move || match state.get() {
        State::Loading => view! { <p class="waiting">"…"</p> }.into_any(),
        State::Failed => view! { <p class="waiting">"failed"</p> }.into_any(),
        State::Here => now(draw_page(page.clone())).and_then(Result::ok).into_any(),
    }).into_any()
}
