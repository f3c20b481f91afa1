//! Every page, in both languages, both themes and two sizes: axe-core finds nothing to mend, and nothing is wider than the
//! window. Where DRAWBRIDGE_SHOTS names a folder (`cargo xtask shots`), a picture of each is put there.

use crate::{
    harness::{Daemon, not_run, run},
    webdriver::{Page, check_once},
};
use serde_json::Value;
use std::{env, fs, path::PathBuf};

/// The pages, with what is seen on each once it is there.
const PAGES: [(&str, &str, &str); 20] = [
    ("topology", "/", "svg [data-container=web]"),
    ("networks", "/networks", "tr[data-network=lab]"),
    ("network", "/networks/lab", "[data-test=address-map] .cell[data-use=used]"),
    ("containers", "/containers", "tr[data-container=web]"),
    ("container", "/containers/web", "[data-test=environment] li"),
    ("terminal", "/containers/web/terminal", ".terminal .xterm"),
    ("try", "/containers/web/try?kind=tcp&target=db&port=80", "#try-port"),
    ("rules", "/rules", "tr[data-rule]"),
    ("dns", "/dns", "tr[data-name=db]"),
    ("images", "/images", "tr[data-image='busybox:latest']"),
    ("image", "/images/busybox:latest", "[data-test=layers]"),
    ("labs", "/labs", "[data-test=labs]"),
    ("changes", "/changes", "[data-change]"),
    ("change", "/changes/2", "[data-change] [data-test=plan]"),
    ("doctor", "/doctor", ".finding"),
    ("settings", "/settings", "[data-test=about] dd"),
    ("empty", "/containers?find=nosuch", ".no-match"),
    ("gone", "/containers/nosuch", ".empty h1"),
    ("unknown", "/no/such/page", ".empty h1"),
    ("login", "/login", "#login"),
];

/// axe-core, which xtask has npm install beside what the panel is made of.
fn axe() -> Option<String> {
    let panel = PathBuf::from(env::var_os("DRAWBRIDGE_PANEL")?);
    fs::read_to_string(panel.parent()?.join("npm/node_modules/axe-core/axe.min.js")).ok()
}

fn lay_out(daemon: &Daemon) {
    daemon.docker(&["network", "create", "--subnet", "10.9.0.0/24", "--label", "team=red", "lab"]);
    daemon.docker(&["network", "create", "--internal", "vault"]);
    // The longest name that an interface can have, for a name that is long as well.
    let long = "com.docker.network.bridge.name=br-headquarters";
    daemon.docker(&["network", "create", "--opt", long, "the-headquarters-of-the-whole-company"]);
    for (name, network, port) in [("web", "lab", "8080:80"), ("db", "lab", "5432"), ("worker", "vault", "9000")] {
        let run = ["run", "-d", "--name", name, "--network", network, "-p", port, "-e", "MODE=test"];
        daemon.docker(&[&run[..], &["busybox", "sh", "-c", "echo ready; exec httpd -f -p 80"]].concat());
    }
    daemon.docker(&["create", "--name", "idle", "busybox", "sleep", "1"]);
    daemon.docker(&["exec", "web", "ping", "-c", "1", "db"]);
}

