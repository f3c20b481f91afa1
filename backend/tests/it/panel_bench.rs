//! What the panel costs a browser: `cargo xtask bench panel` runs it. Five hundred containers in ten networks, some of
//! them running and talking, and for half a minute fifty events a second; every event is a real one, of containers that join
//! networks and leave them.

use crate::{
    harness::{Daemon, api},
    panel_paint,
    webdriver::{Page, check_close},
};
use serde_json::{Value, json};
use std::{
    env, fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const NETWORKS: usize = 10;
const CONTAINERS: usize = 500;
/// As many of them run; a process each is enough to have rates, and 500 would measure the machine.
const RUNNING: usize = 20;
/// Events a second: a connection or its end is one change that opens, one that settles, and the container.
const EVENTS: u32 = 50;
const EVENTS_PER_REQUEST: u32 = 3;
const LASTS: Duration = Duration::from_secs(30);
/// No task of the page may take longer, once it is there.
const LONGEST_TASK_MS: f64 = 100.0;
/// What the page may keep more at the end than at the beginning, in bytes: changes are kept up to a thousand of them, each with
/// its steps, and a browser frees what it likes when it likes.
const GROWTH: f64 = 30e6;

/// Notes tasks of 50 ms and longer, as the browser tells of them (Long Tasks API).
const WATCH: &str = "
    window.tasks = [];
    new PerformanceObserver(list => list.getEntries().forEach(entry => tasks.push([entry.startTime, entry.duration])))
        .observe({ entryTypes: ['longtask'] });
";

/// What the browser's pages have in memory, in bytes: of the processes that draw them, in this sandbox and no other. The page's own
/// counter (`performance.memory`) leaves WebAssembly out.
fn resident() -> f64 {
    let own = fs::read_link("/proc/thread-self/ns/net").unwrap();
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let drawing = processes.filter(|path| {
        fs::read_link(path.join("ns/net")).is_ok_and(|namespace| namespace == own)
            && fs::read_to_string(path.join("cmdline")).is_ok_and(|line| line.contains("--type=renderer"))
    });
    let pages = drawing.filter_map(|path| {
        let statm = fs::read_to_string(path.join("statm")).ok()?;
        statm.split(' ').nth(1)?.parse::<f64>().ok()
    });
    pages.sum::<f64>() * 4096.0
}

/// Lets containers join a network and leave it, at an even pace, until told to stop. Gives back how many requests were made.
fn stir(daemon: &Daemon, stop: &AtomicBool, made: &AtomicU64) {
    let pause = Duration::from_secs(1) / (EVENTS / EVENTS_PER_REQUEST);
    let begun = Instant::now();
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        // Stopped ones: nothing is done in the kernel, so the daemon keeps the pace.
        let container = RUNNING + (number / 2) % (CONTAINERS - RUNNING);
        let (network, path) = ((container + 1) % NETWORKS, format!("/api/containers/box{container}/attachments"));
        let (status, answer) = if number % 2 == 0 {
            api(daemon, "POST", &path, Some(json!({ "network": format!("net{network}") })))
        } else {
            api(daemon, "DELETE", &format!("{path}/net{network}"), None)
        };
        assert!(status < 300, "{status} {answer}");
        number += 1;
        made.fetch_add(1, Ordering::Relaxed);
        thread::sleep((pause * u32::try_from(number).unwrap()).saturating_sub(begun.elapsed()));
    }
}

#[test]
fn five_hundred_containers_and_fifty_events_a_second() {
    if env::var_os("DRAWBRIDGE_BENCH").is_none() {
        println!("not run: `cargo xtask bench panel` runs it");
        return;
    }
    check_close(async |daemon: &mut Daemon, page: &Page| {
        for number in 0..NETWORKS {
            let body = json!({ "name": format!("net{number}") });
            assert_eq!(api(daemon, "POST", "/api/networks", Some(body)).0, 201);
        }
        for number in 0..CONTAINERS {
            let talks = "ping -i 0.2 -s 1000 172.18.0.1";
            let body = json!({
                "name": format!("box{number}"), "image": "busybox", "command": ["sh", "-c", talks],
                "network": format!("net{}", number % NETWORKS), "start": number < RUNNING,
            });
            let (status, answer) = api(daemon, "POST", "/api/containers", Some(body));
            assert_eq!(status, 201, "{answer}");
        }
        page.open(&daemon.panel_link).await;
        page.sees("svg [data-block=net0]", "50 containers").await;
        let useful = page.js("return performance.now()").await.as_f64().unwrap();
        let paint =
            page.js("return performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null").await;
        println!("first paint after {paint} ms, the drawing was there before {useful:.0} ms");
        let times = panel_paint::compare(page).await;
        for address in ["/", "/?open=net0", "/?open=net0&density=compact&select=container:box0&tab=kernel"] {
            page.open(address).await;
            page.sees("[data-test=connection]", "Live").await;
            page.sees("svg [data-block=net1]", "50 containers").await;
            measure(daemon, page, address).await;
        }
        // Last, so that the other figures are seen too.
        assert!(times <= panel_paint::AT_MOST, "the panel is of use after {times:.2} times as long as an empty page");
    });
}

async fn measure(daemon: &Daemon, page: &Page, address: &str) {
    page.js(WATCH).await;
    // One that is too long, to see that it would be told of.
    page.js("setTimeout(() => { const end = performance.now() + 150; while (performance.now() < end); })").await;
    page.js_until("a task that is too long to be told", "return tasks.some(task => task[1] >= 150)").await;
    page.js("tasks.length = 0").await;
    // For the tests' log of requests the browser keeps every answer.
    let browser = page.driver.cdp();
    for command in ["Network.disable", "HeapProfiler.collectGarbage"] {
        browser.send_raw(command, json!({})).await.unwrap();
    }
    let before = resident();
    let (stop, made) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let begun = Instant::now();
    // The daemon's thread must be free for what is asked of the browser: the pace is kept by another, which is in the sandbox too.
    thread::scope(|scope| {
        let stirring = scope.spawn(|| stir(daemon, &stop, &made));
        thread::sleep(LASTS);
        stop.store(true, Ordering::Relaxed);
        stirring.join().unwrap();
    });
    let rate = made.load(Ordering::Relaxed) as f64 * f64::from(EVENTS_PER_REQUEST) / begun.elapsed().as_secs_f64();
    let tasks: Value = page.js("return tasks").await;
    let longest = tasks.as_array().unwrap().iter().filter_map(|task| task[1].as_f64()).fold(0.0, f64::max);
    browser.send_raw("HeapProfiler.collectGarbage", json!({})).await.unwrap();
    let after = resident();
    println!(
        "{address}: {rate:.0} events a second for {} s; {} tasks over 50 ms, the longest {longest:.0} ms; memory {:.1} MB, then {:.1} MB",
        LASTS.as_secs(),
        tasks.as_array().unwrap().len(),
        before / 1e6,
        after / 1e6,
    );
    assert!(longest <= LONGEST_TASK_MS, "{address}: a task of {longest:.0} ms");
    assert!(after - before <= GROWTH, "{address}: the page grows");
}
