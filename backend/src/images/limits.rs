//! How much an archive from elsewhere may be: beyond it, it is a bomb or a mistake, and is refused before it fills the
//! machine.

/// The files of one layer, unpacked, in bytes. The largest in public use, those of machine learning, are near 10 GiB.
pub(super) const LAYER_BYTES: u64 = 64 << 30;

/// Files, folders and links of one layer. The largest in public use have some 400 000.
pub(super) const LAYER_ENTRIES: u64 = 2_000_000;

/// What of an archive may stand between two entries: headers with long names and extended attributes. All of it is held
/// in memory.
pub(super) const HEADER_BYTES: u64 = 4 << 20;

/// Layers of an image. The kernel stacks 500 (`OVL_MAX_STACK` in fs/overlayfs/params.h), Docker builds 127.
pub(super) const LAYERS: usize = 500;

/// A configuration, manifest or index, in bytes; registries refuse manifests above this.
pub(super) const JSON_BYTES: u64 = 4 << 20;

/// What is left free on the disk, in bytes: the database and the logs of containers are there too.
pub(super) const FREE_BYTES: u64 = 256 << 20;

/// How often the free space is looked at, in bytes written.
pub(super) const LOOK_EVERY: u64 = 16 << 20;

/// What unpacking xz may hold in memory, in KiB: its largest preset has a dictionary of 64 MiB, zstd without `--long` 128.
pub(super) const UNPACKING_KIB: u32 = 160 << 10;

/// A file that `ADD` fetches, in bytes.
pub(super) const FETCHED_BYTES: u64 = 16 << 30;
