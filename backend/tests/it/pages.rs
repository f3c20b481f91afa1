//! The panel's pages in a real Chromium: languages and themes, lists that are sorted and acted on together, a container's own
//! page, trying a network, and taking a change back.

use crate::{
    harness::{Daemon, run, wait_for},
    webdriver::{Page, check, check_once},
};

fn sleeper(daemon: &Daemon, name: &str, network: &str) {
    // It does not heed SIGTERM, and a stop shall not take ten seconds.
    let run = ["run", "-d", "--name", name, "--stop-timeout", "0", "--network", network];
    daemon.docker(&[&run[..], &["busybox", "sleep", "100000"]].concat());
}

#[test]
fn the_page_speaks_the_language_that_is_chosen() {
    check_once(async |daemon: &mut Daemon, page: &Page| {
        page.log_in(daemon).await;
        page.sees(".top nav", "Networks").await;
        assert_eq!(page.js("return document.documentElement.lang").await, "en");
        page.click("[data-test=language]").await;
        page.sees(".top nav", "网络").await;
        assert_eq!(page.js("return document.documentElement.lang").await, "zh-CN");
        page.check_never_reloaded().await;
        // It is kept, and what happens meanwhile still shows.
        page.open("/containers").await;
        page.sees(".empty", "还没有容器").await;
        daemon.run_sleeper("box1");
        page.sees("tr[data-container=box1]", "运行中").await;
        page.open("/settings").await;
        page.sees("[data-test=settings]", "设置").await;
        page.click("[name=language][value=en]").await;
        page.sees("[data-test=settings] h1", "Settings").await;
        page.click("[name=theme][value=dark]").await;
        assert_eq!(page.js("return document.documentElement.dataset.theme").await, "dark");
        let ground = "return getComputedStyle(document.documentElement).backgroundColor";
        assert_eq!(page.js(ground).await, "rgb(14, 18, 22)");
        page.sees("[data-test=about]", env!("CARGO_PKG_VERSION")).await;
        page.sees("[data-test=about]", page.js("return location.host").await.as_str().unwrap()).await;
        page.sees("[data-test=about]", &daemon.socket().display().to_string()).await;
        // What the browser says of itself when an answer is a 401.
        page.expects_complaint("401 (Unauthorized)");
        page.click("[data-test=log-out]").await;
        page.sees("#login", "Log in").await;
        page.open("/networks").await;
        page.sees("#login", "Log in").await;
    });
}

#[test]
fn lists_are_sorted_filtered_and_acted_on_together() {
    check(async |daemon: &mut Daemon, page: &Page| {
        daemon.docker(&["network", "create", "lab"]);
        for (name, network) in [("crate10", "lab"), ("crate2", "bridge"), ("other", "lab")] {
            sleeper(daemon, name, network);
        }
        page.log_in(daemon).await;
        page.open("/containers").await;
        let order =
            "return [...document.querySelectorAll('tr[data-container]')].map(row => row.dataset.container).join()";
        page.js_until("the order of making", &format!("return (() => {{ {order} }})() === 'crate10,crate2,other'"))
            .await;
        page.click("[data-sort=name]").await;
        page.js_until("names as people count", &format!("return (() => {{ {order} }})() === 'crate2,crate10,other'"))
            .await;
        page.click("[data-sort=name]").await;
        page.js_until("backwards", &format!("return (() => {{ {order} }})() === 'other,crate10,crate2'")).await;
        page.fill("#find", "crate").await;
        page.misses("tr[data-container=other]").await;
        assert_eq!(page.path().await, "/containers?find=crate&sort=-name");
        page.open("/containers?find=crate&sort=name").await;
        page.js_until("what the address says", &format!("return (() => {{ {order} }})() === 'crate2,crate10'")).await;

        page.click("[data-test=choose-all]").await;
        page.sees("[data-test=several]", "2 selected").await;
        page.click("[data-test=stop-chosen]").await;
        page.sees("#several [data-test=several-item][data-state=planned]", "Stop crate2").await;
        assert!(daemon.docker(&["ps", "--format", "{{.Names}}"]).contains("crate2"), "a preview stops nothing");
        page.click("#several [data-test=apply]").await;
        page.js_until(
            "both done",
            "return document.querySelectorAll('#several [data-state=done][data-test]').length === 2",
        )
        .await;
        page.click("#several [data-test=cancel]").await;
        page.sees("tr[data-container=crate10][data-state=exited]", "").await;
        assert_eq!(daemon.docker(&["ps", "--format", "{{.Names}}"]), "other", "only what was chosen");

        page.open("/networks?find=lab").await;
        page.click("tr[data-network=lab] [data-test=choose]").await;
        page.expects_complaint("403 (Forbidden)");
        page.click("[data-test=remove-chosen]").await;
        page.sees("#several [data-state=failed]", "other").await;
        page.click("#several [data-test=cancel]").await;
    });
}

