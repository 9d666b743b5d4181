//! Appends jute fields to a byte vector.

/// Jute fields, appended to any `Vec<u8>`.
pub trait Writer {
    fn put_u8(&mut self, value: u8);
    fn put_bool(&mut self, value: bool);
    fn put_u16(&mut self, value: u16);
    fn put_i32(&mut self, value: i32);
    fn put_u32(&mut self, value: u32);
    fn put_i64(&mut self, value: i64);
    fn put_u64(&mut self, value: u64);
    /// A buffer; `None` is null (length −1).
    fn put_buf(&mut self, value: Option<&[u8]>);
    fn put_string(&mut self, value: &str);
}

impl Writer for Vec<u8> {
    fn put_u8(&mut self, value: u8) {
        self.push(value);
    }
    fn put_bool(&mut self, value: bool) {
        self.push(u8::from(value));
    }
    fn put_u16(&mut self, value: u16) {
        self.extend_from_slice(&value.to_be_bytes());
    }
    fn put_i32(&mut self, value: i32) {
        self.extend_from_slice(&value.to_be_bytes());
    }
    fn put_u32(&mut self, value: u32) {
        self.extend_from_slice(&value.to_be_bytes());
    }
    fn put_i64(&mut self, value: i64) {
        self.extend_from_slice(&value.to_be_bytes());
    }
    fn put_u64(&mut self, value: u64) {
        self.extend_from_slice(&value.to_be_bytes());
    }
    fn put_buf(&mut self, value: Option<&[u8]>) {
        match value {
            None => self.put_i32(-1),
            Some(bytes) => {
                self.put_i32(bytes.len() as i32);
                self.extend_from_slice(bytes);
            }
        }
    }
    fn put_string(&mut self, value: &str) {
        self.put_buf(Some(value.as_bytes()));
    }
}

/// Overwrites the i32 at `at`, written earlier as a placeholder for a length or a count.
pub fn patch_i32(out: &mut [u8], at: usize, value: i32) {
    if let Some(slot) = out.get_mut(at..at + 4) {
        slot.copy_from_slice(&value.to_be_bytes());
    }
}
