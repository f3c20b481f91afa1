//! The journal: every change with its steps, opened before the kernel is touched and settled after.

use super::{
    Connection, StoreError, lease,
    sql::{all, first, from_json, from_word, json_or_null, parsed, parsed_or_null, run, to_json, value},
};
use drawbridge_api::{Change, ChangeState, ExplainedStep, NetworkId, Origin, Outcome};
use drawbridge_plan::{Scope, Step, explain};
use ipnet::IpNet;
use rusqlite::Row;
use serde::{Deserialize, Serialize};
use std::iter;

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// Opens a change, of which no steps are known yet.
///
/// # Errors
/// When SQLite fails.
pub fn open(db: &Connection, request: Request, now_ms: i64) -> Result<Change, StoreError> {
    // Who wants something taken back does so in the panel, which is what the column says.
    let undoes = request.origin.undoes();
    let origin = if undoes.is_some() { Origin::Panel } else { request.origin };
    // Not `returning`, for which SQLite makes a table of its own; that takes longer than the insert.
    run(
        db,
        "insert into change (verb, subject, origin, undoes, state, opened_at_ms) values (?, ?, ?, ?, 'open', ?)",
        (request.verb, &request.subject, origin.as_str(), undoes, now_ms),
    )?;
    Ok(Change {
        id: db.last_insert_rowid(),
        verb: request.verb.to_owned(),
        subject: request.subject,
        origin: request.origin,
        state: ChangeState::Open,
        error: None,
        steps: Vec::new(),
        opened_at_ms: now_ms,
        settled_at_ms: None,
    })
}

/// Writes down the steps of an open change.
///
/// # Errors
/// When SQLite fails.
pub fn write_steps(db: &Connection, change_id: i64, steps: &[Step]) -> Result<(), StoreError> {
    run(db, "insert into plan (change_id, steps) values (?, ?)", (change_id, to_json("steps", steps)?))?;
    Ok(())
}

/// Of a step that has not been tried.
const PLANNED: StepResult = StepResult { outcome: Outcome::Planned, error: None, duration_us: None };

/// The steps of a plan that has not been tried, as a person reads them.
pub fn planned(steps: &[Step]) -> Vec<ExplainedStep> {
    steps.iter().zip(iter::repeat(PLANNED)).map(in_words).collect()
}

/// Settles a change: its rows become live or go, and the results of its steps are kept, as many as were tried. The one
/// place where phases end. Its rows are sought where its scope says, as an index of all that come or go would have to be written
/// twice with each of them.
///
/// # Errors
/// When SQLite fails.
pub fn settle(
    db: &Connection,
    change_id: i64,
    scope: &Scope,
    results: &[StepResult],
    verdict: &Verdict,
    now_ms: i64,
) -> Result<(), StoreError> {
    let (gone, error) = match verdict {
        Verdict::Done => ("removing", None),
        Verdict::Failed { error } => ("adding", Some(error.as_str())),
    };
    let rows = Settling { db, change_id, gone };
    rows.ports()?;
    // Endpoints and namespaces before what they refer to.
    match scope {
        Scope::Everything => {
            rows.endpoints(None)?;
            rows.namespaces(None)?;
            rows.networks(None)?;
        }
        Scope::Container { id, .. } => {
            rows.endpoints(Some(id.as_str()))?;
            rows.namespaces(Some(id.as_str()))?;
        }
        Scope::Network { id, .. } => rows.networks(Some(id.as_str()))?,
        Scope::Tables => {}
    }
    run(
        db,
        "update change set results = ?, state = ?, error = ?, settled_at_ms = ? where change_id = ?",
        (to_json("results", results)?, if error.is_none() { "done" } else { "failed" }, error, now_ms, change_id),
    )?;
    Ok(())
}

/// The rows of a change that is being settled.
struct Settling<'a> {
    db: &'a Connection,
    change_id: i64,
    /// The phase of those that go.
    gone: &'static str,
}

