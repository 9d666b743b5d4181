//! How a znode is written: as a block in memory, and as a record of a snapshot.
//!
//! ```text
//! block  = flags u8, [DIR: stamps, first child u32, children u32], rest
//! record = length u32 (bytes after it), slot u32, parent u32, flags u8, [DIR: stamps], rest
//! stamps = pzxid i64, creates i32
//! rest   = name length v, name, czxid v, ctime v,
//!          [CHANGED: mzxid − czxid v, mtime − ctime v, version v], [OWNER: owner i64],
//!          [ACL: aversion v, acl v], [DATA: length v, data]
//! ```
//!
//! Integers are big-endian; `v` is a LEB128 varint of the two's complement. Without DIR a znode has
//! pzxid = czxid, creates 0 and no children; without DATA its data is null. A block is often read
//! from a longer slice: it knows its own end. The name comes early, for the index compares it.

use super::Meta;
use crate::jute::{Malformed, Reader, Writer};

const DIR: u8 = 1;
const CHANGED: u8 = 2;
const OWNER: u8 = 4;
const ACL: u8 = 8;
const DATA: u8 = 16;
const KNOWN: u8 = DIR | CHANGED | OWNER | ACL | DATA;

const STAMPS_BYTES: usize = 8 + 4;
const LINKS_BYTES: usize = 4 + 4;
const STAMPS_AT: usize = 1;
const LINKS_AT: usize = STAMPS_AT + STAMPS_BYTES;
const DIR_BYTES: usize = STAMPS_BYTES + LINKS_BYTES;

/// A change within two million zxids, three days and 127 versions.
const CHANGE_BYTES: usize = 3 + 4 + 1;

/// The ends of a znode's list of children that it keeps itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Links {
    pub first: u32,
    pub count: u32,
}

impl Links {
    pub(super) const NONE: Self = Self { first: u32::MAX, count: 0 };
}

/// What a block or a record says.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub name: &'a [u8],
    pub meta: Meta,
    pub data: Option<&'a [u8]>,
    /// The bytes it takes.
    pub length: usize,
}

/// One record of a snapshot.
pub(super) struct Record<'a> {
    pub slot: u32,
    pub parent: u32,
    pub view: View<'a>,
}

/// Appends a block to `out`.
pub(super) fn encode(
    out: &mut Vec<u8>,
    links: Links,
    name: &[u8],
    meta: &Meta,
    data: Option<&[u8]>,
) {
    let changed = meta.mzxid != meta.czxid || meta.mtime != meta.ctime || meta.version != 0;
    let dir = links.count != 0 || meta.pzxid != meta.czxid || meta.creates != 0;
    let acl = meta.aversion != 0 || meta.acl != 0;
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    out.push(
        flag(dir, DIR)
            | flag(changed, CHANGED)
            | flag(meta.owner != 0, OWNER)
            | flag(acl, ACL)
            | flag(data.is_some(), DATA),
    );
    if dir {
        out.put_i64(meta.pzxid);
        out.put_i32(meta.creates);
        out.put_u32(links.first);
        out.put_u32(links.count);
    }
    put_varint(out, name.len() as u64);
    out.extend_from_slice(name);
    put_varint(out, meta.czxid as u64);
    put_varint(out, meta.ctime as u64);
    if changed {
        put_varint(out, meta.mzxid.wrapping_sub(meta.czxid) as u64);
        put_varint(out, meta.mtime.wrapping_sub(meta.ctime) as u64);
        put_varint(out, u64::from(meta.version as u32));
    }
    if meta.owner != 0 {
        out.put_i64(meta.owner);
    }
    if acl {
        put_varint(out, u64::from(meta.aversion as u32));
        put_varint(out, meta.acl.into());
    }
    if let Some(data) = data {
        put_varint(out, data.len() as u64);
        out.extend_from_slice(data);
    }
}

/// The bytes that a first change of the znode will add, as a rule: mzxid, mtime and version.
pub(super) fn room_to_change(block: &[u8]) -> usize {
    if block.first().is_some_and(|flags| flags & CHANGED != 0) { 0 } else { CHANGE_BYTES }
}

pub(super) fn parse(block: &[u8]) -> Result<View<'_>, Malformed> {
    let mut reader = Reader::new(block);
    let flags = reader.u8()?;
    let stamps = read_stamps(flags, &mut reader)?;
    if flags & DIR != 0 {
        reader.take(LINKS_BYTES)?;
    }
    let mut view = parse_rest(flags, stamps, &mut reader)?;
    view.length = block.len() - reader.rest().len();
    Ok(view)
}

/// The name alone, for the index.
#[inline]
pub(super) fn name(block: &[u8]) -> &[u8] {
    let is_dir = block.first().is_some_and(|flags| flags & DIR != 0);
    let at = if is_dir { 1 + DIR_BYTES } else { 1 };
    let mut reader = Reader::new(block.get(at..).unwrap_or_default());
    varint(&mut reader).and_then(|length| reader.take(length as usize)).unwrap_or_default()
}

