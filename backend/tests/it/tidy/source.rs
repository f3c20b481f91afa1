//! Reads the workspace for the rules.

use std::fs;
use std::path::{Path, PathBuf};

use super::EVERYWHERE;

/// A file of the workspace, with what the rules look at.
pub(super) struct Source {
    /// From the workspace's folder, with `/`.
    pub(super) path: String,
    pub(super) text: String,
    /// `text` with its comments blanked, line by line as long as before.
    pub(super) code: String,
}

impl Source {
    pub(super) fn new(path: impl Into<String>, text: impl Into<String>) -> Source {
        let (path, text) = (path.into(), text.into());
        let code = without_comments(&text);
        Source { path, text, code }
    }

    pub(super) fn is_within(&self, places: &[&str]) -> bool {
        places
            .iter()
            .any(|place| self.path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }

    /// Its lines before the tests at its end.
    pub(super) fn lines_without_tests(&self) -> usize {
        let tests = self.text.lines().position(|line| line == "#[cfg(test)]");
        tests.unwrap_or_else(|| self.text.lines().count())
    }

    pub(super) fn module_comment(&self) -> impl Iterator<Item = &str> {
        self.text.lines().take_while(|line| line.starts_with("//!"))
    }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every Rust file of the workspace but these, which hold every word.
pub(super) fn sources() -> Vec<Source> {
    let paths = EVERYWHERE.iter().flat_map(|folder| files(folder, "rs"));
    let sources: Vec<Source> = paths.map(|path| Source::new(relative(&path), read(&path))).collect();
    assert!(sources.len() > 10, "the workspace was not found: only {} files", sources.len());
    sources.into_iter().filter(|source| !source.is_within(&["backend/tests/it/tidy"])).collect()
}

/// Each migration: its path, its text.
pub(super) fn migrations() -> Vec<(String, String)> {
    files("migrations", "sql").iter().map(|path| (relative(path), read(path))).collect()
}

/// The panel's translations of what the daemon says.
pub(super) fn translations() -> String {
    read(&workspace().join("static/daemon.zh-CN.json"))
}

/// The manifest of the crate in `folder`.
pub(super) fn manifest(folder: &str) -> String {
    read(&workspace().join(folder).join("Cargo.toml"))
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![workspace().join(folder)];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for path in entries.map(|entry| entry.expect("the source does not change under a test").path()) {
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == extension) {
                found.push(path);
            }
        }
    }
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(workspace()).expect("found below the workspace").display().to_string()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Blanks what follows `//` outside of a string. Block comments are not used here, and rustfmt keeps strings closed on
/// their line save for raw and continued ones, where a `//` at worst hides the rest of its line.
fn without_comments(text: &str) -> String {
    let code = text.lines().map(|line| {
        let mut quotes = 0;
        for (at, c) in line.char_indices() {
            match c {
                '"' if !line[..at].ends_with('\\') && !line[..at].ends_with('\'') => quotes += 1,
                '/' if quotes % 2 == 0 && line[at..].starts_with("//") => return &line[..at],
                _ => {}
            }
        }
        line
    });
    code.collect::<Vec<_>>().join("\n")
}
