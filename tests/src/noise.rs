//! Bytes that no shortcut gets right.

/// Ten million bytes without a period that a block size could hide.
#[must_use]
pub fn noise() -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..10 << 20).map(|_| next()).collect()
}