impl Settling<'_> {
    /// Ports come and go by the hundred, so they are settled together; most changes have none.
    fn ports(&self) -> Result<(), StoreError> {
        let Settling { db, change_id, gone } = *self;
        if value(db, "select exists (select 1 from published_port where change_id = ?)", [change_id])? {
            run(db, "delete from published_port where change_id = ? and phase = ?", (change_id, gone))?;
            run(db, "update published_port set phase = 'live', change_id = null where change_id = ?", [change_id])?;
        }
        Ok(())
    }

    /// The endpoints of a container or of all. The addresses of those that go are about to be free: searches must see them.
    fn endpoints(&self, container: Option<&str>) -> Result<(), StoreError> {
        let sql = "select endpoint_id, phase, network_id, address4, address6 from endpoint where change_id = ?";
        let rows: Vec<(String, String, NetworkId, [Option<IpNet>; 2])> =
            self.all(sql, " and container_id = ?", container, |row| {
                let addresses = [parsed_or_null(row, "address4")?, parsed_or_null(row, "address6")?];
                Ok((row.get(0)?, row.get(1)?, parsed(row, "network_id")?, addresses))
            })?;
        for (id, phase, network, addresses) in rows {
            if phase == self.gone {
                for address in addresses.iter().flatten() {
                    lease::search_from(self.db, &network, address.addr())?;
                }
                run(self.db, "delete from endpoint where endpoint_id = ?", [id])?;
            } else {
                run(self.db, "update endpoint set phase = 'live', change_id = null where endpoint_id = ?", [id])?;
            }
        }
        Ok(())
    }

    /// The namespace of a container or of all.
    fn namespaces(&self, container: Option<&str>) -> Result<(), StoreError> {
        let sql = "select container_id, phase from namespace where change_id = ?";
        for (id, phase) in self.all(sql, " and container_id = ?", container, key_and_phase)? {
            let sql = if phase == self.gone {
                "delete from namespace where container_id = ?"
            } else {
                "update namespace set phase = 'live', change_id = null where container_id = ?"
            };
            run(self.db, sql, [id])?;
        }
        Ok(())
    }

    /// A network or all.
    fn networks(&self, network: Option<&str>) -> Result<(), StoreError> {
        let sql = "select network_id, phase from network where change_id = ?";
        for (id, phase) in self.all(sql, " and network_id = ?", network, key_and_phase)? {
            let sql = if phase == self.gone {
                "delete from network where network_id = ?"
            } else {
                "update network set phase = 'live', change_id = null where network_id = ?"
            };
            run(self.db, sql, [id])?;
        }
        Ok(())
    }

    /// The change's rows, or those `of_one`. They are then written one by one, by key: an update of several rows first sets their
    /// keys aside in a table of its own, which takes longer than all the rest of this.
    fn all<T>(
        &self,
        rows: &str,
        of_one: &str,
        one: Option<&str>,
        read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        match one {
            None => all(self.db, rows, [self.change_id], read),
            Some(one) => all(self.db, &format!("{rows}{of_one}"), (self.change_id, one), read),
        }
    }
}

fn key_and_phase(row: &Row<'_>) -> Result<(String, String), StoreError> {
    Ok((row.get(0)?, row.get(1)?))
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

/// Puts the rows of every other open change under `change_id`, and settles those changes as taken over. Used once, at
/// start: what a crash left half done is planned again from what the kernel really has.
///
/// # Errors
/// When SQLite fails.
pub fn take_over(db: &Connection, change_id: i64, now_ms: i64) -> Result<usize, StoreError> {
    for sql in [
        "update published_port set change_id = ? where phase <> 'live'",
        "update endpoint set change_id = ? where phase <> 'live'",
        "update namespace set change_id = ? where phase <> 'live'",
        "update network set change_id = ? where phase <> 'live'",
    ] {
        run(db, sql, [change_id])?;
    }
    run(
        db,
        "update change set state = 'failed', settled_at_ms = ?1,
                           error = 'interrupted; finished by change ' || ?2
         where state = 'open' and change_id <> ?2",
        [now_ms, change_id],
    )
}

/// Whether a change is open.
///
/// # Errors
/// When SQLite fails.
pub fn any_open(db: &Connection) -> Result<bool, StoreError> {
    value(db, "select exists (select 1 from change where state = 'open')", [])
}

/// Which changes are meant.
#[derive(Clone, Copy, Debug)]
pub enum About<'a> {
    /// All.
    All,
    /// Those of a network that has or had this name.
    Network(&'a str),
    /// Those of a container that has or had this name.
    Container(&'a str),
}

/// The changes below number `before`, newest first, `limit` at the most.
///
/// Those of one thing are looked for from the newest on, without an index: people ask for them, and every change would pay
/// for it. The two columns stand at the beginning of a row, so that a long journal is read without its plans.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn list(db: &Connection, about: About<'_>, before: Option<i64>, limit: i64) -> Result<Vec<Change>, StoreError> {
    let (name, is_network) = match about {
        About::All => (None, false),
        About::Network(name) => (Some(name), true),
        About::Container(name) => (Some(name), false),
    };
    all(
        db,
        "select * from change left join plan using (change_id)
         where (?1 is null or change_id < ?1)
           and (?2 is null or subject = ?2 and iif(?3, verb like '% network',
                                                   verb like '%container%' or verb = 'publish ports of'))
         order by change_id desc limit ?4",
        (before, name, is_network, limit),
        read,
    )
}

/// One change.
///
/// # Errors
/// When SQLite fails or the row can't be read.
pub fn get(db: &Connection, change_id: i64) -> Result<Option<Change>, StoreError> {
    first(db, "select * from change left join plan using (change_id) where change_id = ?", [change_id], read)
}

fn read(row: &Row<'_>) -> Result<Change, StoreError> {
    // A change that was cut off before its plan was known has none.
    let steps: Vec<Step> = json_or_null(row, "steps")?.unwrap_or_default();
    let results: Vec<StepResult> = from_json(row, "results")?;
    Ok(Change {
        id: row.get("change_id")?,
        verb: row.get("verb")?,
        subject: row.get("subject")?,
        origin: match row.get("undoes")? {
            Some(change_id) => Origin::Undo(change_id),
            None => from_word(row, "origin")?,
        },
        state: from_word(row, "state")?,
        error: row.get("error")?,
        steps: steps.iter().zip(results.into_iter().chain(iter::repeat(PLANNED))).map(in_words).collect(),
        opened_at_ms: row.get("opened_at_ms")?,
        settled_at_ms: row.get("settled_at_ms")?,
    })
}

/// A step as a person reads it.
fn in_words((step, result): (&Step, StepResult)) -> ExplainedStep {
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
