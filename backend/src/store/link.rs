//! Links of the default network: names that one container has for another.

use super::{
    Connection, StoreError,
    sql::{all, parsed, run},
};
use drawbridge_api::{ContainerId, ContainerName};

/// A name that a container has for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostLink {
    /// Who has the name.
    pub container: ContainerId,
    /// The name.
    pub alias: String,
    /// Who is called so.
    pub target: ContainerId,
}

/// Inserts a link.
///
/// # Errors
/// `Conflict` when the container has that name for somebody already.
pub fn insert(db: &Connection, link: &HostLink) -> Result<(), StoreError> {
    run(
        db,
        "insert into link (container_id, alias, target_id) values (?, ?, ?)",
        (link.container.as_str(), link.alias.as_str(), link.target.as_str()),
    )?;
    Ok(())
}

/// Deletes a link. Returns whether there was one.
///
/// # Errors
/// When SQLite fails.
pub fn delete(db: &Connection, container: &ContainerId, alias: &str) -> Result<bool, StoreError> {
    Ok(run(db, "delete from link where container_id = ? and alias = ?", (container.as_str(), alias))? > 0)
}

/// The links that a container has to others, by name.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn of_container(db: &Connection, container: &ContainerId) -> Result<Vec<HostLink>, StoreError> {
    all(db, "select * from link where container_id = ? order by alias", [container.as_str()], read)
}

/// The links that others have to a container.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn to_container(db: &Connection, target: &ContainerId) -> Result<Vec<HostLink>, StoreError> {
    all(db, "select * from link where target_id = ? order by container_id, alias", [target.as_str()], read)
}

/// Every link's target, with who has it and by which name, in the order in which [`to_container`] tells them.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn to_all(db: &Connection) -> Result<Vec<(ContainerId, ContainerName, String)>, StoreError> {
    all(
        db,
        "select target_id, name, alias from link join container using (container_id) order by link.container_id, alias",
        [],
        |row| Ok((parsed(row, "target_id")?, parsed(row, "name")?, row.get("alias")?)),
    )
}

fn read(row: &rusqlite::Row<'_>) -> Result<HostLink, StoreError> {
    Ok(HostLink {
        container: parsed(row, "container_id")?,
        alias: row.get("alias")?,
        target: parsed(row, "target_id")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{database, with_box};

    fn with_name(db: &Connection, id: &ContainerId) -> ContainerName {
        crate::store::container::get(db, id).unwrap().unwrap().name
    }

    #[test]
    fn a_link_goes_with_either_container() {
        let db = database();
        let [one, two, three] = [1, 2, 3].map(|number| with_box(&db, number).id);
        let link = |container: &ContainerId, alias: &str, target: &ContainerId| HostLink {
            container: container.clone(),
            alias: alias.to_owned(),
            target: target.clone(),
        };
        let (first, second) = (link(&one, "db", &two), link(&one, "web", &three));
        insert(&db, &first).unwrap();
        insert(&db, &second).unwrap();
        assert!(matches!(insert(&db, &link(&one, "db", &three)), Err(StoreError::Conflict { .. })));
        assert_eq!(of_container(&db, &one).unwrap(), [first.clone(), second]);
        assert_eq!(to_container(&db, &two).unwrap(), [first]);
        let named = to_all(&db).unwrap();
        assert_eq!(named.iter().map(|(target, ..)| target).collect::<Vec<_>>(), [&two, &three]);
        assert!(named.iter().all(|(_, holder, _)| *holder == with_name(&db, &one)));
        crate::store::container::delete(&db, &three).unwrap();
        assert_eq!(of_container(&db, &one).unwrap().len(), 1);
        assert!(delete(&db, &one, "db").unwrap() && !delete(&db, &one, "db").unwrap());
    }
}
