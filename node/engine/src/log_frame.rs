//! Blocks of the log: how the records of one fsync lie in a segment. Bytes in, bytes out.
//!
//! ```text
//! block  = magic u32, crc u32, length u32, count u32, salt u64, previous u32, used u32, record*, zeros
//! record = index u64, term u64, kind u8, zeros [3], length u32, payload
//! ```
//!
//! All numbers are little-endian. `length` is the whole block, padded to [`BLOCK_ALIGN`] so that no
//! sector is shared between a durable block and the one being written: a torn write cannot harm what
//! was promised before. `crc` is the CRC-32C of everything behind it, padding included. `salt` is the
//! segment's random number: bytes that a client placed inside a payload never pass for a block, and
//! neither do those of another file. `previous` is the `crc` of the block written before, in
//! whichever segment, so a missing block is noticed. This file must not touch files or clocks.

use crate::jute::Malformed;

const MAGIC: u32 = u32::from_le_bytes(*b"RKB1");
const HEADER_BYTES: usize = 32;
const RECORD_HEADER_BYTES: usize = 24;
/// Where the checksum's cover begins: behind the magic and the checksum itself.
const COVER_FROM: usize = 8;
/// A sector of any disk in use is at least this big and is written whole.
pub const BLOCK_ALIGN: usize = 512;

/// One record, on loan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    pub index: u64,
    pub term: u64,
    pub kind: u8,
    pub payload: &'a [u8],
}

/// Where a record of a scanned block lies; `offset` counts from the start of the scanned bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub index: u64,
    pub term: u64,
    pub kind: u8,
    pub offset: usize,
    pub length: usize,
}

/// A block that was found whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub records: Vec<Place>,
    /// The offset behind it.
    pub next: usize,
    pub crc: u32,
    pub previous: u32,
}

pub fn crc32c(data: &[u8], seed: u32) -> u32 {
    crc32c::crc32c_append(seed, data)
}

