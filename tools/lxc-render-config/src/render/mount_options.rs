//! The options of a mount, as the specification means them and as LXC can be told.

use crate::lxc_config::option_trap;

/// The flags of a mount that LXC carries out, in the order in which they are written.
const FLAGS: [&str; 8] =
    ["ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "relatime", "strictatime"];

/// The flag that an option takes away.
const CLEARING: &[(&str, &str)] = &[
    ("rw", "ro"),
    ("suid", "nosuid"),
    ("dev", "nodev"),
    ("exec", "noexec"),
    ("atime", "noatime"),
    ("diratime", "nodiratime"),
    ("norelatime", "relatime"),
    ("nostrictatime", "strictatime"),
];

/// Options that name what is so anyway.
const DEFAULTS: &[&str] =
    &["defaults", "async", "nomand", "nolazytime", "noiversion", "symfollow", "loud", "silent"];

/// Propagation that LXC carries out towards the host.
const PROPAGATION: &[&str] = &["private", "rprivate", "slave", "rslave"];

/// Options that are refused, with the reason.
const REFUSED: &[(&[&str], &str)] = &[
    (
        &["shared", "rshared"],
        "LXC makes every mount a slave of the host's, so that mounts would not reach the host",
    ),
    (&["unbindable", "runbindable"], "LXC makes every mount shared, which ends its being unbindable"),
    (&["idmap", "ridmap"], "ID-mapped mounts are not supported yet"),
    (&["tmpcopyup"], "copying up into a tmpfs is not supported yet"),
    (&["nosymfollow", "iversion"], "LXC does not know this option before 6.0"),
    (&["remount"], "LXC would mount it anew"),
    (
        &[
            "rro",
            "rrw",
            "rsuid",
            "rnosuid",
            "rdev",
            "rnodev",
            "rexec",
            "rnoexec",
            "ratime",
            "rnoatime",
            "rdiratime",
            "rnodiratime",
            "rrelatime",
            "rnorelatime",
            "rstrictatime",
            "rnostrictatime",
            "rsymfollow",
            "rnosymfollow",
        ],
        "LXC silently ignores recursive attributes",
    ),
];

/// Flags of the file system rather than of the mount; LXC 5.0 loses them.
const LOST: &[&str] = &["sync", "dirsync", "mand", "lazytime"];

/// What a list of options asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct MountOptions<'d> {
    /// `bind` or `rbind`.
    pub(super) bind: Option<&'static str>,
    /// Flags, in a fixed order.
    pub(super) flags: Vec<&'static str>,
    /// Towards the host.
    pub(super) propagation: Vec<&'static str>,
    /// What is left for the file system itself, in the order given.
    pub(super) data: Vec<&'d str>,
}

impl<'d> MountOptions<'d> {
    /// Takes in one more option; as with mount(8), the last one wins.
    pub(super) fn add(&mut self, option: &'d str) -> Result<(), String> {
        let known = |list: &[&'static str]| list.iter().copied().find(|word| *word == option);
        if option.contains(',') {
            return Err(format!("{option}: LXC would split it at the comma"));
        } else if let Some(bind) = known(&["bind", "rbind"]) {
            self.bind = Some(bind);
        } else if let Some(flag) = known(&FLAGS) {
            self.flags.push(flag);
        } else if let Some((_, flag)) = CLEARING.iter().find(|(word, _)| *word == option) {
            self.flags.retain(|set| set != flag);
        } else if let Some(propagation) = known(PROPAGATION) {
            self.propagation.push(propagation);
        } else if let Some((_, reason)) = REFUSED.iter().find(|(words, _)| words.contains(&option)) {
            return Err(format!("{option}: {reason}"));
        } else if LOST.contains(&option) {
            return Err(format!("{option}: LXC loses this flag of the file system"));
        } else if let Some(trap) = option_trap(option).filter(|_| !DEFAULTS.contains(&option)) {
            return Err(format!("{option}: LXC would take it for its own {trap}"));
        } else if !DEFAULTS.contains(&option) && !option.is_empty() {
            self.data.push(option);
        }
        Ok(())
    }

    /// The text for LXC. `create` is `dir` or `file`, what to make where the target is missing.
    pub(super) fn text(&self, create: &str) -> String {
        let flags = FLAGS.iter().filter(|flag| self.flags.contains(flag));
        let words = self.bind.iter().chain(flags).chain(&self.propagation).copied();
        let create = format!("create={create}");
        words.chain([create.as_str()]).chain(self.data.iter().copied()).collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(options: &[&str]) -> Result<String, String> {
        let mut read = MountOptions::default();
        options.iter().try_for_each(|option| read.add(option))?;
        Ok(read.text("dir"))
    }

    #[test]
    fn options_are_sorted_into_what_lxc_knows_and_what_the_file_system_knows() {
        let tmpfs = text(&["nosuid", "strictatime", "mode=755", "size=65536k"]);
        assert_eq!(tmpfs.as_deref(), Ok("nosuid,strictatime,create=dir,mode=755,size=65536k"));
        assert_eq!(text(&["rprivate", "ro", "rbind"]).as_deref(), Ok("rbind,ro,rprivate,create=dir"));
        assert_eq!(text(&["ro", "noexec", "rw", "exec"]).as_deref(), Ok("create=dir"));
        assert_eq!(text(&["defaults", "async", ""]).as_deref(), Ok("create=dir"));
    }

    #[test]
    fn what_lxc_loses_or_mistakes_is_refused() {
        for option in [
            "rro",
            "rshared",
            "tmpcopyup",
            "idmap",
            "sync",
            "lazytime",
            "optional",
            "create=file",
            "lowerdir=/a/relative",
            "rootcontext=x",
            "remount",
            "size=1k,suid",
        ] {
            let refused = text(&[option]).unwrap_err();
            assert!(refused.starts_with(option), "{refused}");
        }
    }
}
