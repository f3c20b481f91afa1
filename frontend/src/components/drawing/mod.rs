//! The topology as a drawing: SVG, placed by `layout`, moved and zoomed by `stage`, `pointer` and `keyboard`. Every node is a button that selects what it
//! stands for; one of them is the drawing's tab stop, and the arrow keys lead from one to the next. Only what is in sight is in
//! the document.

pub mod blocks;
pub mod boxes;
pub mod doors;
pub mod found;
mod keyboard;
pub mod nodes;
mod places;
mod pointer;
pub mod stage;
pub mod tools;
pub mod wires;

use crate::{
    app::app,
    find::Filter,
    i18n::topology,
    layout::{Folds, Layout, Spot, Stop, Wire, Wish, layout, place_found},
    rates::{Measured, Rates},
    route::{Density, Picture, Selection},
    viewport::{LEGIBLE, touch},
};
use blocks::{BlockNode, FarBoxes};
use boxes::{ContainerNode, Ghost};
use doors::{PortNode, Ways};
use drawbridge_api::{ContainerId, EndpointId, Found, Network, NetworkId};
use found::FoundNodes;
use leptos::{ev, html, prelude::*};
use nodes::{BridgeNode, HostNode};
use stage::{Stage, follow_size};
use std::sync::Arc;
use tools::Tools;
use wires::WireNode;

/// The inspector lies over the drawing; as much of the frame it hides at the right of a wide one, in pixels.
const INSPECTOR: i32 = 416;

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
    /// What is searched for; empty for nothing.
    find: Memo<String>,
    /// How fast the host's links are.
    rates: Memo<Arc<Rates>>,
    /// Where the keyboard is.
    stop: RwSignal<Stop>,
    /// What of it is seen.
    stage: Stage,
}

impl Canvas {
    /// `0` for the one node that the tab key reaches, `-1` for those that only arrow keys do.
    fn tabindex(self, stop: &Stop) -> &'static str {
        if self.stop.with(|now| now == stop) { "0" } else { "-1" }
    }
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

    /// Selects, or lets go of what is selected already. The end of a drag is no click.
    fn toggle(&self) {
        if self.canvas.stage.was_moved() {
            return;
        }
        let next = (!untrack(|| self.is_selected())).then(|| self.selection.clone());
        self.canvas.choose.run(next);
    }

    /// Enter and the space bar press a button; an SVG group does not know that by itself.
    fn press(&self, event: &ev::KeyboardEvent) {
        if matches!(event.key().as_str(), "Enter" | " ") {
            event.prevent_default();
            let next = (!untrack(|| self.is_selected())).then(|| self.selection.clone());
            self.canvas.choose.run(next);
        }
    }
}

