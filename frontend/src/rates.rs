//! How fast the host's links count: two reports of the daemon make a rate. Pure.

use drawbridge_api::{LinkReport, Traffic};
use std::{
    collections::HashMap,
    ops::{Add, AddAssign},
    sync::Arc,
};

/// Two reports that are nearer to each other tell little.
const SHORTEST_US: u64 = 200_000;

/// What goes through a link, in bits per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// In by the link; at the host's end of a veth pair, what the container sends.
    pub received: u64,
    /// Out by it.
    pub sent: u64,
}

impl Rate {
    /// Both ways together.
    pub fn total(self) -> u64 {
        self.received.saturating_add(self.sent)
    }
}

impl Add for Rate {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let add = u64::saturating_add;
        Self { received: add(self.received, other.received), sent: add(self.sent, other.sent) }
    }
}

impl AddAssign for Rate {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// The rates of all links that pass something; those that are missing pass nothing.
pub type Rates = HashMap<String, Rate>;

/// The last report, and what it made of the one before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    report: Option<Arc<LinkReport>>,
    /// The rates between the two.
    pub rates: Arc<Rates>,
}

impl Measured {
    /// What a further report makes of this. One that is missing forgets all: what was is no more.
    #[must_use]
    pub fn then(&self, report: Option<&Arc<LinkReport>>) -> Self {
        let Some(report) = report else { return Self::default() };
        let rates = match &self.report {
            Some(before) if report.taken_us.saturating_sub(before.taken_us) >= SHORTEST_US => {
                Arc::new(between(before, report))
            }
            Some(_) => return self.clone(),
            None => Arc::default(),
        };
        Self { report: Some(Arc::clone(report)), rates }
    }
}

fn between(before: &LinkReport, after: &LinkReport) -> Rates {
    let passed_us = after.taken_us - before.taken_us;
    let old: HashMap<&str, _> = before.links.iter().map(|link| (link.name.as_str(), link)).collect();
    let moved = after.links.iter().filter_map(|link| {
        let old = old.get(link.name.as_str())?;
        // A link that was made anew under the same name counts from nothing.
        let rate = |now: Traffic, then: Traffic| {
            let bits = u128::from(now.bytes.saturating_sub(then.bytes)) * 8;
            u64::try_from(bits * 1_000_000 / u128::from(passed_us)).unwrap_or(u64::MAX)
        };
        let rate = Rate { received: rate(link.received, old.received), sent: rate(link.sent, old.sent) };
        (rate.total() > 0).then(|| (link.name.clone(), rate))
    });
    moved.collect()
}

/// A rate as people say it, decimal: `999 bit/s`, `1.2 kbit/s`, `45 Mbit/s`.
pub fn words(bits: u64) -> String {
    let (number, unit) = short(bits);
    format!("{number} {unit}bit/s")
}

/// The number with at most three digits, and what stands before `bit/s`.
fn short(bits: u64) -> (String, &'static str) {
    let mut unit: u64 = 1;
    let mut prefix = "";
    for next in ["k", "M", "G", "T", "P"] {
        if bits / unit < 1000 {
            break;
        }
        (unit, prefix) = (unit * 1000, next);
    }
    let whole = bits / unit;
    if unit > 1 && whole < 10 {
        (format!("{whole}.{}", bits % unit / (unit / 10)), prefix)
    } else {
        (whole.to_string(), prefix)
    }
}

/// Both ways as a line of the drawing has room for, seen from the container: `↓ 1.2 Mb/s ↑ 34 kb/s`; none when nothing passes.
pub fn label(rate: Rate) -> Option<String> {
    let one = |arrow: &str, bits: u64| {
        let (number, unit) = short(bits);
        format!("{arrow}{number} {unit}b/s")
    };
    (rate.total() > 0).then(|| format!("{} {}", one("↓", rate.sent), one("↑", rate.received)))
}

/// How thick a line is and how fast it flows: 0 for one that passes nothing to speak of, up to 5 for gigabits.
pub fn level(rate: Rate) -> u8 {
    match rate.total() {
        0..1_000 => 0,
        1_000..100_000 => 1,
        100_000..10_000_000 => 2,
        10_000_000..100_000_000 => 3,
        100_000_000..1_000_000_000 => 4,
        _ => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use drawbridge_api::LinkCounters;

    fn report(taken_us: u64, links: &[(&str, u64, u64)]) -> Arc<LinkReport> {
        let traffic = |bytes| Traffic { packets: 0, bytes };
        let links = links.iter().map(|(name, received, sent)| LinkCounters {
            name: (*name).to_owned(),
            received: traffic(*received),
            sent: traffic(*sent),
        });
        Arc::new(LinkReport { taken_us, links: links.collect() })
    }

    #[test]
    fn two_reports_make_a_rate() {
        let first = Measured::default().then(Some(&report(1_000_000, &[("a", 0, 100), ("b", 7, 7)])));
        assert!(first.rates.is_empty(), "one report tells nothing");
        let second = first.then(Some(&report(3_000_000, &[("a", 1000, 100), ("b", 7, 7), ("new", 9, 9)])));
        assert_eq!(*second.rates, Rates::from([("a".to_owned(), Rate { received: 4000, sent: 0 })]));
        // The same report once more, and one that came too soon.
        assert_eq!(second.then(Some(&report(3_000_001, &[("a", 2000, 100)]))), second);
        // Counters that fell belong to another link.
        assert!(second.then(Some(&report(4_000_000, &[("a", 10, 10)]))).rates.is_empty());
        assert_eq!(second.then(None), Measured::default());
    }

    #[test]
    fn rates_have_sensible_units() {
        for (bits, text) in [
            (0, "0 bit/s"),
            (999, "999 bit/s"),
            (1_000, "1.0 kbit/s"),
            (9_999, "9.9 kbit/s"),
            (12_345, "12 kbit/s"),
            (1_500_000, "1.5 Mbit/s"),
            (940_000_000, "940 Mbit/s"),
            (25_000_000_000, "25 Gbit/s"),
        ] {
            assert_eq!(words(bits), text);
        }
        assert_eq!(label(Rate::default()), None);
        assert_eq!(label(Rate { received: 34_000, sent: 1_200_000 }).as_deref(), Some("↓1.2 Mb/s ↑34 kb/s"));
        let levels = [0, 999, 5_000, 5_000_000, 50_000_000, 500_000_000, 5_000_000_000];
        assert_eq!(levels.map(|sent| level(Rate { received: 0, sent })), [0, 0, 1, 2, 3, 4, 5]);
    }
}
