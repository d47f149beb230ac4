//! The parser, line by line as Proxmox reads: what it refuses becomes a warning and is left out, or,
//! for values, a warning and is kept.

use super::raw_keys::{self, Verdict};
use super::{Conf, Section, digest, text};
use crate::vmid::Vmid;
use pve_schema::conf_option;

/// Parses a file. The warnings come in the order of the lines, each with its newline; a strict reader
/// takes the first of them, if it is a refusal, for an error.
pub(crate) fn parse(vmid: Vmid, raw: &[u8]) -> (Conf, Vec<Warning>) {
    let mut reader = Reader { vmid, place: Place::Main, conf: Conf::default(), warnings: Vec::new() };
    for line in String::from_utf8_lossy(raw).split('\n') {
        reader.line(line);
    }
    reader.conf.digest = digest::sha1_hex(raw);
    (reader.conf, reader.warnings)
}

/// What the parser says about a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Warning {
    /// The line is not accepted; a strict reader fails here.
    Refused(String),
    /// The line is accepted under protest.
    Deprecated(String),
}

impl Warning {
    pub(crate) fn text(&self) -> &str {
        match self {
            Warning::Refused(text) | Warning::Deprecated(text) => text,
        }
    }
}

enum Place {
    Main,
    Pending,
    Snapshot(String),
}

struct Reader {
    vmid: Vmid,
    place: Place,
    conf: Conf,
    warnings: Vec<Warning>,
}

impl Reader {
    fn line(&mut self, line: &str) {
        if trim(line).is_empty() {
            return;
        }
        if let Some(place) = section(line) {
            self.place = place;
            // A section that comes again begins anew.
            *self.section() = Section::default();
            return;
        }
        if let Some(comment) = line.strip_prefix('#') {
            let decoded = text::decode(comment) + "\n";
            self.section().description.push_str(&decoded);
        } else if let Some((key, value)) = raw_line(line) {
            self.raw(line, key, value);
        } else {
            match value_line(line) {
                Some((key, value)) => self.value(key, value),
                None => self.refuse(&format!("unable to parse config: {line}\n")),
            }
        }
    }

    fn raw(&mut self, line: &str, key: &str, value: &str) {
        let entry = (key.to_owned(), value.to_owned());
        match raw_keys::judge(key) {
            Verdict::Environment => {
                let before = self.section().take("env");
                let env = before.map_or_else(|| value.to_owned(), |before| format!("{before}\0{value}"));
                self.section().put("env", env);
            }
            Verdict::Allowed => self.section().raw.push(entry),
            Verdict::Renamed(name) => {
                let text = format!("vm {} - {key} is deprecated and was renamed to {name}\n", self.vmid);
                self.warnings.push(Warning::Deprecated(text));
                self.section().raw.push(entry);
            }
            Verdict::Generated(from) => {
                self.refuse(&format!("{key}: {key} is auto generated from {from}\n"));
            }
            Verdict::Refused => self.refuse(&format!("unable to parse config: {line}\n")),
        }
    }

    fn value(&mut self, key: &str, value: &str) {
        match key {
            "description" => {
                let decoded = text::decode(value);
                self.section().description.push_str(&decoded);
                return;
            }
            "snapstate" if matches!(value, "prepare" | "delete") => {
                self.section().put(key, value.to_owned());
                return;
            }
            "delete" if matches!(self.place, Place::Pending) => {
                self.section().put(key, value.to_owned());
                return;
            }
            "delete" => return self.refuse("property 'delete' is only allowed in [pve:pending]\n"),
            _ => {}
        }
        let checked = match conf_option(key) {
            Some(kind) => kind.check_type(value),
            None => Err(format!("unknown setting '{key}'\n")),
        };
        let kept = checked.unwrap_or_else(|why| {
            self.refuse(&format!("unable to parse value of '{key}' - {why}"));
            value.to_owned()
        });
        self.section().put(key, kept);
    }

    fn refuse(&mut self, what: &str) {
        self.warnings.push(Warning::Refused(format!("vm {} - {what}", self.vmid)));
    }

    fn section(&mut self) -> &mut Section {
        match &self.place {
            Place::Main => &mut self.conf.main,
            Place::Pending => &mut self.conf.pending,
            Place::Snapshot(name) => self.conf.snapshots.entry(name.clone()).or_default(),
        }
    }
}

/// `[pve:pending]` or `[snapshot]`.
fn section(line: &str) -> Option<Place> {
    let name = line.trim_end_matches(BLANK).strip_prefix('[')?.strip_suffix(']')?;
    if name.eq_ignore_ascii_case("pve:pending") {
        return Some(Place::Pending);
    }
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    let good = name.len() > 1 && name.as_bytes()[0].is_ascii_alphabetic() && name.bytes().all(inner);
    good.then(|| Place::Snapshot(name.to_owned()))
}

/// `lxc.key: value` or `lxc.key = value`.
fn raw_line(line: &str) -> Option<(&str, &str)> {
    let key_byte = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.".contains(&byte);
    let end = line.bytes().position(|byte| !key_byte(byte))?;
    let (key, rest) = line.split_at(end);
    let value = rest.strip_prefix(':').or_else(|| rest.trim_start_matches(BLANK).strip_prefix('='))?;
    (key.strip_prefix("lxc.").is_some_and(|name| !name.is_empty())).then(|| (key, trim(value)))
}

/// `key: value`, where the value is not empty.
fn value_line(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    let name = key.trim_end_matches(|c: char| c.is_ascii_digit());
    let letters = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let good = letters && name.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
    (good && !trim(value).is_empty()).then(|| (key, trim(value)))
}

/// What Perl's `\s` means in a text of bytes.
const BLANK: [char; 6] = [' ', '\t', '\n', '\r', '\u{b}', '\u{c}'];

fn trim(text: &str) -> &str {
    text.trim_matches(BLANK)
}

#[cfg(test)]
mod tests {
    use super::{Warning, parse};

    fn vmid() -> crate::vmid::Vmid {
        "900".parse().unwrap()
    }

    #[test]
    fn what_is_refused_is_said_in_proxmoxs_words() {
        for (line, words) in [
            ("arch = amd64", "unable to parse config: arch = amd64\n"),
            ("foo: 1", "unable to parse value of 'foo' - unknown setting 'foo'\n"),
            ("memory: -1", "unable to parse value of 'memory' - type check ('integer') failed - got '-1'\n"),
            ("lxc.proc.x: 5", "unable to parse config: lxc.proc.x: 5\n"),
            ("lxc.rootfs.path: /x", "lxc.rootfs.path: lxc.rootfs.path is auto generated from rootfs\n"),
            ("[a b]", "unable to parse config: [a b]\n"),
        ] {
            let (_, warnings) = parse(vmid(), line.as_bytes());
            assert_eq!(warnings, [Warning::Refused(format!("vm 900 - {words}"))], "{line}");
        }
    }

    #[test]
    fn sections_raw_lines_and_environment_find_their_places() {
        let text = "#a%3Ab\nmemory: 64\nlxc.include = /x\nlxc.environment.runtime: A=1\nlxc.environment.runtime: B=\n\
                    [pve:pending]\ndelete: tags\n[s1]\nmemory: 32\n";
        let (conf, warnings) = parse(vmid(), text.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(conf.main.description, "a:b\n");
        assert_eq!(conf.main.get("env"), Some("A=1\0B="));
        assert_eq!(conf.main.raw, [("lxc.include".to_owned(), "/x".to_owned())]);
        assert_eq!(conf.pending.get("delete"), Some("tags"));
        assert_eq!(conf.snapshots["s1"].get("memory"), Some("32"));
    }
}