/// The drawing.
#[component]
pub fn Drawing(
    /// What is chosen on the page.
    picture: Memo<Picture>,
    /// Called with what is selected next.
    choose: Callback<Option<Selection>>,
    /// Called with the name of a network that is to be unfolded, or folded again.
    unfold: Callback<String>,
) -> impl IntoView {
    let app = app();
    let frame = NodeRef::<html::Div>::new();
    let size = follow_size(frame);
    let host = app.memo(|live| Some(live.host.clone()));
    let (networks, containers) = (app.networks(), app.containers());
    let found = app.memo(|live| live.found.clone());
    let select = Memo::new(move |_| picture.with(|picture| picture.select.clone()));
    let density = Memo::new(move |_| picture.with(|picture| picture.density));
    let open = Memo::new(move |_| picture.with(|picture| picture.open.clone()));
    let find = Memo::new(move |_| picture.with(|picture| picture.find.clone()));
    let filter = Memo::new(move |_| {
        picture.with(|picture| Filter { network: picture.network.clone(), label: picture.label.clone() })
    });
    let spread = RwSignal::new(1.0);
    // A cast from a float that does not fit takes the nearest that does.
    let width = Memo::new(move |_| size.get().map(|(width, _)| (f64::from(width) * spread.get()) as i32));
    let layout = Memo::new(move |_| {
        let (Some(host), Some(width)) = (host.get(), width.get()) else { return Layout::default() };
        let density = density.get();
        let (networks, containers) = networks
            .with(|networks| containers.with(|containers| filter.with(|filter| filter.apply(networks, containers))));
        let mut drawn = open.with(|open| {
            let wish = Wish { width, density, folds: Folds::Unless(open) };
            layout(&host, &networks, &containers, wish)
        });
        if filter.with(Filter::is_open) {
            found.with(|found: &Arc<Found>| place_found(&mut drawn, found, density));
        }
        drawn
    });
    let links = app.links.follow();
    let measured = Memo::new(move |before: Option<&Measured>| {
        let first = Measured::default();
        links.with(|polled| {
            let report = polled.value.as_ref().filter(|_| polled.failure.is_none());
            before.unwrap_or(&first).then(report)
        })
    });
    let rates = Memo::new(move |_| measured.with(|measured| Arc::clone(&measured.rates)));
    let hidden = Memo::new(move |_| {
        let wide = size.get().is_some_and(|(width, _)| width > 2 * INSPECTOR);
        let shown = select.with(Option::is_some);
        match (shown, wide) {
            (false, _) => (0, 0),
            (true, true) => (INSPECTOR, 0),
            // A sheet at the lower edge.
            (true, false) => (0, size.get().map_or(0, |(_, height)| height * 6 / 10)),
        }
    });
    let stage = Stage::begin(frame, size, layout, hidden, spread);
    let canvas = Canvas {
        layout,
        density,
        select,
        choose,
        hover: RwSignal::new(None),
        find,
        rates,
        stop: RwSignal::new(Stop::Host),
        stage,
    };
    stage.reveal_when_selected(canvas);
    let shown = Shown::of(canvas);
    let size = Memo::new(move |_| layout.with(|layout| layout.size));
    let bundles = Memo::new(move |_| {
        layout.with(|layout| {
            let bundles =
                layout.bundles.iter().map(|bundle| (wires::path(&bundle.points), topology::bundle(bundle.count)));
            bundles.collect::<Vec<_>>()
        })
    });
    let headings = Memo::new(move |_| layout.with(|layout| layout.headings.clone()));
    let trunks = Memo::new(move |_| layout.with(|layout| layout.trunks.clone()));
    view! {
        <div
            class="canvas"
            class:dragging=move || stage.drag.with(Option::is_some)
            node_ref=frame
            on:pointerdown=move |event| stage.down(&event)
            on:pointermove=move |event| stage.moved(&event)
            on:pointerup=move |event| stage.up(&event)
            on:pointercancel=move |event| stage.cancel(&event)
            on:wheel=move |event| stage.wheel(&event)
        >
            <svg
                role="group"
                aria-label=topology::drawing()
                data-width=move || size.get().0
                data-height=move || size.get().1
                class:compact=move || density.get() == Density::Compact
                class:calm=move || { shown.wires.with(Vec::len) > wires::FLOWING }
                on:keydown=move |event| stage.walk(canvas, &event)
            >
                <g transform=move || {
                    let view = stage.view.get();
                    format!("translate({} {}) scale({})", view.x, view.y, view.scale)
                }>
                    {move || trunks.get().into_iter().map(|[(x, from), (_, to)]| view! {
                        <line class="trunk" x1=x y1=from x2=x y2=to />
                    }).collect_view()}
                    <HostNode canvas />
                    <Ways canvas />
                    <For each=move || shown.chips.get() key=|id| id.clone() let(id)>
                        <PortNode canvas id />
                    </For>
                    <For each=move || shown.bridges.get() key=|id| id.clone() let(id)>
                        <BridgeNode canvas id />
                    </For>
                    <For each=move || shown.blocks.get() key=|id| id.clone() let(id)>
                        <BlockNode canvas id unfold />
                    </For>
                    {move || bundles.get().into_iter().map(|(points, title)| view! {
                        <polyline class="bundle" points=points>
                            <title>{title}</title>
                        </polyline>
                    }).collect_view()}
                    <FarBoxes canvas is_far=shown.is_far />
                    // Boxes before wires: a wire's end covers the edge of its box.
                    <For each=move || shown.boxes.get() key=|id| id.clone() let(id)>
                        <ContainerNode canvas id />
                    </For>
                    <For each=move || shown.wires.get() key=|(_, endpoint)| endpoint.clone() let((container, endpoint))>
                        <WireNode canvas container endpoint />
                    </For>
                    <FoundNodes canvas />
                    {move || headings.get().into_iter().map(|heading| view! {
                        <text class="group-heading" x=heading.at.0 y=heading.at.1>{heading.text}</text>
                    }).collect_view()}
                    <Ghost canvas />
                </g>
            </svg>
            <Tools stage />
        </div>
    }
}

