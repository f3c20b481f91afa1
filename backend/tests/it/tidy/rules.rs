//! What each table of the module above means, and that each rule can fail.

use super::source::Source;
use super::{Member, OWNED, Word};

pub(super) fn misplaced(rule: &Word, sources: &[Source]) -> Vec<String> {
    let is_identifier = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| source.is_within(rule.within) && !source.is_within(rule.allowed)) {
        for (number, line) in (1..).zip(source.code.lines()) {
            let stands = line.match_indices(rule.word).any(|(at, _)| {
                let inside_left =
                    rule.word.starts_with(|c: char| c.is_alphabetic()) && line[..at].ends_with(is_identifier);
                let inside_right = rule.word.ends_with(|c: char| c.is_alphabetic())
                    && line[at + rule.word.len()..].starts_with(is_identifier);
                !inside_left && !inside_right
            });
            if stands {
                found.push(format!("{}:{number}: `{}`: {}", source.path, rule.word, rule.because));
            }
        }
    }
    found
}

pub(super) fn misshapen(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let mut say = |what: &str| found.push(format!("{}: {what}", source.path));
    if source.module_comment().next().is_none() {
        say("opens without a module comment: what lives here, what must not");
    }
    let lines = source.lines_without_tests();
    let explained = source.module_comment().any(|line| line.contains("Long because"));
    if lines > 600 {
        say(&format!("{lines} lines; over 600, no reason is enough: split it"));
    } else if lines > 400 && !explained {
        say(&format!("{lines} lines; split it, or say `Long because ...` in the module comment"));
    }
    let name = source.path.rsplit('/').next().unwrap_or_default();
    if ["utils.rs", "util.rs", "helpers.rs", "common.rs", "misc.rs"].contains(&name) {
        say("the name says nothing; a reader must guess the file from the word");
    }
    found
}

/// Two functions, or an enum: at the call, `true` says nothing. The panel's components are apart, since their properties
/// are named where they are used.
pub(super) fn bool_parameters(source: &Source) -> Vec<String> {
    if source.is_within(&["frontend", "xtask"]) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (at, _) in source.code.match_indices("fn ") {
        let line_start = source.code[..at].rfind('\n').map_or(0, |newline| newline + 1);
        if !source.code[line_start..at].trim_start().starts_with("pub") {
            continue;
        }
        let signature = source.code[at..].split(['{', ';']).next().unwrap_or_default();
        let parameters = signature.split("->").next().unwrap_or_default();
        if parameters.contains(": bool,") || parameters.contains(": bool)") {
            let number = source.code[..at].matches('\n').count() + 1;
            found.push(format!(
                "{}:{number}: a bool parameter in a public function; make two functions, or an enum",
                source.path
            ));
        }
    }
    found
}

pub(super) fn wrong_dependencies(member: &Member, manifest: &str) -> Vec<String> {
    let name = member.name;
    let mut found = Vec::new();
    let mut section = "";
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']);
        }
        let Some(dependency) = line.split(['.', '=']).next().map(str::trim).filter(|_| line.contains('=')) else {
            continue;
        };
        if !section.ends_with("dependencies") {
            continue;
        }
        if dependency.starts_with("drawbridge") {
            // A crate's tests may ask for a feature of its own.
            let itself = dependency == name && section == "dev-dependencies";
            if !member.below.contains(&dependency) && !itself {
                found.push(format!("{name}: must not know {dependency}; the order of crates is one-way"));
            }
        } else if section == "dependencies" {
            if let Some((_, owner, because)) =
                OWNED.iter().find(|(owned, owner, _)| *owned == dependency && *owner != name)
            {
                found.push(format!("{name}: {dependency} belongs to {owner}: {because}"));
            }
            if member.only.is_some_and(|allowed| !allowed.contains(&dependency)) {
                found.push(format!("{name}: {dependency} is not among its few dependencies; it is kept small"));
            }
        }
    }
    found
}

pub(super) fn unexplained(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if !text.starts_with("--") {
        found.push(format!("{path}: opens without a comment that says what it is for"));
    }
    let code: String = text.lines().map(|line| line.split("--").next().unwrap_or_default().to_owned() + "\n").collect();
    for statement in code.split(';').filter(|statement| statement.contains("create table")) {
        if !statement.contains("strict") && !statement.contains("STRICT") {
            let table = statement
                .split("create table")
                .nth(1)
                .and_then(|rest| rest.split_whitespace().next())
                .unwrap_or_default();
            found.push(format!("{path}: table {table} is not strict; SQLite would take any type in any column"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::{MEMBERS, WORDS, word};
    use super::*;

    #[test]
    fn a_planted_violation_of_every_rule_is_found() {
        for rule in WORDS {
            let plant = |place: &str, text: &str| {
                let path = if place.ends_with(".rs") { place.to_owned() } else { format!("{place}/planted.rs") };
                misplaced(rule, &[Source::new(path, text)]).len()
            };
            for place in rule.within {
                assert_eq!(plant(place, &format!("    {}", rule.word)), 1, "`{}` was not found in {place}", rule.word);
                assert_eq!(plant(place, &format!("// {}", rule.word)), 0, "`{}` was found in a comment", rule.word);
            }
            for place in rule.allowed {
                assert_eq!(plant(place, rule.word), 0, "`{}` is allowed in {place}", rule.word);
            }
        }
        let whole = word("Instant", &["api"], &[], "");
        assert!(misplaced(&whole, &[Source::new("api/a.rs", "InstantCoffee(anInstant)")]).is_empty());

        let shape = |path: &str, lines: usize, head: &str| {
            misshapen(&Source::new(path, [head, &"x\n".repeat(lines)].concat())).len()
        };
        assert_eq!(shape("api/src/a.rs", 10, "//! A.\n"), 0);
        assert_eq!(shape("api/src/a.rs", 10, ""), 1);
        assert_eq!(shape("api/src/utils.rs", 10, "//! A.\n"), 1);
        assert_eq!(shape("api/src/a.rs", 500, "//! A.\n"), 1);
        assert_eq!(shape("api/src/a.rs", 500, "//! Long because it is one table.\n"), 0);
        assert_eq!(shape("api/src/a.rs", 700, "//! Long because it is one table.\n"), 1);
        assert_eq!(shape("api/src/a.rs", 10, &["//! A.\n#[cfg(test)]\n", &"x\n".repeat(700)].concat()), 0);

        let bools = |text: &str| bool_parameters(&Source::new("api/src/a.rs", text)).len();
        assert_eq!(bools("pub fn a(on: bool) {}"), 1);
        assert_eq!(bools("    pub(crate) async fn a(\n        one: u8,\n        on: bool,\n    ) {}"), 1);
        assert_eq!(bools("pub fn a(on: u8) -> bool {}\nfn b(on: bool) {}"), 0);

        let dependencies = |name: &str, manifest: &str| {
            let member = MEMBERS.iter().find(|member| member.name == name).expect("a row of the table");
            wrong_dependencies(member, manifest).len()
        };
        assert_eq!(
            dependencies("drawbridge-api", "[dependencies]\ndrawbridge-plan.workspace = true\ntokio = \"1\""),
            3
        );
        assert_eq!(dependencies("drawbridge", "[dependencies]\nnix = \"1\"\n[dev-dependencies]\nnix = \"1\""), 1);
        assert_eq!(dependencies("drawbridge", "[package]\nnix = \"1\""), 0);

        assert_eq!(unexplained("a.sql", "create table a (b integer);").len(), 2);
        assert_eq!(unexplained("a.sql", "-- A.\ncreate table a (b integer -- B; c.\n) strict;").len(), 0);
    }
}
