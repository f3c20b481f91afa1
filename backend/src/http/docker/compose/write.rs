//! YAML written: mappings and lists in blocks, every text that is not plainly one in quotes, so that it is read back as it was.

use serde_json::Value;

/// The document of a value.
pub(super) fn document(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

fn block(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                text.push_str(&format!("{indent}{}:", scalar(&Value::from(key.as_str()))));
                behind(value, depth + 1, text);
            }
        }
        Value::Array(list) => {
            for value in list {
                text.push_str(&format!("{indent}-"));
                behind(value, depth + 1, text);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            text.push_str(&format!("{indent}{}\n", scalar(value)));
        }
    }
}

/// What stands behind a colon or a dash.
fn behind(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            text.push('\n');
            block(value, depth, text);
        }
        Value::Array(list) if !list.is_empty() => {
            text.push('\n');
            block(value, depth, text);
        }
        Value::Null => text.push('\n'),
        _ => text.push_str(&format!(" {}\n", scalar(value))),
    }
}

fn scalar(value: &Value) -> String {
    let Value::String(text) = value else { return value.to_string() };
    // A dollar sign begins a variable where the file is read.
    let text = text.replace('$', "$$");
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./".contains(letter);
    // What begins with a letter and is none of YAML's words is text, whoever reads it.
    let is_word = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n"
    );
    let is_plain = text.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '/');
    if is_plain && text.chars().all(plain) && !is_word {
        return text;
    }
    // JSON's strings are YAML's double-quoted ones.
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_is_read_back() {
        let value = json!({
            "name": "lab",
            "services": { "web": { "image": "nginx:1.25", "ports": ["8080:80"], "command": ["sh", "-c", "echo \"$x\""] } },
            "empty": {},
            "none": null,
            "words": ["yes", "1.0", "", "a b", "/bin/sh", "#x", "ümlaut", "- x", "a: b"],
        });
        let text = document(&value);
        assert!(
            text.starts_with(
                "name: lab\nservices:\n  web:\n    image: \"nginx:1.25\"\n    ports:\n      - \"8080:80\"\n"
            ),
            "{text}"
        );
        let variables = std::collections::BTreeMap::new();
        let read = super::super::yaml::read(&text, &super::super::Variables::of(&variables)).unwrap();
        assert_eq!(back(&read), value);
    }

    fn back(node: &super::super::Node) -> Value {
        match &node.value {
            super::super::Value::Nothing => Value::Null,
            super::super::Value::Text(text) if text == "{}" => json!({}),
            super::super::Value::Text(text) => json!(text),
            super::super::Value::List(list) => list.iter().map(back).collect(),
            super::super::Value::Map(entries) => {
                Value::Object(entries.iter().map(|entry| (entry.key.clone(), back(&entry.node))).collect())
            }
        }
    }
}
