//! A case made real: bundle, scratch directory and holder.

use crate::Case;
use crate::facts::Mask;
use crate::holder::Holder;
use nexcage_tests::{Bundle, Config, Sandbox};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

/// What one run of a case needs; it is new for each run.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) bundle: Bundle,
    pub(crate) scratch: PathBuf,
    pub(crate) holder: Option<Holder>,
    before: BTreeSet<PathBuf>,
}

impl Scene {
    pub(crate) fn new(case: &Case, sandbox: &Sandbox, probe: &Path) -> io::Result<Self> {
        let bundle = sandbox.bundle(&Config::new(["/fidelity"]));
        let scratch = sandbox.path().join("scratch");
        fs::create_dir_all(scratch.join("hooks"))?;
        fs::copy(probe, bundle.rootfs().join("fidelity"))?;
        for (name, content) in &case.files {
            let (top, rest) = name.split_once('/').unwrap_or((name, ""));
            let top = match top {
                "rootfs" => bundle.rootfs(),
                "bundle" => bundle.path().to_owned(),
                _ => scratch.clone(),
            };
            put(&top.join(rest), name.ends_with('/'), content)?;
        }
        for top in [&bundle.rootfs(), &scratch] {
            own(top, case.owner)?;
        }
        fs::set_permissions(scratch.join("hooks"), fs::Permissions::from_mode(0o777))?;
        let holder = (!case.holder.is_empty()).then(|| Holder::new(&case.holder)).transpose()?;
        let places = [
            ("@BUNDLE@", bundle.path().to_owned()),
            ("@SCRATCH@", scratch.clone()),
            ("@PROBE@", bundle.rootfs().join("fidelity")),
            ("@100KB@", PathBuf::from("x".repeat(100_000))),
            ("@RUN@", PathBuf::from(sandbox.namespace())),
            ("@NS@", holder.as_ref().map(Holder::namespaces).unwrap_or_default()),
        ];
        let mut config = case.config();
        fill(&mut config, &places);
        fs::write(bundle.config(), serde_json::to_vec_pretty(&config)?)?;
        let before = paths(&bundle.rootfs());
        Ok(Scene { bundle, scratch, holder, before })
    }

    /// What the run has left in the image.
    pub(crate) fn added(&self) -> Vec<PathBuf> {
        paths(&self.bundle.rootfs()).difference(&self.before).cloned().collect()
    }

    /// Names of this run's places are shown as those of any run's.
    pub(crate) fn mask(&self, sandbox: &Sandbox) -> Mask {
        let mut mask = Mask::new(&sandbox.path().to_string_lossy());
        let name = sandbox.namespace();
        // runc's are counted, and longer.
        for kind in ["runc1", "run"] {
            mask.word(&format!("{name}-{kind}"), "@ID@");
        }
        mask.word(name, "@RUN@");
        mask.word(&self.bundle.path().to_string_lossy(), "@BUNDLE@");
        if let Some(group) = sandbox.node().and_then(|node| Some(node.cgroup(0).parent()?.to_owned())) {
            mask.word(&group.to_string_lossy(), "@CTS@");
        }
        mask
    }
}

fn put(path: &Path, directory: bool, content: &str) -> io::Result<()> {
    if directory {
        return fs::create_dir_all(path);
    }
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    match content.strip_prefix("-> ") {
        Some(target) => symlink(target, path),
        None => fs::write(path, content),
    }
}

/// Gives a tree away, its links as they are.
fn own(path: &Path, owner: u32) -> io::Result<()> {
    if owner == 0 {
        return Ok(());
    }
    std::os::unix::fs::lchown(path, Some(owner), Some(owner))?;
    if fs::symlink_metadata(path)?.is_dir() {
        for entry in fs::read_dir(path)? {
            own(&entry?.path(), owner)?;
        }
    }
    Ok(())
}

fn fill(value: &mut Value, places: &[(&str, PathBuf)]) {
    match value {
        Value::String(text) => {
            for (name, path) in places {
                *text = text.replace(name, &path.to_string_lossy());
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| fill(value, places)),
        Value::Object(members) => members.values_mut().for_each(|value| fill(value, places)),
        _ => {}
    }
}

fn paths(top: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![top.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                waiting.push(entry.path());
            }
            found.insert(entry.path().strip_prefix(top).map(Path::to_owned).unwrap_or_default());
        }
    }
    found
}
