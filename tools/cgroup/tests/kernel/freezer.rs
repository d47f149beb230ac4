//! Freezing and thawing.

use crate::LIMIT;
use crate::cgroup_of_test::{CgroupOfTest, Only, eventually};
use nexcage_cgroup::Version;
use std::fs;
use std::time::Duration;

/// A process that counts in a file, for as long as it may.
const COUNTER: &str = "i=0; while :; do i=$((i+1)); echo $i > $COUNT; sleep 0.001; done";

#[test]
fn v1_freezes_and_thaws() {
    freezes_and_thaws(CgroupOfTest::new("freeze1", Only::Version(Version::V1)));
}

#[test]
fn v2_freezes_and_thaws() {
    freezes_and_thaws(CgroupOfTest::new("freeze2", Only::Version(Version::V2)));
}

fn freezes_and_thaws(mut test: CgroupOfTest) {
    let below = test.below("inner");
    let (mine, inner) = (test.start_counter(COUNTER), test.start_counter_in(&below, COUNTER));
    let count = || [&mine, &inner].map(|file| fs::read_to_string(file).unwrap_or_default());
    let cgroup = test.cgroup();
    assert!(!cgroup.is_frozen());
    for _ in 0..3 {
        let before = count();
        eventually("both count", || count().iter().zip(&before).all(|(now, before)| now != before));
        cgroup.freeze(LIMIT).unwrap();
        assert!(cgroup.is_frozen());
        let before = count();
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(count(), before, "a frozen process went on");
        cgroup.thaw(LIMIT).unwrap();
        assert!(!cgroup.is_frozen());
    }
}

#[test]
fn v1_kills_frozen_processes() {
    kills_frozen_processes(CgroupOfTest::new("frozen1", Only::Version(Version::V1)));
}

#[test]
fn v2_kills_frozen_processes() {
    kills_frozen_processes(CgroupOfTest::new("frozen2", Only::Version(Version::V2)));
}

fn kills_frozen_processes(mut test: CgroupOfTest) {
    test.start("exec sleep 1000");
    test.cgroup().freeze(LIMIT).unwrap();
    test.cgroup().kill();
    eventually("it has ended", || test.processes_have_ended());
}

#[test]
fn an_empty_cgroup_can_be_frozen() {
    for (name, version) in [("empty1", Version::V1), ("empty2", Version::V2)] {
        let test = CgroupOfTest::new(name, Only::Version(version));
        test.cgroup().freeze(LIMIT).unwrap();
        assert!(test.cgroup().is_frozen());
    }
}

#[test]
fn what_cannot_be_thawed_in_time_is_said() {
    let test = CgroupOfTest::new("above", Only::Version(Version::V1));
    let below = test.below("inner");
    test.cgroup().freeze(LIMIT).unwrap();
    let error = test.find(&below).thaw(Duration::from_millis(20)).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot thaw the cgroup {} within 0.02 s", below.display()));
}
