//! Parts of the panel that are fetched when they are needed: what the page says when one can't be had, in a real Chromium.

use crate::{
    harness::Daemon,
    webdriver::{Page, check},
};
use serde_json::json;

#[test]
fn a_part_that_cannot_be_had_is_told_and_mended() {
    check(async |daemon: &mut Daemon, page: &Page| {
        let browser = page.driver.cdp();
        let block = async |urls: &[&str]| {
            browser.send_raw("Network.setBlockedURLs", json!({ "urls": urls })).await.unwrap();
        };
        browser.send_raw("Network.enable", json!({})).await.unwrap();
        // As if the daemon were another by now, which has other parts.
        page.expects_complaint("net::ERR_BLOCKED_BY_CLIENT");
        block(&["*/pages.*.wasm", "*/dialogs.*.wasm"]).await;
        page.log_in(daemon).await;
        page.js_until("the drawing", "return document.querySelector('[data-host]') !== null").await;
        let missing = "This part of the panel could not be loaded";
        page.click("[data-test=new-network]").await;
        page.sees(".messages [data-test=part-missing]", missing).await;
        page.click("nav a[href='/networks']").await;
        page.sees("main [data-test=part-missing]", missing).await;
        page.check_never_reloaded().await;

        block(&[]).await;
        page.click("main [data-test=reload]").await;
        page.sees("tr[data-network=bridge]", "bridge").await;
        assert!(page.js("return window.mark ?? null").await.is_null(), "it was not loaded anew");
        assert_eq!(page.path().await, "/networks");
        // The browser may keep it for good: its name is of this build.
        let kept = page.js_until(
            "the answer's header",
            "const part = performance.getEntriesByType('resource').find(entry => /pages\\.[0-9a-f]{16}\\.wasm$/.test(entry.name));
            window.kept ??= part && fetch(part.name).then(answer => { window.cached = answer.headers.get('cache-control') });
            return window.cached",
        );
        assert_eq!(kept.await, "public, max-age=31536000, immutable");
    });
}

/// A browser keeps a script that it could not have as missing, under its address.
#[test]
fn a_terminal_opens_once_its_script_can_be_had() {
    check(async |daemon: &mut Daemon, page: &Page| {
        let browser = page.driver.cdp();
        let block = async |urls: &[&str]| {
            browser.send_raw("Network.setBlockedURLs", json!({ "urls": urls })).await.unwrap();
        };
        browser.send_raw("Network.enable", json!({})).await.unwrap();
        daemon.docker(&["run", "-d", "--name", "box1", "busybox", "sh", "-c", "echo hello; sleep 3600"]);
        page.log_in(daemon).await;
        page.expects_complaint("net::ERR_BLOCKED_BY_CLIENT");
        block(&["*/terminal.js*"]).await;
        page.open("/containers/box1/terminal").await;
        for _ in 0..2 {
            page.sees("[data-test=terminal-state]", "could not be opened").await;
            page.click("[data-test=open-again]").await;
        }
        page.sees("[data-test=terminal-state]", "could not be opened").await;
        block(&[]).await;
        page.click("[data-test=open-again]").await;
        page.js_until("the log", "return document.querySelector('.terminal')?.innerText.includes('hello')").await;
    });
}
