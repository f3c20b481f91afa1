//! Waiting for what the kernel takes away in the background.

use std::{thread, time::Duration};

/// How long a link may take to vanish whose namespace is being destroyed: the kernel does that in batches, of which one
/// takes some 30 ms and a hundred 200 ms.
pub(crate) const VANISH_WITHIN: Duration = Duration::from_secs(2);

/// How often is looked; 1 ms would do as well, 10 ms would be felt.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Looks at something that is to vanish: so many, and not so long. What a machine is late with that stands still or is busy is seen
/// by the next look, however late that comes.
pub(crate) struct Looks {
    left: u32,
}

impl Looks {
    /// As many as this takes on a machine that is at rest.
    pub(crate) fn within(time: Duration) -> Looks {
        let left = time.as_micros() / LOOK_EVERY.as_micros();
        Looks { left: u32::try_from(left).unwrap_or(u32::MAX) }
    }

    /// Waits until it is time for the next one; false when there were enough.
    pub(crate) fn wait(&mut self) -> bool {
        let has_more = self.left > 0;
        if has_more {
            self.left -= 1;
            thread::sleep(LOOK_EVERY);
        }
        has_more
    }
}
