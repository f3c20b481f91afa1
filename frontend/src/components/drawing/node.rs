//! What every node of the drawing is: a group that acts as a button.

use super::Canvas;
use crate::{
    layout::{Spot, Stop},
    route::Selection,
};
use leptos::{ev, prelude::*};

/// A button that selects what it stands for, and a stop of the arrow keys. What sets one kind of node apart is given to it as
/// attributes; the types here are the same for all, so that the module has this code once.
#[component]
pub fn Node(
    /// What all nodes share.
    canvas: Canvas,
    /// Its classes.
    class: &'static str,
    /// Where the arrow keys find it.
    stop: Stop,
    /// What it selects.
    #[prop(into)]
    selection: Signal<Selection>,
    /// What it says aloud.
    #[prop(into)]
    label: Signal<String>,
    /// Where it stands, if its shapes don't say so themselves.
    #[prop(optional, into)]
    place: Option<Signal<Spot>>,
    /// The shapes.
    children: Children,
) -> impl IntoView {
    let stop = StoredValue::new(stop);
    let is_selected = move || selection.with(|own| canvas.select.with(|selected| selected.as_ref() == Some(own)));
    let toggle = move || canvas.choose.run((!untrack(is_selected)).then(|| selection.get_untracked()));
    // The end of a drag is no click.
    let click = move |_| {
        if !canvas.stage.was_moved() {
            toggle();
        }
    };
    // Enter and the space bar press a button; an SVG group does not know that by itself.
    let press = move |event: ev::KeyboardEvent| {
        if matches!(event.key().as_str(), "Enter" | " ") {
            event.prevent_default();
            toggle();
        }
    };
    view! {
        <g
            class=class
            role="button"
            tabindex=move || stop.with_value(|stop| canvas.tabindex(stop))
            data-stop=stop.with_value(ToString::to_string)
            transform=move || place.map(|place| place.with(|spot| format!("translate({} {})", spot.x, spot.y)))
            aria-label=move || label.get()
            aria-pressed=move || is_selected().to_string()
            on:click=click
            on:keydown=press
            on:focus=move |_| canvas.stop.set(stop.get_value())
        >
            {children()}
        </g>
    }
}
