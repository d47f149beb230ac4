//! Protobuf's encodings: varints, tags, and what follows a tag.

use std::error::Error;
use std::fmt;

/// A varint has at most so many bytes: 64 bits by sevens.
const LONGEST_VARINT: usize = 10;
/// The greatest number that a field may have.
const LAST_FIELD: u32 = (1 << 29) - 1;

/// Why bytes are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// The bytes end in the middle of a value.
    Truncated,
    /// A varint of more than 64 bits.
    Varint,
    /// A tag whose field number is 0 or too great, or whose type does not exist. Groups, which no
    /// message of version 3 can have, count as such.
    Tag,
    /// A string that is not UTF-8.
    Text,
    /// A list with more elements than anybody has a use for.
    List,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Malformed::Truncated => "the message ends in the middle of a value",
            Malformed::Varint => "a number in the message has more than 64 bits",
            Malformed::Tag => "the message has a field of an impossible number or type",
            Malformed::Text => "a string of the message is not UTF-8",
            Malformed::List => "a list of the message is too long",
        })
    }
}

impl Error for Malformed {}

/// What stands behind a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// Numbers and bools.
    Varint(u64),
    /// Eight bytes, little-endian.
    Fixed64(u64),
    /// Strings, bytes, messages, packed lists.
    Bytes(&'a [u8]),
    /// Four bytes, little-endian.
    Fixed32(u32),
}

/// The fields of a message, one after the other. Ends after the first error.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Reads the fields of these bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Fields { rest: bytes }
    }

    fn field(&mut self) -> Result<(u32, Value<'a>), Malformed> {
        let tag = take_varint(&mut self.rest)?;
        let number = u32::try_from(tag >> 3).map_err(|_| Malformed::Tag)?;
        if number == 0 || number > LAST_FIELD {
            return Err(Malformed::Tag);
        }
        let value = match tag & 7 {
            0 => Value::Varint(take_varint(&mut self.rest)?),
            1 => Value::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => Value::Bytes(self.bytes()?),
            5 => Value::Fixed32(u32::from_le_bytes(self.array()?)),
            _ => return Err(Malformed::Tag),
        };
        Ok((number, value))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(*array)
    }

    fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(take_varint(&mut self.rest)?).map_err(|_| Malformed::Truncated)?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

/// Reads a varint off the front of these bytes.
///
/// # Errors
/// If the bytes end before it does, or it has more than 64 bits.
pub fn take_varint(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    let mut number = 0;
    for index in 0..LONGEST_VARINT {
        let byte = *bytes.get(index).ok_or(Malformed::Truncated)?;
        // The tenth byte has room for one bit.
        if index == LONGEST_VARINT - 1 && byte > 1 {
            return Err(Malformed::Varint);
        }
        number |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            *bytes = bytes.get(index + 1..).unwrap_or_default();
            return Ok(number);
        }
    }
    Err(Malformed::Varint)
}

/// Appends a varint.
pub fn put_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(low_byte(number) | 0x80);
        number >>= 7;
    }
    out.push(low_byte(number));
}

/// Appends a field that is a varint.
pub fn put_number(field: u32, number: u64, out: &mut Vec<u8>) {
    put_tag(field, 0, out);
    put_varint(number, out);
}

/// Appends a field of eight bytes.
pub fn put_fixed64(field: u32, bits: u64, out: &mut Vec<u8>) {
    put_tag(field, 1, out);
    out.extend_from_slice(&bits.to_le_bytes());
}

/// Appends a field that is bytes, with their length.
pub fn put_bytes(field: u32, bytes: &[u8], out: &mut Vec<u8>) {
    put_tag(field, 2, out);
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Appends a field whose bytes are what `encode` appends.
pub fn put_nested(field: u32, out: &mut Vec<u8>, encode: impl FnOnce(&mut Vec<u8>)) {
    put_tag(field, 2, out);
    // Nearly every length has one byte; for the others the content moves a little.
    let length_at = out.len();
    out.push(0);
    encode(out);
    let mut length = Vec::new();
    put_varint((out.len() - length_at - 1) as u64, &mut length);
    out.splice(length_at..=length_at, length);
}

fn put_tag(field: u32, kind: u8, out: &mut Vec<u8>) {
    put_varint(u64::from(field) << 3 | u64::from(kind), out);
}

fn low_byte(number: u64) -> u8 {
    number.to_le_bytes()[0]
}
