//! The one step of every hash here: fast, and the same on every machine.

/// The two halves of the full product, folded: one multiplication mixes every bit.
#[inline]
pub const fn fold(left: u64, right: u64) -> u64 {
    let product = (left as u128) * (right as u128);
    (product as u64) ^ ((product >> 64) as u64)
}
