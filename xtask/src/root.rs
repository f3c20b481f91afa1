//! Doing something as root: directly when we are, with sudo when we are not.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use anyhow::{Result, bail};

use crate::tools::find;

/// A command that runs `program` as root, with these variables set: sudo drops those of its caller.
///
/// # Errors
/// This is not root, and there is no sudo.
pub(crate) fn command(program: impl AsRef<OsStr>, variables: &[(&str, &str)]) -> Result<Command> {
    if is_root() {
        let mut command = Command::new(program);
        command.envs(variables.iter().copied());
        return Ok(command);
    }
    need_sudo()?;
    let mut command = Command::new("sudo");
    command.args(variables.iter().map(|(name, value)| format!("{name}={value}"))).arg(program);
    Ok(command)
}

/// Makes cargo compile as the user and run what it compiled as root, with these variables.
///
/// # Errors
/// This is not root, and there is no sudo.
pub(crate) fn run_compiled(cargo: &mut Command, variables: &[(&str, String)]) -> Result<()> {
    cargo.envs(variables.iter().map(|(name, value)| (name, value)));
    if is_root() {
        return Ok(());
    }
    need_sudo()?;
    // `env`, and not sudo itself: sudo sets PATH to its own whatever its arguments say.
    let mut runner = vec!["sudo".to_owned(), "env".to_owned()];
    runner.extend(variables.iter().map(|(name, value)| format!("{name}={value}")));
    // A list of Rust strings in debug form is a TOML array.
    cargo.arg("--config").arg(format!("target.'cfg(target_os = \"linux\")'.runner = {runner:?}"));
    Ok(())
}

fn is_root() -> bool {
    // The owner of /proc/self is the effective user, proc(5); std has no geteuid.
    fs::metadata("/proc/self").is_ok_and(|itself| itself.uid() == 0)
}

fn need_sudo() -> Result<()> {
    match find("sudo") {
        Some(_) => Ok(()),
        None => bail!("this is not root and has no sudo; install sudo, or be root"),
    }
}
