//! Kernel parameters.
//!
//! `lxc.sysctl` is not used: LXC writes those through the container's /proc/sys after all mounts,
//! and there every engine makes it read-only. The pre-mount hook runs in the container's namespaces
//! while the host's /proc is still in sight.

use super::Draft;
use super::namespaces::Namespaces;
use crate::field::Field;

/// What belongs to a namespace, by the path below /proc/sys: whole names, or directories with `/`.
const OWNED: &[(&str, &str)] = &[
    ("net/", "network"),
    ("fs/mqueue/", "ipc"),
    ("kernel/msgmax", "ipc"),
    ("kernel/msgmnb", "ipc"),
    ("kernel/msgmni", "ipc"),
    ("kernel/sem", "ipc"),
    ("kernel/shmall", "ipc"),
    ("kernel/shmmax", "ipc"),
    ("kernel/shmmni", "ipc"),
    ("kernel/shm_rmid_forced", "ipc"),
];

/// A pre-mount hook that writes a kernel parameter. LXC has /bin/sh run it.
pub(super) fn hook(path: &str, value: &str) -> String {
    let (path, value) = (shell_word(&format!("/proc/sys/{path}")), shell_word(value));
    format!(r#"/bin/sh -c 'printf %s "$1" > "$2"' sysctl {value} {path}"#)
}

/// A text as one word of sh(1).
pub(crate) fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The path below /proc/sys of a key in either of sysctl(8)'s spellings: the first separator tells
/// which, and the other one stands for itself.
fn path(key: &str) -> Option<String> {
    let swap = |c| match c {
        '.' => '/',
        '/' => '.',
        other => other,
    };
    let dotted = key.find(['.', '/']).is_some_and(|first| key[first..].starts_with('.'));
    let path: String = if dotted { key.chars().map(swap).collect() } else { key.to_owned() };
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-:@/".contains(c);
    let sound = path.split('/').all(|part| !matches!(part, "" | "." | "..")) && path.chars().all(plain);
    sound.then_some(path)
}

impl Draft<'_> {
    pub(super) fn sysctls(&mut self, document: Field<'_, '_>, namespaces: &Namespaces<'_>) {
        let members = document.at("/linux/sysctl").into_iter().flat_map(Field::members);
        for (key, field) in members {
            let (Some(path), Some(value)) = (path(key), field.str()) else {
                field.refuse("this is no name of a kernel parameter", "correct it");
                continue;
            };
            if path == "kernel/domainname" && namespaces.is_new("uts") && !namespaces.has("user") {
                if document.filled("domainname").is_some() {
                    field.refuse("domainname sets it too", "remove one of them");
                }
                self.line(field, "lxc.hook.pre-mount", hook(&path, value));
                continue;
            }
            let owner = OWNED
                .iter()
                .find(|(name, _)| if name.ends_with('/') { path.starts_with(name) } else { path == *name });
            match owner {
                Some((_, kind)) if namespaces.has(kind) => {
                    self.line(field, "lxc.hook.pre-mount", hook(&path, value));
                }
                Some((_, kind)) => {
                    let reason = format!("without a {kind} namespace the host's would be changed");
                    field.refuse(reason, "list the namespace");
                }
                None => {
                    field.refuse("it belongs to the whole host or cannot be set here", "set it on the host");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_lead_to_the_file() {
        let check = |key: &str, expected: Option<&str>| assert_eq!(path(key).as_deref(), expected, "{key}");
        check("net.ipv4.ip_forward", Some("net/ipv4/ip_forward"));
        check("net/ipv4/conf/eth0.100/forwarding", Some("net/ipv4/conf/eth0.100/forwarding"));
        check("net.ipv4.conf.eth0/100.forwarding", Some("net/ipv4/conf/eth0.100/forwarding"));
        for bad in
            ["", "net..x", "net.ipv4.conf.//.x", "net/../../kernel", "net.a b", "net.x'y", "/net", "net.$(x)"]
        {
            check(bad, None);
        }
    }

    #[test]
    fn values_are_one_word_to_the_shell() {
        let text = hook("net/x", "a'b $(c)");
        assert_eq!(text, r#"/bin/sh -c 'printf %s "$1" > "$2"' sysctl 'a'\''b $(c)' '/proc/sys/net/x'"#);
    }
}
