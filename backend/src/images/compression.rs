//! Archives may be packed; what with, their first bytes say.

use super::ImagesError;
use flate2::bufread::MultiGzDecoder;
use std::io::{BufRead, BufReader, Cursor, Read};

/// What a stream is unpacked from, read as far as its first bytes tell.
const LONGEST_MARK: usize = 6;

/// A stream without its packing.
///
/// # Errors
/// `Bad` for a packing that is known and not read here; `Read` when the first bytes can't be had.
pub(super) fn unpacked<'a>(mut packed: impl Read + Send + 'a) -> Result<Box<dyn BufRead + Send + 'a>, ImagesError> {
    let mut mark = Vec::with_capacity(LONGEST_MARK);
    packed.by_ref().take(LONGEST_MARK as u64).read_to_end(&mut mark).map_err(ImagesError::Read)?;
    let not_built = |what: &str| {
        Err(ImagesError::Bad(format!(
            "the archive is packed with {what}, which is not built yet; pack it with gzip or zstd"
        )))
    };
    let kind = mark.clone();
    let whole = BufReader::with_capacity(64 << 10, Cursor::new(mark).chain(packed));
    // RFC 1952 §2.3.1, RFC 8878 §3.1.1, and the two others that archives come in.
    Ok(match kind.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(BufReader::with_capacity(64 << 10, MultiGzDecoder::new(whole))),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let decoder = zstd::stream::read::Decoder::with_buffer(whole).map_err(ImagesError::Read)?;
            Box::new(BufReader::with_capacity(64 << 10, decoder))
        }
        [b'B', b'Z', b'h', ..] => return not_built("bzip2"),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => return not_built("xz"),
        _ => Box::new(whole),
    })
}
