//! What the daemon says, in the language of the page: titles and reasons of steps, rules, findings, refusals.
//!
//! The daemon speaks English, and its sentences are kept as they were said: in the journal, in logs, in what Docker's clients
//! print. So the sentence itself is what a translation is found by, as with gettext(3): `static/daemon.LANGUAGE.json` has one for
//! each, with places (`Create bridge {name}`) that what stands there is taken from. A place
//! `{said:why}` of a translation holds a sentence again. Codes with parameters were weighed: every
//! row of the journal and every error would carry them for the panel alone, and what was written before would have none. A
//! sentence without a translation stays English. `backend/tests/it/tidy` holds that none of the daemon's is forgotten.
//!
//! The file is fetched when its language is chosen, so that nobody else pays for it. Commands and names stay as they are.

use crate::{api, i18n::Language};
use std::{borrow::Cow, cell::RefCell, collections::BTreeMap};

/// One sentence of the daemon, cut at its places.
struct Sentence {
    /// The English text before, between and behind the places: one more than there are places.
    english: Vec<String>,
    /// The names of the places, in the order of the English text.
    places: Vec<String>,
    translation: String,
}

/// Before a place's name in a translation: what stands there is the daemon's own words as well, and not a name or a value.
const SAID: &str = "said:";

thread_local! {
    /// Those of the language that is spoken; empty for English.
    static SENTENCES: RefCell<Vec<Sentence>> = const { RefCell::new(Vec::new()) };
}

/// Has the daemon's sentences ready in this language. Where they can't be had, they stay English.
pub async fn learn(language: Language) {
    let sentences = match language {
        Language::English => Vec::new(),
        Language::Chinese => api::sentences(language.tag()).await.map(|file| read(&file)).unwrap_or_default(),
    };
    SENTENCES.set(sentences);
}

/// What the daemon said, in the language of the page; unchanged where that has no words for it.
pub fn said(text: &str) -> Cow<'_, str> {
    SENTENCES.with_borrow(|sentences| translate(sentences, text).map_or(Cow::Borrowed(text), Cow::Owned))
}

/// The sentences of a file.
fn read(file: &str) -> Vec<Sentence> {
    let Ok(pairs) = serde_json::from_str::<BTreeMap<String, String>>(file) else { return Vec::new() };
    pairs
        .into_iter()
        .map(|(english, translation)| {
            let (english, places) = cut(&english);
            Sentence { english, places, translation }
        })
        .collect()
}

/// The texts around the places, and the places.
fn cut(mut text: &str) -> (Vec<String>, Vec<String>) {
    let (mut between, mut places) = (Vec::new(), Vec::new());
    while let Some((before, (place, behind))) =
        text.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        between.push(before.to_owned());
        places.push(place.to_owned());
        text = behind;
    }
    between.push(text.to_owned());
    (between, places)
}

fn translate(sentences: &[Sentence], text: &str) -> Option<String> {
    // Of several that fit, the one with the most letters of its own says most.
    let fitting = sentences.iter().filter_map(|sentence| Some((sentence, sentence.values(text)?)));
    let (sentence, values) = fitting
        .min_by_key(|(sentence, _)| std::cmp::Reverse(sentence.english.iter().map(String::len).sum::<usize>()))?;
    let (texts, names) = cut(&sentence.translation);
    let mut told = texts[0].clone();
    for (name, behind) in names.iter().zip(&texts[1..]) {
        let (name, is_said) = name.strip_prefix(SAID).map_or((name.as_str(), false), |name| (name, true));
        let value = sentence.places.iter().position(|place| place == name).map_or("", |index| values[index]);
        told.push_str(&if is_said { parts(sentences, value) } else { value.to_owned() });
        told.push_str(behind);
    }
    Some(told)
}

/// A list of phrases, of which some may be names, or one sentence.
fn parts(sentences: &[Sentence], text: &str) -> String {
    let parts: Vec<&str> = text.split(", ").collect();
    let told: Vec<Option<String>> = parts.iter().map(|part| translate(sentences, part)).collect();
    if told.iter().all(Option::is_none) {
        return translate(sentences, text).unwrap_or_else(|| text.to_owned());
    }
    let each = told.into_iter().zip(parts).map(|(told, part)| told.unwrap_or_else(|| part.to_owned()));
    each.collect::<Vec<_>>().join(", ")
}

impl Sentence {
    /// What the text has in the places, if it is this sentence. A value is as short as it can be, and never empty.
    fn values<'a>(&self, text: &'a str) -> Option<Vec<&'a str>> {
        let [first, others @ ..] = self.english.as_slice() else { return None };
        let mut rest = text.strip_prefix(first.as_str())?;
        let Some((last, between)) = others.split_last() else { return rest.is_empty().then(Vec::new) };
        let mut values = Vec::with_capacity(others.len());
        for text in between {
            let (value, behind) = rest.split_once(text.as_str())?;
            values.push(value);
            rest = behind;
        }
        values.push(rest.strip_suffix(last.as_str())?);
        values.iter().all(|value| !value.is_empty()).then_some(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chinese() -> Vec<Sentence> {
        read(include_str!("../../static/daemon.zh-CN.json"))
    }

    fn check(english: &str, chinese: &str) {
        assert_eq!(translate(&self::chinese(), english).as_deref().unwrap_or(english), chinese);
    }

    #[test]
    fn sentences_keep_what_stands_in_their_places() {
        check("Create bridge docker0", "创建网桥 docker0");
        check("Give eth0 the address 172.17.0.2/16", "为 eth0 配置地址 172.17.0.2/16");
        check("Bring it up, somehow", "Bring it up, somehow");
        check("", "");
        // Names are not translated, even where the daemon has such a word.
        check("No such container: gateway", "没有此容器：gateway");
    }

    #[test]
    fn sentences_hold_sentences() {
        check(
            "Nothing wants it any more. The kernel takes along what is in it: the veth pair veth1 ↔ eth0, the address 10.0.0.2/24.",
            "已无任何对象需要它。内核会一并带走其中的：veth 对 veth1 ↔ eth0, 地址 10.0.0.2/24。",
        );
        check("Add to the tables: 3 to leases4, bridges br-lab", "添加到规则表：leases4 中 3 个, bridges br-lab");
        check(
            "Plug veth1 into bridge docker0 failed: cannot plug it in: the link is down (ENETDOWN); the same by hand: ip link",
            "“将 veth1 插入网桥 docker0”失败：无法执行“plug it in”：链路已停用（ENETDOWN）；手动执行的等效命令：ip link",
        );
    }

    /// A place of a translation that the English sentence lacks would stay empty.
    #[test]
    fn translations_have_no_place_of_their_own() {
        let sentences = chinese();
        assert!(sentences.len() > 300, "the file can't be read");
        for sentence in sentences {
            for name in cut(&sentence.translation).1 {
                let name = name.strip_prefix(SAID).unwrap_or(&name);
                assert!(sentence.places.iter().any(|place| place == name), "{}", sentence.translation);
            }
        }
    }
}