/// What axe-core has to say of the page as it is, in lines.
async fn complaints(page: &Page, axe: &str) -> String {
    page.js(axe).await;
    page.js(
        "window.found = null; axe.run(document, { resultTypes: ['violations'] }).then(all => { window.found = all; })",
    )
    .await;
    let found = page.js_until("axe-core to end", "return window.found").await;
    let line = |violation: &Value| {
        let nodes: Vec<String> = violation["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|node| format!("{} {}", node["html"], node["failureSummary"].as_str().unwrap_or_default()))
            .take(3)
            .collect();
        format!("{}: {} {}", violation["id"], violation["help"], nodes.join(" | "))
    };
    found["violations"].as_array().unwrap().iter().map(line).collect::<Vec<_>>().join("\n")
}

/// How a page is looked at.
#[derive(Clone, Copy)]
struct Look {
    language: &'static str,
    theme: &'static str,
    size: (u32, u32),
    /// Whether axe-core is asked. Structure is the same in every look, and colours in every language.
    asks_axe: bool,
}

const WIDE: (u32, u32) = (1440, 900);
const NARROW: (u32, u32) = (390, 844);
const WIDEST: (u32, u32) = (2560, 1440);

#[test]
fn every_page_can_be_used_by_everybody() {
    see(&[
        Look { language: "en", theme: "light", size: WIDE, asks_axe: true },
        Look { language: "en", theme: "light", size: NARROW, asks_axe: false },
    ]);
}

#[test]
fn every_page_can_be_used_in_the_dark() {
    see(&[
        Look { language: "en", theme: "dark", size: WIDE, asks_axe: true },
        Look { language: "en", theme: "dark", size: WIDEST, asks_axe: false },
    ]);
}

#[test]
fn every_page_can_be_used_in_chinese() {
    see(&[
        Look { language: "zh-CN", theme: "light", size: WIDE, asks_axe: false },
        Look { language: "zh-CN", theme: "dark", size: NARROW, asks_axe: false },
    ]);
}

fn see(looks: &[Look]) {
    check_once(async |daemon: &mut Daemon, page: &Page| {
        let Some(axe) = axe() else {
            return not_run("axe-core is not installed; `cargo xtask test` has npm install it");
        };
        lay_out(daemon);
        page.log_in(daemon).await;
        page.open("/dns").await;
        daemon.docker(&["exec", "web", "ping", "-c", "1", "db"]);
        let mut wrong = Vec::new();
        for look in looks {
            let Look { language, theme, size: (width, height), asks_axe } = *look;
            page.js(&format!("localStorage.language = '{language}'; localStorage.theme = '{theme}'")).await;
            page.set_size(width, height).await;
            for (name, path, seen) in PAGES {
                page.open(path).await;
                page.sees(seen, "").await;
                assert_eq!(page.js("return document.documentElement.lang").await, language);
                let here = format!("{name}-{language}-{theme}-{width}");
                let overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
                let overflow = page.js(overflow).await.as_i64().unwrap();
                if overflow > 0 {
                    wrong.push(format!("{here}: {overflow} pixels wider than the window"));
                }
                if asks_axe {
                    let complaints = complaints(page, &axe).await;
                    wrong.extend((!complaints.is_empty()).then(|| format!("{here}: {complaints}")));
                }
                if let Some(folder) = env::var_os("DRAWBRIDGE_SHOTS").map(PathBuf::from) {
                    fs::create_dir_all(&folder).unwrap();
                    page.screenshot(&folder.join(format!("{here}.png"))).await;
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

/// The README's pictures: the topology, a change with its plan, and what is in the way of a container.
#[test]
fn pictures_for_the_readme() {
    let Some(folder) = env::var_os("DRAWBRIDGE_SHOTS").map(PathBuf::from) else {
        println!("not run: DRAWBRIDGE_SHOTS names no folder");
        return;
    };
    fs::create_dir_all(&folder).unwrap();
    check_once(async |daemon: &mut Daemon, page: &Page| {
        // The sandbox has no way out; the host that is drawn should look like one that has.
        run("ip", &["link", "add", "enp1s0", "type", "veth", "peer", "name", "cable"]);
        run("ip", &["link", "set", "cable", "up"]);
        run("ip", &["address", "add", "192.168.1.20/24", "dev", "enp1s0"]);
        run("ip", &["link", "set", "enp1s0", "up"]);
        daemon.kill();
        daemon.start_again();
        page.set_size(1280, 800).await;
        daemon.docker(&["network", "create", "shop"]);
        daemon.docker(&["network", "create", "office"]);
        let serve = ["busybox", "httpd", "-f", "-p", "80"];
        let start = |name: &str, options: &[&str]| {
            daemon.docker(&[&["run", "-d", "--name", name][..], options, &serve].concat());
        };
        start("web", &["--network", "shop", "-p", "8080:80"]);
        start("db", &["--network", "shop"]);
        start("till", &["--network", "office"]);
        page.log_in(daemon).await;
        page.sees("svg [data-container=web]", "172.18.0.2").await;
        page.sees("svg [data-container=till]", "172.19.0.2").await;
        page.screenshot(&folder.join("readme-topology.png")).await;
        page.open("/changes").await;
        page.click("[data-change] summary").await;
        page.sees("[data-change] [data-test=plan]", "").await;
        page.screenshot(&folder.join("readme-changes.png")).await;
        page.open("/containers/till/try?kind=tcp&target=172.18.0.2&port=80").await;
        page.click("[data-test=try]").await;
        page.sees("[data-test=hindrance]", "docker network connect shop till").await;
        page.screenshot(&folder.join("readme-try.png")).await;
    });
}
