//! What values Proxmox VE's parameter schema takes, and its words for those that it refuses.
//!
//! Three places check values, each more or less strictly: the command line ([`Kind::verify`]), the
//! parser of conf files ([`Kind::check_type`]) and the members of comma-separated lists, which are
//! checked like the command line.

mod format;
mod options;
mod property;
mod storage;

pub use format::Format;
pub use options::conf_option;
pub use property::{Properties, Property};
pub use storage::{Storage, storages};

/// The type of a parameter.
#[derive(Debug)]
pub enum Kind {
    /// 0 or 1, or a word for them.
    Boolean,
    /// A whole number.
    Integer {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// A number with or without a fraction.
    Number {
        /// The least.
        min: f64,
        /// The greatest.
        max: f64,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Any text.
    Text {
        /// Its fewest characters.
        min: usize,
        /// Its most characters.
        max: usize,
    },
    /// Text that a predicate must accept ("the regex pattern").
    Pattern(fn(&str) -> bool),
    /// Text of a format with a name.
    Formatted(Format),
    /// `key=value,…`
    List(Properties),
}

impl Kind {
    /// The command line's check.
    ///
    /// # Errors
    /// Proxmox's words, without the parameter's name; `name` prefixes the members of a list.
    pub fn verify(&self, name: &str, value: &str) -> Result<(), String> {
        match self {
            Kind::Boolean if !matches!(value, "0" | "1") => Err(wrong_type("boolean", value)),
            Kind::Integer { min, max } => match value.parse::<i64>() {
                Err(_) => Err(wrong_type("integer", value)),
                Ok(number) => in_range(number, *min, *max),
            },
            Kind::Number { min, max } => match value.parse::<f64>() {
                Ok(number) if value.ends_with(|c: char| c.is_ascii_digit()) => in_range(number, *min, *max),
                _ => Err(wrong_type("number", value)),
            },
            Kind::Choice(choices) if !choices.contains(&value) => Err(format!(
                "value '{value}' does not have a value in the enumeration '{}'",
                choices.join(", ")
            )),
            Kind::Text { min, .. } if value.chars().count() < *min => {
                Err(format!("value must be at least {min} characters long"))
            }
            Kind::Text { max, .. } if value.chars().count() > *max => {
                Err(format!("value may only be {max} characters long"))
            }
            Kind::Pattern(accepts) if !accepts(value) => Err("value does not match the regex pattern".into()),
            Kind::Formatted(_) | Kind::List(_) => {
                self.check_format(Some(name), value).map_err(|why| format!("invalid format - {why}"))
            }
            _ => Ok(()),
        }
    }

    /// The conf parser's check: types and formats, but no ranges, enumerations and patterns. Returns
    /// the value as Proxmox keeps it.
    ///
    /// # Errors
    /// Proxmox's words, ending in a newline.
    pub fn check_type(&self, value: &str) -> Result<String, String> {
        let wrong = |kind| Err(format!("{}\n", wrong_type(kind, value)));
        match self {
            Kind::Boolean => match boolean(value) {
                Some(digit) => Ok(digit.into()),
                None => wrong("boolean"),
            },
            Kind::Integer { .. } if !all_digits(value) => wrong("integer"),
            Kind::Integer { .. } => Ok(value.parse::<u64>().map_or_else(|_| value.into(), |n| n.to_string())),
            Kind::Number { .. } => {
                let (whole, part) = value.split_once('.').unwrap_or((value, "0"));
                if all_digits(whole) && all_digits(part) { Ok(value.into()) } else { wrong("number") }
            }
            _ => self.check_format(None, value).map(|()| value.into()),
        }
    }

    /// The check of formats and lists alone.
    fn check_format(&self, path: Option<&str>, value: &str) -> Result<(), String> {
        match self {
            Kind::Formatted(format) => format.check(value),
            Kind::List(properties) => properties.parse(value, path).map(|_| ()),
            _ => Ok(()),
        }
    }
}

/// Perl's idea of a boolean: `1` or `0` for the words that mean them.
#[must_use]
pub fn boolean(value: &str) -> Option<&'static str> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "on" | "yes" | "true" => Some("1"),
        "0" | "off" | "no" | "false" => Some("0"),
        _ => None,
    }
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn wrong_type(kind: &str, value: &str) -> String {
    format!("type check ('{kind}') failed - got '{value}'")
}

fn in_range<N: Copy + PartialOrd + std::fmt::Display>(number: N, min: N, max: N) -> Result<(), String> {
    if number < min {
        Err(format!("value must have a minimum value of {min}"))
    } else if number > max {
        Err(format!("value must have a maximum value of {max}"))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::conf_option;

    fn verify(option: &str, value: &str) -> String {
        conf_option(option).expect(option).verify(option, value).err().unwrap_or_default()
    }

    #[test]
    fn the_command_line_checks_ranges_enumerations_and_formats() {
        for (option, value, words) in [
            ("memory", "15", "value must have a minimum value of 16"),
            ("memory", "abc", "type check ('integer') failed - got 'abc'"),
            ("cpulimit", "x", "type check ('number') failed - got 'x'"),
            ("tty", "7", "value must have a maximum value of 6"),
            ("cmode", "gui", "value 'gui' does not have a value in the enumeration 'shell, console, tty'"),
            ("entrypoint", "a\nb", "value does not match the regex pattern"),
            ("tags", "a b!", "invalid format - invalid characters in tag\n"),
            (
                "net0",
                "bridge=x",
                "invalid format - format error\nnet0.name: property is missing and it is not optional\n",
            ),
            ("memory", "16", ""),
        ] {
            assert_eq!(verify(option, value), words, "{option}={value}");
        }
    }

    #[test]
    fn the_conf_parser_checks_types_only_and_normalises() {
        let check = |option: &str, value: &str| conf_option(option).expect(option).check_type(value);
        assert_eq!(check("memory", "8"), Ok("8".into()));
        assert_eq!(check("console", "yes"), Ok("1".into()));
        assert_eq!(check("arch", "vax"), Ok("vax".into()));
        assert_eq!(check("memory", "-1"), Err("type check ('integer') failed - got '-1'\n".into()));
        assert!(check("net0", "name=eth0,name=eth1").unwrap_err().starts_with("duplicate key"));
    }

    #[test]
    fn families_of_options_end_at_their_last_number() {
        for (option, known) in
            [("net31", true), ("net32", false), ("mp255", true), ("mp256", false), ("net", false)]
        {
            assert_eq!(conf_option(option).is_some(), known, "{option}");
        }
    }
}
