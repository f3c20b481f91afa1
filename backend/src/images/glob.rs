//! Patterns for names as Go's `path.Match` has them: `*` and `?` stay between slashes, `[a-z]` and `[^x]` are one of
//! several, a backslash takes the meaning away. Pure.

/// Whether a pattern fits the whole of a text. A pattern that makes no sense fits nothing.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    from(&pattern, &text)
}

/// Whether a text has anything of a pattern in it.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

fn from(pattern: &[char], text: &[char]) -> bool {
    // Where to go on when what follows the last star does not fit: the star takes one more.
    let (mut at, mut place, mut star) = (0, 0, None);
    loop {
        if at == pattern.len() && place == text.len() {
            return true;
        }
        let fits = match pattern.get(at) {
            Some('*') => {
                star = Some((at, place));
                at += 1;
                continue;
            }
            Some(_) => text.get(place).and_then(|found| one(&pattern[at..], *found)),
            None => None,
        };
        if let Some(length) = fits {
            at += length;
            place += 1;
            continue;
        }
        match star {
            Some((star_at, taken)) if text.get(taken).is_some_and(|found| *found != '/') => {
                star = Some((star_at, taken + 1));
                (at, place) = (star_at + 1, taken + 1);
            }
            Some(_) | None => return false,
        }
    }
}

/// How much of the pattern one character takes, if it fits.
fn one(pattern: &[char], found: char) -> Option<usize> {
    match pattern {
        ['?', ..] => (found != '/').then_some(1),
        ['\\', literal, ..] => (*literal == found).then_some(2),
        ['[', class @ ..] => {
            let negated = matches!(class.first(), Some('^' | '!'));
            let mut at = usize::from(negated);
            let mut within = false;
            let mut first = true;
            loop {
                let (low, next) = literal(class, at)?;
                if low == ']' && !first && class.get(at) == Some(&']') {
                    break;
                }
                let (high, next) = if class.get(next) == Some(&'-') { literal(class, next + 1)? } else { (low, next) };
                within |= low <= found && found <= high;
                at = next;
                first = false;
            }
            (within != negated && found != '/').then_some(at + 2)
        }
        [literal, ..] => (*literal == found).then_some(1),
        [] => None,
    }
}

fn literal(class: &[char], at: usize) -> Option<(char, usize)> {
    match class.get(at)? {
        '\\' => Some((*class.get(at + 1)?, at + 2)),
        other => Some((*other, at + 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_gos_do() {
        for (pattern, text, expected) in [
            ("*", "abc", true),
            ("*", "a/b", false),
            ("a*/b", "abc/b", true),
            ("a*/b", "a/c/b", false),
            ("*.py", "app.py", true),
            ("*a*b*c", "xxaxxbxxc", true),
            ("*a*b*c", "xxaxxcxxb", false),
            ("?[a-c]x", "zbx", true),
            ("?[^a-c]x", "zbx", false),
            ("[]a]", "]", true),
            ("[\\-x]", "-", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("[a", "a", false),
            ("", "", true),
            ("", "a", false),
            ("redis:7*", "redis:7.2", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
