//! A cgroup of a test's own, with processes in it, that goes away with the test.

use nexcage_cgroup::{Cgroup, Hierarchies, Version, remove};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Which hierarchies the test is about.
#[derive(Clone, Copy)]
pub(crate) enum Only {
    Everything,
    Version(Version),
}

pub(crate) struct CgroupOfTest {
    name: PathBuf,
    hierarchies: Hierarchies,
    processes: Vec<Child>,
    files: tempfile::TempDir,
}

impl CgroupOfTest {
    /// Makes it in all of these hierarchies.
    pub(crate) fn new(test: &str, only: Only) -> Self {
        assert!(rustix::process::geteuid().is_root(), "this test needs root: it makes cgroups");
        let mountinfo = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let wanted = match only {
            Only::Everything => "cgroup",
            Only::Version(Version::V1) => "cgroup ",
            Only::Version(Version::V2) => "cgroup2 ",
        };
        let wanted = |line: &&str| line.split_once(" - ").is_some_and(|(_, kind)| kind.starts_with(wanted));
        let lines: Vec<&str> = mountinfo.lines().filter(wanted).collect();
        assert!(!lines.is_empty(), "this test needs a host with these hierarchies of cgroups mounted");
        let name = PathBuf::from(format!("nexcage-cgroup-test-{}-{test}", std::process::id()));
        let test = CgroupOfTest {
            name: name.clone(),
            hierarchies: Hierarchies::in_mountinfo(&lines.join("\n")),
            processes: vec![],
            files: tempfile::tempdir().unwrap(),
        };
        test.make(&name);
        test
    }

    pub(crate) fn name(&self) -> &Path {
        &self.name
    }

    pub(crate) fn cgroup(&self) -> Cgroup {
        self.find(&self.name)
    }

    pub(crate) fn find(&self, name: &Path) -> Cgroup {
        Cgroup::find_in(&self.hierarchies, name)
    }

    /// A cgroup inside it; its name.
    pub(crate) fn below(&self, name: &str) -> PathBuf {
        let name = self.name.join(name);
        self.make(&name);
        name
    }

    /// A directory for files.
    pub(crate) fn files(&self) -> &Path {
        self.files.path()
    }

    /// What a file of it says, in whichever hierarchy has the file.
    pub(crate) fn text(&self, file: &str) -> String {
        let mut paths = self.directories(&self.name).map(|path| Path::new(&path).join(file));
        let path = paths.find(|path| path.exists());
        let path = path.unwrap_or_else(|| panic!("this test needs cgroups that have {file}"));
        fs::read_to_string(path).unwrap().trim_end().to_owned()
    }

    pub(crate) fn start(&mut self, script: &str) {
        self.start_in(&self.name.clone(), script);
    }

    pub(crate) fn start_in(&mut self, name: &Path, script: &str) {
        // It joins before it does anything, so nothing of it happens outside.
        let joins: String =
            self.directories(name).map(|path| format!("echo $$ > {path}/cgroup.procs; ")).collect();
        let mut command = Command::new("sh");
        command.arg("-ec").arg(format!("{joins} echo > {}; {script}", self.mark().display()));
        command.stdin(Stdio::null()).env("COUNT", self.count_file());
        self.processes.push(command.spawn().unwrap());
        let mark = self.mark();
        eventually("the process has joined", || mark.exists());
        fs::remove_file(mark).unwrap();
    }

    /// Starts a script with a file to count in; the file.
    pub(crate) fn start_counter(&mut self, script: &str) -> PathBuf {
        self.start_counter_in(&self.name.clone(), script)
    }

    pub(crate) fn start_counter_in(&mut self, name: &Path, script: &str) -> PathBuf {
        let file = self.count_file();
        self.start_in(name, script);
        file
    }

    pub(crate) fn processes_have_ended(&mut self) -> bool {
        self.processes.iter_mut().all(|process| process.try_wait().unwrap().is_some())
    }

    pub(crate) fn reap_in_background(&mut self) {
        for mut process in self.processes.drain(..) {
            std::thread::spawn(move || process.wait());
        }
    }

    fn count_file(&self) -> PathBuf {
        self.files().join(format!("count-{}", self.processes.len()))
    }

    fn mark(&self) -> PathBuf {
        self.files().join("joined")
    }

    fn directories(&self, name: &Path) -> impl Iterator<Item = String> {
        self.hierarchies.iter().map(move |h| h.mount().join(name).to_str().unwrap().to_owned())
    }

    fn make(&self, name: &Path) {
        for directory in self.directories(name) {
            fs::create_dir_all(&directory).unwrap();
            inherit_processors(Path::new(&directory));
        }
    }
}

/// A new cgroup of version 1 takes no process before it has processors and memory nodes.
fn inherit_processors(directory: &Path) {
    let above: Vec<&Path> = directory.ancestors().take(3).collect();
    for directory in above.iter().rev().filter(|directory| directory.join("cpuset.cpus").exists()) {
        for file in ["cpuset.cpus", "cpuset.mems"] {
            let value = fs::read_to_string(directory.join(file)).unwrap();
            if value.trim().is_empty() {
                let from = fs::read_to_string(directory.parent().unwrap().join(file)).unwrap();
                fs::write(directory.join(file), from).unwrap();
            }
        }
    }
}

impl Drop for CgroupOfTest {
    fn drop(&mut self) {
        self.cgroup().kill();
        self.reap_in_background();
        let removed = remove([&self.name], Duration::from_secs(10));
        assert!(removed.is_ok() || std::thread::panicking(), "{removed:?}");
    }
}

/// Waits for something that has to happen.
pub(crate) fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !happened() {
        assert!(Instant::now() < deadline, "not within ten seconds: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
