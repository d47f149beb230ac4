//! The parts of nexcage-init that decide and ask the kernel nothing.
#![cfg_attr(not(test), no_std)]

pub mod home;
pub mod path;
pub mod status;
