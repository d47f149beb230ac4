//! Many containers leave as little as one: nothing.

use crate::EXIT_SOURCES;
use nexcage_tests::{Config, Sandbox};
use std::thread;

#[test]
fn fifty_one_after_another() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("cat; exit 42"));
    for n in 0..50 {
        let run = sandbox.run(&bundle).args(["--exit-source", EXIT_SOURCES[n % 2]]).stdin("in");
        run.assert().code(42).stdout("in").stderr("");
        sandbox.assert_nothing_left();
    }
}

#[test]
fn ten_at_a_time() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("read line; echo $line; exit $line").read_only());
    for source in EXIT_SOURCES {
        thread::scope(|scope| {
            for status in 10..20 {
                let run = sandbox.run(&bundle).args(["--exit-source", source]).stdin(format!("{status}\n"));
                scope.spawn(move || run.assert().code(status).stdout(format!("{status}\n")).stderr(""));
            }
        });
        sandbox.assert_nothing_left();
    }
}

#[test]
fn failures_one_after_another() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::new(["/nope"]));
    for _ in 0..10 {
        sandbox.run(&bundle).assert().code(127).stdout("");
        sandbox.assert_nothing_left();
    }
}
