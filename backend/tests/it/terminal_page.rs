//! The panel's terminal in a real Chromium: a log, a main process, a shell; sizes, ten thousand lines, and what is said when the
//! other end goes.

use crate::{
    harness::Daemon,
    webdriver::{Page, check},
};
use thirtyfour::Key;

/// What stands in the terminal, its past included.
const SCREEN: &str = r#"
    const terminal = document.querySelector("[data-test=terminal]")?.terminal;
    if (!terminal) return null;
    const buffer = terminal.buffer.active;
    let text = "";
    for (let line = 0; line < buffer.length; line++) text += buffer.getLine(line).translateToString(true) + "\n";
    return text;
"#;

async fn shows(page: &Page, words: &str) {
    let script = format!("const shown = (() => {{ {SCREEN} }})(); return shown?.includes({words:?}) ?? false");
    page.js_until(&format!("{words:?} in the terminal"), &script).await;
}

async fn types(page: &Page, keys: impl Into<thirtyfour::TypingData> + Clone) {
    // xterm.js takes the keys by a field that nobody sees. Until something is printed it has no size, and takes none.
    page.press("[data-test=terminal] textarea", keys).await;
}

/// Asks the shell for the size of its terminal until it says that of the page, which may change once more after it has settled.
/// `words` are printed behind each answer.
async fn has_its_size(page: &Page, words: &str) {
    let mut asked = 0;
    page.until("the shell to know its size", async || {
        asked += 1;
        types(page, format!("stty size; echo {words}-$(({asked}))\n")).await;
        shows(page, &format!("{words}-{asked}")).await;
        let script = format!(
            "const {{ rows, cols }} = document.querySelector('[data-test=terminal]').terminal; \
             return (() => {{ {SCREEN} }})().includes(`\n${{rows}} ${{cols}}\n`)"
        );
        Ok((page.js(&script).await == true).then_some(()))
    })
    .await;
}

/// What is said of a container that is removed under a terminal: that, or that it was stopped, whichever is seen first.
const GONE: &str = "return /container (was removed|has stopped)|容器已(被移除|停止)/
    .test(document.querySelector('[data-test=terminal-state]')?.textContent ?? '')";

#[test]
fn a_shell_is_typed_into() {
    check(async |daemon: &mut Daemon, page: &Page| {
        daemon.docker(&["run", "-dit", "--name", "box1", "busybox", "sh"]);
        page.log_in(daemon).await;
        page.open("/containers").await;
        page.click("tr[data-container=box1] [data-test=terminal-link]").await;
        shows(page, "/ #").await;
        assert_eq!(page.path().await, "/containers/box1/terminal?far=command&command=sh");
        page.sees(".page-head [data-state=running]", "Running").await;
        page.click("[data-test=far-logs]").await;
        shows(page, "/ #").await;
        page.sees("[data-test=terminal-state]", "Only shown: nothing that is typed is read.").await;

        page.click("[data-test=far-main]").await;
        page.js_until(
            "a terminal that reads",
            "return document.activeElement?.closest('[data-test=terminal]') !== null",
        )
        .await;
        shows(page, "/ #").await;
        types(page, "kept=$((40+2))\n").await;
        has_its_size(page, "large").await;

        // Smaller, and told so.
        page.set_size(800, 500).await;
        page.js_until(
            "a smaller terminal",
            "return document.querySelector('[data-test=terminal]').terminal.cols < 100",
        )
        .await;
        has_its_size(page, "small").await;
        types(page, "echo and-$kept\n").await;
        shows(page, "and-42").await;

        // Copied with what is selected, and pasted.
        types(page, "echo 'to be' copied\n").await;
        shows(page, "\nto be copied").await;
        let pasted = "const field = document.querySelector('[data-test=terminal] textarea'); \
                      const data = new DataTransfer(); data.setData('text/plain', 'echo past$((1+1))ed\\n'); \
                      field.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true }))";
        page.js(pasted).await;
        types(page, Key::Enter).await;
        shows(page, "past2ed").await;

        // A command of its own, in the same container.
        page.click("[data-test=far-command]").await;
        shows(page, "/ #").await;
        types(page, "n=0; while [ $n -lt 10500 ]; do n=$((n+1)); echo line-$n; done; echo all-$n\n").await;
        shows(page, "all-10500").await;
        shows(page, "line-700\n").await;
        types(page, "exit 7\n").await;
        page.sees("[data-test=terminal-state]", "The command has ended with exit code 7.").await;
        page.click("[data-test=open-again]").await;
        shows(page, "/ #").await;

        page.open("/containers/box1/terminal?far=command&command=nosuch").await;
        let why = page.sees("[data-test=terminal-state]", "choose another command, or an image that has it").await;
        assert_eq!(why.matches("nosuch").count(), 1, "{why}");
        daemon.docker(&["stop", "-t", "0", "box1"]);
        page.click("[data-test=open-again]").await;
        page.sees("[data-test=terminal-state]", "The command did not start: ").await;
    });
}

#[test]
fn the_end_of_a_container_is_said() {
    check(async |daemon: &mut Daemon, page: &Page| {
        daemon.docker(&["run", "-d", "--name", "box1", "busybox", "sh", "-c", "echo printed; sleep 1000"]);
        page.log_in(daemon).await;
        page.open("/containers/box1/terminal").await;
        shows(page, "printed").await;
        daemon.docker(&["stop", "-t", "0", "box1"]);
        page.sees("[data-test=terminal-state]", "The container has stopped with exit code 137.").await;

        // One that does not run is waited for.
        page.click("[data-test=open-again]").await;
        page.sees("[data-test=terminal-state]", "does not run").await;
        daemon.docker(&["start", "box1"]);
        page.js_until(
            "its second line",
            &format!("return ((() => {{ {SCREEN} }})()?.split('printed').length ?? 0) > 2"),
        )
        .await;
        daemon.docker(&["rm", "-f", "box1"]);
        page.js_until("the end to be said", GONE).await;

        daemon.docker(&["run", "-d", "--name", "box2", "busybox", "sleep", "1000"]);
        page.open("/containers/box2/terminal?far=command&command=sh").await;
        shows(page, "/ #").await;
        daemon.docker(&["rm", "-f", "box2"]);
        page.js_until("the end to be said", GONE).await;
    });
}
