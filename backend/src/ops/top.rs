//! The processes of a container, as ps(1) tells of them.

use super::{Daemon, OpError, lookup};
use crate::model::ContainerRecord;
use drawbridge_api::ContainerState;
use tokio::process::Command;

/// What ps printed of a container's processes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The names of the columns.
    pub titles: Vec<String>,
    /// A row for each process; the last column may hold spaces.
    pub rows: Vec<Vec<String>>,
}

/// Lists a container's processes; `arguments` are those of ps.
///
/// # Errors
/// `NotRunning`; `Invalid` for arguments that ps does not know, or that leave the numbers out.
pub async fn processes(daemon: &Daemon, text: &str, arguments: &str) -> Result<(ContainerRecord, Table), OpError> {
    let record = lookup::find(daemon, text)?;
    if record.life.restart_at_ms.is_some() {
        return Err(OpError::State(format!(
            "Container {} is restarting, wait until the container is running",
            record.id
        )));
    }
    if record.state != ContainerState::Running {
        return Err(OpError::NotRunning(record.id.to_string()));
    }
    let pids = daemon.runtime.pids(&record.id).await?;
    let output = Command::new("ps").args(arguments.split_whitespace()).output().await;
    let output = output
        .map_err(|error| OpError::Invalid(format!("cannot run ps: {error}; install the Debian package procps")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().next().unwrap_or_default().trim();
        return Err(OpError::Invalid(format!("ps: {said}")));
    }
    Ok((record, table(&String::from_utf8_lossy(&output.stdout), &pids)?))
}

fn table(printed: &str, pids: &[i32]) -> Result<Table, OpError> {
    let mut lines = printed.lines();
    let titles: Vec<String> = lines.next().unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    let column = titles.iter().position(|title| title == "PID").ok_or_else(|| {
        OpError::Invalid("Couldn't find PID field in ps output; leave the column in, as in -o pid,args".into())
    })?;
    let row = |line: &str| {
        let mut words = line.split_whitespace();
        let mut row: Vec<String> = words.by_ref().take(titles.len().saturating_sub(1)).map(str::to_owned).collect();
        row.push(words.collect::<Vec<_>>().join(" "));
        let pid = row.get(column)?.parse::<i32>().ok()?;
        pids.contains(&pid).then_some(row)
    };
    Ok(Table { rows: lines.filter_map(row).collect(), titles })
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn the_containers_own_are_picked() {
        let printed = "UID PID CMD\nroot 1 init  now\nroot 7 sleep 1000 x\n";
        let found = table(printed, &[7]).unwrap();
        assert_eq!(found.titles, ["UID", "PID", "CMD"]);
        assert_eq!(found.rows, [["root", "7", "sleep 1000 x"]]);
        assert!(table("UID CMD\n", &[7]).is_err());
    }
}
