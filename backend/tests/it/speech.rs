//! What a test looks for on a page, in the language that the page speaks: tests say it in English, and find the translation
//! among the panel's own texts.

use serde_json::Value;
use std::{fs, path::Path};

/// A language of the panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Chinese,
}

impl Language {
    /// As the panel keeps it.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Chinese => "zh-CN",
        }
    }

    /// What these words are in this language: a whole text of the panel or of the daemon, or a part of one without values, of
    /// three words at least. There may be several. Names, addresses and commands are the same in each.
    pub(crate) fn say(self, words: &str) -> Vec<String> {
        let Language::Chinese = self else { return vec![words.to_owned()] };
        let pairs = pairs();
        // What is mostly value, and of several words, may be anything; a sentence that holds another may be short.
        let is_likely = |(english, chinese): &(String, String)| {
            let letters = pieces(english).map(str::len).sum::<usize>();
            let is_word = |(_, value): &(&str, &str)| !value.contains(' ');
            chinese.contains(SAID)
                || 5 * letters >= 2 * words.len()
                || values(english, words).is_some_and(|values| values.iter().all(is_word))
        };
        let likely: Vec<_> = pairs.iter().filter(|pair| is_likely(pair)).cloned().collect();
        let mut told = translated(&likely, &pairs, words);
        if told.is_empty() && words.split(' ').count() >= 3 {
            let has_it = |english: &str| {
                pieces(english).any(|piece| piece.split('`').step_by(2).any(|part| part.contains(words)))
            };
            let parts = pairs.iter().filter(|(english, _)| has_it(english));
            told = parts
                .filter_map(|(_, chinese)| pieces(chinese).max_by_key(|piece| piece.len()))
                .map(str::to_owned)
                .collect();
        }
        if told.is_empty() { vec![words.to_owned()] } else { told }
    }
}

/// Where a place holds words of the daemon's again.
const SAID: &str = "said:";

/// The words by each text of `likely` that they are; what they hold is found among `pairs`.
fn translated(likely: &[(String, String)], pairs: &[(String, String)], words: &str) -> Vec<String> {
    likely.iter().filter_map(|(english, chinese)| Some(filled(pairs, chinese, &values(english, words)?))).collect()
}

/// What stands around the places of a text.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').enumerate().map(|(index, piece)| match (index, piece.split_once('}')) {
        (0, _) | (_, None) => piece,
        (_, Some((_, behind))) => behind,
    })
}

/// Every text in English and in Chinese, with places.
fn pairs() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path: &Path| -> Value {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_str(&text).unwrap()
    };
    let mut pairs = Vec::new();
    for entry in fs::read_dir(root.join("frontend/locales/en")).unwrap() {
        let path = entry.unwrap().path();
        let (english, chinese) =
            (read(&path), read(&root.join("frontend/locales/zh-CN").join(path.file_name().unwrap())));
        for (key, text) in english.as_object().unwrap() {
            let other = &chinese[key];
            let form = |form: &str| Some((text.get(form)?.as_str()?.to_owned(), other["other"].as_str()?.to_owned()));
            match text.as_str() {
                Some(text) => pairs.push((text.to_owned(), other.as_str().unwrap().to_owned())),
                None => pairs.extend(["one", "other"].into_iter().filter_map(form)),
            }
        }
    }
    for (english, chinese) in read(&root.join("static/daemon.zh-CN.json")).as_object().unwrap() {
        pairs.push((english.clone(), chinese.as_str().unwrap().to_owned()));
    }
    // As in the panel: those with the most letters of their own fit fewest texts.
    pairs.sort_by_key(|(english, _)| std::cmp::Reverse(pieces(english).map(str::len).sum::<usize>()));
    pairs
}

/// What the words have in the places of a text, with the places' names, if they are that text.
fn values<'a>(text: &'a str, words: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
    let mut values = Vec::new();
    let (first, mut rest) = text.split_once('{').map_or((text, None), |(first, rest)| (first, Some(rest)));
    let mut words = words.strip_prefix(first)?;
    while let Some((name, behind)) = rest.and_then(|rest| rest.split_once('}')) {
        let (between, next) = behind.split_once('{').map_or((behind, None), |(between, next)| (between, Some(next)));
        let end = match next {
            Some(_) => words.find(between)?,
            None => words.len().checked_sub(between.len()).filter(|_| words.ends_with(between))?,
        };
        values.push((name, &words[..end]));
        (words, rest) = (&words[end + between.len()..], next);
    }
    // A text of places alone would be anything.
    let has_words = pieces(text).any(|piece| piece.chars().any(char::is_alphabetic));
    (words.is_empty() && has_words).then_some(values)
}

fn filled(pairs: &[(String, String)], text: &str, values: &[(&str, &str)]) -> String {
    let said = |words: &str| translated(pairs, pairs, words).into_iter().next();
    values.iter().fold(text.to_owned(), |text, (name, value)| {
        let each: Vec<Option<String>> = value.split(", ").map(said).collect();
        let in_words = if each.iter().all(Option::is_none) {
            said(value).unwrap_or_else(|| (*value).to_owned())
        } else {
            let told =
                each.into_iter().zip(value.split(", ")).map(|(told, part)| told.unwrap_or_else(|| part.to_owned()));
            told.collect::<Vec<_>>().join(", ")
        };
        text.replace(&format!("{{{name}}}"), value).replace(&format!("{{{SAID}{name}}}"), &in_words)
    })
}

#[test]
fn words_are_found_in_the_other_language() {
    let check = |english: &str, chinese: &str| {
        let told = Language::Chinese.say(english);
        assert!(told.iter().any(|told| told == chinese), "{english}: {told:?}");
        assert_eq!(Language::English.say(english), [english]);
    };
    check("Networks", "网络");
    check("Network demo was created.", "网络 demo 已创建。");
    check("2 selected", "已选 2 项");
    check("Create bridge br-lab", "创建网桥 br-lab");
    check("Bring veth7c7ec5a up", "启用 veth7c7ec5a");
    check("There is a network called", " 的网络：请另选名称，或先移除那个网络");
    check("Add to the tables: 3 to leases4, bridges br-lab", "添加到规则表：leases4 中 3 个, bridges br-lab");
    for same in
        ["box1", "172.17.0.2", "ip link del", "docker network connect lab client", "line 1: service a has no `image`"]
    {
        check(same, same);
    }
}
