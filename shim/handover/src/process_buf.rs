//! The shim's side of the process message.

use crate::reader::INSTRUCTION_LEN;
use crate::{Capabilities, Task};
use alloc::ffi::CString;
use alloc::vec::Vec;

/// A process as the shim holds it; see [`crate::Process`] for the fields.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "documented at Process, which mirrors it")]
pub struct ProcessBuf {
    pub flags: u32,
    pub uid: u32,
    pub gid: u32,
    pub umask: u32,
    pub personality: u32,
    pub ignored_signals: u64,
    pub blocked_signals: u64,
    pub capabilities: Capabilities,
    pub groups: Vec<u32>,
    pub cwd: CString,
    pub args: Vec<CString>,
    pub env: Vec<CString>,
    pub apparmor: CString,
    pub selinux: CString,
    pub seccomp: SeccompBuf,
    pub tasks: Vec<TaskBuf>,
}

/// See [`crate::Seccomp`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "documented at Seccomp, which mirrors it")]
pub struct SeccompBuf {
    pub flags: u32,
    pub program: Vec<u8>,
}

/// See [`Task`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "documented at Task, which mirrors it")]
pub enum TaskBuf {
    Node { path: CString, mode: u32, major: u32, minor: u32, uid: u32, gid: u32 },
    Link { path: CString, target: CString },
    Propagation { path: CString, flags: u32 },
}

impl TaskBuf {
    fn borrow(&self) -> Task<'_> {
        match *self {
            TaskBuf::Node { ref path, mode, major, minor, uid, gid } => {
                Task::Node { path, mode, major, minor, uid, gid }
            }
            TaskBuf::Link { ref path, ref target } => Task::Link { path, target },
            TaskBuf::Propagation { ref path, flags } => Task::Propagation { path, flags },
        }
    }
}

