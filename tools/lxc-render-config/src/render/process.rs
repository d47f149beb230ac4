//! The process: what nexcage-init and the shim carry out.

use super::Draft;
use super::id_map::{HostId, IdMaps};
use super::scheduling::{self, Scheduler};
use crate::capability::{Capability, Set};
use crate::field::Field;
use nexcage_handover::{Capabilities, NO_PERSONALITY, ProcessBuf, SeccompBuf, TaskBuf, flags};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, CString};
use std::path::Path;

/// The mode creation mask where the bundle has none, as runc's.
const UMASK: u32 = 0o022;
/// `PER_LINUX32` (sys/personality.h).
const PER_LINUX32: u32 = 8;

/// What nexcage-init needs to set up the container and become the process, besides the process's own
/// capabilities.
const FOR_INIT: [&str; 7] = ["chown", "dac_override", "mknod", "setgid", "setpcap", "setuid", "sys_admin"];

/// What runc links in a fresh /dev, besides what LXC links there.
const LINKS: [(&CStr, &CStr); 5] = [
    (c"/dev/ptmx", c"pts/ptmx"),
    (c"/dev/fd", c"/proc/self/fd"),
    (c"/dev/stdin", c"/proc/self/fd/0"),
    (c"/dev/stdout", c"/proc/self/fd/1"),
    (c"/dev/stderr", c"/proc/self/fd/2"),
];
const KCORE: (&CStr, &CStr) = (c"/dev/core", c"/proc/kcore");

/// The resources that setrlimit(2) knows, by their names without `RLIMIT_`.
const RESOURCES: &[(&str, rustix::process::Resource)] = {
    use rustix::process::Resource as R;
    &[
        ("AS", R::As),
        ("CORE", R::Core),
        ("CPU", R::Cpu),
        ("DATA", R::Data),
        ("FSIZE", R::Fsize),
        ("LOCKS", R::Locks),
        ("MEMLOCK", R::Memlock),
        ("MSGQUEUE", R::Msgqueue),
        ("NICE", R::Nice),
        ("NOFILE", R::Nofile),
        ("NPROC", R::Nproc),
        ("RSS", R::Rss),
        ("RTPRIO", R::Rtprio),
        ("RTTIME", R::Rttime),
        ("SIGPENDING", R::Sigpending),
        ("STACK", R::Stack),
    ]
};

/// A limit of setrlimit(2); `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rlimit {
    /// What is limited.
    pub resource: rustix::process::Resource,
    /// What holds, in the resource's unit.
    pub soft: Option<u64>,
    /// How far the process may raise it.
    pub hard: Option<u64>,
}

pub(super) struct Process {
    pub(super) handover: ProcessBuf,
    pub(super) limits: Vec<Rlimit>,
    pub(super) oom_score_adj: Option<i32>,
    pub(super) scheduler: Option<Scheduler>,
    pub(super) io_priority: Option<u16>,
    /// Rows and columns.
    pub(super) console_size: Option<(u16, u16)>,
    pub(super) host_user: HostId,
}

impl Draft<'_> {
    /// Reads the process and renders its bounding set; `None` if something essential was refused.
    pub(super) fn process(&mut self, document: Field<'_, '_>, ids: &IdMaps) -> Option<Process> {
        let Some(process) = document.get("process") else {
            document.refuse("there is no process to run", "give process");
            return None;
        };
        self.links();
        let terminal = process.get("terminal").and_then(Field::bool) == Some(true);
        let no_gain = process.get("noNewPrivileges").and_then(Field::bool) == Some(true);
        let capabilities = capabilities(process);
        self.keep(process, &capabilities);
        let user = process.get("user");
        let id = |key: &str| user.and_then(|user| user.get(key)).and_then(Field::u32);
        let (uid, gid) = (id("uid").unwrap_or_default(), id("gid").unwrap_or_default());
        let groups = user.into_iter().flat_map(|user| user.each("additionalGids")).filter_map(Field::u32);
        let handover = ProcessBuf {
            flags: u32::from(no_gain) * flags::NO_NEW_PRIVILEGES + u32::from(terminal) * flags::TERMINAL,
            uid,
            gid,
            umask: id("umask").unwrap_or(UMASK),
            personality: document.at("/linux/personality").map_or(NO_PERSONALITY, personality),
            ignored_signals: 0,
            blocked_signals: 0,
            capabilities,
            groups: distinct(groups),
            cwd: process.get("cwd").and_then(c_string).unwrap_or_default(),
            args: process.each("args").filter_map(c_string).collect(),
            env: environment(process.each("env").filter_map(c_string)),
            apparmor: process.get("apparmorProfile").and_then(c_string).unwrap_or_default(),
            selinux: process.get("selinuxLabel").and_then(c_string).unwrap_or_default(),
            seccomp: SeccompBuf::default(),
            tasks: std::mem::take(&mut self.tasks),
        };
        let limits = process.each("rlimits").filter_map(limit).collect();
        let oom_score_adj = process.get("oomScoreAdj").and_then(Field::i64);
        let console_size = process.get("consoleSize").and_then(console_size);
        let Some(host_user) = ids.host(uid, gid) else {
            user.unwrap_or(process).refuse("the user or group is not mapped", "map it");
            return None;
        };
        Some(Process {
            handover,
            limits,
            oom_score_adj: oom_score_adj.and_then(|score| i32::try_from(score).ok()),
            scheduler: process.get("scheduler").and_then(scheduling::scheduler),
            io_priority: process.get("ioPriority").and_then(scheduling::io_priority),
            console_size: console_size.filter(|_| terminal),
            host_user,
        })
    }

    /// The links of a fresh /dev; where the bundle or LXC has something else, that stays.
    fn links(&mut self) {
        if !self.has_fresh_dev() {
            return;
        }
        // As runc: where the kernel has it.
        let kcore = Path::new("/proc/kcore").exists().then_some(KCORE);
        let links = LINKS.into_iter().chain(kcore);
        let task =
            |(path, target): (&CStr, &CStr)| TaskBuf::Link { path: path.into(), target: target.into() };
        self.tasks.extend(links.map(task));
    }

    /// LXC drops what nobody needs from the bounding set; nexcage-init does the rest.
    fn keep(&mut self, process: Field<'_, '_>, capabilities: &Capabilities) {
        let Capabilities { bounding, effective, permitted, inheritable, ambient } = *capabilities;
        let all = Set(bounding | effective | permitted | inheritable | ambient);
        let kept = Capability::all().filter(|one| all.contains(*one) || FOR_INIT.contains(&one.lxc_name()));
        let names: Vec<&str> = kept.map(Capability::lxc_name).collect();
        self.line(process, "lxc.cap.keep", names.join(" "));
    }
}

