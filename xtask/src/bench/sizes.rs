//! How large the tools are.

use super::make_bundle;
use crate::error::Error;
use crate::memory;
use crate::step::say;
use nexcage_tests::Config;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Sizes on disk and in memory.
pub(super) fn sizes(tools: &Path, directory: &Path) -> Result<(), Error> {
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
        let peak = memory::peak(command.args(args).current_dir(bundle.path()))?;
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
