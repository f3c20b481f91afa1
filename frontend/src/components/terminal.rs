//! A terminal in the page: xterm.js, by way of `static/terminal.js`. Here is only what ties it to the life of a component.

use crate::{i18n::containers, said::said};
use js_sys::{Function, Promise, Reflect};
use leptos::{html, prelude::*, task::spawn_local};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::HtmlElement;

/// What is known of the connection behind a terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TerminalState {
    /// It is being opened.
    #[default]
    Opening,
    /// It is there; the sentence says what is special about it, or nothing.
    Open(String),
    /// The process at the other end has ended; the sentence says how.
    Ended(String),
    /// It broke off; the sentence says what is known.
    Lost(String),
}

impl TerminalState {
    fn read(word: &str, text: String) -> Self {
        match word {
            "open" => Self::Open(text),
            "ended" => Self::Ended(text),
            _ => Self::Lost(text),
        }
    }
}

/// What stays alive as long as the terminal is shown.
struct Shown {
    handle: JsValue,
    _on_state: Closure<dyn FnMut(String, String)>,
}

impl Drop for Shown {
    fn drop(&mut self) {
        // One that could not be opened has nothing to close.
        let _ = call(&self.handle, "close", &[]);
    }
}

/// A terminal on one connection, as long as it is mounted.
#[component]
pub fn Terminal(
    /// The connection's address.
    address: String,
    /// Where what becomes of it is noted.
    state: RwSignal<TerminalState>,
) -> impl IntoView {
    let place = NodeRef::<html::Div>::new();
    let shown = StoredValue::new_local(None::<Shown>);
    place.on_load(move |element| {
        let address = address.clone();
        spawn_local(async move {
            let script = script().await;
            // Its size is known once it is in the document, which it is not yet when it is made.
            request_animation_frame(move || {
                // The page may have gone on meanwhile, and the element may be the next terminal's.
                if !element.is_connected() || shown.is_disposed() {
                    return;
                }
                let on_state = Closure::new(move |word: String, text: String| {
                    state.try_set(TerminalState::read(&word, said(&text).into_owned()));
                });
                match script.and_then(|script| open(&script, &element, &address, &on_state)) {
                    Ok(handle) => shown.set_value(Some(Shown { handle, _on_state: on_state })),
                    Err(error) => state.set(TerminalState::Lost(containers::terminal_failed(&why(&error)))),
                }
            });
        });
    });
    on_cleanup(move || drop(shown.try_update_value(Option::take)));
    view! { <div class="terminal" data-test="terminal" node_ref=place></div> }
}

/// What an error of JavaScript's says.
fn why(error: &JsValue) -> String {
    error.dyn_ref::<js_sys::Error>().map_or_else(|| format!("{error:?}"), |error| error.message().into())
}

/// `static/terminal.js`, which is fetched for the first terminal.
async fn script() -> Result<JsValue, JsValue> {
    let import = call(&leptos::prelude::window(), "drawbridgeTerminal", &[])?;
    JsFuture::from(import.dyn_into::<Promise>()?).await
}

fn open(
    script: &JsValue,
    element: &HtmlElement,
    address: &str,
    on_state: &Closure<dyn FnMut(String, String)>,
) -> Result<JsValue, JsValue> {
    call(script, "open", &[element.as_ref(), &address.into(), on_state.as_ref()])
}

fn call(object: &JsValue, name: &str, arguments: &[&JsValue]) -> Result<JsValue, JsValue> {
    let function: Function = Reflect::get(object, &name.into())?.dyn_into()?;
    function.apply(object, &arguments.iter().copied().collect::<js_sys::Array>())
}
