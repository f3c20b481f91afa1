//! What takes long and tells how far it is: pulls, loads, builds, labs. What was heard so far, as a value. Pure.

use crate::{i18n::images, text};
use drawbridge_api::{LayerStage, Progress};

/// A layer of an image on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The first twelve digits of its digest.
    pub id: String,
    /// What becomes of it.
    pub stage: LayerStage,
    /// Bytes that are done.
    pub current: u64,
    /// Bytes in all; 0 where that is not known.
    pub total: u64,
}

/// How it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Nothing was begun.
    #[default]
    Idle,
    /// It goes on.
    Running,
    /// It came to its end.
    Done,
    /// It did not, and why.
    Failed(String),
}

/// What was heard so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// How it stands.
    pub standing: Standing,
    /// Layers, in the order in which they were named.
    pub layers: Vec<Layer>,
    /// Sentences, one for each thing: the last that was said of it.
    pub lines: Vec<(Option<String>, String)>,
    /// What a build printed.
    pub output: String,
}

/// Of what a build prints, this much is kept: the last bytes.
const LONGEST_OUTPUT: usize = 256 << 10;

impl Heard {
    /// Something that was just begun.
    pub fn begun() -> Self {
        Self { standing: Standing::Running, ..Self::default() }
    }

    /// Takes a report in.
    pub fn hear(&mut self, report: Progress) {
        match report {
            Progress::Line { text } => self.lines.push((None, text)),
            Progress::About { subject, text } => {
                match self.lines.iter_mut().find(|(known, _)| known.as_deref() == Some(&subject)) {
                    Some((_, said)) => *said = text,
                    None => self.lines.push((Some(subject), text)),
                }
            }
            Progress::Output { text } => {
                self.output.push_str(&text);
                if self.output.len() > LONGEST_OUTPUT {
                    let from = self.output.len() - LONGEST_OUTPUT;
                    let from = self.output[from..].find('\n').map_or(from, |line| from + line + 1);
                    if self.output.is_char_boundary(from) {
                        self.output.drain(..from);
                    }
                }
            }
            Progress::Layer { id, stage, current, total } => {
                let layer = Layer { id, stage, current, total };
                match self.layers.iter_mut().find(|known| known.id == layer.id) {
                    Some(known) => *known = layer,
                    None => self.layers.push(layer),
                }
            }
            Progress::Made { .. } => {}
            Progress::Done => self.standing = Standing::Done,
            Progress::Failed { message } => self.standing = Standing::Failed(message),
        }
    }
}

impl Layer {
    /// How far it is, from 0 to 1; none where that is not known.
    pub fn share(&self) -> Option<f64> {
        match self.stage {
            LayerStage::Waiting => Some(0.0),
            LayerStage::Arrived | LayerStage::Complete | LayerStage::Present => Some(1.0),
            LayerStage::Moving | LayerStage::Unpacking if self.total > 0 => {
                Some((self.current as f64 / self.total as f64).min(1.0))
            }
            LayerStage::Moving | LayerStage::Unpacking | LayerStage::Retrying => None,
        }
    }

    /// What becomes of it, in words.
    pub fn words(&self) -> String {
        let of = |words: &str| match self.total {
            0 => words.to_owned(),
            total => format!("{words} {} / {}", text::bytes(self.current), text::bytes(total)),
        };
        match self.stage {
            LayerStage::Waiting => images::layer_waiting().to_owned(),
            LayerStage::Moving => of(images::layer_moving()),
            LayerStage::Retrying => images::layer_retrying().to_owned(),
            LayerStage::Arrived => images::layer_arrived().to_owned(),
            LayerStage::Unpacking => of(images::layer_unpacking()),
            LayerStage::Complete => images::layer_complete().to_owned(),
            LayerStage::Present => images::layer_present().to_owned(),
        }
    }
}

/// Parts a stream of bytes into lines; what is left of one that is not whole yet is kept.
#[derive(Debug, Default)]
pub struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// The reports that are whole with these bytes. A line that can't be read is one of a later daemon, and left out.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Progress> {
        self.rest.extend_from_slice(bytes);
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else { return Vec::new() };
        let whole: Vec<u8> = self.rest.drain(..=end).collect();
        whole.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(stage: LayerStage, current: u64, total: u64) -> Progress {
        Progress::Layer { id: "abc".into(), stage, current, total }
    }

    #[test]
    fn the_last_that_was_said_of_a_thing_stands() {
        let mut heard = Heard::begun();
        let about = |text: &str| Progress::About { subject: "Container a".into(), text: text.into() };
        for report in [
            about("created"),
            layer(LayerStage::Moving, 1, 4),
            about("started"),
            layer(LayerStage::Unpacking, 2, 4),
            Progress::Line { text: "Digest: x".into() },
        ] {
            heard.hear(report);
        }
        assert_eq!(heard.lines, [(Some("Container a".into()), "started".into()), (None, "Digest: x".into())]);
        assert_eq!(heard.layers.len(), 1);
        assert_eq!(heard.layers[0].share(), Some(0.5));
        assert_eq!(heard.layers[0].words(), "Unpacking 2 B / 4 B");
        heard.hear(Progress::Failed { message: "no".into() });
        assert_eq!(heard.standing, Standing::Failed("no".into()));
    }

    #[test]
    fn only_the_end_of_a_long_output_is_kept() {
        let mut heard = Heard::begun();
        for _ in 0..10_000 {
            heard.hear(Progress::Output { text: "a line of forty letters, more or less\n".into() });
        }
        assert!(heard.output.len() <= LONGEST_OUTPUT && heard.output.starts_with("a line"));
    }

    #[test]
    fn lines_are_whole_before_they_are_read() {
        let mut lines = Lines::default();
        assert_eq!(lines.feed(b"{\"kind\":\"do"), []);
        assert_eq!(lines.feed(b"ne\"}\n{\"kind\":\"later\"}\n{"), [Progress::Done]);
        assert_eq!(lines.feed(b"\"kind\":\"done\"}\n"), [Progress::Done]);
    }
}
