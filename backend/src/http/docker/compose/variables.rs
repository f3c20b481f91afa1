//! `$NAME` and `${NAME:-default}` in a compose file's values, as the Compose Specification has them ("Interpolation").

use std::collections::{BTreeMap, BTreeSet};

/// What variables stand for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Variables<'a> {
    known: &'a BTreeMap<String, String>,
}

impl<'a> Variables<'a> {
    pub(super) fn of(known: &'a BTreeMap<String, String>) -> Self {
        Self { known }
    }

    /// What a variable stands for, if it is set.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.known.get(name).map(String::as_str)
    }

    /// The text with its variables filled in; one that is not set is empty.
    ///
    /// # Errors
    /// A sentence about what can't be read, or about one that must be set and is not.
    pub(super) fn fill(&self, text: &str) -> Result<String, String> {
        let mut filled = String::with_capacity(text.len());
        for part in parts(text)? {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Variable { name, otherwise } => filled.push_str(&self.value(name, &otherwise)?),
            }
        }
        Ok(filled)
    }

    fn value(&self, name: &str, otherwise: &Otherwise<'_>) -> Result<String, String> {
        let set = self.get(name);
        let full = set.filter(|value| !value.is_empty());
        match otherwise {
            Otherwise::Empty => Ok(set.unwrap_or_default().to_owned()),
            Otherwise::Default { text, when } => {
                when.of(set, full).map_or_else(|| self.fill(text), |set| Ok(set.to_owned()))
            }
            Otherwise::Refuse { text, when } => when.of(set, full).map(str::to_owned).ok_or_else(|| {
                let why = if text.is_empty() { "it has no value" } else { text };
                format!("variable {name} is needed: {why}; set it, or write it into .env beside the file")
            }),
            Otherwise::Instead { text, when } => match when.of(set, full) {
                Some(_) => self.fill(text),
                None => Ok(String::new()),
            },
        }
    }
}

/// The names of the variables in a file's text, wherever they stand: what has to be known to read it.
pub fn names(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in text.lines() {
        collect(line, &mut names);
    }
    names
}

fn collect(text: &str, names: &mut BTreeSet<String>) {
    // A line that can't be read is told of when it is.
    for part in parts(text).unwrap_or_default() {
        let Part::Variable { name, otherwise } = part else { continue };
        names.insert(name.to_owned());
        match otherwise {
            Otherwise::Empty | Otherwise::Refuse { .. } => {}
            Otherwise::Default { text, .. } | Otherwise::Instead { text, .. } => collect(text, names),
        }
    }
}

enum Part<'a> {
    Text(&'a str),
    Variable { name: &'a str, otherwise: Otherwise<'a> },
}

/// What stands behind a name.
enum Otherwise<'a> {
    Empty,
    /// `-` and `:-`
    Default {
        text: &'a str,
        when: When,
    },
    /// `?` and `:?`
    Refuse {
        text: &'a str,
        when: When,
    },
    /// `+` and `:+`
    Instead {
        text: &'a str,
        when: When,
    },
}

/// When a variable counts as set.
#[derive(Clone, Copy)]
enum When {
    Set,
    /// With a colon: only when it is not empty.
    Full,
}

impl When {
    fn of<'a>(self, set: Option<&'a str>, full: Option<&'a str>) -> Option<&'a str> {
        match self {
            When::Set => set,
            When::Full => full,
        }
    }
}

fn parts(text: &str) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        parts.push(Part::Text(&rest[..at]));
        let behind = &rest[at + 1..];
        if let Some(behind) = behind.strip_prefix('$') {
            parts.push(Part::Text("$"));
            rest = behind;
        } else if let Some(inside) = behind.strip_prefix('{') {
            let end = closing(inside).ok_or_else(|| format!("`{text}` has no closing brace"))?;
            parts.push(braced(&inside[..end]).ok_or_else(|| {
                format!(
                    "`${{{}}}` is no variable; write it like ${{NAME:-default}}, or $$ for a dollar sign",
                    &inside[..end]
                )
            })?);
            rest = &inside[end + 1..];
        } else {
            let length = name_length(behind);
            if length == 0 {
                return Err(format!("`{text}` has a lone dollar sign; write $$ for one that stays"));
            }
            parts.push(Part::Variable { name: &behind[..length], otherwise: Otherwise::Empty });
            rest = &behind[length..];
        }
    }
    parts.push(Part::Text(rest));
    Ok(parts)
}

/// Where the brace closes that was opened before; there may be others inside.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_u32;
    for (at, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn braced(text: &str) -> Option<Part<'_>> {
    let (name, behind) = text.split_at(name_length(text));
    if name.is_empty() {
        return None;
    }
    let (when, behind) = match behind.strip_prefix(':') {
        Some(behind) => (When::Full, behind),
        None => (When::Set, behind),
    };
    let otherwise = match behind.chars().next() {
        None if matches!(when, When::Set) => Otherwise::Empty,
        Some('-') => Otherwise::Default { text: &behind[1..], when },
        Some('?') => Otherwise::Refuse { text: &behind[1..], when },
        Some('+') => Otherwise::Instead { text: &behind[1..], when },
        Some(_) | None => return None,
    };
    Some(Part::Variable { name, otherwise })
}

fn name_length(text: &str) -> usize {
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return 0;
    }
    text.find(|character: char| character != '_' && !character.is_ascii_alphanumeric()).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let known = BTreeMap::from([("SET".to_owned(), "s".to_owned()), ("EMPTY".to_owned(), String::new())]);
        let filled = Variables::of(&known).fill(text);
        assert_eq!(filled.as_deref().map_err(String::as_str), expected, "{text}");
    }

    #[test]
    fn variables_are_filled_in_as_compose_does() {
        check("a $SET.b ${SET} $$SET", Ok("a s.b s $SET"));
        check("${NONE:-d} ${NONE-d} ${EMPTY:-d} ${EMPTY-d}.", Ok("d d d ."));
        check("${SET:+i} ${EMPTY:+i}${EMPTY+i} ${NONE+i}.", Ok("i i ."));
        check("${NONE:-${SET}x}", Ok("sx"));
        check("${NONE}", Ok(""));
        check(
            "${NONE:?name one}",
            Err("variable NONE is needed: name one; set it, or write it into .env beside the file"),
        );
        check("5 $ a", Err("`5 $ a` has a lone dollar sign; write $$ for one that stays"));
        check("${SET", Err("`${SET` has no closing brace"));
        check("${SET!x}", Err("`${SET!x}` is no variable; write it like ${NAME:-default}, or $$ for a dollar sign"));
    }

    #[test]
    fn the_names_that_a_file_needs_are_found() {
        let found = names("a: $ONE\nb: ${TWO:-${THREE}} $$FOUR\nc: $ x\n");
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["ONE", "THREE", "TWO"]);
    }
}
