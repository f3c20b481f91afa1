//! Archives may be packed; what with, their first bytes say.

use super::{ImagesError, limits};
use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use std::io::{BufRead, BufReader, Cursor, Read};

/// What a stream is unpacked from, read as far as its first bytes tell.
const LONGEST_MARK: usize = 6;

/// A stream without its packing.
///
/// # Errors
/// `Read` when the first bytes can't be had. What is damaged, or wants more memory than it may, fails when it is read.
pub(super) fn unpacked<'a>(mut packed: impl Read + Send + 'a) -> Result<Box<dyn BufRead + Send + 'a>, ImagesError> {
    let mut mark = Vec::with_capacity(LONGEST_MARK);
    packed.by_ref().take(LONGEST_MARK as u64).read_to_end(&mut mark).map_err(ImagesError::Read)?;
    let kind = mark.clone();
    let whole = BufReader::with_capacity(64 << 10, Cursor::new(mark).chain(packed));
    let buffered = |unpacked: Box<dyn Read + Send + 'a>| Box::new(BufReader::with_capacity(64 << 10, unpacked));
    // RFC 1952 §2.3.1, RFC 8878 §3.1.1, and the two others that Docker takes archives in.
    Ok(match kind.as_slice() {
        [0x1f, 0x8b, ..] => buffered(Box::new(MultiGzDecoder::new(whole))),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let decoder = zstd::stream::read::Decoder::with_buffer(whole).map_err(ImagesError::Read)?;
            buffered(Box::new(decoder))
        }
        [b'B', b'Z', b'h', ..] => buffered(Box::new(MultiBzDecoder::new(whole))),
        // Unbounded, a header of twelve bytes asks for 4 GiB.
        [0xfd, b'7', b'z', b'X', b'Z', 0] => {
            buffered(Box::new(XzReader::new_mem_limit(whole, true, limits::UNPACKING_KIB)))
        }
        _ => Box::new(whole),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read(packed: &[u8]) -> Result<String, String> {
        let mut text = String::new();
        let mut reader = unpacked(packed).map_err(|error| error.to_string())?;
        reader.read_to_string(&mut text).map_err(|error| error.to_string()).map(|_| text)
    }

    #[test]
    fn two_streams_one_behind_the_other_are_both_read() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"one ").unwrap();
        let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        bzip2.write_all(b"one ").unwrap();
        let (gzip, bzip2) = (gzip.finish().unwrap(), bzip2.finish().unwrap());
        let zstd = zstd::encode_all(&b"one "[..], 1).unwrap();
        // printf 'one ' | xz
        let xz = hex::decode(XZ).unwrap();
        for packed in [gzip, bzip2, zstd, xz] {
            assert_eq!(read(&packed.repeat(2)).as_deref(), Ok("one one "), "{packed:x?}");
            assert!(read(&packed[..packed.len() - 6]).is_err(), "{packed:x?} cut off");
        }
    }

    const XZ: &str = "fd377a585a000004e6d6b4460200210116000000742fe5a30100036f6e6520005a8c83a33135ef7e00011c046f2c9cc11fb6f37d010000000004595a";

    #[test]
    fn what_wants_too_much_memory_is_not_unpacked() {
        // printf x | xz --lzma2=dict=1536MiB
        let error = read(&hex::decode("fd377a585a000004e6d6b44602002101250000003b787b41010000780000000045aeef83f8ee160a00011901a52c81cc1fb6f37d010000000004595a").unwrap()).unwrap_err();
        assert!(error.contains("memory"), "{error}");
    }
}
