//! The frame that the drawing lies under, and how it lies. `pointer` and `keyboard` move it; what the numbers mean is in
//! `viewport`.

use super::{Canvas, places::place_of};
use crate::{
    app::{App, app},
    layout::{Layout, Point, Spot},
    viewport::{self, READABLE, SMALLEST, Size, View, least},
};
use drawbridge_api::{ContainerId, NetworkId};
use leptos::{ev, html, prelude::*};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::ResizeObserver;

/// A container on its way to a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Drag {
    /// Which one.
    pub container: ContainerId,
    /// Where the pointer is, in the drawing.
    pub at: Point,
    /// The network that it is over.
    pub target: Option<NetworkId>,
}

/// How much wider than the frame the drawing is laid out.
#[derive(Clone, Copy)]
pub struct Spread {
    /// The width of the frame that it was chosen for; another frame gets its own, so that the same window shows the same.
    pub frame: i32,
    /// So many times as wide.
    pub times: f64,
}

/// The frame. A handle; copies are the same.
#[derive(Clone, Copy)]
pub struct Stage {
    /// How the drawing lies.
    pub view: RwSignal<View>,
    /// A container that is being dragged.
    pub drag: RwSignal<Option<Drag>>,
    /// Listeners of the browser's have no context to find it in.
    pub(super) app: App,
    /// Chosen anew when the frame has another width, or somebody asks for all of it.
    spread: RwSignal<Option<Spread>>,
    /// The smallest that the drawing is made by itself.
    floor: StoredValue<f64>,
    pub(super) frame: NodeRef<html::Div>,
    pub(super) size: ReadSignal<Option<Size>>,
    pub(super) layout: Memo<Layout>,
    /// What the inspector hides at the right and at the bottom, in pixels.
    hidden: Memo<(i32, i32)>,
    /// Whether a person has moved it; until then it is made to fit.
    is_taken: StoredValue<bool>,
    /// Whether the pointer has moved since it went down.
    pub(super) is_moved: StoredValue<bool>,
    /// The pointers that are down, where they are in the frame.
    pub(super) pointers: StoredValue<Vec<(i32, (f64, f64))>>,
    /// What the pointer went down on.
    pub(super) held: StoredValue<Option<ContainerId>>,
}

impl Stage {
    /// Takes the frame over.
    pub fn begin(
        frame: NodeRef<html::Div>,
        size: ReadSignal<Option<Size>>,
        layout: Memo<Layout>,
        hidden: Memo<(i32, i32)>,
        spread: RwSignal<Option<Spread>>,
    ) -> Self {
        let stage = Self {
            view: RwSignal::new(View::default()),
            drag: RwSignal::new(None),
            app: app(),
            spread,
            floor: StoredValue::new(1.0),
            frame,
            size,
            layout,
            hidden,
            is_taken: StoredValue::new(false),
            is_moved: StoredValue::new(false),
            pointers: StoredValue::new(Vec::new()),
            held: StoredValue::new(None),
        };
        let drawn = Memo::new(move |_| layout.with(|layout| layout.size));
        Effect::new(move |_| {
            let (drawn, Some(size)) = (drawn.get(), size.get()) else { return };
            if !stage.is_taken.get_value() && drawn.1 > 0 {
                stage.view.set(View::fit(drawn, size, least(size).min(stage.floor.get_value())));
            }
        });
        let keys = window_event_listener(ev::keydown, move |event| stage.key(&event));
        on_cleanup(move || keys.remove());
        stage
    }

    /// Whether the last press of the pointer was a drag.
    pub fn was_moved(self) -> bool {
        self.is_moved.get_value()
    }

    /// The part of the drawing that is in sight, with some room around it. Tracks.
    pub fn seen(self) -> Spot {
        let frame = self.size.get().unwrap_or((0, 0));
        self.view.with(|view| view.seen(frame))
    }

    /// Closer or farther, about the middle.
    pub fn zoom(self, factor: f64) {
        let (width, height) = self.free();
        self.set(|view| view.zoom(factor, (f64::from(width) / 2.0, f64::from(height) / 2.0)));
    }

