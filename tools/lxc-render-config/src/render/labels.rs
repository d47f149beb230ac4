//! The labels of mandatory access control: the process's go to nexcage-init, the mounts' into
//! their data.

use crate::field::Field;

/// File systems whose mounts take no context: SELinux labels their files itself, or a bind mount
/// has its source's.
const UNLABELLED: &[&str] = &["proc", "sysfs", "cgroup", "cgroup2", "bind"];

/// What `linux.mountLabel` adds to the data of a mount of this type.
///
/// A label is quoted, since it may hold commas; one that holds a quote itself is refused.
pub(super) fn mount_context(document: Field<'_, '_>, fs_type: &str) -> Option<String> {
    let (field, label) = document.get("linux")?.filled("mountLabel")?;
    if label.contains(['"', '\n', '\0']) {
        field.refuse("a label with a quote, a newline or a NUL cannot be given to mount", "correct it");
        return None;
    }
    (!UNLABELLED.contains(&fs_type)).then(|| format!("context=\"{label}\""))
}
