//! The keyboard: arrows lead from one thing to the next, letters do what may be done with a container, signs zoom.

use super::{Canvas, stage::Stage};
use crate::{
    app::{App, Dialog},
    ask::Ask,
    layout::{Stop, Towards, next_stop, stops},
    viewport::{READABLE, STEP},
};
use drawbridge_api::ContainerState;
use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, SvgElement};

/// Pixels that an arrow key moves the drawing by.
const NUDGE: f64 = 80.0;

impl Stage {
    /// Keys that mean the drawing wherever the focus is, save in fields and dialogs.
    pub(super) fn key(self, event: &ev::KeyboardEvent) {
        if event.default_prevented() || event.ctrl_key() || event.meta_key() || event.alt_key() || is_elsewhere(event) {
            return;
        }
        match event.key().as_str() {
            "+" | "=" => self.zoom(STEP),
            "-" => self.zoom(1.0 / STEP),
            "0" => self.fit(),
            "1" => self.actual(),
            "/" => focus("#find-topology"),
            "?" => {
                if let Some(button) = element("[data-test=keys-button]") {
                    button.click();
                }
            }
            _ => return,
        }
        event.prevent_default();
    }

    /// Keys while a node has the focus: arrows lead to the next one, letters do what may be done with a container.
    pub fn walk(self, canvas: Canvas, event: &ev::KeyboardEvent) {
        if event.default_prevented() || event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let towards = match event.key().as_str() {
            "ArrowLeft" => Towards::Left,
            "ArrowRight" => Towards::Right,
            "ArrowUp" => Towards::Up,
            "ArrowDown" => Towards::Down,
            "Escape" => return canvas.choose.run(None),
            key => {
                if act(self.app, &canvas.stop.get_untracked(), key) {
                    event.prevent_default();
                }
                return;
            }
        };
        event.prevent_default();
        if event.shift_key() {
            let by = match towards {
                Towards::Left => (NUDGE, 0.0),
                Towards::Right => (-NUDGE, 0.0),
                Towards::Up => (0.0, NUDGE),
                Towards::Down => (0.0, -NUDGE),
            };
            self.set(|view| view.pan(by));
            return;
        }
        let stops = self.layout.with_untracked(stops);
        let next = canvas.stop.with_untracked(|now| next_stop(&stops, now, towards)).unwrap_or(Stop::Host);
        if let Some((_, spot)) = stops.into_iter().find(|(stop, _)| *stop == next) {
            if self.view.get_untracked().scale < READABLE {
                self.zoom(READABLE / self.view.get_untracked().scale);
            }
            self.reveal(spot);
        }
        canvas.stop.set(next.clone());
        // Once it is in the document.
        request_animation_frame(move || focus(&format!("svg [data-stop='{next}']")));
    }
}

/// What a letter does with the container that has the focus. Whether it did anything.
fn act(app: App, stop: &Stop, key: &str) -> bool {
    let Stop::Container(id) = stop else { return false };
    let container = app.link.live.with_untracked(|live| {
        live.as_ref().and_then(|live| live.containers.iter().find(|container| container.id == *id).cloned())
    });
    let Some(container) = container else { return false };
    match key {
        "s" => app.confirm(if container.state == ContainerState::Running {
            Ask::stop(&container)
        } else {
            Ask::start(&container)
        }),
        "p" => app.dialog.set(Dialog::EditPorts(container.id.clone())),
        "c" => app.dialog.set(Dialog::Connect(container.id.clone())),
        "Delete" => app.confirm(Ask::remove_container(&container)),
        _ => return false,
    }
    true
}

fn element(css: &str) -> Option<HtmlElement> {
    document().query_selector(css).ok().flatten()?.dyn_into().ok()
}

/// Gives the focus to what a selector finds; what can't take it leaves it where it is.
fn focus(css: &str) {
    let Ok(Some(found)) = document().query_selector(css) else { return };
    if let Some(node) = found.dyn_ref::<SvgElement>() {
        let _ = node.focus();
    } else if let Some(node) = found.dyn_ref::<HtmlElement>() {
        let _ = node.focus();
    }
}

/// Whether a key is typed into a field, or into a dialog.
fn is_elsewhere(event: &ev::KeyboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let in_field =
        target.is_some_and(|target| target.closest("input, select, textarea, dialog").ok().flatten().is_some());
    in_field || document().query_selector("dialog[open]").ok().flatten().is_some()
}
