//! `cargo xtask bench`: start-up of the tools, and a container against lxc-start and runc.

use crate::build::release;
use crate::error::Error;
use crate::memory;
use crate::packages::{self, BUSYBOX, LXC, RUNC};
use crate::step::{say, step};
use crate::timing::{Subject, measure};
use nexcage_tests::{Bundle, Config};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TOOLS: [&str; 4] = ["bundle-validate", "lxc-render-config", "state-inspect", "nexcage-shim"];

/// Most that a tool's start-up may take, against /bin/true.
const START_UP_GOAL: f64 = 2.0;

/// Measures, with this many runs of each subject.
pub(crate) fn bench(runs: usize) -> Result<(), Error> {
    packages::require(&[LXC, BUSYBOX, RUNC])?;
    let mut tools = PathBuf::new();
    step("release build", || {
        tools = release()?;
        Ok(())
    })?;
    start_up(&tools, runs)?;
    // On a tmpfs, as /run is where these things usually are.
    let directory = tempfile::Builder::new().prefix("nexcage-bench-").tempdir_in("/dev/shm");
    let directory =
        directory.map_err(|source| Error::File { path: "temporary directory".to_owned(), source })?;
    sizes(&tools, directory.path())?;
    containers(&tools, directory.path(), runs)
}

fn start_up(tools: &Path, runs: usize) -> Result<(), Error> {
    let mut subjects = vec![Subject::new("/bin/true", Command::new("/bin/true"))];
    for tool in TOOLS {
        let mut command = Command::new(tools.join(tool));
        command.arg("--version");
        subjects.push(Subject::new(tool, command));
    }
    measure(&mut subjects, runs)?;
    heading(&format!("start-up (--version), {runs} runs by turns"));
    let floor = subjects[0].median();
    for subject in &subjects {
        let ratio = subject.median() / floor;
        row(subject, &format!("{ratio:.2}x true, goal {START_UP_GOAL}x"));
    }
    Ok(())
}

/// Sizes on disk and in memory.
fn sizes(tools: &Path, directory: &Path) -> Result<(), Error> {
    let bundle = make_bundle(&directory.join("waiting"), &Config::script("echo up; read line"))?;
    let mut run = Command::new(tools.join("nexcage-shim"));
    run.args(["run", "--id", "bench", "--bundle"])
        .arg(bundle.path())
        .arg("--root")
        .arg(directory.join("run"));
    let [shim_peak, shim_share] = memory::while_running(&mut run)?;
    say(&format!("\nsizes in KiB\n{:24}{:>9}{:>9}", "", "binary", "peak RSS"));
    for (name, args) in [
        ("bundle-validate", &["--format=json", "."][..]),
        ("lxc-render-config", &["."]),
        ("state-inspect", &["--format=json"]),
    ] {
        let mut command = Command::new(tools.join(name));
        let peak = memory::peak_until_output(command.args(args).current_dir(bundle.path()))?;
        say(&format!("{name:24}{:>9}{peak:>9}", binary(tools, name)?));
    }
    let size = binary(tools, "nexcage-shim")?;
    say(&format!("{:24}{size:>9}{shim_peak:>9}  with one container, PSS {shim_share}", "nexcage-shim"));
    say(&format!("{:24}{:>9}", "nexcage-init", binary(tools, "nexcage-init")?));
    Ok(())
}

/// The size of a binary in KiB.
fn binary(tools: &Path, name: &str) -> Result<u64, Error> {
    let path = tools.join(name);
    let size =
        fs::metadata(&path).map_err(|source| Error::File { path: path.display().to_string(), source })?;
    Ok(size.len().div_ceil(1024))
}

fn make_bundle(path: &Path, config: &Config) -> Result<Bundle, Error> {
    Bundle::make(path, config).map_err(|source| Error::File { path: path.display().to_string(), source })
}

fn containers(tools: &Path, directory: &Path, runs: usize) -> Result<(), Error> {
    let bundle = make_bundle(&directory.join("true"), &Config::new(["/bin/true"]))?;
    let mut shim = Command::new(tools.join("nexcage-shim"));
    shim.args(["run", "--id", "bench", "--bundle"])
        .arg(bundle.path())
        .arg("--root")
        .arg(directory.join("run"));
    let mut lxc = Command::new("lxc-start");
    lxc.args(["-F", "-n", "bench", "-P"])
        .arg(directory.join("lxc"))
        .arg("-f")
        .arg(bare_config(tools, &bundle, directory)?);
    let mut runc = Command::new("runc");
    runc.arg("--root")
        .arg(directory.join("runc"))
        .args(["run", "--bundle"])
        .arg(bundle.path())
        .arg("nexcage-bench");
    let mut subjects = [
        Subject::new("nexcage-shim run", shim),
        Subject::new("lxc-start -F", lxc),
        Subject::new("runc run", runc),
    ];
    measure(&mut subjects, runs)?;
    heading(&format!("a container that runs true, {runs} runs by turns"));
    let ours = subjects[0].median();
    row(&subjects[0], "");
    row(&subjects[1], &format!("ours takes {:.2}x of it, goal 1.3x", ours / subjects[1].median()));
    row(&subjects[2], &format!("ours takes {:.2}x of it, goal below 1x", ours / subjects[2].median()));
    Ok(())
}

/// The bundle's LXC configuration with /bin/true as its init.
fn bare_config(tools: &Path, bundle: &Bundle, directory: &Path) -> Result<PathBuf, Error> {
    let program = "lxc-render-config".to_owned();
    let rendered = Command::new(tools.join(&program)).arg(bundle.path()).output();
    let rendered = rendered.map_err(|source| Error::Start { program: program.clone(), source })?;
    if !rendered.status.success() {
        return Err(Error::Ended { program, status: rendered.status });
    }
    let text = String::from_utf8_lossy(&rendered.stdout);
    let lines = text.lines().filter(|line| !line.starts_with("lxc.init.cmd"));
    let bare: String = lines.map(|line| format!("{line}\n")).collect();
    let path = directory.join("bare.conf");
    let written = fs::create_dir(directory.join("lxc"))
        .and_then(|()| fs::write(&path, format!("{bare}lxc.init.cmd = /bin/true\n")));
    written.map_err(|source| Error::File { path: path.display().to_string(), source })?;
    Ok(path)
}

fn heading(title: &str) {
    say(&format!("\n{title}\n{:24}{:>9}{:>9}{:>9}  ms", "", "min", "median", "p95"));
}

fn row(subject: &Subject, remark: &str) {
    let [min, median, p95] = [0.0, 0.5, 0.95].map(|share| subject.quantile(share));
    say(&format!("{:24}{min:>9.2}{median:>9.2}{p95:>9.2}  {remark}", subject.name));
}
