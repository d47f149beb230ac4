//! Limits, in the words of either version of cgroups.

use super::Draft;
use super::block_io::block_io;
use super::cpu::cpu;
use super::memory::memory;
use crate::CgroupVersion::{V1, V2};
use crate::field::Field;
use crate::{CgroupVersion, LxcVersion, Options};
use bundle_validate::SpecVersion;

/// What is written into the files of a cgroup, in order.
pub(super) struct Lines<'r, 'd> {
    pub(super) version: CgroupVersion,
    lines: Vec<(Field<'r, 'd>, String, String)>,
}

impl Draft<'_> {
    pub(super) fn resources(&mut self, document: Field<'_, '_>, options: &Options) {
        let version = options.cgroup.version();
        if version == V1 && options.lxc >= LxcVersion::V7 {
            let field = document.at("/linux/resources").unwrap_or(document);
            return field.refuse("LXC 7 cannot limit anything with cgroup v1", "use cgroup v2 or LXC 5 or 6");
        }
        self.device_rules(document, version);
        let Some(resources) = document.at("/linux/resources") else { return };
        let mut lines = Lines { version, lines: vec![] };
        let spec = SpecVersion::of(document.text("ociVersion").unwrap_or_default());
        resources.get("memory").into_iter().for_each(|field| memory(field, &mut lines));
        resources.get("cpu").into_iter().for_each(|field| cpu(field, &mut lines));
        resources.at("/pids/limit").into_iter().for_each(|limit| pids(limit, spec, &mut lines));
        resources.get("blockIO").into_iter().for_each(|field| block_io(field, &mut lines));
        resources.each("hugepageLimits").for_each(|field| huge_pages(field, &mut lines));
        resources.get("network").into_iter().for_each(|field| network(field, &mut lines));
        let rdma = resources.get("rdma").into_iter().flat_map(Field::members);
        rdma.for_each(|(device, field)| rdma_device(device, field, &mut lines));
        let unified = resources.get("unified").into_iter().flat_map(Field::members);
        unified.for_each(|(file, field)| raw(file, field, &mut lines));
        let controllers = options.cgroup.controllers();
        for (field, file, value) in lines.lines {
            let controller = file.split('.').next().unwrap_or_default();
            match controllers.as_ref().and_then(|controllers| controllers.lack(controller)) {
                Some(reason) => field.refuse(reason, "remove it, or change the host's cgroups"),
                None => self.line(field, &version.key(&file), value),
            }
        }
    }
}

impl<'r, 'd> Lines<'r, 'd> {
    /// One file, by its name in either version.
    #[expect(clippy::needless_pass_by_value, reason = "numbers and texts alike")]
    pub(super) fn put(&mut self, field: Field<'r, 'd>, v1: &str, v2: &str, value: impl ToString) {
        let file = if self.version == V1 { v1 } else { v2 };
        self.lines.push((field, file.to_owned(), value.to_string()));
    }

    /// A number of bytes: 0 is no limit, less than 0 asks for none.
    pub(super) fn bytes(&mut self, field: Field<'r, 'd>, v1: &str, v2: &str, value: i64) {
        match (value, self.version) {
            (0, _) => {}
            (..0, V1) => self.put(field, v1, v2, -1),
            (..0, V2) => self.put(field, v1, v2, "max"),
            (1.., _) => self.put(field, v1, v2, value),
        }
    }

    /// A file that cgroup v2 has no counterpart of.
    pub(super) fn v1_only(
        &mut self,
        field: Field<'r, 'd>,
        file: &str,
        value: Option<impl ToString>,
        reason: &str,
        advice: &'static str,
    ) {
        match (self.version, value) {
            (V2, _) => field.refuse(reason, advice),
            (V1, Some(value)) => self.put(field, file, "", value),
            (V1, None) => {}
        }
    }
}

