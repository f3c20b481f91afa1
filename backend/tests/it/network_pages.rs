//! The panel in a real Chromium: a network with all that the form can say, one that shares an interface, and a container that
//! joins and leaves.

use crate::{
    harness::{Daemon, run},
    webdriver::{Page, check},
};
use serde_json::{Value, json};

fn inspect(daemon: &Daemon, name: &str) -> Value {
    let list: Value = serde_json::from_str(&daemon.docker(&["network", "inspect", name])).unwrap();
    list[0].clone()
}

#[test]
fn a_network_with_everything_that_the_form_can_say() {
    check(async |daemon: &mut Daemon, page: &Page| {
        // What the browser says of itself when an answer is a refusal.
        page.expects_complaint("400 (Bad Request)");
        page.log_in(daemon).await;
        page.open("/networks").await;
        page.click("[data-test=new-network]").await;
        page.click("#network-ipv6").await;
        page.click("#network-more summary").await;
        for (field, text) in [
            ("name", "lab"),
            ("subnet", "10.5.0.0/24"),
            ("gateway", "10.5.0.254"),
            ("ip-range", "10.5.0.128/25"),
            ("subnet6", "fd00:5::/64"),
            ("gateway6", "fd00:5::fe"),
            ("ip-range6", "fd00:5::8000/113"),
            ("ranges", "10.6.0.0/24 10.6.0.9"),
            ("reserved", "router=10.5.0.129\nprinter=10.5.0.1x"),
            ("mtu", "1400"),
            ("bridge", "br-lab"),
            ("labels", "team=blue\nquiet"),
            ("options", "com.docker.network.container_iface_prefix=lan"),
        ] {
            page.fill(&format!("#network-{field}"), text).await;
        }
        page.click("#network-create [data-test=preview]").await;
        page.sees(
            "#network-create [data-test=refusal]",
            "invalid reserved address 10.5.0.1x: write an address like 172.20.0.9",
        )
        .await;
        page.fill("#network-reserved", "router=10.5.0.129\nprinter=10.5.0.130").await;
        page.click("#network-create [data-test=preview]").await;
        page.sees("#network-create [data-test=step]", "br-lab").await;
        page.click("#network-create [data-test=apply]").await;
        page.sees("tr[data-network=lab]", "10.5.0.0/24").await;
        let made = inspect(daemon, "lab");
        let ranges = json!([
            {"Subnet": "10.5.0.0/24", "IPRange": "10.5.0.128/25", "Gateway": "10.5.0.254",
             "AuxiliaryAddresses": {"router": "10.5.0.129", "printer": "10.5.0.130"}},
            {"Subnet": "10.6.0.0/24", "Gateway": "10.6.0.9"},
            {"Subnet": "fd00:5::/64", "IPRange": "fd00:5::8000/113", "Gateway": "fd00:5::fe"},
        ]);
        assert_eq!(made["IPAM"]["Config"], ranges);
        assert_eq!(made["Labels"], json!({"team": "blue", "quiet": ""}));
        assert_eq!(made["EnableIPv6"], true);
        assert!(run("ip", &["link", "show", "br-lab"]).contains("mtu 1400"));
        daemon.docker(&["run", "-d", "--name", "web", "--network", "lab", "busybox", "sleep", "1000"]);
        let inside = daemon.docker(&["exec", "web", "ip", "addr", "show", "lan0"]);
        assert!(inside.contains("10.5.0.128/24") && inside.contains("fd00:5::8000/64"), "{inside}");
    });
}

#[test]
fn a_network_on_the_wire_of_an_interface() {
    check(async |daemon: &mut Daemon, page: &Page| {
        run("ip", &["link", "add", "up0", "type", "veth", "peer", "name", "up1"]);
        page.expects_complaint("400 (Bad Request)");
        page.log_in(daemon).await;
        page.open("/networks").await;
        page.click("[data-test=new-network]").await;
        page.click("[name=network-driver][value=macvlan]").await;
        page.misses("#network-masquerade").await;
        page.fill("#network-name", "wire").await;
        page.fill("#network-subnet", "10.7.0.0/24").await;
        page.click("#network-create [data-test=preview]").await;
        page.sees("#network-create [data-test=refusal]", "a macvlan network needs a parent").await;
        page.fill("#network-parent", "up0").await;
        page.click("[name=macvlan-mode][value=private]").await;
        page.click("#network-create [data-test=preview]").await;
        page.click("#network-create [data-test=apply]").await;
        page.sees("tr[data-network=wire]", "10.7.0.0/24").await;
        assert_eq!(inspect(daemon, "wire")["Driver"], "macvlan");
        daemon.docker(&["run", "-d", "--name", "box1", "--network", "wire", "busybox", "sleep", "1000"]);
        let id = daemon.docker(&["inspect", "-f", "{{.Id}}", "box1"]);
        assert!(run("ip", &["-n", &id[..12], "-d", "link"]).contains("macvlan mode private"));
    });
}

#[test]
fn a_container_joins_with_what_it_asks_for_and_leaves() {
    check(async |daemon: &mut Daemon, page: &Page| {
        daemon.docker(&["network", "create", "--subnet", "10.8.0.0/24", "lab"]);
        daemon.run_sleeper("box1");
        page.log_in(daemon).await;
        page.open("/?select=container:box1").await;
        page.sees("[data-test=inspector]", "172.17.0.2").await;
        page.click("[data-test=connect-with] summary").await;
        page.fill("#connect-ip", "10.8.0.x").await;
        page.click("[data-test=connect]").await;
        page.sees("[data-test=connect-refusal]", "10.8.0.x").await;
        page.fill("#connect-ip", "10.8.0.77").await;
        page.fill("#connect-aliases", "web, www").await;
        page.fill("#connect-mac", "02:00:00:00:00:77").await;
        page.click("[data-test=connect]").await;
        page.sees("#confirm [data-test=step]", "10.8.0.77").await;
        page.click("#confirm [data-test=apply]").await;
        page.sees("[data-test=message]", "box1 is connected to lab.").await;
        page.sees("[data-test=inspector]", "10.8.0.77").await;
        let inside = daemon.docker(&["exec", "box1", "ip", "addr", "show", "eth1"]);
        assert!(inside.contains("10.8.0.77/24") && inside.contains("02:00:00:00:00:77"), "{inside}");
        let aliases = "{{json .NetworkSettings.Networks.lab.Aliases}}";
        assert_eq!(daemon.docker(&["inspect", "-f", aliases, "box1"]), r#"["web","www"]"#);

        page.click("li:has(a[href$='network:lab']) [data-test=disconnect]").await;
        page.click("#confirm [data-test=apply]").await;
        page.misses("li:has(a[href$='network:lab']) [data-test=disconnect]").await;
        assert!(!daemon.docker(&["exec", "box1", "ip", "addr"]).contains("eth1"));
    });
}
