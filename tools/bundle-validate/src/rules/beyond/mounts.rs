//! Mounts, beyond the specification.

use crate::Profile::{Crun, Runc};
use crate::Severity::Warning;
use crate::json::Node;
use crate::report::Sink;
use crate::rules::Check::{Document, Mount as OfMount, Structure};
use crate::rules::covers::Covers;
use crate::rules::forms::{excerpt, is_normal, normal};
use crate::rules::mounts::{Mount, destinations, strings};
use crate::rules::platform::Platform;
use crate::rules::{rules, structure};

rules! {
    SPELLING {
        id: "OCI-M4-SPELLING",
        severity: Warning,
        section: "config.md#linux-mount-options",
        explanation: "An option that is not known is handed to the file system; one that is nearly known is rather a slip.",
        check: OfMount(options_are_spelt_right),
        bad: &[
            r#"{"mounts": [{"destination": "/a", "type": "tmpfs", "options": ["nosiud"]}]}"#,
            r#"{"mounts": [{"destination": "/a", "source": "/a", "options": ["bind", "RO"]}]}"#,
        ],
        good: &[
            r#"{"mounts": [{"destination": "/a", "type": "tmpfs", "options": ["nosuid", "mode=755", "huge=never"]}]}"#,
            r#"{"mounts": [{"destination": "/a", "type": "nfs", "options": ["nodevs"]}]}"#,
        ],
    }
    DATA {
        id: "OCI-M4-DATA",
        severity: Warning,
        section: "config.md#linux-mount-options",
        explanation: "A bind mount has no file system of its own that could take options: the kernel drops them; runc refuses them since 1.2.",
        error_under: &[Runc],
        check: Structure,
        bad: &[r#"{"mounts": [{"destination": "/a", "source": "/a", "options": ["rbind", "mode=755"]}]}"#],
        good: &[r#"{"mounts": [{"destination": "/a", "source": "/a", "options": ["rbind", "ro", "rprivate", "nosymfollow"]}]}"#],
    }
    IDMAP {
        id: "OCI-M5-BIND",
        severity: Warning,
        section: "config.md#linux-mount-options",
        explanation: "Runtimes map the ids of bind mounts only.",
        error_under: &[Runc, Crun],
        check: OfMount(idmaps_are_binds),
        bad: &[r#"{"mounts": [{"destination": "/a", "type": "tmpfs", "options": ["idmap"], "uidMappings": [], "gidMappings": []}]}"#],
        good: &[r#"{"mounts": [{"destination": "/a", "source": "/a", "options": ["bind", "idmap"], "uidMappings": [], "gidMappings": []}]}"#],
    }
    FORM {
        id: "OCI-M2-FORM",
        severity: Warning,
        section: "config.md#mounts",
        explanation: "A destination with empty, '.' or '..' parts, a slash at its end or a line break means another place than it seems to.",
        check: OfMount(destinations_are_normal),
        bad: &[
            r#"{"mounts": [{"destination": "/a/../b"}]}"#,
            r#"{"mounts": [{"destination": "/a/"}]}"#,
            r#"{"mounts": [{"destination": "/a\nb"}]}"#,
        ],
        good: &[r#"{"mounts": [{"destination": "/a/..b"}, {"destination": "/"}]}"#],
    }
    HIDDEN {
        id: "OCI-M2-HIDDEN",
        severity: Warning,
        section: "config.md#mounts",
        explanation: "Mounts are made in order, so one on or above the destination of an earlier one hides it.",
        check: Document(nothing_is_hidden),
        bad: &[
            r#"{"mounts": [{"destination": "/dev/shm", "type": "tmpfs"}, {"destination": "/dev", "type": "tmpfs"}]}"#,
            r#"{"mounts": [{"destination": "/a", "type": "tmpfs"}, {"destination": "/b/../a", "type": "tmpfs"}]}"#,
        ],
        good: &[
            r#"{"mounts": [{"destination": "/dev", "type": "tmpfs"}, {"destination": "/dev/shm", "type": "tmpfs"}, {"destination": "/de"}]}"#,
            r#"{"mounts": [{"destination": "/a", "type": "tmpfs"}, {"destination": "/a", "options": ["remount", "ro"]}]}"#,
        ],
    }
    MASKED {
        id: "OCI-L36-MOUNTED",
        severity: Warning,
        section: "config-linux.md#masked-paths",
        explanation: "Paths are masked after everything is mounted, so what is mounted on a masked path is never seen.",
        check: Document(nothing_is_mounted_on_masked_paths),
        bad: &[r#"{"mounts": [{"destination": "/srv/a/b", "type": "tmpfs"}], "linux": {"maskedPaths": ["/srv/a"]}}"#],
        good: &[r#"{"mounts": [{"destination": "/srv", "type": "tmpfs"}], "linux": {"maskedPaths": ["/srv/a"]}}"#],
    }
}

/// Options that runtimes know by themselves: the short ones first, those of one length sorted.
static NAMES: &[&str] = &[
    "ro",
    "rw",
    "acl",
    "dev",
    "rro",
    "rrw",
    "bind",
    "exec",
    "loud",
    "mand",
    "rdev",
    "suid",
    "sync",
    "async",
    "atime",
    "idmap",
    "noacl",
    "nodev",
    "rbind",
    "rexec",
    "rsuid",
    "slave",
    "noexec",
    "nomand",
    "nosuid",
    "ratime",
    "ridmap",
    "rnodev",
    "rslave",
    "shared",
    "silent",
    "dirsync",
    "noatime",
    "private",
    "remount",
    "rnoexec",
    "rnosuid",
    "rshared",
    "defaults",
    "diratime",
    "iversion",
    "lazytime",
    "relatime",
    "rnoatime",
    "rprivate",
    "rdiratime",
    "rrelatime",
    "symfollow",
    "tmpcopyup",
    "nodiratime",
    "noiversion",
    "nolazytime",
    "norelatime",
    "rsymfollow",
    "unbindable",
    "nosymfollow",
    "rnodiratime",
    "rnorelatime",
    "runbindable",
    "strictatime",
    "copy-symlink",
    "rnosymfollow",
    "rstrictatime",
    "src-nofollow",
    "nostrictatime",
    "rnostrictatime",
];

/// File systems without options that look like those; sorted.
static PLAIN: &[&str] = &["cgroup2", "devpts", "mqueue", "none", "proc", "ramfs", "sysfs", "tmpfs"];

fn is_known(option: &str) -> bool {
    NAMES.binary_search_by(|name| name.len().cmp(&option.len()).then_with(|| (*name).cmp(option))).is_ok()
}

/// What an option that is not known was meant to be.
fn meant(option: &str) -> Option<&'static str> {
    let near = |name: &&'static str| {
        let most = usize::from(name.len() >= 4) + usize::from(name.len() >= 6);
        let far = name.len().abs_diff(option.len()) > most;
        let distance = if far { usize::MAX } else { structure::distance(name, option) };
        (distance <= most).then_some((distance, *name))
    };
    let names = NAMES.iter().filter(|_| !option.contains('='));
    names.filter_map(near).min().map(|(_, name)| name)
}

/// Finds the violations of [`DATA`] too: which of the two an option breaks depends on its name.
fn options_are_spelt_right(mount: &Mount<'_>, sink: &mut Sink<'_>) {
    // Mappings of crun's own have a value.
    let own = |option: &str| option.starts_with("idmap=") || option.starts_with("ridmap=");
    for (node, option) in mount.options().filter(|(_, option)| !is_known(option)) {
        let kind = mount.kind.and_then(|kind| kind.as_str());
        let plain = mount.is_bind || kind.is_some_and(|kind| PLAIN.binary_search(&kind).is_ok());
        match meant(option) {
            Some(name) if plain => {
                sink.add(node, format!("{} is no option; did you mean `{name}`?", excerpt(node.raw())));
            }
            None if mount.is_bind && !own(option) => {
                let message = format!("a bind mount takes no option {}", excerpt(node.raw()));
                sink.of(&DATA).add(node, message);
            }
            _ => {}
        }
    }
}

fn idmaps_are_binds(mount: &Mount<'_>, sink: &mut Sink<'_>) {
    if let Some(option) = mount.idmap.filter(|_| !mount.is_bind) {
        sink.add(option, "only bind mounts can have it");
    }
}

fn destinations_are_normal(mount: &Mount<'_>, sink: &mut Sink<'_>) {
    let Some((node, path)) = mount.destination.filter(|_| mount.platform != Platform::Windows) else {
        return;
    };
    if path.contains(['\n', '\r']) {
        sink.add(node, "there is a line break in the path");
    } else if !path.is_empty() && !is_normal(path) {
        sink.add(node, format!("the path means {}", excerpt(&normal(path))));
    }
}

fn nothing_is_hidden(config: Node<'_>, sink: &mut Sink<'_>) {
    if Platform::of(config) == Platform::Windows {
        return;
    }
    // From the last to the first, so that a look into the map tells what comes later.
    let all: Vec<(Node<'_>, &str)> = destinations(config).collect();
    let mut later: Covers<'_, (Node<'_>, bool)> = Covers::with_capacity(all.len());
    for (node, path) in all.into_iter().rev().filter(|(_, path)| !path.is_empty()) {
        let path = normal(path);
        let anew = mounts_anew(node);
        let cover = later.above(&path).find(|(_, anew)| *anew);
        if let Some((cover, _)) = cover.filter(|_| anew) {
            let line = cover.position().line;
            sink.add(node, format!("hidden by the later mount on {}, line {line}", excerpt(cover.raw())));
        }
        later.insert(path, (node, anew));
    }
}

/// Whether the mount of a destination is more than a change of one that is there.
fn mounts_anew(destination: Node<'_>) -> bool {
    let options = destination.parent().and_then(|mount| mount.get("options"));
    strings(options).all(|(_, option)| option != "remount")
}

fn nothing_is_mounted_on_masked_paths(config: Node<'_>, sink: &mut Sink<'_>) {
    let masked = config.at("/linux/maskedPaths").into_iter().flat_map(|paths| paths.elements());
    let masked = masked.filter_map(|path| path.as_str()).map(|path| (normal(path), path));
    let masked: Covers<'_, &str> = masked.collect();
    for (node, path) in destinations(config) {
        if let Some(mask) = masked.above(&normal(path)).next() {
            sink.add(node, format!("{} is masked, so this mount is never seen", excerpt(mask)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted_and_no_name_is_taken_for_another() {
        assert!(PLAIN.is_sorted() && NAMES.iter().all(|name| is_known(name)));
        for (option, name) in
            [("nosiud", "nosuid"), ("RO", "ro"), ("noexce", "noexec"), ("rpirvate", "rprivate")]
        {
            assert_eq!(meant(option), Some(name), "{option}");
        }
        for option in ["mode=755", "size", "", "newinstance", "nr_inodes", "hidepid", "noswap"] {
            assert_eq!(meant(option), None, "{option}");
        }
    }
}