#[test]
fn things_have_pages_of_their_own() {
    check(async |daemon: &mut Daemon, page: &Page| {
        daemon.docker(&["network", "create", "--subnet", "10.9.0.0/28", "--aux-address", "printer=10.9.0.5", "lab"]);
        daemon.docker(&[
            "run",
            "-d",
            "--name",
            "web",
            "--network",
            "lab",
            "-e",
            "MODE=blue",
            "-v",
            "data:/data:ro",
            "--restart",
            "always",
            "--health-cmd",
            "true",
            "--health-interval",
            "1s",
            "busybox",
            "sleep",
            "100000",
        ]);
        daemon.docker(&["create", "--name", "idle", "--network", "lab", "--ip", "10.9.0.9", "busybox", "sleep", "1"]);
        page.log_in(daemon).await;
        page.open("/networks").await;
        page.click("tr[data-network=lab] th a").await;
        page.sees("[data-test=address-counts]", "1 used, 2 kept, 10 free").await;
        for state in ["used", "kept", "reserved", "gateway", "special", "free"] {
            page.sees(&format!(".cells .cell[data-use={state}]"), "").await;
        }
        page.sees("tr[data-endpoint=web]", "10.9.0.2").await;
        sleeper(daemon, "more", "lab");
        page.sees("[data-test=address-counts]", "2 used, 2 kept, 9 free").await;

        page.click("tr[data-endpoint=web] a").await;
        assert_eq!(page.path().await, "/containers/web");
        page.sees("[data-test=environment]", "MODE=blue").await;
        page.sees("[data-test=mounts]", "/data").await;
        page.sees("[data-test=mounts]", "read-only").await;
        page.sees("[data-test=health]", "healthy").await;
        page.sees("[data-test=container]", "always").await;
        page.sees("[data-test=usage-value]", "%").await;
        page.js_until("a line in the chart", "return document.querySelector('.chart polyline')?.points.length > 1")
            .await;
        page.click("[data-test=far-logs]").await;
        assert_eq!(page.path().await, "/containers/web/terminal");
        page.open("/containers/nosuch").await;
        page.sees(".empty", "There is no container nosuch").await;
        page.open("/networks/nosuch").await;
        page.sees(".empty", "There is no network nosuch").await;
    });
}

#[test]
fn what_is_in_the_way_is_told_and_mended() {
    check(async |daemon: &mut Daemon, page: &Page| {
        daemon.docker(&["network", "create", "lab"]);
        daemon.docker(&["network", "create", "other"]);
        daemon.docker(&["run", "-d", "--name", "web", "--network", "lab", "busybox", "httpd", "-f", "-p", "80"]);
        sleeper(daemon, "client", "other");
        let listens = || daemon.docker(&["exec", "web", "netstat", "-ltn"]).contains(":80 ");
        wait_for("the server", || listens().then_some(()));
        page.log_in(daemon).await;
        page.open("/containers/client").await;
        page.click("[data-test=far-try]").await;
        page.click("#try [name=kind][value=tcp]").await;
        page.fill("#try-target", "web").await;
        page.fill("#try-port", "80").await;
        assert_eq!(page.path().await, "/containers/client/try?kind=tcp&target=web&port=80");
        page.click("[data-test=try]").await;
        page.sees("[data-test=hindrance]", "docker network connect lab client").await;
        daemon.docker(&["network", "connect", "lab", "client"]);
        page.click("[data-test=try]").await;
        page.sees("[data-test=answer][data-reached=true]", "172.18.0.2:80 accepts TCP connections").await;
        page.fill("#try-port", "81").await;
        page.misses("[data-test=answer]").await;
        page.click("[data-test=try]").await;
        page.sees("[data-test=hindrance]", "In web nothing listens at TCP port 81; it listens at 80.").await;
        page.click("#try [name=kind][value=http]").await;
        page.fill("#try-port", "80").await;
        page.click("[data-test=try]").await;
        page.sees("[data-test=answer][data-reached=true]", "404").await;
        daemon.docker(&["stop", "-t", "0", "client"]);
        page.sees("[data-test=trial]", "does not run").await;
    });
}