/// The links of a znode; `None` if its block has no room for them.
#[inline]
pub(super) fn links(block: &[u8]) -> Option<Links> {
    let flags = block.first()?;
    if flags & DIR == 0 {
        return None;
    }
    let mut reader = Reader::new(block.get(LINKS_AT..)?);
    Some(Links { first: reader.u32().ok()?, count: reader.u32().ok()? })
}

/// Changes the links of a block that has them.
pub(super) fn set_links(block: &mut [u8], links: Links) {
    if let Some(place) = block.get_mut(LINKS_AT..LINKS_AT + LINKS_BYTES) {
        place[..4].copy_from_slice(&links.first.to_be_bytes());
        place[4..].copy_from_slice(&links.count.to_be_bytes());
    }
}

/// Changes pzxid and creates of a block that has links.
pub(super) fn set_stamps(block: &mut [u8], pzxid: i64, creates: i32) {
    if let Some(place) = block.get_mut(STAMPS_AT..STAMPS_AT + STAMPS_BYTES) {
        place[..8].copy_from_slice(&pzxid.to_be_bytes());
        place[8..].copy_from_slice(&creates.to_be_bytes());
    }
}

/// Appends the record of a block.
pub(super) fn put_record(out: &mut Vec<u8>, slot: u32, parent: u32, block: &[u8]) {
    let length = parse(block).map_or(0, |view| view.length);
    let block = block.get(..length).unwrap_or_default();
    let is_dir = block.first().is_some_and(|flags| flags & DIR != 0);
    let (head, rest) = if is_dir {
        (&block[..LINKS_AT], &block[LINKS_AT + LINKS_BYTES..])
    } else {
        block.split_at(block.len().min(1))
    };
    out.put_u32((4 + 4 + head.len() + rest.len()) as u32);
    out.put_u32(slot);
    out.put_u32(parent);
    out.extend_from_slice(head);
    out.extend_from_slice(rest);
}

/// Reads one record, its length field included. What it says is bounded by the bytes it has.
pub(super) fn parse_record<'a>(reader: &mut Reader<'a>) -> Result<Record<'a>, Malformed> {
    let length = reader.u32()? as usize;
    let mut body = Reader::new(reader.take(length)?);
    let (slot, parent, flags) = (body.u32()?, body.u32()?, body.u8()?);
    let stamps = read_stamps(flags, &mut body)?;
    let view = parse_rest(flags, stamps, &mut body)?;
    if flags & !KNOWN != 0 || !body.is_empty() {
        return Err(Malformed);
    }
    Ok(Record { slot, parent, view })
}

fn read_stamps(flags: u8, reader: &mut Reader) -> Result<Option<(i64, i32)>, Malformed> {
    if flags & DIR == 0 {
        return Ok(None);
    }
    Ok(Some((reader.i64()?, reader.i32()?)))
}

fn parse_rest<'a>(
    flags: u8,
    stamps: Option<(i64, i32)>,
    reader: &mut Reader<'a>,
) -> Result<View<'a>, Malformed> {
    let name_length = varint(reader)?;
    let name = reader.take(name_length as usize)?;
    let (czxid, ctime) = (varint(reader)? as i64, varint(reader)? as i64);
    let mut meta =
        Meta { czxid, mzxid: czxid, pzxid: czxid, ctime, mtime: ctime, ..Meta::default() };
    if let Some((pzxid, creates)) = stamps {
        (meta.pzxid, meta.creates) = (pzxid, creates);
    }
    if flags & CHANGED != 0 {
        meta.mzxid = czxid.wrapping_add(varint(reader)? as i64);
        meta.mtime = ctime.wrapping_add(varint(reader)? as i64);
        meta.version = varint_u32(reader)? as i32;
    }
    if flags & OWNER != 0 {
        meta.owner = reader.i64()?;
    }
    if flags & ACL != 0 {
        meta.aversion = varint_u32(reader)? as i32;
        meta.acl = varint_u32(reader)?;
    }
    let data = if flags & DATA == 0 {
        None
    } else {
        let data_length = varint(reader)?;
        Some(reader.take(data_length as usize)?)
    };
    Ok(View { name, meta, data, length: 0 })
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[inline]
fn varint(reader: &mut Reader) -> Result<u64, Malformed> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = reader.u8()?;
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            // The tenth byte has one bit to give.
            return if shift == 63 && byte > 1 { Err(Malformed) } else { Ok(value) };
        }
    }
    Err(Malformed)
}

fn varint_u32(reader: &mut Reader) -> Result<u32, Malformed> {
    u32::try_from(varint(reader)?).map_err(|_| Malformed)
}
