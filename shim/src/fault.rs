//! Places at which a test lets a shim die, to see that nothing depends on its life.
//!
//! `NEXCAGE_FAULT=PLACE` has the process that comes to the place kill itself; `PLACE/shim` the shim
//! as well, if that is another one.

use rustix::process::{Signal, getpid, getppid, kill_process};

macro_rules! places {
    ($($place:ident = $name:literal,)*) => {
        /// A named step of a container's life.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Place { $($place,)* }

        /// The names of all places.
        pub const PLACES: &[&str] = &[$($name,)*];

        impl Place {
            fn name(self) -> &'static str {
                match self { $(Place::$place => $name,)* }
            }
        }
    };
}

places! {
    IdTaken = "id-taken",
    Serving = "serving",
    RootfsMounted = "rootfs-mounted",
    BundleRead = "bundle-read",
    ConfigSaved = "config-saved",
    BackendTaken = "backend-taken",
    RecordWritten = "record-written",
    MountPointsMade = "mount-points-made",
    SocketBound = "socket-bound",
    ConfigurationWritten = "configuration-written",
    Launched = "launched",
    SetupConnected = "setup-connected",
    SetupMounted = "setup-mounted",
    CreateHooksRun = "create-hooks-run",
    InitConnected = "init-connected",
    InitReady = "init-ready",
    LaunchEnded = "launch-ended",
    LimitsSet = "limits-set",
    CreatedReported = "created-reported",
    CreatedRecorded = "created-recorded",
    StartRecorded = "start-recorded",
    StartHooksRun = "start-hooks-run",
    SocketRemoved = "socket-removed",
    Went = "went",
    RunningRecorded = "running-recorded",
    PoststartRun = "poststart-run",
    ExitSeen = "exit-seen",
    ExitRecorded = "exit-recorded",
    DeleteRecorded = "delete-recorded",
    TornDown = "torn-down",
    PoststopRun = "poststop-run",
    DirectoryRemoved = "directory-removed",
}

/// Dies here if that is asked for.
pub(crate) fn at(place: Place) {
    let Some(wanted) = std::env::var_os("NEXCAGE_FAULT") else { return };
    let Some(wanted) = wanted.to_str() else { return };
    let (name, all) = wanted.strip_suffix("/shim").map_or((wanted, false), |name| (name, true));
    if name != place.name() {
        return;
    }
    // The shim is the parent of its workers, and of nobody else that comes here.
    if let Some(shim) = getppid().filter(|_| all && crate::work::is_worker()) {
        let _ = kill_process(shim, Signal::KILL);
    }
    let _ = kill_process(getpid(), Signal::KILL);
}
