//! The panel in a real Chromium, on the real daemon and the real kernel: log in, watch, create, start, stop, remove, read
//! what was done, lose the connection and get it back.

use crate::{
    harness::{Daemon, run},
    webdriver::{Page, check},
};
use serde_json::Value;
use std::time::{SystemTime, UNIX_EPOCH};

/// Notes when each running container stands complete in the drawing: its box with the address, and its veth pair. The
/// time is that of the frame in which it is painted.
const WATCH: &str = r#"
    window.seen = {};
    const look = () => {
        for (const box of document.querySelectorAll('svg [data-container][data-state=running]')) {
            const name = box.dataset.container;
            const wires = [...document.querySelectorAll('svg [data-veth]')];
            const wired = wires.some(wire => new RegExp(`\\b${name}\\b`).test(wire.firstElementChild.getAttribute('aria-label')));
            if (!(name in seen) && wired && /\d+\.\d+\.\d+\.\d+\/\d+/.test(box.textContent)) {
                seen[name] = null;
                requestAnimationFrame(() => { seen[name] = Date.now(); });
            }
        }
    };
    const what = { subtree: true, childList: true, attributes: true, characterData: true };
    new MutationObserver(look).observe(document.body, what);
"#;

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

#[test]
fn nobody_enters_without_the_token() {
    check(async |daemon: &mut Daemon, page: &Page| {
        // What the browser says of itself when an answer is a 401.
        page.expects_complaint("401 (Unauthorized)");
        page.open("/networks").await;
        page.sees("#login", "Log in").await;
        assert!(page.texts("[data-network]").await.is_empty());
        assert_eq!(page.api("/api/snapshot").await["message"].as_str().map(str::is_empty), Some(false));

        page.fill("#token", "0000").await;
        page.click("[data-test=login]").await;
        page.sees("[data-test=refusal]", "not the token of the running daemon").await;
        page.open("/?token=0000").await;
        page.sees("#login", "Log in").await;

        page.open("/networks").await;
        page.fill("#token", daemon.panel_link.rsplit_once('=').unwrap().1).await;
        page.click("[data-test=login]").await;
        page.sees("tr[data-network=bridge]", "docker0").await;
        assert_eq!(page.path().await, "/networks");

        // The secret stays out of the reach of scripts and of the address bar.
        page.log_in(daemon).await;
        assert_eq!(page.path().await, "/");
        assert_eq!(page.js("return document.cookie").await, "");
    });
}

#[test]
fn the_topology_follows_the_docker_command() {
    check(async |daemon: &mut Daemon, page: &Page| {
        page.log_in(daemon).await;
        page.sees("svg [data-host]", "HOST").await;
        page.sees("svg [data-network=bridge]", "docker0").await;
        page.sees("svg [data-network=bridge]", "172.17.0.0/16").await;
        page.js(WATCH).await;

        for (name, address) in [("box1", "172.17.0.2/16"), ("box2", "172.17.0.3/16")] {
            daemon.run_sleeper(name);
            let returned_ms = now_ms();
            let seen = page.js_until(&format!("{name} in the drawing"), &format!("return seen.{name} ?? null")).await;
            let late_ms = seen.as_i64().unwrap() - returned_ms;
            // A second at the most where nothing else runs; no test may fail because a machine is busy.
            println!("{name}: painted {late_ms} ms after docker run returned");
            page.sees(&format!("svg [data-container={name}][data-state=running]"), address).await;
        }
        // The veth pairs by the kernel's own names.
        let links = run("ip", &["-o", "link", "show", "master", "docker0"]);
        let links: Vec<&str> = links.lines().filter_map(|line| line.split([' ', '@']).nth(1)).collect();
        assert_eq!(links.len(), 2);
        for link in links {
            page.sees(&format!("svg [data-veth={link}]"), link).await;
            page.sees(&format!("svg [data-veth={link}]"), "eth0").await;
        }

        page.click("svg [data-container=box1] .name").await;
        page.sees("[data-test=inspector]", "172.17.0.2").await;
        assert_eq!(page.path().await, "/?select=container:box1");

        daemon.docker(&["stop", "-t", "0", "box1"]);
        page.misses("svg [data-container=box1]").await;
        daemon.docker(&["network", "create", "--internal", "aside"]);
        page.sees("svg [data-network=aside]", "172.18.0.0/16").await;
        daemon.docker(&["network", "rm", "aside"]);
        page.misses("svg [data-network=aside]").await;
        page.check_never_reloaded().await;
    });
}

