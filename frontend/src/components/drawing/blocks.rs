//! Many containers at once: a network's block of tiles, and boxes that are too far away for words. Each is a few shapes, however
//! many containers they stand for.

use super::{Canvas, network, places::box_at};
use crate::{
    app::app,
    find::means_container,
    i18n::topology,
    layout::{Block, Spot, Stop},
    rates::{self, Rate},
    route::Selection,
    text::fit,
};
use drawbridge_api::{Container, ContainerId, ContainerState, NetworkId};
use leptos::{ev, prelude::*};
use std::{fmt::Write as _, sync::Arc};

/// Tiles by what they look like, each as one path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Mosaic {
    /// Running, and next to nothing passes.
    running: String,
    /// Running, and something passes.
    busy: String,
    /// Not running.
    still: String,
    /// Not meant by the search.
    dim: String,
    /// The selected one.
    chosen: String,
}

/// A path of a mosaic.
type Tiles = fn(&Mosaic) -> &String;

/// The classes of tiles, and their paths.
const KINDS: [(&str, Tiles); 5] = [
    ("tile running", |mosaic| &mosaic.running),
    ("tile busy", |mosaic| &mosaic.busy),
    ("tile still", |mosaic| &mosaic.still),
    ("tile dim", |mosaic| &mosaic.dim),
    ("tile chosen", |mosaic| &mosaic.chosen),
];

/// Sorts tiles into a mosaic.
fn mosaic<'a>(tiles: impl Iterator<Item = (&'a Container, Spot)>, canvas: Canvas) -> Mosaic {
    let mut mosaic = Mosaic::default();
    let (find, selected, rates) = (canvas.find.read(), canvas.select.read(), canvas.rates.read());
    let mut outline = Outline::default();
    for (container, spot) in tiles {
        let passes = container.endpoints.iter().any(|endpoint| {
            let host_end = endpoint.host_end.as_ref();
            let rate = host_end.and_then(|link| rates.get(link.as_str())).copied().unwrap_or_default();
            rates::level(rate) > 0
        });
        let path = match container.state {
            _ if !find.is_empty() && !means_container(container, &find) => &mut mosaic.dim,
            ContainerState::Running if passes => &mut mosaic.busy,
            ContainerState::Running => &mut mosaic.running,
            ContainerState::Created | ContainerState::Exited => &mut mosaic.still,
        };
        outline.draw(path, &spot);
        if matches!(&*selected, Some(Selection::Container(name)) if name == container.name.as_str()) {
            outline.draw(&mut mosaic.chosen, &spot);
        }
    }
    mosaic
}

/// A rectangle with slightly broken corners, as the commands of a path. Nearly all have the same size: it is put into words once.
#[derive(Default)]
struct Outline {
    size: (i32, i32),
    words: String,
}

impl Outline {
    fn draw(&mut self, path: &mut String, spot: &Spot) {
        if self.size != (spot.width, spot.height) {
            self.size = (spot.width, spot.height);
            let (w, h) = (spot.width - 4, spot.height - 4);
            self.words = format!("h{w}l2 2v{h}l-2 2h-{w}l-2-2v-{h}z");
        }
        // Writing into a string does not fail.
        let _ = write!(path, "M{} {}", spot.x + 2, spot.y);
        path.push_str(&self.words);
    }
}

/// The containers of a block with their tiles. Both stand in the order of creation, so that one pass finds all.
fn of_block<'a>(
    block: &'a Option<Block>,
    containers: &'a [Arc<Container>],
) -> impl Iterator<Item = (&'a Container, Spot)> {
    let mut tiles = block.iter().flat_map(|block| &block.tiles).peekable();
    containers.iter().filter_map(move |container| {
        let (_, spot) = tiles.next_if(|(id, _)| *id == container.id)?;
        Some((&**container, *spot))
    })
}

#[component]
fn Paths(
    /// What is drawn.
    mosaic: Memo<Mosaic>,
) -> impl IntoView {
    view! {
        {KINDS.map(|(class, path)| view! {
            <path class=class d=move || mosaic.with(|mosaic| path(mosaic).clone()) />
        }).into_iter().collect_view()}
    }
}

