//! Processes, and the end of a cgroup.

use crate::LIMIT;
use crate::cgroup_of_test::{CgroupOfTest, Only, eventually};
use nexcage_cgroup::contains;

#[test]
fn processes_are_found_killed_and_removed_with_their_cgroup() {
    let mut test = CgroupOfTest::new("kill", Only::Everything);
    let below = test.below("a/b");
    test.start("exec sleep 1000");
    test.start_in(&below, "exec sleep 1000");
    assert_eq!(test.cgroup().processes().len(), 2);
    assert!(test.cgroup().processes().iter().all(|pid| contains(test.name(), *pid)));
    test.cgroup().kill();
    eventually("they have ended", || test.processes_have_ended());
    nexcage_cgroup::remove([test.name()], LIMIT).unwrap();
    assert!(!test.cgroup().exists());
}

#[test]
fn removal_kills_what_is_still_there() {
    let mut test = CgroupOfTest::new("remove", Only::Everything);
    test.start("exec sleep 1000");
    test.reap_in_background();
    nexcage_cgroup::remove([test.name()], LIMIT).unwrap();
    assert!(!test.cgroup().exists());
}
