//! What every node of the drawing is: shapes that act as a button, and words over them that are part of the picture. A button's name
//! has to hold the words on it (WCAG 2.5.3), and a screen reader would then read all of them instead of saying what they mean.

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
    /// What is read in it by those who see it.
    words: AnyView,
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
            class:selected=is_selected
            transform=move || place.map(|place| place.with(|spot| format!("translate({} {})", spot.x, spot.y)))
            on:click=click
        >
            <g
                role="button"
                tabindex=move || stop.with_value(|stop| canvas.tabindex(stop))
                data-stop=stop.with_value(ToString::to_string)
                aria-label=move || label.get()
                aria-pressed=move || is_selected().to_string()
                on:keydown=press
                on:focus=move |_| canvas.stop.set(stop.get_value())
            >
                {children()}
            </g>
            <g aria-hidden="true">{words}</g>
        </g>
    }
}