#[test]
fn a_network_is_planned_made_and_removed() {
    check(async |daemon: &mut Daemon, page: &Page| {
        // What the browser says of itself when an answer is a refusal.
        page.expects_complaint("400 (Bad Request)");
        page.expects_complaint("403 (Forbidden)");
        page.expects_complaint("409 (Conflict)");
        page.log_in(daemon).await;
        page.open("/networks").await;
        page.click("[data-test=new-network]").await;
        for (name, subnet, words) in [
            ("bridge", "", "There is a network called"),
            ("a b", "", "Invalid network name (a b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"),
            ("demo", "10.9.0.0/33", "10.9.0.0/33"),
            ("demo", "172.17.3.0/24", "172.17.0.0/16"),
        ] {
            page.fill("#network-name", name).await;
            page.fill("#network-subnet", subnet).await;
            page.click("#network-create [data-test=preview]").await;
            page.sees("#network-create [data-test=refusal]", words).await;
            assert!(page.texts("[data-test=apply]").await.is_empty());
        }

        page.fill("#network-subnet", "10.9.0.0/24").await;
        page.click("#network-create [data-test=preview]").await;
        page.sees("#network-create [data-test=step]", "10.9.0.1").await;
        check_plan(page, "#network-create", &["ip link add", "ip addr add 10.9.0.1/24", "nft "]).await;
        assert!(!daemon.docker(&["network", "ls"]).contains("demo"), "a preview makes nothing");
        page.click("#network-create [data-test=apply]").await;
        page.sees("[data-test=message]", "Network demo was created.").await;
        page.misses("#network-create").await;
        page.sees("tr[data-network=demo]", "10.9.0.0/24").await;
        assert_eq!(daemon.docker(&["network", "ls", "--format", "{{.Name}}", "--filter", "name=demo"]), "demo");
        assert!(run("ip", &["-4", "-o", "address"]).contains("10.9.0.1/24"));

        page.click("tr[data-network=demo] [data-test=remove]").await;
        page.sees("#confirm [data-test=step]", "ip link del").await;
        assert!(daemon.docker(&["network", "ls"]).contains("demo"), "a preview removes nothing");
        page.click("#confirm [data-test=apply]").await;
        page.misses("tr[data-network=demo]").await;
        assert!(!daemon.docker(&["network", "ls"]).contains("demo"));
        assert!(!run("ip", &["-4", "-o", "address"]).contains("10.9.0.1/24"));
    });
}

#[test]
fn a_container_from_its_form_to_its_removal() {
    check(async |daemon: &mut Daemon, page: &Page| {
        page.expects_complaint("404 (Not Found)");
        page.expects_complaint("409 (Conflict)");
        daemon.docker(&["network", "create", "demo"]);
        daemon.run_sleeper("box1");
        page.log_in(daemon).await;
        page.click("[data-test=new-container]").await;
        page.fill("#container-name", "box1").await;
        page.fill("#container-command", "sh -c 'trap exit TERM; while true; do sleep 0.1; done'").await;
        page.click("#container-create [data-test=preview]").await;
        page.sees("#container-create [data-test=refusal]", "There is a container called").await;
        page.fill("#container-name", "made").await;
        page.fill("#container-image", "nosuch").await;
        page.click("#container-create [data-test=preview]").await;
        page.sees("#container-create [data-test=refusal]", "No such image: nosuch").await;

        page.fill("#container-image", "busybox").await;
        page.click("#container-network option[value=demo]").await;
        page.click("#container-create [data-test=preview]").await;
        page.sees("#container-create [data-test=step]", "172.18.0.2").await;
        let expected = ["ip netns add", "type veth", "ip -n", "172.18.0.2/16"];
        check_plan(page, "#container-create", &expected).await;
        assert_eq!(daemon.docker(&["ps", "-aq", "--filter", "name=made"]), "", "a preview makes nothing");
        page.click("#container-create [data-test=apply]").await;
        page.misses("#container-create").await;
        page.sees("svg [data-container=made][data-state=running]", "172.18.0.2/16").await;
        assert_eq!(daemon.docker(&["ps", "--format", "{{.Names}} {{.Image}}"]), "made busybox\nbox1 busybox");
        daemon.docker(&["exec", "made", "ping", "-c", "1", "172.18.0.1"]);

        page.open("/containers").await;
        page.sees("tr[data-container=made][data-state=running]", "172.18.0.2").await;
        for (button, state, words) in [("stop", "exited", "ip netns del"), ("start", "running", "ip netns add")] {
            page.click(&format!("tr[data-container=made] [data-test={button}]")).await;
            page.sees("#confirm [data-test=step]", words).await;
            page.click("#confirm [data-test=apply]").await;
            page.misses("#confirm").await;
            page.sees(&format!("tr[data-container=made][data-state={state}]"), "made").await;
            assert_eq!(daemon.docker(&["inspect", "-f", "{{.State.Status}}", "made"]), state);
        }
        page.click("tr[data-container=made] [data-test=remove]").await;
        page.sees("#confirm", "It is running: it is killed first").await;
        page.click("#confirm [data-test=apply]").await;
        page.misses("tr[data-container=made]").await;
        assert_eq!(daemon.docker(&["ps", "-a", "--format", "{{.Names}}"]), "box1");

        page.fill("#find", "nothing").await;
        page.misses("tr[data-container=box1]").await;
        page.fill("#find", "172.17.0.2").await;
        page.sees("tr[data-container=box1]", "box1").await;
    });
}

