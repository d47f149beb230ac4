//! The table against the specification.

use super::{Class, Lookup, TABLE};
use std::collections::HashSet;

/// Every field of config.md and config-linux.md 1.3, written down from their text.
const FIELDS: &str = "
    ociVersion root root/path root/readonly hostname domainname annotations annotations/*
    mounts mounts/* mounts/*/destination mounts/*/type mounts/*/source mounts/*/options
    mounts/*/options/* mounts/*/uidMappings mounts/*/uidMappings/*/containerID
    mounts/*/uidMappings/*/hostID mounts/*/uidMappings/*/size mounts/*/gidMappings
    process process/terminal process/consoleSize process/consoleSize/height process/cwd process/env
    process/env/* process/args process/args/* process/commandLine process/rlimits/*/type
    process/rlimits/*/soft process/rlimits/*/hard process/apparmorProfile process/capabilities
    process/capabilities/effective/* process/capabilities/bounding/*
    process/capabilities/inheritable/* process/capabilities/permitted/*
    process/capabilities/ambient/* process/noNewPrivileges process/oomScoreAdj
    process/scheduler/policy process/scheduler/nice process/scheduler/priority
    process/scheduler/flags/* process/scheduler/runtime process/scheduler/deadline
    process/scheduler/period process/selinuxLabel process/ioPriority/class
    process/ioPriority/priority process/execCPUAffinity/initial process/execCPUAffinity/final
    process/user process/user/uid process/user/gid process/user/umask
    process/user/additionalGids/* process/user/username
    hooks/prestart/*/path hooks/prestart/*/args hooks/prestart/*/env hooks/prestart/*/timeout
    hooks/createRuntime hooks/createContainer hooks/startContainer hooks/poststart hooks/poststop
    linux linux/namespaces/*/type linux/namespaces/*/path linux/uidMappings/*/containerID
    linux/uidMappings/*/hostID linux/uidMappings/*/size linux/gidMappings/*/containerID
    linux/gidMappings/*/hostID linux/gidMappings/*/size linux/timeOffsets/*/secs
    linux/timeOffsets/*/nanosecs linux/devices/*/type linux/devices/*/path linux/devices/*/major
    linux/devices/*/minor linux/devices/*/fileMode linux/devices/*/uid linux/devices/*/gid
    linux/cgroupsPath linux/resources/devices/*/allow linux/resources/devices/*/type
    linux/resources/devices/*/major linux/resources/devices/*/minor linux/resources/devices/*/access
    linux/resources/memory/limit linux/resources/memory/reservation linux/resources/memory/swap
    linux/resources/memory/kernel linux/resources/memory/kernelTCP
    linux/resources/memory/swappiness linux/resources/memory/disableOOMKiller
    linux/resources/memory/useHierarchy linux/resources/memory/checkBeforeUpdate
    linux/resources/cpu/shares linux/resources/cpu/quota linux/resources/cpu/burst
    linux/resources/cpu/period linux/resources/cpu/realtimeRuntime
    linux/resources/cpu/realtimePeriod linux/resources/cpu/cpus linux/resources/cpu/mems
    linux/resources/cpu/idle linux/resources/blockIO/weight linux/resources/blockIO/leafWeight
    linux/resources/blockIO/weightDevice/*/major linux/resources/blockIO/throttleReadBpsDevice/*/rate
    linux/resources/hugepageLimits/*/pageSize linux/resources/hugepageLimits/*/limit
    linux/resources/network/classID linux/resources/network/priorities/*/name
    linux/resources/pids/limit linux/resources/rdma/*/hcaHandles linux/resources/unified/*
    linux/intelRdt/closID linux/intelRdt/schemata linux/intelRdt/l3CacheSchema
    linux/intelRdt/memBwSchema linux/intelRdt/enableMonitoring linux/memoryPolicy/mode
    linux/memoryPolicy/nodes linux/memoryPolicy/flags linux/sysctl/* linux/seccomp/defaultAction
    linux/seccomp/defaultErrnoRet linux/seccomp/architectures linux/seccomp/flags
    linux/seccomp/listenerPath linux/seccomp/listenerMetadata linux/seccomp/syscalls/*/names
    linux/rootfsPropagation linux/maskedPaths/* linux/readonlyPaths/* linux/mountLabel
    linux/personality/domain linux/personality/flags linux/netDevices/*/name
    windows solaris freebsd zos vm";

#[test]
fn every_field_of_the_specification_has_a_row() {
    let lookup = Lookup::new();
    for field in FIELDS.split_whitespace() {
        let mut path = String::new();
        for name in field.split('/') {
            let row = lookup.child(&path, name);
            let row = row.unwrap_or_else(|| panic!("/{field} has no row"));
            path = row.field.to_owned();
            if row.class == Class::Refused || row.target == super::Target::Nothing {
                break;
            }
        }
    }
}

#[test]
fn rows_are_unique_reachable_and_say_why() {
    let mut seen = HashSet::new();
    for row in TABLE {
        assert!(seen.insert(row.field), "{} twice", row.field);
        let (parent, _) = row.field.rsplit_once('/').unwrap();
        assert!(parent.is_empty() || seen.contains(parent), "{} stands before its parent", row.field);
        let sentence = row.class != Class::Refused;
        assert!(row.note.is_empty() || row.note.ends_with('.') == sentence, "{}: {}", row.field, row.note);
        assert!(sentence || !row.note.is_empty(), "{} is refused without a reason", row.field);
    }
}
