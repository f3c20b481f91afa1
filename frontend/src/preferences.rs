//! What a person chose for this browser, kept in its local storage: the language and the theme. Both are attributes of the
//! page's root, `lang` and `data-theme`; the style sheet does the rest.

use crate::{
    i18n::{self, Language},
    said,
};
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// As it is kept, and as the page's root has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// What was chosen. A handle; copies are the same.
#[derive(Clone, Copy)]
pub struct Preferences {
    /// The language of the page.
    pub language: ReadSignal<Language>,
    /// Its theme.
    pub theme: ReadSignal<Theme>,
    set_language: WriteSignal<Language>,
    set_theme: WriteSignal<Theme>,
}

impl Preferences {
    /// What this browser was told, or what it asks for by itself. The page has both from then on.
    pub fn open() -> Self {
        let (language, set_language) = signal(self::language());
        let kept = self::kept("theme").unwrap_or_default();
        let theme = Theme::ALL.into_iter().find(|theme| theme.as_str() == kept).unwrap_or_default();
        let (theme, set_theme) = signal(theme);
        show("lang", language.get_untracked().tag());
        show("data-theme", theme.get_untracked().as_str());
        i18n::speak(language.get_untracked());
        Self { language, theme, set_language, set_theme }
    }

    /// Draws the page in this language, now and the next time.
    pub fn speak(self, language: Language) {
        keep("language", language.tag());
        spawn_local(async move {
            said::learn(language).await;
            show("lang", language.tag());
            i18n::speak(language);
            self.set_language.set(language);
        });
    }

    /// Draws the page in this theme, now and the next time.
    pub fn wear(self, theme: Theme) {
        keep("theme", theme.as_str());
        show("data-theme", theme.as_str());
        self.set_theme.set(theme);
    }
}

/// The language that this browser was told, or that it asks for by itself.
pub fn language() -> Language {
    let kept = kept("language").and_then(|tag| Language::of_tag(&tag));
    kept.unwrap_or_else(|| Language::choose(wished()))
}

/// The languages that the browser asks pages for, the most wanted first.
fn wished() -> Vec<String> {
    window().navigator().languages().iter().filter_map(|tag| tag.as_string()).collect()
}

/// None also where the browser keeps nothing.
fn kept(name: &str) -> Option<String> {
    window().local_storage().ok()??.get_item(name).ok()?
}

fn keep(name: &str, value: &str) {
    // A browser that keeps nothing (private windows of some) shows the choice until the page is left.
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.set_item(name, value);
    }
}

fn show(attribute: &str, value: &str) {
    if let Some(root) = document().document_element() {
        // Refused only for a name that is none.
        let _ = root.set_attribute(attribute, value);
    }
}
