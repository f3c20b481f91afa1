//! The machine that plans are carried out on. The daemon has the kernel's; tests put a fault in front of it.

use drawbridge_kernel::{Kernel, KernelError, Session, StepError};
use drawbridge_plan::{Observed, Scope, Step};

/// Something that can be observed and stepped. Blocking: called only where tokio knows of it.
pub trait Machine: Send + Sync {
    /// What is there of ours within `scope`, and the values of the sysctls of these keys.
    ///
    /// # Errors
    /// When the kernel can't be asked.
    fn observe(&self, scope: &Scope, sysctl_keys: &[String]) -> Result<Observed, KernelError>;

    /// A hand for the length of one plan, which will do these steps. It may begin with what leaves no trace if they are never
    /// done.
    ///
    /// # Errors
    /// When the kernel can't be reached.
    fn hand(&self, steps: &[Step]) -> Result<Box<dyn Hand + '_>, KernelError>;
}

/// Does steps one after the other.
pub trait Hand {
    /// Does one step. Doing it twice is harmless.
    ///
    /// # Errors
    /// When the kernel refuses.
    fn execute(&mut self, step: &Step) -> Result<(), StepError>;
}

impl Machine for Kernel {
    fn observe(&self, scope: &Scope, sysctl_keys: &[String]) -> Result<Observed, KernelError> {
        Kernel::observe(self, scope, sysctl_keys)
    }

    fn hand(&self, steps: &[Step]) -> Result<Box<dyn Hand + '_>, KernelError> {
        Ok(Box::new(self.session_for(steps)?))
    }
}

impl Hand for Session {
    fn execute(&mut self, step: &Step) -> Result<(), StepError> {
        Session::execute(self, step)
    }
}
