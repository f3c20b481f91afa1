//! Whether the 500th container costs what the first one does. The kernel itself may grow, so the floor is measured the
//! same way, on a bridge of its own. Nothing is detached in between; it is the last part.
//!
//! It does grow: an interface that comes up says so in some six IPv6 multicasts, and the bridge hands each to every
//! other port. They are on their way when the next one is attached, so the two take turns in going first.

use crate::{
    attach,
    measure::{Times, aim, in_units, line, timed, title},
    road::{self, Road},
};

/// How many first and last ones are compared.
const WINDOW: usize = 50;

pub(crate) fn print(road: &Road, count: usize) {
    let count = (5 * count).max(2 * WINDOW);
    attach::floor_bridge();
    let records: Vec<_> = (0..count).map(|_| road.container("bridge")).collect();
    let (mut engine, mut floor) = (Times::default(), Times::default());
    road.stopwatch.take();
    let mut first_laps = Vec::new();
    let mut scopes = Vec::with_capacity(count);
    for (number, record) in records.iter().enumerate() {
        if number == WINDOW {
            first_laps = road.stopwatch.take();
        } else if number == count - WINDOW {
            road.stopwatch.take();
        }
        road.stopwatch.start();
        let attached = road::attach(&road.daemon, record, Some(&road.stopwatch));
        let (scope, time) = timed(|| road.tokio.block_on(attached).unwrap());
        road.stopwatch.stop("settle, commit, publish");
        engine.push(time);
        scopes.push(scope);
    }
    let last_laps = road.stopwatch.take();
    for (record, scope) in records.iter().zip(scopes) {
        attach::detach(road, record, scope);
    }
    for number in 0..count {
        floor.push(timed(|| attach::attach_floor(number)).1);
    }
    title(&format!("attach {count} without detaching any; beside: the first {WINDOW}"));
    let grown = |name: &str, times: &Times| {
        let first = Times(times.0[..WINDOW].to_vec());
        let last = Times(times.0[count - WINDOW..].to_vec());
        line(&format!("{name}, the first {WINDOW}"), &first, &[]);
        line(&format!("{name}, the last {WINDOW}"), &last, &[("the first", first.median())]);
        last.median().as_secs_f64() - first.median().as_secs_f64()
    };
    let floor_grown = grown("netlink floor", &floor);
    let engine_grown = grown("engine", &engine);
    let first = Times(engine.0[..WINDOW].to_vec()).median().as_secs_f64();
    aim("engine, last / first, less what the floor grew", (first + engine_grown - floor_grown) / first, 1.1);
    println!("  of these, in the engine, the first {WINDOW} and the last {WINDOW}:");
    for ((name, first), (_, last)) in first_laps.iter().zip(last_laps) {
        println!("    {name:<56} {:>10} {:>10}", in_units(first.median()), in_units(last.median()));
    }
}