fn capabilities(process: Field<'_, '_>) -> Capabilities {
    let object = process.get("capabilities");
    let set = |key: &str| {
        let mut set = Set::default();
        for name in object.into_iter().flat_map(|object| object.each(key)) {
            let Some(text) = name.str() else { continue };
            match Capability::by_name(text) {
                Some(capability) => set.insert(capability),
                None => log::warn!("{text:?} is no capability of Linux and is ignored"),
            }
        }
        set.0
    };
    let (permitted, inheritable, ambient) = (set("permitted"), set("inheritable"), set("ambient"));
    // Nothing else can be raised (capabilities(7)); runc's own starter configuration asks for it.
    let raisable = ambient & permitted & inheritable;
    if raisable != ambient {
        log::info!("ambient capabilities that are not also permitted and inheritable have no effect");
    }
    Capabilities {
        bounding: set("bounding"),
        effective: set("effective"),
        permitted,
        inheritable,
        ambient: raisable,
    }
}

/// Of entries with one name the last counts, in the place of the first: so setenv(3) leaves it, and
/// runc.
fn environment(entries: impl Iterator<Item = CString>) -> Vec<CString> {
    let (mut environment, mut places) = (Vec::new(), HashMap::new());
    for entry in entries {
        let name = entry.as_bytes().split(|&byte| byte == b'=').next().unwrap_or_default();
        match places.entry(name.to_owned()) {
            Entry::Vacant(vacant) => {
                vacant.insert(environment.len());
                environment.push(entry);
            }
            Entry::Occupied(place) => environment[*place.get()] = entry,
        }
    }
    environment
}

/// Every group once, in order.
fn distinct(groups: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut seen = HashSet::new();
    groups.filter(|gid| seen.insert(*gid)).collect()
}

/// Rows and columns of a terminal.
fn console_size(field: Field<'_, '_>) -> Option<(u16, u16)> {
    let side = |key: &str| {
        let side = field.get(key)?;
        let number = u16::try_from(side.u64()?);
        if number.is_err() {
            side.refuse("the kernel's terminals have at most 65535 rows and columns", "lower it");
        }
        number.ok()
    };
    Some((side("height")?, side("width")?))
}

/// An execution domain as personality(2) takes it.
fn personality(field: Field<'_, '_>) -> u32 {
    match field.text("domain") {
        Some("LINUX") => 0,
        Some("LINUX32") => PER_LINUX32,
        _ => {
            field.refuse("the domain is neither LINUX nor LINUX32", "correct it");
            NO_PERSONALITY
        }
    }
}

fn limit(field: Field<'_, '_>) -> Option<Rlimit> {
    let name = field.text("type")?;
    let resource = RESOURCES.iter().find(|(known, _)| name.strip_prefix("RLIMIT_") == Some(*known));
    let Some((_, resource)) = resource else {
        field.refuse(format!("{name} is no resource of setrlimit"), "correct it");
        return None;
    };
    let value = |key: &str| {
        let value = field.get(key)?.u64()?;
        // RLIM_INFINITY.
        Some((value != u64::MAX).then_some(value))
    };
    Some(Rlimit { resource: *resource, soft: value("soft")?, hard: value("hard")? })
}

fn c_string(field: Field<'_, '_>) -> Option<CString> {
    let string = CString::new(field.str()?);
    if string.is_err() {
        field.refuse("it holds a NUL, which ends a string for the kernel", "remove it");
    }
    string.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equal_names_the_last_counts_in_the_place_of_the_first() {
        let c_strings =
            |list: &[&str]| list.iter().map(|text| CString::new(*text).unwrap()).collect::<Vec<_>>();
        let given = c_strings(&["PATH=/bin", "A=1", "B=2", "A=3=4", "AB=5", "B="]);
        let expected = c_strings(&["PATH=/bin", "A=3=4", "B=", "AB=5"]);
        assert_eq!(environment(given.into_iter()), expected);
        assert_eq!(distinct([5, 0, 5, 7, 0].into_iter()), [5, 0, 7]);
    }
}
