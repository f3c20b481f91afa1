//! The topology as a drawing: SVG, placed by `layout`, moved and zoomed by `stage`, `pointer` and `keyboard`. Every node is a button that selects what it
//! stands for; one of them is the drawing's tab stop, and the arrow keys lead from one to the next. Only what is in sight is in
//! the document.

pub mod blocks;
pub mod boxes;
pub mod doors;
pub mod found;
mod keyboard;
pub mod node;
pub mod nodes;
mod places;
mod pointer;
pub mod stage;
pub mod tools;
pub mod wires;

use crate::{
    app::app,
    components::parts,
    find::Filter,
    i18n::topology,
    layout::{Folds, Layout, Spot, Stop, Wire, Wish, layout, place_found},
    rates::{Measured, Rates},
    route::{Density, Picture, Selection},
    viewport::{self, LEGIBLE, View, least, touch},
};
use blocks::{BlockNode, FarBoxes};
use boxes::{ContainerNode, Ghost};
use doors::{PortNode, Ways};
use drawbridge_api::{ContainerId, Found, Network, NetworkId};
use leptos::{html, prelude::*};
use nodes::{BridgeNode, HostNode};
use stage::{Spread, Stage, follow_size};
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
    let spread = RwSignal::new(None::<Spread>);
    let width = Memo::new(move |_| size.get().map(|(width, _)| width));
    let layout = Memo::new(move |_| {
        let (Some(host), Some(width)) = (host.get(), width.get()) else { return Layout::default() };
        let density = density.get();
        let (networks, containers) = networks
            .with(|networks| containers.with(|containers| filter.with(|filter| filter.apply(networks, containers))));
        let draw = |spread: f64| {
            // A cast from a float that does not fit takes the nearest that does.
            let width = (f64::from(width) * spread) as i32;
            let mut drawn = open.with(|open| {
                layout(&host, &networks, &containers, Wish { width, density, folds: Folds::Unless(open) })
            });
            if filter.with(Filter::is_open) {
                found.with(|found: &Arc<Found>| place_found(&mut drawn, found, density));
            }
            drawn
        };
        let chosen = spread.get().filter(|spread| spread.frame == width);
        chosen.map_or_else(
            || {
                // Once for a frame, before anything is seen there: a drawing that grows later moves nothing.
                let (drawn, frame) = (draw(1.0), size.get_untracked().unwrap_or((1, 1)));
                let times = viewport::spread(drawn.size, frame, least(frame));
                *spread.write_untracked() = Some(Spread { frame: width, times });
                if times > 1.0 { draw(times) } else { drawn }
            },
            |spread| draw(spread.times),
        )
    });
    let links = app.follow_links();
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
    let length = |side: fn((i32, i32)) -> i32| move || side(size.get());
    let bundles = Memo::new(move |_| {
        layout.with(|layout| {
            let bundles =
                layout.bundles.iter().map(|bundle| (wires::path(&bundle.points), topology::bundle(bundle.count)));
            bundles.collect::<Vec<_>>()
        })
    });
    let headings = Memo::new(move |_| layout.with(|layout| layout.headings.clone()));
    let draw = Callback::new(move |stop| match stop {
        Stop::Host => view! { <HostNode canvas /> }.into_any(),
        Stop::Port(id) => view! { <PortNode canvas id /> }.into_any(),
        Stop::Network(id) => view! { <BridgeNode canvas id /> }.into_any(),
        Stop::Block(id) => view! { <BlockNode canvas id unfold /> }.into_any(),
        Stop::Container(id) => view! { <ContainerNode canvas id /> }.into_any(),
        Stop::Wire(id) => view! { <WireNode canvas id /> }.into_any(),
        Stop::Found(selection) => parts::found(canvas, selection),
    });
    let trunks = Memo::new(move |_| layout.with(|layout| layout.trunks.clone()));
    view! {
        <div class="board">
            <div
                class="canvas"
                class:dragging=Signal::derive(move || stage.drag.with(Option::is_some))
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
                    data-width=length(|(width, _)| width)
                    data-height=length(|(_, height)| height)
                    class:compact=Signal::derive(move || density.get() == Density::Compact)
                    class:calm=Signal::derive(move || shown.wires.with(Vec::len) > wires::FLOWING)
                    on:keydown=move |event| stage.walk(canvas, &event)
                >
                    <g transform=move || stage.view.with(View::transform)>
                        {move || trunks.get().into_iter().map(|[(x, from), (_, to)]| view! {
                            <line class="trunk" x1=x y1=from x2=x y2=to />
                        }).collect_view()}
                        <HostNode canvas />
                        <Ways canvas />
                        {each(shown.chips, draw)}
                        {each(shown.bridges, draw)}
                        {each(shown.blocks, draw)}
                        {move || bundles.get().into_iter().map(|(points, title)| view! {
                            <polyline class="bundle" points=points>
                                <title>{title}</title>
                            </polyline>
                        }).collect_view()}
                        <FarBoxes canvas is_far=shown.is_far />
                        // Boxes before wires: a wire's end covers the edge of its box.
                        {each(shown.boxes, draw)}
                        {each(shown.wires, draw)}
                        {each(shown.found, draw)}
                        {move || headings.get().into_iter().map(|heading| view! {
                            <text class="group-heading" x=heading.at.0 y=heading.at.1>{heading.text}</text>
                        }).collect_view()}
                        <Ghost canvas />
                    </g>
                </svg>
            </div>
            <Tools stage />
        </div>
    }
}

