//! Policies in LXC's own format, version 2, as Proxmox VE renders one for every unprivileged CT
//! (lxc.container.conf(5), SECCOMP CONFIGURATION).

use lxc_render_config::{Action, Argument, Operator, Rule, Seccomp};
use nexcage_cli::{Code, Diagnose};
use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

const EPERM: u16 = 1;
const EACCES: u16 = 13;
/// `MNT_FORCE`.
const FORCE: u64 = 1;
/// What a machine executes besides its own programs: LXC's `[all]` is about these too.
const ALSO: &[&str] = if cfg!(target_arch = "x86_64") {
    &["SCMP_ARCH_X86", "SCMP_ARCH_X32"]
} else if cfg!(target_arch = "aarch64") {
    &["SCMP_ARCH_ARM"]
} else {
    &[]
};

/// A policy that is not understood: a process without it would have more rights than it should.
#[derive(Debug)]
pub(crate) struct PolicyError {
    path: PathBuf,
    line: usize,
    text: String,
}

/// Reads a policy. Who would be told of a system call is LXC's monitor alone, so that is an error of the
/// call here.
pub(crate) fn parse(path: &Path, text: &str) -> Result<Seccomp, PolicyError> {
    let mut policy = Seccomp {
        default: Action::Allow,
        architectures: ALSO.iter().map(|name| (*name).to_owned()).collect(),
        flags: 0,
        rules: vec![],
        listener: None,
    };
    let mut usual = Action::Allow;
    for (number, line) in text.lines().enumerate() {
        let words = line.split('#').next().unwrap_or_default().trim();
        let understood = match (number, words) {
            (0, "2") | (2.., "" | "[all]") => Some(()),
            (0, _) => None,
            (1, words) => kind(words).map(|kind| (policy.default, usual) = kind),
            (_, "reject_force_umount") => {
                let argument = Argument { index: 1, operator: Operator::MaskedEq(FORCE), value: FORCE };
                policy.rules.push(rule("umount2", Action::Errno(EACCES), vec![argument]));
                Some(())
            }
            (_, words) => read(words, usual).map(|rule| policy.rules.push(rule)),
        };
        understood.ok_or_else(|| PolicyError {
            path: path.to_owned(),
            line: number + 1,
            text: line.to_owned(),
        })?;
    }
    Ok(policy)
}

/// What becomes of a system call that no rule names, and of one whose rule does not say.
fn kind(words: &str) -> Option<(Action, Action)> {
    let (kind, default) = words.split_once(' ').unwrap_or((words, ""));
    let (usual_default, usual) = match kind {
        "denylist" | "blacklist" => (Action::Allow, Action::KillThread),
        "allowlist" | "whitelist" => (Action::KillThread, Action::Allow),
        _ => return None,
    };
    let default = default.trim();
    Some((if default.is_empty() { usual_default } else { action(default)? }, usual))
}

/// `SYSCALL [ACTION] [ARGUMENT...]`.
fn read(words: &str, usual: Action) -> Option<Rule> {
    let (name, rest) = words.split_once(' ').unwrap_or((words, ""));
    let (said, arguments) = rest.split_at(rest.find('[').unwrap_or(rest.len()));
    let action = if said.trim().is_empty() { usual } else { action(said.trim())? };
    let arguments: Option<Vec<Argument>> =
        arguments.split_inclusive(']').map(str::trim).filter(|text| !text.is_empty()).map(argument).collect();
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some(rule(name, action, arguments?))
}

fn rule(name: &str, action: Action, arguments: Vec<Argument>) -> Rule {
    Rule { names: vec![name.to_owned()], action, arguments }
}

fn action(words: &str) -> Option<Action> {
    Some(match words.split_once(' ').unwrap_or((words, "")) {
        ("allow", "") => Action::Allow,
        ("kill", "") => Action::KillThread,
        ("trap", "") => Action::Trap,
        ("log", "") => Action::Log,
        ("notify", "") => Action::Errno(EPERM),
        ("errno", number) => Action::Errno(number.trim().parse().ok()?),
        _ => return None,
    })
}

