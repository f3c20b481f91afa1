//! What is kept of each question: the last thousand, numbered, and sent to whoever listens. The numbers and the queue are apart
//! from the daemon's events, of which a busy container's questions would otherwise leave none.

use drawbridge_api::DnsQuery;
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::broadcast;

/// How many are kept.
pub const KEPT: usize = 1000;
/// How many may wait for a listener that is slow; it then misses some, and sees it by their numbers.
const WAITING: usize = 256;

/// The last questions.
#[derive(Debug)]
pub struct Lens {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    sequence: u64,
    kept: VecDeque<DnsQuery>,
    sender: broadcast::Sender<DnsQuery>,
}

/// What was kept and a place in the stream behind it.
#[derive(Debug)]
pub struct Kept {
    /// Oldest first.
    pub queries: Vec<DnsQuery>,
    /// What comes from here on.
    pub receiver: broadcast::Receiver<DnsQuery>,
}

impl Default for Lens {
    fn default() -> Self {
        let (sender, _) = broadcast::channel(WAITING);
        Self { state: Mutex::new(State { sequence: 0, kept: VecDeque::with_capacity(KEPT), sender }) }
    }
}

impl Lens {
    /// Numbers a question, keeps it and sends it.
    pub fn add(&self, mut query: DnsQuery) {
        let mut state = self.lock();
        state.sequence += 1;
        query.sequence = state.sequence;
        if state.kept.len() == KEPT {
            state.kept.pop_front();
        }
        if state.sender.receiver_count() > 0 {
            // Who has just gone is no failure.
            let _ = state.sender.send(query.clone());
        }
        state.kept.push_back(query);
    }

    /// What is kept, and what comes.
    pub fn kept(&self) -> Kept {
        let state = self.lock();
        Kept { queries: state.kept.iter().cloned().collect(), receiver: state.sender.subscribe() }
    }

    /// A queue and a number, whole after every statement: a panicked holder has not broken them.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use drawbridge_api::{ContainerId, DnsOutcome, DnsTransport};

    #[test]
    fn the_last_thousand_are_kept_and_none_is_told_twice() {
        let lens = Lens::default();
        let query = DnsQuery {
            sequence: 0,
            time_ms: 0,
            container: ContainerId::from_bytes([1; 32]),
            name: "web".to_owned(),
            record_type: "A".to_owned(),
            transport: DnsTransport::Udp,
            outcome: DnsOutcome::Answered,
            answers: Vec::new(),
            reason: String::new(),
            upstream: None,
            duration_us: 1,
        };
        for _ in 0..KEPT + 5 {
            lens.add(query.clone());
        }
        let mut kept = lens.kept();
        assert_eq!(kept.queries.len(), KEPT);
        let numbers = |queries: &[DnsQuery]| (queries[0].sequence, queries[queries.len() - 1].sequence);
        assert_eq!(numbers(&kept.queries), (6, 1005));
        lens.add(query);
        assert_eq!(kept.receiver.try_recv().unwrap().sequence, 1006);
        assert!(kept.receiver.try_recv().is_err());
    }
}
