//! The panel's pages of images and of labs, in a real Chromium on the real daemon: pulled from the real registry server, loaded,
//! built, named, removed; a lab from a file up and down.

use crate::{
    harness::{Daemon, Folders, is_there, wait_for},
    registry::server::Server,
    webdriver::{Page, check},
};
use std::{
    fs,
    path::{Path, PathBuf},
};
use thirtyfour::By;

/// For whoever wants to look: `DRAWBRIDGE_SHOTS=folder`. Both themes, and a telephone; at every size nothing is wider than
/// the window.
async fn shot(page: &Page, name: &str) {
    let folder = std::env::var_os("DRAWBRIDGE_SHOTS").map(PathBuf::from);
    for (width, height) in [(390, 844), (1440, 900)] {
        page.set_size(width, height).await;
        let overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        assert_eq!(page.js(overflow).await, 0, "{name} at {width}");
        let Some(folder) = &folder else { continue };
        fs::create_dir_all(folder).unwrap();
        for theme in ["dark", "light"] {
            page.js(&format!("document.documentElement.dataset.theme = '{theme}'")).await;
            page.screenshot(&folder.join(format!("{name}-{theme}-{width}.png"))).await;
        }
    }
}

#[test]
fn images_are_pulled_loaded_built_named_and_removed() {
    if !is_there("docker-registry") {
        return;
    }
    check(async |daemon: &mut Daemon, page: &Page| {
        let folders = Folders::new();
        let server = Server::start(&folders.root, None);
        let name = format!("{}/team/web:1", server.address);
        daemon.docker(&["run", "--name", "maker", "busybox", "sh", "-c", "echo made >/made"]);
        daemon.docker(&["commit", "maker", &name]);
        daemon.docker(&["push", &name]);
        daemon.docker(&["rm", "maker"]);
        daemon.docker(&["rmi", "-f", &name]);

        page.log_in(daemon).await;
        page.click("nav a[href='/images']").await;
        page.sees("tr[data-image]", "busybox:latest").await;
        page.click("[data-test=pull]").await;
        page.fill("#pull-name", "127.0.0.1:1/nothing").await;
        page.click("#image-pull [data-test=apply]").await;
        page.expects_complaint("/api/images/pull");
        page.sees("#image-pull [data-test=refusal]", "cannot reach the registry").await;
        page.fill("#pull-name", &name).await;
        page.click("#image-pull [data-test=apply]").await;
        page.sees("#image-pull [data-test=work-done]", "Done.").await;
        assert_eq!(page.texts("#image-pull [data-layer]").await.len(), 2);
        page.sees("#image-pull [data-layer]", "Complete").await;
        shot(page, "images-pull").await;
        page.click("#image-pull [data-test=cancel]").await;

        page.fill("#find", "team").await;
        page.misses("tr[data-image='busybox:latest']").await;
        assert_eq!(page.path().await, "/images?find=team");
        page.click(&format!("tr[data-image='{name}'] th a")).await;
        page.sees("[data-test=layers]", "echo made").await;
        shot(page, "image").await;
        page.fill("#tag-name", "second:2").await;
        page.click("[data-test=tag]").await;
        wait_for("the name", || daemon.docker(&["image", "ls", "-q", "second:2"]).lines().next().map(drop));
        page.open("/images/second:2").await;
        page.sees("[data-test=image]", "second:2").await;

        page.open("/images?order=size").await;
        page.click("[data-test=build]").await;
        page.fill("#build-name", "built:1").await;
        page.fill("#build-dockerfile", "FROM busybox\nRUN echo told-by-a-step; exit 3").await;
        page.click("#image-build [data-test=apply]").await;
        page.sees("#image-build [data-test=refusal]", "returned a non-zero code").await;
        page.sees("#image-build .output", "told-by-a-step").await;
        page.fill("#build-dockerfile", "FROM busybox\nRUN echo good >/good\nENV A=b").await;
        page.click("#image-build [data-test=apply]").await;
        page.sees("#image-build [data-test=work-done]", "Done.").await;
        shot(page, "images-build").await;
        page.click("#image-build [data-test=cancel]").await;
        assert_eq!(daemon.docker(&["run", "--rm", "built:1", "cat", "/good"]), "good");

        let archive = folders.root.join("built.tar");
        daemon.docker(&["save", "-o", archive.to_str().unwrap(), "built:1"]);
        page.click("tr[data-image='built:1'] [data-test=remove]").await;
        page.click("#image-remove [data-test=apply]").await;
        page.misses("tr[data-image='built:1']").await;
        page.click("[data-test=load]").await;
        page.sees("#image-load", "docker save").await;
        shot(page, "images-load").await;
        let input = page.driver.find(By::Css("#image-load input[type=file]")).await.unwrap();
        input.send_keys(archive.to_str().unwrap()).await.unwrap();
        page.sees("#image-load [data-test=work-done]", "Done.").await;
        page.sees("#image-load [data-test=line]", "docker load -i built.tar").await;
        page.click("#image-load [data-test=cancel]").await;
        page.sees("tr[data-image='built:1']", "built:1").await;

        // The same by dropping it on the page.
        daemon.docker(&["rmi", "built:1"]);
        page.misses("tr[data-image='built:1']").await;
        drop_file(page, &archive, "[data-test=images] h1").await;
        page.sees("#image-load [data-test=work-done]", "Done.").await;
        page.click("#image-load [data-test=cancel]").await;
        page.sees("tr[data-image='built:1']", "built:1").await;

        // One that a container was made of is refused first.
        daemon.docker(&["create", "--name", "user", "built:1"]);
        page.sees("tr[data-image='built:1']", "user").await;
        shot(page, "images").await;
        page.click("tr[data-image='built:1'] [data-test=remove]").await;
        page.click("#image-remove [data-test=apply]").await;
        page.expects_complaint("/api/images/");
        page.sees("#image-remove [data-test=refusal]", "must be forced").await;
        page.click("#image-remove [data-test=cancel]").await;
    });
}

