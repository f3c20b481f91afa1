//! Namespaces: a box for each container, and the one that follows the pointer.

use super::{Canvas, doors::said, node::Node};
use crate::{
    app::app,
    components::state,
    face::{self, lines},
    find::means_container,
    i18n::topology,
    layout::{Spot, Stop},
    ports::entry,
    route::{Density, Selection},
    text::{addresses, fit},
};
use drawbridge_api::{Container, ContainerId, ContainerState};
use leptos::prelude::*;

/// A container: the box of its network namespace.
#[component]
pub fn ContainerNode(
    /// What all nodes share.
    canvas: Canvas,
    /// Which container.
    id: ContainerId,
) -> impl IntoView {
    let container = app().container(id.clone());
    let stop = Stop::Container(id.clone());
    let spot = Memo::new(move |_| canvas.layout.with(|layout| layout.containers.get(&id).copied()));
    let place = move || spot.get().unwrap_or_default();
    let name = Memo::new(move |_| container.get().map(|container| container.name.to_string()).unwrap_or_default());
    let selection = Signal::derive(move || Selection::Container(name.get()));
    let label =
        move || container.with(|container| container.as_ref().map(|container| describe(container)).unwrap_or_default());
    let state = move || container.get().map(|container| container.state.as_str());
    let is_dim = Signal::derive(move || {
        canvas.find.with(|text| {
            !text.is_empty()
                && !container.with(|container| container.as_ref().is_some_and(|c| means_container(c, text)))
        })
    });
    let words = move || container.get().map(|container| words(&container, place(), canvas.density.get()));
    view! {
        <Node
            canvas
            class="node container"
            stop
            selection
            place=Signal::derive(place)
            label=Signal::derive(label)
            words=words.into_any()
            class:dim=is_dim
            attr:data-container=move || name.get()
            attr:data-state=state
        >
            {move || container.get().map(|container| shapes(&container, place(), canvas.density.get()))}
        </Node>
    }
}

/// What a container's node says aloud.
fn describe(container: &Container) -> String {
    let addresses: Vec<String> = container.endpoints.iter().map(addresses).collect();
    let state = state::word(container);
    let ports = if container.ports.is_empty() { String::new() } else { topology::say_published(&said(container)) };
    format!("{}{ports}", topology::say_container(&container.name, &state, &addresses.join(", ")))
}

/// A container's box, the mark of its state, and the end of its way in: on the lower edge, as `eth0` is on the upper one.
fn shapes(container: &Container, spot: Spot, density: Density) -> impl IntoView + use<> {
    let mark = match container.state {
        ContainerState::Running => view! { <circle class="mark running" cx="19" cy="24" r="4.5" /> }.into_any(),
        ContainerState::Created | ContainerState::Exited => {
            view! { <rect class="mark" x="15" y="20" width="8" height="8" rx="1.5" /> }.into_any()
        }
    };
    let (middle, bottom) = (spot.width / 2, spot.height);
    let door = entry(&container.ports).map(|entry| match density {
        Density::Full => {
            let length = i32::try_from(entry.inside.chars().count()).unwrap_or(8) * 8 + 14;
            view! { <rect class="door-end" x=middle - length / 2 y=bottom - 6 width=length height="17" rx="5" /> }
                .into_any()
        }
        Density::Compact => view! { <circle class="door-end" cx=middle cy=bottom r="4" /> }.into_any(),
    });
    let lift = if density == Density::Compact { "translate(0 -9)" } else { "" };
    view! {
        <rect class="shape" width=spot.width height=spot.height rx="10" />
        <g transform=lift>{mark}</g>
        {door}
    }
}

/// The lines inside a container's box, and the port at the end of its way in.
fn words(container: &Container, spot: Spot, density: Density) -> impl IntoView + use<> {
    let name = fit(container.name.as_str(), face::name(spot.width - 44));
    let (title, first_line, step) = match density {
        Density::Full => (29, 52, 18),
        Density::Compact => (20, 37, 14),
    };
    let lines = lines(container, density, spot.width).into_iter().zip(0..).map(|(line, index)| {
        view! { <text class=line.class x="14" y=first_line + index * step>{line.text}</text> }
    });
    let lines = lines.collect_view();
    let entry = entry(&container.ports).filter(|_| density == Density::Full);
    let door = entry.map(|entry| {
        let (middle, bottom) = (spot.width / 2, spot.height);
        view! { <text class="mono middle door-text" x=middle y=bottom + 7>{entry.inside}</text> }
    });
    view! {
        <text class="name" x="31" y=title>{name}</text>
        {lines}
        {door}
    }
}

/// A container on its way to a network, at the pointer.
#[component]
pub fn Ghost(
    /// What all nodes share.
    canvas: Canvas,
) -> impl IntoView {
    let containers = app().containers();
    let drag = canvas.stage.drag;
    move || {
        let drag = drag.get()?;
        let name = containers.with_untracked(|containers| {
            Some(containers.iter().find(|container| container.id == drag.container)?.name.to_string())
        })?;
        let words = fit(&name, 24);
        let width = i32::try_from(words.chars().count()).unwrap_or(24) * 9 + 28;
        Some(view! {
            <g
                class="ghost"
                class:over=drag.target.is_some()
                aria-hidden="true"
                transform=format!("translate({} {})", drag.at.0 + 12, drag.at.1 + 12)
            >
                <rect width=width height="32" rx="8" />
                <text class="name" x="14" y="21">{words}</text>
            </g>
        })
    }
}
