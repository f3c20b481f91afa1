//! The nodes of the drawing: host, bridges, namespaces and veth pairs.

use super::{Button, Canvas, doors::said};
use crate::{
    app::app,
    layout::{BAR, Spot, Wire},
    ports::entry,
    route::{Density, Selection},
    text::{addresses, count, fit},
};
use drawbridge_api::{Container, ContainerId, ContainerState, Endpoint, EndpointId, NetworkId};
use leptos::prelude::*;
use std::sync::Arc;

/// The host: name, kernel, addresses.
#[component]
pub fn HostNode(
    /// What all nodes share.
    canvas: Canvas,
) -> impl IntoView {
    let host = app().memo(|live| Some(live.host.clone()));
    let button = Button { canvas, selection: Selection::Host };
    let (clicked, pressed, selected) = (button.clone(), button.clone(), button);
    let spots = Memo::new(move |_| canvas.layout.with(|layout| (layout.host, layout.addresses.clone())));
    move || {
        let host = host.get()?;
        let (spot, chips) = spots.get();
        let (clicked, pressed, selected) = (clicked.clone(), pressed.clone(), selected.clone());
        let chips = host.addresses.iter().zip(chips).map(|(address, chip)| {
            view! {
                <rect class="chip" x=chip.x y=chip.y width=chip.width height=chip.height rx="6" />
                <text class="mono" x=chip.x + 10 y=chip.y + 17>
                    <tspan class="faint">{address.interface.clone()}</tspan>
                    <tspan dx="8">{address.address.to_string()}</tspan>
                </text>
            }
        });
        Some(view! {
            <g
                class="node host"
                role="button"
                tabindex="0"
                data-host=host.name.clone()
                aria-label=format!("Host {}", host.name)
                aria-pressed=move || selected.is_selected().to_string()
                on:click=move |_| clicked.toggle()
                on:keydown=move |event| pressed.press(&event)
            >
                <rect class="shape" x=spot.x y=spot.y width=spot.width height=spot.height rx="12" />
                <text class="name" x=spot.x + 16 y=spot.y + 32>
                    <tspan class="kind">{"HOST"}</tspan>
                    <tspan dx="10">{fit(&host.name, 24)}</tspan>
                </text>
                {(spot.width > 560).then(|| view! {
                    <text class="faint end" x=spot.x + spot.width - 16 y=spot.y + 32>
                        {format!("Linux {} · {}", host.kernel, host.runtime)}
                    </text>
                })}
                {chips.collect_view()}
            </g>
        })
    }
}

/// A bridge: its bar, its rails, its way out.
#[component]
pub fn BridgeNode(
    /// What all nodes share.
    canvas: Canvas,
    /// Which network.
    id: NetworkId,
) -> impl IntoView {
    let app = app();
    let network = {
        let id = id.clone();
        app.memo(move |live| live.networks.iter().find(|network| network.id == id).cloned())
    };
    let spot = {
        let id = id.clone();
        Memo::new(move |_| canvas.layout.with(|layout| layout.bridges.get(&id).cloned()))
    };
    let running = app.memo(move |live| {
        let ends = live.containers.iter().flat_map(|container| &container.endpoints);
        ends.filter(|endpoint| endpoint.network_id == id).count()
    });
    move || {
        let (network, spot) = (network.get()?, spot.get()?);
        let name = network.name.to_string();
        let bridge = network.bridge.as_ref().map(ToString::to_string).unwrap_or_default();
        let bar = spot.bar;
        let button = Button { canvas, selection: Selection::Network(name.clone()) };
        let (clicked, pressed, selected) = (button.clone(), button.clone(), button);
        let subnets: Vec<String> = network
            .subnets
            .iter()
            .map(|subnet| {
                // The gateway is said in the inspector where there is no room for it.
                if bar.width > 420 {
                    format!("{} · gateway {}", subnet.subnet, subnet.gateway)
                } else {
                    subnet.subnet.to_string()
                }
            })
            .collect();
        let label = format!(
            "Network {name}, bridge {bridge}, {}, {}",
            subnets.join(", "),
            count(running.get_untracked(), "container")
        );
        let rails = spot.rails.iter().map(|[from, to]| {
            view! { <line class="rail" x1=from.0 y1=from.1 x2=to.0 y2=to.1 /> }
        });
        Some(view! {
            <g
                class="node bridge"
                class:internal=network.internal
                role="button"
                tabindex="0"
                data-network=name.clone()
                aria-label=label
                aria-pressed=move || selected.is_selected().to_string()
                on:click=move |_| clicked.toggle()
                on:keydown=move |event| pressed.press(&event)
            >
                {spot.uplink.map(|[from, to]| view! {
                    <line class="trunk" x1=from.0 y1=from.1 x2=to.0 y2=to.1 />
                    <circle class="joint" cx=from.0 cy=from.1 r="4" />
                })}
                {rails.collect_view()}
                <rect class="shape" x=bar.x y=bar.y width=bar.width height=BAR rx="10" />
                <text class="name" x=bar.x + 16 y=bar.y + 27>
                    {fit(&name, if bar.width > 420 { 40 } else { 16 })}
                    <tspan class="mono faint" dx="10">{bridge}</tspan>
                </text>
                <text class="mono" x=bar.x + 16 y=bar.y + 48>{subnets.join("   ")}</text>
                <text class="faint end number" x=bar.x + bar.width - 16 y=bar.y + 27>
                    {move || format!("{} running", running.get())}
                </text>
                {network.internal.then(|| view! {
                    <text class="faint end" x=bar.x + bar.width - 16 y=bar.y + 48>"internal: no way out"</text>
                })}
            </g>
        })
    }
}

