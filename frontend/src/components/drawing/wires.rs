//! Veth pairs: a line with the names of both ends, and what passes.

use super::{Canvas, node::Node};
use crate::{
    app::app,
    find::means_container,
    i18n::topology,
    layout::{Point, Stop},
    rates::{self, Rate},
    route::{Density, Selection},
};
use drawbridge_api::{Container, EndpointId};
use leptos::prelude::*;
use std::sync::Arc;

/// With more lines in sight none flows: each is drawn anew in every frame.
pub const FLOWING: usize = 60;

/// A veth pair.
#[component]
pub fn WireNode(
    /// What all nodes share.
    canvas: Canvas,
    /// Which endpoint.
    id: EndpointId,
) -> impl IntoView {
    let stop = Stop::Wire(id.clone());
    let points = {
        let id = id.clone();
        Memo::new(move |_| {
            canvas.layout.with(|layout| layout.wires.get(&id).map(|wire| wire.points.clone()).unwrap_or_default())
        })
    };
    let owner = {
        let id = id.clone();
        let is_of = move |container: &&Arc<Container>| container.endpoints.iter().any(|endpoint| endpoint.id == id);
        app().memo(move |live| live.containers.iter().find(&is_of).cloned())
    };
    let ends = Memo::new(move |_| {
        let owner: Arc<Container> = owner.get()?;
        let found = owner.endpoints.iter().find(|kept| kept.id == id)?;
        Some((found.host_end.as_ref()?.to_string(), found.interface.to_string(), owner.name.to_string()))
    });
    let rate = Memo::new(move |_| {
        ends.with(|ends| {
            let (outside, ..) = ends.as_ref()?;
            canvas.rates.with(|rates| rates.get(outside).copied())
        })
        .unwrap_or_default()
    });
    let is_dim = Signal::derive(move || {
        canvas.find.with(|text| {
            !text.is_empty() && !owner.with(|owner| owner.as_ref().is_some_and(|owner| means_container(owner, text)))
        })
    });
    move || {
        let (outside, inside, owner) = ends.get()?;
        let (name, label) = (outside.clone(), topology::say_veth(&outside, &inside, &owner));
        let port = i32::try_from(inside.chars().count()).unwrap_or(4) * 8 + 12;
        Some(view! {
            <Node
                canvas
                class="node veth"
                stop=stop.clone()
                selection=Selection::Veth(name.clone())
                label
                words=view! { <Names canvas points rate outside inside /> }.into_any()
                class:dim=is_dim
                attr:data-veth=name
                attr:data-level=move || rates::level(rate.get())
            >
                {["reach", "line"].map(|class| view! {
                    <polyline class=class points=move || points.with(|points| path(points)) />
                }).into_iter().collect_view()}
                {move || flow(rate.get()).map(|class| view! {
                    <polyline class=class points=points.with(|points| path(points)) />
                })}
                {move || ends_of(&points.get(), port, canvas.density.get())}
            </Node>
        })
    }
}

/// The ends of a line: a plug at the bridge, and at the namespace a port in which its name has room, `port` wide.
fn ends_of(points: &[Point], port: i32, density: Density) -> Option<impl IntoView + use<>> {
    let (&(x, y), &(end_x, end_y)) = (points.first()?, points.last()?);
    let port = (density == Density::Full).then(|| {
        view! { <rect class="port" x=end_x - port / 2 y=end_y - 10 width=port height="20" rx="5" /> }
    });
    Some(view! {
        <circle class="plug" cx=x cy=y r="4.5" />
        {port}
    })
}

/// The names of the ends, and the rate where the line hangs straight down.
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
    let words = Signal::derive(move || rates::label(rate.get()).unwrap_or_default());
    move || {
        let points = points.get();
        let (&(x, y), &(end_x, end_y)) = (points.first()?, points.last()?);
        (canvas.density.get() == Density::Full).then(|| {
            view! {
                {(points.len() == 2).then(|| view! {
                    <text class="mono" x=x + 10 y=y + 21>{outside.clone()}</text>
                    <text class="mono rate" data-test="rate" x=x + 10 y=y + 37>{words}</text>
                })}
                <text class="mono middle" x=end_x y=end_y + 4>{inside.clone()}</text>
            }
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
