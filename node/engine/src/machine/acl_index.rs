//! A long access control list made ready for being asked: what it says about somebody is looked up.
//!
//! Reading a list of 64 KiB takes a third of a millisecond where its ids are addresses, and a batch of
//! writes may ask for as many checks as it has requests. It says what reading the list would say, and is
//! made anew from the list's bytes wherever the list is.

use crate::auth::AuthId;
use crate::jute::{Malformed, Reader};

use super::acl_list::{Entries, is_world};
use super::ip::{self, Address};

/// An entry's scheme and id.
type Key<'a> = (&'a [u8], &'a [u8]);

/// All that a list allows to addresses with a common prefix.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Network {
    /// Bytes of the address, bits of the prefix.
    size: (u8, u8),
    prefix: Address,
    perms: i32,
}

#[derive(Debug)]
pub struct AclIndex {
    /// What anyone may.
    world: i32,
    /// Where in the list an id of a scheme without prefixes is, sorted by scheme and id.
    named: Box<[u32]>,
    /// Sorted by size and prefix, each once.
    networks: Box<[Network]>,
    /// How many sizes the networks have.
    sizes: usize,
}

impl AclIndex {
    /// Of a list in its wire form.
    pub fn new(encoded: &[u8]) -> Self {
        let (mut world, mut named, mut networks) = (0, Vec::new(), Vec::new());
        let mut at = encoded.len() - encoded.get(4..).unwrap_or_default().len();
        for entry in Entries::new(encoded) {
            match entry.scheme {
                "ip" => networks.extend(Network::of(entry.id, entry.perms)),
                "world" if is_world(&entry) => world |= entry.perms,
                "world" => {}
                _ => named.push(at as u32),
            }
            at += 4 + 4 + entry.scheme.len() + 4 + entry.id.len();
        }
        named.sort_by_key(|&at| key_at(encoded, at));
        networks.sort_unstable();
        networks.dedup_by(|later, kept| {
            let same = (later.size, later.prefix) == (kept.size, kept.prefix);
            kept.perms |= if same { later.perms } else { 0 };
            same
        });
        let sizes = networks.chunk_by(|a, b| a.size == b.size).count();
        Self { world, named: named.into(), networks: networks.into(), sizes }
    }

    /// Whether any of the ids has one of the permissions. `encoded` is the list it was made of.
    pub fn allows(&self, encoded: &[u8], perms: i32, auth: &[AuthId]) -> bool {
        self.world & perms != 0
            || auth.iter().any(|who| match &*who.scheme {
                "ip" => ip::parse(&who.id).is_some_and(|address| self.admits(address, perms)),
                "world" => false,
                scheme => self.names(encoded, (scheme.as_bytes(), who.id.as_bytes()), perms),
            })
    }

    /// Bytes of memory held.
    pub const fn memory_bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.named) + size_of_val(&*self.networks)
    }

    /// How many places are looked at for each address.
    pub const fn sizes(&self) -> usize {
        self.sizes
    }

    fn names(&self, encoded: &[u8], key: Key<'_>, perms: i32) -> bool {
        let first = self.named.partition_point(|&at| key_at(encoded, at) < Some(key));
        let rest = self.named.get(first..).unwrap_or_default();
        let same = rest.iter().take_while(|&&at| key_at(encoded, at) == Some(key));
        same.into_iter().any(|&at| perms_at(encoded, at) & perms != 0)
    }

    fn admits(&self, address: Address, perms: i32) -> bool {
        let mut rest = &*self.networks;
        while let Some(Network { size, .. }) = rest.first() {
            let (of_size, larger) = rest.split_at(rest.partition_point(|n| n.size == *size));
            let prefix = ip::mask(address, usize::from(size.1));
            if usize::from(size.0) == address.length()
                && let Ok(at) = of_size.binary_search_by_key(&prefix, |network| network.prefix)
                && of_size.get(at).is_some_and(|network| network.perms & perms != 0)
            {
                return true;
            }
            rest = larger;
        }
        false
    }
}

impl Network {
    fn of(expression: &str, perms: i32) -> Option<Self> {
        let (address, bits) = ip::parse_prefix(expression)?;
        let size = (address.length() as u8, bits as u8);
        Some(Self { size, prefix: ip::mask(address, bits), perms })
    }
}

fn key_at(encoded: &[u8], at: u32) -> Option<Key<'_>> {
    let mut reader = Reader::new(encoded.get(at as usize + 4..)?);
    let mut field = || Ok::<_, Malformed>(reader.buf()?.unwrap_or_default());
    Some((field().ok()?, field().ok()?))
}

fn perms_at(encoded: &[u8], at: u32) -> i32 {
    let entry = encoded.get(at as usize..).unwrap_or_default();
    Reader::new(entry).i32().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::acl_list::matches;
    use super::*;
    use crate::jute::Writer;

    fn encode(entries: &[(i32, &str, &str)]) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_i32(entries.len() as i32);
        for (perms, scheme, id) in entries {
            out.put_i32(*perms);
            out.put_string(scheme);
            out.put_string(id);
        }
        out
    }

    fn read(encoded: &[u8], perms: i32, auth: &[AuthId]) -> bool {
        Entries::new(encoded).any(|entry| {
            entry.perms & perms != 0
                && (is_world(&entry) || auth.iter().any(|who| matches(who, &entry)))
        })
    }

    const IDS: [(&str, &str); 14] = [
        ("world", "anyone"),
        ("world", "x"),
        ("digest", "a:b"),
        ("digest", "a:c"),
        ("digest", ""),
        ("x509", "a:b"),
        ("ip", "10.1.2.3"),
        ("ip", "10.1.2.3/32"),
        ("ip", "10.1.0.0/16"),
        ("ip", "10.1.99.0/16"),
        ("ip", "0.0.0.0/0"),
        ("ip", "::/0"),
        ("ip", "fe80::1"),
        ("ip", "no address"),
    ];

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        /// Whoever is allowed something by reading the list is so by looking it up, and nobody else.
        #[test]
        fn looking_up_says_what_reading_says(
            entries in prop::collection::vec((0_i32..32, 0..IDS.len()), 0..12),
            who in prop::collection::vec(0..IDS.len(), 0..3),
        ) {
            let entries: Vec<_> = entries.iter().map(|&(perms, at)| (perms, IDS[at].0, IDS[at].1)).collect();
            let auth: Vec<AuthId> = who
                .iter()
                .map(|&at| AuthId { scheme: IDS[at].0.into(), id: IDS[at].1.into() })
                .collect();
            let encoded = encode(&entries);
            let index = AclIndex::new(&encoded);
            for perms in [1, 2, 4, 8, 16, 31] {
                let (found, expected) = (index.allows(&encoded, perms, &auth), read(&encoded, perms, &auth));
                prop_assert_eq!(found, expected, "{} {:?} {:?}", perms, entries, auth);
            }
        }
    }

    /// Ids that are not text a list may have, or bytes that are no list, allow nobody anything.
    #[test]
    fn damaged_list_allows_nothing() {
        let whole = encode(&[(31, "digest", "a:b"), (31, "digest", "a:c")]);
        let who = [AuthId { scheme: "digest".into(), id: "a:c".into() }];
        for length in 0..whole.len() {
            let cut = &whole[..length];
            assert!(!AclIndex::new(cut).allows(cut, 31, &who), "{length}");
        }
        assert!(AclIndex::new(&whole).allows(&whole, 31, &who));
    }
}
