//! What `pct` says, and what it means (pct.md, sections 1 and 6). What is not known is passed on whole.

use crate::lxc_log;
use nexcage_cli::Code;
use std::fs;
use std::path::Path;

/// Lines of a creation's stdout that tell how far it is.
const PROGRESS: &[&str] = &[
    "extracting archive '",
    "Total bytes read:",
    "Formatting '",
    "Creating filesystem with",
    "Filesystem UUID:",
    "Superblock backups stored",
    "\t",
    "Falling back to ",
    "Use `pct set ",
    "Logical volume ",
];
/// What failed stands in the last lines.
const MOST: usize = 4;

/// Parts of messages, the code of what is the matter if it has one of its own, and what to do.
const KNOWN: &[(&str, Option<Code>, &str)] = &[
    ("CT is locked", Some(Code::CtLocked), "wait for the task that holds the lock, or 'pct unlock' it"),
    ("can't lock file", Some(Code::CtLocked), "another pct works on this CT; try again when it is done"),
    (
        "Keeping and dropping capabilities",
        None,
        "an include of the CT must reset lxc.cap.drop before lxc.cap.keep",
    ),
    ("unable to get PID", None, "LXC ended the container before its init was asked for; the log has more"),
    ("Script exited with status", None, "Proxmox could not mount the rootfs; does its directory exist?"),
    ("No space left on device", None, "give the disk more room"),
    ("Cannot mknod", None, "an unprivileged CT has no device nodes in its image: remove them"),
    ("storage '", Some(Code::Storage), "name a storage of this node, which pvesm status shows"),
    ("content type needs to be", Some(Code::Storage), "pvesm set STORAGE --content changes what one takes"),
    (
        "support container directories",
        Some(Code::Storage),
        "pvesm set STORAGE --content changes what one takes",
    ),
    ("bridge '", None, "name a bridge of this node"),
    ("vztmpl/", Some(Code::Template), "the template is gone since it was looked at"),
    ("can't find file '", Some(Code::Template), "the template is gone since it was looked at"),
    ("look like a template archive", Some(Code::Template), "the name has to end as Proxmox's templates do"),
    (
        "unrecognized compression format",
        Some(Code::Template),
        "the name has to end as Proxmox's templates do",
    ),
    ("unable to detect OS", None, "ostype unmanaged, the default, leaves the image alone"),
    ("volume '", None, "name a volume that exists"),
    ("protection mode enabled", None, "'pct set VMID --protection 0' gives it free"),
    ("container is running", None, "somebody has started the CT: 'pct stop' it"),
    ("used in HA resources", None, "'ha-manager remove ct:VMID' takes it out of there"),
    ("403 Permission check failed", None, "nexcage has to be run by root"),
    (
        "Permission denied",
        None,
        "the CT's mapped root must be able to reach the state directory and the rootfs",
    ),
    ("Unsupported config key", None, "this LXC is older or newer than what the configuration was made for"),
    ("is a template", None, "a template cannot be started; the CT was changed while it was started"),
    ("missing '", None, "the CT's configuration was changed while it was started"),
    ("does not exist", None, "the CT's configuration was removed meanwhile"),
];

fn known(words: &str) -> Option<&'static (&'static str, Option<Code>, &'static str)> {
    KNOWN.iter().find(|(part, ..)| words.contains(part))
}

/// What is the matter, if that has a code of its own.
pub(crate) fn code(words: &str) -> Option<Code> {
    known(words).and_then(|known| known.1)
}

/// What to do.
pub(crate) fn hint(words: &str) -> &'static str {
    known(words).map_or("Proxmox's log of the task has all that pct printed", |known| known.2)
}

/// What `pct start` said on its stderr, then LXC's messages from its stdout.
pub(super) fn of_start(errors: &Path, log: &Path) -> String {
    let said = lines(errors).into_iter().chain([lxc_log::words(log)]);
    said.filter(|words| !words.is_empty()).collect::<Vec<_>>().join("; ")
}

/// What another task said on its stderr, then what its stdout has besides progress.
pub(super) fn of_task(errors: &Path, stdout: &Path) -> String {
    let mut said = lines(errors);
    let printed = fs::read(stdout).unwrap_or_default();
    let printed = String::from_utf8_lossy(&printed);
    let rest: Vec<&str> = printed
        .lines()
        .filter(|line| !PROGRESS.iter().any(|begin| line.starts_with(begin)))
        .map(str::trim)
        // The error itself ends with what was printed last.
        .filter(|line| !line.is_empty() && !said.iter().any(|words| words.ends_with(line)))
        .collect();
    let last = rest.len().saturating_sub(MOST);
    said.extend(rest[last..].iter().map(|line| (*line).to_owned()));
    said.join("; ")
}

fn lines(file: &Path) -> Vec<String> {
    let text = fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(of: fn(&Path, &Path) -> String, errors: &str, stdout: &str) -> String {
        let temp = tempfile::tempdir().unwrap();
        let [first, second] = [("errors", errors), ("stdout", stdout)].map(|(name, text)| {
            let path = temp.path().join(name);
            fs::write(&path, text).unwrap();
            path
        });
        of(&first, &second)
    }

    #[test]
    fn pct_in_its_own_words_comes_before_those_of_lxc() {
        let noise = "__cgfsng_delegate_controllers: 3628 Device or resource busy - Could not enable \"+hugetlb\" controllers in the unified cgroup 7";
        let log = format!("{noise}\nsafe_mount: 1334 No such file or directory - Failed to mount\n");
        let words = "startup for container '100' failed; No such file or directory - Failed to mount";
        assert_eq!(said(of_start, "startup for container '100' failed\n", &log), words);
        assert!(hint("CT is locked (backup)").contains("unlock"));
    }

    #[test]
    fn a_creation_that_fails_is_explained_by_what_is_no_progress() {
        let stdout = "Formatting '/x.raw', fmt=raw\n\t32768, 98304\nextracting archive '/a.tar'\n\
            tar: ./x: Cannot mknod: Operation not permitted\nTotal bytes read: 1\n";
        let words = said(of_task, "unable to create CT 100 - command 'tar' failed: exit code 2\n", stdout);
        let expected = "unable to create CT 100 - command 'tar' failed: exit code 2; \
            tar: ./x: Cannot mknod: Operation not permitted";
        assert_eq!(words, expected);
        let gone = "volume 'local:vztmpl/a.tar' does not exist";
        let words = said(of_task, &format!("unable to create CT 100 - {gone}\n"), &format!("{gone}\n"));
        assert_eq!(words, format!("unable to create CT 100 - {gone}"));
        assert_eq!(code(&words), Some(Code::Template));
        assert_eq!((code("storage 'x' does not exist"), code("who knows")), (Some(Code::Storage), None));
    }
}
