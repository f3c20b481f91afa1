//! A daemon with many containers: what its own process needs in memory, and what its lists take. Half of the thousand run,
//! which is what this kind of machine carries beside the measurement: each has a process, a monitor and a namespace.

use crate::{
    AT_ONCE,
    measure::{Times, aim, line, timed, title},
    served::{Client, Footprint, Log, Served},
};
use serde_json::Value;
use std::{thread, time::Duration};

/// How many run, and how many there are.
const RUNNING: usize = 500;
const ALL: usize = 1_000;
/// Requests in a row for one list, before it is another one's turn.
const TURN: usize = 20;
/// What a list may take, its slowest hundredth left out.
const LIST_WITHIN: Duration = Duration::from_millis(10);

const PING: &str = "/_ping";
const LISTS: [&str; 4] = [PING, "/containers/json", "/containers/json?all=1", "/networks"];

pub(crate) fn print(count: usize) {
    let served = Served::open(Log::Warnings);
    let mut client = served.client();
    client.ask("GET", PING, "");
    let empty = served.footprint();
    // One where names are answered: two sockets for each container.
    client.ask("POST", "/networks/create", r#"{"Name":"many"}"#);
    let begin = || {
        let mut client = served.client();
        move || (0..RUNNING / AT_ONCE).for_each(|_| drop(client.run("many")))
    };
    thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(begin()))));
    (0..RUNNING % AT_ONCE).for_each(|_| drop(client.run("many")));
    let full = served.footprint();
    (RUNNING..ALL).for_each(|_| drop(client.create("many")));
    lists(&mut client, count);
    let after = served.footprint();

    title("the daemon's own memory");
    footprint("no container", &empty);
    footprint(&format!("{RUNNING} containers run, on a network with names"), &full);
    footprint(&format!("{ALL} containers, of which {RUNNING} run, after the lists"), &after);
    let mib = |footprint: &Footprint| footprint.resident_kib as f64 / 1024.0;
    aim("MiB resident with no container", mib(&empty), 24.0);
    aim(&format!("MiB resident with {RUNNING} running"), mib(&full), 64.0);
    served.close();
}

fn lists(client: &mut Client, count: usize) {
    let mut times = [const { Times(Vec::new()) }; LISTS.len()];
    let mut lengths = [0; LISTS.len()];
    for round in 0..(10 * count).div_ceil(TURN) + 1 {
        for ((path, times), length) in LISTS.iter().zip(&mut times).zip(&mut lengths) {
            for _ in 0..TURN {
                let (answer, time) = timed(|| client.ask("GET", path, ""));
                // The first round is for the caches.
                if round > 0 {
                    times.push(time);
                    *length = answer.len();
                }
            }
        }
    }
    let rows: Value = serde_json::from_slice(&client.ask("GET", LISTS[2], "")).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), ALL);
    title(&format!("a list, with {ALL} containers of which {RUNNING} run"));
    let ping = times[0].median();
    for ((path, times), length) in LISTS.iter().zip(&times).zip(lengths) {
        line(&format!("GET {path} ({} KiB)", length / 1024), times, &[("ping", ping)]);
    }
    for (path, times) in LISTS.iter().zip(&times).skip(1) {
        let slowest = times.quantile(99).as_secs_f64() * 1000.0;
        aim(&format!("p99 of GET {path} in ms"), slowest, LIST_WITHIN.as_secs_f64() * 1000.0);
    }
}

fn footprint(name: &str, seen: &Footprint) {
    let mib = |kib: u64| kib as f64 / 1024.0;
    println!(
        "  {name:<60} {:.1} MiB resident ({:.1} of its own pages, {:.1} proportional), {} threads, {} descriptors",
        mib(seen.resident_kib),
        mib(seen.anonymous_kib),
        mib(seen.proportional_kib),
        seen.threads,
        seen.descriptors
    );
}
