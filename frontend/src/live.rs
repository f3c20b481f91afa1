//! The connection to the daemon: a snapshot, then the event stream from its sequence number. What the first page needs of the
//! snapshot is read at once; the rest, and all events, by a part that is fetched then (`go_on`). What arrives goes through
//! `reduce`. A connection that is lost is taken up again by itself, each time with a new snapshot: simple, and right in
//! every case, also when the daemon was restarted meanwhile.
//!
//! The stream's own reconnection is not used: it hides the HTTP status, so a login that ended would look like a daemon
//! that is down. And a connection may die without a word (a laptop that slept, a tunnel that hangs), so the daemon is asked
//! for a sign of life when nothing came for a while. A page that nobody sees is not connected.

use crate::{
    api::{self, Failure},
    components::parts,
    event,
    i18n::shell,
    moment::painted,
    reduce::{Live, Reduced, reduce},
};
use drawbridge_api::Event;
use leptos::{ev, prelude::*, task::spawn_local};
use std::time::Duration;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{EventSource, MessageEvent};

/// Seconds until the first, second, … attempt; the last one repeats.
const RETRY_S: [u32; 5] = [1, 2, 3, 5, 8];
/// Events that come within so many milliseconds are taken in together: at 50 a second the page is drawn anew 20 times and not 50,
/// and nobody sees the difference.
const GATHER_MS: u64 = 50;
/// Seconds without a word after which the daemon is asked for a sign of life.
const QUIET_S: u32 = 15;

/// How the connection stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// The first snapshot is on its way.
    Connecting,
    /// Events arrive.
    Live,
    /// No connection; another attempt follows.
    Lost {
        /// Seconds until it; 0 while it is being made.
        retry_s: u32,
        /// Why, unless the daemon is just not there.
        reason: Option<String>,
    },
    /// The daemon wants a token first.
    LoggedOut,
}

/// The open stream; closed when dropped. The closures live as long as the browser may call them.
struct Stream {
    source: EventSource,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _signal: [Closure<dyn FnMut()>; 3],
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.source.close();
    }
}

/// The live state and the connection that feeds it. A handle; copies are the same.
#[derive(Clone, Copy)]
pub struct Link {
    /// What the daemon last said; none before the first snapshot.
    pub live: ReadSignal<Option<Live>>,
    /// How the connection stands.
    pub connection: ReadSignal<Connection>,
    /// The time in milliseconds, renewed every few seconds, for texts like "5 min ago".
    pub now_ms: ReadSignal<i64>,
    set_live: WriteSignal<Option<Live>>,
    set_connection: WriteSignal<Connection>,
    set_now_ms: WriteSignal<i64>,
    stream: StoredValue<Option<Stream>, LocalStorage>,
    /// Counts connections, so that a late word of an old one is known as such.
    generation: StoredValue<u32>,
    attempts: StoredValue<usize>,
    quiet_s: StoredValue<u32>,
    /// Events that have come and are not taken in yet.
    gathered: StoredValue<Vec<Event>>,
}

impl Link {
    /// Connects, and keeps connected from then on.
    pub fn open() -> Self {
        let (live, set_live) = signal(None);
        let (connection, set_connection) = signal(Connection::Connecting);
        let (now_ms, set_now_ms) = signal(clock_ms());
        let link = Self {
            live,
            connection,
            now_ms,
            set_live,
            set_connection,
            set_now_ms,
            stream: StoredValue::new_local(None),
            generation: StoredValue::new(0),
            attempts: StoredValue::new(0),
            quiet_s: StoredValue::new(0),
            gathered: StoredValue::new(Vec::new()),
        };
        link.connect();
        set_interval(move || link.tick(), Duration::from_secs(1));
        window_event_listener(ev::online, move |_| {
            if !document().hidden() {
                link.retry_now()
            }
        });
        window_event_listener(ev::offline, move |_| link.lose(None));
        // A browser lets six connections go to one address, for all its tabs together: those that nobody looks at would have
        // them all. They rest, and begin with a snapshot when somebody looks again.
        window_event_listener(
            ev::visibilitychange,
            move |_| if document().hidden() { link.rest() } else { link.connect() },
        );
        // The same goes for a page that is left and kept for the back button.
        window_event_listener(ev::pagehide, move |_| link.rest());
        window_event_listener(ev::pageshow, move |event| {
            if event.persisted() {
                let _ = window().location().reload();
            }
        });
        link
    }

