//! The `Stat` that clients see, made from what is stored; and what an ephemeral owner means.

use crate::jute::Writer;
use crate::store::{Meta, NodeId, Store};

/// The owner of a container.
pub const CONTAINER_OWNER: i64 = i64::MIN;
/// The longest time to live, a little over 34 years: the 40 bits that an owner has room for.
pub const TTL_MS_MAX: i64 = 0xff_ffff_ffff;
/// The bits of an owner that say that it is a time to live.
const TTL_MARK: i64 = 0xff_u64.cast_signed() << 56;
/// All bits that are not the time to live itself.
const TTL_MARK_MASK: i64 = !TTL_MS_MAX;

/// What an ephemeral owner says about a znode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Persistent,
    Ephemeral(i64),
    Container,
    Ttl(i64),
}

impl Kind {
    pub const fn of(owner: i64) -> Self {
        if owner == 0 {
            Self::Persistent
        } else if owner == CONTAINER_OWNER {
            Self::Container
        } else if owner & TTL_MARK_MASK == TTL_MARK {
            Self::Ttl(owner & TTL_MS_MAX)
        } else {
            Self::Ephemeral(owner)
        }
    }

    /// The owner as it is stored.
    pub const fn owner(self) -> i64 {
        match self {
            Self::Persistent => 0,
            Self::Ephemeral(session) => session,
            Self::Container => CONTAINER_OWNER,
            Self::Ttl(ttl_ms) => TTL_MARK | ttl_ms,
        }
    }
}

/// Appends the `Stat` of a znode.
pub fn put_stat(store: &Store, id: NodeId, out: &mut Vec<u8>) {
    if let Some(znode) = store.read(id) {
        put(&znode.meta, znode.data.map_or(0, <[u8]>::len), znode.num_children, out);
    }
}

/// Appends the `Stat` of a znode with this meta, data length and number of children. The cversion
/// shown counts creates and deletes: every child created and gone again was one of each.
pub fn put(meta: &Meta, data_bytes: usize, num_children: u32, out: &mut Vec<u8>) {
    let children = num_children as i32;
    let cversion = meta.creates.wrapping_mul(2).wrapping_sub(children);
    let owner = match Kind::of(meta.owner) {
        Kind::Ephemeral(session) => session,
        _ => 0,
    };
    out.put_i64(meta.czxid);
    out.put_i64(meta.mzxid);
    out.put_i64(meta.ctime);
    out.put_i64(meta.mtime);
    out.put_i32(meta.version);
    out.put_i32(cversion);
    out.put_i32(meta.aversion);
    out.put_i64(owner);
    out.put_i32(data_bytes as i32);
    out.put_i32(children);
    out.put_i64(meta.pzxid);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jute::Reader;

    #[test]
    fn owners_keep_their_meaning() {
        for kind in [
            Kind::Persistent,
            Kind::Container,
            Kind::Ephemeral(1),
            Kind::Ephemeral(0x0100_0000_0000_0001),
            Kind::Ttl(1),
            Kind::Ttl(TTL_MS_MAX),
        ] {
            assert_eq!(Kind::of(kind.owner()), kind);
        }
        assert_eq!(Kind::Ttl(5).owner().cast_unsigned(), 0xff00_0000_0000_0005);
    }

    #[test]
    fn the_stat_has_its_68_bytes_in_order() {
        let meta = Meta {
            czxid: 1,
            mzxid: 2,
            pzxid: 3,
            ctime: 4,
            mtime: 5,
            version: 6,
            creates: 7,
            aversion: 8,
            owner: CONTAINER_OWNER,
            acl: 0,
        };
        let mut out = Vec::new();
        put(&meta, 9, 4, &mut out);
        assert_eq!(out.len(), 68);
        let mut reader = Reader::new(&out);
        let longs: Vec<i64> = (0..4).filter_map(|_| reader.i64().ok()).collect();
        let ints: Vec<i32> = (0..3).filter_map(|_| reader.i32().ok()).collect();
        assert_eq!((longs, ints), (vec![1, 2, 4, 5], vec![6, 2 * 7 - 4, 8]));
        assert_eq!(reader.i64(), Ok(0), "a container shows no owner");
        assert_eq!((reader.i32(), reader.i32(), reader.i64()), (Ok(9), Ok(4), Ok(3)));
    }
}
