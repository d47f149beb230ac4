//! The mapping as a table: what becomes of every field of the runtime specification.
//!
//! lxc-render-config refuses by it, explains it and is tested against it; bundle-validate's profiles
//! `lxc` and `pve` and the page nexcage-mapping(7) come from it.
//!
//! Invariant: data only; it reads no document and knows nothing of LXC's grammar.

mod features;
mod man;
mod table;

pub use features::features;
pub use man::page;
pub use table::TABLE;

/// One field of the specification and what becomes of it.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Its JSON pointer, with `*` for any array index or map key.
    pub field: &'static str,
    /// Who carries it out.
    pub target: Target,
    /// How well.
    pub class: Class,
    /// Why it is so, or what is different; one line.
    pub note: &'static str,
    /// Where it holds, and what its loss would mean.
    pub marks: &'static [Mark],
}

/// What else is to be known of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Without it a container is less confined than it was meant to be.
    Security,
    /// Only with cgroup v1, and so with LXC before 7; refused elsewhere.
    CgroupV1,
    /// Only with cgroup v2; refused elsewhere.
    CgroupV2,
}

impl Mark {
    /// What it says, in a few words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Mark::Security => "its loss is security-relevant",
            Mark::CgroupV1 => "with cgroup v1 only, LXC before 7",
            Mark::CgroupV2 => "with cgroup v2 only",
        }
    }
}

impl Row {
    /// Whether it has a mark.
    #[must_use]
    pub fn is(&self, mark: Mark) -> bool {
        self.marks.contains(&mark)
    }

    /// Whether there are no rows below: nothing there is carried out.
    #[must_use]
    pub fn stands_for_all_below(&self) -> bool {
        self.class == Class::Refused || self.target == Target::Nothing
    }

    /// Whether the field is, or may be, refused as a whole, so that its loss can be allowed by name.
    #[must_use]
    pub fn may_be_lost(&self) -> bool {
        self.class == Class::Refused || self.is(Mark::CgroupV1) || self.is(Mark::CgroupV2)
    }
}

/// Who carries out what a field asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// LXC, by this key.
    Lxc(&'static str),
    /// nexcage-init, inside the container, before it becomes the process.
    Init,
    /// The shim, on the host, to the container's held process.
    Shim,
    /// nexcage-setup, in the container's namespaces, before LXC makes its root the root.
    Setup,
    /// The OCI hooks, which the shim and nexcage-setup run.
    Hook,
    /// The record of the container.
    Record,
    /// Nobody: the field asks for nothing on Linux.
    Nothing,
}

impl Target {
    /// Who that is, in a few words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Target::Lxc(key) => key,
            Target::Init => "nexcage-init",
            Target::Shim => "nexcage-shim",
            Target::Setup => "nexcage-setup",
            Target::Hook => "the hooks",
            Target::Record => "the record",
            Target::Nothing => "nobody",
        }
    }
}

/// How well a field is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// As the specification says. Single values may still be refused; the note says which.
    Exact,
    /// With the difference that the note names.
    Approximate,
    /// Not at all: a bundle that uses the field is refused.
    Refused,
}

impl Class {
    /// The class as one word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Class::Exact => "exact",
            Class::Approximate => "approximate",
            Class::Refused => "refused",
        }
    }
}

/// The table by field.
#[derive(Debug)]
pub struct Lookup(Vec<Entry>);

/// A row by the field that it stands below, and its name there.
#[derive(Debug, Clone, Copy)]
struct Entry {
    parent: &'static str,
    name: &'static str,
    row: &'static Row,
}

/// The rows right below one field.
#[derive(Debug, Clone, Copy)]
pub struct Children<'l>(&'l [Entry]);

impl Default for Lookup {
    fn default() -> Self {
        Self::new()
    }
}

impl Lookup {
    /// All rows of [`TABLE`].
    #[must_use]
    pub fn new() -> Self {
        let entry = |row: &'static Row| {
            let (parent, name) = row.field.rsplit_once('/')?;
            Some(Entry { parent, name, row })
        };
        let mut entries: Vec<Entry> = TABLE.iter().filter_map(entry).collect();
        entries.sort_unstable_by_key(|entry| (by_length(entry.parent), entry.name));
        Lookup(entries)
    }

    /// The row of a JSON pointer: of the value it points to, or the one above it that stands for all
    /// below. Names that the specification does not define have none.
    #[must_use]
    pub fn of_pointer(&self, pointer: &str) -> Option<&'static Row> {
        let mut field = "";
        let mut found = None;
        for name in pointer.split('/').skip(1) {
            let row = self.child(field, name)?;
            found = Some(row);
            field = row.field;
            if row.stands_for_all_below() {
                break;
            }
        }
        found
    }

    /// The row of a child of `parent`, a field of the table: of this name, or of any name.
    #[must_use]
    pub fn child(&self, parent: &str, name: &str) -> Option<&'static Row> {
        self.children(parent).named(name)
    }

    /// The rows of the children of `parent`, a field of the table.
    #[must_use]
    pub fn children(&self, parent: &str) -> Children<'_> {
        let first = self.0.partition_point(|entry| by_length(entry.parent) < by_length(parent));
        let from = &self.0[first..];
        Children(&from[..from.partition_point(|entry| entry.parent == parent)])
    }
}

/// An order that is quickly told, since many fields begin alike.
fn by_length(field: &str) -> (usize, &str) {
    (field.len(), field)
}

impl Children<'_> {
    /// The row of this name, or of any name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&'static Row> {
        let find = |name: &str| self.0.binary_search_by_key(&name, |entry| entry.name).ok();
        let named = (!name.contains(['/', '*'])).then(|| find(name));
        named.flatten().or_else(|| find("*")).map(|index| self.0[index].row)
    }
}

#[cfg(test)]
mod tests;