#[test]
fn every_plan_is_listed_with_what_became_of_it() {
    check(async |daemon: &mut Daemon, page: &Page| {
        page.log_in(daemon).await;
        page.click("a[href='/changes']").await;
        daemon.docker(&["network", "create", "demo"]);
        daemon.docker(&["run", "-d", "--name", "one", "--network", "demo", "busybox", "sleep", "1000"]);
        daemon.docker(&["rm", "-f", "one"]);
        daemon.docker(&["network", "rm", "demo"]);
        daemon.docker_refuses(&["run", "--rm", "--name", "bad", "busybox", "nosuchcmd"]);
        // A step that the kernel refuses: there is no room for another namespace's name.
        run("mount", &["-o", "remount,ro", "/run/netns"]);
        daemon.docker_refuses(&["run", "--rm", "--name", "worse", "busybox", "true"]);
        run("mount", &["-o", "remount,rw", "/run/netns"]);
        let changes = page.api("/api/changes?limit=200").await.as_array().unwrap().clone();
        for (verb, subject, state) in [
            ("create network", "demo", "done"),
            ("start container", "one", "done"),
            ("remove network", "demo", "done"),
            ("give up start of container", "bad", "done"),
            ("start container", "worse", "failed"),
        ] {
            let is_it =
                |change: &&Value| change["verb"] == verb && change["subject"] == subject && change["state"] == state;
            assert_eq!(changes.iter().filter(is_it).count(), 1, "{verb} {subject}: {changes:#?}");
        }
        let ids: Vec<String> = changes.iter().map(|change| change["id"].to_string()).collect();
        let listed = "return [...document.querySelectorAll('[data-change]')].map(row => row.dataset.change).join()";
        let newest_first = ids.join(",");
        page.js_until("all changes in the list", &format!("{listed} === '{newest_first}'")).await;

        for change in changes {
            let row = format!("[data-change='{}']", change["id"]);
            page.click(&format!("{row} summary")).await;
            page.sees(&format!("{row} [data-test=plan]"), "").await;
            let steps = change["steps"].as_array().unwrap();
            let shown = page
                .js(&format!(
                    "return [...document.querySelectorAll(\"{row} [data-test=step]\")].map(step => ({{
                        title: step.querySelector('h3').textContent,
                        outcome: step.dataset.outcome,
                        commands: [...step.querySelectorAll(':scope > :not(.undo) [data-test=command]')]
                            .map(command => command.textContent),
                    }}))"
                ))
                .await;
            let shown = shown.as_array().unwrap();
            assert_eq!(shown.len(), steps.len(), "{row}");
            for (shown, step) in shown.iter().zip(steps) {
                let titles = page.language.say(step["title"].as_str().unwrap());
                assert!(titles.iter().any(|title| shown["title"] == **title), "{row}: {titles:?}, {shown}");
                assert_eq!(shown["outcome"], step["outcome"], "{row}");
                let commands = step["commands"].as_array().unwrap();
                let shown = shown["commands"].to_string();
                for command in commands {
                    let command = command.to_string();
                    assert!(shown.contains(command.trim_matches('"')), "{command} is not in {shown}");
                }
            }
            assert_eq!(page.texts(&format!("{row}[data-state={}]", change["state"])).await.len(), 1, "{row}");
            if let Some(error) = change["error"].as_str() {
                page.sees(&format!("{row} .refusal"), error).await;
            }
            page.click(&format!("{row} summary")).await;
        }
        page.check_never_reloaded().await;
    });
}

