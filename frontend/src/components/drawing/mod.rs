//! The topology as a drawing: SVG, placed by `layout`. Every node is a button that selects what it stands for.

pub mod doors;
pub mod found;
pub mod nodes;

use crate::{
    app::app,
    layout::{Layout, layout, place_found},
    route::{Density, Selection},
};
use doors::{PortNode, Ways};
use drawbridge_api::{ContainerId, Driver};
use found::FoundNodes;
use leptos::{ev, html, prelude::*};
use nodes::{BridgeNode, ContainerNode, HostNode, WireNode};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::ResizeObserver;

/// What all nodes share.
#[derive(Clone, Copy)]
pub struct Canvas {
    /// Where everything stands.
    layout: Memo<Layout>,
    /// How much each box says.
    density: Memo<Density>,
    /// What is selected.
    select: Memo<Option<Selection>>,
    /// Called with what is selected next.
    choose: Callback<Option<Selection>>,
    /// The container whose way in is pointed at.
    hover: RwSignal<Option<ContainerId>>,
}

/// What makes a group of shapes a button.
#[derive(Clone)]
struct Button {
    canvas: Canvas,
    selection: Selection,
}

impl Button {
    fn is_selected(&self) -> bool {
        self.canvas.select.with(|selected| selected.as_ref() == Some(&self.selection))
    }

    /// Selects, or lets go of what is selected already.
    fn toggle(&self) {
        let next = (!untrack(|| self.is_selected())).then(|| self.selection.clone());
        self.canvas.choose.run(next);
    }

    /// Enter and the space bar press a button; an SVG group does not know that by itself.
    fn press(&self, event: &ev::KeyboardEvent) {
        if matches!(event.key().as_str(), "Enter" | " ") {
            event.prevent_default();
            self.toggle();
        }
    }
}

/// The drawing.
#[component]
pub fn Drawing(
    /// What is selected.
    select: Memo<Option<Selection>>,
    /// How much each box says.
    density: Memo<Density>,
    /// Called with what is selected next.
    choose: Callback<Option<Selection>>,
) -> impl IntoView {
    let app = app();
    let frame = NodeRef::<html::Div>::new();
    let width = follow_width(frame);
    let host = app.memo(|live| Some(live.host.clone()));
    let (networks, containers) = (app.networks(), app.containers());
    let found = app.memo(|live| live.found.clone());
    let layout = Memo::new(move |_| {
        let (Some(host), Some(width)) = (host.get(), width.get()) else { return Layout::default() };
        let density = density.get();
        let mut drawn =
            networks.with(|networks| containers.with(|containers| layout(&host, networks, containers, width, density)));
        found.with(|found| place_found(&mut drawn, found, density));
        drawn
    });
    let canvas = Canvas { layout, density, select, choose, hover: RwSignal::new(None) };
    let bridges = Memo::new(move |_| {
        let bridges = networks.get().into_iter().filter(|network| network.driver == Driver::Bridge);
        bridges.map(|network| network.id.clone()).collect::<Vec<_>>()
    });
    let ids = Memo::new(move |_| containers.get().iter().map(|container| container.id.clone()).collect::<Vec<_>>());
    let wires = Memo::new(move |_| {
        containers.with(|containers| {
            let ends = containers.iter().flat_map(|container| {
                container.endpoints.iter().map(|endpoint| (container.id.clone(), endpoint.id.clone()))
            });
            ends.collect::<Vec<_>>()
        })
    });
    let chips = Memo::new(move |_| {
        canvas.layout.with(|layout| layout.chips.iter().map(|chip| chip.container.clone()).collect::<Vec<_>>())
    });
    let size = Memo::new(move |_| layout.with(|layout| layout.size));
    let headings = Memo::new(move |_| layout.with(|layout| layout.headings.clone()));
    let trunks = Memo::new(move |_| layout.with(|layout| layout.trunks.clone()));
    view! {
        <div class="canvas" node_ref=frame>
            <svg
                role="group"
                aria-label="Topology of networks and containers"
                class:compact=move || density.get() == Density::Compact
                width=move || size.get().0
                height=move || size.get().1
                viewBox=move || format!("0 0 {} {}", size.get().0, size.get().1)
            >
                {move || trunks.get().into_iter().map(|[(x, from), (_, to)]| view! {
                    <line class="trunk" x1=x y1=from x2=x y2=to />
                }).collect_view()}
                <HostNode canvas />
                <Ways canvas />
                <For each=move || chips.get() key=|id| id.clone() let(id)>
                    <PortNode canvas id />
                </For>
                <For each=move || bridges.get() key=|id| id.clone() let(id)>
                    <BridgeNode canvas id />
                </For>
                // Boxes before wires: a wire's end covers the edge of its box.
                <For each=move || ids.get() key=|id| id.clone() let(id)>
                    <ContainerNode canvas id />
                </For>
                <For each=move || wires.get() key=|(_, endpoint)| endpoint.clone() let((container, endpoint))>
                    <WireNode canvas container endpoint />
                </For>
                <FoundNodes canvas />
                {move || headings.get().into_iter().map(|heading| view! {
                    <text class="group-heading" x=heading.at.0 y=heading.at.1>{heading.text}</text>
                }).collect_view()}
            </svg>
        </div>
    }
}

/// The width of an element in pixels, for as long as it is there; none before it is.
fn follow_width(frame: NodeRef<html::Div>) -> ReadSignal<Option<i32>> {
    let (width, set_width) = signal(None);
    let measure = move || {
        if let Some(frame) = frame.get_untracked() {
            let now = Some(frame.client_width());
            if width.get_untracked() != now {
                set_width.set(now);
            }
        }
    };
    let changed = Closure::<dyn FnMut()>::new(measure);
    if let Ok(observer) = ResizeObserver::new(changed.as_ref().unchecked_ref()) {
        let kept = StoredValue::new_local(Some((observer, changed)));
        frame.on_load(move |frame| {
            kept.with_value(|kept| kept.iter().for_each(|(observer, _)| observer.observe(&frame)))
        });
        on_cleanup(move || {
            if let Some((observer, _)) = kept.try_update_value(Option::take).flatten() {
                observer.disconnect();
            }
        });
    }
    width
}
