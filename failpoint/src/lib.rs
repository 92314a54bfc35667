//! Fail points: named places at which a test has the program die as `kill -9` would have it, or stand still.
//!
//! Owns the plan that the environment gives, and the death; does not know what the places mean. Used at the edges of
//! `probity`, never in what decides.
//!
//! They are there only with the feature `failpoints`, and never in a build without debug assertions, as a release is:
//! then [`failpoint!`](crate::failpoint) is nothing at all.
//!
//! The plan is `PROBITY_FAILPOINT=POINT[,POINT…]`, points in the order in which they have to be passed; at the last one
//! the process sends itself SIGKILL, so that nothing is flushed and nothing dropped. A point may say at which passing it
//! counts, from 1, and for how many milliseconds whoever passes it sleeps there in place of what it would do otherwise:
//! `desk.flush,store.commit.done@2`, `store.commit.begin@3:2500`.

/// Passes the point of this name: `&'static str`, or an `Option` of one.
#[cfg(all(feature = "failpoints", debug_assertions))]
#[macro_export]
macro_rules! failpoint {
    ($name:expr) => {
        $crate::pass($name)
    };
}

/// Nothing: the name is not even evaluated.
#[cfg(not(all(feature = "failpoints", debug_assertions)))]
#[macro_export]
macro_rules! failpoint {
    ($name:expr) => {
        if false {
            $crate::pass($name)
        }
    };
}

/// What the macro calls.
#[cfg(not(all(feature = "failpoints", debug_assertions)))]
#[doc(hidden)]
#[inline(always)]
pub fn pass(_: impl Into<Option<&'static str>>) {}

#[cfg(all(feature = "failpoints", debug_assertions))]
pub use armed::pass;

#[cfg(all(feature = "failpoints", debug_assertions))]
mod armed {
    use std::{
        env,
        sync::{
            LazyLock,
            atomic::{AtomicI64, AtomicUsize, Ordering},
        },
        thread,
        time::Duration,
    };

    /// Where the plan stands: also by which a test tells that a program has fail points.
    const VARIABLE: &str = "PROBITY_FAILPOINT";

    struct Step {
        name: String,
        /// How often it has still to be passed.
        left: AtomicI64,
        sleep: Option<Duration>,
    }

    struct Plan {
        steps: Vec<Step>,
        /// The step that is waited for.
        at: AtomicUsize,
    }

    static PLAN: LazyLock<Plan> = LazyLock::new(|| {
        let text = env::var(VARIABLE).unwrap_or_default();
        Plan { steps: text.split(',').filter_map(step).collect(), at: AtomicUsize::new(0) }
    });

    /// `NAME[@TIMES][:MILLISECONDS]`
    fn step(text: &str) -> Option<Step> {
        let (text, sleep) = match text.split_once(':') {
            Some((text, sleep)) => (text, sleep.parse().ok().map(Duration::from_millis)),
            None => (text, None),
        };
        let (name, left) = match text.split_once('@') {
            Some((name, times)) => (name, times.parse().unwrap_or(1)),
            None => (text, 1),
        };
        (!name.is_empty()).then(|| Step { name: name.to_owned(), left: AtomicI64::new(left), sleep })
    }

    #[doc(hidden)]
    pub fn pass(name: impl Into<Option<&'static str>>) {
        let (Some(name), plan) = (name.into(), &*PLAN) else { return };
        let at = plan.at.load(Ordering::SeqCst);
        let Some(step) = plan.steps.get(at).filter(|step| step.name == name) else { return };
        if step.left.fetch_sub(1, Ordering::SeqCst) != 1 {
            return;
        }
        plan.at.store(at + 1, Ordering::SeqCst);
        match step.sleep {
            Some(sleep) => thread::sleep(sleep),
            None if at + 1 == plan.steps.len() => die(),
            None => {}
        }
    }

    fn die() -> ! {
        use rustix::process::{Signal, getpid, kill_process};
        // It cannot fail: everybody may signal himself.
        let _ = kill_process(getpid(), Signal::KILL);
        loop {
            thread::park();
        }
    }
}
