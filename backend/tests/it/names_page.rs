//! The panel in a real Chromium: what is asked for names, and what others have made, as it happens.

use crate::{
    harness::{Daemon, run},
    webdriver::{Page, check},
};

#[test]
fn questions_appear_as_they_are_asked() {
    check(async |daemon: &mut Daemon, page: &Page| {
        daemon.docker(&["network", "create", "lab"]);
        for name in ["web", "db"] {
            daemon.docker(&["run", "-d", "--name", name, "--network", "lab", "busybox", "sleep", "1000"]);
        }
        page.log_in(daemon).await;
        page.open("/dns").await;
        page.sees("[data-test=dns]", "Nobody has asked for a name yet").await;
        daemon.docker(&["exec", "web", "ping", "-c", "1", "db"]);
        page.sees("tr[data-name=db]", "a container of a shared network has the name").await;
        page.sees("tr[data-name=db]", "web").await;
        page.fill("#find-dns", "nobody at all").await;
        page.sees(".no-match", "No question matches").await;
        page.fill("#find-dns", "db web").await;
        page.sees("tr[data-name=db]", "Answered").await;
        assert_eq!(page.path().await, "/dns?find=db%20web");
        // Another is there at once, while somebody looks.
        daemon.docker(&["exec", "db", "ping", "-c", "1", "web"]);
        page.fill("#find-dns", "172.18.0.2").await;
        page.sees("tr[data-name=web]", "Answered").await;
    });
}

#[test]
fn what_others_make_stands_in_the_topology() {
    check(async |daemon: &mut Daemon, page: &Page| {
        page.log_in(daemon).await;
        page.open("/").await;
        page.sees("svg", "docker0").await;
        for command in [
            "link add mydocker0 type bridge",
            "netns add ns1",
            "link add veth-ns1 type veth peer name eth00 netns ns1",
            "-n ns1 addr add 172.16.1.1/16 dev eth00",
            "link set veth-ns1 master mydocker0",
        ] {
            run("ip", &command.split(' ').collect::<Vec<_>>());
        }
        page.sees("svg", "Made by others; never changed").await;
        page.sees("svg [data-namespace=ns1]", "172.16.1.1/16").await;
        page.click("svg [data-link=mydocker0]").await;
        page.sees("[data-test=inspector]", "Not made by Drawbridge").await;
        page.sees("[data-test=inspector]", "veth-ns1").await;
        assert_eq!(page.path().await, "/?select=link:mydocker0");
        page.click("svg [data-namespace=ns1]").await;
        page.sees("[data-test=inspector]", "eth00").await;
        run("ip", &["netns", "del", "ns1"]);
        page.sees("[data-test=inspector]", "It is not there").await;
    });
}
