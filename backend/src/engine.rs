//! The one road of every change: lock, edit rows, plan, apply, settle, publish.
//!
//! Nothing here knows what a change is about; the operations in `ops` do. Nothing else in the daemon changes the kernel.
//!
//! From the lock to the last event a change is one run of plain calls on one thread, which tells tokio that it blocks
//! (so the runtime must be one of several threads). Handing each question to another thread cost more than the questions.

use crate::{
    apply::{CutOff, apply},
    clock,
    dns::{Asker, Dns, Membership},
    events::Events,
    machine::Machine,
    store::{
        Connection, Store, StoreError, WriteTx, desired,
        journal::{self, Request, StepResult, Verdict},
        names, sysctl,
    },
};
use drawbridge_api::{Change, ContainerId, EventKind, Plan};
use drawbridge_kernel::{KernelError, StepError};
use drawbridge_plan::{Desired, Object, Observed, Scope, Step, plan, script};
use std::sync::{Arc, PoisonError};
use tokio::{sync::Mutex, task::block_in_place};

/// Whether a change is only looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The real change, rolled back when its plan is known.
    Preview,
    /// The real change.
    Apply,
}

/// What a change gave.
#[derive(Debug)]
pub enum Changed<T> {
    /// What would be done.
    Previewed(Plan),
    /// It is done; this is what the edit returned.
    Applied(T),
}

