//! How the archive of a layer is written again, byte for byte, without keeping it: its headers and padding are kept,
//! packed, in `tar`; the content of its files is in the unpacked folder, and `names` says where. The diff id is the
//! digest of the archive, so any other archive of the same files would be another layer.

use drawbridge_kernel::folder::Tree;
use flate2::{Compression, bufread::GzDecoder, write::GzEncoder};
use sha2::{Digest, Sha256};
use std::{
    ffi::OsStr,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

/// What a piece of the archive is: as it stands, or the content of the next file.
const RAW: u8 = 0;
const CONTENT: u8 = 1;

/// Pieces as they stand are written in runs of this many bytes.
const RUN: usize = 64 << 10;

/// Where the content of a file lies, below the layer's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place(pub(super) PathBuf);

/// Writes a recipe.
pub(super) struct RecipeWriter {
    pieces: GzEncoder<BufWriter<File>>,
    raw: Vec<u8>,
}

impl RecipeWriter {
    pub(super) fn create(folder: &Path) -> io::Result<Self> {
        let file = BufWriter::new(File::create(folder.join("tar"))?);
        Ok(Self { pieces: GzEncoder::new(file, Compression::fast()), raw: Vec::with_capacity(2 * RUN) })
    }

    /// Bytes as they stand.
    pub(super) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.raw.extend_from_slice(bytes);
        if self.raw.len() >= RUN { self.flush_raw() } else { Ok(()) }
    }

    /// The content of the next file, of so many bytes.
    pub(super) fn content(&mut self, size: u64) -> io::Result<()> {
        self.flush_raw()?;
        self.pieces.write_all(&[CONTENT])?;
        self.pieces.write_all(&size.to_le_bytes())
    }

    fn flush_raw(&mut self) -> io::Result<()> {
        if self.raw.is_empty() {
            return Ok(());
        }
        self.pieces.write_all(&[RAW])?;
        self.pieces.write_all(&(self.raw.len() as u64).to_le_bytes())?;
        self.pieces.write_all(&self.raw)?;
        self.raw.clear();
        Ok(())
    }

    /// Ends it; `places` are those of the files in their order.
    pub(super) fn finish(mut self, folder: &Path, places: &[Place]) -> io::Result<()> {
        self.flush_raw()?;
        self.pieces.finish()?.flush()?;
        let file = BufWriter::new(File::create(folder.join("names"))?);
        let mut names = GzEncoder::new(file, Compression::fast());
        for Place(path) in places {
            names.write_all(path.as_os_str().as_bytes())?;
            names.write_all(&[0])?;
        }
        names.finish()?.flush()
    }
}

/// The archive of a layer, as a stream. Its end is an error when the digest is not the layer's.
pub struct LayerReader {
    pieces: GzDecoder<BufReader<File>>,
    tree: Tree,
    places: std::vec::IntoIter<Place>,
    piece: Piece,
    hasher: Sha256,
    diff_id: String,
}

enum Piece {
    None,
    Raw(u64),
    Content(File, u64),
    End,
}

impl std::fmt::Debug for LayerReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LayerReader").field("diff_id", &self.diff_id).finish_non_exhaustive()
    }
}

impl LayerReader {
    pub(super) fn open(folder: &Path, diff_id: &str) -> io::Result<Self> {
        let open = |name: &str| Ok::<_, io::Error>(GzDecoder::new(BufReader::new(File::open(folder.join(name))?)));
        let mut names = Vec::new();
        open("names")?.read_to_end(&mut names)?;
        let places = names.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        let places: Vec<Place> = places.map(|name| Place(PathBuf::from(OsStr::from_bytes(name)))).collect();
        Ok(Self {
            pieces: open("tar")?,
            tree: Tree::open(folder)?,
            places: places.into_iter(),
            piece: Piece::None,
            hasher: Sha256::new(),
            diff_id: diff_id.to_owned(),
        })
    }

    fn next_piece(&mut self) -> io::Result<Piece> {
        let mut kind = [0];
        if self.pieces.read(&mut kind)? == 0 {
            let found = format!("sha256:{}", hex::encode(self.hasher.finalize_reset()));
            return if found == self.diff_id { Ok(Piece::End) } else { Err(self.changed("its digest is another")) };
        }
        let mut length = [0; 8];
        self.pieces.read_exact(&mut length)?;
        let length = u64::from_le_bytes(length);
        if kind[0] == RAW {
            return Ok(Piece::Raw(length));
        }
        let Some(Place(path)) = self.places.next() else { return Err(self.changed("a name is missing")) };
        match self.tree.read(&path) {
            Ok(file) => Ok(Piece::Content(file, length)),
            Err(error) => Err(self.changed(&format!("{}: {error}", path.display()))),
        }
    }

    fn changed(&self, why: &str) -> io::Error {
        let text = format!("layer {} was changed on the disk: {why}; remove the image and get it again", self.diff_id);
        io::Error::new(io::ErrorKind::InvalidData, text)
    }
}

impl Read for LayerReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let (read, left) = match &mut self.piece {
                Piece::End => return Ok(0),
                Piece::None | Piece::Raw(0) | Piece::Content(_, 0) => {
                    self.piece = self.next_piece()?;
                    continue;
                }
                Piece::Raw(left) => ((&mut self.pieces).take(*left).read(buffer)?, left),
                Piece::Content(file, left) => (file.take(*left).read(buffer)?, left),
            };
            if read == 0 {
                return Err(self.changed("a file is shorter than it was"));
            }
            *left -= read as u64;
            self.hasher.update(&buffer[..read]);
            return Ok(read);
        }
    }
}
