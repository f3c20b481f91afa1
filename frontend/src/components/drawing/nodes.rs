//! The nodes of the drawing that everything hangs from: the host and the bridges.

use super::{Canvas, network, node::Node};
use crate::{
    app::app,
    face::{WIDE, bar_words},
    find::means_network,
    i18n::topology,
    layout::{BAR, Stop},
    rates::{self, Rate},
    route::Selection,
    text::fit,
};
use drawbridge_api::NetworkId;
use leptos::prelude::*;

/// The host: name, kernel, addresses.
#[component]
pub fn HostNode(
    /// What all nodes share.
    canvas: Canvas,
) -> impl IntoView {
    let host = app().memo(|live| Some(live.host.clone()));
    let spots = Memo::new(move |_| canvas.layout.with(|layout| (layout.host, layout.addresses.clone())));
    move || {
        let (spot, chips) = spots.get();
        // Not laid out yet.
        let host = host.get().filter(|_| spot.width > 0)?;
        let chips = host.addresses.iter().zip(chips).map(|(address, chip)| {
            let shape = view! { <rect class="chip" x=chip.x y=chip.y width=chip.width height=chip.height rx="6" /> };
            let words = view! {
                <text class="mono" x=chip.x + 10 y=chip.y + 17>
                    <tspan class="faint">{address.interface.clone()}</tspan>
                    <tspan dx="8">{address.address.to_string()}</tspan>
                </text>
            };
            (shape, words)
        });
        let (chips, addresses): (Vec<_>, Vec<_>) = chips.unzip();
        let (name, mark, system) =
            (host.name.clone(), host.name.clone(), format!("Linux {} · {}", host.kernel, host.runtime));
        let words = view! {
            <text class="name" x=spot.x + 16 y=spot.y + 32>
                <tspan class="kind">{topology::host()}</tspan>
                <tspan dx="10">{fit(&name, 24)}</tspan>
            </text>
            {(spot.width > 560).then(|| view! {
                <text class="faint end" x=spot.x + spot.width - 16 y=spot.y + 32>
                    {system}
                </text>
            })}
            {addresses}
        };
        Some(view! {
            <Node
                canvas
                class="node host"
                stop=Stop::Host
                selection=Selection::Host
                label=topology::say_host(&name)
                words=words.into_any()
                attr:data-host=mark
            >
                <rect class="shape" x=spot.x y=spot.y width=spot.width height=spot.height rx="12" />
                {chips}
            </Node>
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
    let network = network(id.clone());
    let stop = Stop::Network(id.clone());
    let spot = {
        let id = id.clone();
        Memo::new(move |_| canvas.layout.with(|layout| layout.bridges.get(&id).cloned()))
    };
    let target = {
        let id = id.clone();
        Memo::new(move |_| {
            canvas.stage.drag.with(|drag| drag.as_ref().is_some_and(|drag| drag.target.as_ref() == Some(&id)))
        })
    };
    let ports = app.memo(move |live| {
        let ends = live.containers.iter().flat_map(|container| &container.endpoints);
        let own = ends.filter(|endpoint| endpoint.network_id == id);
        own.filter_map(|endpoint| endpoint.host_end.as_ref().map(ToString::to_string)).collect::<Vec<_>>()
    });
    let running = Memo::new(move |_| ports.with(Vec::len));
    // A bridge counts only what the host itself sends and gets; what its ports count is everything.
    let rate = Memo::new(move |_| {
        canvas.rates.with(|rates| {
            ports.with(|ports| {
                let mut sum = Rate::default();
                ports.iter().for_each(|port| sum += rates.get(port).copied().unwrap_or_default());
                rates::label(sum)
            })
        })
    });
    let is_dim = Signal::derive(move || {
        canvas.find.with(|text| {
            !text.is_empty() && !network.with(|network| network.as_ref().is_some_and(|n| means_network(n, text)))
        })
    });
    move || {
        let (network, spot) = (network.get()?, spot.get()?);
        let name = network.name.to_string();
        let bar = spot.bar;
        let (is_wide, is_internal) = (bar.width > WIDE, network.internal);
        let below = if is_wide { 200 } else { 0 };
        let words = bar_words(&network, bar.width, (84, below));
        let subnets: Vec<String> = network.subnets.iter().map(|subnet| subnet.subnet.to_string()).collect();
        let label = topology::say_network(
            &name,
            &words.bridge,
            &subnets.join(", "),
            &topology::containers(running.get_untracked()),
        );
        let rails = spot.rails.iter().map(|[from, to]| {
            view! { <line class="rail" x1=from.0 y1=from.1 x2=to.0 y2=to.1 /> }
        });
        let rails = rails.collect_view();
        let bridge = words.bridge.clone();
        let beside = is_wide.then(|| view! { <tspan class="mono faint" dx="10">{words.bridge.clone()}</tspan> });
        let second = (!is_wide && !bridge.is_empty()).then(|| view! { <tspan class="faint">{bridge}</tspan> });
        let apart = if second.is_some() { "8" } else { "0" };
        let words = view! {
            <text class="name" x=bar.x + 16 y=bar.y + 27>{words.name}{beside}</text>
            <text class="mono" x=bar.x + 16 y=bar.y + 48>{second}<tspan dx=apart>{words.ranges}</tspan></text>
            <text class="faint end number" x=bar.x + bar.width - 16 y=bar.y + 27>
                {Signal::derive(move || topology::running(&running.get()))}
            </text>
            {is_wide.then(|| view! {
                <text class="faint end number" data-test="bridge-rate" x=bar.x + bar.width - 16 y=bar.y + 48>
                    {Signal::derive(move || {
                        let otherwise = if is_internal { topology::internal() } else { "" };
                        rate.get().unwrap_or_else(|| otherwise.to_owned())
                    })}
                </text>
            })}
        };
        Some(view! {
            <Node
                canvas
                class="node bridge"
                stop=stop.clone()
                selection=Selection::Network(name.clone())
                label
                words=words.into_any()
                class:internal=Signal::stored(is_internal)
                class:dim=is_dim
                class:target=Signal::from(target)
                attr:data-network=name
            >
                {spot.uplink.map(|[from, to]| view! {
                    <line class="trunk" x1=from.0 y1=from.1 x2=to.0 y2=to.1 />
                    <circle class="joint" cx=from.0 cy=from.1 r="4" />
                })}
                {rails}
                <rect class="shape" x=bar.x y=bar.y width=bar.width height=BAR rx="10" />
            </Node>
        })
    }
}