#[test]
fn a_change_is_taken_back_after_its_plan() {
    check(async |daemon: &mut Daemon, page: &Page| {
        daemon.docker(&["network", "create", "lab"]);
        daemon.docker(&["network", "create", "second"]);
        page.log_in(daemon).await;
        page.open("/changes?find=network%20lab").await;
        page.click("[data-change] summary").await;
        page.click("[data-change] [data-test=undo]").await;
        page.sees("#confirm h2", "Create network").await;
        page.sees("#confirm [data-test=step]", "ip link del").await;
        page.sees("#confirm [data-test=script]", "#!/bin/sh").await;
        assert!(daemon.docker(&["network", "ls"]).contains("lab"), "a preview changes nothing");
        page.click("#confirm [data-test=apply]").await;
        page.misses("#confirm").await;
        assert!(!daemon.docker(&["network", "ls"]).contains("lab"));
        assert!(!run("ip", &["-br", "link"]).contains("10.9."));
        page.sees("[data-change]", "Remove network").await;
        // What was taken back already is refused, with the reason.
        page.expects_complaint("409 (Conflict)");
        page.click(".choosable:last-of-type [data-test=undo]").await;
        page.sees("#confirm [data-test=refusal]", "taken back already").await;
    });
}

/// The newest first; and what can't be planned before another is done is planned, and shown, after it.
#[test]
fn several_changes_are_taken_back_at_once() {
    check(async |daemon: &mut Daemon, page: &Page| {
        daemon.docker(&["network", "create", "lab"]);
        daemon.run_sleeper("box1");
        daemon.docker(&["network", "connect", "lab", "box1"]);
        page.log_in(daemon).await;
        page.open("/changes").await;
        for what in ["lab", "box1"] {
            // The newest that is about it: the network was made, the container was connected.
            let row = format!(
                "const rows = [...document.querySelectorAll('.choosable')];
                 const row = rows.find(row => row.querySelector('.subject').innerText === '{what}');
                 row?.querySelector('[data-test=choose]').click(); return row !== undefined"
            );
            page.js_until(what, &row).await;
        }
        page.sees("[data-test=several]", "2 selected").await;
        // A network that something is in can't be removed.
        page.expects_complaint("403 (Forbidden)");
        page.click("[data-test=undo-chosen]").await;
        page.sees("#several li:first-child[data-state=planned]", "").await;
        page.sees("#several li:last-child[data-state=failed]", "box1").await;
        page.click("#several [data-test=apply]").await;
        page.sees("#several li:first-child[data-state=done]", "").await;
        page.sees("#several li:last-child[data-state=planned]", "").await;
        assert!(daemon.docker(&["network", "ls"]).contains("lab"), "its plan is shown first");
        page.click("#several [data-test=apply]").await;
        page.sees("#several li:last-child[data-state=done]", "").await;
        assert!(!daemon.docker(&["network", "ls"]).contains("lab"));
        page.click("#several [data-test=cancel]").await;
        page.sees(".timeline", "Disconnect container").await;
    });
}

#[test]
fn forms_say_the_docker_command_and_the_script() {
    check(async |daemon: &mut Daemon, page: &Page| {
        page.log_in(daemon).await;
        page.open("/networks").await;
        page.click("[data-test=new-network]").await;
        page.fill("#network-name", "demo").await;
        page.fill("#network-subnet", "10.9.0.0/24").await;
        page.click("#network-internal").await;
        page.click("#network-create [data-test=preview]").await;
        let line = "docker network create --subnet 10.9.0.0/24 --internal demo";
        page.sees("#network-create [data-test=line]", line).await;
        page.sees("#network-create [data-test=script]", "ip addr add 10.9.0.1/24").await;
        // What is said does the same.
        daemon.docker(&line.split(' ').skip(1).collect::<Vec<_>>());
        page.sees("tr[data-network=demo]", "10.9.0.0/24").await;
    });
}

