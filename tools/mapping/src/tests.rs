//! The table against the specification.

use super::{Class, Lookup, TABLE};
use std::collections::HashSet;

/// Every field of config.md and config-linux.md 1.3, written down from their text; `{a,b}` stands for
/// either.
const FIELDS: &str = "
    ociVersion root/{path,readonly} hostname domainname annotations/*
    mounts/*/{destination,type,source} mounts/*/options/*
    mounts/*/{uidMappings,gidMappings}/*/{containerID,hostID,size}
    process/{terminal,cwd,commandLine,apparmorProfile,noNewPrivileges,oomScoreAdj,selinuxLabel}
    process/consoleSize/{height,width} process/{env,args}/* process/rlimits/*/{type,soft,hard}
    process/capabilities/{effective,bounding,inheritable,permitted,ambient}/*
    process/scheduler/{policy,nice,priority,runtime,deadline,period} process/scheduler/flags/*
    process/ioPriority/{class,priority} process/execCPUAffinity/{initial,final}
    process/user/{uid,gid,umask,username} process/user/additionalGids/*
    hooks/{prestart,createRuntime,createContainer,startContainer,poststart,poststop}/*/{path,timeout}
    hooks/{prestart,createRuntime,createContainer,startContainer,poststart,poststop}/*/{args,env}/*
    linux/namespaces/*/{type,path} linux/{uidMappings,gidMappings}/*/{containerID,hostID,size}
    linux/timeOffsets/*/{secs,nanosecs} linux/devices/*/{type,path,major,minor,fileMode,uid,gid}
    linux/cgroupsPath linux/resources/devices/*/{allow,type,major,minor,access}
    linux/resources/memory/{limit,reservation,swap,kernel,kernelTCP,swappiness}
    linux/resources/memory/{disableOOMKiller,useHierarchy,checkBeforeUpdate}
    linux/resources/cpu/{shares,quota,burst,period,realtimeRuntime,realtimePeriod,cpus,mems,idle}
    linux/resources/blockIO/{weight,leafWeight}
    linux/resources/blockIO/weightDevice/*/{major,minor,weight,leafWeight}
    linux/resources/blockIO/{throttleReadBpsDevice,throttleWriteBpsDevice}/*/{major,minor,rate}
    linux/resources/blockIO/{throttleReadIOPSDevice,throttleWriteIOPSDevice}/*/{major,minor,rate}
    linux/resources/hugepageLimits/*/{pageSize,limit} linux/resources/network/classID
    linux/resources/network/priorities/*/{name,priority} linux/resources/pids/limit
    linux/resources/rdma/*/{hcaHandles,hcaObjects} linux/resources/unified/*
    linux/intelRdt/{closID,l3CacheSchema,memBwSchema,enableCMT,enableMBM,enableMonitoring}
    linux/intelRdt/schemata/* linux/memoryPolicy/{mode,nodes} linux/memoryPolicy/flags/* linux/sysctl/*
    linux/seccomp/{defaultAction,defaultErrnoRet,listenerPath,listenerMetadata}
    linux/seccomp/{architectures,flags}/* linux/seccomp/syscalls/*/{action,errnoRet}
    linux/seccomp/syscalls/*/names/* linux/seccomp/syscalls/*/args/*/{index,value,valueTwo,op}
    linux/{rootfsPropagation,mountLabel} linux/{maskedPaths,readonlyPaths}/*
    linux/personality/domain linux/personality/flags/* linux/netDevices/*/name
    windows solaris freebsd zos vm";

/// All texts that one with `{a,b}` stands for.
fn expanded(text: &str) -> Vec<String> {
    let Some((before, rest)) = text.split_once('{') else { return vec![text.to_owned()] };
    let (choices, after) = rest.split_once('}').unwrap();
    choices.split(',').flat_map(|choice| expanded(&format!("{before}{choice}{after}"))).collect()
}

#[test]
fn every_field_of_the_specification_has_a_row() {
    let lookup = Lookup::new();
    for field in FIELDS.split_whitespace().flat_map(expanded) {
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
