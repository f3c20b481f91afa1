//! What each command needs on the machine, and how it is brought: the Debian packages of `needs`, the wasm32 target,
//! and for the tests a docker client. What is there is not touched; what is fetched is said, with the reason.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::needs::{NEEDS, Need};
use crate::root;
use crate::tools::{self, find, run};

pub(crate) use crate::needs::Purpose;
use Purpose::{Bench, Build, Chapter, Lint, Run, Test};

/// Brings what is missing for `purpose`.
///
/// # Errors
/// A package that cannot be installed, with what to do by hand.
pub(crate) fn bring(purpose: Purpose) -> Result<()> {
    match purpose {
        Build => bring_wasm_target()?,
        Lint => {
            bring_lint_components()?;
            return bring_wasm_target();
        }
        Run => {}
        Bench | Chapter => bring_docker_client()?,
        Test => {
            bring_wasm_target()?;
            bring_docker_client()?;
        }
    }
    bring_packages(purpose)?;
    if purpose == Test {
        bring_python_clients()?;
        bring_compose()?;
    }
    Ok(())
}

fn bring_packages(purpose: Purpose) -> Result<()> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| need.purposes.contains(&purpose) && !need.is_met()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    for need in &missing {
        eprintln!("missing: Debian package {} ({})", need.package, need.because);
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    install(&packages)?;
    match missing.iter().find(|need| !need.is_met()) {
        Some(need) => bail!("package {} is installed, and yet what it is for was not found", need.package),
        None => Ok(()),
    }
}

/// The folder of the docker client that `bring` unpacked, if it had to: for the PATH of the tests.
pub(crate) fn docker_client_folder() -> Option<PathBuf> {
    let folder = docker_tree().join("usr/bin");
    folder.join("docker").is_file().then_some(folder)
}

fn install(packages: &[&str]) -> Result<()> {
    if find("apt-get").is_none() {
        bail!(
            "this machine has no apt-get; install what these Debian packages hold with its own package manager, then try again: {}",
            packages.join(" ")
        );
    }
    let by_hand = format!("apt-get install --no-install-recommends {}", packages.join(" "));
    let install = || {
        let mut command = apt_get(&["install", "-y", "--no-install-recommends"])?;
        command.args(packages);
        run(&mut command)
    };
    // A machine whose package lists were never fetched, or are too old, refuses; then they are fetched, once.
    if have_package_lists() && install().is_ok() {
        return Ok(());
    }
    let update_and_install = || {
        run(&mut apt_get(&["update"])?)?;
        install()
    };
    update_and_install().with_context(|| format!("run as root, then try again: {by_hand}"))
}

fn have_package_lists() -> bool {
    let Ok(lists) = fs::read_dir("/var/lib/apt/lists") else { return false };
    lists.flatten().any(|entry| entry.file_name().to_string_lossy().contains("_Packages"))
}

fn apt_get(words: &[&str]) -> Result<Command> {
    let mut command = root::command("apt-get", &[("DEBIAN_FRONTEND", "noninteractive")])?;
    // Another apt at work, as on a machine that was just started, is waited for.
    command.args(["-q", "-o", "DPkg::Lock::Timeout=120"]).args(words);
    Ok(command)
}

/// Adds rustfmt and clippy, which rustup's minimal profile leaves out.
fn bring_lint_components() -> Result<()> {
    let answers =
        |tool: &str| tools::cargo().args([tool, "--version"]).output().is_ok_and(|output| output.status.success());
    if answers("fmt") && answers("clippy") {
        return Ok(());
    }
    eprintln!("missing: rustfmt or clippy");
    run(Command::new("rustup").args(["component", "add", "rustfmt", "clippy"]).current_dir(tools::root()))
}

/// Adds the panel's compile target to the toolchain, where it is not there.
fn bring_wasm_target() -> Result<()> {
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).current_dir(tools::root()).output();
    let sysroot = sysroot.context("cannot start rustc; install Rust with rustup, https://rustup.rs")?.stdout;
    let sysroot = String::from_utf8(sysroot).context("the toolchain's folder is not UTF-8")?;
    if Path::new(sysroot.trim()).join("lib/rustlib/wasm32-unknown-unknown/lib").is_dir() {
        return Ok(());
    }
    eprintln!("missing: Rust target wasm32-unknown-unknown (the panel runs in the browser)");
    if find("rustup").is_none() {
        bail!("this Rust was not installed by rustup; add its standard library for wasm32-unknown-unknown by hand");
    }
    run(Command::new("rustup").args(["target", "add", "wasm32-unknown-unknown"]).current_dir(tools::root()))
}

