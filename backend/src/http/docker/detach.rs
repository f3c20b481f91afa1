//! The keys by which a person leaves a terminal and the process in it goes on: found here and not by the client, since
//! what is typed comes in pieces and in any mixture.

use super::error::DockerError;

/// Docker's own: Ctrl-P, Ctrl-Q.
const DEFAULT: [u8; 2] = [16, 17];

/// A sequence of keys, and how far it has been typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DetachKeys {
    keys: Vec<u8>,
    typed: usize,
}

impl DetachKeys {
    /// Reads `ctrl-p,ctrl-q`, `ctrl-@,a`: keys with commas between. Docker's own where there is no text.
    ///
    /// # Errors
    /// For a word that is no key.
    pub(super) fn parse(text: Option<&str>) -> Result<Self, DockerError> {
        let keys = match text.filter(|text| !text.is_empty()) {
            None => DEFAULT.to_vec(),
            Some(text) => text.split(',').map(key).collect::<Result<_, _>>()?,
        };
        Ok(Self { keys, typed: 0 })
    }

    /// What of these bytes goes on to the process, and whether the sequence was completed in them; what comes behind it
    /// is nobody's. The beginning of a sequence is kept back until it turns out to be none.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> (Vec<u8>, bool) {
        let mut passed = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            if byte != self.keys[self.typed] {
                passed.extend_from_slice(&self.keys[..self.typed]);
                self.typed = 0;
            }
            if byte == self.keys[self.typed] {
                self.typed += 1;
                if self.typed == self.keys.len() {
                    return (passed, true);
                }
            } else {
                passed.push(byte);
            }
        }
        (passed, false)
    }
}

/// One key: a character, or `ctrl-` and a letter or one of `@[\]^_` (ASCII's control characters, ascii(7)).
fn key(word: &str) -> Result<u8, DockerError> {
    let one = |text: &str| match text.as_bytes() {
        [byte] => Some(*byte),
        _ => None,
    };
    let found = match word.strip_prefix("ctrl-") {
        Some(name) => one(name).filter(|byte| matches!(byte, b'a'..=b'z' | b'@' | b'['..=b'_')).map(|byte| byte & 0x1f),
        None => one(word),
    };
    found.ok_or_else(|| {
        DockerError::BadRequest(format!(
            "invalid detach keys: unknown character {word:?}; write keys such as a or ctrl-p with commas between"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(keys: &str, pieces: &[&[u8]], passed: &[u8], detached: bool) {
        let mut keys = DetachKeys::parse(Some(keys)).unwrap();
        let mut all = Vec::new();
        let mut found = false;
        for piece in pieces {
            let (bytes, done) = keys.pass(piece);
            all.extend(bytes);
            found |= done;
        }
        assert_eq!((&all[..], found), (passed, detached), "{pieces:?}");
    }

    #[test]
    fn a_sequence_is_found_in_any_pieces() {
        check("", &[b"ls\n"], b"ls\n", false);
        check("", &[b"ab\x10\x11cd"], b"ab", true);
        check("", &[b"a\x10", b"\x11"], b"a", true);
        check("", &[b"\x10", b"x"], b"\x10x", false);
        check("", &[b"\x10\x10\x11"], b"\x10", true);
        check("ctrl-@,q", &[b"q\x00", b"q"], b"q", true);
        check("a", &[b"bca"], b"bc", true);
    }

    #[test]
    fn keys_have_names() {
        for (text, bytes) in [("ctrl-p,ctrl-q", &[16, 17][..]), ("ctrl-[", &[27]), ("x,ctrl-_", &[b'x', 31])] {
            assert_eq!(DetachKeys::parse(Some(text)).unwrap().keys, bytes, "{text}");
        }
        for bad in ["ctrl-", "ctrl-pp", "shift-a", "a,,b", "ctrl-P"] {
            assert!(DetachKeys::parse(Some(bad)).is_err(), "{bad} was taken");
        }
    }
}
