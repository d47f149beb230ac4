//! The fidelity test: bundles are run by runc and by nexcage, a probe in them prints what it sees, and
//! the two are compared fact by fact.
//!
//! `bundles/*.json` has the bundles, a file a topic ([`Case`]); `base.json` is what they start from.
//! `reasons.txt` names the differences that are known, each with its reason; one that is named there and is not
//! seen is an error ([`Reasons`]).

mod cases;
mod cgroups;
mod engines;
mod facts;
mod holder;
mod observe;
mod reasons;
mod report;
mod scene;

pub use cases::{Case, cases};
pub use facts::Facts;
pub use observe::{Observed, Runtime, observe};
pub use reasons::Reasons;
pub use report::{Report, Score};

use nexcage_tests::Backend;
use std::path::Path;
use std::sync::Mutex;
use std::thread;

/// How many bundles are run at the same time.
const AT_ONCE: usize = 2;

/// Runs the cases by runc and on the backends, with the static probe at `probe`; `seen` gets each
/// report as soon as it is there.
///
/// # Panics
/// The machine lacks what the test needs.
pub fn compare(
    cases: Vec<Case>,
    backends: &[Backend],
    probe: &Path,
    reasons: &Reasons,
    seen: impl Fn(&Report) + Sync,
) -> Score {
    let waiting = Mutex::new(cases.into_iter());
    let score = Mutex::new(Score::default());
    let work = || {
        loop {
            let next = waiting.lock().ok().and_then(|mut cases| cases.next());
            let Some(case) = next else { return };
            let reference = observe(&case, Runtime::Runc, probe);
            for backend in backends {
                let ours = observe(&case, Runtime::Nexcage(*backend), probe);
                let report = Report::new(&case, *backend, &reference, &ours, reasons);
                seen(&report);
                if let Ok(mut score) = score.lock() {
                    score.add(&report);
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(work);
        }
    });
    score.into_inner().unwrap_or_default()
}
