//! The journal: every change with its steps, opened before the kernel is touched and settled after.

use super::{Connection, StoreError, from_json, from_word, lease, parse, to_json};
use drawbridge_api::{Change, ChangeState, ExplainedStep, Origin, Outcome};
use drawbridge_plan::{Step, explain};
use serde::Serialize;

/// Who asks for what.
#[derive(Clone, Debug)]
pub struct Request {
    /// `create network`.
    pub verb: &'static str,
    /// The name of the thing, empty for the whole machine.
    pub subject: String,
    /// Who asks.
    pub origin: Origin,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepResult {
    /// What became of it.
    pub outcome: Outcome,
    /// What the kernel said.
    pub error: Option<String>,
    /// Microseconds.
    pub duration_us: Option<i64>,
}

/// How a change ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// What was being added is there, what was being removed is gone.
    Done,
    /// Everything is as before the change.
    Failed {
        /// Why.
        error: String,
    },
}

/// Opens a change and returns its number.
///
/// # Errors
/// When SQLite fails.
pub async fn open(db: &mut Connection, request: &Request, now_ms: i64) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar(
        "insert into change (verb, subject, origin, state, opened_at_ms) values (?, ?, ?, 'open', ?)
         returning change_id",
    )
    .bind(request.verb)
    .bind(&request.subject)
    .bind(request.origin.as_str())
    .bind(now_ms)
    .fetch_one(db)
    .await?)
}

/// Writes down the steps of an open change. One statement for all, as each would wait for SQLite's thread.
///
/// # Errors
/// When SQLite fails.
pub async fn write_steps(db: &mut Connection, change_id: i64, steps: &[Step]) -> Result<(), StoreError> {
    sqlx::query(
        "insert into step (change_id, position, step, outcome) select ?1, key, value, 'planned' from json_each(?2)",
    )
    .bind(change_id)
    .bind(to_json("steps", &steps)?)
    .execute(db)
    .await?;
    Ok(())
}

/// A change as [`get`] tells it when it has just been opened with these steps.
pub fn opened(change_id: i64, request: Request, steps: &[Step], now_ms: i64) -> Change {
    let planned = StepResult { outcome: Outcome::Planned, error: None, duration_us: None };
    Change {
        id: change_id,
        verb: request.verb.to_owned(),
        subject: request.subject,
        origin: request.origin,
        state: ChangeState::Open,
        error: None,
        steps: steps.iter().map(|step| in_words(step, planned.clone())).collect(),
        opened_at_ms: now_ms,
        settled_at_ms: None,
    }
}

/// Settles a change: its rows become live or go, and its steps are marked. The one place where phases end.
///
/// # Errors
/// When SQLite fails.
pub async fn settle(
    db: &mut Connection,
    change_id: i64,
    results: &[StepResult],
    verdict: &Verdict,
    now_ms: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "update step set outcome = value ->> 'outcome', error = value ->> 'error', duration_us = value ->> 'duration_us'
         from json_each(?2) where change_id = ?1 and position = key",
    )
    .bind(change_id)
    .bind(to_json("step results", &results)?)
    .execute(&mut *db)
    .await?;
    let (gone, error) = match verdict {
        Verdict::Done => ("removing", None),
        Verdict::Failed { error } => ("adding", Some(error.as_str())),
    };
    free_leases(db, change_id, gone).await?;
    // Endpoints and namespaces before what they refer to.
    for sql in [
        "delete from endpoint where change_id = ? and phase = ?",
        "delete from namespace where change_id = ? and phase = ?",
        "delete from network where change_id = ? and phase = ?",
    ] {
        sqlx::query(sql).bind(change_id).bind(gone).execute(&mut *db).await?;
    }
    for sql in [
        "update endpoint set phase = 'live', change_id = null where change_id = ?",
        "update namespace set phase = 'live', change_id = null where change_id = ?",
        "update network set phase = 'live', change_id = null where change_id = ?",
    ] {
        sqlx::query(sql).bind(change_id).execute(&mut *db).await?;
    }
    sqlx::query("update change set state = ?, error = ?, settled_at_ms = ? where change_id = ?")
        .bind(if error.is_none() { "done" } else { "failed" })
        .bind(error)
        .bind(now_ms)
        .bind(change_id)
        .execute(db)
        .await?;
    Ok(())
}

/// An open change as [`get`] tells it when it has just been settled.
pub fn settled(mut change: Change, results: Vec<StepResult>, verdict: Verdict, now_ms: i64) -> Change {
    for (step, result) in change.steps.iter_mut().zip(results) {
        step.outcome = result.outcome;
        step.error = result.error;
        step.duration_us = result.duration_us;
    }
    (change.state, change.error) = match verdict {
        Verdict::Done => (ChangeState::Done, None),
        Verdict::Failed { error } => (ChangeState::Failed, Some(error)),
    };
    change.settled_at_ms = Some(now_ms);
    change
}

