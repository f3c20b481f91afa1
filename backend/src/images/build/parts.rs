//! Parts of a variable's value: `${NAME#pattern}`, `##`, `%`, `%%`, `/pattern/replacement` and `//`, as the Dockerfile
//! reference has them. Pure.

use crate::images::glob;

/// A value without what a form takes away, or with what it puts in its place; none for what is no such form. `word` reads the
/// variables and quotes of pattern and replacement.
///
/// # Errors
/// What `word` returns.
pub(super) fn replaced(
    value: &str,
    form: &str,
    word: impl Fn(&str) -> Result<String, String>,
) -> Result<Option<String>, String> {
    // Each place between two letters, from the first to the last.
    let mut ends: Vec<usize> = value.char_indices().map(|(at, _)| at).chain([value.len()]).collect();
    if let Some(rest) = form.strip_prefix('#') {
        let pattern = rest.strip_prefix('#');
        if pattern.is_some() {
            ends.reverse();
        }
        let pattern = word(pattern.unwrap_or(rest))?;
        let end = ends.into_iter().find(|end| fits(&pattern, &value[..*end]));
        return Ok(Some(value[end.unwrap_or(0)..].to_owned()));
    }
    if let Some(rest) = form.strip_prefix('%') {
        let pattern = rest.strip_prefix('%');
        if pattern.is_none() {
            ends.reverse();
        }
        let pattern = word(pattern.unwrap_or(rest))?;
        let start = ends.into_iter().find(|start| fits(&pattern, &value[*start..]));
        return Ok(Some(value[..start.unwrap_or(value.len())].to_owned()));
    }
    let Some(rest) = form.strip_prefix('/') else { return Ok(None) };
    let (rest, everywhere) = rest.strip_prefix('/').map_or((rest, false), |rest| (rest, true));
    // One behind a backslash is part of the pattern.
    let parting = rest.match_indices('/').map(|(at, _)| at).find(|at| !rest[..*at].ends_with('\\'));
    let (pattern, replacement) = parting.map_or((rest, ""), |at| (&rest[..at], &rest[at + 1..]));
    let (pattern, replacement) = (word(pattern)?, word(replacement)?);
    let (mut text, mut at) = (String::new(), 0);
    while let Some(letter) = value[at..].chars().next() {
        // The longest part that fits.
        match ends.iter().rev().find(|end| **end > at && fits(&pattern, &value[at..**end])) {
            Some(end) => {
                text.push_str(&replacement);
                at = *end;
                if !everywhere {
                    break;
                }
            }
            None => {
                text.push(letter);
                at += letter.len_utf8();
            }
        }
    }
    text.push_str(&value[at..]);
    Ok(Some(text))
}

/// In a value, unlike in a path, a star goes over slashes.
fn fits(pattern: &str, text: &str) -> bool {
    glob::matches(&pattern.replace('/', "\u{1}"), &text.replace('/', "\u{1}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(value: &str, form: &str) -> Option<String> {
        replaced(value, form, |word| Ok(word.replace('\\', ""))).unwrap()
    }

    #[test]
    fn parts_are_taken_away_and_replaced() {
        for (form, expected) in [
            ("#*o", "o/bar/foo.tar.gz"),
            ("##*o", ".tar.gz"),
            ("##*/", "foo.tar.gz"),
            ("%.*", "foo/bar/foo.tar"),
            ("%%.*", "foo/bar/foo"),
            ("%/*", "foo/bar"),
            ("#x", "foo/bar/foo.tar.gz"),
            ("%x", "foo/bar/foo.tar.gz"),
            ("/foo/a", "a/bar/foo.tar.gz"),
            ("//foo/a", "a/bar/a.tar.gz"),
            ("//o", "f/bar/f.tar.gz"),
            ("/o*r/-", "f-.gz"),
            ("//\\//-", "foo-bar-foo.tar.gz"),
        ] {
            assert_eq!(plain("foo/bar/foo.tar.gz", form).as_deref(), Some(expected), "{form}");
        }
        assert_eq!(plain("x", "^"), None);
        assert_eq!(plain("größe", "/ö/oe").as_deref(), Some("groeße"));
    }
}