/// Makes the Python environment under target/ in which the tests find docker's SDK and schemathesis: what the tests' own list
/// names, in those versions, and made anew when the list is another.
fn bring_python_clients() -> Result<()> {
    let list = tools::root().join("backend/tests/it/python/requirements.txt");
    let wanted = fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let tree = tools::target().join("tools/python");
    let made_of = tree.join("made-of.txt");
    if fs::read_to_string(&made_of).is_ok_and(|made_of| made_of == wanted) {
        return Ok(());
    }
    eprintln!("missing: docker's SDK for Python and schemathesis (the tests drive both APIs with them)");
    let make = || run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&tree));
    if make().is_err() {
        install(&["python3-venv"])?;
        make()?;
    }
    run(Command::new(tree.join("bin/pip")).args(["install", "--quiet", "--no-deps", "--requirement"]).arg(&list))?;
    fs::write(&made_of, wanted).with_context(|| format!("cannot write {}", made_of.display()))
}

/// Unpacks Docker Compose 2 under target/. Debian has it from its version 13 on, where the package goes by the name that an
/// older Debian has Compose 1 under; so it is fetched with lists of its own, and not installed.
fn bring_compose() -> Result<()> {
    let tree = tools::target().join("tools/compose");
    let program = tree.join("usr/libexec/docker/cli-plugins/docker-compose");
    if program.is_file() {
        return Ok(());
    }
    eprintln!(
        "missing: Docker Compose 2 (the tests bring a project up with it); unpacked from Debian 13, not installed"
    );
    for folder in ["lists/partial", "cache/archives/partial"] {
        let folder = tree.join(folder);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let sources = tree.join("sources.list");
    let keys = "/usr/share/keyrings/debian-archive-keyring.gpg";
    fs::write(&sources, format!("deb [signed-by={keys}] http://deb.debian.org/debian trixie main\n"))
        .with_context(|| format!("cannot write {}", sources.display()))?;
    let apart = [
        format!("Dir::Etc::sourcelist={}", sources.display()),
        "Dir::Etc::sourceparts=/dev/null".to_owned(),
        format!("Dir::State::lists={}", tree.join("lists").display()),
        format!("Dir::Cache={}", tree.join("cache").display()),
    ];
    for words in [&["update"][..], &["download", "docker-compose"]] {
        let mut command = Command::new("apt-get");
        command.arg("-q").args(apart.iter().flat_map(|option| ["-o", option]));
        run(command.args(words).current_dir(&tree))?;
    }
    unpack_package(&tree)
}

/// Unpacks the one Debian package in a folder into that folder.
fn unpack_package(tree: &Path) -> Result<()> {
    let entries = fs::read_dir(tree).with_context(|| format!("cannot read {}", tree.display()))?;
    let package =
        entries.flatten().map(|entry| entry.path()).find(|path| path.extension().is_some_and(|end| end == "deb"));
    let package = package.with_context(|| format!("apt-get left no package in {}", tree.display()))?;
    run(Command::new("dpkg-deb").arg("--extract").arg(&package).arg(tree))
}

/// Unpacks a docker client under target/, where no `docker` is on PATH. The package holds the engine too, which starts
/// when it is installed and makes its own docker0 and rules; so it is unpacked beside the machine, not installed on it.
fn bring_docker_client() -> Result<()> {
    if find("docker").is_some() || docker_client_folder().is_some() {
        return Ok(());
    }
    eprintln!(
        "missing: docker client (tests and benchmark drive Drawbridge with it); unpacked from Debian's docker.io, engine not installed"
    );
    let tree = docker_tree();
    fs::create_dir_all(&tree).with_context(|| format!("cannot make {}", tree.display()))?;
    let download = || run(Command::new("apt-get").args(["-q", "download", "docker.io"]).current_dir(&tree));
    if find("apt-get").is_none() {
        bail!("this machine has no apt-get; put a docker client on PATH, then try again");
    }
    if !have_package_lists() || download().is_err() {
        run(&mut apt_get(&["update"])?)?;
        download().context("put a docker client on PATH, then try again")?;
    }
    unpack_package(&tree)
}

fn docker_tree() -> PathBuf {
    tools::target().join("tools/docker")
}