/// The addresses of endpoints that go are about to be free: searches must see them.
async fn free_leases(db: &mut Connection, change_id: i64, phase: &str) -> Result<(), StoreError> {
    let freed: Vec<(String, String)> =
        sqlx::query_as("select network_id, address from endpoint where change_id = ? and phase = ?")
            .bind(change_id)
            .bind(phase)
            .fetch_all(&mut *db)
            .await?;
    for (network, address) in freed {
        lease::search_from(db, &parse("network_id", &network)?, parse("address", &address)?).await?;
    }
    Ok(())
}

/// Puts the rows of every other open change under `change_id`, and settles those changes as taken over. Used once, at
/// start: what a crash left half done is planned again from what the kernel really has.
///
/// # Errors
/// When SQLite fails.
pub async fn take_over(db: &mut Connection, change_id: i64, now_ms: i64) -> Result<u64, StoreError> {
    for sql in [
        "update endpoint set change_id = ? where phase <> 'live'",
        "update namespace set change_id = ? where phase <> 'live'",
        "update network set change_id = ? where phase <> 'live'",
    ] {
        sqlx::query(sql).bind(change_id).execute(&mut *db).await?;
    }
    let taken = sqlx::query(
        "update change set state = 'failed', settled_at_ms = ?1,
                           error = 'interrupted; finished by change ' || ?2
         where state = 'open' and change_id <> ?2",
    )
    .bind(now_ms)
    .bind(change_id)
    .execute(db)
    .await?;
    Ok(taken.rows_affected())
}

/// Whether a change is open.
///
/// # Errors
/// When SQLite fails.
pub async fn any_open(db: &mut Connection) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar("select exists (select 1 from change where state = 'open')").fetch_one(db).await?)
}

#[derive(sqlx::FromRow)]
struct ChangeRow {
    change_id: i64,
    verb: String,
    subject: String,
    origin: String,
    state: String,
    error: Option<String>,
    opened_at_ms: i64,
    settled_at_ms: Option<i64>,
}

/// The changes below number `before`, newest first, `limit` at the most.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub async fn list(db: &mut Connection, before: Option<i64>, limit: i64) -> Result<Vec<Change>, StoreError> {
    let rows: Vec<ChangeRow> =
        sqlx::query_as("select * from change where ?1 is null or change_id < ?1 order by change_id desc limit ?2")
            .bind(before)
            .bind(limit)
            .fetch_all(&mut *db)
            .await?;
    let mut changes = Vec::with_capacity(rows.len());
    for row in rows {
        changes.push(complete(db, row).await?);
    }
    Ok(changes)
}

/// One change.
///
/// # Errors
/// When SQLite fails or the row can't be read.
pub async fn get(db: &mut Connection, change_id: i64) -> Result<Option<Change>, StoreError> {
    let row: Option<ChangeRow> =
        sqlx::query_as("select * from change where change_id = ?").bind(change_id).fetch_optional(&mut *db).await?;
    match row {
        Some(row) => Ok(Some(complete(db, row).await?)),
        None => Ok(None),
    }
}

async fn complete(db: &mut Connection, row: ChangeRow) -> Result<Change, StoreError> {
    let steps: Vec<(String, String, Option<String>, Option<i64>)> =
        sqlx::query_as("select step, outcome, error, duration_us from step where change_id = ? order by position")
            .bind(row.change_id)
            .fetch_all(db)
            .await?;
    Ok(Change {
        id: row.change_id,
        verb: row.verb,
        subject: row.subject,
        origin: from_word("origin", &row.origin)?,
        state: from_word("state", &row.state)?,
        error: row.error,
        steps: steps
            .iter()
            .map(|(step, outcome, error, duration_us)| {
                let step: Step = from_json("step", step)?;
                let result = StepResult {
                    outcome: from_word("outcome", outcome)?,
                    error: error.clone(),
                    duration_us: *duration_us,
                };
                Ok(in_words(&step, result))
            })
            .collect::<Result<_, StoreError>>()?,
        opened_at_ms: row.opened_at_ms,
        settled_at_ms: row.settled_at_ms,
    })
}

/// A step as a person reads it.
pub fn in_words(step: &Step, result: StepResult) -> ExplainedStep {
    let words = explain(step);
    ExplainedStep {
        title: words.title,
        why: words.why,
        commands: words.commands,
        undo: step.undo().iter().flat_map(|step| explain(step).commands).collect(),
        outcome: result.outcome,
        error: result.error,
        duration_us: result.duration_us,
    }
}
