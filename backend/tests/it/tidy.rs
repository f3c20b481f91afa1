//! The rules of the source that neither rustc nor clippy holds, as tables: which word belongs into which folder, what a
//! file looks like, and which crate may know which. Comments do not count, strings do. To bend a rule, change its row
//! here, with the reason. The last test plants a violation of every row, so that no row can stop working unseen.

use std::fs;
use std::path::{Path, PathBuf};

/// A word that may stand in the code of some folders only.
struct Word {
    /// As written in the source; an identifier is matched whole.
    word: &'static str,
    /// Where it is looked for: folders or files.
    within: &'static [&'static str],
    /// Folders or files inside `within` where it may stand.
    allowed: &'static [&'static str],
    because: &'static str,
}

const EVERYWHERE: &[&str] = &["api", "backend", "frontend", "xtask"];
/// The rooms of the daemon that know neither of its two dialects.
const BELOW_HTTP: &[&str] = &[
    "backend/src/apply.rs",
    "backend/src/dns",
    "backend/src/engine.rs",
    "backend/src/events.rs",
    "backend/src/images",
    "backend/src/ops",
    "backend/src/runtime",
    "backend/src/store",
];
const PURE: &[&str] = &["api/src", "backend/plan/src"];

const fn word(
    word: &'static str,
    within: &'static [&'static str],
    allowed: &'static [&'static str],
    because: &'static str,
) -> Word {
    Word { word, within, allowed, because }
}

#[rustfmt::skip]
const WORDS: &[Word] = &[
    // Who may ask the database, the kernel and other programs.
    word("sqlx", EVERYWHERE, &["backend/src/store"], "SQL is asked in one room; others call a function of the store"),
    word("nix::sched", EVERYWHERE, &["backend/kernel/src/netns.rs", "backend/kernel/tests", "backend/tests"],
        "a thread changes its namespace in one file, and then ends"),
    word("spawn_blocking", &["backend/kernel"], &[], "its threads come back to others, with the namespace they were left in"),
    word("std::process::Command", &["backend/src"], &[], "waiting for a child blocks the async thread; tokio::process does not"),
    word("std::process::{Child", &["backend/src"], &[], "waiting for a child blocks the async thread; tokio::process does not"),
    word("std::process::{Command", &["backend/src"], &[], "waiting for a child blocks the async thread; tokio::process does not"),
    // The order of the daemon's rooms: http, ops, engine, then store and apply.
    word("axum", &["backend/src"], &["backend/src/http"], "the rooms below http know no HTTP"),
    word("crate::http", BELOW_HTTP, &[], "the road is one-way: http calls ops, never the other way round"),
    word("crate::ops", &["backend/src/store", "backend/src/apply.rs", "backend/src/events.rs"], &[],
        "an operation calls the store and the engine; they do not know operations"),
    word("crate::engine", &["backend/src/store", "backend/src/events.rs"], &[], "the engine calls the store, not the other way round"),
    // Two dialects, one domain.
    word("PascalCase", EVERYWHERE, &["backend/src/http/docker"], "Docker's JSON is written and read in http/docker"),
    // Not the bare word: `docker0` and `com.docker.network.bridge.name` are names of things.
    word("docker::", &["backend/src/ops", "backend/src/store", "backend/plan/src"], &[], "operations speak neither dialect"),
    word("docker_", &["backend/src/ops", "backend/src/store", "backend/plan/src"], &[], "operations speak neither dialect"),
    word("Docker", &["backend/src/ops", "backend/src/store", "backend/plan/src"], &[], "operations speak neither dialect"),
    word("\"/api", &["frontend/src"], &["frontend/src/api.rs"], "URLs of the daemon stand in one file"),
    // What is pure stays pure: the same input gives the same plan, in a test, in a preview and in wasm32.
    word("std::env", PURE, &[], "planning reads nothing but its arguments"),
    word("std::fs", PURE, &[], "planning reads nothing but its arguments"),
    word("std::process", PURE, &[], "planning reads nothing but its arguments"),
    word("SystemTime", PURE, &[], "planning reads nothing but its arguments; a time is passed in"),
    word("Instant", PURE, &[], "planning reads nothing but its arguments; a time is passed in"),
    // Errors and tests.
    word("anyhow", &["api", "backend", "frontend"], &["backend/src/main.rs", "backend/tests", "backend/kernel/tests", "backend/benches"],
        "a room has an error type of its own; a caller can match it"),
    word("#[ignore", EVERYWHERE, &[], "a test that cannot run says so and fails under DRAWBRIDGE_KERNEL=1"),
    // Names: the same verb down the whole road.
    word("fn handle_", EVERYWHERE, &[], "name what it does: `create`, not `handle_create`"),
    word("fn do_", EVERYWHERE, &[], "name what it does: `create`, not `do_create`"),
    word("_impl(", EVERYWHERE, &[], "name what it does; a second function of the same name hides what differs"),
];

