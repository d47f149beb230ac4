//! What a validation looks at: its scope, the version of the specification, the profile.

use std::fmt;

/// What a validation looks at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// How far it goes beyond the document.
    pub scope: Scope,
    /// Which version of the specification the document is held against.
    pub spec_version: SpecVersionChoice,
    /// The runtime whose refusals are told as well.
    pub profile: Option<Profile>,
}

/// How far a validation goes beyond the document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scope {
    /// The document, and the files of the bundle if its directory is known.
    #[default]
    Bundle,
    /// The document alone, even if the directory is known.
    Document,
    /// As [`Scope::Bundle`], and what the document names on this host.
    Host,
}

/// Versions of the runtime specification that config.json was changed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpecVersion {
    /// 1.0.2 and before.
    V1_0_2,
    /// 1.1.0.
    V1_1_0,
    /// 1.2.0.
    V1_2_0,
    /// 1.2.1.
    V1_2_1,
    /// 1.3.0.
    V1_3_0,
}

impl SpecVersion {
    /// All of them, the oldest first.
    pub const ALL: &[SpecVersion] = &[
        SpecVersion::V1_0_2,
        SpecVersion::V1_1_0,
        SpecVersion::V1_2_0,
        SpecVersion::V1_2_1,
        SpecVersion::V1_3_0,
    ];

    /// The newest, which a document of an unknown version is held against.
    pub const NEWEST: SpecVersion = SpecVersion::V1_3_0;

    /// The version as it is written, such as `1.0.2`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            SpecVersion::V1_0_2 => "1.0.2",
            SpecVersion::V1_1_0 => "1.1.0",
            SpecVersion::V1_2_0 => "1.2.0",
            SpecVersion::V1_2_1 => "1.2.1",
            SpecVersion::V1_3_0 => "1.3.0",
        }
    }

    /// The version that an `ociVersion` means. Pre-releases count as their version and patches that
    /// changed nothing as the one before them. The specification calls `1.0.2-dev`, later
    /// `1.1.0+dev`, what is developed after that version: such a document may have what the next one
    /// brought, and those of real engines do.
    ///
    /// ```
    /// use bundle_validate::SpecVersion;
    /// assert_eq!(SpecVersion::of("1.0.2"), Some(SpecVersion::V1_0_2));
    /// assert_eq!(SpecVersion::of("1.1.0-rc.2"), Some(SpecVersion::V1_1_0));
    /// assert_eq!(SpecVersion::of("1.0.2-dev"), Some(SpecVersion::V1_1_0));
    /// assert_eq!(SpecVersion::of("1.4.0"), None);
    /// ```
    #[must_use]
    pub fn of(oci_version: &str) -> Option<SpecVersion> {
        let (core, label) = oci_version.split_at(oci_version.find(['-', '+']).unwrap_or(oci_version.len()));
        let mut parts = core.split('.').map(|part| part.parse::<u32>().ok());
        let (major, minor, patch) = (parts.next()??, parts.next()??, parts.next()??);
        let released = match (major, minor, patch) {
            _ if parts.next().is_some() => None,
            (1, 0, _) => Some(SpecVersion::V1_0_2),
            (1, 1, _) => Some(SpecVersion::V1_1_0),
            (1, 2, 0) => Some(SpecVersion::V1_2_0),
            (1, 2, _) => Some(SpecVersion::V1_2_1),
            (1, 3, _) => Some(SpecVersion::V1_3_0),
            _ => None,
        }?;
        let next = SpecVersion::ALL.iter().copied().find(|version| *version > released);
        Some(next.filter(|_| label.ends_with("dev")).unwrap_or(released))
    }
}

impl fmt::Display for SpecVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which version of the specification a document is held against.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SpecVersionChoice {
    /// The one that its `ociVersion` names.
    #[default]
    Auto,
    /// This one, whatever it names.
    Fixed(SpecVersion),
}

/// A runtime whose refusals and approximations are told as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// runc.
    Runc,
    /// crun.
    Crun,
    /// nexcage on plain LXC.
    Lxc,
    /// nexcage on Proxmox VE.
    Pve,
    /// The strictest reading: every advice of the specification is a demand.
    Strict,
}

impl Profile {
    /// All of them.
    pub const ALL: &[Profile] = &[Profile::Runc, Profile::Crun, Profile::Lxc, Profile::Pve, Profile::Strict];

    /// The profile as it is named on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Profile::Runc => "runc",
            Profile::Crun => "crun",
            Profile::Lxc => "lxc",
            Profile::Pve => "pve",
            Profile::Strict => "strict",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_documents_have_them() {
        for version in SpecVersion::ALL {
            assert_eq!(SpecVersion::of(version.name()), Some(*version));
        }
        for (text, version) in [
            ("1.0.0", SpecVersion::V1_0_2),
            ("1.0.0-rc5", SpecVersion::V1_0_2),
            ("1.1.0+dev", SpecVersion::V1_2_0),
            ("1.1.0-rc.2+x", SpecVersion::V1_1_0),
            ("1.2.0-rc.2+dev", SpecVersion::V1_2_1),
            ("1.3.0+dev", SpecVersion::V1_3_0),
            ("1.2.2", SpecVersion::V1_2_1),
        ] {
            assert_eq!(SpecVersion::of(text), Some(version), "{text}");
        }
        for text in ["", "1", "1.0", "2.0.0", "1.4.0", "0.5.0", "1.0.0.0", "1.0.x", "99999999999.0.0"] {
            assert_eq!(SpecVersion::of(text), None, "{text}");
        }
    }
}
