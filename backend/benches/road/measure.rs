//! Times and how they are told: median, 95th percentile, and the ratio to a peer.

use std::time::{Duration, Instant};

/// The times of one thing done many times.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times(pub(crate) Vec<Duration>);

impl Times {
    pub(crate) fn quantile(&self, percent: usize) -> Duration {
        let mut times = self.0.clone();
        times.sort();
        times.get((times.len().max(1) - 1) * percent / 100).copied().unwrap_or_default()
    }

    pub(crate) fn median(&self) -> Duration {
        self.quantile(50)
    }

    pub(crate) fn push(&mut self, time: Duration) {
        self.0.push(time);
    }
}

impl FromIterator<Duration> for Times {
    fn from_iter<I: IntoIterator<Item = Duration>>(times: I) -> Self {
        Times(times.into_iter().collect())
    }
}

/// Does it and says how long it took.
pub(crate) fn timed<T>(body: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    let value = body();
    (value, begun.elapsed())
}

pub(crate) fn title(text: &str) {
    println!("\n{text}");
    println!("  {:<52} {:>5} {:>10} {:>10}  beside", "", "n", "median", "p95");
}

/// A line of the table.
pub(crate) fn line(name: &str, times: &Times, peers: &[(&str, Duration)]) {
    let beside: Vec<String> = peers
        .iter()
        .map(|(peer, time)| format!("{:.2} × {peer}", times.median().as_secs_f64() / time.as_secs_f64()))
        .collect();
    let (median, p95) = (in_units(times.median()), in_units(times.quantile(95)));
    println!("  {name:<52} {:>5} {median:>10} {p95:>10}  {}", times.0.len(), beside.join(", "));
}

/// An aim, and whether it is met.
pub(crate) fn aim(words: &str, found: f64, limit: f64) {
    let word = if found <= limit { "met" } else { "missed" };
    println!("  aim {word}: {words}: {found:.2}, at most {limit:.2}");
}

pub(crate) fn in_units(time: Duration) -> String {
    if time < Duration::from_millis(10) {
        format!("{} µs", time.as_micros())
    } else {
        format!("{:.1} ms", time.as_secs_f64() * 1000.0)
    }
}