/// A file of the workspace, with what the rules look at.
struct Source {
    /// From the workspace's folder, with `/`.
    path: String,
    text: String,
    /// `text` with its comments blanked, line by line as long as before.
    code: String,
}

impl Source {
    fn new(path: impl Into<String>, text: impl Into<String>) -> Source {
        let (path, text) = (path.into(), text.into());
        let code = without_comments(&text);
        Source { path, text, code }
    }

    fn is_within(&self, places: &[&str]) -> bool {
        places
            .iter()
            .any(|place| self.path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }

    /// Its lines before the tests at its end.
    fn lines_without_tests(&self) -> usize {
        let tests = self.text.lines().position(|line| line == "#[cfg(test)]");
        tests.unwrap_or_else(|| self.text.lines().count())
    }

    fn module_comment(&self) -> impl Iterator<Item = &str> {
        self.text.lines().take_while(|line| line.starts_with("//!"))
    }
}

#[test]
fn words_stand_where_they_belong() {
    assert_none(WORDS.iter().flat_map(|rule| misplaced(rule, &sources())));
}

#[test]
fn files_have_the_shape_a_reader_expects() {
    assert_none(sources().iter().flat_map(misshapen));
}

#[test]
fn public_functions_take_no_bool() {
    assert_none(sources().iter().flat_map(bool_parameters));
}

#[test]
fn crates_know_only_what_is_below_them() {
    let manifests = CRATES.iter().map(|(name, folder, ..)| {
        let text = fs::read_to_string(workspace().join(folder).join("Cargo.toml")).expect("each crate has a manifest");
        (*name, text)
    });
    assert_none(manifests.flat_map(|(name, text)| wrong_dependencies(name, &text)));
}

#[test]
fn migrations_explain_themselves() {
    let migrations = files("migrations", "sql").into_iter().map(|path| (relative(&path), read(&path)));
    assert_none(migrations.flat_map(|(path, text)| unexplained(&path, &text)));
}

// ---- the rules ----

fn misplaced(rule: &Word, sources: &[Source]) -> Vec<String> {
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

fn misshapen(source: &Source) -> Vec<String> {
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
fn bool_parameters(source: &Source) -> Vec<String> {
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

/// Each crate: name, folder, the crates of ours that it may know, and, for those kept small, all others.
const CRATES: &[(&str, &str, &[&str], Option<&[&str]>)] = &[
    ("drawbridge-api", "api", &[], Some(&["ipnet", "serde", "thiserror"])),
    ("drawbridge-plan", "backend/plan", &["drawbridge-api"], Some(&["ipnet", "serde", "thiserror"])),
    ("drawbridge-kernel", "backend/kernel", &["drawbridge-api", "drawbridge-plan"], None),
    ("drawbridge", "backend", &["drawbridge-api", "drawbridge-plan", "drawbridge-kernel"], None),
    ("drawbridge-ui", "frontend", &["drawbridge-api"], None),
    ("xtask", "xtask", &[], None),
];

/// A crate from outside that one crate of ours may use, outside of tests.
#[rustfmt::skip]
const OWNED: &[(&str, &str, &str)] = &[
    ("nix", "drawbridge-kernel", "system calls stand in one room"),
    ("libc", "drawbridge-kernel", "system calls stand in one room"),
    ("rustix", "drawbridge-kernel", "system calls stand in one room"),
    ("rtnetlink", "drawbridge-kernel", "netlink stands in one room"),
    ("netlink-packet-core", "drawbridge-kernel", "netlink stands in one room"),
    ("netlink-packet-route", "drawbridge-kernel", "netlink stands in one room"),
    ("netlink-sys", "drawbridge-kernel", "netlink stands in one room"),
    ("nftables", "drawbridge-kernel", "nftables stands in one room"),
    ("sqlx", "drawbridge", "the store is a room of the daemon"),
    ("axum", "drawbridge", "http is a room of the daemon"),
    ("tokio", "drawbridge", "planning and the kernel's room run on plain threads"),
];

fn wrong_dependencies(name: &str, manifest: &str) -> Vec<String> {
    let (_, _, ours, all_others) =
        CRATES.iter().find(|(crate_name, ..)| *crate_name == name).expect("asked for a crate of the table");
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
            if !ours.contains(&dependency) && !itself {
                found.push(format!("{name}: must not know {dependency}; the order of crates is one-way"));
            }
        } else if section == "dependencies" {
            if let Some((_, owner, because)) =
                OWNED.iter().find(|(owned, owner, _)| *owned == dependency && *owner != name)
            {
                found.push(format!("{name}: {dependency} belongs to {owner}: {because}"));
            }
            if all_others.is_some_and(|allowed| !allowed.contains(&dependency)) {
                found.push(format!("{name}: {dependency} is not among its few dependencies; it is kept small"));
            }
        }
    }
    found
}

fn unexplained(path: &str, text: &str) -> Vec<String> {
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

// ---- reading ----

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every Rust file of the workspace but this one, which holds every word.
fn sources() -> Vec<Source> {
    let paths = EVERYWHERE.iter().flat_map(|folder| files(folder, "rs"));
    let sources: Vec<Source> = paths.map(|path| Source::new(relative(&path), read(&path))).collect();
    assert!(sources.len() > 10, "the workspace was not found: only {} files", sources.len());
    sources.into_iter().filter(|source| source.path != "backend/tests/it/tidy.rs").collect()
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

fn assert_none(found: impl Iterator<Item = String>) {
    let found: Vec<String> = found.collect();
    assert!(found.is_empty(), "{} found:\n{}", found.len(), found.join("\n"));
}

// ---- the rules can fail ----

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
        misshapen(&Source::new(path, head.to_owned() + &"x\n".repeat(lines))).len()
    };
    assert_eq!(shape("api/src/a.rs", 10, "//! A.\n"), 0);
    assert_eq!(shape("api/src/a.rs", 10, ""), 1);
    assert_eq!(shape("api/src/utils.rs", 10, "//! A.\n"), 1);
    assert_eq!(shape("api/src/a.rs", 500, "//! A.\n"), 1);
    assert_eq!(shape("api/src/a.rs", 500, "//! Long because it is one table.\n"), 0);
    assert_eq!(shape("api/src/a.rs", 700, "//! Long because it is one table.\n"), 1);
    assert_eq!(shape("api/src/a.rs", 10, &("//! A.\n#[cfg(test)]\n".to_owned() + &"x\n".repeat(700))), 0);

    let bools = |text: &str| bool_parameters(&Source::new("api/src/a.rs", text)).len();
    assert_eq!(bools("pub fn a(on: bool) {}"), 1);
    assert_eq!(bools("    pub(crate) async fn a(\n        one: u8,\n        on: bool,\n    ) {}"), 1);
    assert_eq!(bools("pub fn a(on: u8) -> bool {}\nfn b(on: bool) {}"), 0);

    assert_eq!(
        wrong_dependencies("drawbridge-api", "[dependencies]\ndrawbridge-plan.workspace = true\ntokio = \"1\"").len(),
        3
    );
    assert_eq!(
        wrong_dependencies("drawbridge", "[dependencies]\nnix = \"1\"\n[dev-dependencies]\nnix = \"1\"").len(),
        1
    );
    assert_eq!(wrong_dependencies("drawbridge", "[package]\nnix = \"1\"").len(), 0);

    assert_eq!(unexplained("a.sql", "create table a (b integer);").len(), 2);
    assert_eq!(unexplained("a.sql", "-- A.\ncreate table a (b integer -- B; c.\n) strict;").len(), 0);
}
