//! The one table of error codes. Append only: a code keeps its name and its meaning.

macro_rules! codes {
    ($($variant:ident $name:literal $status:literal $meaning:literal;)*) => {
        /// A stable error code, printed with every error; its exit status is part of it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $meaning] $variant,)* }

        impl Code {
            /// All codes in the order of the table.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The code as printed: `NX-…`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Code::$variant => $name,)* }
            }

            /// The code of this name, if there is one.
            #[must_use]
            pub fn by_name(name: &str) -> Option<Code> {
                Code::ALL.iter().copied().find(|code| code.name() == name)
            }

            /// The exit status of a tool that fails with it.
            #[must_use]
            pub fn status(self) -> u8 {
                match self { $(Code::$variant => $status,)* }
            }

            /// What it means, in one sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$variant => $meaning,)* }
            }
        }
    };
}

codes! {
    Usage "NX-USAGE" 2 "The command line is wrong.";
    Input "NX-INPUT" 3 "An input file cannot be read.";
    Syntax "NX-SYNTAX" 3 "An input document is not what its format demands.";
    Output "NX-OUTPUT" 1 "The output cannot be written.";
    Invalid "NX-INVALID" 1 "The bundle breaks the runtime specification.";
    Refused "NX-REFUSED" 4 "The bundle asks for something that cannot be expressed or is unsafe.";
    Id "NX-ID" 2 "A container id or a namespace is malformed.";
    Exists "NX-EXISTS" 1 "The container id is taken.";
    NotFound "NX-NOT-FOUND" 1 "There is no such container, or no such value in its state.";
    Record "NX-RECORD" 3 "A container's record cannot be read or written.";
    State "NX-STATE" 1 "The state directory cannot be prepared or removed.";
    LxcMissing "NX-LXC-MISSING" 1 "LXC is not installed.";
    InitMissing "NX-INIT-MISSING" 1 "nexcage-init is not installed.";
    LxcStart "NX-LXC-START" 1 "LXC could not start the container.";
    PctMissing "NX-PCT-MISSING" 1 "pct is not installed.";
    PctStart "NX-PCT-START" 1 "pct could not start the container.";
    NoQuorum "NX-NO-QUORUM" 1 "The configurations of CTs cannot be written: the cluster has no quorum.";
    NoVmid "NX-NO-VMID" 1 "Every VMID of the configured range is taken.";
    Configuration "NX-CONFIGURATION" 3 "The configuration file cannot be used.";
    Timeout "NX-TIMEOUT" 1 "A step took longer than it may.";
    Handover "NX-HANDOVER" 1 "The hand-over to nexcage-init failed.";
    ProcessSetup "NX-PROCESS-SETUP" 1 "The process could not be set up inside the container.";
    NotExecutable "NX-NOT-EXECUTABLE" 126 "The program of the process cannot be executed.";
    NoProgram "NX-NO-PROGRAM" 127 "The program of the process does not exist in the container.";
    ExitLost "NX-EXIT-LOST" 1 "The exit status of the process could not be learned.";
    Interrupted "NX-INTERRUPTED" 1 "A signal ended the work before the process was started.";
    System "NX-SYSTEM" 1 "The system refused a call that has to work.";
    SetupMissing "NX-SETUP-MISSING" 1 "nexcage-setup is not installed.";
    Mount "NX-MOUNT" 1 "A mount of the bundle could not be made.";
    Hook "NX-HOOK" 1 "A hook failed.";
    WrongState "NX-WRONG-STATE" 1 "The container or its process is in a state that does not allow this.";
    Shim "NX-SHIM" 1 "The container's shim cannot be reached, or its answer makes no sense.";
    ShimMissing "NX-SHIM-MISSING" 1 "nexcage-shim is not installed.";
    Unsupported "NX-UNSUPPORTED" 4 "An option asks for something that nexcage does not do.";
    Host "NX-HOST" 1 "The machine lacks something that containers need.";
    CtLocked "NX-CT-LOCKED" 1 "Another task of Proxmox VE has locked the CT.";
    CtProtected "NX-CT-PROTECTED" 1 "An administrator protects the CT from removal.";
    Template "NX-TEMPLATE" 4 "A template cannot become a root file system.";
    Storage "NX-STORAGE" 4 "A storage of Proxmox VE does not take what is to be put there.";
    PctCreate "NX-PCT-CREATE" 1 "pct could not make the CT with its root file system.";
    PctDestroy "NX-PCT-DESTROY" 1 "pct could not remove the CT with its root file system.";
}

#[cfg(test)]
mod tests {
    use super::Code;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_well_formed() {
        let mut seen = HashSet::new();
        for code in Code::ALL {
            let name = code.name();
            assert!(seen.insert(name), "{name} twice");
            assert!(name.starts_with("NX-") && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'-'));
            assert!(code.meaning().ends_with('.'));
            assert_eq!(Code::by_name(name), Some(*code));
        }
    }
}
