//! What a container uses, as containerd's clients read it: a message for each version of cgroups.

pub mod v1;
pub mod v2;
