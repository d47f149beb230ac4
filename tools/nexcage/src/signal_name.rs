//! Signals by name and number.

use signal_hook::consts::signal as s;

/// Every name of signal(7); SIGSTKFLT, SIGPWR and synonyms that signal-hook leaves out by number.
const NAMES: &[(&str, i32)] = &[
    ("HUP", s::SIGHUP),
    ("INT", s::SIGINT),
    ("QUIT", s::SIGQUIT),
    ("ILL", s::SIGILL),
    ("TRAP", s::SIGTRAP),
    ("ABRT", s::SIGABRT),
    ("IOT", s::SIGABRT),
    ("BUS", s::SIGBUS),
    ("FPE", s::SIGFPE),
    ("KILL", s::SIGKILL),
    ("USR1", s::SIGUSR1),
    ("SEGV", s::SIGSEGV),
    ("USR2", s::SIGUSR2),
    ("PIPE", s::SIGPIPE),
    ("ALRM", s::SIGALRM),
    ("TERM", s::SIGTERM),
    ("STKFLT", 16),
    ("CHLD", s::SIGCHLD),
    ("CLD", s::SIGCHLD),
    ("CONT", s::SIGCONT),
    ("STOP", s::SIGSTOP),
    ("TSTP", s::SIGTSTP),
    ("TTIN", s::SIGTTIN),
    ("TTOU", s::SIGTTOU),
    ("URG", s::SIGURG),
    ("XCPU", s::SIGXCPU),
    ("XFSZ", s::SIGXFSZ),
    ("VTALRM", s::SIGVTALRM),
    ("PROF", s::SIGPROF),
    ("WINCH", s::SIGWINCH),
    ("IO", s::SIGIO),
    ("POLL", s::SIGIO),
    ("PWR", 30),
    ("SYS", s::SIGSYS),
];

/// The first and the last real-time signal, as the C library counts them (signal(7)).
const REAL_TIME: (u32, u32) = (34, 64);

/// The names of all signals, without SIG.
pub fn names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(name, _)| *name)
}

/// The number of a signal: a number, or a name with or without SIG, in any case; real-time signals as
/// `RTMIN+2` or `RTMAX-1`.
pub(crate) fn parse(text: &str) -> Option<u32> {
    if let Ok(number) = text.parse() {
        return (1..=REAL_TIME.1).contains(&number).then_some(number);
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let found = NAMES.iter().find(|(known, _)| *known == name);
    found.and_then(|(_, number)| u32::try_from(*number).ok()).or_else(|| real_time(name))
}

fn real_time(name: &str) -> Option<u32> {
    let (first, last) = REAL_TIME;
    let distance =
        |text: &str, sign| if text.is_empty() { Some(0) } else { text.strip_prefix(sign)?.parse().ok() };
    let number = match (name.strip_prefix("RTMIN"), name.strip_prefix("RTMAX")) {
        (Some(rest), _) => first.checked_add(distance(rest, '+')?),
        (_, Some(rest)) => last.checked_sub(distance(rest, '-')?),
        _ => None,
    };
    number.filter(|number| (first..=last).contains(number))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn signals_have_names_and_numbers() {
        for (text, number) in [
            ("TERM", 15),
            ("SIGKILL", 9),
            ("sigusr1", 10),
            ("9", 9),
            ("64", 64),
            ("RTMIN", 34),
            ("SIGRTMIN+3", 37),
            ("rtmax-1", 63),
            ("PWR", 30),
        ] {
            assert_eq!(parse(text), Some(number), "{text}");
        }
        for wrong in ["", "SIG", "NOPE", "0", "65", "-9", "RTMIN+31", "RTMAX+1", "RTMIN3", "9x"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
