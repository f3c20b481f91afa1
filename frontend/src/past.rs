//! Changes of a thing: the latest out of the live state, older ones read from the daemon page by page.

use crate::{api, app::app, route::Selection};
use drawbridge_api::Change;
use leptos::{prelude::*, task::spawn_local};
use std::{collections::BTreeMap, sync::Arc};

/// What is known of the changes before the oldest one that is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Older {
    /// There may be some.
    Unknown,
    /// They are on their way.
    Loading,
    /// They could not be read.
    Failed(String),
    /// There are none.
    None,
}

/// The changes of a thing, as far as they were read. A handle; copies are the same.
#[derive(Clone, Copy)]
pub struct Past {
    thing: StoredValue<Selection>,
    /// What there is, by number.
    pub changes: Memo<BTreeMap<i64, Arc<Change>>>,
    older: RwSignal<Vec<Arc<Change>>>,
    state: RwSignal<Older>,
}

impl Past {
    /// Of a network or a container; all changes for the host. Lives as long as the component that calls this.
    pub fn of(thing: Selection) -> Self {
        let of_it = thing.clone();
        let latest = app().memo(move |live| {
            let is_meant =
                |change: &&Arc<Change>| of_it == Selection::Host || Selection::of(change).as_ref() == Some(&of_it);
            live.changes.iter().filter(is_meant).cloned().collect::<Vec<_>>()
        });
        let older = RwSignal::new(Vec::new());
        let changes = Memo::new(move |_| latest.with(|latest| older.with(|older| merge(latest, older))));
        Self { thing: StoredValue::new(thing), changes, older, state: RwSignal::new(Older::Unknown) }
    }

    /// The numbers, newest first.
    pub fn ids(self) -> Vec<i64> {
        self.changes.with(|changes| changes.keys().rev().copied().collect())
    }

    /// What is known of older ones. Number 1 is the first there ever was.
    pub fn older(self) -> Older {
        let is_first = self.changes.with(|changes| changes.contains_key(&1));
        if is_first { Older::None } else { self.state.get() }
    }

    /// Reads a page of older ones.
    pub fn load(self) {
        let before = self.changes.with_untracked(|changes| changes.keys().next().copied());
        let thing = self.thing.get_value();
        self.state.set(Older::Loading);
        spawn_local(async move {
            // The page may be left by the time the answer comes.
            match api::changes(&thing, before).await {
                Ok(page) => {
                    let is_last = page.len() < api::CHANGES_PER_PAGE;
                    self.older.try_update(|older| older.extend(page.into_iter().map(Arc::new)));
                    self.state.try_set(if is_last { Older::None } else { Older::Unknown });
                }
                Err(failure) => {
                    self.state.try_set(Older::Failed(failure.to_string()));
                }
            }
        });
    }
}

/// Both lists by number; where both know a change, the live one counts.
fn merge(latest: &[Arc<Change>], older: &[Arc<Change>]) -> BTreeMap<i64, Arc<Change>> {
    older.iter().chain(latest).map(|change| (change.id, change.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use drawbridge_api::ChangeState;

    #[test]
    fn the_live_state_of_a_change_counts() {
        let change = |id, state| Arc::new(Change { state, ..sample::change(id) });
        let latest = [change(3, ChangeState::Done), change(2, ChangeState::Done)];
        let older = [change(2, ChangeState::Open), change(1, ChangeState::Failed)];
        let states: Vec<_> = merge(&latest, &older).into_iter().map(|(id, change)| (id, change.state)).collect();
        assert_eq!(states, [(1, ChangeState::Failed), (2, ChangeState::Done), (3, ChangeState::Done)]);
    }
}