/// A container: the box of its network namespace.
#[component]
pub fn ContainerNode(
    /// What all nodes share.
    canvas: Canvas,
    /// Which container.
    id: ContainerId,
) -> impl IntoView {
    let container = app().container(id.clone());
    let spot = Memo::new(move |_| canvas.layout.with(|layout| layout.containers.get(&id).copied()));
    let place = move || spot.get().unwrap_or_default();
    let name = Memo::new(move |_| container.get().map(|container| container.name.to_string()).unwrap_or_default());
    let button = move || Button { canvas, selection: Selection::Container(name.get_untracked()) };
    let state = move || container.get().map(|container| container.state.as_str());
    view! {
        <g
            class="node container"
            role="button"
            tabindex="0"
            data-container=move || name.get()
            data-state=state
            aria-label=move || container.get().map(|container| describe(&container))
            aria-pressed=move || {
                Button { canvas, selection: Selection::Container(name.get()) }.is_selected().to_string()
            }
            transform=move || format!("translate({} {})", place().x, place().y)
            on:click=move |_| button().toggle()
            on:keydown=move |event| button().press(&event)
        >
            <rect class="shape" width=move || place().width height=move || place().height rx="10" />
            {move || container.get().map(|container| face(&container, place(), canvas.density.get()))}
        </g>
    }
}

/// What a container's node says aloud.
fn describe(container: &Container) -> String {
    let addresses: Vec<String> = container.endpoints.iter().map(addresses).collect();
    let state = crate::components::state::word(container);
    let ports = if container.ports.is_empty() { String::new() } else { format!(", published: {}", said(container)) };
    format!("Container {}, {state} {}{ports}", container.name, addresses.join(", "))
}

fn first_address(endpoint: &Endpoint) -> String {
    endpoint.addresses().first().map(ToString::to_string).unwrap_or_default()
}