/// Drops a file on something, as a hand would; chromedriver has no hand for files, but gives one to a field.
async fn drop_file(page: &Page, file: &Path, css: &str) {
    page.js("const field = document.createElement('input'); field.type = 'file'; field.id = 'hand'; document.body.append(field)")
        .await;
    page.driver.find(By::Id("hand")).await.unwrap().send_keys(file.to_str().unwrap()).await.unwrap();
    let drop = format!(
        "const field = document.getElementById('hand'); field.remove(); const data = new DataTransfer(); \
         data.items.add(field.files[0]); const place = document.querySelector({css:?}); \
         const taken = ['dragover', 'drop'].map(kind => \
             !place.dispatchEvent(new DragEvent(kind, {{ dataTransfer: data, bubbles: true, cancelable: true }}))); \
         return taken.every(Boolean)"
    );
    assert_eq!(page.js(&drop).await, true, "or the browser would show the file instead of the panel");
}

const LAB: &str = "name: school\nservices:\n  a: {image: busybox, command: sleep 1000, stop_grace_period: 0s, ports: ['18190:80']}\n  \
                   b: {image: busybox, command: sleep 1000, stop_grace_period: 0s}\n";

#[test]
fn a_lab_is_previewed_brought_up_and_taken_down() {
    check(async |daemon: &mut Daemon, page: &Page| {
        page.log_in(daemon).await;
        page.click("nav a[href='/labs']").await;
        page.sees("[data-test=labs]", "No labs yet").await;
        let file = daemon.folders().root.join("dropped.yaml");
        fs::write(&file, "name: dropped").unwrap();
        drop_file(page, &file, "[data-test=labs] h1").await;
        page.js_until("what was dropped", "return document.querySelector('#lab-text')?.value === 'name: dropped'")
            .await;
        page.click("#lab-up [data-test=cancel]").await;
        page.click("[data-test=bring-up]").await;
        shot(page, "lab-up").await;
        page.expects_complaint("/api/labs");
        page.fill("#lab-text", "services: {a: {imagge: busybox}}").await;
        page.click("#lab-up [data-test=preview]").await;
        page.sees("#lab-up [data-test=refusal]", "line 1: service a has no `image`").await;
        page.fill("#lab-text", LAB).await;
        page.click("#lab-up [data-test=preview]").await;
        page.sees("#lab-up [data-test=plan]", "18190").await;
        assert_eq!(daemon.docker(&["ps", "-q"]), "", "a plan that is only shown changes nothing");
        shot(page, "lab-plan").await;
        page.click("#lab-up [data-test=apply]").await;
        page.sees("#lab-up [data-test=work-done]", "Done.").await;
        page.sees("#lab-up .said li:has(b)", "school-b-1").await;
        page.sees("#lab-up .said li", "created").await;
        page.click("#lab-up [data-test=cancel]").await;
        page.sees("tr[data-lab=school]", "2 of 2 running").await;
        shot(page, "labs").await;
        page.click("tr[data-lab=school] [data-test=down]").await;
        page.sees("#lab-down [data-test=step]", "ip link del").await;
        page.sees("#lab-down [data-test=line]", "docker compose -p school down").await;
        assert_ne!(daemon.docker(&["ps", "-q"]), "", "a preview changes nothing");
        page.click("#lab-down [data-test=apply]").await;
        page.sees("#lab-down [data-test=work-done]", "Done.").await;
        page.click("#lab-down [data-test=cancel]").await;
        page.sees("[data-test=labs]", "No labs yet").await;
        assert_eq!(daemon.docker(&["ps", "-aq"]), "");
    });
}
