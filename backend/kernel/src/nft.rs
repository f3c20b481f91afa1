//! The program nft(8), for the one thing that it does better than messages written by hand: to turn the text of the tables into
//! the kernel's expressions.

use crate::{error::KernelError, own};
use drawbridge_plan::{Table, ruleset};
use std::{
    env,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Where it is.
#[derive(Clone, Debug)]
pub(crate) struct Nft {
    program: PathBuf,
}

impl Nft {
    /// Finds the program: along `PATH`, then where Debian keeps it, which is not on every user's path.
    pub(crate) fn find() -> Result<Nft, KernelError> {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = env::split_paths(&path).chain(["/usr/sbin", "/sbin"].into_iter().map(PathBuf::from));
        let mut candidates = folders.filter(|folder| folder.is_absolute()).map(|folder| folder.join("nft"));
        let program = candidates.find(|candidate| candidate.is_file());
        program.map(|program| Nft { program }).ok_or(KernelError::ProgramMissing {
            program: "nft",
            remedy: "install the package nftables (`apt install nftables`)",
        })
    }

    /// Where it is.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// `nft --version`: its number, such as `1.0.6`.
    pub(crate) fn version(&self) -> Result<String, KernelError> {
        let text = self.run(&["--version"], "", "tell its version")?;
        Ok(text.split_whitespace().nth(1).unwrap_or("unknown").trim_start_matches('v').to_owned())
    }

    /// Writes both tables whole in one transaction, in place of what is there. Declaring one first makes deleting it
    /// harmless where there is none.
    pub(crate) fn write_tables(&self) -> Result<(), KernelError> {
        let undeclared = Table::ALL.map(|table| format!("table {name}\ndelete table {name}\n", name = table.name()));
        let script = format!("{}{}", undeclared.concat(), ruleset::TABLES);
        let [inet, bridge] = Table::ALL.map(Table::name);
        self.run(&["-f", "-"], &script, &format!("write the tables {inet} and {bridge}")).map(drop)
    }

    /// Writes the table of a namespace with names, where there is none.
    pub(crate) fn write_resolver(&self) -> Result<(), KernelError> {
        self.run(&["-f", "-"], ruleset::RESOLVER, "write the table ip drawbridge").map(drop)
    }

    /// Runs nft and gives what it prints.
    fn run(&self, arguments: &[&str], input: &str, what: &str) -> Result<String, KernelError> {
        let failed = |error| KernelError::system(format!("run {}", self.program.display()), error);
        let mut child = Command::new(&self.program)
            .args(arguments)
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        own::remember_program(child.id());
        // nft reads all of its input before it prints anything, so neither side waits for the other. Where it ends
        // early, what it says is the better error.
        let written = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(input.as_bytes()));
        let output = child.wait_with_output().map_err(failed)?;
        if !output.status.success() {
            let message = String::from_utf8_lossy(&output.stderr);
            let message: Vec<&str> = message.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            return Err(KernelError::Nft { what: what.to_owned(), message: message.join("; ") });
        }
        written.map_err(failed)?;
        String::from_utf8(output.stdout).map_err(|error| KernelError::answer(what, error))
    }
}
