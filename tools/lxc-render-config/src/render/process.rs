//! The process: what nexcage-init and the shim carry out.

use super::Draft;
use super::id_map::{HostId, IdMaps};
use crate::capability::{Capability, Set};
use crate::field::Field;
use nexcage_handover::{Capabilities, NO_PERSONALITY, ProcessBuf, SeccompBuf, flags};
use std::ffi::CString;

/// The mode creation mask where the bundle has none, as runc's.
const UMASK: u32 = 0o022;

/// What nexcage-init needs to become the process, besides the process's own capabilities.
const FOR_INIT: [&str; 4] = ["setuid", "setgid", "setpcap", "sys_admin"];

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
    pub(super) host_user: HostId,
}

impl Draft<'_> {
    /// Reads the process and renders its bounding set; `None` if something essential was refused.
    pub(super) fn process(&mut self, document: Field<'_, '_>, ids: &IdMaps) -> Option<Process> {
        let Some(process) = document.get("process") else {
            document.refuse("there is no process to run", "give process");
            return None;
        };
        if let Some(terminal) = process.get("terminal").filter(|field| field.bool() == Some(true)) {
            terminal.refuse("terminals are not supported yet", "set it to false");
        }
        let capabilities = capabilities(process);
        self.keep(process, &capabilities);
        let user = process.get("user");
        let id = |key: &str| user.and_then(|user| user.get(key)).and_then(Field::u32);
        let (uid, gid) = (id("uid").unwrap_or_default(), id("gid").unwrap_or_default());
        let groups = user.into_iter().flat_map(|user| user.each("additionalGids")).filter_map(Field::u32);
        let handover = ProcessBuf {
            flags: match process.get("noNewPrivileges").and_then(Field::bool) {
                Some(true) => flags::NO_NEW_PRIVILEGES,
                _ => 0,
            },
            uid,
            gid,
            umask: id("umask").unwrap_or(UMASK),
            personality: NO_PERSONALITY,
            ignored_signals: 0,
            blocked_signals: 0,
            capabilities,
            groups: groups.collect(),
            cwd: process.get("cwd").and_then(c_string).unwrap_or_default(),
            args: process.each("args").filter_map(c_string).collect(),
            env: process.each("env").filter_map(c_string).collect(),
            apparmor: CString::default(),
            selinux: CString::default(),
            seccomp: SeccompBuf::default(),
            tasks: vec![],
        };
        let limits = process.each("rlimits").filter_map(limit).collect();
        let oom_score_adj = process.get("oomScoreAdj").and_then(Field::i64);
        let Some(host_user) = ids.host(uid, gid) else {
            user.unwrap_or(process).refuse("the user or group is not mapped", "map it");
            return None;
        };
        Some(Process {
            handover,
            limits,
            oom_score_adj: oom_score_adj.and_then(|score| i32::try_from(score).ok()),
            host_user,
        })
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
