//! A container's life in domain words: when it is started again, how its health is checked, and what is known of both.
//! Pure: the clock is handed in.

use serde::{Deserialize, Serialize};

/// When a container is started again after its process has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartPolicy {
    /// Never.
    #[default]
    No,
    /// When it ended with another code than 0.
    OnFailure {
        /// At the most so often in a row; without limit when 0.
        retries: u32,
    },
    /// Whatever it ended with, and when the daemon comes up.
    Always,
    /// Whatever it ended with, until somebody stops it.
    UnlessStopped,
}

/// The first wait before a restart, in milliseconds; each further one is twice as long (moby, restartmanager).
const FIRST_DELAY_MS: i64 = 100;

/// No wait is longer.
const LONGEST_DELAY_MS: i64 = 60_000;

/// A run that lasted so long was no failure to start: the waits begin anew.
const SETTLED_MS: i64 = 10_000;

/// What is known of a container's life beyond its state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Life {
    /// Its processes are frozen.
    pub paused: bool,
    /// How often it was started again by its policy, in a row.
    pub restart_count: u32,
    /// How long the last such start was waited for, in milliseconds.
    pub restart_delay_ms: i64,
    /// When it will be started again, UTC milliseconds.
    pub restart_at_ms: Option<i64>,
    /// Somebody asked for its last end.
    pub stopped_by_hand: bool,
    /// The kernel killed a process of its last run for want of memory.
    pub oom_killed: bool,
    /// What its health checks have found; none before its first start, and when it has none.
    pub health: Option<Health>,
}

/// A run that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// What it ended with.
    pub code: i32,
    /// How long it lasted, in milliseconds.
    pub ran_ms: i64,
}

impl RestartPolicy {
    /// How long to wait before the next start, in milliseconds; none when there is none.
    pub fn delay_ms(self, life: &Life, ended: Ended) -> Option<i64> {
        if life.stopped_by_hand {
            return None;
        }
        let again = match self {
            RestartPolicy::No => false,
            RestartPolicy::OnFailure { retries } => ended.code != 0 && (retries == 0 || life.restart_count < retries),
            RestartPolicy::Always | RestartPolicy::UnlessStopped => true,
        };
        let delay_ms = if ended.ran_ms >= SETTLED_MS || life.restart_delay_ms == 0 {
            FIRST_DELAY_MS
        } else {
            life.restart_delay_ms.saturating_mul(2).min(LONGEST_DELAY_MS)
        };
        again.then_some(delay_ms)
    }

    /// Whether a container that does not run is started when the daemon comes up.
    pub fn at_daemon_start(self, life: &Life) -> bool {
        match self {
            RestartPolicy::No | RestartPolicy::OnFailure { .. } => false,
            RestartPolicy::Always => true,
            RestartPolicy::UnlessStopped => !life.stopped_by_hand,
        }
    }
}

/// How a container's health is checked. Times are in nanoseconds; zero stands for the image's, or the usual.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HealthCheck {
    /// `NONE`, or `CMD` and a command, or `CMD-SHELL` and a line for the shell; the image's when empty.
    pub test: Vec<String>,
    /// Between two checks.
    pub interval_ns: i64,
    /// What one may take.
    pub timeout_ns: i64,
    /// After its start, failures do not count so long.
    pub start_period_ns: i64,
    /// Between two checks in the start period.
    pub start_interval_ns: i64,
    /// So many failures in a row make it unhealthy.
    pub retries: i64,
}

const SECOND_NS: i64 = 1_000_000_000;

impl HealthCheck {
    /// With the image's where nothing was said.
    pub fn or(mut self, image: &HealthCheck) -> HealthCheck {
        if self.test.is_empty() {
            self.test.clone_from(&image.test);
        }
        for (own, other) in [
            (&mut self.interval_ns, image.interval_ns),
            (&mut self.timeout_ns, image.timeout_ns),
            (&mut self.start_period_ns, image.start_period_ns),
            (&mut self.start_interval_ns, image.start_interval_ns),
            (&mut self.retries, image.retries),
        ] {
            if *own == 0 {
                *own = other;
            }
        }
        self
    }

    /// The command of a check; none when there is to be no check.
    pub fn command(&self) -> Option<Vec<String>> {
        match self.test.split_first() {
            Some((kind, rest)) if kind == "CMD" && !rest.is_empty() => Some(rest.to_vec()),
            Some((kind, rest)) if kind == "CMD-SHELL" && !rest.is_empty() => {
                Some(["/bin/sh", "-c"].into_iter().map(str::to_owned).chain([rest.join(" ")]).collect())
            }
            _ => None,
        }
    }

    /// What makes no sense in it.
    ///
    /// # Errors
    /// One sentence, in the words that clients know.
    pub fn check(&self) -> Result<(), String> {
        for (name, value) in [
            ("Interval", self.interval_ns),
            ("Timeout", self.timeout_ns),
            ("StartPeriod", self.start_period_ns),
            ("StartInterval", self.start_interval_ns),
        ] {
            if value != 0 && value < 1_000_000 {
                return Err(format!("{name} in Healthcheck cannot be less than 1ms"));
            }
        }
        if self.retries < 0 {
            return Err("Retries in Healthcheck cannot be negative".to_owned());
        }
        match self.test.first().map(String::as_str) {
            None | Some("" | "NONE" | "CMD" | "CMD-SHELL") => Ok(()),
            Some(other) => Err(format!("unknown health check {other:?}: it begins with NONE, CMD or CMD-SHELL")),
        }
    }