    /// As large as it is.
    pub fn actual(self) {
        self.zoom(1.0 / self.view.get_untracked().scale);
    }

    /// All of it, however small; from then on it stays so until somebody moves it.
    pub fn fit(self) {
        self.is_taken.set_value(false);
        self.floor.set_value(SMALLEST);
        let free = self.free();
        // As high as it would be at the width of the frame.
        let (width, height) = self.layout.with_untracked(|layout| layout.size);
        let high = f64::from(height) * f64::from(width) / f64::from(free.0);
        // A cast from a float that does not fit takes the nearest that does.
        let frame = self.size.get_untracked().unwrap_or((1, 1));
        let times = viewport::spread((free.0, high as i32), free, SMALLEST);
        self.spread.set(Some(Spread { frame: frame.0, times }));
        let drawn = self.layout.with_untracked(|layout| layout.size);
        self.view.set(View::fit(drawn, free, SMALLEST));
    }

    /// Large enough to be read about something that will say more, also when all of the drawing was asked for.
    pub(super) fn read_at(self, spot: Spot) {
        self.floor.set_value(1.0);
        if self.view.with_untracked(|view| view.scale < READABLE) {
            self.set(|view| {
                let at = (view.x + f64::from(spot.x) * view.scale, view.y + f64::from(spot.y) * view.scale);
                view.zoom(READABLE / view.scale, at)
            });
        }
    }

    /// The frame without what the inspector hides.
    pub(super) fn free(self) -> Size {
        let (width, height) = self.size.get_untracked().unwrap_or((1, 1));
        let (right, bottom) = self.hidden.get_untracked();
        ((width - right).max(1), (height - bottom).max(1))
    }

    /// Changes the view by hand.
    pub(super) fn set(self, change: impl FnOnce(View) -> View) {
        let drawn = self.layout.with_untracked(|layout| layout.size);
        let frame = self.size.get_untracked().unwrap_or((1, 1));
        self.is_taken.set_value(true);
        self.view.maybe_update(|view| {
            let next = change(*view).kept(drawn, frame);
            let is_new = next != *view;
            *view = next;
            is_new
        });
    }

    /// Moves something into sight.
    pub(super) fn reveal(self, spot: Spot) {
        let frame = self.free();
        if self.view.with_untracked(|view| view.reveal(spot, frame) != *view) {
            self.set(|view| view.reveal(spot, frame));
        }
    }

    /// Moves the selected thing into sight whenever another is selected.
    pub fn reveal_when_selected(self, canvas: Canvas) {
        let is_drawn = Memo::new(move |_| self.layout.with(|layout| layout.size.1 > 0) && self.size.get().is_some());
        Effect::new(move |_| {
            let (true, Some(selection)) = (is_drawn.get(), canvas.select.get()) else { return };
            let spot = untrack(|| self.layout.with(|layout| place_of(self.app, layout, &selection)));
            if let Some(spot) = spot {
                self.reveal(spot);
            }
        });
    }
}

/// Width and height of an element in pixels, for as long as it is there; none before it is.
pub fn follow_size(frame: NodeRef<html::Div>) -> ReadSignal<Option<Size>> {
    let (size, set_size) = signal(None);
    let measure = move || {
        if let Some(frame) = frame.get_untracked() {
            let now = Some((frame.client_width(), frame.client_height()));
            if size.get_untracked() != now {
                set_size.set(now);
            }
        }
    };
    let changed = Closure::<dyn FnMut()>::new(measure);
    if let Ok(observer) = ResizeObserver::new(changed.as_ref().unchecked_ref()) {
        let kept = StoredValue::new_local(Some((observer, changed)));
        frame.on_load(move |frame| {
            // The observer tells it too, but only while a frame is painted: what depends on it would be seen a frame later.
            if frame.is_connected() {
                measure();
            }
            kept.with_value(|kept| kept.iter().for_each(|(observer, _)| observer.observe(&frame)))
        });
        on_cleanup(move || {
            if let Some((observer, _)) = kept.try_update_value(Option::take).flatten() {
                observer.disconnect();
            }
        });
    }
    size
}
