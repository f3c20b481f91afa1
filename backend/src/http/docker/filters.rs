//! `filters` of list requests: JSON in two encodings, `{"name":{"web":true}}` (Go clients) and `{"name":["web"]}` (docs,
//! docker-py). Values of one key are alternatives, keys are conditions.

use super::error::DockerError;
use serde_json::Value;
use std::collections::BTreeMap;

/// The filters of one request.
#[derive(Debug, Default)]
pub(super) struct Filters {
    values: BTreeMap<String, Vec<String>>,
}

impl Filters {
    /// Parses the query's value; `known` are the keys that this list understands.
    ///
    /// # Errors
    /// For JSON of another form, and for keys that are not known.
    pub(super) fn parse(text: Option<&str>, known: &[&str]) -> Result<Self, DockerError> {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(Self::default()) };
        let invalid = || DockerError::BadRequest("invalid filter".into());
        let Ok(Value::Object(object)) = serde_json::from_str(text) else { return Err(invalid()) };
        let mut values = BTreeMap::new();
        for (key, value) in object {
            if !known.contains(&key.as_str()) {
                return Err(DockerError::BadRequest(format!("invalid filter '{key}'")));
            }
            let list = match value {
                Value::Object(set) => {
                    set.into_iter().filter(|(_, on)| *on != Value::Bool(false)).map(|(v, _)| v).collect()
                }
                Value::Array(list) => list
                    .into_iter()
                    .map(|value| value.as_str().map(str::to_owned).ok_or_else(invalid))
                    .collect::<Result<Vec<String>, _>>()?,
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return Err(invalid()),
            };
            values.insert(key, list);
        }
        Ok(Self { values })
    }

    /// Whether a key is absent or one of its values satisfies `test`.
    pub(super) fn any(&self, key: &str, test: impl Fn(&str) -> bool) -> bool {
        self.values.get(key).is_none_or(|values| values.is_empty() || values.iter().any(|value| test(value)))
    }

    /// Whether a key is absent or all of its values satisfy `test`; `label` is the one that is meant so.
    pub(super) fn all(&self, key: &str, test: impl Fn(&str) -> bool) -> bool {
        self.values.get(key).is_none_or(|values| values.iter().all(|value| test(value)))
    }

    /// The values of a key.
    pub(super) fn values(&self, key: &str) -> impl Iterator<Item = &str> {
        self.values.get(key).into_iter().flatten().map(String::as_str)
    }

    /// The first value of a key that has one value only.
    pub(super) fn only(&self, key: &str) -> Option<&str> {
        self.values(key).next()
    }

    /// Whether `labels` satisfy the `label!` filter: none of `name` or `name=value`.
    pub(super) fn no_labels(&self, labels: &BTreeMap<String, String>) -> bool {
        self.values("label!").all(|unwanted| match unwanted.split_once('=') {
            Some((name, value)) => labels.get(name).is_none_or(|found| found != value),
            None => !labels.contains_key(unwanted),
        })
    }

    /// Whether a key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// Refuses a value that is no truth value.
    ///
    /// # Errors
    /// In Docker's words.
    pub(super) fn check_bool(&self, key: &str) -> Result<(), DockerError> {
        self.check(key, |value| matches!(value, "1" | "true" | "0" | "false"))
    }

    /// Refuses a value that `good` does not know.
    ///
    /// # Errors
    /// In Docker's words.
    pub(super) fn check(&self, key: &str, good: impl Fn(&str) -> bool) -> Result<(), DockerError> {
        match self.values(key).find(|value| !good(value)) {
            Some(value) => Err(DockerError::BadRequest(format!("invalid filter '{key}=[{value}]'"))),
            None => Ok(()),
        }
    }

    /// Whether `labels` satisfy the `label` filter: `name` or `name=value`.
    pub(super) fn labels(&self, labels: &BTreeMap<String, String>) -> bool {
        self.all("label", |wanted| match wanted.split_once('=') {
            Some((name, value)) => labels.get(name).is_some_and(|found| found == value),
            None => labels.contains_key(wanted),
        })
    }
}

/// Docker matches names as regular expressions without anchors. The part of that which clients use is a text to be
/// found, and `^` and `$` at its ends.
pub(super) fn name_matches(pattern: &str, name: &str) -> bool {
    let start = pattern.starts_with('^');
    let end = pattern.ends_with('$');
    let text = pattern.trim_start_matches('^').trim_end_matches('$').trim_start_matches('/');
    match (start, end) {
        (true, true) => name == text,
        (true, false) => name.starts_with(text),
        (false, true) => name.ends_with(text),
        (false, false) => name.contains(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, value: &str, expected: bool) {
        let filters = Filters::parse(Some(text), &["name"]).unwrap();
        assert_eq!(filters.any("name", |wanted| wanted == value), expected, "{text} {value}");
    }

    #[test]
    fn both_encodings_mean_the_same() {
        for text in [r#"{"name":{"a":true,"b":true}}"#, r#"{"name":["a","b"]}"#] {
            check(text, "a", true);
            check(text, "b", true);
            check(text, "c", false);
        }
        check("{}", "c", true);
    }

    #[test]
    fn bad_filters_are_named() {
        let message = |text| Filters::parse(Some(text), &["name"]).unwrap_err().to_string();
        assert_eq!(message("x"), "invalid filter");
        assert_eq!(message(r#"{"nope":["1"]}"#), "invalid filter 'nope'");
        assert_eq!(message(r#"{"name":[1]}"#), "invalid filter");
    }

    #[test]
    fn names_are_found_inside_unless_anchored() {
        for (pattern, name, expected) in
            [("web", "web2", true), ("^web$", "web2", false), ("^/web$", "web", true), ("b2$", "web2", true)]
        {
            assert_eq!(name_matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
