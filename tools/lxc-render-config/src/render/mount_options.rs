//! The options of a mount, as the specification means them.

use nexcage_setup::flags::*;
use nexcage_setup::plan::Attributes;

/// Flags of mount(2): the option, the flag, and whether it sets or clears it.
const FLAGS: &[(&str, u32, bool)] = &[
    ("ro", MS_RDONLY, true),
    ("rw", MS_RDONLY, false),
    ("nosuid", MS_NOSUID, true),
    ("suid", MS_NOSUID, false),
    ("nodev", MS_NODEV, true),
    ("dev", MS_NODEV, false),
    ("noexec", MS_NOEXEC, true),
    ("exec", MS_NOEXEC, false),
    ("sync", MS_SYNCHRONOUS, true),
    ("async", MS_SYNCHRONOUS, false),
    ("dirsync", MS_DIRSYNC, true),
    ("remount", MS_REMOUNT, true),
    ("mand", MS_MANDLOCK, true),
    ("nomand", MS_MANDLOCK, false),
    ("noatime", MS_NOATIME, true),
    ("atime", MS_NOATIME, false),
    ("nodiratime", MS_NODIRATIME, true),
    ("diratime", MS_NODIRATIME, false),
    ("relatime", MS_RELATIME, true),
    ("norelatime", MS_RELATIME, false),
    ("strictatime", MS_STRICTATIME, true),
    ("nostrictatime", MS_STRICTATIME, false),
    ("lazytime", MS_LAZYTIME, true),
    ("nolazytime", MS_LAZYTIME, false),
    ("iversion", MS_I_VERSION, true),
    ("noiversion", MS_I_VERSION, false),
    ("nosymfollow", MS_NOSYMFOLLOW, true),
    ("symfollow", MS_NOSYMFOLLOW, false),
    ("silent", MS_SILENT, true),
    ("loud", MS_SILENT, false),
];

/// Attributes of mount_setattr(2) for a mount and all below it: what is set and what is cleared.
const RECURSIVE: &[(&str, u64, u64)] = &[
    ("rro", RDONLY, 0),
    ("rrw", 0, RDONLY),
    ("rnosuid", NOSUID, 0),
    ("rsuid", 0, NOSUID),
    ("rnodev", NODEV, 0),
    ("rdev", 0, NODEV),
    ("rnoexec", NOEXEC, 0),
    ("rexec", 0, NOEXEC),
    ("rnodiratime", NODIRATIME, 0),
    ("rdiratime", 0, NODIRATIME),
    ("rrelatime", 0, ATIME),
    ("rnorelatime", STRICTATIME, ATIME),
    ("rnoatime", NOATIME, ATIME),
    ("ratime", 0, ATIME),
    ("rstrictatime", STRICTATIME, ATIME),
    ("rnostrictatime", 0, ATIME),
    ("rnosymfollow", NOSYMFOLLOW, 0),
    ("rsymfollow", 0, NOSYMFOLLOW),
];

const PROPAGATION: &[(&str, u32)] = &[
    ("private", MS_PRIVATE),
    ("rprivate", MS_PRIVATE | MS_REC),
    ("slave", MS_SLAVE),
    ("rslave", MS_SLAVE | MS_REC),
    ("shared", MS_SHARED),
    ("rshared", MS_SHARED | MS_REC),
    ("unbindable", MS_UNBINDABLE),
    ("runbindable", MS_UNBINDABLE | MS_REC),
];

/// How far an ID map reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mapped {
    One,
    WithSubmounts,
}

/// What a list of options asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct MountOptions<'d> {
    /// Whether it is a bind mount, and with what is mounted below the source or not.
    pub(super) bind: Option<bool>,
    /// `MS_*`.
    pub(super) flags: u32,
    /// `MOUNT_ATTR_*`.
    pub(super) recursive: Attributes,
    /// `MS_*`, in the order given.
    pub(super) propagation: Vec<u32>,
    pub(super) copy_up: bool,
    pub(super) mapped: Option<Mapped>,
    /// What is left for the file system itself, in the order given.
    pub(super) data: Vec<&'d str>,
}

/// The flag of an option for a propagation.
pub(super) fn propagation(option: &str) -> Option<u32> {
    PROPAGATION.iter().find(|(word, _)| *word == option).map(|(_, flag)| *flag)
}

impl<'d> MountOptions<'d> {
    /// Takes in one more option; as with mount(8), the last one wins.
    pub(super) fn add(&mut self, option: &'d str) {
        if let Some((_, flag, sets)) = FLAGS.iter().find(|(word, ..)| *word == option) {
            self.flags = if *sets { self.flags | flag } else { self.flags & !flag };
        } else if let Some((_, set, clear)) = RECURSIVE.iter().find(|(word, ..)| *word == option) {
            let Attributes { set: before, clear: cleared } = self.recursive;
            self.recursive = Attributes { set: before & !clear | set, clear: cleared & !set | clear };
        } else if let Some(flag) = propagation(option) {
            self.propagation.push(flag);
        } else {
            match option {
                "bind" => self.bind = Some(false),
                "rbind" => self.bind = Some(true),
                "tmpcopyup" => self.copy_up = true,
                "idmap" => self.mapped = Some(Mapped::One),
                "ridmap" => self.mapped = Some(Mapped::WithSubmounts),
                "" | "defaults" => {}
                data => self.data.push(data),
            }
        }
    }
}

/// The flags that LXC carries out, and how it is told.
const LXC: &[(&str, u32)] = &[
    ("ro", MS_RDONLY),
    ("nosuid", MS_NOSUID),
    ("nodev", MS_NODEV),
    ("noexec", MS_NOEXEC),
    ("noatime", MS_NOATIME),
    ("nodiratime", MS_NODIRATIME),
    ("relatime", MS_RELATIME),
    ("strictatime", MS_STRICTATIME),
];

/// The words for LXC, if it carries out all of them.
pub(super) fn lxc_words(flags: u32) -> Option<Vec<&'static str>> {
    let known: u32 = LXC.iter().map(|(_, flag)| flag).sum();
    let words = LXC.iter().filter(|(_, flag)| flags & flag != 0).map(|(word, _)| *word);
    (flags & !known == 0).then(|| words.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'o>(options: &[&'o str]) -> MountOptions<'o> {
        let mut read = MountOptions::default();
        options.iter().for_each(|option| read.add(option));
        read
    }

    #[test]
    fn the_last_of_two_options_wins() {
        let tmpfs = read(&["nosuid", "strictatime", "mode=755", "size=65536k", "defaults", ""]);
        assert_eq!(lxc_words(tmpfs.flags), Some(vec!["nosuid", "strictatime"]));
        assert_eq!(tmpfs.data, ["mode=755", "size=65536k"]);
        assert_eq!(read(&["ro", "noexec", "rw", "exec"]).flags, 0);
        assert_eq!(read(&["bind", "rbind"]).bind, Some(true));
        assert_eq!(read(&["rro", "rrw"]).recursive, Attributes { set: 0, clear: RDONLY });
        let times = read(&["rnoatime", "rstrictatime"]).recursive;
        assert_eq!(times, Attributes { set: STRICTATIME, clear: ATIME & !STRICTATIME | ATIME });
    }

    #[test]
    fn lxc_is_told_of_what_it_carries_out_only() {
        for option in ["sync", "lazytime", "nosymfollow", "remount", "dirsync", "mand", "iversion", "silent"]
        {
            assert_eq!(lxc_words(read(&[option]).flags), None, "{option}");
        }
        assert_eq!(lxc_words(0), Some(vec![]));
    }
}
