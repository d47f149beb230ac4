//! Messages at random, for tests.

use crate::message::Message;
use crate::task::Status;
use proptest::prelude::RngCore;
use proptest::test_runner::TestRng;
use std::collections::BTreeMap;
use std::fmt::Debug;

/// A type of which values can be made up.
pub(crate) trait Sample: Sized {
    fn sample(random: &mut TestRng) -> Self;
}

/// Who is shown every message of a table.
pub(crate) trait Visitor {
    fn visit<M: Message + Sample + PartialEq + Debug>(&mut self, name: &'static str);
}

/// A number of any size: each number of bits is as likely as the others.
impl Sample for u64 {
    fn sample(random: &mut TestRng) -> Self {
        let bits = random.next_u32() % 65;
        if bits == 0 { 0 } else { random.next_u64() >> (64 - bits) }
    }
}

impl Sample for u32 {
    fn sample(random: &mut TestRng) -> Self {
        (u64::sample(random) >> 32) as u32 >> (random.next_u32() % 32)
    }
}

impl Sample for i64 {
    fn sample(random: &mut TestRng) -> Self {
        u64::sample(random) as i64
    }
}

impl Sample for i32 {
    fn sample(random: &mut TestRng) -> Self {
        random.next_u32() as i32 >> (random.next_u32() % 32)
    }
}

impl Sample for bool {
    fn sample(random: &mut TestRng) -> Self {
        random.next_u32() % 2 == 0
    }
}

impl Sample for f64 {
    fn sample(random: &mut TestRng) -> Self {
        f64::from(random.next_u32() % 10_000) / 100.0
    }
}

impl Sample for char {
    fn sample(random: &mut TestRng) -> Self {
        let code = random.next_u32() >> (random.next_u32() % 32);
        char::from_u32(code).unwrap_or('x')
    }
}

impl Sample for u8 {
    fn sample(random: &mut TestRng) -> Self {
        random.next_u32().to_le_bytes()[0]
    }
}

impl Sample for String {
    fn sample(random: &mut TestRng) -> Self {
        (0..random.next_u32() % 200).map(|_| char::sample(random)).collect()
    }
}

impl<T: Sample> Sample for Vec<T> {
    fn sample(random: &mut TestRng) -> Self {
        (0..random.next_u32() % 5).map(|_| T::sample(random)).collect()
    }
}

impl<T: Sample> Sample for Option<T> {
    fn sample(random: &mut TestRng) -> Self {
        bool::sample(random).then(|| T::sample(random))
    }
}

impl<K: Sample, V: Sample> Sample for (K, V) {
    fn sample(random: &mut TestRng) -> Self {
        (K::sample(random), V::sample(random))
    }
}

impl Sample for BTreeMap<String, String> {
    fn sample(random: &mut TestRng) -> Self {
        Vec::sample(random).into_iter().collect()
    }
}

impl Sample for Status {
    fn sample(random: &mut TestRng) -> Self {
        use Status::{Created, Paused, Pausing, Running, Stopped, Unknown};
        [Unknown, Created, Running, Stopped, Paused, Pausing][random.next_u32() as usize % 6]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{bootstrap, call, events, metrics, shim, task, well_known};
    use proptest::prelude::*;

    /// Shows a visitor every message that there is.
    fn visit_all(visitor: &mut impl Visitor) {
        for visit in [
            well_known::visit,
            task::visit,
            events::visit,
            shim::visit,
            call::visit,
            bootstrap::visit,
            metrics::v1::visit,
            metrics::v2::visit,
        ] {
            visit(visitor);
        }
    }

    struct RoundTrip<'a>(&'a mut TestRng);

    impl Visitor for RoundTrip<'_> {
        fn visit<M: Message + Sample + PartialEq + Debug>(&mut self, name: &'static str) {
            let message = M::sample(self.0);
            let bytes = message.to_bytes();
            assert_eq!(M::decode(&bytes).as_ref(), Ok(&message), "{name}");
            // Whoever ends in the middle of a value is noticed; ends between fields are ends.
            let cut = self.0.next_u32() as usize % (bytes.len() + 1);
            if let Ok(part) = M::decode(&bytes[..cut]) {
                assert_eq!(M::decode(&part.to_bytes()), Ok(part), "{name}");
            }
            assert!(M::default().to_bytes().is_empty(), "{name}");
        }
    }

    struct AnyBytes<'a>(&'a [u8]);

    impl Visitor for AnyBytes<'_> {
        fn visit<M: Message + Sample + PartialEq + Debug>(&mut self, name: &'static str) {
            // Numbers of floating point may be none, which equal nothing: so bytes are compared.
            if let Ok(message) = M::decode(self.0) {
                let bytes = message.to_bytes();
                let again = M::decode(&bytes).map(|again| again.to_bytes());
                assert_eq!(again, Ok(bytes), "{name}");
            }
        }
    }

    /// Fields that are well-formed but of any type, with others inside.
    fn fields() -> impl Strategy<Value = Vec<u8>> {
        let number = 1..42u32;
        let leaf = prop_oneof![
            (number.clone(), any::<u64>()).prop_map(|(number, value)| {
                let mut out = Vec::new();
                crate::wire::put_number(number, value, &mut out);
                out
            }),
            (number.clone(), any::<u64>()).prop_map(|(number, value)| {
                let mut out = Vec::new();
                crate::wire::put_fixed64(number, value, &mut out);
                out
            }),
            (number.clone(), prop::collection::vec(any::<u8>(), 0..20)).prop_map(|(number, value)| {
                let mut out = Vec::new();
                crate::wire::put_bytes(number, &value, &mut out);
                out
            }),
        ];
        leaf.prop_recursive(4, 60, 6, move |inner| {
            (number.clone(), prop::collection::vec(inner, 0..6)).prop_map(|(number, inner)| {
                let mut out = Vec::new();
                crate::wire::put_bytes(number, &inner.concat(), &mut out);
                out
            })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn every_message_survives_the_wire(mut random in Just(()).prop_perturb(|(), random| random)) {
            visit_all(&mut RoundTrip(&mut random));
        }

        #[test]
        fn no_message_panics_on_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            visit_all(&mut AnyBytes(&bytes));
        }

        #[test]
        fn no_message_panics_on_any_fields(fields in prop::collection::vec(fields(), 0..8)) {
            visit_all(&mut AnyBytes(&fields.concat()));
        }
    }
}
