//! What can go wrong inside the container, step by step.

/// Length of an encoded [`Failed`] in bytes.
pub const FAILED_LEN: usize = 12;

macro_rules! steps {
    ($($step:ident = $number:literal $text:literal,)*) => {
        /// A step of nexcage-init.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u32)]
        pub enum Step { $(#[doc = $text] $step = $number,)* }

        impl Step {
            /// What was being done, to follow "cannot".
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(Step::$step => $text,)* }
            }

            fn from_number(number: u32) -> Option<Self> {
                match number { $($number => Some(Step::$step),)* _ => None }
            }
        }
    };
}

steps! {
    Receive = 1 "receive the process",
    Stdio = 2 "set up stdin, stdout and stderr",
    CloseDescriptors = 3 "close inherited descriptors",
    DetachMount = 4 "detach nexcage-init's own mount",
    MakeCwd = 5 "make the working directory",
    EnterCwd = 6 "enter the working directory",
    Groups = 7 "set the groups",
    Bounding = 8 "limit the bounding set of capabilities",
    User = 9 "set the user id",
    CapabilitySets = 10 "set the effective, permitted and inheritable capabilities",
    Ambient = 11 "set the ambient capabilities",
    NoNewPrivileges = 12 "set no_new_privs",
    Signals = 13 "reset signal dispositions",
    Exec = 14 "execute the program",
    Node = 15 "make a device node",
    Link = 16 "make a symbolic link",
    Propagation = 17 "set the propagation of a mount",
    Terminal = 18 "open a terminal",
    Personality = 19 "set the execution domain",
    Seccomp = 20 "load the seccomp filter",
    Label = 21 "set the AppArmor profile or SELinux label",
    Join = 22 "join the container's namespaces",
    Keyring = 23 "leave the host's session keyring",
    ExtraDescriptors = 24 "set up the extra descriptors",
}

/// The body of a failure message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed {
    /// The step that failed.
    pub step: Step,
    /// The errno it failed with; 0 when the kernel was not involved.
    pub errno: u32,
    /// Which of the process's tasks failed, if the step is a task's.
    pub task: Option<u32>,
}

/// [`Failed::task`] of a step that is no task's, on the wire.
const NO_TASK: u32 = u32::MAX;

impl Failed {
    /// A step that is no task's.
    #[must_use]
    pub const fn at(step: Step, errno: u32) -> Self {
        Failed { step, errno, task: None }
    }

    /// The bytes on the wire.
    #[must_use]
    pub fn encode(self) -> [u8; FAILED_LEN] {
        let mut bytes = [0; FAILED_LEN];
        bytes[..4].copy_from_slice(&(self.step as u32).to_le_bytes());
        bytes[4..8].copy_from_slice(&self.errno.to_le_bytes());
        bytes[8..].copy_from_slice(&self.task.unwrap_or(NO_TASK).to_le_bytes());
        bytes
    }

    /// Reads a failure; `None` for an unknown step.
    #[must_use]
    pub fn decode(bytes: [u8; FAILED_LEN]) -> Option<Self> {
        let [s0, s1, s2, s3, e0, e1, e2, e3, t0, t1, t2, t3] = bytes;
        let step = Step::from_number(u32::from_le_bytes([s0, s1, s2, s3]))?;
        let task = u32::from_le_bytes([t0, t1, t2, t3]);
        let errno = u32::from_le_bytes([e0, e1, e2, e3]);
        Some(Failed { step, errno, task: (task != NO_TASK).then_some(task) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_survives_the_wire_and_an_unknown_step_does_not() {
        for failed in [Failed::at(Step::Exec, 2), Failed { step: Step::Node, errno: 17, task: Some(3) }] {
            assert_eq!(Failed::decode(failed.encode()), Some(failed));
        }
        assert_eq!(Failed::decode([0xff; FAILED_LEN]), None);
    }
}
