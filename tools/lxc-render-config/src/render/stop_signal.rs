//! The signal that asks the process to end, as the image says (image specification,
//! annotations.md and config.md).

use super::Draft;
use crate::field::Field;

/// Its annotation, which engines copy from the image.
const ANNOTATION: &str = "/annotations/org.opencontainers.image.stopSignal";

/// The names without SIG, by number; the same on every architecture that LXC knows but MIPS.
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
    "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
    "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];
const ALIASES: &[(&str, u32)] = &[("IOT", 6), ("CLD", 17), ("POLL", 29), ("UNUSED", 31)];
const RTMIN: u32 = 34;
const RTMAX: u32 = 64;

impl Draft<'_> {
    pub(super) fn stop_signal(&mut self, document: Field<'_, '_>) {
        let Some(field) = document.at(ANNOTATION) else { return };
        let Some(text) = field.str().filter(|text| !text.is_empty()) else { return };
        match number(text) {
            // LXC takes numbers as well as names, and they need no table of its own.
            Some(number) => self.line(field, "lxc.signal.halt", number.to_string()),
            None => {
                field.refuse(format!("{text:?} is no signal"), "write it as SIGTERM, TERM, SIGRTMIN+3 or 15");
            }
        }
    }
}

/// A signal by name, with or without SIG, in any case, by its distance from a real-time signal, or
/// by number.
fn number(text: &str) -> Option<u32> {
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let distance = |rest: &str| if rest.is_empty() { Some(0) } else { rest.get(1..)?.parse::<u32>().ok() };
    let found = if let Some(rest) = name.strip_prefix("RTMIN") {
        (rest.is_empty() || rest.starts_with('+')).then(|| RTMIN.checked_add(distance(rest)?))?
    } else if let Some(rest) = name.strip_prefix("RTMAX") {
        (rest.is_empty() || rest.starts_with('-')).then(|| RTMAX.checked_sub(distance(rest)?))?
    } else {
        let known = NAMES.iter().zip(1..).map(|(name, number)| (*name, number));
        let named = known.chain(ALIASES.iter().copied()).find(|(known, _)| *known == name);
        named.map(|(_, number)| number).or_else(|| text.parse().ok())
    };
    found.filter(|number| matches!(number, 1..=31 | RTMIN..=RTMAX))
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn every_spelling_is_one_number() {
        for (text, expected) in [
            ("SIGTERM", Some(15)),
            ("term", Some(15)),
            ("SigQuit", Some(3)),
            ("9", Some(9)),
            ("SIGRTMIN", Some(34)),
            ("SIGRTMIN+3", Some(37)),
            ("RTMAX-1", Some(63)),
            ("SIGPOLL", Some(29)),
            ("SIGRTMIN+31", None),
            ("SIGRTMIN-1", None),
            ("SIGRTMAX+1", None),
            ("SIGRTMIN+", None),
            ("RTMIN+4294967295", None),
            ("0", None),
            ("32", None),
            ("-9", None),
            ("SIG", None),
            ("SIGSTRANGE", None),
            ("15\n", None),
        ] {
            assert_eq!(number(text), expected, "{text:?}");
        }
    }
}
