//! YAML as a tree that knows the line of every word. Anchors, aliases and merge keys are resolved here, and variables in values
//! are filled in; what the words mean is not known here.

use super::{ComposeError, variables::Variables};
use std::collections::HashMap;
use yaml_rust2::{
    Event,
    parser::Parser,
    scanner::{Marker, TScalarStyle},
};

/// Words in a file at the most, those that aliases repeat included: a few lines of aliases of aliases make billions.
const MOST_NODES: usize = 50_000;
/// How deep a file may be nested; the parser's own stack grows with it.
const DEEPEST: usize = 64;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// Counting from 1.
    pub(super) line: usize,
    pub(super) value: Value,
}

/// What a node is. Numbers and truth values stay as they are written: what they are is known by who reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Nothing,
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: String,
    /// Of the key.
    pub(super) line: usize,
    pub(super) node: Node,
}

/// Reads the one document of a file.
///
/// # Errors
/// For what is no YAML, holds more than one document, or more than a file may.
pub(super) fn read(text: &str, variables: &Variables<'_>) -> Result<Node, ComposeError> {
    let mut reader =
        Reader { parser: Parser::new_from_str(text), variables, anchors: HashMap::new(), left: MOST_NODES };
    let mut document = None;
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => break,
            (Event::StreamStart | Event::DocumentStart | Event::DocumentEnd | Event::Nothing, _) => {}
            (_, mark) if document.is_some() => {
                return Err(ComposeError::at(
                    mark.line(),
                    "a lab file is one document; write no second one below `---`",
                ));
            }
            (event, mark) => document = Some(reader.node(event, mark, DEEPEST)?),
        }
    }
    document.ok_or_else(|| ComposeError::at(1, "the file is empty; write `services:` and what shall run below it"))
}

struct Reader<'a> {
    parser: Parser<std::str::Chars<'a>>,
    variables: &'a Variables<'a>,
    anchors: HashMap<usize, Node>,
    /// How many nodes may still come.
    left: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Result<(Event, Marker), ComposeError> {
        self.parser
            .next_token()
            .map_err(|error| ComposeError::at(error.marker().line(), format!("this is no YAML: {}", error.info())))
    }

    fn node(&mut self, event: Event, mark: Marker, depth: usize) -> Result<Node, ComposeError> {
        let line = mark.line();
        self.count(1, line)?;
        let deeper = depth.checked_sub(1).ok_or_else(|| ComposeError::at(line, "nested too deep"))?;
        let (value, anchor) = match event {
            Event::Alias(anchor) => {
                let known = self.anchors.get(&anchor).cloned();
                let known = known.ok_or_else(|| ComposeError::at(line, "an alias inside of what it stands for"))?;
                self.count(size(&known), line)?;
                return Ok(Node { line, value: known.value });
            }
            Event::Scalar(text, style, anchor, _) => (self.scalar(text, style, line)?, anchor),
            Event::SequenceStart(anchor, _) => {
                let mut list = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        (event, mark) => list.push(self.node(event, mark, deeper)?),
                    }
                }
                (Value::List(list), anchor)
            }
            Event::MappingStart(anchor, _) => (Value::Map(self.entries(deeper)?), anchor),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => return Err(ComposeError::at(line, "this is no YAML: a value is missing")),
        };
        let node = Node { line, value };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    /// The rest of a mapping. What `<<` brings gives way to what is said beside it.
    fn entries(&mut self, depth: usize) -> Result<Vec<Entry>, ComposeError> {
        let mut own: Vec<Entry> = Vec::new();
        let mut merged = Vec::new();
        loop {
            let (key, line) = match self.next()? {
                (Event::MappingEnd, _) => break,
                (Event::Scalar(key, ..), mark) => (key, mark.line()),
                (_, mark) => return Err(ComposeError::at(mark.line(), "a key must be one word")),
            };
            let (event, mark) = self.next()?;
            let mut node = self.node(event, mark, depth)?;
            if node.value == Value::Nothing {
                // The parser puts an empty value where the next word stands.
                node.line = line;
            }
            if key == "<<" {
                merge(node, &mut merged)?;
                continue;
            }
            if let Some(first) = own.iter().find(|entry| entry.key == key) {
                return Err(ComposeError::at(
                    line,
                    format!("`{key}` stands here and in line {}; write it once", first.line),
                ));
            }
            own.push(Entry { key, line, node });
        }
        for entry in merged {
            if !own.iter().any(|known| known.key == entry.key) {
                own.push(entry);
            }
        }
        Ok(own)
    }

    fn scalar(&self, text: String, style: TScalarStyle, line: usize) -> Result<Value, ComposeError> {
        if style == TScalarStyle::Plain && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL") {
            return Ok(Value::Nothing);
        }
        let filled = self.variables.fill(&text).map_err(|why| ComposeError::at(line, why))?;
        Ok(Value::Text(filled))
    }

    fn count(&mut self, nodes: usize, line: usize) -> Result<(), ComposeError> {
        let left = self.left.checked_sub(nodes);
        self.left = left.ok_or_else(|| {
            ComposeError::at(line, format!("the file holds more than {MOST_NODES} values, those of aliases included"))
        })?;
        Ok(())
    }
}

