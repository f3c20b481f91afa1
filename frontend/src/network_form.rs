//! What the form of a new network makes of lines that are typed. Pure.

use drawbridge_api::RangeCreate;
use std::collections::BTreeMap;

/// `NAME=VALUE` on each line; without `=`, a name with nothing.
pub fn pairs(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let (name, value) = line.split_once('=').unwrap_or((line, ""));
            (name.trim().to_owned(), value.trim().to_owned())
        })
        .collect()
}

/// `SUBNET GATEWAY RANGE` on each line; `-` or nothing for what is left to the daemon.
pub fn ranges(text: &str) -> Vec<RangeCreate> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let mut words = line.split_whitespace().map(|word| (word != "-").then(|| word.to_owned()));
            let mut word = || words.next().flatten();
            RangeCreate { subnet: word().unwrap_or_default(), gateway: word(), ip_range: word() }
        })
        .collect()
}

/// Words between blanks and commas.
pub fn words(text: &str) -> Vec<String> {
    let is_between = |letter: char| letter.is_whitespace() || letter == ',';
    text.split(is_between).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_pairs() {
        let found = pairs("  a = b \n\nflag\nurl=http://x?y=z\n");
        let expected = [("a", "b"), ("flag", ""), ("url", "http://x?y=z")];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }

    #[test]
    fn lines_become_ranges() {
        let found = ranges("10.1.0.0/24\n fd00::/64 - fd00::8/125 \n10.2.0.0/24 10.2.0.9");
        let text = |range: &RangeCreate| format!("{} {:?} {:?}", range.subnet, range.gateway, range.ip_range);
        assert_eq!(
            found.iter().map(text).collect::<Vec<_>>(),
            ["10.1.0.0/24 None None", "fd00::/64 None Some(\"fd00::8/125\")", "10.2.0.0/24 Some(\"10.2.0.9\") None"]
        );
        assert_eq!(ranges(" \n"), []);
    }

    #[test]
    fn words_are_parted_by_blanks_and_commas() {
        assert_eq!(words(" web, www\n api "), ["web", "www", "api"]);
    }
}
