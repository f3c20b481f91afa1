//! What every question needs: statements that stay prepared, and columns that are read by name. No question is asked
//! here.

use super::{Connection, StoreError};
use rusqlite::{Params, Row};
use serde::{Serialize, de::DeserializeOwned};
use std::{error::Error, str::FromStr};

/// Runs a statement that gives no rows. Returns how many it changed.
pub(super) fn run(db: &Connection, sql: &str, params: impl Params) -> Result<usize, StoreError> {
    Ok(db.prepare_cached(sql)?.execute(params)?)
}

/// The first row that a statement gives.
pub(super) fn first<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    rows.next()?.map(read).transpose()
}

/// Every row that a statement gives.
pub(super) fn all<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    db.prepare_cached(sql)?.query_and_then(params, read)?.collect()
}

/// The only column of a statement that always gives one row.
pub(super) fn value<T: rusqlite::types::FromSql>(
    db: &Connection,
    sql: &str,
    params: impl Params,
) -> Result<T, StoreError> {
    Ok(db.prepare_cached(sql)?.query_row(params, |row| row.get(0))?)
}

/// A column whose text has a rule.
pub(super) fn parsed<T>(row: &Row<'_>, column: &'static str) -> Result<T, StoreError>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    text(row, column)?.parse().map_err(unreadable(column))
}

/// A column whose text has a rule, or null.
pub(super) fn parsed_or_null<T>(row: &Row<'_>, column: &'static str) -> Result<Option<T>, StoreError>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    let text = row.get_ref(column)?.as_str_or_null().map_err(unreadable(column))?;
    text.map(|text| text.parse().map_err(unreadable(column))).transpose()
}

/// A column that holds JSON.
pub(super) fn from_json<T: DeserializeOwned>(row: &Row<'_>, column: &'static str) -> Result<T, StoreError> {
    serde_json::from_str(text(row, column)?).map_err(unreadable(column))
}

/// A column that holds JSON, or null.
pub(super) fn json_or_null<T: DeserializeOwned>(row: &Row<'_>, column: &'static str) -> Result<Option<T>, StoreError> {
    let text = row.get_ref(column)?.as_str_or_null().map_err(unreadable(column))?;
    text.map(|text| serde_json::from_str(text).map_err(unreadable(column))).transpose()
}

/// A column that holds one of an enum's words.
pub(super) fn from_word<T: DeserializeOwned>(row: &Row<'_>, column: &'static str) -> Result<T, StoreError> {
    serde_json::from_value(serde_json::Value::from(text(row, column)?)).map_err(unreadable(column))
}

/// What a column holds that is JSON.
pub(super) fn to_json<T: Serialize + ?Sized>(column: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(unreadable(column))
}

fn text<'a>(row: &'a Row<'_>, column: &'static str) -> Result<&'a str, StoreError> {
    row.get_ref(column)?.as_str().map_err(unreadable(column))
}

fn unreadable<E: Error + Send + Sync + 'static>(what: &'static str) -> impl FnOnce(E) -> StoreError {
    move |error| StoreError::Unreadable { what, source: Box::new(error) }
}
