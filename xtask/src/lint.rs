//! Checks that need no kernel: format, clippy, the tidy tests, and cargo-deny on what we depend on.

use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::setup::{self, Purpose};
use crate::tools::{self, cargo, run};

/// The one cargo-deny that is used: what it reports depends on its version.
const DENY: &str = "0.20.2";

/// Every check; the cheapest first.
pub(crate) fn all() -> Result<()> {
    setup::bring(Purpose::Lint)?;
    run(cargo().args(["fmt", "--all", "--check"])).context("`cargo fmt --all` mends it")?;
    tidy()?;
    run(cargo().args(["clippy", "--all-targets", "--", "-D", "warnings"]))?;
    run(cargo().args(["clippy", "-p", "xtask", "--all-targets", "--", "-D", "warnings"]))?;
    let wasm = "wasm32-unknown-unknown";
    run(cargo().args(["clippy", "-p", "drawbridge-ui", "--target", wasm, "--", "-D", "warnings"]))?;
    deny()
}

/// The tidy tests alone. They need no crate, so rustc compiles them by themselves, in a second; as a part of the daemon's
/// test binary, where `cargo test` runs them too, they would wait for everything that the daemon is made of.
fn tidy() -> Result<()> {
    let backend = tools::root().join("backend");
    let program = tools::target().join("tidy");
    let mut rustc = Command::new("rustc");
    rustc.env("CARGO_MANIFEST_DIR", &backend).args(["--edition", "2024", "--test", "-o"]).arg(&program);
    run(rustc.arg(backend.join("tests/it/tidy/mod.rs")))?;
    run(&mut Command::new(program))
}

/// cargo-deny on licences, sources, duplicates and advisories.
fn deny() -> Result<()> {
    let program = tools::installed("cargo-deny", DENY)?;
    let deny = || {
        let mut deny = Command::new(&program);
        deny.current_dir(tools::root());
        deny
    };
    run(deny().args(["--log-level", "warn", "check", "bans", "licenses", "sources"]))?;

    // The database of advisories is a git repository on GitHub. Where that cannot be reached, a machine without it must
    // still be able to lint; a known advisory fails.
    let fetched = deny().args(["fetch", "db"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    match fetched.context("cannot start cargo-deny")?.success() {
        true => run(deny().args(["--offline", "--log-level", "warn", "check", "advisories"])),
        false => {
            eprintln!("advisories not checked: database unreachable");
            Ok(())
        }
    }
}
