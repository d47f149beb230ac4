//! Namespaces, and the names of the host in the UTS namespace.

use super::Draft;
use super::sysctl::hook;
use crate::field::Field;
use nexcage_setup::namespaces::owns;
use std::path::PathBuf;

/// The kinds of namespaces: the specification's word, LXC's word, and whether LXC can join one by
/// its path.
const KINDS: &[(&str, &str, Join)] = &[
    ("pid", "pid", Join::ByPath),
    ("network", "net", Join::ByPath),
    ("ipc", "ipc", Join::ByPath),
    ("uts", "uts", Join::ByPath),
    ("mount", "mnt", Join::Refused("the container needs a mount namespace of its own")),
    ("user", "user", Join::ByPath),
    // Measured with 5.0.2: LXC accepts the path and does not join.
    ("cgroup", "cgroup", Join::Refused("LXC does not join a cgroup namespace")),
    // Measured with 5.0.2: EUSERS, since LXC joins from a process that shares its memory.
    ("time", "time", Join::Refused("LXC cannot join a time namespace")),
];

#[derive(Debug, Clone, Copy)]
enum Join {
    ByPath,
    Refused(&'static str),
}

/// A network namespace that is not the container's own.
#[derive(Debug, Clone)]
pub(super) enum Network {
    Hosts,
    At(PathBuf),
}

/// The namespaces that the bundle lists; the others are the caller's.
#[derive(Debug, Default)]
pub(super) struct Namespaces<'d> {
    listed: Vec<(&'static str, Option<&'d str>)>,
}

impl<'d> Namespaces<'d> {
    pub(super) fn read(document: Field<'_, 'd>) -> Self {
        let mut namespaces = Namespaces::default();
        let list = document.at("/linux/namespaces").into_iter().flat_map(Field::elements);
        for field in list {
            let path = field.filled("path");
            let kind = field.text("type").and_then(|kind| KINDS.iter().find(|(name, ..)| *name == kind));
            match (kind, path) {
                // An unknown kind stays unread, and so is refused.
                (None, _) => {}
                (Some((_, _, Join::Refused(reason))), Some((path, _))) => {
                    path.refuse(*reason, "leave the path out for a new one");
                }
                // LXC would take it for the name of a container.
                (_, Some((path, text))) if !text.starts_with('/') => {
                    path.refuse("it is not absolute", "give the whole path");
                }
                (Some((name, ..)), path) => namespaces.listed.push((name, path.map(|(_, path)| path))),
            }
        }
        if !namespaces.is_new("mount") {
            let field = document.at("/linux/namespaces").unwrap_or(document);
            field.refuse("LXC always makes a new mount namespace", "list one of type mount without a path");
        }
        namespaces
    }

    /// Whether the container gets one of its own.
    pub(super) fn is_new(&self, kind: &str) -> bool {
        self.listed.iter().any(|(name, path)| *name == kind && path.is_none())
    }

    /// The path of one that is joined.
    pub(super) fn path(&self, kind: &str) -> Option<&'d str> {
        self.listed.iter().find(|(name, _)| *name == kind)?.1
    }

    /// The network namespace, if the container's user namespace has no rights over it.
    pub(super) fn foreign_network(&self) -> Option<Network> {
        match (self.path("user"), self.path("network")) {
            _ if !self.has("user") || self.is_new("network") => None,
            // What cannot be looked at the kernel decides.
            (Some(users), Some(network)) if owns(users, network).unwrap_or(true) => None,
            (_, Some(network)) => Some(Network::At(network.into())),
            (_, None) => Some(Network::Hosts),
        }
    }

    /// Whether the bundle lists one, new or by its path.
    pub(super) fn has(&self, kind: &str) -> bool {
        self.listed.iter().any(|(name, _)| *name == kind)
    }
}

impl Draft<'_> {
    pub(super) fn namespaces(&mut self, document: Field<'_, '_>, namespaces: &Namespaces<'_>) {
        let field = document.at("/linux/namespaces").unwrap_or(document);
        let new = KINDS.iter().filter(|(kind, ..)| namespaces.is_new(kind)).map(|(_, lxc, _)| *lxc);
        let new: Vec<&str> = new.collect();
        if !new.is_empty() {
            self.line(field, "lxc.namespace.clone", new.join(" "));
        }
        for (kind, path) in &namespaces.listed {
            let lxc = KINDS.iter().find(|(name, ..)| name == kind).map(|(_, lxc, _)| *lxc);
            if let (Some(lxc), Some(path)) = (lxc, path) {
                self.line(field, &format!("lxc.namespace.share.{lxc}"), *path);
            }
        }
        if namespaces.is_new("network") {
            self.line(field, "lxc.net.0.type", "empty");
            // Without it the loopback device stays down.
            self.line(field, "lxc.net.0.flags", "up");
        }
    }

    /// Offsets of the clocks in a new time namespace.
    pub(super) fn time_offsets(&mut self, document: Field<'_, '_>, namespaces: &Namespaces<'_>) {
        let clocks = document.at("/linux/timeOffsets").into_iter().flat_map(Field::members);
        for (clock, field) in clocks {
            let secs = field.get("secs").and_then(Field::i64).unwrap_or_default();
            let nanosecs = field.get("nanosecs").and_then(Field::u32).unwrap_or_default();
            let value = match (secs, nanosecs) {
                (0, 0) => continue,
                (secs, 0) => format!("{secs}s"),
                // Measured with 5.0.2: of both LXC takes the seconds, and a second or more in
                // nanoseconds it passes on as it is, which the kernel refuses.
                (0, nanosecs @ ..1_000_000_000) => format!("{nanosecs}ns"),
                _ => {
                    field.refuse("LXC takes either seconds or nanoseconds", "round it to whole seconds");
                    continue;
                }
            };
            match clock {
                _ if !namespaces.is_new("time") => {
                    field.refuse(
                        "only a new time namespace has offsets",
                        "list one of type time without a path",
                    );
                }
                "monotonic" => self.line(field, "lxc.time.offset.monotonic", value),
                "boottime" => self.line(field, "lxc.time.offset.boot", value),
                _ => field.refuse("Linux has no offset for this clock", "use monotonic or boottime"),
            }
        }
    }

    /// hostname and domainname. Without a hostname LXC leaves the host's, as the specification has
    /// it.
    pub(super) fn host_names(&mut self, document: Field<'_, '_>, namespaces: &Namespaces<'_>) {
        const NEW_UTS: &str = "list a namespace of type uts without a path";
        const LONGEST: usize = 64;
        for name in ["hostname", "domainname"] {
            let Some((field, text)) = document.filled(name) else { continue };
            if !namespaces.is_new("uts") {
                field.refuse("without a new UTS namespace it would be set for others too", NEW_UTS);
            } else if text.len() > LONGEST {
                field.refuse(format!("it is longer than {LONGEST} bytes"), "use a shorter one");
            } else if name == "hostname" {
                self.line(field, "lxc.uts.name", text);
            } else if namespaces.has("user") {
                let reason = "the kernel does not let it be set from a user namespace";
                field.refuse(reason, "remove it or the user namespace");
            } else {
                self.line(field, "lxc.hook.pre-mount", hook("kernel/domainname", text));
            }
        }
    }
}
