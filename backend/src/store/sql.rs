//! What every question needs: statements that stay prepared, and columns that are read by name. No question is asked
//! here.

use super::{Connection, StoreError};
use rusqlite::{
    Params, Row,
    types::{FromSql, ValueRef},
};
use serde::{
    Serialize,
    de::{DeserializeOwned, IntoDeserializer, value},
};
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

/// Every row of a long list. To find a column by its name, SQLite is asked for one name after the other; for a thousand rows
/// that takes longer than everything else, so here the names are asked for once.
pub(super) fn listed<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Listed<'_, '_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = db.prepare_cached(sql)?;
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut rows = statement.query(params)?;
    let mut list = Vec::new();
    while let Some(row) = rows.next()? {
        list.push(read(&Listed { row, names: &names })?);
    }
    Ok(list)
}

/// A row of a long list.
pub(super) struct Listed<'a, 'stmt> {
    row: &'a Row<'stmt>,
    names: &'a [String],
}

/// What has columns that are read by name.
pub(super) trait Columns {
    /// What stands in a column.
    fn column(&self, name: &'static str) -> rusqlite::Result<ValueRef<'_>>;

    /// A column of a type that SQLite knows.
    fn plain<T: FromSql>(&self, name: &'static str) -> Result<T, StoreError> {
        T::column_result(self.column(name)?).map_err(unreadable(name))
    }
}

impl Columns for Row<'_> {
    fn column(&self, name: &'static str) -> rusqlite::Result<ValueRef<'_>> {
        self.get_ref(name)
    }
}

impl Columns for Listed<'_, '_> {
    fn column(&self, name: &'static str) -> rusqlite::Result<ValueRef<'_>> {
        match self.names.iter().position(|known| known == name) {
            Some(index) => self.row.get_ref(index),
            None => Err(rusqlite::Error::InvalidColumnName(name.to_owned())),
        }
    }
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
pub(super) fn parsed<T>(row: &impl Columns, column: &'static str) -> Result<T, StoreError>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    text(row, column)?.parse().map_err(unreadable(column))
}

/// A column whose text has a rule, or null.
pub(super) fn parsed_or_null<T>(row: &impl Columns, column: &'static str) -> Result<Option<T>, StoreError>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    let text = row.column(column)?.as_str_or_null().map_err(unreadable(column))?;
    text.map(|text| text.parse().map_err(unreadable(column))).transpose()
}

/// A column that holds JSON.
pub(super) fn from_json<T: DeserializeOwned>(row: &impl Columns, column: &'static str) -> Result<T, StoreError> {
    serde_json::from_str(text(row, column)?).map_err(unreadable(column))
}

/// A column that holds JSON, or null.
pub(super) fn json_or_null<T: DeserializeOwned>(
    row: &impl Columns,
    column: &'static str,
) -> Result<Option<T>, StoreError> {
    let text = row.column(column)?.as_str_or_null().map_err(unreadable(column))?;
    text.map(|text| serde_json::from_str(text).map_err(unreadable(column))).transpose()
}

/// A column that holds one of an enum's words.
pub(super) fn from_word<T: DeserializeOwned>(row: &impl Columns, column: &'static str) -> Result<T, StoreError> {
    let word: value::StrDeserializer<'_, value::Error> = text(row, column)?.into_deserializer();
    T::deserialize(word).map_err(unreadable(column))
}

/// What a column holds that is JSON.
pub(super) fn to_json<T: Serialize + ?Sized>(column: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(unreadable(column))
}

fn text<'a>(row: &'a impl Columns, column: &'static str) -> Result<&'a str, StoreError> {
    row.column(column)?.as_str().map_err(unreadable(column))
}

fn unreadable<E: Error + Send + Sync + 'static>(what: &'static str) -> impl FnOnce(E) -> StoreError {
    move |error| StoreError::Unreadable { what, source: Box::new(error) }
}