/// The block of a network: how many there are, what passes, a tile for each. Pressed, it unfolds; a click on a tile selects.
#[component]
pub fn BlockNode(
    /// What all nodes share.
    canvas: Canvas,
    /// Which network.
    id: NetworkId,
    /// Called with the network's name when it is to be unfolded.
    unfold: Callback<String>,
) -> impl IntoView {
    let containers = app().containers();
    let network = network(id.clone());
    let stop = StoredValue::new(Stop::Block(id.clone()));
    let block = Memo::new(move |_| canvas.layout.with(|layout| layout.blocks.get(&id).cloned()));
    let drawn = Memo::new(move |_| mosaic(of_block(&block.read(), &containers.read()), canvas));
    // Running ones, published ones, and what all of them pass.
    let sums = Memo::new(move |_| {
        let (mut running, mut publishing, mut rate) = (0, 0, Rate::default());
        let rates = canvas.rates.read();
        for (container, _) in of_block(&block.read(), &containers.read()) {
            running += usize::from(container.state == ContainerState::Running);
            publishing += usize::from(!container.ports.is_empty());
            for link in container.endpoints.iter().filter_map(|endpoint| endpoint.host_end.as_ref()) {
                rate += rates.get(link.as_str()).copied().unwrap_or_default();
            }
        }
        (running, publishing, rate)
    });
    let total = Memo::new(move |_| block.with(|block| block.as_ref().map_or(0, |block| block.tiles.len())));
    let name = move || network.with_untracked(|network| network.as_ref().map(|network| network.name.to_string()));
    let words = move || {
        let (running, publishing, rate) = sums.get();
        let mut words = vec![topology::running(&running)];
        words.extend((publishing > 0).then(|| topology::published(&publishing)));
        words.extend(rates::label(rate));
        words.join(" · ")
    };
    let open = move || {
        if let Some(name) = name() {
            if let Some(spot) = block.with_untracked(|block| block.as_ref().map(|block| block.spot)) {
                canvas.stage.read_at(spot);
            }
            unfold.run(name);
        }
    };
    let click = move |event: ev::MouseEvent| {
        if canvas.stage.was_moved() {
            return;
        }
        let point = canvas.stage.point(&event);
        let tile = block.with_untracked(|block| block.as_ref().and_then(|block| block.at(point)).cloned());
        match tile {
            Some(tile) => choose(canvas, &tile),
            None => open(),
        }
    };
    let press = move |event: ev::KeyboardEvent| {
        if matches!(event.key().as_str(), "Enter" | " ") {
            event.prevent_default();
            open();
        }
    };
    let spot = Memo::new(move |_| block.with(|block| block.as_ref().map(|block| (block.spot, block.cable))));
    move || {
        let (spot, [from, to]) = spot.get()?;
        Some(view! {
            <g class="node block" data-block=name() on:click=click>
                <g
                    role="button"
                    tabindex=move || stop.with_value(|stop| canvas.tabindex(stop))
                    data-stop=stop.with_value(ToString::to_string)
                    aria-expanded="false"
                    aria-label=move || topology::say_block(&topology::containers(total.get()), &words())
                    on:keydown=press
                    on:focus=move |_| canvas.stop.set(stop.get_value())
                >
                    <line class="cable" x1=from.0 y1=from.1 x2=to.0 y2=to.1 />
                    <rect class="shape back" x=spot.x + 6 y=spot.y + 6 width=spot.width - 6 height=spot.height rx="10" />
                    <rect class="shape" x=spot.x y=spot.y width=spot.width - 6 height=spot.height rx="10" />
                    <Paths mosaic=drawn />
                </g>
                // Beside the button, as in `Node`.
                <g aria-hidden="true">
                    <text class="name" x=spot.x + 16 y=spot.y + 23>
                        {Signal::derive(move || topology::containers(total.get()))}
                    </text>
                    <text class="faint" x=spot.x + 16 y=spot.y + 41>
                        {Signal::derive(move || fit(&words(), usize::try_from((spot.width - 40) / 7).unwrap_or(0)))}
                    </text>
                    <text class="unfold end" x=spot.x + spot.width - 24 y=spot.y + 23>{topology::show_each()}</text>
                </g>
            </g>
        })
    }
}

/// Boxes that are too far away for words: their shapes alone. A click selects the one that is hit.
#[component]
pub fn FarBoxes(
    /// What all nodes share.
    canvas: Canvas,
    /// Whether they are.
    is_far: Memo<bool>,
) -> impl IntoView {
    let containers = app().containers();
    let drawn = Memo::new(move |_| {
        if !is_far.get() {
            return Mosaic::default();
        }
        let (layout, containers) = (canvas.layout.read(), containers.read());
        let spots = containers.iter().filter_map(|one| Some((&**one, *layout.containers.get(&one.id)?)));
        mosaic(spots, canvas)
    });
    let wires = Memo::new(move |_| {
        let mut path = String::new();
        if is_far.get() {
            canvas.layout.with(|layout| {
                for wire in layout.wires.values() {
                    for (index, (x, y)) in wire.points.iter().enumerate() {
                        let _ = write!(path, "{}{x} {y}", if index == 0 { 'M' } else { 'L' });
                    }
                }
            });
        }
        path
    });
    let click = move |event: ev::MouseEvent| {
        if canvas.stage.was_moved() {
            return;
        }
        let point = canvas.stage.point(&event);
        if let Some(id) = canvas.layout.with_untracked(|layout| box_at(layout, point)) {
            choose(canvas, &id);
        }
    };
    view! {
        <g class="far-boxes" aria-hidden="true" on:click=click>
            <path class="far-wires" d=move || wires.get() />
            <Paths mosaic=drawn />
        </g>
    }
}

fn choose(canvas: Canvas, id: &ContainerId) {
    let name = canvas.stage.name_of(id);
    canvas.choose.run(name.map(Selection::Container));
}
