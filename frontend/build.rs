//! Makes the module of the panel's texts out of `locales/LANGUAGE/AREA.json`: for each text a function, so that a text which
//! does not exist, or gets other values than it has places, does not compile, and one that nobody calls is a warning of the
//! compiler. Refuses to build when two languages have not the same texts with the same places.
//!
//! `"text": "Try again in {seconds} s."` becomes `fn text(seconds: &dyn Display) -> String`; without places it is a
//! `&'static str`. `"steps": {"one": "1 step", "other": "{count} steps"}` becomes `fn steps(count: usize) -> String`.

use serde_json::{Map, Value};
use std::{collections::BTreeMap, env, fmt::Write, fs, path::Path, process::ExitCode};

/// The folders, in the order of `Language` in src/i18n.rs. The first one gives the functions.
const LANGUAGES: [&str; 2] = ["en", "zh-CN"];

type Texts = BTreeMap<String, Map<String, Value>>;

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=locales");
    match generate() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            println!("cargo::error=the panel's texts: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn generate() -> Result<(), String> {
    let languages = LANGUAGES.map(read);
    let [first, others @ ..] = languages;
    let first = first?;
    let others: Vec<Texts> = others.into_iter().collect::<Result<_, _>>()?;
    for (other, name) in others.iter().zip(&LANGUAGES[1..]) {
        compare(&first, other, LANGUAGES[0], name)?;
        compare(other, &first, name, LANGUAGES[0])?;
    }

    let mut code = String::new();
    let mut all = String::new();
    for (area, texts) in &first {
        let _ = writeln!(code, "/// Texts of `{area}.json`.\npub(crate) mod {area} {{");
        for (key, value) in texts {
            let place = format!("{area}.{key}");
            let (one, other) = forms(value, &place)?;
            let names = names(other, &place)?;
            let (mut ones, mut others_here) = (Vec::new(), Vec::new());
            for texts in std::iter::once(&first).chain(&others) {
                let (one_here, other_here) = forms(&texts[area][key], &place)?;
                ones.push(numbered(one_here.unwrap_or(other_here), &names, &place)?);
                others_here.push(numbered(other_here, &names, &place)?);
            }
            let _ = writeln!(code, "    /// {}", other.replace('\n', " "));
            function(&mut code, key, &names, &others_here, one.map(|_| ones.as_slice()));
            let _ = writeln!(all, "    {ones:?}, {others_here:?},");
        }
        code.push_str("}\n");
    }
    let count = LANGUAGES.len();
    let _ = writeln!(code, "#[cfg(test)]\nstatic TEXTS: &[[&str; {count}]] = &[\n{all}];");
    let folder = env::var("OUT_DIR").map_err(|error| error.to_string())?;
    fs::write(Path::new(&folder).join("texts.rs"), code).map_err(|error| error.to_string())
}

/// All areas of one language.
fn read(language: &str) -> Result<Texts, String> {
    let folder = format!("locales/{language}");
    let mut texts = Texts::new();
    for entry in fs::read_dir(&folder).map_err(|error| format!("{folder}: {error}"))? {
        let path = entry.map_err(|error| error.to_string())?.path();
        let at = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let content = fs::read_to_string(&path).map_err(|error| at(&error))?;
        let area = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        texts.insert(area.to_owned(), serde_json::from_str(&content).map_err(|error| at(&error))?);
    }
    Ok(texts)
}

/// Everything in `one` is in `two`, with the same places.
fn compare(one: &Texts, two: &Texts, one_name: &str, two_name: &str) -> Result<(), String> {
    for (area, texts) in one {
        for (key, value) in texts {
            let place = format!("{area}.{key}");
            let Some(value_two) = two.get(area).and_then(|texts| texts.get(key)) else {
                return Err(format!("{place} is in {one_name} and not in {two_name}"));
            };
            let [mut a, mut b] = [names(forms(value, &place)?.1, &place)?, names(forms(value_two, &place)?.1, &place)?];
            a.sort_unstable();
            b.sort_unstable();
            if a != b || value.is_object() != value_two.is_object() {
                return Err(format!("{place} has other places in {one_name} than in {two_name}"));
            }
        }
    }
    Ok(())
}

/// The text for one thing, when there is another for several, and the one for several or for all.
fn forms<'a>(value: &'a Value, place: &str) -> Result<(Option<&'a str>, &'a str), String> {
    let wrong = || format!("{place} is neither a text nor {{\"one\": ..., \"other\": ...}}");
    match value {
        Value::String(text) => Ok((None, text)),
        Value::Object(forms) => {
            let other = forms.get("other").and_then(Value::as_str).ok_or_else(wrong)?;
            Ok((Some(forms.get("one").and_then(Value::as_str).unwrap_or(other)), other))
        }
        _ => Err(wrong()),
    }
}

/// The names between braces, each once, in order; `count` of a counted text first.
fn names<'a>(text: &'a str, place: &str) -> Result<Vec<&'a str>, String> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once('{') {
        let (name, behind) = behind.split_once('}').ok_or_else(|| format!("{place} has an open brace"))?;
        if !names.contains(&name) {
            names.push(name);
        }
        rest = behind;
    }
    Ok(names)
}

/// The text with numbers for names: `{0}`.
fn numbered(text: &str, names: &[&str], place: &str) -> Result<String, String> {
    let mut numbered = text.to_owned();
    for name in self::names(text, place)? {
        let index = names.iter().position(|known| *known == name);
        let index = index.ok_or_else(|| format!("{place} has a place {{{name}}} that its other form lacks"))?;
        numbered = numbered.replace(&format!("{{{name}}}"), &format!("{{{index}}}"));
    }
    Ok(numbered)
}

/// The function of a text, with its words in all languages: what no module of the panel calls is in none of them.
fn function(code: &mut String, key: &str, names: &[&str], texts: &[String], ones: Option<&[String]>) {
    let is_value = |name: &&str| ones.is_none() || *name != "count";
    let values = names.iter().copied().filter(is_value);
    let parameters: String = values.map(|name| format!("{name}: &dyn std::fmt::Display, ")).collect();
    let given = names
        .iter()
        .map(|name| if is_value(name) { format!("{name}, ") } else { "&super::number(count), ".to_owned() });
    let given: String = given.collect();
    let _ = if let Some(ones) = ones {
        let words = if ones == texts {
            format!("&{texts:?}")
        } else {
            format!("if count == 1 {{ &{ones:?} }} else {{ &{texts:?} }}")
        };
        writeln!(
            code,
            "    pub(crate) fn {key}(count: usize, {parameters}) -> String {{ super::filled({words}, &[{given}]) }}"
        )
    } else if names.is_empty() {
        writeln!(code, "    pub(crate) fn {key}() -> &'static str {{ super::text(&{texts:?}) }}")
    } else {
        writeln!(code, "    pub(crate) fn {key}({parameters}) -> String {{ super::filled(&{texts:?}, &[{given}]) }}")
    };
}
