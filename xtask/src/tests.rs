//! Runs the tests and the benchmark: plain `cargo test`, with the panel embedded and the kernel's tests made binding.

use std::env;
use std::ffi::{OsStr, OsString};
use std::process::Command;

use anyhow::{Context, Result};

use crate::setup::{self, Purpose};
use crate::{panel, tools};

/// Set to 1, a kernel test that cannot run on this machine fails, instead of saying so and passing.
const KERNEL: &str = "DRAWBRIDGE_KERNEL";

/// Every test: the default members, then the panel's own, natively.
pub(crate) fn all(rest: &[String]) -> Result<()> {
    setup::bring(Purpose::Test)?;
    // The bundle that is shipped is the one that is tested, and a developer who has run the product has it already.
    let panel = panel::build()?;
    tools::run(cargo_test()?.env(panel::ENV, panel).args(rest))?;
    tools::run(tools::cargo().args(["test", "-p", "drawbridge-ui"]).args(rest))
}

/// The panel alone: its tests, then its WebAssembly.
pub(crate) fn ui() -> Result<()> {
    setup::bring(Purpose::Build)?;
    tools::run(tools::cargo().args(["test", "-p", "drawbridge-ui"]))?;
    panel::build().map(|_| ())
}

/// Only the tests that drive a real browser and the docker command.
pub(crate) fn e2e(rest: &[String]) -> Result<()> {
    setup::bring(Purpose::Test)?;
    let panel = panel::build()?;
    tools::run(cargo_test()?.env(panel::ENV, panel).args(["-p", "drawbridge", "--test", "it", "--", "e2e"]).args(rest))
}

/// The road's benchmark.
pub(crate) fn bench(rest: &[String]) -> Result<()> {
    setup::bring(Purpose::Bench)?;
    let mut bench = tools::cargo();
    bench.args(["bench", "-p", "drawbridge", "--bench", "road"]);
    as_root(&mut bench, &env::var_os("PATH").unwrap_or_default());
    tools::run(bench.arg("--").args(rest))
}

/// `cargo test` on the real kernel, as root, with a docker client on PATH.
fn cargo_test() -> Result<Command> {
    let path = path_with_docker()?;
    let mut test = tools::cargo();
    test.arg("test").env(KERNEL, "1").env("PATH", &path);
    as_root(&mut test, &path);
    Ok(test)
}

fn path_with_docker() -> Result<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(setup::docker_client_folder());
    env::join_paths(folders).context("the folder of the docker client cannot stand in PATH")
}

/// Compiles as the user and runs what was compiled as root: namespaces and links need it.
fn as_root(cargo: &mut Command, path: &OsStr) {
    if setup::is_root() {
        return;
    }
    // sudo sets its own PATH and drops most variables, so `env` says the ones that tests read once more.
    let mut runner = vec!["sudo".into(), "env".into(), format!("PATH={}", path.display()), format!("{KERNEL}=1")];
    for name in ["CI", "RUST_BACKTRACE", "RUST_LOG"] {
        runner.extend(env::var(name).map(|value| format!("{name}={value}")));
    }
    // A list of Rust strings in debug form is a TOML array.
    cargo.arg("--config").arg(format!("target.'cfg(target_os = \"linux\")'.runner = {runner:?}"));
}
