//! How a Rust type is a field of a message. As proto3 has it: what is the default is not written, a
//! value of the wrong type is taken for an unknown field, the last of several values holds, lists and
//! messages go on growing.

use crate::message::Message;
use crate::wire::{
    Malformed, Value, put_bytes, put_fixed64, put_nested, put_number, put_varint, take_varint,
};
use std::collections::BTreeMap;

/// Most elements that are read into one list. An element of two bytes on the wire may have a hundred
/// in memory; no more processes than this run in a container.
const LONGEST_LIST: usize = 1 << 18;

/// A type that a field may have.
pub(crate) trait Field {
    /// Appends the field, unless it has the default value.
    fn put(&self, number: u32, out: &mut Vec<u8>);

    /// Takes in a value that was read.
    fn take(&mut self, value: Value<'_>) -> Result<(), Malformed>;
}

/// A number that is a varint on the wire.
trait Varint: Copy {
    fn to_wire(self) -> u64;
    /// Takes the low bits, as every implementation does.
    fn from_wire(bits: u64) -> Self;
}

impl Varint for u64 {
    fn to_wire(self) -> u64 {
        self
    }

    fn from_wire(bits: u64) -> Self {
        bits
    }
}

impl Varint for u32 {
    fn to_wire(self) -> u64 {
        self.into()
    }

    fn from_wire(bits: u64) -> Self {
        let [a, b, c, d, ..] = bits.to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }
}

impl Varint for i64 {
    fn to_wire(self) -> u64 {
        u64::from_ne_bytes(self.to_ne_bytes())
    }

    fn from_wire(bits: u64) -> Self {
        i64::from_ne_bytes(bits.to_ne_bytes())
    }
}

impl Varint for i32 {
    fn to_wire(self) -> u64 {
        i64::from(self).to_wire()
    }

    fn from_wire(bits: u64) -> Self {
        i32::from_ne_bytes(u32::from_wire(bits).to_ne_bytes())
    }
}

impl Varint for bool {
    fn to_wire(self) -> u64 {
        self.into()
    }

    fn from_wire(bits: u64) -> Self {
        bits != 0
    }
}

macro_rules! varint_fields {
    ($($type:ty)*) => { $(
        impl Field for $type {
            fn put(&self, number: u32, out: &mut Vec<u8>) {
                if *self != <$type>::default() {
                    put_number(number, self.to_wire(), out);
                }
            }

            fn take(&mut self, value: Value<'_>) -> Result<(), Malformed> {
                if let Value::Varint(bits) = value {
                    *self = Varint::from_wire(bits);
                }
                Ok(())
            }
        }
    )* };
}

varint_fields! { u64 u32 i64 i32 bool }

impl Field for f64 {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        // Of the zeros only the positive one is the default.
        if self.to_bits() != 0 {
            put_fixed64(number, self.to_bits(), out);
        }
    }

    fn take(&mut self, value: Value<'_>) -> Result<(), Malformed> {
        if let Value::Fixed64(bits) = value {
            *self = f64::from_bits(bits);
        }
        Ok(())
    }
}

impl Field for String {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        if !self.is_empty() {
            put_bytes(number, self.as_bytes(), out);
        }
    }

    fn take(&mut self, value: Value<'_>) -> Result<(), Malformed> {
        if let Value::Bytes(bytes) = value {
            *self = text(bytes)?;
        }
        Ok(())
    }
}

impl Field for Vec<u8> {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        if !self.is_empty() {
            put_bytes(number, self, out);
        }
    }

    fn take(&mut self, value: Value<'_>) -> Result<(), Malformed> {
        if let Value::Bytes(bytes) = value {
            *self = bytes.to_vec();
        }
        Ok(())
    }
}

impl Field for Vec<String> {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        for text in self {
            put_bytes(number, text.as_bytes(), out);
        }
    }

    fn take(&mut self, value: Value<'_>) -> Result<(), Malformed> {
        if let Value::Bytes(bytes) = value {
            append(self, text(bytes)?)?;
        }
        Ok(())
    }
}

impl Field for Vec<u64> {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        if !self.is_empty() {
            put_nested(number, out, |out| self.iter().for_each(|number| put_varint(*number, out)));
        }
    }

    /// Packed or one by one: both are allowed.
    fn take(&mut self, value: Value<'_>) -> Result<(), Malformed> {
        match value {
            Value::Varint(number) => append(self, number)?,
            Value::Bytes(mut packed) => {
                while !packed.is_empty() {
                    append(self, take_varint(&mut packed)?)?;
                }
            }
            Value::Fixed64(_) | Value::Fixed32(_) => {}
        }
        Ok(())
    }
}

impl<M: Message> Field for Option<M> {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        if let Some(message) = self {
            put_nested(number, out, |out| message.encode(out));
        }
    }

    fn take(&mut self, value: Value<'_>) -> Result<(), Malformed> {
        if let Value::Bytes(bytes) = value {
            self.get_or_insert_default().merge(bytes)?;
        }
        Ok(())
    }
}

impl<M: Message> Field for Vec<M> {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        for message in self {
            put_nested(number, out, |out| message.encode(out));
        }
    }

    fn take(&mut self, value: Value<'_>) -> Result<(), Malformed> {
        if let Value::Bytes(bytes) = value {
            append(self, M::decode(bytes)?)?;
        }
        Ok(())
    }
}

impl Field for BTreeMap<String, String> {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        for (key, value) in self {
            // Unlike in a message, an entry's key and value are written even if they are empty.
            put_nested(number, out, |out| {
                put_bytes(1, key.as_bytes(), out);
                put_bytes(2, value.as_bytes(), out);
            });
        }
    }

    fn take(&mut self, value: Value<'_>) -> Result<(), Malformed> {
        if let Value::Bytes(bytes) = value {
            let (key, value) = <(String, String)>::decode(bytes)?;
            self.insert(key, value);
            if self.len() > LONGEST_LIST {
                return Err(Malformed::List);
            }
        }
        Ok(())
    }
}

fn text(bytes: &[u8]) -> Result<String, Malformed> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Malformed::Text)
}

fn append<T>(list: &mut Vec<T>, element: T) -> Result<(), Malformed> {
    if list.len() == LONGEST_LIST {
        return Err(Malformed::List);
    }
    list.push(element);
    Ok(())
}
