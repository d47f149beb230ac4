//! How long a container takes, from nothing to nothing.

use super::{heading, make_bundle, row};
use crate::error::Error;
use crate::timing::{Subject, measure};
use nexcage_tests::{Bundle, Config};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(super) fn containers(tools: &Path, directory: &Path, runs: usize) -> Result<(), Error> {
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
