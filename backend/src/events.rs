//! Events: numbered from the daemon's start, kept for a while, sent to whoever listens. Published after the commit that
//! they tell of, never before.

use drawbridge_api::{Event, EventKind, ExplainedStep, FoundLink, PublishedPort};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::broadcast;

/// How many events are kept for listeners who come back. At 50 events a second that is 20 s away; a page that was away
/// for longer takes a snapshot, which is cheaper than a long replay.
const KEPT: usize = 1024;
/// How many bytes they may have. A usual change has some four thousand; one that publishes a thousand ports has half a million, and
/// what was once done must not weigh more than what there is.
const KEPT_BYTES: usize = 2 << 20;

/// The daemon's events.
#[derive(Debug)]
pub struct Events {
    run: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    sequence: u64,
    kept: VecDeque<Arc<Event>>,
    /// What the kept ones weigh together.
    kept_bytes: usize,
    sender: broadcast::Sender<Arc<Event>>,
}

/// A place in the stream.
#[derive(Debug)]
pub struct Listener {
    /// What came since the number that was asked for.
    pub missed: Vec<Arc<Event>>,
    /// What comes from here on.
    pub receiver: broadcast::Receiver<Arc<Event>>,
}

impl Events {
    /// A stream that begins at 1. `run` tells it from that of another run of the daemon.
    pub fn new(run: String) -> Self {
        let (sender, _) = broadcast::channel(KEPT);
        let kept = VecDeque::with_capacity(KEPT);
        Self { run, state: Mutex::new(State { sequence: 0, kept, kept_bytes: 0, sender }) }
    }

    /// This run of the daemon.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// The number of the last event.
    pub fn sequence(&self) -> u64 {
        self.lock().sequence
    }

    /// Numbers an event, keeps it and sends it.
    pub fn publish(&self, kind: EventKind, now_ms: i64) {
        let mut state = self.lock();
        state.sequence += 1;
        let event = Arc::new(Event { sequence: state.sequence, time_ms: now_ms, kind });
        state.kept_bytes += weight(&event);
        state.kept.push_back(Arc::clone(&event));
        while state.kept.len() > KEPT || (state.kept.len() > 1 && state.kept_bytes > KEPT_BYTES) {
            let Some(oldest) = state.kept.pop_front() else { break };
            state.kept_bytes -= weight(&oldest);
        }
        // Nobody listening is no failure.
        let _ = state.sender.send(event);
    }

    /// Listens from now on.
    pub fn listen(&self) -> broadcast::Receiver<Arc<Event>> {
        self.lock().sender.subscribe()
    }

    /// Listens from behind event `after` of this run. None when that is no longer kept, or of another run: the listener
    /// needs a snapshot.
    pub fn listen_after(&self, run: &str, after: u64) -> Option<Listener> {
        let state = self.lock();
        let oldest = state.kept.front().map_or(state.sequence + 1, |event| event.sequence);
        if run != self.run || after > state.sequence || after + 1 < oldest {
            return None;
        }
        let missed = state.kept.iter().filter(|event| event.sequence > after).cloned().collect();
        Some(Listener { missed, receiver: state.sender.subscribe() })
    }

    /// The state is a queue and a number, both whole after every statement: a panicked holder has not broken it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// About how many bytes an event has: its own, and those of what can be long.
fn weight(event: &Event) -> usize {
    let long = match &event.kind {
        EventKind::Change(change) => change.steps.iter().map(step_bytes).sum(),
        EventKind::Container(container) => size_of::<PublishedPort>() * container.ports.len(),
        EventKind::Found(found) => size_of::<FoundLink>() * found.links.len(),
        EventKind::Network(_)
        | EventKind::NetworkRemoved(_)
        | EventKind::ContainerRemoved(_)
        | EventKind::Image(_)
        | EventKind::ImageRemoved(_) => 0,
    };
    size_of::<Event>() + long
}

fn step_bytes(step: &ExplainedStep) -> usize {
    let texts = step.commands.iter().chain(&step.undo).map(String::len).sum::<usize>();
    size_of::<ExplainedStep>() + step.title.len() + step.why.len() + texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use drawbridge_api::{Change, ChangeState, NetworkId, Origin, Outcome};

    fn removed(number: u8) -> EventKind {
        EventKind::NetworkRemoved(NetworkId::from_bytes([number; 32]))
    }

    #[test]
    fn a_listener_gets_what_it_missed_once_and_then_what_comes() {
        let events = Events::new("a".into());
        events.publish(removed(1), 0);
        events.publish(removed(2), 0);
        let mut listener = events.listen_after("a", 1).unwrap();
        events.publish(removed(3), 0);
        assert_eq!(listener.missed.iter().map(|event| event.sequence).collect::<Vec<_>>(), [2]);
        assert_eq!(listener.receiver.try_recv().unwrap().sequence, 3);
    }

    #[test]
    fn another_run_or_a_number_too_old_or_too_new_needs_a_snapshot() {
        let events = Events::new("a".into());
        for _ in 0..KEPT + 2 {
            events.publish(removed(1), 0);
        }
        assert!(events.listen_after("b", 5).is_none());
        assert!(events.listen_after("a", 1).is_none());
        assert!(events.listen_after("a", 2).is_some());
        assert!(events.listen_after("a", KEPT as u64 + 3).is_none());
    }

    #[test]
    fn what_is_heavy_is_not_kept_for_long() {
        let heavy = || {
            let step = ExplainedStep {
                title: String::new(),
                why: String::new(),
                commands: vec!["x".repeat(KEPT_BYTES / 2)],
                undo: Vec::new(),
                outcome: Outcome::Done,
                error: None,
                duration_us: None,
            };
            EventKind::Change(Change {
                id: 1,
                verb: "start container".to_owned(),
                subject: "many".to_owned(),
                origin: Origin::Docker,
                state: ChangeState::Done,
                error: None,
                steps: vec![step; 3],
                opened_at_ms: 0,
                settled_at_ms: None,
            })
        };
        let events = Events::new("a".into());
        events.publish(removed(1), 0);
        events.publish(heavy(), 0);
        assert!(events.listen_after("a", 1).is_some(), "the last one is kept whatever it weighs");
        assert!(events.listen_after("a", 0).is_none(), "and none before it");
        (0..4).for_each(|_| events.publish(removed(1), 0));
        assert_eq!(events.listen_after("a", 2).unwrap().missed.len(), 4);
        assert!(events.listen_after("a", 1).is_none());
        assert!(events.lock().kept_bytes < KEPT_BYTES);
    }
}
