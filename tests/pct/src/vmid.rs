//! The number of a CT.

use std::fmt;
use std::str::FromStr;

/// A CT's number, 100 to 999999999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Vmid(u32);

/// The text is no VMID.
#[derive(Debug)]
pub(crate) struct NotVmid;

impl FromStr for Vmid {
    type Err = NotVmid;

    fn from_str(text: &str) -> Result<Self, NotVmid> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        match text.parse() {
            Ok(number @ 100..=999_999_999) if digits => Ok(Vmid(number)),
            _ => Err(NotVmid),
        }
    }
}

impl fmt::Display for Vmid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::Vmid;

    #[test]
    fn only_three_to_nine_digits_without_a_leading_zero() {
        for (text, good) in
            [("100", true), ("999999999", true), ("99", false), ("0100", false), ("+100", false)]
        {
            assert_eq!(text.parse::<Vmid>().is_ok(), good, "{text}");
        }
    }
}
