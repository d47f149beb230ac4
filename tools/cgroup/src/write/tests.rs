//! Writing, on a directory that looks like a cgroup.

use super::*;
use crate::Hierarchies;
use std::os::unix::fs::symlink;

/// A directory that looks like a cgroup `c` of version 2.
struct Fake(tempfile::TempDir);

impl Fake {
    fn new(files: &[(&str, &str)]) -> Self {
        let fake = Fake(tempfile::tempdir().unwrap());
        fs::write(fake.0.path().join("cgroup.controllers"), "cpu io memory\n").unwrap();
        fs::create_dir(fake.0.path().join("c")).unwrap();
        files.iter().for_each(|(file, text)| fs::write(fake.file(file), text).unwrap());
        fake
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join("c").join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }

    fn cgroup(&self) -> Cgroup {
        let line = format!("1 2 0:3 / {} rw - cgroup2 cgroup2 rw", self.0.path().display());
        Cgroup::find_in(&Hierarchies::in_mountinfo(&line), Path::new("c"))
    }
}

fn v2(file: &str, value: &str) -> Write {
    Write { version: Version::V2, file: file.to_owned(), value: value.to_owned() }
}

#[test]
fn values_are_written() {
    let fake = Fake::new(&[("memory.max", "max\n"), ("cpu.max", "max 100000\n")]);
    fake.cgroup().write(&[v2("memory.max", "4096"), v2("cpu.max", "5000 10000")]).unwrap();
    assert_eq!(fake.text("memory.max"), "4096\n");
    assert_eq!(fake.text("cpu.max"), "5000 10000\n");
}

#[test]
fn after_a_failure_everything_is_as_before() {
    let fake = Fake::new(&[
        ("memory.max", "max\n"),
        ("cpu.max", "max 100000\n"),
        ("io.max", "8:0 rbps=1 wbps=max riops=max wiops=max\n"),
    ]);
    // Nobody can write into this.
    symlink("/proc/version", fake.file("memory.high")).unwrap();
    let writes = [
        v2("memory.max", "4096"),
        v2("cpu.max", "5000 10000"),
        v2("io.max", "8:0 rbps=2"),
        v2("memory.high", "2048"),
    ];
    let error = fake.cgroup().write(&writes).unwrap_err();
    assert_eq!(error.to_string(), "cannot write \"2048\" to memory.high of the cgroup");
    assert_eq!(fake.text("memory.max"), "max\n");
    assert_eq!(fake.text("cpu.max"), "max 100000\n");
    assert_eq!(fake.text("io.max"), "8:0 rbps=1 wbps=max riops=max wiops=max\n");
}

#[test]
fn nothing_is_written_if_a_file_is_missing() {
    let fake = Fake::new(&[("memory.max", "max\n"), ("pids.max", "max\n")]);
    let cases = ["memory.low", "pids.max", "../c/memory.max", ""];
    for file in cases {
        let error = fake.cgroup().write(&[v2("memory.max", "1"), v2(file, "2")]).unwrap_err();
        assert_eq!(error.to_string(), format!("the cgroup c has no file {file:?} on this host"));
        assert_eq!(fake.text("memory.max"), "max\n");
    }
    let v1 = Write { version: Version::V1, ..v2("memory.max", "1") };
    assert!(matches!(fake.cgroup().write(&[v1]), Err(Error::NoFile { .. })));
}

#[test]
fn what_undoes_a_write_is_known() {
    let check = |file: &str, text: &str, value: &str, expected: &str| {
        let fake = Fake::new(&[(file, text)]);
        assert_eq!(before(&fake.file(file), &v2(file, value)).unwrap(), expected, "{file}");
    };
    check("memory.max", "max\n", "1", "max");
    check("cpu.max", "max 100000\n", "5 6", "max 100000");
    check("cpuset.cpus", "\n", "0", "");
    check("io.max", "", "8:0 rbps=1", "8:0 rbps=max wbps=max riops=max wiops=max");
    check("io.max", "8:16 rbps=7 wbps=max\n8:0 rbps=3 wbps=4\n", "8:0 rbps=1", "8:0 rbps=3 wbps=4");
    check("io.bfq.weight", "default 100\n8:0 50\n", "default 7", "default 100");
    check("io.bfq.weight", "default 100\n8:0 50\n", "8:0 7", "8:0 50");
    check("io.bfq.weight", "default 100\n", "8:0 7", "8:0 default");
    check("blkio.throttle.read_bps_device", "", "8:0 7", "8:0 0");
    check("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\n", "1", "0");
    check("net_prio.ifpriomap", "lo 0\neth0 5\n", "eth0 1", "eth0 5");
}
