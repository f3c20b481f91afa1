//! The topology in a real Chromium, on the real daemon and the real kernel: rates, the inspector's tabs, blocks, search and filters,
//! the keyboard, and what is done by dragging.

use crate::{
    harness::Daemon,
    webdriver::{Page, check},
};
use thirtyfour::prelude::*;

/// Drags one thing onto another, once two frames show both at the same places.
async fn drag(page: &Page, from: &str, to: &str) {
    let is_still = "const [from, to, done] = arguments;
        const places = () => [from, to].map(css => document.querySelector(css)?.getBoundingClientRect());
        const [before, frame] = [places(), requestAnimationFrame];
        const same = () => JSON.stringify(places()) === JSON.stringify(before);
        frame(() => frame(() => done(before.every(Boolean) && same())));";
    page.until(&format!("{from} to be dragged onto {to}"), async || {
        let is_still = page.driver.execute_async(is_still, vec![from.into(), to.into()]).await?;
        if !is_still.convert::<bool>()? {
            return Ok(None);
        }
        let (from, to) = (page.driver.find(By::Css(from)).await?, page.driver.find(By::Css(to)).await?);
        page.driver.action_chain().drag_and_drop_element(&from, &to).perform().await?;
        Ok(Some(()))
    })
    .await;
}

#[test]
fn rates_follow_the_traffic() {
    check(async |daemon: &mut Daemon, page: &Page| {
        daemon.run_sleeper("box1");
        daemon.run_sleeper("box2");
        page.log_in(daemon).await;
        page.sees("svg [data-container=box2]", "172.17.0.3").await;
        assert!(page.texts("[data-test=rate]").await.iter().all(|text| !text.contains("M")), "nobody sends yet");
        // Twenty times 1.4 kB in a second, there and back: some 450 kbit/s.
        daemon.docker(&["exec", "-d", "box1", "ping", "-i", "0.05", "-s", "1400", "172.17.0.3"]);
        page.sees("[data-test=rate]", "kb/").await;
        page.sees("[data-test=bridge-rate]", "kb/").await;
        let flows = "return document.querySelectorAll('svg [data-veth] .flow').length === 2";
        page.js_until("both veth pairs to flow", flows).await;
    });
}

#[test]
fn the_inspector_shows_kernel_rules_commands_and_history() {
    check(async |daemon: &mut Daemon, page: &Page| {
        daemon.run_sleeper("box1");
        page.log_in(daemon).await;
        page.click("svg [data-container=box1] .name").await;
        page.sees("[data-test=inspector]", "172.17.0.2").await;
        page.click("[data-test=tab-kernel]").await;
        page.sees("[data-listing=addresses]", "inet 172.17.0.2/16").await;
        page.sees("[data-listing=routes4]", "default via 172.17.0.1 dev eth0").await;
        assert_eq!(page.path().await, "/?select=container:box1&tab=kernel");
        page.click("[data-test=tab-rules]").await;
        page.sees("[data-test=container-rules]", "172.17.0.2").await;
        page.click("[data-test=tab-commands]").await;
        page.sees("[data-test=inspector] [data-test=step]", "ip netns add").await;
        page.sees("[data-test=inspector]", "docker run -d").await;
        page.click("[data-test=tab-history]").await;
        page.sees("[data-test=history]", "Start container").await;

        // The tab stays, the thing is another.
        page.click("[data-test=tab-kernel]").await;
        page.click("svg [data-network=bridge] .shape").await;
        page.sees("[data-listing=forwarding]", "master docker0").await;
        page.sees("[data-listing=routes4]", "172.17.0.0/16 proto kernel scope link src 172.17.0.1").await;
        // By keyboard from tab to tab.
        page.press("[data-test=tab-kernel]", Key::Right).await;
        page.sees("[data-test=inspector] [role=tab][aria-selected=true]", "Rules").await;
        page.check_never_reloaded().await;
    });
}

