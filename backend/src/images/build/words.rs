//! Words of instructions: variables in them, quotes around them, `NAME=value`. The rules are those of the Dockerfile
//! reference ("Environment replacement"). Pure.

use super::parts;

/// Finds the value of a variable.
pub trait Lookup {
    /// Its value; none when it is not set.
    fn value(&self, name: &str) -> Option<String>;
}

impl<F: Fn(&str) -> Option<String>> Lookup for F {
    fn value(&self, name: &str) -> Option<String> {
        self(name)
    }
}

/// A text with its variables replaced and its quotes taken away.
///
/// # Errors
/// A sentence, for a variable that is not ended or a form that is not known.
pub fn expand(text: &str, variables: &dyn Lookup) -> Result<String, String> {
    Expansion { rest: text, variables, out: String::new(), quotes: Quotes::Read }.run()
}

/// A here-document with its variables replaced. Quotes in it are its own, and a backslash takes the meaning of `$` and of
/// itself alone (POSIX shell, "Here-Document").
///
/// # Errors
/// As of [`expand`].
pub fn expand_document(text: &str, variables: &dyn Lookup) -> Result<String, String> {
    Expansion { rest: text, variables, out: String::new(), quotes: Quotes::Kept }.run()
}

/// What becomes of quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quotes {
    /// They keep what is between them together, and go.
    Read,
    /// They are letters.
    Kept,
}

struct Expansion<'a> {
    rest: &'a str,
    variables: &'a dyn Lookup,
    out: String,
    quotes: Quotes,
}

impl Expansion<'_> {
    fn run(mut self) -> Result<String, String> {
        let mut quoted = false;
        while let Some(c) = self.next() {
            match c {
                '"' | '\'' if self.quotes == Quotes::Kept => self.out.push(c),
                '\'' if !quoted => {
                    let end = self.rest.find('\'').ok_or("a single quote is not closed")?;
                    self.out.push_str(&self.rest[..end]);
                    self.rest = &self.rest[end + 1..];
                }
                '"' => quoted = !quoted,
                '\\' => match self.next() {
                    Some(next) if self.quotes == Quotes::Kept && !matches!(next, '\\' | '$') => {
                        self.out.extend(['\\', next]);
                    }
                    // Between quotes a backslash takes the meaning of these alone.
                    Some(next) if quoted && !matches!(next, '"' | '\\' | '$') => self.out.extend(['\\', next]),
                    Some(next) => self.out.push(next),
                    None => self.out.push('\\'),
                },
                '$' => self.variable()?,
                other => self.out.push(other),
            }
        }
        if quoted { Err("a double quote is not closed".into()) } else { Ok(self.out) }
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn variable(&mut self) -> Result<(), String> {
        let Some(inner) = self.rest.strip_prefix('{') else {
            let name = name_at(self.rest);
            if name.is_empty() {
                self.out.push('$');
                return Ok(());
            }
            self.rest = &self.rest[name.len()..];
            self.out.push_str(&self.variables.value(name).unwrap_or_default());
            return Ok(());
        };
        let name = name_at(inner);
        let (form, rest) =
            form_at(&inner[name.len()..]).ok_or_else(|| format!("${{{inner}: the brace is not closed"))?;
        if name.is_empty() {
            return Err(format!("${{{form}}}: it names no variable"));
        }
        self.rest = rest;
        let value = self.variables.value(name);
        let word = |text: &str| expand(text, self.variables);
        // With a colon, an empty value counts as none.
        let (set, form, with_colon) = match form.strip_prefix(':') {
            Some(form) => (value.as_ref().is_some_and(|value| !value.is_empty()), form, true),
            None => (value.is_some(), form, false),
        };
        let text = match form.chars().next() {
            None => value.unwrap_or_default(),
            Some('-') => {
                if set {
                    value.unwrap_or_default()
                } else {
                    word(&form[1..])?
                }
            }
            Some('+') => {
                if set {
                    word(&form[1..])?
                } else {
                    String::new()
                }
            }
            Some('?') if set => value.unwrap_or_default(),
            Some('?') => return Err(format!("{name}: {}", word(&form[1..])?)),
            // A colon before these means nothing to a shell.
            Some('#' | '%' | '/') if !with_colon => parts::replaced(&value.unwrap_or_default(), form, word)?
                .ok_or_else(|| format!("${{{name}{form}}}: the form is not known"))?,
            Some(_) => return Err(format!("${{{name}{form}}}: the form is not known")),
        };
        self.out.push_str(&text);
        Ok(())
    }
}

