//! The panel's files, carried inside the program as gzip: no file beside it is needed. The table is written by build.rs.

include!(concat!(env!("OUT_DIR"), "/panel.rs"));

/// One file of the panel. It is kept compressed only: every browser takes gzip, and it is sent as it lies here.
#[derive(Debug)]
pub(crate) struct Asset {
    /// The path of the URL, from the root: `/style.css`.
    pub(crate) path: &'static str,
    /// The value of the header `Content-Type`.
    pub(crate) content_type: &'static str,
    /// The content, for the header `Content-Encoding: gzip` (RFC 9110 section 8.4.1.3).
    pub(crate) gzip: &'static [u8],
    /// A strong validator in its quotes, for `ETag` and `If-None-Match` (RFC 9110 section 8.8.3).
    pub(crate) etag: &'static str,
}

/// The file at `path`, if the panel has one there. A program that was built without the panel has none: see [`is_built_in`].
pub(crate) fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

/// False for a program that plain `cargo build` made, and not `cargo xtask build`: it has no panel to serve.
pub(crate) fn is_built_in() -> bool {
    !ASSETS.is_empty()
}
