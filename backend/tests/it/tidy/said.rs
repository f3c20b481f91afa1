//! The daemon's sentences and their translations: `frontend/src/said.rs` finds one by the English text, so each that a person
//! sees in the panel stands in `static/daemon.LANGUAGE.json`, with places instead of values.

use super::source::Source;
use std::collections::HashSet;

/// Which texts of a file are sentences for a person; the others are commands, names and keys.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Which {
    /// What stands in `#[error(..)]`.
    Errors,
    /// What has a blank, and begins with a capital or ends with a full stop.
    Sentences,
    /// What has a blank.
    Phrases,
    /// The same, with the error's number behind it.
    Meanings,
}

/// The sentences of the file that are not among the `known` ones.
pub(super) fn untranslated(source: &Source, which: Which, known: &HashSet<String>) -> Vec<String> {
    let without_tests = source.code.split("#[cfg(test)]").next().unwrap_or_default();
    let is_wanted = |text: &Text| {
        let is_phrase = text.content.contains(' ') && text.content.chars().any(char::is_alphabetic) && !text.is_proof;
        match which {
            Which::Errors => text.is_error && has_words(&text.content),
            Which::Sentences => {
                is_phrase && (text.content.starts_with(|c: char| c.is_uppercase()) || text.content.ends_with('.'))
            }
            Which::Phrases | Which::Meanings => is_phrase && !text.is_error && has_words(&text.content),
        }
    };
    let shape = |text: Text| match which {
        Which::Meanings => format!("{} ({{}})", without_names(&text.content)),
        Which::Errors | Which::Sentences | Which::Phrases => without_names(&text.content),
    };
    let sentences = texts(without_tests).into_iter().filter(is_wanted).map(shape);
    sentences
        .filter(|sentence| !known.contains(sentence))
        .map(|sentence| format!("{}: no translation in static/daemon.zh-CN.json: {sentence}", source.path))
        .collect()
}

/// The English sentences of a file of translations: what stands before the colon in each line.
pub(super) fn translated(file: &str) -> HashSet<String> {
    let first = |line: &str| texts(line).into_iter().next();
    file.lines().filter_map(first).map(|text| without_names(&text.content)).collect()
}

/// Whether there is a word outside of the places.
fn has_words(text: &str) -> bool {
    without_names(text).chars().any(char::is_alphabetic)
}

/// `{}` for every place: a translation may call it as it likes.
fn without_names(text: &str) -> String {
    let mut pieces = text.split('{');
    let mut bare = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        bare.push_str("{}");
        bare.push_str(piece.split_once('}').map_or(piece, |(_, behind)| behind));
    }
    bare
}

/// A string in the source.
struct Text {
    content: String,
    /// Of `#[error(..)]`.
    is_error: bool,
    /// Of `expect(..)`, which nobody sees.
    is_proof: bool,
}

fn texts(code: &str) -> Vec<Text> {
    let mut found = Vec::new();
    let mut rest = code;
    let mut before = String::new();
    while let Some(at) = rest.find('"') {
        before.push_str(&rest[..at]);
        let is_character = before.ends_with('\'') && rest[at + 1..].starts_with('\'');
        rest = &rest[at + 1..];
        if is_character {
            continue;
        }
        let Some(content) = string(&mut rest) else { break };
        let before_it = before.trim_end();
        let (is_error, is_proof) = (before_it.ends_with("#[error("), before_it.ends_with("expect("));
        found.push(Text { content, is_error, is_proof });
        before.clear();
    }
    found
}

/// The string whose first quote is behind us, without its escapes; `rest` goes on behind its last quote.
fn string(rest: &mut &str) -> Option<String> {
    let mut content = String::new();
    let mut characters = rest.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => {
                *rest = &rest[at + 1..];
                return Some(content);
            }
            '\\' => match characters.next()?.1 {
                'n' => content.push('\n'),
                // A line that goes on in the next one, without the blanks at its beginning.
                '\n' => {
                    let blanks = characters.as_str().len() - characters.as_str().trim_start().len();
                    characters.by_ref().take(blanks).for_each(drop);
                }
                escaped => content.push(escaped),
            },
            other => content.push(other),
        }
    }
    None
}

#[test]
fn a_missing_translation_is_seen() {
    let known = translated("{\n  \"Create bridge {name}\": \"创建网桥 {name}\",\n}");
    let check = |code: &str, which: Which, count: usize| {
        let source = Source::new("backend/src/x.rs", code);
        assert_eq!(untranslated(&source, which, &known).len(), count, "{code}");
    };
    check("format!(\"Create bridge {bridge}\")", Which::Sentences, 0);
    check("format!(\"Create \\\n    bridge {}\")", Which::Sentences, 0);
    check("let quote = '\"'; format!(\"Create bonds {bridge}\")", Which::Sentences, 1);
    check("format!(\"ip link add {bridge}\")", Which::Sentences, 0);
    check("#[error(\"no bridge {0}\")]\nstruct E; f(\"no more\")", Which::Errors, 1);
    check("#[error(\"{0}\")] struct E;", Which::Errors, 0);
    check("f(\"no more\"); g(\"nothing\"); h().expect(\"is there\")", Which::Phrases, 1);
}
