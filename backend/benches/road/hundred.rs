//! A hundred containers, made, started and taken away: one after the other and sixteen at once, each beside the OCI runtime
//! alone, which makes neither file system nor network and has no monitor.

use crate::{
    AT_ONCE,
    alone::Alone,
    measure::{Times, aim, in_units, line, timed, title},
    served::{Log, Served},
};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

/// How many of one kind in a row, before it is the other one's turn.
const ROW: usize = 25;
/// What Docker 28.2 takes to create and start 100 by API, one after the other on two cores, and to remove them.
const DOCKER_START: Duration = Duration::from_millis(13_200);
const DOCKER_REMOVE: Duration = Duration::from_millis(10_800);

/// The four things that are timed: each one's time, and that of all of a row.
#[derive(Default)]
struct Four {
    start: Both,
    start_alone: Both,
    remove: Both,
    remove_alone: Both,
}

#[derive(Default)]
struct Both {
    each: Times,
    all: Duration,
}

impl Both {
    fn add(&mut self, (times, all): (Vec<Duration>, Duration)) {
        self.each.0.extend(times);
        self.all += all;
    }
}

pub(crate) fn print(count: usize) {
    let served = Served::open(Log::Warnings);
    let alone = Alone::new(&served, &mut served.client());
    // Cold caches are the first ones'.
    rows(&served, &alone, ROW, 1, &mut Four::default());
    let mut in_a_row = Four::default();
    for _ in 0..count.div_ceil(ROW) {
        rows(&served, &alone, ROW, 1, &mut in_a_row);
    }
    report("one after the other", &alone.program, &in_a_row, count.div_ceil(ROW) * ROW);
    let mut at_once = Four::default();
    rows(&served, &alone, count, AT_ONCE, &mut at_once);
    report(&format!("{AT_ONCE} at once"), &alone.program, &at_once, count);
    drop(alone);
    served.close();
}

/// Starts `count`, then as many by the runtime alone; then takes them away in the same order.
fn rows(served: &Served, alone: &Alone, count: usize, workers: usize, four: &mut Four) {
    let names: Vec<String> = (0..count).map(|number| format!("alone{number}")).collect();
    names.iter().for_each(|name| alone.prepare(name));
    let (started, all) = spread(count, workers, || {
        let mut client = served.client();
        move |_| client.run("bridge")
    });
    let (ids, times): (Vec<String>, Vec<Duration>) = started.into_iter().unzip();
    four.start.add((times, all));
    let only_times =
        |(done, all): (Vec<((), Duration)>, Duration)| (done.into_iter().map(|(_, time)| time).collect(), all);
    four.start_alone.add(only_times(spread(count, workers, || |number: usize| alone.run(&names[number]))));
    four.remove.add(only_times(spread(count, workers, || {
        let (mut client, ids) = (served.client(), &ids);
        move |number: usize| client.remove(&ids[number])
    })));
    four.remove_alone.add(only_times(spread(count, workers, || |number: usize| alone.delete(&names[number]))));
}

/// Does the work of all numbers below `count`, by as many workers as are told; what each gave and took, and the time of all.
fn spread<T: Send, W: FnMut(usize) -> T + Send>(
    count: usize,
    workers: usize,
    worker: impl Fn() -> W,
) -> (Vec<(T, Duration)>, Duration) {
    let next = AtomicUsize::new(0);
    let works: Vec<W> = (0..workers).map(|_| worker()).collect();
    timed(|| {
        thread::scope(|scope| {
            let turn = |mut work: W| {
                let next = &next;
                scope.spawn(move || {
                    let numbers = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
                    numbers
                        .take_while(|number| *number < count)
                        .map(|number| timed(|| work(number)))
                        .collect::<Vec<_>>()
                })
            };
            let threads: Vec<_> = works.into_iter().map(turn).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        })
    })
}

fn report(how: &str, program: &str, four: &Four, count: usize) {
    title(&format!("{count} containers, {how}"));
    let pair = |name: &str, whole: &Both, bare: &Both| {
        line(&format!("{program} alone: {name}"), &bare.each, &[]);
        line(&format!("by API: {name}"), &whole.each, &[(program, bare.each.median())]);
        let ratio = whole.all.as_secs_f64() / bare.all.as_secs_f64();
        println!("    all {count}: {}, {program} alone {}, {ratio:.2} ×", in_units(whole.all), in_units(bare.all));
    };
    pair("start", &four.start, &four.start_alone);
    pair("remove by force", &four.remove, &four.remove_alone);
    let of_docker = |all: Duration, docker: Duration| all.as_secs_f64() / (docker.as_secs_f64() * count as f64 / 100.0);
    aim("create and start / Docker 28.2", of_docker(four.start.all, DOCKER_START), 1.0 / 3.0);
    aim("remove / Docker 28.2", of_docker(four.remove.all, DOCKER_REMOVE), 0.1);
}