/// 0 was no limit until version 1.3 of the specification said what the kernel means by it.
fn pids<'r, 'd>(field: Field<'r, 'd>, spec: Option<SpecVersion>, lines: &mut Lines<'r, 'd>) {
    let Some(limit) = field.i64() else { return };
    let real = limit > 0 || (limit == 0 && spec.is_none_or(|version| version >= SpecVersion::V1_3_0));
    let value = if real { limit.to_string() } else { "max".to_owned() };
    lines.put(field, "pids.max", "pids.max", value);
}

fn huge_pages<'r, 'd>(field: Field<'r, 'd>, lines: &mut Lines<'r, 'd>) {
    let (Some(size), Some(limit)) = (field.text("pageSize"), field.get("limit").and_then(Field::u64)) else {
        return;
    };
    let number = ["KB", "MB", "GB"].iter().find_map(|unit| size.strip_suffix(unit));
    if !number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())) {
        return field.refuse(format!("{size:?} is no size of huge pages"), "write it as 2MB or 1GB");
    }
    for rsvd in ["", "rsvd."] {
        let (v1, v2) = (format!("hugetlb.{size}.{rsvd}limit_in_bytes"), format!("hugetlb.{size}.{rsvd}max"));
        lines.put(field, &v1, &v2, limit);
    }
}

fn network<'r, 'd>(network: Field<'r, 'd>, lines: &mut Lines<'r, 'd>) {
    const REASON: &str = "cgroup v2 has no network classes and priorities";
    const ADVICE: &str = "leave it out on a host with cgroup v2";
    if let Some(class) = network.get("classID").filter(|field| field.u32() != Some(0)) {
        lines.v1_only(class, "net_cls.classid", class.u32(), REASON, ADVICE);
    }
    for device in network.each("priorities") {
        let (Some(name), Some(priority)) = (device.text("name"), device.get("priority").and_then(Field::u32))
        else {
            continue;
        };
        let name = word(device, name).map(|name| format!("{name} {priority}"));
        lines.v1_only(device, "net_prio.ifpriomap", name, REASON, ADVICE);
    }
}

fn rdma_device<'r, 'd>(device: &str, field: Field<'r, 'd>, lines: &mut Lines<'r, 'd>) {
    let limit = |name: &str, word: &str| {
        let limit = field.get(name).and_then(Field::u32);
        limit.map_or(String::new(), |limit| format!(" {word}={limit}"))
    };
    let limits = [limit("hcaHandles", "hca_handle"), limit("hcaObjects", "hca_object")].concat();
    if let Some(device) = word(field, device).filter(|_| !limits.is_empty()) {
        lines.put(field, "rdma.max", "rdma.max", format!("{device}{limits}"));
    }
}

/// A file of cgroup v2 as the bundle names it, a line each of its value: the kernel takes one at a
/// time. What the core of cgroups keeps in files is LXC's business, but for its limits.
fn raw<'r, 'd>(file: &str, field: Field<'r, 'd>, lines: &mut Lines<'r, 'd>) {
    let Some(value) = field.str() else { return };
    let plain = file.bytes().all(|b| b.is_ascii_alphanumeric() || b"._".contains(&b));
    let (controller, rest) = file.split_once('.').unwrap_or_default();
    if lines.version == V1 {
        field.refuse("cgroup v1 has no such files", "use the other fields of resources on this host");
    } else if !plain || controller.is_empty() || rest.is_empty() {
        field.refuse("this is no name of a file of cgroup v2", "correct it");
    } else if controller == "cgroup" && !rest.starts_with("max.") {
        field.refuse("LXC manages the cgroup itself", "remove it");
    } else if value.trim().is_empty() {
        field.refuse("LXC cannot write nothing into a file", "give a value");
    } else {
        let values = value.split('\n').filter(|line| !line.trim().is_empty());
        values.for_each(|line| lines.put(field, "", file, line));
    }
}

/// The name of a device, which ends at the first blank for the kernel.
fn word<'d>(field: Field<'_, '_>, name: &'d str) -> Option<&'d str> {
    let sound = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control());
    if !sound {
        field.refuse(format!("{name:?} is no name of a device"), "correct it");
    }
    sound.then_some(name)
}

#[cfg(test)]
mod tests;
