//! A real Chromium for a test, headless, driven by chromedriver. It breaks off what is on its way when the machine that it runs on
//! gets or loses an address or an interface (`net::ERR_NETWORK_CHANGED`), as the test's sandbox does all the time. So it has a
//! namespace of its own, with a loopback at which the daemon's panel is, and no other way out.

use crate::{
    harness::{DEADLINE, Daemon, docker_is_there, is_there, not_run},
    relay::Relay,
    speech::Language,
};
use drawbridge_kernel::testing::{alone, check_in_sandbox};
use futures_util::FutureExt;
use serde_json::Value;
use std::{
    cell::RefCell,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    panic::{AssertUnwindSafe, resume_unwind},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use thirtyfour::{ChromiumLikeCapabilities, LoggingPrefsLogLevel, prelude::*};

/// Runs a test in a sandbox with a daemon and a browser, once in each language of the panel. Afterwards nothing may stand in the
/// browser's console, and nothing may have been asked of anybody but the daemon.
pub(crate) fn check(test: impl AsyncFn(&mut Daemon, &Page) + Sync) {
    for language in [Language::English, Language::Chinese] {
        check_in(Place::Alone, language, &test);
    }
}

/// The same once, for what chooses its language itself, or has none.
pub(crate) fn check_once(test: impl AsyncFn(&mut Daemon, &Page) + Sync) {
    check_in(Place::Alone, Language::English, &test);
}

/// The same for what measures, with nothing between browser and daemon, and for what has servers of its own in the sandbox.
pub(crate) fn check_close(test: impl AsyncFn(&mut Daemon, &Page) + Sync) {
    check_in(Place::Sandbox, Language::English, &test);
}

/// Where the browser runs.
#[derive(Clone, Copy)]
enum Place {
    /// In a namespace of its own.
    Alone,
    /// Where the daemon does.
    Sandbox,
}

fn check_in(place: Place, language: Language, test: &(impl AsyncFn(&mut Daemon, &Page) + Sync)) {
    if !docker_is_there() || !is_there("chromedriver") {
        return;
    }
    // The client that speaks to chromedriver asks for one, though it never uses it. Another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    check_in_sandbox(|| {
        let mut daemon = Daemon::start();
        if !has_panel(&daemon) {
            return not_run("the daemon was built without its panel; `cargo xtask test` builds both");
        }
        let folder = daemon.folders().root.join("browser");
        fs::create_dir(&folder).unwrap();
        let chromedriver = match place {
            Place::Alone => Chromedriver::start_alone(&folder, daemon.panel_address()),
            Place::Sandbox => Chromedriver::start(&folder),
        };
        // On this thread and no other, for only this one is in the sandbox.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let page = Page::connect(&chromedriver, &folder, daemon.panel_origin(), language).await;
            let result = AssertUnwindSafe(async {
                test(&mut daemon, &page).await;
                page.check_silence().await;
            });
            let result = result.catch_unwind().await;
            if result.is_err() {
                page.tell().await;
            }
            // Also when the test has failed: the browser ends before its folder goes.
            let ended = page.driver.quit().await;
            match result {
                Ok(()) => ended.unwrap(),
                Err(panic) => resume_unwind(panic),
            }
        });
    });
}

