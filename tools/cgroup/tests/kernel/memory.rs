//! Memory running out.

use crate::LIMIT;
use crate::cgroup_of_test::{CgroupOfTest, Only, eventually};
use nexcage_cgroup::{OomWatch, Version, Write};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Keeps all that it reads, as it waits for the end of a line.
const EATER: &str = "exec tail /dev/zero";

fn limited(name: &str) -> CgroupOfTest {
    let test = CgroupOfTest::new(name, Only::Version(Version::V1));
    let file =
        |file: &str| Write { version: Version::V1, file: file.to_owned(), value: (16 << 20).to_string() };
    test.cgroup().write(&[file("memory.limit_in_bytes"), file("memory.memsw.limit_in_bytes")]).unwrap();
    test
}

fn wait(watch: &OomWatch) {
    let timeout = Timespec::try_from(LIMIT).unwrap();
    let seen = poll(&mut [PollFd::new(watch, PollFlags::IN)], Some(&timeout)).unwrap();
    assert_eq!(seen, 1, "nobody told of it");
}

#[test]
fn v1_tells_of_each_kill() {
    let mut test = limited("oom");
    let mut watch = OomWatch::new(&test.cgroup()).unwrap();
    assert_eq!(watch.take(), 0);
    for _ in 0..3 {
        test.start(EATER);
        wait(&watch);
        assert_eq!(watch.take(), 1);
        assert_eq!(watch.take(), 0);
        eventually("it has ended", || test.processes_have_ended());
    }
}

#[test]
fn v1_tells_that_memory_ran_out_where_nothing_is_killed() {
    let mut test = limited("stuck");
    let disable = Write { version: Version::V1, file: "memory.oom_control".into(), value: "1".into() };
    test.cgroup().write(&[disable]).unwrap();
    let mut watch = OomWatch::new(&test.cgroup()).unwrap();
    test.start(EATER);
    wait(&watch);
    assert!(watch.take() > 0);
    assert!(!test.processes_have_ended());
}

#[test]
fn v1_says_nothing_of_a_removal() {
    let test = CgroupOfTest::new("gone", Only::Version(Version::V1));
    let mut watch = OomWatch::new(&test.cgroup()).unwrap();
    nexcage_cgroup::remove([test.name()], LIMIT).unwrap();
    wait(&watch);
    assert_eq!(watch.take(), 0);
}
