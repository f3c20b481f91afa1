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

    /// A hand that does steps, for the length of one plan.
    ///
    /// # Errors
    /// When the kernel can't be reached.
    fn hand(&self) -> Result<Box<dyn Hand + '_>, KernelError>;
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

    fn hand(&self) -> Result<Box<dyn Hand + '_>, KernelError> {
        Ok(Box::new(self.session()?))
    }
}

impl Hand for Session {
    fn execute(&mut self, step: &Step) -> Result<(), StepError> {
        Session::execute(self, step)
    }
}
