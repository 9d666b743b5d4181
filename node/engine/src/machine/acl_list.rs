//! One ACL in its wire form: read from a request, judged, expanded, and matched with identities.

use std::collections::BTreeSet;

use crate::auth::AuthId;
use crate::error::ErrorCode;
use crate::jute::{Malformed, Reader, Writer, patch_i32};

use super::ip;

/// A list as a request brought it: still encoded, and not judged yet.
#[derive(Clone, Copy, Debug)]
pub struct RawAcl<'a> {
    /// `None` for a null vector, or an empty one.
    pub(super) encoded: Option<&'a [u8]>,
}

impl<'a> RawAcl<'a> {
    pub fn read(body: &mut Reader<'a>) -> Result<Self, Malformed> {
        let start = body.rest();
        let count = usize::try_from(body.i32()?).unwrap_or(0);
        for _ in 0..count {
            body.i32()?;
            body.string()?;
            body.string()?;
        }
        let encoded = start.get(..start.len() - body.rest().len()).filter(|_| count > 0);
        Ok(Self { encoded })
    }
}

/// One entry of a list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Entry<'a> {
    pub perms: i32,
    pub scheme: &'a str,
    pub id: &'a str,
}

/// The entries of a list in its wire form.
pub struct Entries<'a>(Reader<'a>);

impl<'a> Entries<'a> {
    pub fn new(encoded: &'a [u8]) -> Self {
        Self(Reader::new(encoded.get(4..).unwrap_or_default()))
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;
    fn next(&mut self) -> Option<Entry<'a>> {
        let perms = self.0.i32().ok()?;
        Some(Entry { perms, scheme: self.0.string().ok()?, id: self.0.string().ok()? })
    }
}

pub fn is_world(entry: &Entry<'_>) -> bool {
    entry.scheme == "world" && entry.id == "anyone"
}

/// Whether this identity is the one that the entry means.
pub fn matches(who: &AuthId, entry: &Entry<'_>) -> bool {
    if *who.scheme != *entry.scheme {
        return false;
    }
    match entry.scheme {
        "ip" => ip::matches(&who.id, entry.id),
        "world" => false,
        _ => *who.id == *entry.id,
    }
}

/// An id that a password or a certificate stands behind: what `auth` in a list expands to.
fn is_authenticated(who: &AuthId) -> bool {
    !matches!(&*who.scheme, "ip" | "world" | "super")
}

fn is_valid(entry: &Entry<'_>, auth: &[AuthId]) -> bool {
    match entry.scheme {
        "ip" => ip::is_valid(entry.id),
        "digest" => is_digest(entry.id),
        "world" | "super" => false,
        // A scheme such as x509 is known here if the requester got an id by it.
        scheme => auth.iter().any(|who| *who.scheme == *scheme),
    }
}

/// `user:hash`: two parts, where empty ones at the end do not count.
fn is_digest(id: &str) -> bool {
    id.trim_end_matches(':').split(':').count() == 2
}

/// A list longer than this, `auth` expanded, is refused: a request of a few bytes may expand to it and
/// leave it behind. It is room for a thousand ids.
pub const LIST_BYTES_MAX: usize = 64 * 1024;

/// Judges a list, drops what it says twice, and expands `auth`; answers its wire form.
pub fn fix(encoded: &[u8], auth: &[AuthId]) -> Result<Vec<u8>, ErrorCode> {
    let mut seen = BTreeSet::new();
    let mut out = Vec::with_capacity(encoded.len());
    let mut count = 0;
    out.put_i32(count);
    let mut add = |entry: Entry<'_>, out: &mut Vec<u8>| {
        count += 1;
        out.put_i32(entry.perms);
        out.put_string(entry.scheme);
        out.put_string(entry.id);
    };
    for entry in Entries::new(encoded) {
        if !seen.insert(entry) {
            continue;
        }
        if entry.scheme == "auth" {
            let before = out.len();
            for who in auth.iter().filter(|who| is_authenticated(who)) {
                add(Entry { perms: entry.perms, scheme: &who.scheme, id: &who.id }, &mut out);
            }
            if out.len() == before {
                return Err(ErrorCode::INVALID_ACL);
            }
        } else if is_world(&entry) || is_valid(&entry, auth) {
            add(entry, &mut out);
        } else {
            return Err(ErrorCode::INVALID_ACL);
        }
        if out.len() > LIST_BYTES_MAX {
            return Err(ErrorCode::INVALID_ACL);
        }
    }
    patch_i32(&mut out, 0, count);
    Ok(out)
}
