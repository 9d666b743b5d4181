//! The first exchange of a connection: `ConnectRequest` in, `ConnectResponse` out.

use crate::jute::{Malformed, Reader, Writer, patch_i32};

/// Bytes of a session password.
pub const PASSWORD_BYTES: usize = 16;
const PROTOCOL_VERSION: i32 = 0;

/// What a client asks for when it connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectRequest<'a> {
    pub last_zxid_seen: i64,
    pub timeout_ms: i32,
    /// 0 asks for a new session.
    pub session: i64,
    pub password: &'a [u8],
    /// The client sent the readOnly field (3.4 and later), so it expects one back.
    pub has_read_only: bool,
    /// It is content with a server that can only be read.
    pub read_only: bool,
}

impl<'a> ConnectRequest<'a> {
    pub fn decode(frame: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(frame);
        let _protocol_version = reader.i32()?;
        let last_zxid_seen = reader.i64()?;
        let timeout_ms = reader.i32()?;
        let session = reader.i64()?;
        let password = reader.buf()?.unwrap_or_default();
        let has_read_only = !reader.is_empty();
        let read_only = has_read_only && reader.bool()?;
        Ok(Self { last_zxid_seen, timeout_ms, session, password, has_read_only, read_only })
    }
}

/// What the server grants; a timeout of 0 says that the session is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectResponse {
    pub timeout_ms: i32,
    pub session: i64,
    pub password: [u8; PASSWORD_BYTES],
    /// This node can only be read.
    pub read_only: bool,
}

impl ConnectResponse {
    pub const REFUSED: Self =
        Self { timeout_ms: 0, session: 0, password: [0; PASSWORD_BYTES], read_only: false };

    pub fn encode(&self, has_read_only: bool, out: &mut Vec<u8>) {
        let at = out.len();
        out.put_i32(0);
        out.put_i32(PROTOCOL_VERSION);
        out.put_i32(self.timeout_ms);
        out.put_i64(self.session);
        out.put_buf(Some(&self.password));
        if has_read_only {
            out.put_bool(self.read_only);
        }
        let length = (out.len() - at - 4) as i32;
        patch_i32(out, at, length);
    }
}

/// Compares in a time that does not depend on where the first difference is.
pub fn passwords_agree(expected: [u8; PASSWORD_BYTES], given: &[u8]) -> bool {
    given.len() == PASSWORD_BYTES
        && expected.iter().zip(given).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(read_only: bool) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_i32(0);
        out.put_i64(77);
        out.put_i32(10_000);
        out.put_i64(5);
        out.put_buf(Some(&[9; PASSWORD_BYTES]));
        if read_only {
            out.put_bool(true);
        }
        out
    }

    /// Both forms decode alike, and the longer one is remembered for the reply.
    #[test]
    fn both_lengths_decode() {
        let (short, long) = (request(false), request(true));
        assert_eq!((short.len(), long.len()), (44, 45));
        let expected = ConnectRequest {
            last_zxid_seen: 77,
            timeout_ms: 10_000,
            session: 5,
            password: &[9; PASSWORD_BYTES],
            has_read_only: false,
            read_only: false,
        };
        assert_eq!(ConnectRequest::decode(&short), Ok(expected));
        let with_field = ConnectRequest { has_read_only: true, read_only: true, ..expected };
        assert_eq!(ConnectRequest::decode(&long), Ok(with_field));
    }

    /// A request cut off anywhere before its password's end is malformed.
    #[test]
    fn cut_request_is_malformed() {
        let whole = request(false);
        for length in 0..whole.len() {
            assert_eq!(ConnectRequest::decode(&whole[..length]), Err(Malformed));
        }
    }

    /// The reply has 36 or 37 bytes after its length.
    #[test]
    fn reply_length_follows_the_request() {
        for (has_read_only, length) in [(false, 36), (true, 37)] {
            let mut out = Vec::new();
            ConnectResponse::REFUSED.encode(has_read_only, &mut out);
            assert_eq!(out.len(), 4 + length);
            assert_eq!(out[..4], (length as i32).to_be_bytes());
        }
        let mut out = Vec::new();
        ConnectResponse { read_only: true, ..ConnectResponse::REFUSED }.encode(true, &mut out);
        assert_eq!(out.last(), Some(&1));
    }

    /// Only the very password agrees.
    #[test]
    fn password_must_agree_whole() {
        assert!(passwords_agree([3; 16], &[3; 16]));
        assert!(!passwords_agree([3; 16], &[3; 15]));
        assert!(!passwords_agree([3; 16], &[0; 16]));
        assert!(!passwords_agree([0; 16], &[]));
    }
}
