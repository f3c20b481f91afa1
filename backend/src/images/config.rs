//! An image's configuration: what is hashed for its identity, read and made anew. Kept as JSON, since what a field that
//! is unknown here says must go on into the images that are made of it.

use super::ImagesError;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// `0001-01-01T00:00:00Z`, what Go has for a time that was never set; UTC milliseconds since 1970.
pub const NEVER_MS: i64 = -62_135_596_800_000;

/// A configuration (OCI image specification, "Image Configuration").
#[derive(Clone, Debug, PartialEq)]
pub struct ImageConfig {
    fields: Map<String, Value>,
}

/// One line of an image's history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryEntry {
    /// When, UTC milliseconds since 1970.
    pub created_at_ms: i64,
    /// The instruction.
    pub created_by: String,
    /// Who.
    pub author: String,
    /// What they say of it.
    pub comment: String,
    /// Whether it made no layer.
    pub empty_layer: bool,
}

impl ImageConfig {
    /// The configuration of an image from nothing.
    pub fn scratch() -> Self {
        let fields = json!({
            "architecture": architecture(),
            "os": "linux",
            "config": {},
            "rootfs": { "type": "layers", "diff_ids": [] },
            "history": [],
        });
        Self { fields: fields.as_object().cloned().unwrap_or_default() }
    }

    /// Reads one.
    ///
    /// # Errors
    /// `Bad` when it is no JSON object with a list of layers.
    pub fn parse(json: &[u8]) -> Result<Self, ImagesError> {
        let bad = |why: &str| ImagesError::Bad(format!("the image's configuration can't be read: {why}"));
        let fields: Map<String, Value> = serde_json::from_slice(json).map_err(|error| bad(&error.to_string()))?;
        let config = Self { fields };
        let layers = config.fields.get("rootfs").and_then(|rootfs| rootfs.get("diff_ids")).and_then(Value::as_array);
        let known = layers.is_some_and(|layers| layers.iter().all(Value::is_string));
        if known { Ok(config) } else { Err(bad("it lists no layers (rootfs.diff_ids)")) }
    }

    /// As JSON.
    pub fn to_json(&self) -> String {
        Value::Object(self.fields.clone()).to_string()
    }

    /// Its layers' diff ids, lowest first.
    pub fn diff_ids(&self) -> Vec<String> {
        let layers = self.fields.get("rootfs").and_then(|rootfs| rootfs.get("diff_ids")).and_then(Value::as_array);
        layers.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// What containers of it are run with.
    pub fn run(&self) -> Map<String, Value> {
        self.fields.get("config").and_then(Value::as_object).cloned().unwrap_or_default()
    }

    /// Changes what containers of it are run with.
    pub fn set_run(&mut self, run: Map<String, Value>) {
        self.fields.insert("config".into(), Value::Object(run));
    }

    /// A text among its fields: `architecture`, `os`, `variant`, `author`.
    pub fn text(&self, field: &str) -> &str {
        self.fields.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// Sets a text among its fields.
    pub fn set_text(&mut self, field: &str, value: &str) {
        self.fields.insert(field.to_owned(), value.into());
    }

    /// When it was made, UTC milliseconds; [`NEVER_MS`] when it does not say.
    pub fn created_at_ms(&self) -> i64 {
        milliseconds(self.fields.get("created"))
    }

    /// Its labels.
    pub fn labels(&self) -> BTreeMap<String, String> {
        let run = self.fields.get("config").and_then(|run| run.get("Labels")).and_then(Value::as_object);
        let labels = run.into_iter().flatten();
        labels.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
    }

    /// What was done to make it, first thing first.
    pub fn history(&self) -> Vec<HistoryEntry> {
        let entries = self.fields.get("history").and_then(Value::as_array).into_iter().flatten();
        let text = |entry: &Value, name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        entries
            .map(|entry| HistoryEntry {
                created_at_ms: milliseconds(entry.get("created")),
                created_by: text(entry, "created_by"),
                author: text(entry, "author"),
                comment: text(entry, "comment"),
                empty_layer: entry.get("empty_layer").and_then(Value::as_bool).unwrap_or(false),
            })
            .collect()
    }

    /// Notes one thing that was done: the image's time is that of it, and a layer goes on top if it made one.
    pub fn add(&mut self, entry: &HistoryEntry, layer: Option<&str>) {
        let created = rfc3339(entry.created_at_ms);
        let mut line = Map::from_iter([
            ("created".to_owned(), Value::from(created.clone())),
            ("created_by".to_owned(), Value::from(entry.created_by.clone())),
        ]);
        for (name, value) in [("author", &entry.author), ("comment", &entry.comment)] {
            if !value.is_empty() {
                line.insert(name.into(), value.as_str().into());
            }
        }
        if layer.is_none() {
            line.insert("empty_layer".into(), true.into());
        }
        self.fields.insert("created".into(), created.into());
        let history = self.fields.entry("history").or_insert_with(|| json!([]));
        if history.is_null() {
            *history = json!([]);
        }
        if let Some(history) = history.as_array_mut() {
            history.push(line.into());
        }
        let diff_ids = self.fields.get_mut("rootfs").and_then(|rootfs| rootfs.get_mut("diff_ids"));
        if let (Some(layer), Some(diff_ids)) = (layer, diff_ids.and_then(Value::as_array_mut)) {
            diff_ids.push(layer.into());
        }
    }
}

/// Which platform's image of several is wanted: this machine's processor, by the name that images have for it (Go's
/// GOARCH).
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        other => other,
    }
}

/// RFC 3339 of UTC milliseconds.
pub fn rfc3339(ms: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).ok();
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_else(|| "0001-01-01T00:00:00Z".into())
}

fn milliseconds(value: Option<&Value>) -> i64 {
    let time = value.and_then(Value::as_str).and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    time.map_or(NEVER_MS, |time| i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(NEVER_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_is_noted() {
        let mut config = ImageConfig::scratch();
        let layer = format!("sha256:{}", "1".repeat(64));
        let entry = HistoryEntry { created_at_ms: 1_700_000_000_000, created_by: "COPY".into(), ..Default::default() };
        config.add(&entry, Some(&layer));
        config.add(&HistoryEntry { created_by: "CMD".into(), ..entry.clone() }, None);
        let read = ImageConfig::parse(config.to_json().as_bytes()).unwrap();
        assert_eq!((read.diff_ids(), read.created_at_ms()), (vec![layer], 1_700_000_000_000));
        assert_eq!(read.history().iter().map(|entry| entry.empty_layer).collect::<Vec<_>>(), [false, true]);
        assert_eq!(read.history()[0], entry);
    }

    #[test]
    fn what_is_no_configuration_is_refused() {
        for text in ["", "[]", "{}", r#"{"rootfs":{"diff_ids":[1]}}"#] {
            assert!(ImageConfig::parse(text.as_bytes()).is_err(), "{text}");
        }
        let bare = ImageConfig::parse(br#"{"rootfs":{"diff_ids":[]},"odd":1}"#).unwrap();
        assert_eq!((bare.created_at_ms(), rfc3339(NEVER_MS).as_str()), (NEVER_MS, "0001-01-01T00:00:00Z"));
        assert!(bare.to_json().contains("\"odd\":1"), "unknown fields go on");
    }
}