/// The lines inside a container's box.
fn face(container: &Container, spot: Spot, density: Density) -> impl IntoView + use<> {
    let room = usize::try_from(spot.width - 44).unwrap_or(0);
    let name = fit(container.name.as_str(), room / 9);
    let mark = match container.state {
        ContainerState::Running => view! { <circle class="mark running" cx="19" cy="24" r="4.5" /> }.into_any(),
        ContainerState::Created | ContainerState::Exited => {
            view! { <rect class="mark" x="15" y="20" width="8" height="8" rx="1.5" /> }.into_any()
        }
    };
    let first = container.endpoints.first();
    let lines: Vec<(&str, String)> = match (density, first) {
        (Density::Compact, Some(endpoint)) => {
            vec![("mono", addresses(endpoint).split(", ").next().unwrap_or_default().to_owned())]
        }
        (Density::Compact, None) => vec![("faint", crate::components::state::word(container))],
        (Density::Full, Some(endpoint)) => vec![
            ("mono", first_address(endpoint)),
            ("mono faint", endpoint.mac.to_string()),
            (
                "mono faint",
                container.namespace.as_ref().map(|ns| format!("netns {}", fit(ns.as_str(), 16))).unwrap_or_default(),
            ),
        ],
        (Density::Full, None) => vec![
            ("faint", crate::components::state::word(container)),
            ("faint", fit(&container.image, room / 7)),
            (
                "mono faint",
                container.namespace.as_ref().map(|ns| format!("netns {}", fit(ns.as_str(), 16))).unwrap_or_default(),
            ),
        ],
    };
    let (title, first_line, step) = match density {
        Density::Full => (29, 52, 18),
        Density::Compact => (20, 37, 14),
    };
    let lines = lines.into_iter().zip(0..).map(|((class, line), index)| {
        view! { <text class=class x="14" y=first_line + index * step>{line}</text> }
    });
    let lines = lines.collect_view();
    // The end of its way in, on the lower edge as `eth0` is on the upper one.
    let (middle, bottom) = (spot.width / 2, spot.height);
    let door = entry(&container.ports).map(|entry| match density {
        Density::Full => {
            let length = i32::try_from(entry.inside.chars().count()).unwrap_or(8) * 8 + 14;
            view! {
                <rect class="door-end" x=middle - length / 2 y=bottom - 6 width=length height="17" rx="5" />
                <text class="mono middle door-text" x=middle y=bottom + 7>{entry.inside}</text>
            }
            .into_any()
        }
        Density::Compact => view! { <circle class="door-end" cx=middle cy=bottom r="4" /> }.into_any(),
    });
    let lift = if density == Density::Compact { "translate(0 -9)" } else { "" };
    view! {
        <g transform=lift>{mark}</g>
        <text class="name" x="31" y=title>{name}</text>
        {lines}
        {door}
    }
}

/// A veth pair: a line with the names of both ends.
#[component]
pub fn WireNode(
    /// What all nodes share.
    canvas: Canvas,
    /// The container at its inner end.
    container: ContainerId,
    /// Which endpoint.
    endpoint: EndpointId,
) -> impl IntoView {
    let wire = {
        let endpoint = endpoint.clone();
        Memo::new(move |_| canvas.layout.with(|layout| layout.wires.get(&endpoint).cloned()))
    };
    let owner = app().container(container);
    let ends = Memo::new(move |_| {
        let owner: Arc<Container> = owner.get()?;
        let found = owner.endpoints.iter().find(|kept| kept.id == endpoint)?;
        Some((found.host_end.as_ref()?.to_string(), found.interface.to_string(), owner.name.to_string()))
    });
    move || {
        let (wire, (outside, inside, owner)) = (wire.get()?, ends.get()?);
        let button = Button { canvas, selection: Selection::Veth(outside.clone()) };
        let (clicked, pressed, selected) = (button.clone(), button.clone(), button);
        Some(view! {
            <g
                class="node veth"
                role="button"
                tabindex="0"
                data-veth=outside.clone()
                aria-label=format!("veth pair: {outside} on the host, {inside} in {owner}")
                aria-pressed=move || selected.is_selected().to_string()
                on:click=move |_| clicked.toggle()
                on:keydown=move |event| pressed.press(&event)
            >
                {drawn(&wire, &outside, &inside, canvas.density.get())}
            </g>
        })
    }
}

/// Line, ends and names. The wide transparent line makes it easy to hit.
fn drawn(wire: &Wire, outside: &str, inside: &str, density: Density) -> Option<impl IntoView + use<>> {
    let (&(x, y), &(end_x, end_y)) = (wire.points.first()?, wire.points.last()?);
    let points: Vec<String> = wire.points.iter().map(|(x, y)| format!("{x},{y}")).collect();
    let points = points.join(" ");
    let is_straight = wire.points.len() == 2;
    let names = (density == Density::Full).then(|| {
        let port = i32::try_from(inside.chars().count()).unwrap_or(4) * 8 + 12;
        view! {
            {is_straight.then(|| view! { <text class="mono" x=x + 10 y=y + 27>{outside.to_owned()}</text> })}
            <rect class="port" x=end_x - port / 2 y=end_y - 10 width=port height="20" rx="5" />
            <text class="mono middle" x=end_x y=end_y + 4>{inside.to_owned()}</text>
        }
    });
    Some(view! {
        <polyline class="reach" points=points.clone() />
        <polyline class="line" points=points />
        <circle class="plug" cx=x cy=y r="4.5" />
        {names}
    })
}
