//! Numbers: their grammar and their integral values.

/// The length of the number at the start of `text`, or how far it is well-formed.
pub(super) fn scan(text: &[u8]) -> Result<usize, usize> {
    let mut at = usize::from(text.first() == Some(&b'-'));
    match text.get(at) {
        Some(b'0') => at += 1,
        Some(b'1'..=b'9') => at = digits(text, at),
        _ => return Err(at),
    }
    if text.get(at) == Some(&b'.') {
        at = some_digits(text, at + 1)?;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        at += 1;
        at += usize::from(matches!(text.get(at), Some(b'+' | b'-')));
        at = some_digits(text, at)?;
    }
    if text
        .get(at)
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-' | b'_'))
    {
        return Err(at);
    }
    Ok(at)
}

fn digits(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

fn some_digits(text: &[u8], from: usize) -> Result<usize, usize> {
    let end = digits(text, from);
    if end == from { Err(from) } else { Ok(end) }
}

/// The value of a well-formed number if it is integral and fits.
pub(super) fn integer(number: &str) -> Option<i128> {
    // Most numbers are this short, and wide arithmetic is slow.
    if number.len() < 19 {
        if let Ok(value) = number.parse::<i64>() {
            return Some(value.into());
        }
    }
    if let Ok(value) = number.parse() {
        return Some(value);
    }
    let (negative, magnitude) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number),
    };
    let (mantissa, exponent) = magnitude.split_once(['e', 'E']).unwrap_or((magnitude, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits: String = [whole, fraction].concat();
    if digits.bytes().all(|digit| digit == b'0') {
        return Some(0);
    }
    // What does not fit an i64 as an exponent cannot give a number that fits an i128 here: the
    // digits are bounded by the size of the document.
    let exponent: i64 = exponent.parse().ok()?;
    let shift = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    if shift >= 0 {
        let zeros = usize::try_from(shift).ok().filter(|zeros| *zeros <= 40)?;
        digits.extend(std::iter::repeat_n('0', zeros));
    } else {
        let drop = usize::try_from(shift.unsigned_abs()).ok()?;
        let keep = digits.len().checked_sub(drop)?;
        if digits[keep..].bytes().any(|digit| digit != b'0') {
            return None;
        }
        digits.truncate(keep);
    }
    let value: i128 = digits.parse().ok()?;
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_that_of_rfc_8259() {
        for good in ["0", "-0", "10", "0.5", "1e3", "1E+3", "-1.25e-10", "123456789012345678901234567890"] {
            assert_eq!(scan(good.as_bytes()), Ok(good.len()), "{good}");
        }
        for bad in ["-", "01", "1.", ".5", "+1", "1e", "1e+", "0x10", "1_000", "1.2.3", "--1", "NaN"] {
            assert!(scan(bad.as_bytes()).is_err(), "{bad}");
        }
        assert_eq!(scan(b"12,"), Ok(2));
    }

    #[test]
    fn integral_numbers_are_known_by_value() {
        for (text, value) in [
            ("1e3", Some(1000)),
            ("-0", Some(0)),
            ("0e999999999999999999999", Some(0)),
            ("5.36870912e8", Some(536_870_912)),
            ("100e-2", Some(1)),
            ("10.0", Some(10)),
            ("-2.50e1", Some(-25)),
            ("18446744073709551616", Some(1 << 64)),
            ("1.5", None),
            ("1e-1", None),
            ("1e400", None),
            ("1e-400", None),
            ("1e99999999999999999999", None),
        ] {
            assert_eq!(integer(text), value, "{text}");
        }
    }
}
