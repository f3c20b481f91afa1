//! The rules of the source that neither rustc nor clippy holds, as tables: which word belongs into which folder, what a
//! file looks like, and which crate may know which. Comments do not count, strings do. To bend a rule, change its row
//! here, with the reason. `rules` checks them and plants a violation of every row, so that no row can stop working unseen.

mod rules;
mod said;
mod source;

use rules::{bool_parameters, misplaced, misshapen, unexplained, wrong_dependencies};
use said::{Which, translated, untranslated};
use source::{manifest, migrations, sources, translations};

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
    word("rusqlite", EVERYWHERE, &["backend/src/store"], "SQL is asked in one room; others call a function of the store"),
    word("nix::sched", EVERYWHERE, &["backend/kernel/src/netns.rs", "backend/kernel/benches", "backend/kernel/tests", "backend/tests", "backend/benches"],
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
    word("\"/api", &["frontend/src"], &["frontend/src/api"], "URLs of the daemon stand in one file"),
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

/// One of our crates.
struct Member {
    name: &'static str,
    folder: &'static str,
    /// The crates of ours that it may know.
    below: &'static [&'static str],
    /// Where the crate is kept small: every other that it may use, outside of tests.
    only: Option<&'static [&'static str]>,
}

const SMALL: Option<&[&str]> = Some(&["ipnet", "serde", "thiserror"]);

/// And utoipa, behind a feature that the daemon alone asks for.
const SMALL_AND_DESCRIBED: Option<&[&str]> = Some(&["ipnet", "serde", "thiserror", "utoipa"]);

#[rustfmt::skip]
const MEMBERS: &[Member] = &[
    Member { name: "drawbridge-api", folder: "api", below: &[], only: SMALL_AND_DESCRIBED },
    Member { name: "drawbridge-plan", folder: "backend/plan", below: &["drawbridge-api"], only: SMALL },
    Member { name: "drawbridge-kernel", folder: "backend/kernel", below: &["drawbridge-api", "drawbridge-plan"], only: None },
    Member { name: "drawbridge", folder: "backend", below: &["drawbridge-api", "drawbridge-plan", "drawbridge-kernel"], only: None },
    Member { name: "drawbridge-ui", folder: "frontend", below: &["drawbridge-api"], only: None },
    Member { name: "xtask", folder: "xtask", below: &[], only: None },
    Member { name: "drawbridge-fuzz", folder: "fuzz", below: &["drawbridge", "drawbridge-api"], only: None },
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
    ("rusqlite", "drawbridge", "the store is a room of the daemon"),
    ("axum", "drawbridge", "http is a room of the daemon"),
    ("tokio", "drawbridge", "planning and the kernel's room run on plain threads"),
];

/// The files whose sentences a person reads in the panel, and so in its other language too.
#[rustfmt::skip]
const SAID: &[(&str, Which)] = &[
    ("api/src/name.rs", Which::Errors),
    ("backend/plan/src/explain.rs", Which::Sentences),
    ("backend/plan/src/sentence.rs", Which::Sentences),
    ("backend/kernel/src/doctor.rs", Which::Phrases),
    ("backend/kernel/src/error.rs", Which::Errors),
    ("backend/kernel/src/error.rs", Which::Meanings),
    ("backend/src/dns/question.rs", Which::Phrases),
    ("backend/src/dns/upstream.rs", Which::Errors),
    ("backend/src/ops/error.rs", Which::Errors),
    ("backend/src/ops/plain.rs", Which::Errors),
    ("backend/src/ops/trial/judge.rs", Which::Sentences),
    ("backend/src/ops/trial/remedy.rs", Which::Sentences),
    ("backend/src/images/registry_error.rs", Which::Errors),
    ("backend/src/images/reference.rs", Which::Errors),
    ("backend/src/http/panel/error.rs", Which::Errors),
];

#[test]
fn what_the_daemon_says_is_translated() {
    let known = translated(&translations());
    let sources = sources();
    assert_none(SAID.iter().flat_map(|(path, which)| {
        let source = sources.iter().find(|source| source.path == *path);
        untranslated(source.unwrap_or_else(|| panic!("{path} is gone; mend the table")), *which, &known)
    }));
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
    assert_none(MEMBERS.iter().flat_map(|member| wrong_dependencies(member, &manifest(member.folder))));
}

#[test]
fn migrations_explain_themselves() {
    assert_none(migrations().iter().flat_map(|(path, text)| unexplained(path, text)));
}

fn assert_none(found: impl Iterator<Item = String>) {
    let found: Vec<String> = found.collect();
    assert!(found.is_empty(), "{} found:\n{}", found.len(), found.join("\n"));
}