/// Why a change is not done. Unless it says otherwise, everything is as before.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The kernel could not be observed.
    #[error("cannot see what the kernel has")]
    Observe(#[source] KernelError),
    /// The kernel could not be reached.
    #[error("cannot reach the kernel")]
    Reach(#[source] KernelError),
    /// The kernel refused a step; the steps before it are undone.
    #[error("{0}")]
    Refused(StepError),
    /// The plan was carried out in part.
    #[error(transparent)]
    CutOff(#[from] CutOff),
}

/// The setting that every network with a way out needs (Documentation/networking/ip-sysctl.rst).
pub const IP_FORWARD: &str = "net.ipv4.ip_forward";

/// The same for IPv6, which every network with IPv6 and a way out needs.
pub const IP6_FORWARD: &str = "net.ipv6.conf.all.forwarding";

/// What an edit knows of the change it is part of.
#[derive(Debug)]
pub struct Draft {
    /// The change's number, for the rows that are coming or going with it.
    pub change_id: i64,
    /// What the kernel had, within the change's scope.
    pub observed: Observed,
}

/// The engine: the store, the machine and the lock between them.
pub struct Engine {
    /// The database.
    pub store: Arc<Store>,
    /// What listeners hear.
    pub events: Events,
    /// The names of containers.
    pub dns: Arc<Dns>,
    machine: Arc<dyn Machine>,
    /// One change at a time: what is observed must still be so when it is planned for.
    change: Mutex<()>,
}

impl Engine {
    /// An engine on a database and a machine. Call `ops::start::bring_up` before anything else is asked of it.
    pub fn new(store: Store, events: Events, machine: Arc<dyn Machine>, dns: Arc<Dns>) -> Self {
        Self { store: Arc::new(store), events, dns, machine, change: Mutex::new(()) }
    }

    /// Makes a change within `scope`: observes the kernel, runs `edit`, which writes rows under the change's number,
    /// plans what they want against what was observed, and carries the plan out.
    ///
    /// # Errors
    /// What `edit` returns, or why the plan could not be carried out.
    pub async fn change<T, E, F>(&self, mode: Mode, request: Request, scope: Scope, edit: F) -> Result<Changed<T>, E>
    where
        F: FnOnce(&Connection, &Draft) -> Result<T, E>,
        E: From<ChangeError> + From<StoreError>,
    {
        let _one_at_a_time = self.change.lock().await;
        // Nothing is awaited from here on. Who asked may go away, and axum then drops this future, but only where it
        // waits: no change is left half done.
        block_in_place(|| {
            let observed = self.observe(&scope)?;
            let tx = self.store.write()?;
            let change = journal::open(&tx, request, clock::now_ms())?;
            let draft = Draft { change_id: change.id, observed };
            let made = edit(&tx, &draft)?;
            let wanted = desired::load(&tx, &scope)?;
            let steps = plan(&wanted, &draft.observed, &scope);
            if mode == Mode::Preview {
                // The transaction goes without a commit.
                let script = self.script(&scope, &steps)?;
                return Ok(Changed::Previewed(Plan { steps: journal::planned(&steps), script }));
            }
            self.enact(tx, change, &steps, &scope)?;
            Ok(Changed::Applied(made))
        })
    }

    /// Makes the tables as the rows want them, as a change of its own, if they are not. Whether they were not.
    ///
    /// # Errors
    /// When store or kernel fail.
    pub async fn repair(&self, request: Request) -> Result<bool, ChangeError> {
        let _one_at_a_time = self.change.lock().await;
        block_in_place(|| {
            let scope = Scope::Tables;
            let observed = self.observe(&scope)?;
            let tx = self.store.write()?;
            let steps = plan(&desired::load(&tx, &scope)?, &observed, &scope);
            if steps.is_empty() {
                return Ok(false);
            }
            let change = journal::open(&tx, request, clock::now_ms())?;
            self.enact(tx, change, &steps, &scope)?;
            Ok(true)
        })
    }

    /// Writes rows that the kernel has no part in, outside of a change.
    ///
    /// # Errors
    /// When SQLite fails; nothing is written then.
    pub fn write<T>(&self, edit: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        // A commit waits for the disk now and then, when SQLite takes what the WAL has over into the database.
        block_in_place(|| {
            let tx = self.store.write()?;
            let made = edit(&tx)?;
            tx.commit()?;
            Ok(made)
        })
    }

    /// A plan as a script, with what the rows wanted before it within its scope, which is what it stands on.
    fn script(&self, scope: &Scope, steps: &[Step]) -> Result<String, StoreError> {
        let db = self.store.read()?;
        let before = Desired { sysctls: sysctl::needed(&db)?, ..desired::load(&db, scope)? };
        Ok(script(before, &desired::networks(&db, None)?, steps))
    }

    /// What would be changed now so that the kernel is as the rows want it.
    ///
    /// # Errors
    /// When store or kernel can't be read.
    pub fn drift(&self) -> Result<Plan, ChangeError> {
        block_in_place(|| {
            let observed = self.observe(&Scope::Everything)?;
            let wanted = desired::load(&*self.store.read()?, &Scope::Everything)?;
            let steps = plan(&wanted, &observed, &Scope::Everything);
            Ok(Plan { steps: journal::planned(&steps), script: String::new() })
        })
    }

    /// The steps that would make everything that is wanted now on a machine that has nothing of it.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn from_nothing(&self) -> Result<Vec<Step>, ChangeError> {
        block_in_place(|| {
            let wanted = desired::load(&*self.store.read()?, &Scope::Everything)?;
            // What a kernel begins with, as far as the networks need it otherwise.
            let sysctls = wanted.sysctls.iter().map(|sysctl| (sysctl.key.clone(), "0".to_owned())).collect();
            let nothing = Observed { sysctls, ..Observed::default() };
            Ok(plan(&wanted, &nothing, &Scope::Everything))
        })
    }

    /// Takes away everything of ours in the kernel and gives the settings back their first values; the rows stay.
    ///
    /// # Errors
    /// When store or kernel fail.
    pub async fn take_down(&self, request: Request) -> Result<(), ChangeError> {
        let _one_at_a_time = self.change.lock().await;
        block_in_place(|| {
            let observed = self.observe(&Scope::Everything)?;
            let tx = self.store.write()?;
            let change = journal::open(&tx, request, clock::now_ms())?;
            let nothing = Desired { sysctls: sysctl::originals(&tx)?, ..Desired::default() };
            let steps = plan(&nothing, &observed, &Scope::Everything);
            self.enact(tx, change, &steps, &Scope::Everything)
        })
    }

    /// Returns when the change that is under way is settled, and lets no other begin.
    pub async fn come_to_rest(&self) {
        std::mem::forget(self.change.lock().await);
    }

    /// What the kernel has of ours within a scope. Blocks.
    ///
    /// # Errors
    /// When the kernel can't be asked.
    pub fn observe(&self, scope: &Scope) -> Result<Observed, ChangeError> {
        self.machine.observe(scope, &[IP_FORWARD.to_owned(), IP6_FORWARD.to_owned()]).map_err(ChangeError::Observe)
    }

    /// Writes an open change's steps down and commits its rows, publishes it, does the steps and settles it.
    fn enact(&self, tx: WriteTx<'_>, mut change: Change, steps: &[Step], scope: &Scope) -> Result<(), ChangeError> {
        // First, for what it can begin with while the rest is written, and so that without it nothing is.
        let hand = self.machine.hand(steps).map_err(ChangeError::Reach)?;
        journal::write_steps(&tx, change.id, steps)?;
        tx.commit()?;
        change.steps = journal::planned(steps);
        self.publish(change.clone());
        self.close_sockets(steps);
        let applied = apply(hand, steps)?;
        let verdict = match &applied.refused {
            None => Verdict::Done,
            Some(refused) => Verdict::Failed { error: refused.to_string() },
        };
        self.settle(change, scope, applied.results, verdict)?;
        match applied.refused {
            None => Ok(()),
            Some(refused) => Err(ChangeError::Refused(refused)),
        }
    }

    /// Settles the rows, then the names that follow from them, and then tells of it.
    fn settle(
        &self,
        change: Change,
        scope: &Scope,
        results: Vec<StepResult>,
        verdict: Verdict,
    ) -> Result<(), ChangeError> {
        let now_ms = clock::now_ms();
        let tx = self.store.write()?;
        journal::settle(&tx, change.id, scope, &results, &verdict, now_ms)?;
        // Read here and not after the commit: another connection would have to read anew whatever this one wrote.
        let names = match scope {
            Scope::Container { id, .. } => Some(Names::read(&tx, Some(id))?),
            Scope::Everything => Some(Names::read(&tx, None)?),
            Scope::Tables | Scope::Network { .. } => None,
        };
        tx.commit()?;
        if let Some(names) = names {
            self.take_up(names);
        }
        self.publish(journal::settled(change, results, verdict, now_ms));
        Ok(())
    }

    /// Takes the names of all containers up, and answers wherever it is to be done: at the start, when no change may be needed.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn take_up_names(&self) -> Result<(), ChangeError> {
        block_in_place(|| Ok(self.set_names_of(None)?))
    }

    /// Sets the names of one container, or of all, as the rows have them. A change does so by itself; who gives a container
    /// another name has to ask for it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn set_names_of(&self, one: Option<&ContainerId>) -> Result<(), StoreError> {
        let names = Names::read(&*self.store.read()?, one)?;
        self.take_up(names);
        Ok(())
    }

    /// Answers with these names, and opens the sockets at which they are asked for. That sockets can't be opened is no reason
    /// to take a network back: the container runs, without names.
    fn take_up(&self, names: Names) {
        {
            // What a panicked writer left is what is written now.
            let mut table = self.dns.table().write().unwrap_or_else(PoisonError::into_inner);
            match names.of {
                None => table.replace(names.memberships),
                Some(id) => {
                    table.set(&id, names.memberships.into_iter().next().map(|(_, all)| all).unwrap_or_default())
                }
            }
        }
        for asker in names.askers {
            if let Err(error) = self.dns.open(asker) {
                tracing::error!(error = &error as &dyn std::error::Error, "a container has no names");
            }
        }
    }

    /// Closes the daemon's sockets where namespaces go, which they would keep alive, or where names are no longer answered. If
    /// the plan is refused, they are opened again with the names.
    fn close_sockets(&self, steps: &[Step]) {
        for step in steps {
            if let Step::Remove {
                object: Object::Namespace { name: namespace, .. } | Object::Resolver { namespace, .. },
                ..
            } = step
            {
                self.dns.close(namespace);
            }
        }
    }

    fn publish(&self, change: Change) {
        self.events.publish(EventKind::Change(change), clock::now_ms());
    }
}

/// What containers are called, and where they ask.
struct Names {
    /// The one that they are about; all, when none.
    of: Option<ContainerId>,
    memberships: Vec<(ContainerId, Vec<Membership>)>,
    askers: Vec<Asker>,
}

impl Names {
    fn read(db: &Connection, of: Option<&ContainerId>) -> Result<Names, StoreError> {
        Ok(Names { of: of.cloned(), memberships: names::memberships(db, of)?, askers: names::askers(db, of)? })
    }
}
