//! Reading a tree by keys, so that a key that nobody asked for is told of by its name and line, and values of the wrong kind by
//! what they should have been.

use super::{
    ComposeError,
    yaml::{Entry, Node, Value},
};
use std::collections::BTreeMap;

/// A mapping that is being read.
pub(super) struct Fields<'a> {
    /// `service web`; for errors.
    what: String,
    entries: &'a [Entry],
    asked: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// # Errors
    /// When it is no mapping. Nothing at all is an empty one.
    pub(super) fn of(node: &'a Node, what: impl Into<String>) -> Result<Self, ComposeError> {
        let what = what.into();
        Ok(Self { entries: node.map(&what)?, what, asked: Vec::new() })
    }

    /// The value of a key, if it is there and not empty.
    pub(super) fn get(&mut self, key: &'static str) -> Option<&'a Node> {
        self.asked.push(key);
        let found = self.entries.iter().find(|entry| entry.key == key);
        found.map(|entry| &entry.node).filter(|node| node.value != Value::Nothing)
    }

    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<String>, ComposeError> {
        self.get(key).map(|node| node.text(key).map(str::to_owned)).transpose()
    }

    pub(super) fn flag(&mut self, key: &'static str) -> Result<bool, ComposeError> {
        self.get(key).map_or(Ok(false), |node| node.flag(key))
    }

    pub(super) fn number(&mut self, key: &'static str) -> Result<Option<i64>, ComposeError> {
        self.get(key).map(|node| node.number(key)).transpose()
    }

    pub(super) fn texts(&mut self, key: &'static str) -> Result<Vec<String>, ComposeError> {
        self.get(key).map_or(Ok(Vec::new()), |node| node.texts(key))
    }

    /// `{NAME: value}` or `[NAME=value]`; a name without a value has none.
    pub(super) fn pairs(&mut self, key: &'static str) -> Result<BTreeMap<String, Option<String>>, ComposeError> {
        self.get(key).map_or(Ok(BTreeMap::new()), |node| node.pairs(key))
    }

    /// [`Fields::pairs`], empty where there is no value.
    pub(super) fn words(&mut self, key: &'static str) -> Result<BTreeMap<String, String>, ComposeError> {
        Ok(self.pairs(key)?.into_iter().map(|(name, value)| (name, value.unwrap_or_default())).collect())
    }

    /// # Errors
    /// For the first key that nobody asked for. Keys that begin with `x-` are the author's own.
    pub(super) fn finish(self) -> Result<(), ComposeError> {
        let unknown =
            self.entries.iter().find(|entry| !entry.key.starts_with("x-") && !self.asked.contains(&&*entry.key));
        let Some(Entry { key, line, .. }) = unknown else { return Ok(()) };
        let nearest = self.asked.iter().map(|known| (distance(known, key), known)).min();
        let remedy = match nearest {
            Some((distance, known)) if distance <= 2 => format!("did you mean `{known}`?"),
            Some(_) | None => "take it out, or write `x-` before it to keep it as a note".to_owned(),
        };
        Err(ComposeError::at(*line, format!("`{key}` of {} is not known here; {remedy}", self.what)))
    }
}

impl Node {
    fn wrong(&self, key: &str, wanted: &str) -> ComposeError {
        ComposeError::at(self.line, format!("`{key}` must be {wanted}"))
    }

    pub(super) fn map(&self, key: &str) -> Result<&[Entry], ComposeError> {
        match &self.value {
            Value::Map(entries) => Ok(entries),
            Value::Nothing => Ok(&[]),
            Value::Text(_) | Value::List(_) => Err(self.wrong(key, "a mapping: names, each with a colon behind it")),
        }
    }

    pub(super) fn list(&self, key: &str) -> Result<&[Node], ComposeError> {
        match &self.value {
            Value::List(list) => Ok(list),
            Value::Nothing => Ok(&[]),
            Value::Text(_) | Value::Map(_) => Err(self.wrong(key, "a list: lines that begin with `- `, or [a, b]")),
        }
    }

    pub(super) fn text(&self, key: &str) -> Result<&str, ComposeError> {
        match &self.value {
            Value::Text(text) => Ok(text),
            Value::Nothing => Ok(""),
            Value::List(_) | Value::Map(_) => Err(self.wrong(key, "one word or text")),
        }
    }

    pub(super) fn flag(&self, key: &str) -> Result<bool, ComposeError> {
        match self.text(key)?.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Ok(true),
            "false" | "no" | "off" => Ok(false),
            _ => Err(self.wrong(key, "true or false")),
        }
    }

    pub(super) fn number(&self, key: &str) -> Result<i64, ComposeError> {
        self.text(key)?.parse().map_err(|_| self.wrong(key, "a whole number"))
    }

    /// A list of words; one word alone is a list of one.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<String>, ComposeError> {
        match &self.value {
            Value::Text(text) => Ok(vec![text.clone()]),
            Value::Nothing | Value::List(_) | Value::Map(_) => {
                self.list(key)?.iter().map(|node| node.text(key).map(str::to_owned)).collect()
            }
        }
    }

    pub(super) fn pairs(&self, key: &str) -> Result<BTreeMap<String, Option<String>>, ComposeError> {
        match &self.value {
            Value::List(list) => list.iter().map(|node| Ok(pair(node.text(key)?))).collect(),
            Value::Nothing | Value::Text(_) | Value::Map(_) => {
                let value = |entry: &Entry| match entry.node.value {
                    Value::Nothing => Ok(None),
                    _ => entry.node.text(&entry.key).map(|text| Some(text.to_owned())),
                };
                self.map(key)?.iter().map(|entry| Ok((entry.key.clone(), value(entry)?))).collect()
            }
        }
    }
}

fn pair(text: &str) -> (String, Option<String>) {
    match text.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (text.to_owned(), None),
    }
}

/// How many letters have to be put in, taken out or changed (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.chars().enumerate() {
        let mut corner = row[0];
        row[0] = at + 1;
        for (column, &beside) in other.iter().enumerate() {
            let changed = corner + usize::from(letter != beside);
            corner = row[column + 1];
            row[column + 1] = changed.min(row[column] + 1).min(corner + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_counted() {
        for (one, other, expected) in
            [("ports", "ports", 0), ("prots", "ports", 2), ("port", "ports", 1), ("", "abc", 3)]
        {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
    }
}