#[test]
fn a_lost_connection_is_told_and_mended() {
    check(async |daemon: &mut Daemon, page: &Page| {
        page.expects_lost_connection();
        daemon.run_sleeper("box1");
        daemon.docker(&["run", "-d", "--name", "box2", "busybox", "sleep", "1000"]);
        page.log_in(daemon).await;
        page.sees("svg [data-container=box2][data-state=running]", "172.17.0.3").await;
        let pid = daemon.docker(&["inspect", "-f", "{{.State.Pid}}", "box2"]);

        daemon.kill();
        page.sees("[data-test=connection]", "Lost").await;
        page.sees("[data-test=banner]", "No connection to the daemon.").await;
        // What was known is still shown, and what happens meanwhile nobody tells.
        page.sees("svg [data-container=box2][data-state=running]", "172.17.0.3").await;
        run("kill", &["-9", &pid]);

        daemon.start_again();
        page.sees("[data-test=connection]", "Live").await;
        page.misses("[data-test=banner]").await;
        page.sees("svg [data-container=box2][data-state=exited]", "box2").await;
        page.sees("svg [data-container=box1][data-state=running]", "172.17.0.2").await;
        daemon.run_sleeper("box3");
        page.sees("svg [data-container=box3][data-state=running]", "172.17.0.3").await;
        page.check_never_reloaded().await;
    });
}

/// What a page asks once is asked again when the daemon is back.
#[test]
fn a_page_without_an_answer_gets_it_later() {
    check(async |daemon: &mut Daemon, page: &Page| {
        page.expects_lost_connection();
        daemon.docker(&["create", "--name", "box1", "--hostname", "crate", "busybox"]);
        page.log_in(daemon).await;
        // With the part that the pages are in.
        page.open("/containers").await;
        page.sees("tr[data-container=box1]", "box1").await;
        for (address, lost, found) in [
            ("/doctor", "[data-test=doctor]", ".finding"),
            ("/settings", "[data-test=settings]", "[data-test=settings] dl"),
            ("/containers/box1", "[data-test=container]", "[data-test=container] dl"),
        ] {
            page.sees("[data-test=connection]", "Live").await;
            daemon.kill();
            page.sees("[data-test=connection]", "Lost").await;
            // Within the page, which can't be loaded anew without a daemon.
            let go = format!("history.pushState(null, '', '{address}'); dispatchEvent(new PopStateEvent('popstate'))");
            page.js(&go).await;
            page.sees(lost, "The daemon does not answer. What is asked for shows").await;
            daemon.start_again();
            page.js_until(address, &format!("return document.querySelector('{found}') !== null")).await;
            page.js_until(
                "nothing lost",
                &format!("return !document.querySelector('{lost}').innerText.includes('does not answer')"),
            )
            .await;
        }
        page.sees("[data-test=container]", "crate").await;
    });
}

/// The plan in an open dialog: numbered steps, each with a reason and with commands, these among them.
async fn check_plan(page: &Page, dialog: &str, commands: &[&str]) {
    let steps = page.texts(&format!("{dialog} [data-test=step]")).await;
    let reasons = page.texts(&format!("{dialog} [data-test=step] .why")).await;
    assert!(steps.len() > 2 && steps.len() == reasons.len(), "{steps:#?}");
    assert!(reasons.iter().all(|reason| !reason.is_empty()), "{reasons:#?}");
    let shown = page.texts(&format!("{dialog} [data-test=step] > :not(.undo) [data-test=command]")).await.join("\n");
    for command in commands {
        assert!(shown.contains(command), "{command:?} is not in\n{shown}");
    }
}
