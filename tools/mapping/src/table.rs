//! The rows, in the order of config.md and config-linux.md of the runtime specification 1.3.

use super::{Class, Row, Target};

macro_rules! rows {
    ($($class:ident $field:literal $target:expr, $note:literal;)*) => {
        /// Every field of the specification.
        pub const TABLE: &[Row] =
            &[$(Row { field: $field, target: $target, class: Class::$class, note: $note },)*];
    };
}

const ENTRY: Target = Target::Lxc("lxc.mount.entry");
const SYSCTL: Target = Target::Lxc("lxc.hook.pre-mount");
const CGROUP: Target = Target::Lxc("lxc.cgroup.*, lxc.cgroup2.*");
const INIT: Target = Target::Init;
const SHIM: Target = Target::Shim;
const NOBODY: Target = Target::Nothing;

rows! {
    Exact "/ociVersion" Target::Record, "Shown in the container's state.";
    Exact "/root" Target::Lxc("lxc.rootfs.path"), "";
    Exact "/root/path" Target::Lxc("lxc.rootfs.path"), "With all symbolic links resolved.";
    Exact "/root/readonly" Target::Lxc("lxc.rootfs.options"), "Missing mount points are made before the start.";
    Approximate "/mounts" ENTRY, "In the order of the bundle. Where it mounts nothing on /dev, a tmpfs comes first: nothing is written into the image.";
    Exact "/mounts/*" ENTRY, "";
    Exact "/mounts/*/destination" ENTRY, "Symbolic links are followed inside the root file system and its mounts.";
    Approximate "/mounts/*/type" ENTRY, "devpts and cgroup are mounted by LXC's own keys: devpts with max=1024 unless given, at /dev/pts only; cgroup after all other mounts, at /sys/fs/cgroup only, and without a cgroup namespace below directories that need CAP_DAC_OVERRIDE.";
    Exact "/mounts/*/source" ENTRY, "Relative sources of bind mounts start at the bundle.";
    Approximate "/mounts/*/options" ENTRY, "Propagation inside the container is always shared. Refused: shared and unbindable, recursive attributes, idmap, tmpcopyup, and flags that LXC loses on writable bind mounts.";
    Exact "/mounts/*/options/*" ENTRY, "";
    Refused "/mounts/*/uidMappings" ENTRY, "ID-mapped mounts are not supported yet";
    Refused "/mounts/*/gidMappings" ENTRY, "ID-mapped mounts are not supported yet";

    Exact "/process" INIT, "";
    Exact "/process/terminal" INIT, "Refused when true.";
    Exact "/process/consoleSize" NOBODY, "Without a terminal it has no effect.";
    Exact "/process/cwd" INIT, "";
    Exact "/process/env" INIT, "Byte for byte.";
    Exact "/process/env/*" INIT, "";
    Exact "/process/args" INIT, "Byte for byte.";
    Exact "/process/args/*" INIT, "";
    Exact "/process/commandLine" NOBODY, "Windows only.";
    Exact "/process/rlimits" SHIM, "";
    Exact "/process/rlimits/*" SHIM, "";
    Exact "/process/rlimits/*/type" SHIM, "";
    Exact "/process/rlimits/*/soft" SHIM, "";
    Exact "/process/rlimits/*/hard" SHIM, "";
    Refused "/process/apparmorProfile" INIT, "AppArmor profiles are not supported yet";
    Exact "/process/capabilities" INIT, "Without it there are none.";
    Exact "/process/capabilities/effective" INIT, "Unknown names are ignored with a warning.";
    Exact "/process/capabilities/effective/*" INIT, "";
    Exact "/process/capabilities/bounding" INIT, "";
    Exact "/process/capabilities/bounding/*" INIT, "";
    Exact "/process/capabilities/inheritable" INIT, "";
    Exact "/process/capabilities/inheritable/*" INIT, "";
    Exact "/process/capabilities/permitted" INIT, "";
    Exact "/process/capabilities/permitted/*" INIT, "";
    Exact "/process/capabilities/ambient" INIT, "";
    Exact "/process/capabilities/ambient/*" INIT, "";
    Exact "/process/noNewPrivileges" INIT, "";
    Exact "/process/oomScoreAdj" SHIM, "";
    Refused "/process/scheduler" SHIM, "scheduling policies are not supported yet";
    Refused "/process/selinuxLabel" INIT, "SELinux labels are not supported yet";
    Refused "/process/ioPriority" SHIM, "I/O priorities are not supported yet";
    Refused "/process/execCPUAffinity" SHIM, "CPU affinity is not supported yet";
    Exact "/process/user" INIT, "";
    Exact "/process/user/uid" INIT, "";
    Exact "/process/user/gid" INIT, "";
    Exact "/process/user/umask" INIT, "0022 without it.";
    Exact "/process/user/additionalGids" INIT, "";
    Exact "/process/user/additionalGids/*" INIT, "";
    Exact "/process/user/username" NOBODY, "Windows only.";

    Exact "/hostname" Target::Lxc("lxc.uts.name"), "Refused unless the UTS namespace is new.";
    Exact "/domainname" SYSCTL, "Refused unless the UTS namespace is new, and in a new user namespace, where the kernel does not let it be set.";
    Refused "/hooks" Target::Lxc("lxc.hook.*"), "hooks are not supported yet";
    Exact "/annotations" Target::Record, "";
    Exact "/annotations/*" Target::Record, "";

    Exact "/linux" Target::Lxc("lxc.*"), "";
    Exact "/linux/namespaces" Target::Lxc("lxc.namespace.clone"), "";
    Exact "/linux/namespaces/*" Target::Lxc("lxc.namespace.clone"), "";
    Exact "/linux/namespaces/*/type" Target::Lxc("lxc.namespace.clone"), "The mount namespace has to be new.";
    Exact "/linux/namespaces/*/path" Target::Lxc("lxc.namespace.share.*"), "For network, ipc, uts and pid.";
    Exact "/linux/uidMappings" Target::Lxc("lxc.idmap"), "";
    Exact "/linux/uidMappings/*" Target::Lxc("lxc.idmap"), "";
    Exact "/linux/uidMappings/*/containerID" Target::Lxc("lxc.idmap"), "";
    Exact "/linux/uidMappings/*/hostID" Target::Lxc("lxc.idmap"), "";
    Exact "/linux/uidMappings/*/size" Target::Lxc("lxc.idmap"), "";
    Exact "/linux/gidMappings" Target::Lxc("lxc.idmap"), "";
    Exact "/linux/gidMappings/*" Target::Lxc("lxc.idmap"), "";
    Exact "/linux/gidMappings/*/containerID" Target::Lxc("lxc.idmap"), "";
    Exact "/linux/gidMappings/*/hostID" Target::Lxc("lxc.idmap"), "";
    Exact "/linux/gidMappings/*/size" Target::Lxc("lxc.idmap"), "";
    Refused "/linux/timeOffsets" Target::Lxc("lxc.time.offset.*"), "time offsets are not supported yet";
    Approximate "/linux/devices" ENTRY, "The host's node is bind-mounted, as the default devices are; it has to have the same number, mode and owner.";
    Approximate "/linux/devices/*" ENTRY, "";
    Exact "/linux/devices/*/type" ENTRY, "FIFOs are refused.";
    Exact "/linux/devices/*/path" ENTRY, "";
    Exact "/linux/devices/*/major" ENTRY, "";
    Exact "/linux/devices/*/minor" ENTRY, "";
    Exact "/linux/devices/*/fileMode" ENTRY, "Refused unless it is the host's.";
    Exact "/linux/devices/*/uid" ENTRY, "Refused unless it is the host's.";
    Exact "/linux/devices/*/gid" ENTRY, "Refused unless it is the host's.";
    Approximate "/linux/cgroupsPath" Target::Lxc("lxc.cgroup.dir.container"), "LXC makes the directory; its monitor gets one beside it, .monitor added to the name. Nothing asks systemd for it.";

    Exact "/linux/resources" CGROUP, "";
    Exact "/linux/resources/devices" CGROUP, "After a rule that denies everything and before rules for the default devices and ptys.";
    Exact "/linux/resources/devices/*" CGROUP, "";
    Exact "/linux/resources/devices/*/allow" CGROUP, "";
    Exact "/linux/resources/devices/*/type" CGROUP, "";
    Exact "/linux/resources/devices/*/major" CGROUP, "";
    Exact "/linux/resources/devices/*/minor" CGROUP, "";
    Exact "/linux/resources/devices/*/access" CGROUP, "";
    Exact "/linux/resources/memory" CGROUP, "";
    Exact "/linux/resources/memory/limit" CGROUP, "";
    Approximate "/linux/resources/memory/reservation" CGROUP, "On cgroup v2 as memory.low.";
    Exact "/linux/resources/memory/swap" CGROUP, "";
    Refused "/linux/resources/memory/kernel" CGROUP, "kernels no longer limit kernel memory";
    Refused "/linux/resources/memory/kernelTCP" CGROUP, "limits of TCP memory are not supported yet";
    Refused "/linux/resources/memory/swappiness" CGROUP, "swappiness is not supported yet";
    Refused "/linux/resources/memory/disableOOMKiller" CGROUP, "disabling the OOM killer is not supported yet";
    Refused "/linux/resources/memory/useHierarchy" CGROUP, "use_hierarchy is not supported yet";
    Exact "/linux/resources/memory/checkBeforeUpdate" NOBODY, "It concerns updates of a running container.";
    Exact "/linux/resources/cpu" CGROUP, "";
    Approximate "/linux/resources/cpu/shares" CGROUP, "On cgroup v2 converted to cpu.weight, 1024 to 100.";
    Exact "/linux/resources/cpu/quota" CGROUP, "";
    Refused "/linux/resources/cpu/burst" CGROUP, "CPU bursts are not supported yet";
    Exact "/linux/resources/cpu/period" CGROUP, "";
    Refused "/linux/resources/cpu/realtimeRuntime" CGROUP, "real-time limits are not supported yet";
    Refused "/linux/resources/cpu/realtimePeriod" CGROUP, "real-time limits are not supported yet";
    Exact "/linux/resources/cpu/cpus" CGROUP, "";
    Exact "/linux/resources/cpu/mems" CGROUP, "";
    Refused "/linux/resources/cpu/idle" CGROUP, "idle scheduling is not supported yet";
    Refused "/linux/resources/blockIO" CGROUP, "block I/O limits are not supported yet";
    Refused "/linux/resources/hugepageLimits" CGROUP, "huge page limits are not supported yet";
    Refused "/linux/resources/network" CGROUP, "network classes and priorities are not supported yet";
    Exact "/linux/resources/pids" CGROUP, "";
    Approximate "/linux/resources/pids/limit" CGROUP, "0 is no limit, as engines use it.";
    Refused "/linux/resources/rdma" CGROUP, "RDMA limits are not supported yet";
    Refused "/linux/resources/unified" CGROUP, "raw cgroup v2 values are not supported yet";
    Refused "/linux/intelRdt" CGROUP, "Intel RDT is not supported yet";
    Refused "/linux/memoryPolicy" INIT, "memory policies are not supported yet";
    Exact "/linux/sysctl" SYSCTL, "Written in the container's namespaces by LXC's hook: lxc.sysctl comes too late where /proc/sys is read-only.";
    Exact "/linux/sysctl/*" SYSCTL, "Only what a namespace that the bundle names has of its own.";
    Refused "/linux/seccomp" INIT, "seccomp filters are not supported yet";
    Approximate "/linux/rootfsPropagation" Target::Lxc("lxc.rootfs.options"), "slave and private hold towards the host; inside, all mounts are shared. shared and unbindable are refused.";
    Exact "/linux/maskedPaths" ENTRY, "";
    Exact "/linux/maskedPaths/*" ENTRY, "";
    Exact "/linux/readonlyPaths" ENTRY, "";
    Exact "/linux/readonlyPaths/*" ENTRY, "";
    Refused "/linux/mountLabel" ENTRY, "SELinux labels are not supported yet";
    Refused "/linux/personality" Target::Lxc("lxc.arch"), "personalities are not supported yet";
    Refused "/linux/netDevices" Target::Lxc("lxc.net.*"), "moving network devices is not supported yet";

    Refused "/windows" NOBODY, "this is no container for Linux";
    Refused "/solaris" NOBODY, "this is no container for Linux";
    Refused "/freebsd" NOBODY, "this is no container for Linux";
    Refused "/zos" NOBODY, "this is no container for Linux";
    Refused "/vm" NOBODY, "virtual machines are not containers of LXC";
}