fn name_at(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    let name = &text[..end];
    // `$1` is one digit.
    if name.starts_with(|c: char| c.is_ascii_digit()) { &name[..1] } else { name }
}

/// As far as the brace that closes, those inside counted.
fn form_at(text: &str) -> Option<(&str, &str)> {
    let mut depth = 1;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((&text[..at], &text[at + 1..]));
        }
    }
    None
}

/// Splits at white space outside of quotes; quotes and backslashes stay.
pub fn split(text: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    let (mut quote, mut escaped) = (None, false);
    for c in text.chars() {
        if escaped {
            escaped = false;
        } else if c == '\\' && quote != Some('\'') {
            escaped = true;
        } else if let Some(open) = quote {
            if c == open {
                quote = None;
            }
        } else if matches!(c, '"' | '\'') {
            quote = Some(c);
        } else if c.is_whitespace() {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            continue;
        }
        word.push(c);
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// The pairs of ENV and LABEL: `NAME=value ...`, or the older `NAME all the rest`.
///
/// # Errors
/// A sentence, for a word without a value.
pub fn pairs(instruction: &str, text: &str, variables: &dyn Lookup) -> Result<Vec<(String, String)>, String> {
    let text = text.trim();
    let words = split(text);
    let first = words.first().ok_or_else(|| format!("{instruction} must have at least one argument"))?;
    if !first.contains('=') {
        let (name, value) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        if value.trim().is_empty() {
            return Err(format!("{instruction} must have two arguments"));
        }
        return Ok(vec![(expand(name, variables)?, expand(value.trim(), variables)?)]);
    }
    let pair = |word: &String| {
        let Some((name, value)) = word.split_once('=') else {
            return Err(format!("Syntax error - can't find = in \"{word}\". Must be of the form: name=value"));
        };
        let name = expand(name, variables)?;
        if name.is_empty() {
            return Err(format!("{instruction} names can not be blank"));
        }
        Ok((name, expand(value, variables)?))
    };
    words.iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        match name {
            "A" => Some("a b".into()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(expand(text, &lookup).as_deref(), Ok(expected), "{text}");
    }

    #[test]
    fn variables_are_replaced() {
        check("$A/x${A}y", "a b/xa by");
        check("${B:-d$A}-${A:-d}-${EMPTY:-d}-${EMPTY-d}", "da b-a b-d-");
        check("${A:+yes}${B:+no}${EMPTY:+no}${EMPTY+yes}", "yesyes");
        check(r"\$A '$A' $", "$A $A $");
        check(r#""$A"'"' "a\"b\n""#, "a b\" a\"b\\n");
        check("${B:-${A}}", "a b");
        check("a$NONE.b", "a.b");
        check("${A#a}|${A%% *}|${A/ /-}|${B#x}", " b|a|a-b|");
        for bad in ["${A", "'x", "\"x", "${}", "${A:*x}", "${A:#x}", "${B:?gone}"] {
            assert!(expand(bad, &lookup).is_err(), "{bad}");
        }
    }

    #[test]
    fn documents_keep_their_quotes() {
        let text = expand_document("it's \"$A\" \\$A \\n \\\\\n", &lookup);
        assert_eq!(text.as_deref(), Ok("it's \"a b\" $A \\n \\\n"));
    }

    #[test]
    fn pairs_have_two_forms() {
        let of = |text| pairs("ENV", text, &lookup);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            of("X=1 Y=\"a b\" Z=a\\ b W=$A").unwrap(),
            [pair("X", "1"), pair("Y", "a b"), pair("Z", "a b"), pair("W", "a b")]
        );
        assert_eq!(of("X a  b=c").unwrap(), [pair("X", "a  b=c")]);
        for bad in ["", "X", "X=1 Y", "=1"] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