/// Draws each of these, as long as it is among them.
fn each(stops: Memo<Vec<Stop>>, draw: Callback<Stop, AnyView>) -> AnyView {
    view! { <For each=move || stops.get() key=Stop::clone children=move |stop| draw.run(stop) /> }.into_any()
}

/// What of the layout is in the document.
#[derive(Clone, Copy)]
struct Shown {
    chips: Memo<Vec<Stop>>,
    bridges: Memo<Vec<Stop>>,
    blocks: Memo<Vec<Stop>>,
    boxes: Memo<Vec<Stop>>,
    wires: Memo<Vec<Stop>>,
    found: Memo<Vec<Stop>>,
    /// Whether boxes are too small for words, and drawn as one shape.
    is_far: Memo<bool>,
}

impl Shown {
    fn of(canvas: Canvas) -> Self {
        let (layout, stage) = (canvas.layout, canvas.stage);
        let is_far = Memo::new(move |_| stage.view.with(|view| view.scale < LEGIBLE));
        let seen = Memo::new(move |_| stage.seen());
        let chips = Memo::new(move |_| {
            layout.with(|layout| layout.chips.iter().map(|chip| Stop::Port(chip.container.clone())).collect())
        });
        let bridges =
            Memo::new(move |_| layout.with(|layout| layout.bridges.keys().cloned().map(Stop::Network).collect()));
        let blocks = Memo::new(move |_| {
            let seen = seen.get();
            layout.with(|layout| {
                let shown = layout.blocks.iter().filter(|(_, block)| touch(&block.spot, &seen));
                shown.map(|(id, _)| Stop::Block(id.clone())).collect()
            })
        });
        let boxes = Memo::new(move |_| {
            let seen = seen.get();
            if is_far.get() {
                return Vec::new();
            }
            layout.with(|layout| {
                let shown = layout.containers.iter().filter(|(_, spot)| touch(spot, &seen));
                shown.map(|(id, _)| Stop::Container(id.clone())).collect()
            })
        });
        let wires = Memo::new(move |_| {
            let seen = seen.get();
            if is_far.get() {
                return Vec::new();
            }
            layout.with(|layout| {
                let shown = layout.wires.iter().filter(|(_, wire)| touch(&around(wire), &seen));
                shown.map(|(id, _)| Stop::Wire(id.clone())).collect()
            })
        });
        let found = Memo::new(move |_| {
            layout.with(|layout| {
                let bridges = layout.found.bridges.iter().map(|bridge| Selection::Link(bridge.name.clone()));
                let boxes = layout.found.boxes.iter().map(|found| found.selection.clone());
                bridges.chain(boxes).map(Stop::Found).collect()
            })
        });
        Self { chips, bridges, blocks, boxes, wires, found, is_far }
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
