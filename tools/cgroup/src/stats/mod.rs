//! What a cgroup has used, as the kernel's files say it. A file that a kernel does not have counts
//! as 0; a group of numbers whose controller the cgroup has not is `None`.

pub mod v1;
pub mod v2;

mod text;

use crate::{Cgroup, Error, Version};
use std::path::Path;
use text::{number, read};

/// All numbers of a cgroup.
#[derive(Debug, Clone, PartialEq)]
pub enum Stats {
    /// Its memory is counted by cgroup v1.
    V1(Box<v1::Stats>),
    /// Its memory is counted by cgroup v2, or not at all.
    V2(Box<v2::Stats>),
}

/// Processes and threads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pids {
    /// How many there are.
    pub current: u64,
    /// How many there may be; `u64::MAX` for any number.
    pub limit: u64,
}

/// RDMA devices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rdma {
    /// What is used.
    pub current: Vec<RdmaDevice>,
    /// What may be used.
    pub limit: Vec<RdmaDevice>,
}

/// One RDMA device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RdmaDevice {
    /// Its name.
    pub device: String,
    /// Handles of it; `u32::MAX` for any number.
    pub hca_handles: u32,
    /// Objects of it; `u32::MAX` for any number.
    pub hca_objects: u32,
}

impl Cgroup {
    /// All numbers, in the words of the version of cgroups that counts its memory.
    ///
    /// # Errors
    /// The cgroup does not exist.
    pub fn stats(&self) -> Result<Stats, Error> {
        if !self.exists() {
            return Err(Error::NoCgroup { name: self.name.clone() });
        }
        Ok(match self.of_controller(Version::V1, "memory") {
            Some(_) => Stats::V1(Box::new(v1::read(self))),
            None => Stats::V2(Box::new(v2::read(self))),
        })
    }
}

impl Pids {
    fn read(directory: &Path) -> Self {
        Pids { current: number(directory, "pids.current"), limit: number(directory, "pids.max") }
    }
}

impl Rdma {
    fn read(directory: &Path) -> Self {
        let devices = |file| read(directory, file).lines().filter_map(RdmaDevice::of).collect();
        Rdma { current: devices("rdma.current"), limit: devices("rdma.max") }
    }
}

impl RdmaDevice {
    /// `mlx4_0 hca_handle=2 hca_object=max`
    fn of(line: &str) -> Option<Self> {
        let (device, _) = line.split_once(' ')?;
        let value = |key| u32::try_from(text::option::<u64>(line, key)).unwrap_or(u32::MAX);
        let (hca_handles, hca_objects) = (value("hca_handle"), value("hca_object"));
        Some(RdmaDevice { device: device.to_owned(), hca_handles, hca_objects })
    }
}

#[cfg(test)]
mod tests;
