//! The data path of a RaftKeeper node: ZooKeeper frames in, whole replies out.
//!
//! | module | what it is |
//! |---|---|
//! | [`jute`] | the wire serialisation |
//! | [`ops`], [`error`] | operation and error codes |
//! | [`entry`] | the payload of a log entry: a batch of requests |
//! | [`store`] | znodes in memory: blocks, slots, the index, the walk of a snapshot |
//! | [`machine`] | the replicated state: tree, ACLs, sessions; the order of checks; no clock |
//! | [`front`] | what is local to a node: connections, order within a session, watches, replies |
//!
//! The engine promises: the same entries give the same state on every node; a request is answered
//! once and in order; no input panics; nothing here reads a clock, a file or a random number.
#![forbid(unsafe_code)]

pub mod auth;
pub mod entry;
pub mod error;
mod fold;
pub mod front;
pub mod jute;
pub mod log_frame;
pub mod machine;
pub mod ops;
pub mod store;
