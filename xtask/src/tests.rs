//! Runs the tests and the benchmark: plain `cargo test`, with the panel embedded and the kernel's tests made binding.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::setup::{self, Purpose};
use crate::{lab, panel, root, tools};

/// Every test: the default members, then the panel's own, natively.
pub(crate) fn all(rest: &[String]) -> Result<()> {
    setup::bring(Purpose::Test)?;
    // The bundle that is shipped is the one that is tested, and a developer who has run the product has it already.
    let panel = panel::build()?;
    panel::check_size(&panel)?;
    tools::run(cargo_test()?.env(panel::ENV, panel).args(rest))?;
    tools::run(tools::cargo().args(["test", "-p", "drawbridge-ui"]).args(rest))
}

/// The panel alone: its tests, then its WebAssembly.
pub(crate) fn ui() -> Result<()> {
    setup::bring(Purpose::Build)?;
    tools::run(tools::cargo().args(["test", "-p", "drawbridge-ui"]))?;
    panel::build().map(|_| ())
}

/// Only the tests that drive a real browser, the docker command and the SDK.
pub(crate) fn e2e(rest: &[String]) -> Result<()> {
    setup::bring(Purpose::Test)?;
    let panel = panel::build()?;
    let modules = ["browser::", "pages::", "every_page::", "topology_page::", "docker_cli::", "bollard::"];
    let mut test = cargo_test()?;
    test.env(panel::ENV, panel).args(["-p", "drawbridge", "--test", "it", "--"]).args(modules);
    tools::run(test.args(rest))
}

/// The chapter, command by command, with what each prints: the test of it, in a network of its own, shown.
pub(crate) fn chapter() -> Result<()> {
    setup::bring(Purpose::Chapter)?;
    let mut variables = variables()?;
    variables.push((lab::ENV, lab::bring()?.display().to_string()));
    variables.push(("DRAWBRIDGE_CHAPTER", "watch".to_owned()));
    let mut test = tools::cargo();
    root::run_compiled(&mut test, &variables)?;
    // Where the panel was built, the daemon has it in it, and need not be compiled once with and once without.
    if let Some(panel) = panel::built() {
        test.env(panel::ENV, panel);
    }
    test.args(["test", "--quiet", "-p", "drawbridge", "--test", "it", "--", "--nocapture", "--exact"]);
    tools::run(test.arg("chapter::every_command_works"))
}

/// A picture of each page in target/shots, which axe-core has looked at as well.
pub(crate) fn shots() -> Result<()> {
    setup::bring(Purpose::Test)?;
    let panel = panel::build()?;
    let folder = tools::target().join("shots");
    let mut test = cargo_test()?;
    test.env(panel::ENV, panel).env("DRAWBRIDGE_SHOTS", &folder);
    tools::run(test.args(["-p", "drawbridge", "--test", "it", "--", "every_page::"]))?;
    println!("shots: {}", folder.display());
    Ok(())
}

/// The road's benchmark, or the panel's.
pub(crate) fn bench(rest: &[String]) -> Result<()> {
    if let [first, rest @ ..] = rest
        && first == "panel"
    {
        return bench_panel(rest);
    }
    setup::bring(Purpose::Bench)?;
    let mut bench = tools::cargo();
    bench.args(["bench", "-p", "drawbridge", "--bench", "road"]);
    root::run_compiled(&mut bench, &variables()?)?;
    tools::run(bench.arg("--").args(rest))
}

/// The panel in a real browser, with many containers and many events; and how large it is.
fn bench_panel(rest: &[String]) -> Result<()> {
    setup::bring(Purpose::Test)?;
    let panel = panel::build()?;
    let empty = panel::build_empty()?;
    let mut test = cargo_test()?;
    test.env(panel::ENV, &panel).env("DRAWBRIDGE_BENCH", "1").env("DRAWBRIDGE_EMPTY_PAGE", empty);
    // The daemon as it is shipped: what it takes to answer is a part of what is measured.
    test.args(["--release", "-p", "drawbridge", "--test", "it", "--", "panel_bench::", "--nocapture"]);
    // Both are said, whichever fails.
    let size = panel::check_size(&panel);
    tools::run(test.args(rest))?;
    size
}

/// `cargo test` on the real kernel, as root, with a docker client on PATH.
fn cargo_test() -> Result<Command> {
    let mut test = tools::cargo();
    // One failed test hides no other.
    test.args(["test", "--no-fail-fast"]);
    let mut variables = variables()?;
    variables.push((lab::ENV, lab::bring()?.display().to_string()));
    root::run_compiled(&mut test, &variables)?;
    Ok(test)
}

/// What the tests read from their environment.
fn variables() -> Result<Vec<(&'static str, String)>> {
    let path = env::var_os("PATH").unwrap_or_default();
    // Root has the sbin folders on its PATH; the ordinary user who says `cargo xtask test` has not.
    let more = tools::SBIN.map(PathBuf::from).into_iter().chain(setup::docker_client_folder());
    let path = env::join_paths(env::split_paths(&path).chain(more));
    let path = path.context("the folder of the docker client cannot stand in PATH")?;
    // A kernel test that cannot run on this machine fails under DRAWBRIDGE_KERNEL=1, instead of saying so and passing.
    let mut variables = vec![("PATH", path.display().to_string()), ("DRAWBRIDGE_KERNEL", "1".to_owned())];
    for name in ["CI", "RUST_BACKTRACE", "RUST_LOG"] {
        variables.extend(env::var(name).map(|value| (name, value)));
    }
    Ok(variables)
}