/// What nobody looks at holds none of the few connections that a browser allows to one address, and is right again afterwards.
#[test]
fn a_page_that_nobody_sees_rests() {
    check(async |daemon: &mut Daemon, page: &Page| {
        page.log_in(daemon).await;
        let seen_or_not = |hidden: bool| {
            format!(
                "Object.defineProperty(document, 'hidden', {{ value: {hidden}, configurable: true }});
                 document.dispatchEvent(new Event('visibilitychange', {{ bubbles: true }}));"
            )
        };
        // Every stream that the page opens from now on.
        let note = "window.streams = []; EventSource = new Proxy(EventSource, {
            construct(target, args) { const stream = new target(...args); streams.push(stream); return stream; } });";
        let note = serde_json::json!({ "source": note });
        page.driver.cdp().send_raw("Page.addScriptToEvaluateOnNewDocument", note).await.unwrap();
        let are = |which: &str, paths: &str| {
            let found = format!("streams.filter(stream => {which}).map(stream => new URL(stream.url).pathname)");
            format!("return [...new Set({found})].sort().join() === '{paths}'")
        };
        for path in ["/containers", "/dns"] {
            page.open(path).await;
            page.sees("[data-test=connection]", "Live").await;
            let both = if path == "/dns" { "/api/dns/events,/api/events" } else { "/api/events" };
            page.js_until("the streams to be open", &are("stream.readyState === EventSource.OPEN", both)).await;
            page.js(&seen_or_not(true)).await;
            page.js_until("the streams to be closed", &are("stream.readyState !== EventSource.CLOSED", "")).await;
            let name = path.trim_start_matches('/');
            sleeper(daemon, name, "bridge");
            page.js(&seen_or_not(false)).await;
            page.click("nav a[href='/containers']").await;
            page.sees(&format!("tr[data-container={name}][data-state=running]"), "").await;
            sleeper(daemon, &format!("{name}-live"), "bridge");
            page.sees(&format!("tr[data-container={name}-live][data-state=running]"), "").await;
        }
    });
}

#[test]
fn two_pages_and_the_docker_command_show_the_same() {
    check(async |daemon: &mut Daemon, page: &Page| {
        page.expects_lost_connection();
        page.log_in(daemon).await;
        page.open("/containers").await;
        let first = page.driver.window().await.unwrap();
        let second = page.driver.new_tab().await.unwrap();
        page.driver.switch_to_window(second.clone()).await.unwrap();
        page.open("/containers").await;
        page.sees("[data-test=connection]", "Live").await;
        sleeper(daemon, "box1", "bridge");
        sleeper(daemon, "box2", "bridge");
        page.click("tr[data-container=box1] [data-test=stop]").await;
        page.click("#confirm [data-test=apply]").await;
        page.sees("tr[data-container=box1][data-state=exited]", "").await;
        let rows = "return [...document.querySelectorAll('tr[data-container]')]
            .map(row => `${row.dataset.container} ${row.dataset.state}`).sort().join()";
        let same = |daemon: &Daemon| {
            let told = daemon.docker(&["ps", "-a", "--format", "{{.Names}} {{.State}}"]);
            let mut told: Vec<&str> = told.lines().collect();
            told.sort_unstable();
            told.join(",")
        };
        for restarted in [false, true] {
            if restarted {
                daemon.kill();
                page.sees("[data-test=banner]", "No connection to the daemon.").await;
                daemon.start_again();
                daemon.docker(&["rm", "box1"]);
            }
            let told = same(daemon);
            for tab in [&first, &second] {
                page.driver.switch_to_window(tab.clone()).await.unwrap();
                page.js_until(&format!("{told} in each"), &format!("return (() => {{ {rows} }})() === '{told}'")).await;
                page.sees("[data-test=connection]", "Live").await;
            }
        }
    });
}
