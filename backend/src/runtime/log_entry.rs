//! A line of the log as conmon writes it (`k8s-file`):
//!
//! ```text
//! 2026-11-25T00:48:42.123456789+00:00 stdout F a whole line
//! 2026-11-25T00:48:42.123456789+00:00 stderr P a part of one, the rest of which comes later, or never
//! ```

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// What a process printed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogStream {
    /// Its standard output.
    Stdout,
    /// Its standard error.
    Stderr,
}

/// Something that was printed at once: a line, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// When the monitor read it.
    pub time: OffsetDateTime,
    /// Where it was printed.
    pub stream: LogStream,
    /// The bytes as they were printed; the newline is among them where there was one.
    pub bytes: Vec<u8>,
}

/// Whether a line of the log ends a printed line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Last,
    Inner,
}

impl LogEntry {
    /// Reads one line, with or without its newline; none for one that conmon did not write.
    pub(super) fn parse(line: &[u8]) -> Option<LogEntry> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let mut fields = line.splitn(4, |byte| *byte == b' ');
        let (time, stream, tag) = (fields.next()?, fields.next()?, fields.next()?);
        let mut bytes = fields.next()?.to_vec();
        if part(tag)? == Part::Last {
            bytes.push(b'\n');
        }
        Some(LogEntry {
            time: OffsetDateTime::parse(std::str::from_utf8(time).ok()?, &Rfc3339).ok()?,
            stream: match stream {
                b"stdout" => LogStream::Stdout,
                b"stderr" => LogStream::Stderr,
                _ => return None,
            },
            bytes,
        })
    }
}

/// The third field of a line, read without the rest.
pub(super) fn part_of_line(line: &[u8]) -> Option<Part> {
    part(line.splitn(4, |byte| *byte == b' ').nth(2)?)
}

fn part(tag: &[u8]) -> Option<Part> {
    match tag {
        b"F" => Some(Part::Last),
        b"P" => Some(Part::Inner),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_was_printed() {
        let entry = LogEntry::parse(b"2026-11-25T02:48:42.123456789+02:00 stderr F a  b \n").expect("a whole line");
        assert_eq!(entry.stream, LogStream::Stderr);
        assert_eq!(entry.bytes, b"a  b \n");
        assert_eq!(entry.time.unix_timestamp_nanos(), 1_795_567_722_123_456_789);
        let part = LogEntry::parse(b"2026-11-25T00:48:42.1Z stdout P a\r\n").expect("a part");
        assert_eq!(part.bytes, b"a\r");
        assert_eq!(LogEntry::parse(b"2026-11-25T00:48:42.1Z stdout F \n").expect("empty").bytes, b"\n");
        for bad in [
            &b""[..],
            b"\n",
            b"x stdout F a",
            b"2026-11-25T00:48:42.1Z stdin F a",
            b"2026-11-25T00:48:42.1Z stdout X a",
        ] {
            assert_eq!(LogEntry::parse(bad), None);
        }
    }
}
