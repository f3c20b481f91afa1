//! Veth pairs: a line with the names of both ends, and what passes.

use super::{Button, Canvas};
use crate::{
    app::app,
    find::means_container,
    i18n::topology,
    layout::{Point, Stop},
    rates::{self, Rate},
    route::{Density, Selection},
};
use drawbridge_api::{Container, ContainerId, EndpointId};
use leptos::prelude::*;
use std::sync::Arc;

/// With more lines in sight none flows: each is drawn anew in every frame.
pub const FLOWING: usize = 60;

/// A veth pair.
#[component]
pub fn WireNode(
    /// What all nodes share.
    canvas: Canvas,
    /// The container at its inner end.
    container: ContainerId,
    /// Which endpoint.
    endpoint: EndpointId,
) -> impl IntoView {
    let stop = StoredValue::new(Stop::Wire(endpoint.clone()));
    let points = {
        let endpoint = endpoint.clone();
        Memo::new(move |_| {
            canvas.layout.with(|layout| layout.wires.get(&endpoint).map(|wire| wire.points.clone()).unwrap_or_default())
        })
    };
    let owner = app().container(container);
    let ends = Memo::new(move |_| {
        let owner: Arc<Container> = owner.get()?;
        let found = owner.endpoints.iter().find(|kept| kept.id == endpoint)?;
        Some((found.host_end.as_ref()?.to_string(), found.interface.to_string(), owner.name.to_string()))
    });
    let rate = Memo::new(move |_| {
        ends.with(|ends| {
            let (outside, ..) = ends.as_ref()?;
            canvas.rates.with(|rates| rates.get(outside).copied())
        })
        .unwrap_or_default()
    });
    let is_dim = move || {
        canvas.find.with(|text| {
            !text.is_empty() && !owner.with(|owner| owner.as_ref().is_some_and(|owner| means_container(owner, text)))
        })
    };
    move || {
        let (outside, inside, owner) = ends.get()?;
        let button = Button { canvas, selection: Selection::Veth(outside.clone()) };
        let (clicked, pressed, selected) = (button.clone(), button.clone(), button);
        let (name, label) = (outside.clone(), topology::say_veth(&outside, &inside, &owner));
        Some(view! {
            <g
                class="node veth"
                class:dim=is_dim
                role="button"
                tabindex=move || stop.with_value(|stop| canvas.tabindex(stop))
                data-stop=stop.with_value(ToString::to_string)
                data-veth=name
                data-level=move || rates::level(rate.get())
                aria-label=label
                aria-pressed=move || selected.is_selected().to_string()
                on:click=move |_| clicked.toggle()
                on:keydown=move |event| pressed.press(&event)
                on:focus=move |_| canvas.stop.set(stop.get_value())
            >
                <polyline class="reach" points=move || points.with(|points| path(points)) />
                <polyline class="line" points=move || points.with(|points| path(points)) />
                {move || flow(rate.get()).map(|class| view! {
                    <polyline class=class points=points.with(|points| path(points)) />
                })}
                <Names canvas points rate outside inside />
            </g>
        })
    }
}

/// The ends and their names, and the rate where the line hangs straight down.
#[component]
fn Names(
    /// What all nodes share.
    canvas: Canvas,
    /// The corners of the line.
    points: Memo<Vec<Point>>,
    /// What passes.
    rate: Memo<Rate>,
    /// The end on the host.
    outside: String,
    /// The end in the namespace.
    inside: String,
) -> impl IntoView {
    let words = Memo::new(move |_| rates::label(rate.get()));
    move || {
        let points = points.get();
        let (&(x, y), &(end_x, end_y)) = (points.first()?, points.last()?);
        let names = (canvas.density.get() == Density::Full).then(|| {
            let port = i32::try_from(inside.chars().count()).unwrap_or(4) * 8 + 12;
            view! {
                {(points.len() == 2).then(|| view! {
                    <text class="mono" x=x + 10 y=y + 21>{outside.clone()}</text>
                    <text class="mono rate" data-test="rate" x=x + 10 y=y + 37>{move || words.get()}</text>
                })}
                <rect class="port" x=end_x - port / 2 y=end_y - 10 width=port height="20" rx="5" />
                <text class="mono middle" x=end_x y=end_y + 4>{inside.clone()}</text>
            }
        });
        Some(view! {
            <circle class="plug" cx=x cy=y r="4.5" />
            {names}
        })
    }
}

/// The classes of what flows along a line; none when next to nothing does.
fn flow(rate: Rate) -> Option<&'static str> {
    let inward = rate.sent >= rate.received;
    (rates::level(rate) > 0).then_some(if inward { "flow" } else { "flow back" })
}

/// Corners as SVG writes them.
pub(super) fn path(points: &[Point]) -> String {
    let points: Vec<String> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
    points.join(" ")
}
