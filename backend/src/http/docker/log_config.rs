//! `HostConfig.LogConfig`: Docker's log drivers and their options, as far as they can be had. Everything that a container
//! prints goes to one file of its own, whatever the driver: that is what attached clients read.

use super::extract::null_as_default;
use crate::{ops::OpError, settings::Log};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Docker's drivers that send what is printed elsewhere.
const ELSEWHERE: [&str; 8] = ["syslog", "journald", "gelf", "fluentd", "awslogs", "splunk", "etwlogs", "gcplogs"];

/// What of a log that nobody may read back is kept for those who are attached, in bytes: a client that reads too slowly
/// by more than this misses something.
const UNREAD: u64 = 16 << 20;

/// What `local` keeps where nothing is said: five files of 20 MB.
const LOCAL: (u64, u64) = (20_000_000, 5);

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct LogConfig {
    #[serde(rename = "Type", deserialize_with = "null_as_default")]
    kind: String,
    #[serde(deserialize_with = "null_as_default")]
    config: BTreeMap<String, String>,
}

impl LogConfig {
    /// In domain words, and a warning for everything that is accepted and not honoured.
    ///
    /// # Errors
    /// `Invalid` for a driver that nobody knows, and for options that make no sense.
    pub(super) fn log(&self, warnings: &mut Vec<String>) -> Result<Log, OpError> {
        match self.kind.as_str() {
            "none" => return Ok(Log { max_bytes: UNREAD, unread: true }),
            "" | "json-file" | "local" => {}
            kind if ELSEWHERE.contains(&kind) => warnings
                .push(format!("log driver {kind} is not built: what is printed is kept in a file and read with logs")),
            kind => return Err(OpError::Invalid(format!("logger: no log driver named '{kind}' is registered"))),
        }
        for option in self.config.keys().filter(|option| !matches!(option.as_str(), "max-size" | "max-file")) {
            warnings.push(format!("log option {option} is not honoured yet"));
        }
        let (default_size, default_files) = if self.kind == "local" { LOCAL } else { (0, 1) };
        let size = self.config.get("max-size").map_or(Ok(default_size), |text| bytes(text))?;
        let files = self.config.get("max-file").map_or(Ok(default_files), |text| files(text))?;
        if self.config.contains_key("max-file") && files > 1 && size > 0 {
            warnings.push(format!(
                "log option max-file is not honoured as such: one file of {files} times max-size is kept, and begun anew"
            ));
        }
        Ok(Log { max_bytes: size.saturating_mul(files), unread: false })
    }
}

/// `10m`, `512k`, `1000000`: Docker counts by thousands here (docker/go-units `FromHumanSize`).
fn bytes(text: &str) -> Result<u64, OpError> {
    let invalid =
        || OpError::Invalid(format!("invalid log option max-size {text:?}; write a size such as 512k or 10m"));
    let lower = text.trim().to_ascii_lowercase();
    if lower == "-1" {
        return Ok(0);
    }
    let number = lower.trim_end_matches('b');
    let (number, unit) = match number.strip_suffix(['k', 'm', 'g']) {
        Some(rest) => (rest, number.chars().last().unwrap_or('k')),
        None => (number, ' '),
    };
    let factor = match unit {
        'k' => 1_000,
        'm' => 1_000_000,
        'g' => 1_000_000_000,
        _ => 1,
    };
    let number: u64 = number.trim().parse().map_err(|_| invalid())?;
    number.checked_mul(factor).filter(|bytes| *bytes > 0).ok_or_else(invalid)
}

fn files(text: &str) -> Result<u64, OpError> {
    let number = text.parse::<u64>().ok().filter(|number| *number > 0);
    number.ok_or_else(|| OpError::Invalid(format!("invalid log option max-file {text:?}; write a number from 1 on")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, max_bytes: u64, unread: bool, warned: usize) {
        let config: LogConfig = serde_json::from_str(text).unwrap();
        let mut warnings = Vec::new();
        assert_eq!(config.log(&mut warnings).unwrap(), Log { max_bytes, unread }, "{text}");
        assert_eq!(warnings.len(), warned, "{text}: {warnings:?}");
    }

    #[test]
    fn what_is_kept_is_bounded_as_asked() {
        check("{}", 0, false, 0);
        check(r#"{"Type":"json-file","Config":null}"#, 0, false, 0);
        check(r#"{"Config":{"max-size":"10m"}}"#, 10_000_000, false, 0);
        check(r#"{"Config":{"max-size":"1kb","max-file":"3"}}"#, 3_000, false, 1);
        check(r#"{"Config":{"max-size":"-1"}}"#, 0, false, 0);
        check(r#"{"Type":"local"}"#, 100_000_000, false, 0);
        check(r#"{"Type":"none"}"#, UNREAD, true, 0);
        check(r#"{"Type":"syslog","Config":{"tag":"x"}}"#, 0, false, 2);
        for bad in [
            r#"{"Type":"nope"}"#,
            r#"{"Config":{"max-size":"x"}}"#,
            r#"{"Config":{"max-size":"0"}}"#,
            r#"{"Config":{"max-file":"0"}}"#,
        ] {
            let config: LogConfig = serde_json::from_str(bad).unwrap();
            assert!(config.log(&mut Vec::new()).is_err(), "{bad}");
        }
    }
}