    /// Tries at once when the connection is lost.
    pub fn retry_now(self) {
        if matches!(self.connection.get_untracked(), Connection::Lost { .. }) {
            self.connect();
        }
    }

    /// Calls this whenever the connection is back, for as long as the component that calls this is there: for what is asked once,
    /// and may have had no answer.
    pub fn when_back(self, act: impl Fn() + 'static) {
        let is_live = Memo::new(move |_| self.connection.get() == Connection::Live);
        Effect::new(move |before: Option<bool>| {
            let is_back = is_live.get();
            if is_back && before == Some(false) {
                untrack(&act);
            }
            is_back
        });
    }

    /// Closes the stream, and takes in nothing that still comes. The page stays as it is.
    fn rest(self) {
        self.generation.update_value(|generation| *generation += 1);
        self.stream.set_value(None);
    }

    /// Starts over, after a login.
    pub fn reconnect(self) {
        self.set_connection.set(Connection::Connecting);
        self.connect();
    }

    fn connect(self) {
        let generation = self.generation.get_value() + 1;
        self.generation.set_value(generation);
        if let Connection::Lost { reason, .. } = self.connection.get_untracked() {
            self.set_connection.set(Connection::Lost { retry_s: 0, reason });
        }
        spawn_local(async move {
            // Not in the stream's own callback, which this may drop.
            self.stream.set_value(None);
            let answer = api::snapshot().await;
            if self.generation.get_value() != generation {
                return;
            }
            match answer.and_then(|text| api::read(&text).map(|first| (text, first))) {
                Ok((text, first)) => {
                    // What an old stream has told is in the snapshot, or of another run.
                    self.gathered.set_value(Vec::new());
                    self.set_live.update(|live| *live = Some(Live::begin(first, live.take())));
                    self.quiet_s.set_value(0);
                    painted().await;
                    if parts::go_on(self, text, generation).await.is_err() {
                        self.lose(Some(shell::part_missing_why().to_owned()));
                    }
                }
                Err(failure) => self.fail(failure),
            }
        });
    }

    /// The rest of the snapshot, and the stream from there.
    pub fn go_on(self, text: &str, generation: u32) {
        if self.generation.get_value() != generation {
            return;
        }
        match api::read(text) {
            Ok(rest) => self.set_live.update(|live| {
                if let Some(live) = live {
                    live.complete(rest);
                }
            }),
            Err(failure) => return self.fail(failure),
        }
        let url = self.live.with_untracked(|live| live.as_ref().map(|live| api::events_url(live.sequence, &live.run)));
        if document().hidden() {
            return;
        }
        match url.and_then(|url| self.listen(&url, generation)) {
            Some(stream) => self.stream.set_value(Some(stream)),
            None => self.lose(Some("This browser has no event stream.".to_owned())),
        }
    }

