//! What is asked: the mix of operations, and the next request of a connection.
//!
//! The choice comes from a seed of the connection, so a run asks the same sequence of any server.

use std::str::FromStr;

use crate::layout;
use crate::wire;

/// Share of each operation, named as on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    Get,
    Set,
    Create,
    List,
    Mixed,
    ReadWrite,
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Ok(match name {
            "get" => Self::Get,
            "set" => Self::Set,
            "create" => Self::Create,
            "list" => Self::List,
            "mixed" => Self::Mixed,
            "rw" => Self::ReadWrite,
            other => return Err(format!("no such operation: {other}")),
        })
    }
}

impl Mix {
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Set => "set",
            Self::Create => "create",
            Self::List => "list",
            Self::Mixed => "mixed",
            Self::ReadWrite => "rw",
        }
    }

    pub fn lists(self) -> bool {
        matches!(self, Self::List | Self::Mixed)
    }

    pub fn creates(self) -> bool {
        matches!(self, Self::Create | Self::Mixed)
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Get,
    Set,
    Create,
    CreateOrDelete,
    List,
}

/// Xorshift: enough to choose znodes, and the same numbers everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// The endless sequence of one connection's requests.
pub struct Workload {
    mix: Mix,
    root: String,
    own_parent: String,
    list_parent: String,
    znodes: u64,
    value: Vec<u8>,
    random: Random,
    created: u64,
    deleted: u64,
    path: Vec<u8>,
}

impl Workload {
    pub fn new(options: &crate::options::Options, run: u64, connection: usize) -> Self {
        Self {
            mix: options.mix,
            root: options.root.clone(),
            own_parent: layout::own_parent(&options.root, run, connection),
            list_parent: layout::list_parent(&options.root),
            znodes: options.znodes,
            value: layout::value(options.value_bytes),
            random: Random::new(connection as u64),
            created: 0,
            deleted: 0,
            path: Vec::with_capacity(128),
        }
    }

    /// Appends the next request to `out`.
    pub fn put_next(&mut self, out: &mut Vec<u8>, xid: i32) {
        let draw = self.random.next();
        match self.kind(draw >> 32) {
            Kind::Get => {
                layout::znode_path(&mut self.path, &self.root, draw % self.znodes);
                wire::put_read(out, xid, wire::OP_GET_DATA, &self.path);
            }
            Kind::Set => {
                layout::znode_path(&mut self.path, &self.root, draw % self.znodes);
                wire::put_set_data(out, xid, &self.path, &self.value);
            }
            Kind::List => {
                wire::put_read(out, xid, wire::OP_GET_CHILDREN, self.list_parent.as_bytes());
            }
            Kind::CreateOrDelete if self.created > self.deleted => self.put_delete(out, xid),
            Kind::Create | Kind::CreateOrDelete => {
                layout::own_path(&mut self.path, &self.own_parent, self.created);
                self.created += 1;
                wire::put_create(out, xid, &self.path, &self.value);
            }
        }
    }

    /// Appends a delete of the oldest own znode that is left; false when none is.
    pub fn put_clean(&mut self, out: &mut Vec<u8>, xid: i32) -> bool {
        if self.created == self.deleted {
            return false;
        }
        self.put_delete(out, xid);
        true
    }

    fn put_delete(&mut self, out: &mut Vec<u8>, xid: i32) {
        layout::own_path(&mut self.path, &self.own_parent, self.deleted);
        self.deleted += 1;
        wire::put_delete(out, xid, &self.path);
    }

    fn kind(&self, draw: u64) -> Kind {
        match self.mix {
            Mix::Get => Kind::Get,
            Mix::Create => Kind::Create,
            Mix::List => Kind::List,
            Mix::ReadWrite if draw % 10 < 7 => Kind::Get,
            Mix::Set | Mix::ReadWrite => Kind::Set,
            // Creates and deletes take turns, so each has one per cent and none of them fails.
            Mix::Mixed => match draw % 100 {
                0..=1 => Kind::CreateOrDelete,
                2..=9 => Kind::Set,
                10..=54 => Kind::Get,
                _ => Kind::List,
            },
        }
    }
}
