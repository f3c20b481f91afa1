//! The panel's pages on ports, rules and other firewalls, in a real Chromium on the real daemon and the real kernel.

use crate::{
    harness::{Daemon, run},
    webdriver::{Page, check},
};

#[test]
fn a_foreign_rule_is_named_with_what_mends_it() {
    check(async |daemon: &mut Daemon, page: &Page| {
        page.log_in(daemon).await;
        run(
            "nft",
            &["add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }"],
        );
        page.click("nav a[href='/doctor']").await;
        let found = page.sees(".finding[data-health=warning]", "policy drop of chain FORWARD").await;
        assert!(found.contains("docker0"), "{found}");
        page.sees(".finding[data-health=warning] h2", "other firewalls").await;
        let commands = page.texts(".finding[data-health=warning] [data-test=command]").await;
        run("sh", &["-ec", &commands[0]]);
        page.click("[data-test=look-again]").await;
        // Until the daemon has answered there are none.
        page.sees(".finding", "").await;
        // A kernel may lack something else that is optional, such as SCTP.
        page.misses(".finding[data-health=warning] [data-test=command]").await;
    });
}

#[test]
fn the_ports_of_a_running_container_are_planned_and_changed() {
    check(async |daemon: &mut Daemon, page: &Page| {
        daemon.run_sleeper("box1");
        page.log_in(daemon).await;
        page.open("/containers").await;
        page.click("tr[data-container=box1] [data-test=ports]").await;
        page.click("#ports-edit [data-test=add-port]").await;
        // It takes the focus in the next frame, and what is typed elsewhere meanwhile.
        page.has_focus("#ports-edit [data-test=port-row] [name=port-address]").await;
        page.fill("#ports-edit [data-test=port-row] [data-test=host-port]", "18080").await;
        page.fill("#ports-edit [data-test=port-row] [data-test=container-port]", "80").await;
        page.click("#ports-edit [data-test=preview]").await;
        page.sees("#ports-edit [data-test=plan]", "18080").await;
        assert_eq!(daemon.docker(&["port", "box1"]), "", "a plan that is only shown changes nothing");
        page.click("#ports-edit [data-test=apply]").await;
        page.sees("tr[data-container=box1]", "18080").await;
        assert!(daemon.docker(&["port", "box1"]).contains("80/tcp -> 0.0.0.0:18080"));

        page.click("nav a[href='/rules']").await;
        page.fill("#find-rules", "18080").await;
        let rule = page.sees("tr[data-rule=published4]", "18080").await;
        assert!(rule.contains("172.17.0.2") && rule.contains("box1"), "{rule}");
        assert_eq!(page.texts("tr[data-there=false]").await, [""; 0]);
    });
}

#[test]
fn tables_that_others_flushed_are_repaired_before_the_eyes() {
    check(async |daemon: &mut Daemon, page: &Page| {
        daemon.run_sleeper("box1");
        page.log_in(daemon).await;
        page.open("/changes").await;
        run("nft", &["flush", "ruleset"]);
        page.sees("[data-change]", "Repair").await;
        page.click("nav a[href='/rules']").await;
        page.sees("[data-test=rules]", "in constant chains").await;
        page.misses("[data-test=not-intact]").await;
        page.misses("[data-test=missing]").await;
        run("nft", &["get", "element", "bridge", "drawbridge", "leased4", "{ 172.17.0.2 }"]);
    });
}
