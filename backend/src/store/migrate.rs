//! Brings a database to this version's schema: the files of `migrations/`, in order and each in a transaction of its own.
//! How many of them have run stands in the database's header, as its `user_version`.

use super::{Connection, StoreError, sql};
use rusqlite::TransactionBehavior;

const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/0001_first_road.sql"),
    include_str!("../../../migrations/0002_rows_of_a_change.sql"),
    include_str!("../../../migrations/0003_ports.sql"),
    include_str!("../../../migrations/0004_attachments.sql"),
    include_str!("../../../migrations/0007_volumes.sql"),
    include_str!("../../../migrations/0008_life.sql"),
    include_str!("../../../migrations/0010_images.sql"),
    include_str!("../../../migrations/0011_build_keys.sql"),
    include_str!("../../../migrations/0012_steps.sql"),
    include_str!("../../../migrations/0013_plans.sql"),
    include_str!("../../../migrations/0014_links.sql"),
    include_str!("../../../migrations/0015_settings_networks.sql"),
    include_str!("../../../migrations/0016_undo.sql"),
    include_str!("../../../migrations/0017_rows_by_scope.sql"),
    include_str!("../../../migrations/0018_words_compared.sql"),
];

/// Runs the migrations that have not run.
pub(super) fn migrate(db: &mut Connection) -> Result<(), StoreError> {
    let found = version(db)?;
    if found > MIGRATIONS.len() {
        return Err(StoreError::Later { found, known: MIGRATIONS.len() });
    }
    for (number, migration) in MIGRATIONS.iter().enumerate().skip(found) {
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Asked again under the lock: of two programs that come to a new file, one finds the other's work.
        if version(&tx)? == number {
            tx.execute_batch(migration)?;
            tx.pragma_update(None, "user_version", i64::try_from(number + 1).unwrap_or(i64::MAX))?;
        }
        tx.commit()?;
    }
    Ok(())
}

fn version(db: &Connection) -> Result<usize, StoreError> {
    let version: u32 = sql::value(db, "pragma user_version", [])?;
    Ok(version as usize)
}

#[cfg(test)]
mod tests {
    use super::{super::journal, *};
    use drawbridge_api::Outcome;
    use std::{fs, path::Path};

    #[test]
    fn every_file_is_run_in_its_order() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let texts: Vec<_> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
        assert_eq!(texts, MIGRATIONS);
    }

    #[test]
    fn a_database_is_brought_on_once_and_a_later_one_is_refused() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate(&mut db).unwrap();
        migrate(&mut db).unwrap();
        assert_eq!(version(&db).unwrap(), MIGRATIONS.len());
        db.pragma_update(None, "user_version", 99).unwrap();
        let refused = migrate(&mut db).unwrap_err();
        assert!(matches!(refused, StoreError::Later { found: 99, .. }), "{refused}");
    }

    #[test]
    fn words_are_checked_without_a_table_of_them() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate(&mut db).unwrap();
        for table in ["change", "namespace", "endpoint", "lease", "published_port", "plan", "container"] {
            let explained = format!("explain insert into {table} default values");
            let opcodes: Vec<String> = sql::all(&db, &explained, [], |row| Ok(row.get("opcode")?)).unwrap();
            assert!(opcodes.len() > 5 && !opcodes.iter().any(|code| code == "OpenEphemeral"), "{table}: {opcodes:?}");
        }
        let insert = |origin: &str, state: &str| {
            let sql = "insert into change (verb, subject, origin, state, opened_at_ms) values ('set', 'k', ?, ?, 1)";
            sql::run(&db, sql, [origin, state])
        };
        insert("panel", "open").unwrap();
        for (origin, state) in [("panel", "begun"), ("nobody", "open")] {
            assert!(insert(origin, state).is_err(), "{origin} {state}");
        }
    }

    #[test]
    fn a_change_of_the_schema_before_keeps_its_steps_and_their_results() {
        let mut db = Connection::open_in_memory().unwrap();
        let before = MIGRATIONS.iter().position(|text| text.contains("create table plan")).unwrap();
        MIGRATIONS[..before].iter().for_each(|migration| db.execute_batch(migration).unwrap());
        db.pragma_update(None, "user_version", before as i64).unwrap();
        db.execute_batch(
            r#"insert into change (verb, subject, origin, state, opened_at_ms, settled_at_ms, steps)
               values ('set', 'k', 'daemon', 'done', 1, 2,
                       '[{"step":{"step":"set_sysctl","key":"k","from":"0","to":"1"},
                          "outcome":"done","error":null,"duration_us":7}]')"#,
        )
        .unwrap();
        migrate(&mut db).unwrap();
        let change = journal::get(&db, 1).unwrap().unwrap();
        let told: Vec<_> = change.steps.iter().map(|step| (step.outcome, step.duration_us)).collect();
        assert_eq!(told, [(Outcome::Done, Some(7))]);
        assert_eq!(change.steps[0].commands, ["sysctl -w k=1"]);
    }
}