/// What `<<: *base` or `<<: [*one, *two]` brings; the first that says something is right.
fn merge(node: Node, merged: &mut Vec<Entry>) -> Result<(), ComposeError> {
    match node.value {
        Value::Map(entries) => {
            for entry in entries {
                if !merged.iter().any(|known| known.key == entry.key) {
                    merged.push(entry);
                }
            }
            Ok(())
        }
        Value::List(list) => list.into_iter().try_for_each(|node| merge(node, merged)),
        Value::Nothing | Value::Text(_) => {
            Err(ComposeError::at(node.line, "`<<` takes in a mapping; name one with an alias, such as `<<: *base`"))
        }
    }
}

fn size(node: &Node) -> usize {
    match &node.value {
        Value::Nothing | Value::Text(_) => 1,
        Value::List(list) => 1 + list.iter().map(size).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(|entry| size(&entry.node)).sum::<usize>(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn tree(text: &str) -> Result<Node, String> {
        read(text, &Variables::of(&BTreeMap::new())).map_err(|error| error.to_string())
    }

    fn shown(node: &Node) -> String {
        match &node.value {
            Value::Nothing => "-".into(),
            Value::Text(text) => format!("{}:{text}", node.line),
            Value::List(list) => format!("[{}]", list.iter().map(shown).collect::<Vec<_>>().join(" ")),
            Value::Map(entries) => {
                let entries =
                    entries.iter().map(|entry| format!("{}:{}={}", entry.line, entry.key, shown(&entry.node)));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(" "))
            }
        }
    }

    #[test]
    fn every_word_knows_its_line() {
        let text = "a: &base\n  b: 1\n  c:\nd:\n  <<: *base\n  b: two\ne: [x, 'null']\n";
        let expected = "{1:a={2:b=2:1 3:c=-} 4:d={6:b=6:two 3:c=-} 7:e=[7:x 7:null]}";
        assert_eq!(shown(&tree(text).unwrap()), expected);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, error) in [
            ("a: 1\nb: 2\na: 3\n", "line 3: `a` stands here and in line 1; write it once"),
            ("a: 1\n---\nb: 2\n", "line 3: a lab file is one document; write no second one below `---`"),
            ("a:\n  <<: word\n", "line 2: `<<` takes in a mapping; name one with an alias, such as `<<: *base`"),
            ("", "line 1: the file is empty; write `services:` and what shall run below it"),
        ] {
            assert_eq!(tree(text).unwrap_err(), error);
        }
        assert!(tree("a: [1, 2\nb: }").unwrap_err().contains("this is no YAML"));
    }

    #[test]
    fn aliases_of_aliases_and_deep_nests_are_bounded() {
        let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for level in 1..12 {
            let below = format!("*a{},", level - 1).repeat(10);
            bomb.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        assert!(tree(&bomb).unwrap_err().contains("more than 50000 values"));
        let nested = format!("{}x{}", "[".repeat(100), "]".repeat(100));
        assert!(tree(&nested).unwrap_err().contains("nested too deep"));
    }
}
