//! The one road of every change: lock, edit rows, plan, apply, settle, publish.
//!
//! Nothing here knows what a change is about; the operations in `ops` do. Nothing else in the daemon changes the kernel.

use crate::{
    apply::{ApplyError, apply},
    clock,
    events::Events,
    machine::Machine,
    store::{
        Connection, Store, StoreError, desired,
        journal::{self, Request, StepResult, Verdict},
        sysctl,
    },
};
use drawbridge_api::{Change, EventKind, Outcome, Plan};
use drawbridge_kernel::{KernelError, StepError};
use drawbridge_plan::{Desired, Observed, Scope, Step, plan};
use std::sync::Arc;
use tokio::sync::Mutex;

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
    /// The kernel refused a step; the steps before it are undone.
    #[error("{0}")]
    Refused(StepError),
    /// The plan could not be carried out.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

/// The setting that every network with a way out needs (Documentation/networking/ip-sysctl.rst).
pub const IP_FORWARD: &str = "net.ipv4.ip_forward";

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
    pub store: Store,
    /// What listeners hear.
    pub events: Events,
    machine: Arc<dyn Machine>,
    /// One change at a time: what is observed must still be so when it is planned for.
    change: Mutex<()>,
}

impl Engine {
    /// An engine on a database and a machine. Call `ops::start::bring_up` before anything else is asked of it.
    pub fn new(store: Store, events: Events, machine: Arc<dyn Machine>) -> Self {
        Self { store, events, machine, change: Mutex::new(()) }
    }

    /// Makes a change within `scope`: observes the kernel, runs `edit`, which writes rows under the change's number,
    /// plans what they want against what was observed, and carries the plan out.
    ///
    /// # Errors
    /// What `edit` returns, or why the plan could not be carried out.
    pub async fn change<T, E, F>(&self, mode: Mode, request: Request, scope: Scope, edit: F) -> Result<Changed<T>, E>
    where
        F: AsyncFnOnce(&mut Connection, &Draft) -> Result<T, E>,
        E: From<ChangeError> + From<StoreError>,
    {
        let _one_at_a_time = self.change.lock().await;
        let observed = self.observe(&scope).await?;
        let mut tx = self.store.write().await?;
        let now_ms = clock::now_ms();
        let change_id = journal::open(&mut tx, &request, now_ms).await?;
        let draft = Draft { change_id, observed };
        let made = edit(&mut tx, &draft).await?;
        let wanted = desired::load(&mut tx, &scope).await?;
        let steps = plan(&wanted, &draft.observed, &scope);
        if mode == Mode::Preview {
            tx.rollback().await.map_err(StoreError::from)?;
            return Ok(Changed::Previewed(in_words(&steps)));
        }
        journal::write_steps(&mut tx, change_id, &steps).await?;
        tx.commit().await.map_err(StoreError::from)?;
        self.carry_out(journal::opened(change_id, request, &steps, now_ms), steps).await?;
        Ok(Changed::Applied(made))
    }

    /// What would be changed now so that the kernel is as the rows want it.
    ///
    /// # Errors
    /// When store or kernel can't be read.
    pub async fn drift(&self) -> Result<Plan, ChangeError> {
        let observed = self.observe(&Scope::Everything).await?;
        let wanted = desired::load(&mut *self.store.read().await?, &Scope::Everything).await?;
        Ok(in_words(&plan(&wanted, &observed, &Scope::Everything)))
    }

    /// Takes away everything of ours in the kernel and gives the settings back their first values; the rows stay.
    ///
    /// # Errors
    /// When store or kernel fail.
    pub async fn take_down(&self, request: Request) -> Result<(), ChangeError> {
        let _one_at_a_time = self.change.lock().await;
        let observed = self.observe(&Scope::Everything).await?;
        let mut tx = self.store.write().await?;
        let now_ms = clock::now_ms();
        let change_id = journal::open(&mut tx, &request, now_ms).await?;
        let nothing = Desired { sysctls: sysctl::originals(&mut tx).await?, ..Desired::default() };
        let steps = plan(&nothing, &observed, &Scope::Everything);
        journal::write_steps(&mut tx, change_id, &steps).await?;
        tx.commit().await.map_err(StoreError::from)?;
        self.carry_out(journal::opened(change_id, request, &steps, now_ms), steps).await
    }

    /// Returns when the change that is under way is settled, and lets no other begin.
    pub async fn come_to_rest(&self) {
        std::mem::forget(self.change.lock().await);
    }

    async fn observe(&self, scope: &Scope) -> Result<Observed, ChangeError> {
        let machine = Arc::clone(&self.machine);
        let scope = scope.clone();
        tokio::task::spawn_blocking(move || machine.observe(&scope, &[IP_FORWARD.to_owned()]))
            .await
            .map_err(|_| ChangeError::Apply(ApplyError::CutOff))?
            .map_err(ChangeError::Observe)
    }

    /// Publishes a change whose rows are committed, does its steps and settles it.
    async fn carry_out(&self, change: Change, steps: Vec<Step>) -> Result<(), ChangeError> {
        self.publish(change.clone());
        let applied = match apply(Arc::clone(&self.machine), steps).await {
            Ok(applied) => applied,
            Err(ApplyError::Kernel(error)) => {
                self.settle(change, Vec::new(), Verdict::Failed { error: error.to_string() }).await?;
                return Err(ApplyError::Kernel(error).into());
            }
            Err(cut_off @ ApplyError::CutOff) => return Err(cut_off.into()),
        };
        let verdict = match &applied.refused {
            None => Verdict::Done,
            Some(refused) => Verdict::Failed { error: refused.to_string() },
        };
        self.settle(change, applied.results, verdict).await?;
        match applied.refused {
            None => Ok(()),
            Some(refused) => Err(ChangeError::Refused(refused)),
        }
    }

    async fn settle(&self, change: Change, results: Vec<StepResult>, verdict: Verdict) -> Result<(), ChangeError> {
        let now_ms = clock::now_ms();
        let mut tx = self.store.write().await?;
        journal::settle(&mut tx, change.id, &results, &verdict, now_ms).await?;
        tx.commit().await.map_err(StoreError::from)?;
        self.publish(journal::settled(change, results, verdict, now_ms));
        Ok(())
    }

    fn publish(&self, change: Change) {
        self.events.publish(EventKind::Change(change), clock::now_ms());
    }
}

fn in_words(steps: &[Step]) -> Plan {
    let planned = StepResult { outcome: Outcome::Planned, error: None, duration_us: None };
    Plan { steps: steps.iter().map(|step| journal::in_words(step, planned.clone())).collect() }
}
