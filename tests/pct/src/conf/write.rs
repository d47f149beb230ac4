//! The writer: descriptions, sorted keys, environment, raw lines; then the other sections.

use super::{Conf, Section, text};
use std::fmt;

impl fmt::Display for Conf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.main.fmt(f)?;
        if !self.pending.is_empty() {
            write!(f, "\n[pve:pending]\n{}", self.pending)?;
        }
        for (name, section) in &self.snapshots {
            write!(f, "\n[{name}]\n{section}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As Perl splits: no empty lines at the end.
        let description = self.description.trim_end_matches('\n');
        for line in description.split('\n').filter(|_| !description.is_empty()) {
            writeln!(f, "#{}", text::encode(line))?;
        }
        for (key, value) in self.values.iter().filter(|(key, _)| *key != "env") {
            writeln!(f, "{key}: {value}")?;
        }
        for entry in self.get("env").into_iter().flat_map(|env| env.split('\0')) {
            writeln!(f, "lxc.environment.runtime: {entry}")?;
        }
        for (key, value) in &self.raw {
            writeln!(f, "{key}: {value}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::conf::parse;
    use proptest::strategy::Strategy;

    proptest::proptest! {
        /// Whatever a file holds, what is written of it is read back the same (but for NULs, which
        /// separate environment entries in memory).
        #[test]
        fn what_is_written_is_stable(lines in proptest::collection::vec(line(), 0..12)) {
            let vmid = "900".parse().unwrap();
            let written = parse(vmid, lines.join("\n").replace('\0', "").as_bytes()).0.to_string();
            let again = parse(vmid, written.as_bytes()).0.to_string();
            proptest::prop_assert_eq!(written, again);
        }
    }

    fn line() -> impl proptest::strategy::Strategy<Value = String> {
        proptest::prop_oneof![
            ".*".boxed(),
            "#.{0,9}".boxed(),
            "(memory|tags|env|net0|foo|description|delete): .{0,9}".boxed(),
            "lxc[.](include|cap.drop|environment.runtime|x) ?[:=].{0,9}".boxed(),
            "\\[(pve:pending|s1|s2|a b)\\]".boxed(),
        ]
    }

    #[test]
    fn writing_sorts_and_keeps_sections_and_raw_lines() {
        let text = "swap: 0\narch: amd64\n#x: y\nenv: A=1\nlxc.cap.drop: \nlxc.include = /x\n[s1]\nmemory: 1\n[pve:pending]\ncores: 2\n";
        let (conf, _) = parse("900".parse().unwrap(), text.as_bytes());
        assert_eq!(
            conf.to_string(),
            "#x%3A y\narch: amd64\nswap: 0\nlxc.environment.runtime: A=1\nlxc.cap.drop: \nlxc.include: /x\n\
             \n[pve:pending]\ncores: 2\n\n[s1]\nmemory: 1\n"
        );
    }
}