/// Whether the daemon was built with DRAWBRIDGE_PANEL. Without it every page is a 404.
fn has_panel(daemon: &Daemon) -> bool {
    let mut stream = TcpStream::connect(daemon.panel_address()).unwrap();
    stream.write_all(b"GET /index.html HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    !answer.starts_with(b"HTTP/1.1 404 ")
}

/// A running chromedriver; killed with the value.
struct Chromedriver {
    child: Child,
    /// Where it listens, or what leads there.
    address: SocketAddr,
    /// To the panel, and to it.
    relays: Vec<Relay>,
}

impl Chromedriver {
    /// Starts one in a namespace of its own, in which the panel has the address that it has here.
    fn start_alone(folder: &Path, panel: SocketAddr) -> Self {
        let here = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = here.local_addr().unwrap();
        let (mut chromedriver, there) = alone(|| {
            let there = TcpListener::bind(panel).unwrap();
            let mut chromedriver = Self::start(folder);
            chromedriver.relays.push(Relay::start(here, chromedriver.address));
            (chromedriver, there)
        });
        chromedriver.relays.push(Relay::start(there, panel));
        chromedriver.address = address;
        chromedriver
    }

    fn start(folder: &Path) -> Self {
        let mut child = Command::new("chromedriver")
            .args(["--port=0", "--allowed-ips=127.0.0.1"])
            // Chromium leaves files in both; so they go with the test.
            .env("HOME", folder)
            .env("TMPDIR", folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            Some(line.strip_prefix("ChromeDriver was started successfully on port ")?.trim_end_matches('.').to_owned())
        });
        let port: u16 = port.expect("chromedriver says its port").parse().unwrap();
        Self { child, address: ([127, 0, 0, 1], port).into(), relays: Vec::new() }
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The browser's one tab. Everything is found by CSS selectors and waited for.
pub(crate) struct Page {
    pub(crate) driver: WebDriver,
    origin: String,
    /// What it speaks.
    pub(crate) language: Language,
    expected: RefCell<Vec<&'static str>>,
}

impl Page {
    async fn connect(chromedriver: &Chromedriver, folder: &Path, origin: &str, language: Language) -> Self {
        let mut capabilities = DesiredCapabilities::chrome();
        let profile = format!("--user-data-dir={}", folder.join("profile").display());
        for argument in [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1440,900",
            "--hide-scrollbars",
            &profile,
        ] {
            capabilities.add_arg(argument).unwrap();
        }
        for log in ["browser", "performance"] {
            capabilities.set_logging_prefs(log, LoggingPrefsLogLevel::All).unwrap();
        }
        let driver = WebDriver::new(format!("http://{}", chromedriver.address), capabilities).await.unwrap();
        // As a person has chosen it, until another is chosen. The browser's own first page has no storage.
        let choose = format!("try {{ localStorage.language ??= '{}' }} catch {{}}", language.tag());
        let choose = serde_json::json!({ "source": choose });
        driver.cdp().send_raw("Page.addScriptToEvaluateOnNewDocument", choose).await.unwrap();
        Self { driver, origin: origin.to_owned(), language, expected: RefCell::default() }
    }

    /// Gives the page this size, in CSS pixels. The window is higher: it has bars of the browser's own.
    pub(crate) async fn set_size(&self, width: u32, height: u32) {
        let bars = self.js("return window.outerHeight - window.innerHeight").await.as_u64().unwrap();
        let height = height + u32::try_from(bars).unwrap();
        self.driver.set_window_rect(0, 0, width, height).await.unwrap();
        self.js_until("the size", &format!("return innerWidth === {width} && outerHeight === {height}")).await;
    }

    /// Opens an address: a path of the panel, or a whole one.
    pub(crate) async fn open(&self, address: &str) {
        let address = if address.starts_with('/') { format!("{}{address}", self.origin) } else { address.to_owned() };
        self.driver.goto(address).await.unwrap();
    }

    /// Opens the login link and waits for the state to arrive. Leaves a mark that a reload would wipe out.
    pub(crate) async fn log_in(&self, daemon: &Daemon) {
        self.open(&daemon.panel_link).await;
        self.sees("[data-test=connection]", "Live").await;
        self.js("window.mark = 'never reloaded'").await;
    }

    /// Whether this is still the page that `log_in` has opened.
    pub(crate) async fn check_never_reloaded(&self) {
        assert_eq!(self.js("return window.mark").await, "never reloaded");
    }

    pub(crate) async fn path(&self) -> String {
        // By the page itself: chromedriver asks the browser, which hears of it from there.
        let url = self.js("return location.href").await;
        url.as_str().unwrap().trim_start_matches(&self.origin).to_owned()
    }

    /// Clicks, as soon as there is something that gets the click: what is disabled does not, nor what moves or goes
    /// just then, and chromedriver says nothing of it.
    pub(crate) async fn click(&self, css: &str) {
        // An option is chosen without a click.
        let watch = "window.clicked = arguments[0].tagName === 'OPTION';
            arguments[0].addEventListener('click', () => { window.clicked = true; }, { capture: true, once: true });";
        self.until(&format!("{css} to be clicked"), async || {
            let place = self.driver.find(By::Css(css)).await?;
            self.driver.execute(watch, vec![place.to_json()?]).await?;
            place.click().await?;
            // Another document, to which it has led, knows nothing of it.
            let clicked = self.driver.execute("return window.clicked ?? true", Vec::new()).await;
            Ok((!clicked.is_ok_and(|clicked| *clicked.json() == false)).then_some(()))
        })
        .await;
    }

    /// Presses keys on something, as soon as it is there and takes them.
    pub(crate) async fn press(&self, css: &str, keys: impl Into<TypingData> + Clone) {
        self.until(&format!("{css} to take keys"), async || {
            self.driver.find(By::Css(css)).await?.send_keys(keys.clone()).await?;
            Ok(Some(()))
        })
        .await;
    }

    /// Waits until something has the focus.
    pub(crate) async fn has_focus(&self, css: &str) {
        let script = format!("return document.activeElement?.matches({css:?}) ?? false");
        self.js_until(&format!("the focus on {css}"), &script).await;
    }

    /// Types into a field, over what is there.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        self.until(&format!("{css} to be filled in"), async || {
            let field = self.driver.find(By::Css(css)).await?;
            field.send_keys(Key::Control + "a").await?;
            field.send_keys(text).await?;
            Ok((field.prop("value").await?.as_deref() == Some(text)).then_some(()))
        })
        .await;
    }

    /// Waits until one of the things that `css` finds contains `words`, in the language of the page, and returns its whole text.
    pub(crate) async fn sees(&self, css: &str, words: &str) -> String {
        let words = self.language.say(words);
        self.until(&format!("{words:?} in {css}"), async || {
            let texts = self.find_texts(css).await?;
            Ok(texts.into_iter().find(|text| words.iter().any(|words| text.contains(words))))
        })
        .await
    }

    /// Waits until `css` finds nothing.
    pub(crate) async fn misses(&self, css: &str) {
        self.until(&format!("{css} to go"), async || Ok(self.find_texts(css).await?.is_empty().then_some(()))).await;
    }

    /// The text of each thing that `css` finds now.
    pub(crate) async fn texts(&self, css: &str) -> Vec<String> {
        self.find_texts(css).await.unwrap()
    }

    /// There are none while one page makes place for the next.
    async fn find_texts(&self, css: &str) -> WebDriverResult<Vec<String>> {
        let script = "return [...document.querySelectorAll(arguments[0])].map(node => node.textContent)";
        self.driver.execute(script, vec![css.into()]).await?.convert()
    }

    /// Runs a script in the page and returns what it returns.
    pub(crate) async fn js(&self, script: &str) -> Value {
        self.driver.execute(script, Vec::new()).await.unwrap().json().clone()
    }

    /// Waits until a script returns something that is neither null nor false.
    pub(crate) async fn js_until(&self, what: &str, script: &str) -> Value {
        self.until(what, async || {
            let value = self.driver.execute(script, Vec::new()).await?.json().clone();
            Ok(Some(value).filter(|value| !matches!(value, Value::Null | Value::Bool(false))))
        })
        .await
    }

    /// Asks the daemon from within the page, with the page's cookie.
    pub(crate) async fn api(&self, path: &str) -> Value {
        let script = "const done = arguments[1]; fetch(arguments[0]).then(answer => answer.json()).then(done, done)";
        self.driver.execute_async(script, vec![path.into()]).await.unwrap().json().clone()
    }

    pub(crate) async fn screenshot(&self, path: &Path) {
        // Fonts are there and everything stands still in the frame after the next one.
        let settled = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done(1)))";
        self.driver.execute_async(settled, Vec::new()).await.unwrap();
        self.driver.screenshot(path).await.unwrap();
    }

    /// A complaint in the console that belongs to what is tested.
    pub(crate) fn expects_complaint(&self, words: &'static str) {
        self.expected.borrow_mut().push(words);
    }

    /// What the browser says of itself while the daemon is away.
    pub(crate) fn expects_lost_connection(&self) {
        // A relay takes what comes, and lets go of it when nobody is there: how far a request has got by then is chance.
        let got_as_far_as = [
            "CONNECTION_CLOSED",
            "CONNECTION_RESET",
            "CONTENT_LENGTH_MISMATCH",
            "EMPTY_RESPONSE",
            "INCOMPLETE_CHUNKED",
            "SOCKET_NOT_CONNECTED",
        ];
        self.expected.borrow_mut().extend(got_as_far_as);
    }

    /// Nothing in the console that was not expected, and no request to anybody but the daemon.
    async fn check_silence(&self) {
        let complaints = self.driver.browser_log().await.unwrap();
        let complaints = complaints.into_iter().filter(|entry| matches!(entry.level.as_str(), "WARNING" | "SEVERE"));
        let expected = self.expected.take();
        let complaints = complaints.map(|entry| entry.message);
        let unexpected: Vec<_> =
            complaints.filter(|message| !expected.iter().any(|words| message.contains(words))).collect();
        assert!(unexpected.is_empty(), "in the console: {unexpected:#?}");

        let requests: Vec<String> = self.driver.get_log("performance").await.unwrap().iter().filter_map(url).collect();
        let inside = requests.iter().filter(|url| url.starts_with(&format!("{}/", self.origin))).count();
        assert!(inside > 5, "too few requests, is the log complete? {requests:#?}");
        let outside: Vec<_> = requests.iter().filter(|url| !url.starts_with(&self.origin)).collect();
        assert!(outside.is_empty(), "requests to others: {outside:#?}");
    }

    /// What is on the screen and in the console, for whoever looks into a failure.
    async fn tell(&self) {
        if let Ok(text) =
            self.driver.execute("return location.href + '\\n' + document.body.innerText", Vec::new()).await
        {
            println!("the page when it failed: {}", text.json().as_str().unwrap_or_default());
        }
        for entry in self.driver.browser_log().await.unwrap_or_default() {
            println!("console: {} {}", entry.level, entry.message);
        }
    }

    /// Waits until `condition` gives something. What goes wrong meanwhile is tried again: a page in motion replaces
    /// elements between finding and clicking.
    pub(crate) async fn until<T>(
        &self,
        what: &str,
        mut condition: impl AsyncFnMut() -> WebDriverResult<Option<T>>,
    ) -> T {
        let begun = Instant::now();
        loop {
            let found = condition().await;
            if let Ok(Some(found)) = found {
                return found;
            }
            assert!(begun.elapsed() < DEADLINE, "waited too long for {what}: {:?}", found.err());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// The address of a request in the log of the browser's network; none for other entries, and for what the browser takes
/// from itself: `data:`, and the tab that it opens with.
fn url(entry: &thirtyfour::BrowserLogEntry) -> Option<String> {
    let entry: Value = serde_json::from_str(&entry.message).unwrap();
    let message = &entry["message"];
    let url = message["params"]["request"]["url"]
        .as_str()
        // Chromium's own first page is none of ours, whatever it asks for.
        .filter(|url| !["data:", "chrome:", "chrome-untrusted:"].iter().any(|own| url.starts_with(own)))?;
    (message["method"] == "Network.requestWillBeSent").then(|| url.to_owned())
}
