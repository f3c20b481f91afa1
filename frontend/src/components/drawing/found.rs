//! The nodes of what others have made: their bridges, and the namespaces and links that hang from them.

use super::{Canvas, node::Node};
use crate::{
    app::app,
    i18n::topology,
    layout::{BAR, Stop},
    route::{Density, Selection},
    text::fit,
};
use drawbridge_api::{Found, FoundLink};
use leptos::prelude::*;
use std::sync::Arc;

/// One of them.
#[component]
pub fn FoundNode(
    /// What all nodes share.
    canvas: Canvas,
    /// What it stands for.
    selection: Selection,
) -> impl IntoView {
    let is_bridge = {
        let selection = selection.clone();
        Memo::new(move |_| {
            let Selection::Link(name) = &selection else { return false };
            canvas.layout.with(|layout| layout.found.bridges.iter().any(|bridge| bridge.name == *name))
        })
    };
    move || match selection.clone() {
        Selection::Link(name) if is_bridge.get() => view! { <BridgeNode canvas name /> }.into_any(),
        selection => view! { <BoxNode canvas selection /> }.into_any(),
    }
}

#[component]
fn BridgeNode(
    /// What all nodes share.
    canvas: Canvas,
    /// Which bridge.
    name: String,
) -> impl IntoView {
    let found = app().memo(|live| live.found.clone());
    let spot = {
        let name = name.clone();
        Memo::new(move |_| {
            canvas.layout.with(|layout| layout.found.bridges.iter().find(|bridge| bridge.name == name).cloned())
        })
    };
    move || {
        let (spot, found) = (spot.get()?, found.get());
        let link = found.links.iter().find(|link| link.name == name)?;
        let ports = found.links.iter().filter(|port| port.bridge.as_ref() == Some(&name)).count();
        let selection = Selection::Link(name.clone());
        let bar = spot.bar;
        let said = if link.addresses.is_empty() { state(link).to_owned() } else { addresses(link) };
        let label = topology::say_foreign_bridge(&name, &said, &topology::ports(ports));
        let (short, mark) = (fit(&name, 16), name.clone());
        let rails = spot.rails.iter().map(|[from, to]| {
            view! { <line class="rail" x1=from.0 y1=from.1 x2=to.0 y2=to.1 /> }
        });
        let rails = rails.collect_view();
        let words = view! {
            <text class="name" x=bar.x + 16 y=bar.y + 27>{short}</text>
            <text class="mono" x=bar.x + 16 y=bar.y + 48>{said}</text>
            <text class="faint end" x=bar.x + bar.width - 16 y=bar.y + 27>{topology::ports(ports)}</text>
        };
        Some(view! {
            <Node
                canvas
                class="node bridge foreign"
                stop=Stop::Found(selection.clone())
                selection
                label
                words=words.into_any()
                attr:data-link=mark
            >
                {rails}
                <rect class="shape" x=bar.x y=bar.y width=bar.width height=BAR rx="10" />
            </Node>
        })
    }
}

#[component]
fn BoxNode(
    /// What all nodes share.
    canvas: Canvas,
    /// What it stands for.
    selection: Selection,
) -> impl IntoView {
    let found = app().memo(|live| live.found.clone());
    let spot = {
        let selection = selection.clone();
        Memo::new(move |_| {
            canvas.layout.with(|layout| layout.found.boxes.iter().find(|found| found.selection == selection).cloned())
        })
    };
    move || {
        let spot = spot.get()?;
        let (name, lines) = face(&selection, &found.get())?;
        let (place, room) = (spot.spot, usize::try_from(spot.spot.width - 30).unwrap_or(0) / 8);
        let shown = if canvas.density.get() == Density::Compact { 1 } else { 3 };
        let (link, namespace) = match &selection {
            Selection::Namespace(name) => (None, Some(name.clone())),
            _ => (Some(name.clone()), None),
        };
        let label = topology::say_foreign(&selection, &lines.join(", "));
        let step = if shown == 1 { 14 } else { 18 };
        let lines = lines.into_iter().take(shown).zip(1..).map(|(line, number)| {
            view! { <text class="mono" x=place.x + 14 y=place.y + 24 + step * number>{fit(&line, room)}</text> }
        });
        let words = view! {
            <text class="name" x=place.x + 14 y=place.y + 20 + step / 5>{fit(&name, room)}</text>
            {lines.collect_view()}
        };
        Some(view! {
            <Node
                canvas
                class="node container foreign"
                stop=Stop::Found(selection.clone())
                selection=selection.clone()
                label
                words=words.into_any()
                attr:data-link=link
                attr:data-namespace=namespace
            >
                {spot.wire.map(|[from, to]| view! { <line class="line" x1=from.0 y1=from.1 x2=to.0 y2=to.1 /> })}
                <rect class="shape" x=place.x y=place.y width=place.width height=place.height rx="10" />
            </Node>
        })
    }
}

/// The name of a box and what it says of what is in it; none when it is not there any more.
fn face(selection: &Selection, found: &Arc<Found>) -> Option<(String, Vec<String>)> {
    match selection {
        Selection::Namespace(name) => {
            let namespace = found.namespaces.iter().find(|namespace| namespace.name == *name);
            // A port may lead into one that is told a moment later.
            let links = namespace.map_or(&[][..], |namespace| namespace.links.as_slice());
            let lines = links.iter().filter(|link| !is_loopback(link)).map(|link| {
                if link.addresses.is_empty() {
                    format!("{} {}", link.name, state(link))
                } else {
                    format!("{} {}", link.name, addresses(link))
                }
            });
            let lines: Vec<String> = lines.collect();
            Some((name.clone(), if lines.is_empty() { vec![topology::loopback_only().to_owned()] } else { lines }))
        }
        Selection::Link(name) => {
            let link = found.links.iter().find(|link| link.name == *name)?;
            let kind = if link.kind.is_empty() { topology::hardware() } else { link.kind.as_str() };
            let mut lines = vec![format!("{kind}, {}", state(link))];
            lines.extend(link.bridge.as_ref().map(|bridge| topology::in_bridge(bridge)));
            lines.extend((!link.addresses.is_empty()).then(|| addresses(link)));
            Some((name.clone(), lines))
        }
        Selection::Host | Selection::Network(_) | Selection::Container(_) | Selection::Veth(_) => None,
    }
}

/// The loopback is in every namespace, and says nothing about one.
fn is_loopback(link: &FoundLink) -> bool {
    link.index == 1 && link.kind.is_empty()
}

fn state(link: &FoundLink) -> &'static str {
    if link.up { topology::up() } else { topology::down() }
}

/// The addresses of a link, IPv6 link-local ones left out where there are others.
fn addresses(link: &FoundLink) -> String {
    let all: Vec<String> = link.addresses.iter().map(ToString::to_string).collect();
    let told: Vec<&str> = all.iter().map(String::as_str).filter(|address| !address.starts_with("fe80:")).collect();
    if told.is_empty() { all.join(" ") } else { told.join(" ") }
}
