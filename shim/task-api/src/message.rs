//! What a message is, and the macro that makes one of a table.

use crate::field::Field;
use crate::wire::{Fields, Malformed};

/// A protobuf message.
pub trait Message: Default + Sized {
    /// Appends the message. Fields that have their default value are left out.
    fn encode(&self, out: &mut Vec<u8>);

    /// Takes in fields. Unknown ones are skipped.
    ///
    /// # Errors
    /// If the bytes are no message, or a string in them is not UTF-8; what was taken in by then stays.
    fn merge(&mut self, bytes: &[u8]) -> Result<(), Malformed>;

    /// Reads a message.
    ///
    /// # Errors
    /// As [`Message::merge`].
    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut message = Self::default();
        message.merge(bytes)?;
        Ok(message)
    }

    /// The message alone.
    #[must_use]
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes);
        bytes
    }
}

/// A message whose full name is said where it is sent: in an [`Any`](crate::Any).
pub trait Named: Message {
    /// The name with its package, which is the type URL that containerd uses.
    const NAME: &'static str;
}

/// A key with its value: an entry of metadata or of a map.
impl Message for (String, String) {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.put(1, out);
        self.1.put(2, out);
    }

    fn merge(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        for field in Fields::new(bytes) {
            match field? {
                (1, value) => self.0.take(value)?,
                (2, value) => self.1.take(value)?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// Makes structs that are messages. A line is a field: its number, its name and its type, in the order
/// of the numbers. A name behind `=` makes the message [`Named`].
macro_rules! messages {
    ($(
        $(#[$about:meta])*
        struct $message:ident $(= $name:literal)? {
            $($(#[$note:meta])* $number:literal $field:ident: $type:ty,)*
        }
    )*) => {
        $(
            $(#[$about])*
            #[derive(Debug, Clone, Default, PartialEq)]
            pub struct $message {
                $(
                    #[doc = concat!("Field ", $number, ".")]
                    $(#[$note])*
                    pub $field: $type,
                )*
            }

            #[allow(unused_variables, clippy::match_single_binding, reason = "a message may be empty")]
            impl $crate::message::Message for $message {
                fn encode(&self, out: &mut Vec<u8>) {
                    $($crate::field::Field::put(&self.$field, $number, out);)*
                }

                fn merge(&mut self, bytes: &[u8]) -> Result<(), $crate::wire::Malformed> {
                    for field in $crate::wire::Fields::new(bytes) {
                        let (number, value) = field?;
                        match number {
                            $($number => $crate::field::Field::take(&mut self.$field, value)?,)*
                            _ => {}
                        }
                    }
                    Ok(())
                }
            }

            $(
                impl $crate::message::Named for $message {
                    const NAME: &'static str = $name;
                }
            )?

            #[cfg(test)]
            impl $crate::sample::Sample for $message {
                #[allow(unused_variables, reason = "a message may be empty")]
                fn sample(random: &mut proptest::test_runner::TestRng) -> Self {
                    Self { $($field: $crate::sample::Sample::sample(random),)* }
                }
            }
        )*

        /// Shows a test every message of the table.
        #[cfg(test)]
        pub(crate) fn visit(visitor: &mut impl $crate::sample::Visitor) {
            $(visitor.visit::<$message>(stringify!($message));)*
        }
    };
}
