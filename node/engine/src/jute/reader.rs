//! Reads jute fields from a slice, and lends what it finds.

/// The bytes do not hold the field that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// A cursor over one request or record.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The bytes not read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (head, tail) = self.rest.split_at_checked(count).ok_or(Malformed)?;
        self.rest = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, tail) = self.rest.split_first_chunk::<N>().ok_or(Malformed)?;
        self.rest = tail;
        Ok(*head)
    }

    pub fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    /// One byte; Java's `DataInput.readBoolean` takes every non-zero byte for true, and so do we.
    pub fn bool(&mut self) -> Result<bool, Malformed> {
        Ok(self.u8()? != 0)
    }

    pub fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub fn i32(&mut self) -> Result<i32, Malformed> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    pub fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub fn i64(&mut self) -> Result<i64, Malformed> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    pub fn u64(&mut self) -> Result<u64, Malformed> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// A buffer: `None` for null (length −1). Any other negative length is malformed.
    pub fn buf(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        let length = self.i32()?;
        if length == -1 {
            return Ok(None);
        }
        let length = usize::try_from(length).map_err(|_| Malformed)?;
        self.take(length).map(Some)
    }

    /// A string as its UTF-8 bytes; null reads as "" (kazoo encodes an empty string as null).
    pub fn string(&mut self) -> Result<&'a str, Malformed> {
        let bytes = self.buf()?.unwrap_or_default();
        core::str::from_utf8(bytes).map_err(|_| Malformed)
    }

    /// The path of a request. Null is no path, not even a bad one: the request is malformed.
    pub fn path(&mut self) -> Result<&'a str, Malformed> {
        let bytes = self.buf()?.ok_or(Malformed)?;
        core::str::from_utf8(bytes).map_err(|_| Malformed)
    }

    /// The count in front of a vector; null reads as `None`. Each item takes at least one byte, so a
    /// count larger than what is left is malformed before anything is allocated for it.
    pub fn vec_len(&mut self) -> Result<Option<usize>, Malformed> {
        let count = self.i32()?;
        if count == -1 {
            return Ok(None);
        }
        let count = usize::try_from(count).map_err(|_| Malformed)?;
        if count > self.rest.len() {
            return Err(Malformed);
        }
        Ok(Some(count))
    }
}
