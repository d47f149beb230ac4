//! User and group ids of the container on the host.

use super::Draft;
use super::namespaces::Namespaces;
use crate::field::Field;
use std::fs;

/// A user and a group of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostId {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// The maps of a new user namespace; `None` where the host's ids are used.
#[derive(Debug)]
pub(super) struct IdMaps {
    users: Option<Vec<Range>>,
    groups: Option<Vec<Range>>,
}

#[derive(Debug, Clone, Copy)]
struct Range {
    container: u32,
    host: u32,
    size: u32,
}

impl IdMaps {
    pub(super) fn read(document: Field<'_, '_>, namespaces: &Namespaces<'_>) -> Self {
        let read = |name: &str, file: &str| {
            // Without a user namespace the maps stay unread, and so are refused.
            let list = document.get("linux").filter(|_| namespaces.has("user"))?.each(name);
            let given: Vec<Range> = list.filter_map(Range::read).collect();
            let joined = namespaces.path("user").filter(|_| given.is_empty());
            Some(joined.and_then(|path| ranges_of(path, file)).unwrap_or(given))
        };
        let (users, groups) = (read("uidMappings", "uid_map"), read("gidMappings", "gid_map"));
        let maps = IdMaps { users, groups };
        let empty = |map: &Option<Vec<Range>>| map.as_ref().is_some_and(Vec::is_empty);
        if empty(&maps.users) || empty(&maps.groups) {
            let field = document.at("/linux/namespaces").unwrap_or(document);
            field.refuse("a user namespace needs ids", "give uidMappings and gidMappings");
        } else if maps.host(0, 0).is_none() {
            let field = document.at("/linux/uidMappings").unwrap_or(document);
            field.refuse("LXC needs id 0 of the container to be mapped", "map it");
        }
        maps
    }

    /// Whom a user and a group of the container are on the host, if they are mapped.
    pub(super) fn host(&self, uid: u32, gid: u32) -> Option<HostId> {
        let find = |map: &Option<Vec<Range>>, id: u32| match map {
            None => Some(id),
            Some(ranges) => ranges.iter().find_map(|range| range.host(id)),
        };
        Some(HostId { uid: find(&self.users, uid)?, gid: find(&self.groups, gid)? })
    }
}

/// The map of a user namespace that is named by a process in it (user_namespaces(7)).
fn ranges_of(path: &str, file: &str) -> Option<Vec<Range>> {
    let process = path.strip_suffix("/ns/user").filter(|process| process.starts_with("/proc/"))?;
    let text = fs::read_to_string(format!("{process}/{file}")).ok()?;
    let ranges = text.lines().map(|line| {
        let numbers: Option<Vec<u32>> = line.split_whitespace().map(|number| number.parse().ok()).collect();
        let [container, host, size] = numbers?[..].try_into().ok()?;
        Some(Range { container, host, size })
    });
    ranges.collect()
}

impl Range {
    fn read(field: Field<'_, '_>) -> Option<Self> {
        let number = |key: &str| field.get(key).and_then(Field::u32);
        Some(Range { container: number("containerID")?, host: number("hostID")?, size: number("size")? })
    }

    fn host(self, id: u32) -> Option<u32> {
        let offset = id.checked_sub(self.container).filter(|offset| *offset < self.size)?;
        self.host.checked_add(offset)
    }
}

impl Draft<'_> {
    pub(super) fn id_maps(&mut self, document: Field<'_, '_>, ids: &IdMaps) {
        for (letter, map, own) in [('u', &ids.users, 0), ('g', &ids.groups, 1)] {
            for Range { container, host, size } in map.iter().flatten() {
                self.line(document, "lxc.idmap", format!("{letter} {container} {host} {size}"));
                self.id_maps[own].push_str(&format!("{container} {host} {size}\n"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_in_their_range() {
        let ranges = vec![
            Range { container: 0, host: 100_000, size: 10 },
            Range { container: 10, host: 5, size: 10 },
            Range { container: 20, host: u32::MAX, size: 9 },
        ];
        let ids = IdMaps { users: Some(ranges), groups: None };
        assert_eq!(ids.host(9, 7), Some(HostId { uid: 100_009, gid: 7 }));
        assert_eq!(ids.host(10, 0), Some(HostId { uid: 5, gid: 0 }));
        assert_eq!((ids.host(21, 0), ids.host(29, 0)), (None, None));
    }
}