    /// Opens the stream. None where the browser lacks it.
    fn listen(self, url: &str, generation: u32) -> Option<Stream> {
        let source = EventSource::new(url).ok()?;
        let current = move || self.generation.get_value() == generation;
        let message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            if current() {
                self.receive(&message.data().as_string().unwrap_or_default());
            }
        });
        let opened = Closure::<dyn FnMut()>::new(move || {
            if current() {
                self.attempts.set_value(0);
                self.set_connection.set(Connection::Live);
            }
        });
        let failed = Closure::<dyn FnMut()>::new(move || {
            if current() {
                self.lose(None);
            }
        });
        let resync = Closure::<dyn FnMut()>::new(move || {
            if current() {
                self.connect();
            }
        });
        source.set_onmessage(Some(message.as_ref().unchecked_ref()));
        source.set_onopen(Some(opened.as_ref().unchecked_ref()));
        source.set_onerror(Some(failed.as_ref().unchecked_ref()));
        source.add_event_listener_with_callback("resync", resync.as_ref().unchecked_ref()).ok()?;
        Some(Stream { source, _message: message, _signal: [opened, failed, resync] })
    }

    fn receive(self, data: &str) {
        self.quiet_s.set_value(0);
        let Ok(event) = event::read(data) else {
            // Another version of the daemon; a snapshot tells whether it can still be read.
            self.connect();
            return;
        };
        let waiting = self.gathered.try_update_value(|gathered| {
            gathered.push(event);
            gathered.len()
        });
        if waiting == Some(1) {
            set_timeout(move || self.take_in(), Duration::from_millis(GATHER_MS));
        }
    }

    /// Takes in what has been gathered, as one change of the live state.
    fn take_in(self) {
        let events = self.gathered.try_update_value(std::mem::take).unwrap_or_default();
        let mut is_gap = false;
        self.set_live.maybe_update(|live| {
            let Some(live) = live.as_mut() else { return false };
            let mut is_changed = false;
            for event in events {
                match reduce(live, event) {
                    Reduced::Applied => is_changed = true,
                    Reduced::Known => {}
                    Reduced::Gap => {
                        is_gap = true;
                        break;
                    }
                }
            }
            is_changed
        });
        if is_gap {
            self.connect();
        }
    }

    fn fail(self, failure: Failure) {
        match failure {
            Failure::Unauthorised => self.log_out(),
            Failure::Unreachable | Failure::Unanswered => self.lose(None),
            failure @ Failure::Refused(_) => self.lose(Some(failure.to_string())),
        }
    }

    /// Forgets the state: whoever is not logged in shall not see it.
    fn log_out(self) {
        self.generation.update_value(|generation| *generation += 1);
        spawn_local(async move { self.stream.set_value(None) });
        self.set_live.set(None);
        self.set_connection.set(Connection::LoggedOut);
    }

    fn lose(self, reason: Option<String>) {
        if self.connection.get_untracked() == Connection::LoggedOut {
            return;
        }
        self.generation.update_value(|generation| *generation += 1);
        spawn_local(async move {
            // A new connection may have been made meanwhile.
            if matches!(self.connection.get_untracked(), Connection::Lost { .. }) {
                self.stream.set_value(None);
            }
        });
        let attempt = self.attempts.get_value();
        self.attempts.set_value(attempt + 1);
        let retry_s = RETRY_S[attempt.min(RETRY_S.len() - 1)];
        self.set_connection.set(Connection::Lost { retry_s, reason });
    }

    /// Once a second.
    fn tick(self) {
        let now_ms = clock_ms();
        if now_ms - self.now_ms.get_untracked() >= 5_000 {
            self.set_now_ms.set(now_ms);
        }
        // Nobody looks: whatever is to be done is done when somebody does.
        if document().hidden() {
            return;
        }
        match self.connection.get_untracked() {
            Connection::Lost { retry_s: 1, .. } => self.connect(),
            Connection::Lost { retry_s: 0, .. } | Connection::Connecting | Connection::LoggedOut => {}
            Connection::Lost { retry_s, reason } => {
                self.set_connection.set(Connection::Lost { retry_s: retry_s - 1, reason });
            }
            Connection::Live => {
                let quiet_s = self.quiet_s.get_value() + 1;
                self.quiet_s.set_value(quiet_s);
                if quiet_s == QUIET_S {
                    self.ask_for_sign_of_life();
                }
            }
        }
    }

    fn ask_for_sign_of_life(self) {
        let generation = self.generation.get_value();
        spawn_local(async move {
            let answer = api::alive().await;
            if self.generation.get_value() == generation {
                self.quiet_s.set_value(0);
                if let Err(failure) = answer {
                    self.fail(failure);
                }
            }
        });
    }
}

/// The browser's clock, UTC milliseconds since 1970.
fn clock_ms() -> i64 {
    js_sys::Date::now() as i64
}
