//! The shim, its worker, or both die at each named step of a container's life.

use super::everywhere;
use super::ground::{Ground, STATUS, is_alive};
use nexcage_shim::FAULT_PLACES;
use std::os::unix::process::ExitStatusExt as _;
use std::thread;

/// Which command comes to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Create,
    Start,
    Exit,
    Delete,
}

/// Who dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    /// The worker, and the shim lives.
    Worker,
    Shim,
}

/// What comes after the death.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// The container is led to its regular end, and one of the same id is made.
    GoOn,
    /// `delete --force`.
    Force,
    /// A container of the same id is made.
    Again,
}

#[derive(Debug, Clone, Copy)]
struct Case {
    place: &'static str,
    step: Step,
    victim: Victim,
    then: Then,
}

/// Places that the shim itself comes to, not a worker.
const OF_SHIM: [&str; 8] = [
    "id-taken",
    "serving",
    "created-recorded",
    "start-recorded",
    "running-recorded",
    "exit-seen",
    "exit-recorded",
    "delete-recorded",
];

fn step(place: &str) -> Step {
    match place {
        "id-taken"
        | "serving"
        | "rootfs-mounted"
        | "bundle-read"
        | "config-saved"
        | "backend-taken"
        | "record-written"
        | "mount-points-made"
        | "socket-bound"
        | "configuration-written"
        | "launched"
        | "setup-connected"
        | "setup-mounted"
        | "create-hooks-run"
        | "init-connected"
        | "init-ready"
        | "launch-ended"
        | "limits-set"
        | "created-reported"
        | "created-recorded" => Step::Create,
        "start-recorded" | "start-hooks-run" | "socket-removed" | "went" | "running-recorded"
        | "poststart-run" => Step::Start,
        "exit-seen" | "exit-recorded" => Step::Exit,
        "delete-recorded" | "torn-down" | "poststop-run" | "directory-removed" => Step::Delete,
        other => panic!("this test does not know yet what comes to {other}"),
    }
}

/// Every way to die in a step.
fn cases(wanted: Step, thens: &[Then]) -> Vec<Case> {
    let mut cases = Vec::new();
    for place in FAULT_PLACES.iter().copied().filter(|place| step(place) == wanted) {
        for victim in [Victim::Worker, Victim::Shim] {
            if victim == Victim::Worker && OF_SHIM.contains(&place) {
                continue;
            }
            cases.extend(thens.iter().map(|then| Case { place, step: wanted, victim, then: *then }));
        }
    }
    cases
}

impl Case {
    fn fault(self) -> String {
        let all = if self.victim == Victim::Shim { "/shim" } else { "" };
        format!("{}{all}", self.place)
    }

    /// What may be left when the shim was in the background; "" is nothing.
    fn left(self) -> &'static [&'static str] {
        match (self.place, self.victim) {
            ("created-reported", Victim::Worker) | ("created-recorded", _) => &["created"],
            // Has the shim heard of it before it died?
            ("created-reported", Victim::Shim) => &["", "created"],
            ("start-recorded" | "start-hooks-run", _) => &["created"],
            // The held process ends as soon as it misses its socket.
            ("socket-removed", _) => &["stopped"],
            _ if self.step == Step::Create => &[""],
            _ if self.step == Step::Start => &["running"],
            _ if self.step == Step::Exit => &["stopped"],
            ("directory-removed", _) | (_, Victim::Shim) => &[""],
            _ => &["stopped"],
        }
    }

    /// Whether the command that comes to the place does its work nevertheless: nothing is left to do but
    /// to say so.
    fn succeeds(self) -> bool {
        let last = ["created-reported", "poststart-run", "directory-removed"];
        self.victim == Victim::Worker && last.contains(&self.place)
    }
}

/// Creates with a shim that will die, and goes on until it has.
fn in_background(ground: &Ground, case: Case) {
    let created = ground.output(ground.verb("create").env("NEXCAGE_FAULT", case.fault()));
    let expect = |step: Step| case.step != step || case.succeeds();
    assert_eq!(created.status.success(), expect(Step::Create), "create: {created:?}");
    if case.step == Step::Create {
        return;
    }
    let started = ground.outcome("start");
    assert_eq!(started.status.success(), expect(Step::Start), "start: {started:?}");
    if case.step == Step::Start {
        return;
    }
    let shim = ground.shim().unwrap();
    ground.go();
    if case.step == Step::Exit {
        ground.until("dead", || !is_alive(shim));
        return;
    }
    ground.await_exit();
    let deleted = ground.outcome("delete");
    // A successor does what a dead shim did not.
    let succeeds = case.victim == Victim::Shim || case.succeeds();
    assert_eq!(deleted.status.success(), succeeds, "delete: {deleted:?}");
}

/// The same with the successor of a shim that was killed.
fn in_successor(ground: &Ground, case: Case) {
    ground.does("create");
    let dying = |verb: &str| ground.verb(verb).env("NEXCAGE_FAULT", case.fault());
    if case.step == Step::Start {
        ground.kill_shim();
        let started = ground.output(dying("start"));
        assert_eq!(started.status.success(), case.succeeds(), "start: {started:?}");
        return;
    }
    ground.does("start");
    ground.kill_shim();
    if case.step == Step::Exit {
        let outcome = ground.output(ground.recovery().env("NEXCAGE_FAULT", case.fault()));
        assert!(outcome.status.success(), "recover: {outcome:?}");
        let shim = ground.shim().unwrap();
        ground.go();
        ground.until("dead", || !is_alive(shim));
        return;
    }
    ground.recover();
    ground.go();
    ground.await_exit();
    assert_eq!(ground.exit(), (STATUS, false));
    ground.kill_shim();
    let deleted = ground.output(dying("delete"));
    // The successor's successor has a fault too, but might find nothing that is left to do.
    let succeeds = case.place == "directory-removed" || case.succeeds();
    assert_eq!(deleted.status.success(), succeeds, "delete: {deleted:?}");
}