/// `[INDEX,VALUE,OPERATOR]`, with a mask at the end for the operator that has one.
fn argument(text: &str) -> Option<Argument> {
    let parts: Vec<&str> = text.strip_prefix('[')?.strip_suffix(']')?.split(',').map(str::trim).collect();
    let (&[index, value, operator], mask) = parts.split_first_chunk()?;
    let operator = match (operator, mask) {
        ("SCMP_CMP_MASKED_EQ" | "&=", [mask]) => Operator::MaskedEq(number(mask)?),
        ("SCMP_CMP_NE" | "!=", []) => Operator::Ne,
        ("SCMP_CMP_LT" | "<", []) => Operator::Lt,
        ("SCMP_CMP_LE" | "<=", []) => Operator::Le,
        ("SCMP_CMP_EQ" | "==", []) => Operator::Eq,
        ("SCMP_CMP_GE" | ">=", []) => Operator::Ge,
        ("SCMP_CMP_GT" | ">", []) => Operator::Gt,
        _ => return None,
    };
    let index = number(index).filter(|index| *index < 6)?;
    Some(Argument { index: u32::try_from(index).ok()?, operator, value: number(value)? })
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}: the filter of the CT is not understood: {:?}",
            self.path.display(),
            self.line,
            self.text
        )
    }
}

impl Error for PolicyError {}

impl Diagnose for PolicyError {
    fn code(&self) -> Code {
        Code::Refused
    }

    fn hint(&self) -> Option<String> {
        Some(
            "pct exec knows LXC's whole format; lxc.seccomp.profile of the CT's configuration names the file"
                .into(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Seccomp, PolicyError> {
        parse(Path::new("/rules"), text)
    }

    #[test]
    fn proxmox_s_policy_is_understood() {
        let text = "2\ndenylist\nreject_force_umount  # comment this to allow umount -f;  not recommended\n[all]\n\
                    kexec_load errno 1\nioctl errno 1 [1,0x9400,SCMP_CMP_MASKED_EQ,0xff00]\n\
                    mknod notify [1,8192,SCMP_CMP_MASKED_EQ,61440]\nkeyctl errno 38\nsocket errno 97 [0,38,SCMP_CMP_EQ]\n";
        let policy = parsed(text).unwrap();
        let masked = |index, mask, value| vec![Argument { index, operator: Operator::MaskedEq(mask), value }];
        let family = vec![Argument { index: 0, operator: Operator::Eq, value: 38 }];
        assert_eq!((policy.default, policy.flags, policy.listener), (Action::Allow, 0, None));
        let expected = [
            rule("umount2", Action::Errno(13), masked(1, 1, 1)),
            rule("kexec_load", Action::Errno(1), vec![]),
            rule("ioctl", Action::Errno(1), masked(1, 0xff00, 0x9400)),
            rule("mknod", Action::Errno(1), masked(1, 0o17_0000, 0o2_0000)),
            rule("keyctl", Action::Errno(38), vec![]),
            rule("socket", Action::Errno(97), family),
        ];
        assert_eq!(policy.rules, expected);
    }

    #[test]
    fn lists_of_what_is_allowed_kill_or_fail_otherwise() {
        let policy = parsed("2\nallowlist errno 1\n[all]\nread\nwrite allow [2,7,>] [0,1,==]\n").unwrap();
        assert_eq!(policy.default, Action::Errno(1));
        assert_eq!((policy.rules[0].action, policy.rules[1].arguments.len()), (Action::Allow, 2));
        assert_eq!(parsed("2\nallowlist\n").unwrap().default, Action::KillThread);
        assert_eq!(parsed("2\ndenylist\nreboot\n").unwrap().rules[0].action, Action::KillThread);
    }

    #[test]
    fn what_is_not_understood_is_an_error_of_its_line() {
        for (text, line) in [
            ("1\n", 1),
            ("2\nlist\n", 2),
            ("2\ndenylist\n[x86]\n", 3),
            ("2\ndenylist\n[all]\nread maybe\n", 4),
            ("2\ndenylist\nread errno x\n", 3),
            ("2\ndenylist\nread errno 1 [0,1]\n", 3),
            ("2\ndenylist\nread errno 1 [6,1,==]\n", 3),
            ("2\ndenylist\nread errno 1 [0,1,SCMP_CMP_MASKED_EQ]\n", 3),
        ] {
            assert_eq!(parsed(text).unwrap_err().line, line, "{text}");
        }
    }
}
