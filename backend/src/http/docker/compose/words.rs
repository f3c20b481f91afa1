//! Small forms of writing in compose files: times, sizes, command lines. The Compose Specification names them ("Specifying
//! durations", "Specifying byte values").

/// `1m30s`, `500ms` in nanoseconds; a number alone is seconds, as docker-compose reads it.
pub(super) fn duration_ns(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<i64>() {
        return seconds.checked_mul(1_000_000_000);
    }
    let mut total = 0_f64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let unit = &rest[digits..];
        let length = unit.find(|letter: char| letter.is_ascii_digit()).unwrap_or(unit.len());
        total += number
            * match &unit[..length] {
                "ns" => 1.0,
                "us" | "µs" => 1e3,
                "ms" => 1e6,
                "s" => 1e9,
                "m" => 60e9,
                "h" => 3600e9,
                _ => return None,
            };
        rest = &unit[length..];
    }
    (!text.is_empty() && total < i64::MAX as f64).then_some(total as i64)
}

/// `64m`, `1.5gb`, `4096` in bytes; each unit is 1024 of the one before.
pub(super) fn bytes(text: &str) -> Option<i64> {
    let text = text.trim().to_ascii_lowercase();
    let digits =
        text.find(|letter: char| !letter.is_ascii_digit() && letter != '.' && letter != '-').unwrap_or(text.len());
    let number: f64 = text[..digits].parse().ok()?;
    let power = match text[digits..].trim() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        _ => return None,
    };
    Some((number * 1024_f64.powi(power)) as i64)
}

/// The words of a command line, as `sh` would part them: blanks, quotes, backslashes; nothing is expanded.
pub(super) fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (None, ' ' | '\t' | '\n') => words.extend(word.take()),
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (Some(open), letter) if letter == open => quote = None,
            (None, '\\') => word.get_or_insert_default().push(letters.next()?),
            (Some('"'), '\\') => {
                let next = letters.next()?;
                let word = word.get_or_insert_default();
                // Only these lose their meaning by it (sh(1), "Quoting").
                if !matches!(next, '"' | '\\' | '$' | '`') {
                    word.push('\\');
                }
                word.push(next);
            }
            (None | Some(_), letter) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_read() {
        for (text, expected) in [
            ("1m30s", Some(90_000_000_000)),
            ("100ms", Some(100_000_000)),
            ("1.5s", Some(1_500_000_000)),
            ("3", Some(3_000_000_000)),
            ("", None),
            ("5 minutes", None),
        ] {
            assert_eq!(duration_ns(text), expected, "{text}");
        }
        for (text, expected) in [("64m", Some(64 << 20)), ("1.5GB", Some(3 << 29)), ("4096", Some(4096)), ("x", None)] {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }

    #[test]
    fn command_lines_are_parted_as_by_a_shell() {
        let check = |line: &str, expected: &[&str]| assert_eq!(split(line).unwrap(), expected, "{line}");
        check("sleep  1000", &["sleep", "1000"]);
        check(r#"sh -c 'echo "a b"; x' """#, &["sh", "-c", r#"echo "a b"; x"#, ""]);
        check(r#"a\ b "c\"d\n""#, &["a b", r#"c"d\n"#]);
        assert_eq!(split("it's"), None);
    }
}
