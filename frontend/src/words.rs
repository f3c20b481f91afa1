//! A command line as a person types it, split into words as a shell would: quotes and backslashes count, nothing is
//! expanded. Pure.

/// A command line that ends inside a quote, or behind a lone backslash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// What is missing its partner: `'`, `"` or `\`.
    pub open: char,
}

/// Splits at blanks. `'…'` keeps everything; `"…"` keeps everything but `\"`, `\\`, `\$` and `` \` ``; outside of quotes a
/// backslash keeps the next character (sh(1), "Quoting").
///
/// # Errors
/// `Unfinished` when a quote is not closed.
pub fn split(line: &str) -> Result<Vec<String>, Unfinished> {
    let mut words = Vec::new();
    // None between words; an empty word is one that was quoted: ''.
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            blank if blank.is_whitespace() => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        Some('\'') => break,
                        Some(inner) => word.push(inner),
                        None => return Err(Unfinished { open: '\'' }),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        Some('"') => break,
                        Some('\\') => match characters.next() {
                            Some(escaped @ ('"' | '\\' | '$' | '`')) => word.push(escaped),
                            Some(other) => word.extend(['\\', other]),
                            None => return Err(Unfinished { open: '"' }),
                        },
                        Some(inner) => word.push(inner),
                        None => return Err(Unfinished { open: '"' }),
                    }
                }
            }
            '\\' => match characters.next() {
                Some(escaped) => word.get_or_insert_default().push(escaped),
                None => return Err(Unfinished { open: '\\' }),
            },
            plain => word.get_or_insert_default().push(plain),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Writes words as one line that `split` reads back, quoting only what needs it.
pub fn join(words: &[String]) -> String {
    let plain = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "-_./:=@%+,".contains(c));
    let quoted =
        words.iter().map(|word| if plain(word) { word.clone() } else { format!("'{}'", word.replace('\'', r"'\''")) });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, words: &[&str]) {
        let split = split(line).unwrap();
        assert_eq!(split, words, "{line} was split wrongly");
        assert_eq!(super::split(&join(&split)), Ok(split), "{line} was joined wrongly");
    }

    #[test]
    fn lines_split_as_in_sh() {
        check("", &[]);
        check("  sleep   3600 ", &["sleep", "3600"]);
        check(r#"/bin/sh -c "while true; do sleep 3600; done""#, &["/bin/sh", "-c", "while true; do sleep 3600; done"]);
        check(r#"sh -c 'echo "$HOME"' "" ''"#, &["sh", "-c", r#"echo "$HOME""#, "", ""]);
        check(r#"a\ b "c\"d\\e\$f\n" g'h i'j"#, &["a b", r#"c"d\e$f\n"#, "gh ij"]);
        check("it\\'s 'ü 漢'", &["it's", "ü 漢"]);
        check("a\tb\nc", &["a", "b", "c"]);
    }

    #[test]
    fn an_open_quote_is_named() {
        assert_eq!(split("sh -c 'x"), Err(Unfinished { open: '\'' }));
        assert_eq!(split("sh -c \"x\\"), Err(Unfinished { open: '"' }));
        assert_eq!(split("x\\"), Err(Unfinished { open: '\\' }));
    }
}
