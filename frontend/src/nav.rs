//! The address bar: reads it into a `Route`, writes a `Route` into it, and keeps clicks on the panel's own links inside
//! the page. What the addresses mean is in `route.rs`.

use crate::route::Route;
use leptos::{ev, prelude::*};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlAnchorElement, MouseEvent};

/// The page that is shown. A handle; copies are the same.
#[derive(Clone, Copy)]
pub struct Nav {
    /// The page that is shown.
    pub route: ReadSignal<Route>,
    set_route: WriteSignal<Route>,
}

impl Nav {
    /// Takes the browser's address over.
    pub fn open() -> Self {
        let (route, set_route) = signal(current());
        let nav = Self { route, set_route };
        window_event_listener(ev::popstate, move |_| nav.set_route.set(current()));
        window_event_listener(ev::click, move |event| nav.follow(&event));
        nav
    }

    /// Goes to a page; back leads here again.
    pub fn go(self, route: Route) {
        self.write(route, |history, href| history.push_state_with_url(&JsValue::NULL, "", Some(href)));
    }

    /// Goes to a page in place of this one, for what is typed letter by letter.
    pub fn replace(self, route: Route) {
        self.write(route, |history, href| history.replace_state_with_url(&JsValue::NULL, "", Some(href)));
    }

    fn write(self, route: Route, put: impl Fn(&web_sys::History, &str) -> Result<(), JsValue>) {
        if route == self.route.get_untracked() {
            return;
        }
        // Refused when called too often (some 200 times in 30 s); the page then changes without its address.
        if let Ok(history) = window().history()
            && let Err(error) = put(&history, &route.href())
        {
            web_sys::console::warn_1(&error);
        }
        self.set_route.set(route);
    }

    /// A plain click on a link to one of our pages; anything else (new tab, download) is the browser's.
    fn follow(self, event: &MouseEvent) {
        if event.default_prevented()
            || event.button() != 0
            || event.ctrl_key()
            || event.meta_key()
            || event.shift_key()
            || event.alt_key()
        {
            return;
        }
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let link = target.and_then(|element| element.closest("a[href^='/']").ok().flatten());
        let Some(link) = link.and_then(|link| link.dyn_into::<HtmlAnchorElement>().ok()) else { return };
        if link.target().is_empty() && !link.has_attribute("download") {
            event.prevent_default();
            let route = Route::parse(&link.pathname(), &link.search());
            self.go(self.route.with_untracked(|current| route.seen_from(current)));
        }
    }
}

/// What the address bar says.
pub fn current() -> Route {
    let location = window().location();
    Route::parse(&location.pathname().unwrap_or_default(), &location.search().unwrap_or_default())
}
