//! Where the load's znodes are: the one place that knows their names.
//!
//! Data znodes lie in directories of a thousand, so that a million of them do not share a parent.

use std::io::Write as _;

pub const DIRECTORY_SIZE: u64 = 1000;
pub const LIST_CHILDREN: usize = 100;
/// Length of a listed child's name: the mixed workload lists 100 children of 50 bytes.
const LIST_NAME_BYTES: usize = 50;

/// `<root>/d<directory>/n<number>`, written over `path`.
pub fn znode_path(path: &mut Vec<u8>, root: &str, number: u64) {
    path.clear();
    let _ = write!(path, "{root}/d{}/n{number}", number / DIRECTORY_SIZE);
}

pub fn directory_path(root: &str, number: u64) -> String {
    format!("{root}/d{number}")
}

pub fn list_parent(root: &str) -> String {
    format!("{root}/list")
}

pub fn list_child(root: &str, number: usize) -> String {
    let digits = LIST_NAME_BYTES - "child-".len();
    format!("{root}/list/child-{number:0digits$}")
}

/// The parent of what one connection creates in one run.
pub fn own_parent(root: &str, run: u64, connection: usize) -> String {
    format!("{root}/own-{run:x}-{connection}")
}

pub fn own_path(path: &mut Vec<u8>, parent: &str, number: u64) {
    path.clear();
    let _ = write!(path, "{parent}/k{number}");
}

/// Printable bytes that do not compress well, so that no server gains by compressing them.
pub fn value(bytes: usize) -> Vec<u8> {
    let mut random = crate::workload::Random::new(bytes as u64);
    (0..bytes).map(|_| b'0' + (random.next() % 64) as u8).collect()
}
