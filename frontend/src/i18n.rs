//! The texts of the panel in its languages: `i18n::AREA::text()` for each text in `locales/LANGUAGE/AREA.json`. The module of
//! an area is made by build.rs, which says how texts become functions; a text without a caller is a warning.
//!
//! Each text has its words in all languages, and one number chooses: `leptos_i18n` was weighed, and left, since its contexts, signals
//! and ICU data cost the bundle more than all texts together. Instead, the whole page is drawn anew when the language
//! changes, so that a text is a plain `&'static str` everywhere else.

use std::{cell::Cell, fmt::Display};

include!(concat!(env!("OUT_DIR"), "/texts.rs"));

/// A language that the panel speaks; the order is that of the folders in build.rs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Simplified Chinese.
    Chinese,
}

impl Language {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::English, Self::Chinese];

    /// Its BCP 47 tag, for the page's `lang`.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }

    /// Its name in itself, for whoever looks for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Chinese => "简体中文",
        }
    }

    /// The one that a tag means: `zh-Hans-SG`, `en-GB`; none for a language that the panel does not speak.
    pub fn of_tag(tag: &str) -> Option<Self> {
        match tag.split('-').next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            "zh" => Some(Self::Chinese),
            _ => None,
        }
    }

    /// The first of these tags, which stand in the order of a person's wish, that the panel speaks; English when it speaks
    /// none.
    pub fn choose<T: AsRef<str>>(tags: impl IntoIterator<Item = T>) -> Self {
        tags.into_iter().find_map(|tag| Self::of_tag(tag.as_ref())).unwrap_or_default()
    }
}

thread_local! {
    /// The page has one thread; tests have several, and each may speak another.
    static LANGUAGE: Cell<Language> = const { Cell::new(Language::English) };
}

/// The language of every text from now on.
pub fn speak(language: Language) {
    LANGUAGE.set(language);
}

/// The language of the texts.
pub fn spoken() -> Language {
    LANGUAGE.get()
}

/// The same words in all languages.
type Words = [&'static str; Language::ALL.len()];

fn text(words: &Words) -> &'static str {
    words[spoken() as usize]
}

/// The text with these values in its places `{0}`, `{1}`.
fn filled(words: &Words, values: &[&dyn Display]) -> String {
    let mut filled = String::new();
    let mut rest = text(words);
    while let Some((before, behind)) = rest.split_once('{') {
        filled.push_str(before);
        let (place, behind) = behind.split_once('}').unwrap_or((behind, ""));
        if let Some(value) = place.parse::<usize>().ok().and_then(|place| values.get(place)) {
            filled.push_str(&value.to_string());
        }
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

fn number(count: usize) -> String {
    crate::text::number(count as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_language_that_is_spoken_is_taken() {
        let check = |tags: &[&str], language| assert_eq!(Language::choose(tags), language, "{tags:?}");
        check(&["de-DE", "zh-Hans-SG", "en"], Language::Chinese);
        check(&["EN-gb", "zh"], Language::English);
        check(&["de"], Language::English);
        check(&[], Language::English);
        for language in Language::ALL {
            check(&[language.tag()], language);
        }
    }

    #[test]
    fn texts_are_filled_and_counted() {
        assert_eq!(common::steps(1), "1 step");
        assert_eq!(common::steps(1_000), "1,000 steps");
        assert_eq!(shell::retry(&3), "Trying again in 3 s.");
        speak(Language::Chinese);
        assert_eq!(common::steps(1), "1 个步骤");
        assert_eq!(shell::networks(), "网络");
    }

    #[test]
    fn no_text_is_empty_and_none_is_the_same_by_mistake() {
        // Names and formats that both languages share.
        let shared =
            |text: &str| !text.chars().any(|c| c.is_ascii_lowercase()) || ["Drawbridge", "Ping"].contains(&text);
        for [english, chinese] in TEXTS {
            assert!(!english.is_empty() && !chinese.is_empty(), "{english}{chinese}");
            let is_chinese = chinese.chars().any(|c| ('\u{4e00}'..'\u{9fff}').contains(&c));
            assert!(is_chinese || shared(english) || chinese != english, "{english} is not translated");
            assert_eq!(english.matches('{').count() == 0, chinese.matches('{').count() == 0, "{english} / {chinese}");
        }
    }
}
