//! The daemon. A request's road: `http` parses, `ops` says what it means, `engine` edits the `store`, plans, and applies
//! to the `machine`; `events` tell the panel how things
//! are, `notices` tell Docker's clients what was done. `runtime` has the processes, `images` their files.

// `json!` of a whole HostConfig is that deep.
#![recursion_limit = "256"]

pub mod apply;
pub mod archive;
pub mod boot;
pub mod client;
pub mod clock;
pub mod config;
pub mod dns;
pub mod doctor;
pub mod engine;
pub mod events;
pub mod holds;
pub mod http;
pub mod images;
pub mod life;
pub mod lock;
pub mod machine;
pub mod model;
pub mod mounts;
pub mod notices;
pub mod ops;
mod readable;
pub mod runtime;
pub mod settings;
pub mod store;