/// Encodes one block. Errs when it is empty, too long for its length field, or its indexes have a gap.
pub fn frame(records: &[Record<'_>], salt: u64, previous: u32) -> Result<Vec<u8>, Malformed> {
    let first = records.first().ok_or(Malformed)?.index;
    let payload: usize = records.iter().map(|record| record.payload.len()).sum();
    let used = HEADER_BYTES + records.len() * RECORD_HEADER_BYTES + payload;
    let length = used.next_multiple_of(BLOCK_ALIGN);
    let length_field = u32::try_from(length).map_err(|_| Malformed)?;
    let mut out = Vec::with_capacity(length);
    out.extend_from_slice(&MAGIC.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&length_field.to_le_bytes());
    out.extend_from_slice(&(records.len() as u32).to_le_bytes());
    out.extend_from_slice(&salt.to_le_bytes());
    out.extend_from_slice(&previous.to_le_bytes());
    out.extend_from_slice(&(used as u32).to_le_bytes());
    for (expected, record) in (first..).zip(records) {
        if record.index != expected {
            return Err(Malformed);
        }
        out.extend_from_slice(&record.index.to_le_bytes());
        out.extend_from_slice(&record.term.to_le_bytes());
        out.extend_from_slice(&[record.kind, 0, 0, 0]);
        out.extend_from_slice(&(record.payload.len() as u32).to_le_bytes());
        out.extend_from_slice(record.payload);
    }
    out.resize(length, 0);
    let crc = crc32c(&out[COVER_FROM..], 0);
    out[4..COVER_FROM].copy_from_slice(&crc.to_le_bytes());
    Ok(out)
}

/// The block at `offset`, or `None` where there is no whole block of this salt.
pub fn scan(data: &[u8], offset: usize, salt: u64) -> Option<Block> {
    let bytes = data.get(offset..)?;
    if u32_at(bytes, 0)? != MAGIC || u64_at(bytes, 16)? != salt {
        return None;
    }
    let length = u32_at(bytes, 8)? as usize;
    let block = bytes.get(..length)?;
    let crc = u32_at(block, 4)?;
    if !length.is_multiple_of(BLOCK_ALIGN) || crc != crc32c(block.get(COVER_FROM..)?, 0) {
        return None;
    }
    let count = u32_at(block, 12)? as usize;
    let used = block.get(..u32_at(block, 28)? as usize)?;
    let mut records = Vec::with_capacity(count.min(used.len() / RECORD_HEADER_BYTES));
    let mut at = HEADER_BYTES;
    for _ in 0..count {
        let place = Place {
            index: u64_at(used, at)?,
            term: u64_at(used, at + 8)?,
            kind: *used.get(at + 16)?,
            offset: offset + at + RECORD_HEADER_BYTES,
            length: u32_at(used, at + 20)? as usize,
        };
        at = at.checked_add(RECORD_HEADER_BYTES)?.checked_add(place.length)?;
        used.get(..at)?;
        records.push(place);
    }
    (count > 0 && at == used.len()).then_some(Block {
        records,
        next: offset + length,
        crc,
        previous: u32_at(block, 24)?,
    })
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: u64 = 0x1234_5678_9abc_def0;

    fn records() -> Vec<Record<'static>> {
        vec![
            Record { index: 7, term: 2, kind: 1, payload: b"" },
            Record { index: 8, term: 2, kind: 2, payload: &[5; 700] },
            Record { index: 9, term: 3, kind: 3, payload: b"config" },
        ]
    }

    #[test]
    fn a_block_reads_back_as_it_was_written() -> Result<(), Malformed> {
        let mut data = vec![0; BLOCK_ALIGN];
        data.extend(frame(&records(), SALT, 77)?);
        let block = scan(&data, BLOCK_ALIGN, SALT).ok_or(Malformed)?;
        assert_eq!((block.previous, block.next), (77, data.len()));
        assert_eq!(data.len() % BLOCK_ALIGN, 0);
        for (place, record) in block.records.iter().zip(records()) {
            let payload = &data[place.offset..place.offset + place.length];
            assert_eq!(
                (place.index, place.term, place.kind),
                (record.index, record.term, record.kind)
            );
            assert_eq!(payload, record.payload);
        }
        assert_eq!(block.records.len(), 3);
        Ok(())
    }

    #[test]
    fn every_flipped_bit_is_noticed() -> Result<(), Malformed> {
        let whole = frame(&records(), SALT, 77)?;
        for bit in 0..whole.len() * 8 {
            let mut data = whole.clone();
            data[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(scan(&data, 0, SALT), None, "bit {bit}");
        }
        Ok(())
    }

    #[test]
    fn a_cut_block_and_a_foreign_salt_are_no_block() -> Result<(), Malformed> {
        let whole = frame(&records(), SALT, 77)?;
        for length in 0..whole.len() {
            assert_eq!(scan(&whole[..length], 0, SALT), None);
        }
        assert_eq!(scan(&whole, 0, SALT + 1), None);
        assert_eq!(scan(&whole, usize::MAX, SALT), None);
        assert_eq!(scan(&[0; 4096], 0, 0), None);
        Ok(())
    }

    #[test]
    fn a_gap_in_the_indexes_and_an_empty_block_are_refused() {
        let gap = [records()[0], records()[2]];
        assert!(frame(&gap, SALT, 0).is_err());
        assert!(frame(&[], SALT, 0).is_err());
    }

    #[test]
    fn a_block_with_a_right_checksum_and_wrong_counts_is_no_block() -> Result<(), Malformed> {
        for (at, value) in
            [(12, 0u32), (12, 2), (12, 4), (12, u32::MAX), (28, 40), (28, u32::MAX), (52, u32::MAX)]
        {
            let mut data = frame(&records(), SALT, 0)?;
            data[at..at + 4].copy_from_slice(&value.to_le_bytes());
            let crc = crc32c(&data[COVER_FROM..], 0);
            data[4..COVER_FROM].copy_from_slice(&crc.to_le_bytes());
            assert_eq!(scan(&data, 0, SALT), None, "{value} at {at}");
        }
        Ok(())
    }

    #[test]
    fn the_checksum_is_crc32c() {
        assert_eq!(crc32c(b"123456789", 0), 0xe306_9283);
        assert_eq!(crc32c(b"6789", crc32c(b"12345", 0)), 0xe306_9283);
    }
}
