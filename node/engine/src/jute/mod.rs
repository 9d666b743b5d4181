//! Jute, the serialisation of the ZooKeeper protocol: big-endian, length-prefixed.
//!
//! `i32` length −1 is null for buffers, strings and vectors. A reader never allocates for a length
//! it was told: it lends slices of the bytes it has.

mod reader;
mod writer;

pub use reader::{Malformed, Reader};
pub use writer::{Writer, patch_i32};