#[test]
fn a_container_is_dragged_onto_a_bridge() {
    check(async |daemon: &mut Daemon, page: &Page| {
        daemon.docker(&["network", "create", "demo"]);
        daemon.run_sleeper("box1");
        page.log_in(daemon).await;
        page.sees("svg [data-container=box1]", "172.17.0.2").await;
        drag(page, "svg [data-container=box1] .shape", "svg [data-network=demo] .shape").await;
        page.sees("#confirm", "Connect box1 to demo").await;
        page.sees("#confirm [data-test=step]", "172.18.0.2").await;
        let networks = ["inspect", "-f", "{{range $name, $end := .NetworkSettings.Networks}}{{$name}} {{end}}", "box1"];
        assert_eq!(daemon.docker(&networks).trim(), "bridge", "a plan that is only shown changes nothing");
        page.click("#confirm [data-test=apply]").await;
        page.sees("svg [data-container=box1]", "eth1 172.18.0.2/16").await;
        assert_eq!(daemon.docker(&networks).trim(), "bridge demo");
        // A drag is no click: nothing was selected by it.
        assert_eq!(page.path().await, "/");
        // The event may come before the answer, and until that comes nothing else can have the focus.
        page.misses("#confirm").await;

        // The same by keyboard: from the host down to the bridge, its veth pair, the container.
        daemon.docker(&["network", "disconnect", "demo", "box1"]);
        page.js_until("one network", "return document.querySelectorAll('svg [data-veth]').length === 1").await;
        let focus = "const host = document.querySelector('svg [data-host] > [role=button]');
            host.focus();
            return document.activeElement === host";
        page.js_until("the host to take the focus", focus).await;
        for [from, to] in [
            ["svg [data-host] > *", "svg [data-network=bridge] > *"],
            ["svg [data-network=bridge] > *", "svg [data-veth] > *"],
            ["svg [data-veth] > *", "svg [data-container=box1] > *"],
        ] {
            page.has_focus(from).await;
            page.press(from, Key::Down).await;
            page.has_focus(to).await;
        }
        page.press("svg [data-container=box1] > *", "c").await;
        page.sees("#connect", "demo (172.18.0.0/16)").await;
        page.click("#connect [data-test=preview]").await;
        page.sees("#connect [data-test=step]", "172.18.0.2").await;
        page.click("#connect [data-test=apply]").await;
        page.sees("svg [data-container=box1]", "eth1 172.18.0.2/16").await;
        // The keyboard goes on where it was, also after a dialog that nothing came of.
        page.has_focus("svg [data-container=box1] > *").await;
        page.press("svg [data-container=box1] > *", "s").await;
        page.sees("#confirm", "Stop box1").await;
        // It is drawn first, and shown in the next frame.
        page.has_focus("#confirm[open] *").await;
        page.press("#confirm [data-test=cancel]", Key::Escape).await;
        page.misses("#confirm").await;
        page.has_focus("svg [data-container=box1] > *").await;
        page.check_never_reloaded().await;
    });
}

#[test]
fn many_containers_are_a_block_that_unfolds() {
    check(async |daemon: &mut Daemon, page: &Page| {
        daemon.docker(&["network", "create", "demo"]);
        for number in 0..31 {
            let tier = if number % 2 == 0 { "tier=web" } else { "tier=db" };
            daemon.docker(&["create", "--name", &format!("box{number}"), "--label", tier, "busybox", "sleep", "9"]);
        }
        daemon.docker(&["create", "--name", "alone", "--network", "demo", "busybox", "sleep", "9"]);
        page.log_in(daemon).await;
        page.sees("svg [data-block=bridge]", "31 containers").await;
        assert_eq!(page.texts("svg [data-container]").await.len(), 1, "only the one that is not folded");

        page.click("svg [data-block=bridge] .unfold").await;
        page.sees("svg [data-container=box0]", "box0").await;
        assert_eq!(page.path().await, "/?open=bridge");
        page.misses("svg [data-block]").await;
        // A network that is unfolded folds again from its own inspector's address, and by going back.
        page.driver.back().await.unwrap();
        page.sees("svg [data-block=bridge]", "31 containers").await;

        page.open("/?label=tier%3Ddb").await;
        page.sees("svg [data-container=box1]", "box1").await;
        assert_eq!(page.texts("svg [data-container]").await.len(), 15);
        assert_eq!(page.texts("svg [data-network]").await.len(), 1);
        page.sees("[data-test=filters] summary", "tier=db").await;
        page.open("/?network=demo").await;
        page.sees("svg [data-container=alone]", "alone").await;
        assert_eq!(page.texts("svg [data-network]").await.len(), 1);

        page.open("/?open=bridge").await;
        page.fill("#find-topology", "box17").await;
        page.sees(".search .found", "1").await;
        page.press("#find-topology", Key::Enter).await;
        page.sees("[data-test=inspector]", "box17").await;
        assert_eq!(page.path().await, "/?select=container:box17&find=box17&open=bridge");
        let in_sight = "const box = document.querySelector('svg [data-container=box17]').getBoundingClientRect();
            return box.left >= 0 && box.top >= 0 && box.right <= innerWidth && box.bottom <= innerHeight";
        page.js_until("what was found to be in sight", in_sight).await;
        let bright =
            "return [...document.querySelectorAll('svg [data-container]:not(.dim)')].map(box => box.dataset.container)";
        assert_eq!(page.js(bright).await, serde_json::json!(["box17"]));
    });
}

#[test]
fn the_drawing_is_zoomed_and_moved() {
    check(async |daemon: &mut Daemon, page: &Page| {
        daemon.run_sleeper("box1");
        page.log_in(daemon).await;
        page.sees("svg [data-container=box1]", "172.17.0.2").await;
        let width = "return Math.round(document.querySelector('svg [data-container=box1] .shape').getBoundingClientRect().width)";
        let before = page.js(width).await.as_i64().unwrap();
        page.click("[data-test=zoom-in]").await;
        page.js_until("a larger box", &format!("{width} > {before}")).await;
        page.sees("[data-test=zoom-actual]", "125 %").await;
        page.click("[data-test=fit]").await;
        page.js_until("the box as it was", &format!("{width} === {before}")).await;
        // Far away there are no words, and a box is still hit.
        for _ in 0..5 {
            page.click("[data-test=zoom-out]").await;
        }
        page.misses("svg [data-container]").await;
        page.js_until("the far box", "return document.querySelector('.far-boxes .running').getAttribute('d') !== ''")
            .await;
        // The keys do the same, and tell so.
        page.press("body", "0").await;
        page.sees("svg [data-container=box1]", "172.17.0.2").await;
        page.click("[data-test=keys-button]").await;
        page.sees("[data-test=keys]", "connect the container to a network").await;
    });
}
