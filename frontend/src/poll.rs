//! What the daemon does not send by itself, since it changes with every packet: asked for again and again, as long as
//! somebody looks at it and the page is visible. What is asked is in `api.rs`.

use crate::{
    api::Failure,
    moment::{painted, pause},
};
use js_sys::Date;
use leptos::{ev, prelude::*, task::spawn_local};
use std::{future::Future, pin::Pin, rc::Rc, sync::Arc};

/// From an answer to the next question, where nothing else is said.
pub const PAUSE_MS: i32 = 2_000;
/// The longest pause, when the daemon is slow.
const LONGEST_PAUSE_MS: i32 = 20_000;

/// An answer on its way.
pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T, Failure>>>>;
/// A question to the daemon.
type Question<T> = Rc<dyn Fn() -> Answer<T>>;

/// What is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Polled<T> {
    /// The last answer; none before the first.
    pub value: Option<Arc<T>>,
    /// Why there was no answer to the last question.
    pub failure: Option<Failure>,
}

/// One question that is asked again and again, the same by whoever follows it. A handle; copies are the same.
pub struct Poll<T: Send + Sync + 'static> {
    pause_ms: i32,
    polled: RwSignal<Polled<T>>,
    /// How many look at it.
    watchers: StoredValue<u32>,
    is_running: StoredValue<bool>,
}

// Derived, they would ask the same of `T`.
impl<T: Send + Sync + 'static> Clone for Poll<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Send + Sync + 'static> Copy for Poll<T> {}

impl<T: PartialEq + Send + Sync + 'static> Poll<T> {
    /// Nothing is asked yet. Lives as long as the component that calls this; `pause_ms` is from an answer to the next question.
    pub fn open(pause_ms: i32) -> Self {
        Self {
            pause_ms,
            polled: RwSignal::new(Polled { value: None, failure: None }),
            watchers: StoredValue::new(0),
            is_running: StoredValue::new(false),
        }
    }

    /// What is known, kept up to date until the component that calls this is gone. The question comes from there, so that
    /// nothing that reads its answer is in the panel before somebody follows it.
    pub fn follow(self, question: impl Fn() -> Answer<T> + 'static) -> ReadSignal<Polled<T>> {
        let question: Question<T> = Rc::new(question);
        self.watchers.update_value(|watchers| *watchers += 1);
        let again = question.clone();
        let listener = window_event_listener(ev::visibilitychange, move |_| self.run(again.clone()));
        on_cleanup(move || {
            listener.remove();
            // Gone with the component, where that owns the poll.
            self.watchers.try_update_value(|watchers| *watchers -= 1);
        });
        self.run(question);
        self.polled.read_only()
    }

    fn is_wanted(self) -> bool {
        self.watchers.try_get_value().is_some_and(|watchers| watchers > 0) && !document().hidden()
    }

    fn run(self, question: Question<T>) {
        if self.is_running.get_value() || !self.is_wanted() {
            return;
        }
        self.is_running.set_value(true);
        spawn_local(async move {
            // The page can be drawn without the answer.
            painted().await;
            while self.is_wanted() {
                let asked_ms = Date::now();
                let answer = question().await;
                let took_ms = Date::now() - asked_ms;
                self.take(answer);
                pause(pause_ms(took_ms, self.pause_ms)).await;
            }
            self.is_running.try_set_value(false);
        });
    }

    /// An answer like the last one wakes nobody up.
    fn take(self, answer: Result<T, Failure>) {
        self.polled.maybe_update(|polled| match answer {
            Ok(value) => {
                let is_new = polled.failure.is_some() || polled.value.as_deref() != Some(&value);
                if is_new {
                    *polled = Polled { value: Some(Arc::new(value)), failure: None };
                }
                is_new
            }
            Err(failure) => {
                // Whoever is not logged in shall not see it.
                if failure == Failure::Unauthorised {
                    polled.value = None;
                }
                let failure = Some(failure);
                let is_new = polled.failure != failure;
                polled.failure = failure;
                is_new
            }
        });
    }
}

/// A daemon that needs long for an answer is asked less often: it shall spend its time otherwise.
fn pause_ms(took_ms: f64, least_ms: i32) -> i32 {
    // A cast from a float that does not fit takes the nearest that does.
    ((took_ms * 5.0) as i32).clamp(least_ms, LONGEST_PAUSE_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_daemon_is_asked_less_often() {
        let pauses = [0.0, 50.0, 1_000.0, 60_000.0, -5.0].map(|took_ms| pause_ms(took_ms, PAUSE_MS));
        assert_eq!(pauses, [2_000, 2_000, 5_000, 20_000, 2_000]);
        assert_eq!(pause_ms(1.0, 1_000), 1_000);
    }
}
