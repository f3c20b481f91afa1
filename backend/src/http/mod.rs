//! The edge: two dialects over one domain. `docker` speaks the Docker Engine API, `panel` our own under `/api` and the
//! panel's files; each converts in, calls one operation, converts out.

mod connections;
pub mod docker;
mod leftover;
pub mod panel;
pub mod serve;

use crate::ops::{Class, OpError};
use axum::http::StatusCode;
use docker::compose::{self, ComposeError, Place};
use std::{collections::BTreeMap, future::Future, path::PathBuf};

/// What the lab of a file is called, for whoever takes it away.
///
/// # Errors
/// For what is wrong in the file.
pub fn lab_name(
    text: &str,
    name: String,
    folder: Option<PathBuf>,
    variables: BTreeMap<String, String>,
) -> Result<String, ComposeError> {
    Ok(compose::lab(text, &Place { name, folder, variables })?.name)
}

/// Runs an operation to its end, even when the client that asked for it goes away: a plan is not left half done because
/// somebody closed a window.
async fn to_the_end<T, F>(operation: F) -> Result<T, OpError>
where
    F: Future<Output = Result<T, OpError>> + Send + 'static,
    T: Send + 'static,
{
    tokio::spawn(operation).await.unwrap_or(Err(OpError::CutOff))
}

/// Notes what was not done for a reason that the request doesn't have in itself. An error in the log is one to be mended here.
fn log(status: StatusCode, error: &OpError) {
    match error.class() {
        Class::Failed => tracing::error!(%status, error = chain(error), "request failed"),
        Class::Unmet => tracing::info!(%status, error = chain(error), "request not met"),
        _ => {}
    }
}

/// The whole chain of an error, for the log: the client gets the first sentence only.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