/// Runs in the foreground with a shim, or worker, that dies.
fn in_foreground(ground: &Ground, case: Case) {
    let run = ground.verb("run").env("NEXCAGE_FAULT", case.fault());
    let outcome = thread::scope(|scope| {
        let ended = scope.spawn(|| ground.output(run));
        if case.succeeds() || matches!(case.step, Step::Exit | Step::Delete) {
            ground.await_run();
            ground.go();
        }
        ended.join().unwrap()
    });
    let status = &outcome.status;
    match case.victim {
        Victim::Shim => assert_eq!(status.signal(), Some(9), "{outcome:?}"),
        Victim::Worker if case.succeeds() || case.step == Step::Delete => {
            assert_eq!(status.code().map(i64::from), Some(STATUS), "{outcome:?}");
        }
        Victim::Worker => assert_eq!(status.code(), Some(125), "{outcome:?}"),
    }
}

/// What must be so after the death, until the end.
fn settle(ground: &Ground, case: Case, left: &[&str]) {
    if case.victim == Victim::Shim && case.then != Then::Force {
        // The shim has the id until it is dead, which takes a moment.
        ground.await_death();
    }
    match case.then {
        Then::GoOn => go_on(ground, case, left),
        Then::Force => {}
        Then::Again => {
            let outcome = ground.outcome("create");
            // One that was made may stand in the way, and must have said so.
            assert!(outcome.status.success() || left.contains(&"created"), "{outcome:?}");
            assert_eq!(ground.status().as_deref(), Some("created"));
        }
    }
    if case.then != Then::GoOn && case.victim == Victim::Worker && case.step == Step::Delete {
        // Its next worker would die as well.
        ground.kill_shim();
    }
    ground.remove();
    assert!(ground.runs() <= 1, "the process ran {} times", ground.runs());
    assert_eq!(ground.state(), None);
}

fn go_on(ground: &Ground, case: Case, left: &[&str]) {
    let mut status = ground.status().unwrap_or_default();
    assert!(left.contains(&&*status), "{status:?} instead of {left:?}: {:?}", ground.record());
    // The next shim has no fault; and a successor is always right.
    ground.kill_shim();
    if status == "created" {
        assert_eq!(ground.runs(), 0);
        ground.does("start");
        "running".clone_into(&mut status);
    }
    if status == "running" {
        ground.await_run();
        assert_eq!(ground.status().as_deref(), Some("running"));
        ground.go();
        ground.await_exit();
        assert_eq!(ground.exit(), (STATUS, false));
    } else if status == "stopped" {
        // The kernel knows it before a successor has written it down; one that finishes a deletion is not
        // called yet.
        if ground.record().is_some_and(|record| record["exit"].is_null()) {
            ground.await_exit();
        }
        let exit = ground.exit();
        match case.place {
            // The process did not begin.
            "socket-removed" => assert_eq!(ground.runs(), 0),
            "exit-seen" => assert!(exit == (STATUS, false) || exit == (255, true), "{exit:?}"),
            _ => assert_eq!(exit, (STATUS, false)),
        }
    }
    if !status.is_empty() {
        ground.does("delete");
    }
    assert_eq!(ground.state(), None);
    ground.await_nothing_left();
    if case.step == Step::Create {
        ground.does("create");
    }
}

fn sweep(cases: Vec<Case>, die: fn(&Ground, Case)) {
    everywhere(cases, Ground::new, |ground, case| {
        ground.reset();
        die(ground, case);
        settle(ground, case, case.left());
    });
}

fn sweep_foreground(mut cases: Vec<Case>) {
    // Only a shim in the background is waited for.
    cases.retain(|case| case.place != "serving");
    everywhere(cases, Ground::new, |ground, case| {
        ground.reset();
        in_foreground(ground, case);
        let left = if case.victim == Victim::Worker { &[""][..] } else { case.left() };
        settle(ground, case, left);
    });
}

#[test]
fn a_death_in_the_creation_undoes_it() {
    sweep(cases(Step::Create, &[Then::GoOn, Then::Force, Then::Again]), in_background);
}

#[test]
fn a_death_in_the_start_lets_the_process_begin_once_at_most() {
    sweep(cases(Step::Start, &[Then::GoOn, Then::Force]), in_background);
    sweep(cases(Step::Start, &[Then::GoOn]), in_successor);
}

#[test]
fn a_death_at_the_exit_loses_no_status_that_was_written_down() {
    sweep(cases(Step::Exit, &[Then::GoOn, Then::Force]), in_background);
    sweep(cases(Step::Exit, &[Then::GoOn]), in_successor);
}

#[test]
fn a_death_in_the_deletion_lets_it_be_repeated() {
    sweep(cases(Step::Delete, &[Then::GoOn, Then::Force]), in_background);
    sweep(cases(Step::Delete, &[Then::GoOn]), in_successor);
}

#[test]
fn a_death_in_the_foreground_s_creation_undoes_it() {
    sweep_foreground(cases(Step::Create, &[Then::GoOn, Then::Again]));
}

#[test]
fn a_death_in_the_foreground_after_that_leaves_what_the_kernel_has() {
    for step in [Step::Start, Step::Exit, Step::Delete] {
        sweep_foreground(cases(step, &[Then::GoOn, Then::Force]));
    }
}

#[test]
fn every_place_is_known() {
    assert!(FAULT_PLACES.len() >= 25);
    assert!(OF_SHIM.iter().all(|place| FAULT_PLACES.contains(place)));
    assert!(FAULT_PLACES.iter().all(|place| !format!("{:?}", step(place)).is_empty()));
}
