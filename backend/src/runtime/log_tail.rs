//! Where the last so many lines of a log begin, found from its end, a block at a time: a log may be larger than memory.

use super::log_entry::{Part, part_of_line};
use std::io::{Read, Result, Seek, SeekFrom};

/// Read at once. A log line is at most some 8 KiB long, conmon's buffer and a head.
const BLOCK: u64 = 64 << 10;

/// The offset of the first of the last `count` printed lines. Parts of one line count once, and so does an unfinished
/// line at the end.
pub(super) fn start_of_tail<F: Read + Seek>(file: &mut F, count: u64) -> Result<u64> {
    let length = file.seek(SeekFrom::End(0))?;
    if count == 0 {
        return Ok(length);
    }
    let mut ends = 0;
    // Bytes from `start` on that are not yet known to begin a line; the lines behind them are counted.
    let mut start = length;
    let mut pending: Vec<u8> = Vec::new();
    while start > 0 {
        let size = BLOCK.min(start);
        start -= size;
        file.seek(SeekFrom::Start(start))?;
        let mut block = Vec::new();
        file.by_ref().take(size).read_to_end(&mut block)?;
        block.append(&mut pending);
        // Lines in this block from the last to the first; what precedes the first newline is left to the next block.
        let mut end = block.len();
        loop {
            let newline = block[..end.saturating_sub(1)].iter().rposition(|byte| *byte == b'\n');
            let begin = match newline {
                Some(newline) => newline + 1,
                None if start == 0 => 0,
                None => break,
            };
            let ends_line = part_of_line(&block[begin..end]) != Some(Part::Inner);
            let is_last = start + end as u64 == length;
            if ends_line || is_last {
                ends += 1;
                if ends > count {
                    return Ok(start + end as u64);
                }
            }
            end = begin;
            if begin == 0 {
                break;
            }
        }
        block.truncate(end);
        pending = block;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn tail(log: &str, count: u64) -> String {
        let start = start_of_tail(&mut Cursor::new(log), count).expect("memory can be read");
        log[usize::try_from(start).expect("short")..].to_owned()
    }

    fn line(tag: &str, text: &str) -> String {
        format!("2026-11-25T00:48:42.1Z stdout {tag} {text}\n")
    }

    #[test]
    fn the_last_lines_are_found() {
        let (one, two, half, rest) = (line("F", "one"), line("F", ""), line("P", "ha"), line("F", "lf"));
        let log = [one.as_str(), &two, &half, &rest].concat();
        assert_eq!(tail(&log, 0), "");
        assert_eq!(tail(&log, 1), [half.as_str(), &rest].concat());
        assert_eq!(tail(&log, 2), [two.as_str(), &half, &rest].concat());
        assert_eq!(tail(&log, 3), log);
        assert_eq!(tail(&log, 9), log);
        assert_eq!(tail("", 1), "");
        let unfinished = [one.as_str(), &half].concat();
        assert_eq!(tail(&unfinished, 1), half);
        assert_eq!(tail(&unfinished, 2), unfinished);
    }

    #[test]
    fn a_log_of_many_blocks_is_read_from_its_end() {
        let lines: Vec<String> =
            (0..5000).map(|number| line("F", &format!("{number} {}", "x".repeat(number % 90)))).collect();
        let log = lines.concat();
        assert!(log.len() > 5 * BLOCK as usize);
        for count in [1, 7, 700, 1000, 3000, 4999, 5000, 6000] {
            let wanted = lines[lines.len().saturating_sub(count)..].concat();
            assert!(tail(&log, count as u64) == wanted, "the last {count}");
        }
    }
}
