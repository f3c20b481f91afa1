//! When the panel is first of use, beside an empty page of Leptos in the same browser: a part of `panel_bench`.

use crate::webdriver::Page;
use serde_json::json;
use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    thread,
};

/// Names the folder of the empty page, which xtask builds.
const EMPTY: &str = "DRAWBRIDGE_EMPTY_PAGE";
/// Each page is opened as often, by turns, and the middle one counts: the first ones also warm the machine. Of nine, the middle
/// one was now 10 % above and now 10 % below that of many.
const TIMES: usize = 41;
/// The panel may take so many times as long.
pub(crate) const AT_MOST: f64 = 1.5;

/// Notes when what is waited for has been painted.
const WATCH: &str = "
    const look = () => document.querySelector('svg [data-block=net0], #empty')
        ? requestAnimationFrame(() => setTimeout(() => { window.useful = performance.now(); }))
        : requestAnimationFrame(look);
    look();
";

/// How many times as long the panel takes; says what was measured.
pub(crate) async fn compare(page: &Page) -> f64 {
    let folder =
        PathBuf::from(env::var_os(EMPTY).expect("`cargo xtask bench panel` builds the empty page and names it"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let empty = format!("http://{}/", listener.local_addr().unwrap());
    // Ends with the test's process; the browser is the only one that asks.
    thread::spawn(move || listener.incoming().flatten().for_each(|stream| serve(&stream, &folder)));
    let browser = page.driver.cdp();
    browser.send_raw("Page.addScriptToEvaluateOnNewDocument", json!({ "source": WATCH })).await.unwrap();
    // Both as for one who comes for the first time.
    browser.send_raw("Network.enable", json!({})).await.unwrap();
    browser.send_raw("Network.setCacheDisabled", json!({ "cacheDisabled": true })).await.unwrap();
    let (mut panels, mut empties) = (Vec::new(), Vec::new());
    for _ in 0..TIMES {
        panels.push(useful(page, "/").await);
        empties.push(useful(page, &empty).await);
    }
    browser.send_raw("Network.setCacheDisabled", json!({ "cacheDisabled": false })).await.unwrap();
    // The panel may ask nobody but the daemon, and is not who asked here.
    page.driver.get_log("performance").await.unwrap();
    let (panel, empty) = (middle(panels), middle(empties));
    println!("of use after {panel:.0} ms, an empty page of Leptos after {empty:.0} ms: {:.2} times", panel / empty);
    panel / empty
}

async fn useful(page: &Page, address: &str) -> f64 {
    page.open(address).await;
    page.js_until("what is to be seen", "return window.useful !== undefined").await;
    page.js("return window.useful").await.as_f64().unwrap()
}

fn middle(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Answers one request with a file of the folder, compressed as the daemon's are.
fn serve(mut stream: &TcpStream, folder: &Path) {
    let mut line = String::new();
    let mut lines = BufReader::new(stream);
    if lines.read_line(&mut line).is_err() {
        return;
    }
    while lines.read_line(&mut String::new()).is_ok_and(|read| read > 2) {}
    let path = line.split(' ').nth(1).unwrap_or("/").trim_start_matches('/');
    let name = if path.is_empty() { "index.html" } else { path };
    let kind = match name.rsplit('.').next() {
        Some("wasm") => "application/wasm",
        Some("js") => "text/javascript",
        _ => "text/html",
    };
    let (status, content) = match fs::read(folder.join(format!("{name}.gz"))) {
        Ok(content) => ("200 OK", content),
        Err(_) => ("404 Not Found", Vec::new()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        content.len()
    );
    // A browser that has gone away needs no answer.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&content));
}
