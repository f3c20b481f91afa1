//! Mouse, pen, fingers and wheel: they move and zoom the drawing, and drag a container onto a bridge, which asks to connect the
//! two.

use super::{
    places::{box_at, network_at},
    stage::{Drag, Stage},
};
use crate::{
    app::{App, Message},
    ask::Ask,
    i18n::topology,
    layout::Point,
    viewport::pinch,
};
use drawbridge_api::{Attachment, Container, ContainerId, NetworkId};
use leptos::prelude::*;
use std::sync::Arc;
use web_sys::{PointerEvent, WheelEvent};

/// Pixels that a hand may tremble during a click.
const TREMBLE: f64 = 5.0;

impl Stage {
    /// Where an event is, in the frame.
    fn place(self, event: &web_sys::MouseEvent) -> (f64, f64) {
        let edge = self.frame.get_untracked().map(|frame| frame.get_bounding_client_rect());
        let (left, top) = edge.map_or((0.0, 0.0), |edge| (edge.left(), edge.top()));
        (f64::from(event.client_x()) - left, f64::from(event.client_y()) - top)
    }

    /// Where in the drawing an event is.
    pub fn point(self, event: &web_sys::MouseEvent) -> Point {
        self.view.get_untracked().point(self.place(event))
    }

    /// The name of a container.
    pub fn name_of(self, id: &ContainerId) -> Option<String> {
        self.app.link.live.with_untracked(|live| {
            let containers = &live.as_ref()?.containers;
            Some(containers.iter().find(|container| container.id == *id)?.name.to_string())
        })
    }

    /// A pointer goes down.
    pub fn down(self, event: &PointerEvent) {
        if event.button() != 0 {
            return;
        }
        let at = self.place(event);
        self.pointers.update_value(|pointers| {
            pointers.retain(|(id, _)| *id != event.pointer_id());
            pointers.push((event.pointer_id(), at));
        });
        self.is_moved.set_value(false);
        // A finger moves the drawing, wherever it is; with the mouse a container can be taken along.
        let point = self.view.get_untracked().point(at);
        let held =
            (event.pointer_type() != "touch").then(|| self.layout.with_untracked(|layout| box_at(layout, point)));
        self.held.set_value(held.flatten());
    }

    /// A pointer moves; only one that went down here counts.
    pub fn moved(self, event: &PointerEvent) {
        let Some(pointers) = self.pointers.try_get_value() else { return };
        let at = self.place(event);
        let Some((_, before)) = pointers.iter().find(|(id, _)| *id == event.pointer_id()) else { return };
        let before = *before;
        if !self.is_moved.get_value() {
            if (at.0 - before.0).hypot(at.1 - before.1) < TREMBLE {
                return;
            }
            self.is_moved.set_value(true);
            if let Some(frame) = self.frame.get_untracked() {
                // What leaves the frame is still told; where that fails it is only less smooth.
                let _ = frame.set_pointer_capture(event.pointer_id());
            }
        }
        let other = pointers.iter().find(|(id, _)| *id != event.pointer_id()).map(|(_, at)| *at);
        self.pointers.update_value(|pointers| {
            if let Some(own) = pointers.iter_mut().find(|(id, _)| *id == event.pointer_id()) {
                own.1 = at;
            }
        });
        match (other, self.held.get_value()) {
            (Some(other), _) => {
                let ((apart, middle), (was_apart, was_middle)) = (pinch(at, other), pinch(before, other));
                self.set(|view| {
                    view.zoom(apart / was_apart, middle).pan((middle.0 - was_middle.0, middle.1 - was_middle.1))
                });
            }
            (None, Some(container)) => {
                let point = self.view.get_untracked().point(at);
                let target = self.layout.with_untracked(|layout| network_at(layout, point));
                self.drag.set(Some(Drag { container, at: point, target }));
            }
            (None, None) => self.set(|view| view.pan((at.0 - before.0, at.1 - before.1))),
        }
    }

    /// A pointer goes up: a container that was dragged to a network asks to be connected.
    pub fn up(self, event: &PointerEvent) {
        self.forget(event.pointer_id());
        if let Some(Drag { container, target: Some(network), .. }) = self.drag.get_untracked() {
            connect(self.app, &container, &network);
        }
        self.drag.set(None);
    }

    /// The browser takes a pointer for its own purposes.
    pub fn cancel(self, event: &PointerEvent) {
        self.forget(event.pointer_id());
        self.drag.set(None);
    }

    fn forget(self, pointer: i32) {
        self.held.try_set_value(None);
        self.pointers.try_update_value(|pointers| pointers.retain(|(id, _)| *id != pointer));
    }

    /// The wheel moves the drawing; with the control key, which is also what two fingers on a touch pad send, it zooms.
    pub fn wheel(self, event: &WheelEvent) {
        if event.default_prevented() {
            return;
        }
        event.prevent_default();
        // Browsers that count in lines or pages: some 16 pixels, and some 400.
        let unit = [1.0, 16.0, 400.0].get(event.delta_mode() as usize).copied().unwrap_or(1.0);
        if event.ctrl_key() || event.meta_key() {
            let factor = (-event.delta_y() * unit * 0.004).exp();
            let at = self.place(event);
            self.set(|view| view.zoom(factor, at));
        } else {
            self.set(|view| view.pan((-event.delta_x() * unit, -event.delta_y() * unit)));
        }
    }
}

/// Asks to connect, with the plan first.
fn connect(app: App, container: &ContainerId, network: &NetworkId) {
    let found = app.link.live.with_untracked(|live| {
        let live = live.as_ref()?;
        let container: Arc<Container> = live.containers.iter().find(|known| known.id == *container).cloned()?;
        let network = live.networks.iter().find(|known| known.id == *network)?;
        Some((container, network.name.clone()))
    });
    let Some((container, network)) = found else { return };
    if container.attachments.iter().any(|attachment| attachment.network == network) {
        app.message.set(Some(Message::Failed(topology::connected_already(&container.name, &network))));
    } else {
        app.confirm(Ask::connect(&container, Attachment::to(network)));
    }
}