    /// How long one check may take, in nanoseconds.
    pub fn timeout(&self) -> i64 {
        if self.timeout_ns == 0 { 30 * SECOND_NS } else { self.timeout_ns }
    }

    /// How long to wait for the next check, in nanoseconds, when it has run for so many.
    pub fn wait(&self, health: &Health, ran_ns: i64) -> i64 {
        let interval = if self.interval_ns == 0 { 30 * SECOND_NS } else { self.interval_ns };
        let starts = health.status == HealthStatus::Starting && ran_ns < self.start_period_ns;
        match (starts, self.start_interval_ns) {
            (false, _) => interval,
            (true, 0) => (5 * SECOND_NS).min(interval),
            (true, start_interval) => start_interval,
        }
    }
}

/// What health checks have found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// How it is.
    pub status: HealthStatus,
    /// Failures in a row.
    pub failing_streak: u32,
    /// The latest five checks, oldest first.
    pub checks: Vec<Check>,
}

/// How a container is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// Not known yet.
    #[default]
    Starting,
    /// The last check was passed.
    Healthy,
    /// Too many were failed in a row.
    Unhealthy,
}

impl HealthStatus {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            HealthStatus::Starting => "starting",
            HealthStatus::Healthy => "healthy",
            HealthStatus::Unhealthy => "unhealthy",
        }
    }
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// When it began, UTC milliseconds.
    pub started_at_ms: i64,
    /// When it ended.
    pub ended_at_ms: i64,
    /// 0 is healthy; -1 stands for one that took too long or could not be run.
    pub code: i32,
    /// The first 4096 bytes that it printed.
    pub output: String,
}

/// How many checks are kept.
const KEPT: usize = 5;

impl Health {
    /// Takes a check in; `ran_ns` is how long the container had run when the check began.
    pub fn take(&mut self, check: Check, wanted: &HealthCheck, ran_ns: i64) {
        if check.code == 0 {
            self.failing_streak = 0;
            self.status = HealthStatus::Healthy;
        } else if self.status != HealthStatus::Starting || ran_ns >= wanted.start_period_ns {
            self.failing_streak += 1;
            let retries = if wanted.retries == 0 { 3 } else { wanted.retries };
            if i64::from(self.failing_streak) >= retries {
                self.status = HealthStatus::Unhealthy;
            }
        }
        self.checks.push(check);
        if self.checks.len() > KEPT {
            self.checks.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_says_when_it_is_started_again() {
        let delay = |policy: RestartPolicy, code, restart_count, restart_delay_ms, ran_ms| {
            let life = Life { restart_count, restart_delay_ms, ..Life::default() };
            policy.delay_ms(&life, Ended { code, ran_ms })
        };
        let thrice = RestartPolicy::OnFailure { retries: 3 };
        assert_eq!(delay(RestartPolicy::No, 1, 0, 0, 0), None);
        assert_eq!(delay(thrice, 0, 0, 0, 0), None);
        assert_eq!(delay(thrice, 1, 0, 0, 0), Some(100));
        assert_eq!(delay(thrice, 1, 2, 200, 0), Some(400));
        assert_eq!(delay(thrice, 1, 3, 400, 0), None);
        assert_eq!(delay(RestartPolicy::Always, 0, 9, 50_000, 0), Some(60_000));
        assert_eq!(delay(RestartPolicy::Always, 0, 9, 50_000, 10_000), Some(100));
        let by_hand = Life { stopped_by_hand: true, ..Life::default() };
        assert_eq!(RestartPolicy::Always.delay_ms(&by_hand, Ended { code: 1, ran_ms: 0 }), None);
        assert!(RestartPolicy::Always.at_daemon_start(&by_hand));
        assert!(!RestartPolicy::UnlessStopped.at_daemon_start(&by_hand));
    }

    #[test]
    fn checks_make_it_healthy_and_unhealthy() {
        let wanted = HealthCheck { retries: 2, start_period_ns: 10, ..HealthCheck::default() };
        let check = |code| Check { started_at_ms: 0, ended_at_ms: 0, code, output: String::new() };
        let mut health = Health::default();
        let mut told = |code, ran_ns| {
            health.take(check(code), &wanted, ran_ns);
            (health.status, health.failing_streak)
        };
        assert_eq!(told(1, 5), (HealthStatus::Starting, 0));
        assert_eq!(told(1, 10), (HealthStatus::Starting, 1));
        assert_eq!(told(1, 11), (HealthStatus::Unhealthy, 2));
        assert_eq!(told(0, 12), (HealthStatus::Healthy, 0));
        assert_eq!(told(1, 13), (HealthStatus::Healthy, 1));
        assert_eq!(told(1, 5), (HealthStatus::Unhealthy, 2), "once it was healthy, the start period is over");
        assert_eq!(health.checks.len(), 5);
    }

    #[test]
    fn what_is_not_said_is_the_images() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let image = HealthCheck { test: words(&["CMD-SHELL", "exit 0"]), retries: 5, ..HealthCheck::default() };
        let own = HealthCheck { retries: 1, interval_ns: 7, ..HealthCheck::default() }.or(&image);
        assert_eq!((own.retries, own.interval_ns), (1, 7));
        assert_eq!(own.command().unwrap(), ["/bin/sh", "-c", "exit 0"]);
        assert_eq!(HealthCheck { test: words(&["NONE"]), ..own.clone() }.command(), None);
        assert!(HealthCheck { interval_ns: 1, ..own }.check().is_err());
    }
}
