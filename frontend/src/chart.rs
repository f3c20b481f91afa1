//! Small charts of what a container uses: counters become rates, rates a line. Pure.

use drawbridge_api::Usage;
use std::collections::VecDeque;

/// As many points as a chart has: a minute, at one a second.
const POINTS: usize = 60;

/// The latest measurements, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    last: Option<Usage>,
    points: VecDeque<Point>,
}

/// What was used between two measurements.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// Processor time in percent of one processor.
    pub cpu_percent: f64,
    /// Memory in bytes.
    pub memory_bytes: f64,
    /// Bytes received in a second.
    pub received: f64,
    /// Bytes sent in a second.
    pub sent: f64,
}

impl History {
    /// Takes a measurement in. Counters that went back are those of another run, with which a history begins anew.
    pub fn add(&mut self, usage: Usage) {
        if let Some(last) = self.last {
            let went_back = usage.cpu_ns < last.cpu_ns || usage.received_bytes < last.received_bytes;
            if went_back {
                self.points.clear();
            } else if let Some(point) = between(&last, &usage) {
                self.points.push_back(point);
                if self.points.len() > POINTS {
                    self.points.pop_front();
                }
            }
        }
        self.last = Some(usage);
    }

    /// What was measured last.
    pub fn last(&self) -> Option<Usage> {
        self.last
    }

    /// The latest point.
    pub fn now(&self) -> Option<Point> {
        self.points.back().copied()
    }

    /// One line of the chart: SVG points in a box of 100 by 30, the newest at the right edge; empty with less than two.
    pub fn line(&self, of: fn(&Point) -> f64, least_top: f64) -> String {
        if self.points.len() < 2 {
            return String::new();
        }
        let top = self.points.iter().map(of).fold(least_top, f64::max);
        let begin = POINTS - self.points.len();
        let point = |(index, point): (usize, &Point)| {
            let x = (begin + index) as f64 * 100.0 / (POINTS - 1) as f64;
            let y = 29.0 - of(point) / top * 28.0;
            format!("{x:.1},{y:.1}")
        };
        self.points.iter().enumerate().map(point).collect::<Vec<_>>().join(" ")
    }
}

fn between(before: &Usage, after: &Usage) -> Option<Point> {
    let elapsed_ms = after.at_ms - before.at_ms;
    if elapsed_ms <= 0 {
        return None;
    }
    let seconds = elapsed_ms as f64 / 1000.0;
    let rate = |before: u64, after: u64| after.saturating_sub(before) as f64 / seconds;
    Some(Point {
        cpu_percent: rate(before.cpu_ns, after.cpu_ns) / 1e7,
        memory_bytes: after.memory_bytes as f64,
        received: rate(before.received_bytes, after.received_bytes),
        sent: rate(before.sent_bytes, after.sent_bytes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(seconds: i64, cpu_ns: u64, received_bytes: u64) -> Usage {
        Usage { at_ms: seconds * 1000, cpu_ns, received_bytes, memory_bytes: 1024, cpus: 2, ..Usage::default() }
    }

    #[test]
    fn counters_become_rates() {
        let mut history = History::default();
        history.add(usage(1, 0, 100));
        assert_eq!(history.now(), None);
        assert_eq!(history.line(|point| point.cpu_percent, 1.0), "");
        history.add(usage(3, 1_000_000_000, 2_100));
        let now = history.now().unwrap();
        assert_eq!((now.cpu_percent, now.received, now.memory_bytes), (50.0, 1000.0, 1024.0));
        history.add(usage(3, 1_000_000_000, 2_100));
        assert_eq!(history.points.len(), 1, "no time has passed");
        history.add(usage(4, 2_000_000_000, 2_100));
        assert_eq!(history.line(|point| point.cpu_percent, 1.0), "98.3,15.0 100.0,1.0");
        history.add(usage(5, 5, 0));
        assert_eq!(history.now(), None, "another run");
        for second in 6..200 {
            history.add(usage(second, 5, 0));
        }
        assert_eq!(history.points.len(), POINTS);
        assert!(history.line(|point| point.sent, 1.0).starts_with("0.0,29.0 "), "nothing is a flat line");
    }
}
