//! The time of day, in the units that are stored and told.

use std::time::{SystemTime, UNIX_EPOCH};

/// UTC milliseconds since 1970.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// UTC nanoseconds since 1970, until the year 2262.
pub fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// Notes that a part of an operation is done, for who asks where its time goes (`DRAWBRIDGE_LOG=lap=trace`, as the benchmark
/// does): a part took what passed since the line before; one that begins with `asked` is where an operation begins.
pub fn lap(done: &'static str) {
    tracing::trace!(target: "lap", "{done}");
}
