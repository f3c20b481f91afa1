//! Numbers, times and names as people read them. Pure.

use crate::i18n::{changes, common};
use drawbridge_api::{Endpoint, Traffic};

/// How long ago, in the largest unit that fits: `just now`, `5 min ago`, `3 h ago`, `12 d ago`. Times in milliseconds; a time in
/// the future (two clocks that differ) is `just now`.
pub fn ago(then_ms: i64, now_ms: i64) -> String {
    match (now_ms - then_ms) / 1000 {
        ..10 => common::just_now().to_owned(),
        seconds @ 10..60 => common::seconds_ago(&seconds),
        seconds @ 60..3_600 => common::minutes_ago(&(seconds / 60)),
        seconds @ 3_600..86_400 => common::hours_ago(&(seconds / 3_600)),
        seconds => common::days_ago(&(seconds / 86_400)),
    }
}

/// A duration in microseconds with a fitting unit: `850 µs`, `12.3 ms`, `14 ms`, `4.56 s`.
pub fn duration(us: i64) -> String {
    match us {
        // Measured in milliseconds, or it would be more.
        ..1 => "< 1 ms".to_owned(),
        1..1_000 => format!("{us} µs"),
        // A whole number was most likely measured in milliseconds: a decimal would claim more than is known.
        1_000..1_000_000 if us % 1_000 == 0 => format!("{} ms", us / 1_000),
        1_000..1_000_000 => format!("{}.{} ms", us / 1_000, us % 1_000 / 100),
        _ => format!("{}.{:02} s", us / 1_000_000, us % 1_000_000 / 10_000),
    }
}

/// An endpoint's addresses without their prefix lengths: `172.17.0.2, fd00::2`.
pub fn addresses(endpoint: &Endpoint) -> String {
    let addresses: Vec<String> = endpoint.addresses().iter().map(|address| address.addr().to_string()).collect();
    addresses.join(", ")
}

/// In lower case, by the browser's tables: Rust's own would be loaded before the first page.
pub fn lower(text: &str) -> String {
    #[cfg(target_family = "wasm")]
    return js_sys::JsString::from(text).to_lower_case().into();
    #[cfg(not(target_family = "wasm"))]
    return text.to_lowercase();
}

/// A number with a comma between thousands: `1,234,567`.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes with a fitting unit, decimal as in `docker stats`' network column: `999 B`, `1.23 kB`, `45.6 MB`, `789 GB`. Cut and not
/// rounded, so that a counter never shows more than it has counted.
pub fn bytes(bytes: u64) -> String {
    let mut unit: u64 = 1;
    let mut name = "B";
    for next in ["kB", "MB", "GB", "TB", "PB", "EB"] {
        if bytes / unit < 1000 {
            break;
        }
        (unit, name) = (unit * 1000, next);
    }
    let whole = bytes / unit;
    // Three digits, as far as there are units below.
    match whole {
        _ if unit == 1 => format!("{whole} {name}"),
        0..10 => format!("{whole}.{:02} {name}", bytes % unit / (unit / 100)),
        10..100 => format!("{whole}.{} {name}", bytes % unit / (unit / 10)),
        _ => format!("{whole} {name}"),
    }
}

/// What was counted: `1.23 MB · 4,321 packets`.
pub fn traffic(traffic: Traffic) -> String {
    let packets = usize::try_from(traffic.packets).unwrap_or(usize::MAX);
    format!("{} · {}", bytes(traffic.bytes), common::packets(packets))
}

/// A count with its noun: `1 step`, `3 steps`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// The same for what may be many: `1,012 elements`.
pub fn count_long(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{} {noun}s", number(count as u64)) }
}

/// The text cut to `characters`, the last one an ellipsis when something is missing.
pub fn fit(text: &str, characters: usize) -> String {
    if text.chars().count() <= characters {
        return text.to_owned();
    }
    let kept: String = text.chars().take(characters.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// The first letter in upper case: `create network` becomes `Create network`.
pub fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

/// What was asked for, in the language of the page; as the daemon says it where the page has no words for it.
pub fn verb(verb: &str) -> String {
    let words = match verb {
        "create network" => changes::verb_create_network(),
        "remove network" => changes::verb_remove_network(),
        "create container" => changes::verb_create_container(),
        "run container" => changes::verb_run_container(),
        "start container" => changes::verb_start_container(),
        "stop container" => changes::verb_stop_container(),
        "kill container" => changes::verb_kill_container(),
        "remove container" => changes::verb_remove_container(),
        "container ended" => changes::verb_container_ended(),
        "connect container" => changes::verb_connect_container(),
        "disconnect container" => changes::verb_disconnect_container(),
        "publish ports of" => changes::verb_publish(),
        "give up start of container" => changes::verb_give_up(),
        "reconcile" => changes::verb_reconcile(),
        "repair" => changes::verb_repair(),
        "take down" => changes::verb_take_down(),
        other => return sentence(other),
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_take_the_largest_unit() {
        let check = |seconds: i64, text: &str| assert_eq!(ago(0, seconds * 1000), text);
        check(-5, "just now");
        check(0, "just now");
        check(42, "42 s ago");
        check(60, "1 min ago");
        check(7_300, "2 h ago");
        check(200_000, "2 d ago");
    }

    #[test]
    fn durations_take_a_fitting_unit() {
        for (us, text) in
            [(0, "< 1 ms"), (1, "1 µs"), (999, "999 µs"), (12_345, "12.3 ms"), (14_000, "14 ms"), (4_567_890, "4.56 s")]
        {
            assert_eq!(duration(us), text);
        }
    }

    #[test]
    fn counters_are_short_and_never_too_high() {
        for (count, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.00 kB"),
            (9_999, "9.99 kB"),
            (12_345, "12.3 kB"),
            (999_999, "999 kB"),
            (1_234_567, "1.23 MB"),
            (1_000_000_000, "1.00 GB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(bytes(count), text);
        }
        for (count, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(number(count), text);
        }
        assert_eq!(count_long(1, "element"), "1 element");
        assert_eq!(count_long(1_012, "element"), "1,012 elements");
        assert_eq!(traffic(Traffic { packets: 1, bytes: 60 }), "60 B · 1 packet");
        assert_eq!(traffic(Traffic { packets: 4_321, bytes: 1_234_567 }), "1.23 MB · 4,321 packets");
    }

    #[test]
    fn words_fit() {
        assert_eq!(fit("short", 5), "short");
        assert_eq!(fit("longer", 5), "long…");
        assert_eq!(fit("漢字漢字", 3), "漢字…");
        assert_eq!(count(1, "step"), "1 step");
        assert_eq!(count(0, "step"), "0 steps");
        assert_eq!(sentence("create network"), "Create network");
        assert_eq!(sentence(""), "");
    }
}
