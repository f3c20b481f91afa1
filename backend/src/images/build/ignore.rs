//! `.dockerignore`: which files of a build's context are none. A line is a pattern for a path from the context's root;
//! `**` stands for any number of folders, `!` makes an exception, the last line that fits decides. Pure.

use crate::images::glob;
use drawbridge_kernel::walk::Content;

/// The patterns of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patterns {
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    /// The pattern's parts, between slashes.
    parts: Vec<String>,
    exception: bool,
}

impl Patterns {
    /// Reads them.
    pub fn parse(text: &str) -> Self {
        let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#')).filter_map(|line| {
            let (pattern, exception) = match line.strip_prefix('!') {
                Some(pattern) => (pattern.trim(), true),
                None => (line, false),
            };
            let mut parts: Vec<String> = Vec::new();
            for part in pattern.split('/').filter(|part| !part.is_empty() && *part != ".") {
                if part == ".." {
                    parts.pop();
                } else {
                    parts.push(part.to_owned());
                }
            }
            (!parts.is_empty()).then_some(Line { parts, exception })
        });
        Self { lines: lines.collect() }
    }

    /// Whether what was found at a path is no part of the context. A folder is, when one of its files may be an exception.
    pub(super) fn leaves_out(&self, path: &str, content: &Content) -> bool {
        let is_folder = matches!(content, Content::Directory { .. });
        self.ignore(path) && !(is_folder && self.has_exceptions())
    }

    fn has_exceptions(&self) -> bool {
        self.lines.iter().any(|line| line.exception)
    }

    /// Whether a path is ignored, itself or by a folder that it is in.
    pub fn ignore(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        let fits = |line: &&Line| (1..=parts.len()).any(|end| fits(&line.parts, &parts[..end]));
        self.lines.iter().rev().find(fits).is_some_and(|line| !line.exception)
    }
}

fn fits(pattern: &[String], parts: &[&str]) -> bool {
    match (pattern, parts) {
        ([], []) => true,
        ([star, rest @ ..], _) if star == "**" => {
            (rest.is_empty() && !parts.is_empty()) || (0..=parts.len()).any(|skip| fits(rest, &parts[skip..]))
        }
        ([first, rest @ ..], [part, others @ ..]) => {
            // `**` within a part is a star that was typed twice.
            glob::matches(&first.replace("**", "*"), part) && fits(rest, others)
        }
        ([], [_, ..]) | ([_, ..], []) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_that_fits_decides() {
        let patterns =
            Patterns::parse("# comment\n*.md\n!README.md\n/tmp\n**/*.log\na/**/z\nsecret*\n!secret/open\n./x/../y\n");
        for (path, ignored) in [
            ("a.md", true),
            ("docs/a.md", false),
            ("README.md", false),
            ("tmp/deep/file", true),
            ("x/tmp", false),
            ("a.log", true),
            ("b/c/a.log", true),
            ("a/z", true),
            ("a/b/c/z", true),
            ("a/b/c/y", false),
            ("secret/file", true),
            ("secret/open", false),
            ("y", true),
            ("Dockerfile", false),
        ] {
            assert_eq!(patterns.ignore(path), ignored, "{path}");
        }
        assert!(patterns.has_exceptions() && !Patterns::parse("a\n").has_exceptions());
        assert!(Patterns::parse("**").ignore("a/b"));
    }
}
