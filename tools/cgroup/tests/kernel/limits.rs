//! Limits, all or none.

use crate::cgroup_of_test::{CgroupOfTest, Only};
use nexcage_cgroup::{Version, Write};

const MEMORY: &str = "memory.limit_in_bytes";
const WITH_SWAP: &str = "memory.memsw.limit_in_bytes";
const MB: i64 = 1 << 20;

fn v1(file: &str, value: i64) -> Write {
    Write { version: Version::V1, file: file.to_owned(), value: value.to_string() }
}

#[test]
fn memory_and_swap_go_up_and_down_together() {
    let test = CgroupOfTest::new("memory", Only::Version(Version::V1));
    for (memory, swap) in [(32, 64), (128, 256), (16, 16), (300, 300), (20, 400), (500, 600)] {
        test.cgroup().write(&[v1(MEMORY, memory * MB), v1(WITH_SWAP, swap * MB)]).unwrap();
        assert_eq!(test.text(MEMORY), (memory * MB).to_string());
        assert_eq!(test.text(WITH_SWAP), (swap * MB).to_string());
    }
    test.cgroup().write(&[v1(MEMORY, -1), v1(WITH_SWAP, -1)]).unwrap();
    assert_ne!(test.text(MEMORY), (500 * MB).to_string());
}

#[test]
fn after_a_failure_everything_is_as_before() {
    let test = CgroupOfTest::new("undo", Only::Version(Version::V1));
    let files = [MEMORY, WITH_SWAP, "cpu.shares", "cpu.cfs_quota_us", "pids.max", "memory.oom_control"];
    let all = || files.map(|file| test.text(file));
    let set = |memory: i64, more: i64| {
        let usual = [
            v1(MEMORY, memory * MB),
            v1(WITH_SWAP, memory * MB),
            v1("cpu.shares", 100 + more),
            v1("cpu.cfs_quota_us", 10_000 + more),
            v1("memory.oom_control", more),
        ];
        usual.to_vec()
    };
    test.cgroup().write(&set(64, 0)).unwrap();
    let before = all();
    let many = Write { value: "many".to_owned(), ..v1("pids.max", 0) };
    for memory in [32, 128] {
        let writes = [set(memory, 1), vec![many.clone()]].concat();
        let error = test.cgroup().write(&writes).unwrap_err();
        assert_eq!(error.to_string(), "cannot write \"many\" to pids.max of the cgroup");
        assert_eq!(all(), before);
    }
}

#[test]
fn a_limit_that_another_contradicts_is_refused() {
    let test = CgroupOfTest::new("odds", Only::Version(Version::V1));
    test.cgroup().write(&[v1(MEMORY, 64 * MB), v1(WITH_SWAP, 64 * MB)]).unwrap();
    let error = test.cgroup().write(&[v1("cpu.shares", 7), v1(MEMORY, 65 * MB)]).unwrap_err();
    assert_eq!(error.to_string(), "cannot write \"68157440\" to memory.limit_in_bytes of the cgroup");
    assert_eq!(test.text("cpu.shares"), "1024");
}
