//! Published ports in the drawing: chips at the host, and the ways from there into the containers.

use super::{Canvas, node::Node};
use crate::{
    app::app,
    i18n::topology,
    layout::{Point, Spot, Stop},
    ports::ranges,
    route::Selection,
};
use drawbridge_api::{Container, ContainerId};
use leptos::prelude::*;
use std::fmt::Write as _;

/// As many ports are said aloud one by one.
const SAID: usize = 4;

/// All ways in as one path, and on it the one of the container that is selected or pointed at.
#[component]
pub fn Ways(
    /// What all nodes share.
    canvas: Canvas,
) -> impl IntoView {
    let containers = app().containers();
    let all = Memo::new(move |_| canvas.layout.with(|layout| path(&layout.ways)));
    let chosen = Memo::new(move |_| {
        let id = canvas.hover.get().or_else(|| {
            let Some(Selection::Container(name)) = canvas.select.get() else { return None };
            containers.with(|containers| Some(containers.iter().find(|c| c.name.as_str() == name)?.id.clone()))
        })?;
        let points = canvas.layout.with(|layout| Some(layout.doors.get(&id)?.points.clone()))?;
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
        Some(points.join(" "))
    });
    view! {
        <g class="ways" aria-hidden="true">
            <path class="way" d=move || all.get() />
            {move || chosen.get().map(|points| view! { <polyline class="way chosen" points=points /> })}
        </g>
    }
}

/// Lines as the commands of an SVG path.
fn path(lines: &[[Point; 2]]) -> String {
    let mut path = String::new();
    for [(ax, ay), (bx, by)] in lines {
        // Writing into a string does not fail.
        let _ = write!(path, "M{ax} {ay}L{bx} {by}");
    }
    path
}

/// A chip at the host. It selects its container; the one that stands for several selects the host, which lists them.
#[component]
pub fn PortNode(
    /// What all nodes share.
    canvas: Canvas,
    /// Which container; none for the chip that stands for several.
    id: Option<ContainerId>,
) -> impl IntoView {
    let app = app();
    let stop = Stop::Port(id.clone());
    let chip = {
        let id = id.clone();
        Memo::new(move |_| canvas.layout.with(|layout| layout.chips.iter().find(|chip| chip.container == id).cloned()))
    };
    let container = id.clone().map(|id| app.container(id));
    let name = Memo::new(move |_| Some(container?.get()?.name.to_string()));
    let selection = Signal::derive(move || name.get().map_or(Selection::Host, Selection::Container));
    let place = move || chip.with(|chip| chip.as_ref().map_or(Spot::default(), |chip| chip.spot));
    let text = move || chip.with(|chip| chip.as_ref().map(|chip| chip.text.clone()).unwrap_or_default());
    let rest = move || canvas.layout.with(|layout| layout.doors.len() + 1 - layout.chips.len());
    let label = move || match container.and_then(|container| container.get()) {
        Some(container) => topology::say_ways(&container.name, &said(&container)),
        None => topology::say_more_ways(rest()),
    };
    let hover = canvas.hover;
    let (entered, focused) = (id.clone(), id);
    view! {
        <Node
            canvas
            class="node door"
            stop
            selection
            place=Signal::derive(place)
            label=Signal::derive(label)
            words=view! { <text class="mono" x="27" y="17">{text}</text> }.into_any()
            attr:data-port=move || name.get().unwrap_or_default()
            on:pointerenter=move |_| hover.set(entered.clone())
            on:pointerleave=move |_| hover.set(None)
            on:focusin=move |_| hover.set(focused.clone())
            on:focusout=move |_| hover.set(None)
        >
            {move || {
                let Spot { width, height, .. } = place();
                view! {
                    <rect class="shape" width=width height=height rx="13" />
                    <path class="door-mark" d="M12 9h9l-4.5 8z" />
                }
            }}
        </Node>
    }
}

/// The published ports of a container, as a screen reader says them.
pub fn said(container: &Container) -> String {
    let ranges = ranges(&container.ports);
    let mut words: Vec<String> = ranges.iter().take(SAID).map(ToString::to_string).collect();
    if ranges.len() > SAID {
        words.push(topology::more_ports(&(ranges.len() - SAID)));
    }
    words.join(", ").replace('→', topology::to())
}
