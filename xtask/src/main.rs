//! `cargo xtask`: the developer's commands. Each brings what it needs to the machine (`setup`), builds, and hands over to
//! the program that does the work. Nothing of the product lives here.

mod lab;
mod lint;
mod needs;
mod panel;
mod parts;
mod root;
mod script;
mod setup;
mod tests;
mod tools;

use std::env;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::setup::Purpose;

const USAGE: &str = "\
cargo xtask COMMAND [ARGS]

  run [ARGS]    bring what is missing, build everything, start `drawbridge serve ARGS` (with sudo when not root)
  build         build the panel and, with it inside, target/release/drawbridge
  deb           build a Debian package of it, target/debian/drawbridge_*.deb
  test [ARGS]   bring what the tests need and run every test; ARGS go to `cargo test`
  ui            the panel alone: its tests, then its WebAssembly
  e2e [ARGS]    only the tests that drive a real browser and the docker command; ARGS go to the test binary
  chapter       show the chapter: its commands from first to last, with what they print, in a network of their own
  shots         a picture of each page, in both languages and themes, in target/shots
  lint          rustfmt, clippy, the tidy tests and cargo-deny
  bench [ARGS]  what it costs, beside its peers; ARGS are how often and which parts: `bench 50 run many`
  bench panel   the panel's: 500 containers, 50 events a second, a real browser; its size";

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let command = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    match dispatch(&command, &rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {command}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: &str, rest: &[String]) -> Result<()> {
    match command {
        "run" => run(rest),
        "build" => {
            no_arguments(command, rest)?;
            build()
        }
        "deb" => {
            no_arguments(command, rest)?;
            deb()
        }
        "test" => tests::all(rest),
        "ui" => {
            no_arguments(command, rest)?;
            tests::ui()
        }
        "e2e" => tests::e2e(rest),
        "chapter" => {
            no_arguments(command, rest)?;
            tests::chapter()
        }
        "shots" => {
            no_arguments(command, rest)?;
            tests::shots()
        }
        "lint" => {
            no_arguments(command, rest)?;
            lint::all()
        }
        "bench" => tests::bench(rest),
        "" | "help" | "-h" | "--help" => {
            println!("{USAGE}");
            Ok(())
        }
        _ => bail!("there is no such command\n\n{USAGE}"),
    }
}

fn no_arguments(command: &str, rest: &[String]) -> Result<()> {
    match rest {
        [] => Ok(()),
        [first, ..] => bail!("`{command}` takes no arguments, and got `{first}`"),
    }
}

/// Builds the whole product: one file, all that another machine needs.
fn build() -> Result<()> {
    setup::bring(Purpose::Build)?;
    let panel = panel::build()?;
    tools::run(tools::cargo().args(["build", "--release", "-p", "drawbridge"]).env(panel::ENV, panel))?;
    let bytes = daemon().metadata().with_context(|| format!("cannot read {}", daemon().display()))?.len();
    println!("{}: {}", daemon().display(), panel::size(bytes));
    Ok(())
}

/// The one cargo-deb that is used.
const DEB: &str = "3.8.0";

/// Packs the product, with its unit, as backend/Cargo.toml says.
fn deb() -> Result<()> {
    build()?;
    let mut deb = Command::new(tools::installed("cargo-deb", DEB)?);
    deb.current_dir(tools::root()).args(["deb", "--package", "drawbridge", "--no-build", "--no-strip", "--locked"]);
    tools::run(deb.arg("--output").arg(tools::target().join("debian/")))
}

fn daemon() -> PathBuf {
    tools::target().join("release/drawbridge")
}

fn run(rest: &[String]) -> Result<()> {
    // Both before the build: what is missing, sudo too, is known at once and not after minutes.
    setup::bring(Purpose::Run)?;
    let mut serve = root::command(daemon(), &[])?;
    build()?;
    serve.arg("serve").args(rest);
    tools::announce(&serve);
    // The daemon takes this process over: Ctrl-C and its exit code reach the shell with nothing between.
    Err(serve.exec()).with_context(|| format!("cannot start {}", daemon().display()))
}
