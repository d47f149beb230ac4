//! Nothing depends on anybody's life: shims, workers, monitors and commands are killed at every point.

mod calls;
mod crowd;
mod ground;
mod kills;
mod model;
mod sweep;

use ground::Ground;
use std::any::Any;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;

/// How many cases are tried at a time: most of the time they wait.
const AT_A_TIME: usize = 4;

/// Tries all cases, each on a ground that belongs to it for so long, and then tells which went wrong.
#[track_caller]
fn everywhere<C: Copy + Debug + Send>(
    cases: Vec<C>,
    ground: impl Fn() -> Ground + Sync,
    case: impl Fn(&Ground, C) + Sync,
) {
    let count = cases.len();
    let (left, wrong) = (Mutex::new(cases), Mutex::new(Vec::new()));
    let next = || left.lock().unwrap().pop();
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME.min(count) {
            scope.spawn(|| {
                let ground = ground();
                while let Some(one) = next() {
                    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| case(&ground, one))) {
                        wrong.lock().unwrap().push(format!("{one:?}: {}", words(&*panic)));
                        ground.sandbox.clear();
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {count} cases:\n{}", wrong.len(), wrong.join("\n"));
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words")
}
