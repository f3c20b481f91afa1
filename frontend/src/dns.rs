//! Questions for names as a person reads them: the last ones, a filter, and words. Pure.

use crate::{i18n::dns as texts, listing::Key, text::lower};
use drawbridge_api::{Container, ContainerId, DnsOutcome, DnsQuery, DnsTransport};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

/// As many are kept as the daemon keeps.
const KEPT: usize = 1000;

/// The last questions, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Questions {
    kept: VecDeque<Arc<DnsQuery>>,
}

impl Questions {
    /// Takes one in. A number that is not above the last is of a daemon that was started anew, whose numbers begin again.
    pub fn add(&mut self, query: DnsQuery) {
        if self.kept.front().is_some_and(|last| query.sequence <= last.sequence) {
            self.kept.clear();
        }
        self.kept.truncate(KEPT - 1);
        self.kept.push_front(Arc::new(query));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Those that the filter leaves, newest first. Every word of it must stand somewhere in the question.
    pub fn found(&self, names: &HashMap<ContainerId, String>, find: &str) -> Vec<Arc<DnsQuery>> {
        let find = lower(find);
        let words: Vec<&str> = find.split_whitespace().collect();
        let matches = |query: &&Arc<DnsQuery>| {
            words.is_empty() || {
                let text = lower(&text(query, names));
                words.iter().all(|word| text.contains(word))
            }
        };
        self.kept.iter().filter(matches).cloned().collect()
    }
}

fn text(query: &DnsQuery, names: &HashMap<ContainerId, String>) -> String {
    let upstream = query.upstream.map(|upstream| upstream.to_string()).unwrap_or_default();
    [
        container(query, names),
        query.container.as_str(),
        &query.name,
        &query.record_type,
        outcome(query.outcome),
        &query.reason,
        &query.answers.join("\n"),
        &upstream,
    ]
    .join("\n")
}

/// The names of containers, by their ids.
pub fn names(containers: &[Arc<Container>]) -> HashMap<ContainerId, String> {
    containers.iter().map(|container| (container.id.clone(), container.name.to_string())).collect()
}

/// Who asked: the name, or the short id of a container that is gone.
pub fn container<'a>(query: &'a DnsQuery, names: &'a HashMap<ContainerId, String>) -> &'a str {
    names.get(&query.container).map_or_else(|| query.container.short(), String::as_str)
}

/// What a column of the page is sorted by.
pub fn key(query: &DnsQuery, names: &HashMap<ContainerId, String>, column: &str) -> Key {
    match column {
        "container" => Key::text(container(query, names)),
        "outcome" => Key::text(outcome(query.outcome)),
        "took" => Key::Number(i64::try_from(query.duration_us).unwrap_or(i64::MAX)),
        "at" => Key::Number(query.time_ms),
        _ => Key::text(&query.name),
    }
}

/// The word for how it ended.
pub fn outcome(outcome: DnsOutcome) -> &'static str {
    match outcome {
        DnsOutcome::Answered => texts::answered(),
        DnsOutcome::NoData => texts::no_record(),
        DnsOutcome::NoSuchName => texts::no_name(),
        DnsOutcome::Forwarded => texts::forwarded(),
        DnsOutcome::Failed => texts::failed(),
        DnsOutcome::Refused => texts::refused(),
    }
}

/// The state that a badge shows it as.
pub fn state(outcome: DnsOutcome) -> &'static str {
    match outcome {
        DnsOutcome::Answered => "done",
        DnsOutcome::Forwarded => "forwarded",
        DnsOutcome::NoData | DnsOutcome::NoSuchName => "open",
        DnsOutcome::Failed | DnsOutcome::Refused => "failed",
    }
}

/// What was asked for: `A by TCP`; the usual way is not told.
pub fn kind(query: &DnsQuery) -> String {
    match query.transport {
        DnsTransport::Udp => query.record_type.clone(),
        DnsTransport::Tcp => texts::by_tcp(&query.record_type),
    }
}

/// The answers in a line, the first few.
pub fn answers(query: &DnsQuery) -> String {
    const SHOWN: usize = 4;
    let mut text = query.answers.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if let Some(more) = query.answers.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        text = texts::and_more(&text, &more);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn query(sequence: u64, name: &str) -> DnsQuery {
        DnsQuery {
            sequence,
            time_ms: 0,
            container: ContainerId::from_bytes([1; 32]),
            name: name.to_owned(),
            record_type: "A".to_owned(),
            transport: DnsTransport::Udp,
            outcome: DnsOutcome::Answered,
            answers: vec!["172.18.0.2".to_owned()],
            reason: "a container of a shared network has the name".to_owned(),
            upstream: None,
            duration_us: 12,
        }
    }

    fn found(questions: &Questions, find: &str) -> Vec<u64> {
        let names = names(&[Arc::new(sample::container(1, 1))]);
        questions.found(&names, find).iter().map(|query| query.sequence).collect()
    }

    #[test]
    fn the_newest_come_first_and_the_oldest_go() {
        let mut questions = Questions::default();
        (1..=KEPT as u64 + 2).for_each(|number| questions.add(query(number, "web")));
        assert_eq!(questions.len(), KEPT);
        let all = found(&questions, "");
        assert_eq!((all[0], all[KEPT - 1]), (KEPT as u64 + 2, 3));
        questions.add(query(1, "again"));
        assert_eq!(found(&questions, ""), [1], "another daemon");
    }

    #[test]
    fn every_word_of_the_filter_counts() {
        let mut questions = Questions::default();
        questions.add(query(1, "web"));
        questions.add(DnsQuery { container: ContainerId::from_bytes([9; 32]), ..query(2, "db") });
        questions.add(DnsQuery {
            outcome: DnsOutcome::Failed,
            upstream: "10.0.0.53:53".parse().ok(),
            ..query(3, "www.example")
        });
        for (find, expected) in [
            ("", &[3, 2, 1][..]),
            ("box1", &[3, 1]),
            ("0909", &[2]),
            ("BOX1 failed", &[3]),
            ("10.0.0.53", &[3]),
            ("172.18.0.2 web", &[1]),
            ("nothing", &[]),
        ] {
            assert_eq!(found(&questions, find), expected, "{find}");
        }
    }

    #[test]
    fn long_answers_are_cut() {
        let mut query = query(1, "web");
        assert_eq!(answers(&query), "172.18.0.2");
        query.answers = (1..=6).map(|number| number.to_string()).collect();
        assert_eq!(answers(&query), "1, 2, 3, 4 and 2 more");
        query.transport = DnsTransport::Tcp;
        assert_eq!(kind(&query), "A by TCP");
    }
}