/// What of the layout is in the document.
#[derive(Clone, Copy)]
struct Shown {
    chips: Memo<Vec<Option<ContainerId>>>,
    bridges: Memo<Vec<NetworkId>>,
    blocks: Memo<Vec<NetworkId>>,
    boxes: Memo<Vec<ContainerId>>,
    wires: Memo<Vec<(ContainerId, EndpointId)>>,
    /// Whether boxes are too small for words, and drawn as one shape.
    is_far: Memo<bool>,
}

impl Shown {
    fn of(canvas: Canvas) -> Self {
        let (layout, stage) = (canvas.layout, canvas.stage);
        let containers = app().containers();
        let is_far = Memo::new(move |_| stage.view.with(|view| view.scale < LEGIBLE));
        let seen = Memo::new(move |_| stage.seen());
        let chips =
            Memo::new(move |_| layout.with(|layout| layout.chips.iter().map(|chip| chip.container.clone()).collect()));
        let bridges = Memo::new(move |_| layout.with(|layout| layout.bridges.keys().cloned().collect()));
        let blocks = Memo::new(move |_| {
            let seen = seen.get();
            layout.with(|layout| {
                let shown = layout.blocks.iter().filter(|(_, block)| touch(&block.spot, &seen));
                shown.map(|(id, _)| id.clone()).collect()
            })
        });
        let boxes = Memo::new(move |_| {
            let seen = seen.get();
            if is_far.get() {
                return Vec::new();
            }
            layout.with(|layout| {
                let shown = layout.containers.iter().filter(|(_, spot)| touch(spot, &seen));
                shown.map(|(id, _)| id.clone()).collect()
            })
        });
        let wires = Memo::new(move |_| {
            let seen = seen.get();
            if is_far.get() {
                return Vec::new();
            }
            layout.with(|layout| {
                containers.with(|containers| {
                    let ends = containers
                        .iter()
                        .flat_map(|container| container.endpoints.iter().map(|endpoint| (&container.id, &endpoint.id)));
                    let shown =
                        ends.filter(|(_, id)| layout.wires.get(*id).is_some_and(|wire| touch(&around(wire), &seen)));
                    shown.map(|(container, id)| (container.clone(), id.clone())).collect()
                })
            })
        });
        Self { chips, bridges, blocks, boxes, wires, is_far }
    }
}

/// The rectangle around a wire.
fn around(wire: &Wire) -> Spot {
    let xs = wire.points.iter().map(|(x, _)| *x);
    let ys = wire.points.iter().map(|(_, y)| *y);
    let (left, top) = (xs.clone().min().unwrap_or_default(), ys.clone().min().unwrap_or_default());
    Spot { x: left, y: top, width: xs.max().unwrap_or(left) - left, height: ys.max().unwrap_or(top) - top }
}

/// A network by its id, as long as it is there.
fn network(id: NetworkId) -> Memo<Option<Arc<Network>>> {
    app().memo(move |live| live.networks.iter().find(|network| network.id == id).cloned())
}