impl ProcessBuf {
    /// The body on the wire, before as many extra descriptors as are said; `None` if it would be longer
    /// than [`crate::MAX_BODY_LEN`], or if they are more than [`crate::MAX_EXTRA_FDS`].
    #[must_use]
    pub fn encode(&self, extra_fds: u32) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        for word in [extra_fds, self.flags, self.uid, self.gid, self.umask, self.personality] {
            out.extend(word.to_le_bytes());
        }
        let c = &self.capabilities;
        let sets = [c.bounding, c.effective, c.permitted, c.inheritable, c.ambient];
        for word in [self.ignored_signals, self.blocked_signals].into_iter().chain(sets) {
            out.extend(word.to_le_bytes());
        }
        out.extend(u32::try_from(self.groups.len()).ok()?.to_le_bytes());
        out.extend(self.groups.iter().flat_map(|gid| gid.to_le_bytes()));
        out.extend(self.cwd.as_bytes_with_nul());
        for list in [&self.args, &self.env] {
            out.extend(u32::try_from(list.len()).ok()?.to_le_bytes());
            out.extend(list.iter().flat_map(CString::as_bytes_with_nul));
        }
        out.extend(self.apparmor.as_bytes_with_nul());
        out.extend(self.selinux.as_bytes_with_nul());
        out.extend(self.seccomp.flags.to_le_bytes());
        out.extend(u32::try_from(self.seccomp.program.len() / INSTRUCTION_LEN).ok()?.to_le_bytes());
        out.extend(&self.seccomp.program);
        out.extend(u32::try_from(self.tasks.len()).ok()?.to_le_bytes());
        self.tasks.iter().for_each(|task| task.borrow().encode(&mut out));
        let fits = out.len() <= crate::MAX_BODY_LEN as usize && extra_fds <= crate::MAX_EXTRA_FDS;
        fits.then_some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MAX_EXTRA_FDS, Process, extra_fds};
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn c_string() -> impl Strategy<Value = CString> {
        vec(1..=255_u8, 0..40).prop_map(|bytes| CString::new(bytes).unwrap())
    }

    fn task() -> impl Strategy<Value = TaskBuf> {
        prop_oneof![
            (c_string(), any::<[u32; 5]>()).prop_map(|(path, [mode, major, minor, uid, gid])| {
                TaskBuf::Node { path, mode, major, minor, uid, gid }
            }),
            (c_string(), c_string()).prop_map(|(path, target)| TaskBuf::Link { path, target }),
            (c_string(), any::<u32>()).prop_map(|(path, flags)| TaskBuf::Propagation { path, flags }),
        ]
    }

    prop_compose! {
        fn seccomp()(flags in any::<u32>(), program in vec(any::<[u8; INSTRUCTION_LEN]>(), 0..9)) -> SeccompBuf {
            SeccompBuf { flags, program: program.concat() }
        }
    }

    prop_compose! {
        fn process()(
            (flags, uid, gid, umask, personality) in (0..=3_u32, any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>()),
            (ignored_signals, blocked_signals) in any::<(u64, u64)>(),
            sets in any::<[u64; 5]>(),
            groups in vec(any::<u32>(), 0..9),
            cwd in c_string(),
            args in vec(c_string(), 1..9),
            env in vec(c_string(), 0..9),
            (apparmor, selinux, seccomp) in (c_string(), c_string(), seccomp()),
            tasks in vec(task(), 0..9),
        ) -> ProcessBuf {
            let [bounding, effective, permitted, inheritable, ambient] = sets;
            let capabilities = Capabilities { bounding, effective, permitted, inheritable, ambient };
            ProcessBuf {
                flags, uid, gid, umask, personality, ignored_signals, blocked_signals, capabilities, groups,
                cwd, args, env, apparmor, selinux, seccomp, tasks,
            }
        }
    }

    fn to_owned(task: Task<'_>) -> TaskBuf {
        match task {
            Task::Node { path, mode, major, minor, uid, gid } => {
                TaskBuf::Node { path: path.to_owned(), mode, major, minor, uid, gid }
            }
            Task::Link { path, target } => TaskBuf::Link { path: path.to_owned(), target: target.to_owned() },
            Task::Propagation { path, flags } => TaskBuf::Propagation { path: path.to_owned(), flags },
        }
    }

    fn owned(p: &Process<'_>) -> ProcessBuf {
        ProcessBuf {
            flags: p.flags,
            uid: p.uid,
            gid: p.gid,
            umask: p.umask,
            personality: p.personality,
            ignored_signals: p.ignored_signals,
            blocked_signals: p.blocked_signals,
            capabilities: p.capabilities,
            groups: p.groups().collect(),
            cwd: p.cwd.to_owned(),
            args: p.args.iter().map(ToOwned::to_owned).collect(),
            env: p.env.iter().map(ToOwned::to_owned).collect(),
            apparmor: p.apparmor.to_owned(),
            selinux: p.selinux.to_owned(),
            seccomp: SeccompBuf { flags: p.seccomp.flags, program: p.seccomp.program.to_vec() },
            tasks: p.tasks.iter().map(to_owned).collect(),
        }
    }

    proptest! {
        #[test]
        fn a_process_survives_the_wire(process in process(), extra in 0..=MAX_EXTRA_FDS) {
            let body = process.encode(extra).unwrap();
            let decoded = Process::decode(&body).unwrap();
            prop_assert_eq!((owned(&decoded), decoded.extra_fds, extra_fds(&body)), (process, extra, Ok(extra)));
        }

        #[test]
        fn more_extra_descriptors_than_one_message_can_carry_are_refused(
            process in process(),
            extra in MAX_EXTRA_FDS + 1..,
        ) {
            prop_assert_eq!(process.encode(extra), None);
            let mut body = process.encode(0).unwrap();
            body[..4].copy_from_slice(&extra.to_le_bytes());
            prop_assert!(Process::decode(&body).is_err() && extra_fds(&body).is_err());
        }

        #[test]
        fn a_cut_or_lengthened_body_is_refused(process in process(), cut in any::<prop::sample::Index>()) {
            let mut body = process.encode(0).unwrap();
            prop_assert!(Process::decode(&body[..cut.index(body.len())]).is_err());
            body.push(0);
            prop_assert!(Process::decode(&body).is_err());
        }

        #[test]
        fn garbage_is_refused_or_read_without_a_panic(body in vec(any::<u8>(), 0..300)) {
            if let Ok(process) = Process::decode(&body) {
                prop_assert!(process.args.iter().count() == process.args.len());
            }
        }
    }
}
