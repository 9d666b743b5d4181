//! A request of the log in words, for people: read by the same code as when it is applied.
//!
//! Paths, versions and lengths are shown; data, ACLs' ids and secrets are not.

use core::fmt::Write;

use crate::error::ErrorCode;
use crate::jute::{Malformed, Reader};
use crate::ops;

use super::create::Create;
use super::delete::Delete;
use super::multi;
use super::sessions::CLUSTER_ID_BYTES;
use super::set::{Check, SetAcl, SetData};

/// One line. What cannot be read is said, as it would be answered with an error.
pub fn describe(op: i32, body: &[u8]) -> String {
    put(op, body)
        .unwrap_or_else(|Malformed| format!("operation {op}, malformed, {} bytes", body.len()))
}

fn put(op: i32, body: &[u8]) -> Result<String, Malformed> {
    let mut reader = Reader::new(body);
    Ok(match op {
        ops::MULTI | ops::MULTI_WITHOUT_TTL => {
            let is_plain = op == ops::MULTI;
            let mut line = String::from(if is_plain { "multi" } else { "multi without TTL" });
            while let Some(inner) = multi::read_header(&mut reader)? {
                let _ = write!(line, " [{}]", of_znode(inner, &mut reader)?.ok_or(Malformed)?);
            }
            line
        }
        ops::CREATE_SESSION => format!("create session, timeout {} ms", reader.i32()?),
        ops::ATTACH_SESSION => String::from("attach session"),
        ops::CLOSE_SESSION => String::from("close session"),
        ops::EXPIRE_SESSIONS => {
            let mut line = String::from("expire");
            for _ in 0..reader.vec_len()?.unwrap_or(0) {
                let (session, _origin, _conn) = (reader.i64()?, reader.u64()?, reader.u64()?);
                let _ = write!(line, " {session:#x}");
            }
            line
        }
        ops::COLLECT => format!("collect {}", reader.string()?),
        ops::ERROR => format!("refused with {}", ErrorCode(reader.i32()?).0),
        ops::BOOTSTRAP => {
            let id = reader.buf()?.filter(|id| id.len() == CLUSTER_ID_BYTES).ok_or(Malformed)?;
            let mut line = String::from("bootstrap cluster ");
            for byte in id {
                let _ = write!(line, "{byte:02x}");
            }
            line
        }
        _ => match of_znode(op, &mut reader)? {
            Some(line) => line,
            None => format!("operation {op}, {} bytes", body.len()),
        },
    })
}

/// Those that name a znode.
fn of_znode(op: i32, reader: &mut Reader<'_>) -> Result<Option<String>, Malformed> {
    let bytes = |data: Option<&[u8]>| data.map_or(0, <[u8]>::len);
    Ok(Some(match op {
        ops::CREATE | ops::CREATE2 | ops::CREATE_CONTAINER | ops::CREATE_TTL => {
            let create = Create::read(op, reader)?;
            let path = create.path.unwrap_or("(no path)");
            let mut line = format!("create {path}, {} bytes", bytes(create.data));
            line.push_str(match (op, create.flags) {
                (ops::CREATE_CONTAINER, _) | (_, 4) => ", container",
                (_, 1) => ", ephemeral",
                (_, 2 | 6) => ", sequential",
                (_, 3) => ", ephemeral sequential",
                _ => "",
            });
            if create.ttl_ms >= 0 {
                let _ = write!(line, ", TTL {} ms", create.ttl_ms);
            }
            line
        }
        ops::DELETE => {
            let delete = Delete::read(reader)?;
            format!("delete {}{}", delete.path, at_version(delete.version))
        }
        ops::SET_DATA => {
            let set = SetData::read(reader)?;
            format!("set {}, {} bytes{}", set.path, bytes(set.data), at_version(set.version))
        }
        ops::SET_ACL => {
            let set = SetAcl::read(reader)?;
            format!("set ACL of {}{}", set.path, at_version(set.version))
        }
        ops::CHECK => {
            let check = Check::read(reader)?;
            format!("check {}{}", check.path, at_version(check.version))
        }
        _ => return Ok(None),
    }))
}

fn at_version(version: i32) -> String {
    if version == -1 { String::new() } else { format!(" at version {version}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jute::Writer;

    const OPEN: &[u8] = b"\0\0\0\x01\0\0\0\x1f\0\0\0\x05world\0\0\0\x06anyone";

    fn create(path: &str, flags: i32) -> Vec<u8> {
        let mut body = Vec::new();
        body.put_string(path);
        body.put_buf(Some(b"abc"));
        body.extend_from_slice(OPEN);
        body.put_i32(flags);
        body
    }

    fn versioned(path: &str, version: i32) -> Vec<u8> {
        let mut body = Vec::new();
        body.put_string(path);
        body.put_i32(version);
        body
    }

    /// Paths, lengths, modes and versions, and never data.
    #[test]
    fn requests_are_told_without_their_data() {
        assert_eq!(describe(ops::CREATE, &create("/a", 0)), "create /a, 3 bytes");
        let lock = describe(ops::CREATE2, &create("/lock-", 3));
        assert_eq!(lock, "create /lock-, 3 bytes, ephemeral sequential");
        let mut ttl = create("/t", 5);
        ttl.put_i64(60);
        assert_eq!(describe(ops::CREATE_TTL, &ttl), "create /t, 3 bytes, TTL 60 ms");
        assert_eq!(describe(ops::DELETE, &versioned("/a", -1)), "delete /a");
        assert_eq!(describe(ops::DELETE, &versioned("/a", 4)), "delete /a at version 4");
        assert_eq!(describe(ops::CREATE_SESSION, &[0, 0, 0, 9]), "create session, timeout 9 ms");
    }

    /// Every operation of a multi, in order.
    #[test]
    fn multi_is_told_operation_by_operation() {
        let mut body = Vec::new();
        multi::put_header(ops::CHECK, false, -1, &mut body);
        body.extend(versioned("/a", 1));
        multi::put_header(ops::CREATE, false, -1, &mut body);
        body.extend(create("/b", 1));
        multi::put_header(-1, true, -1, &mut body);
        let expected = "multi [check /a at version 1] [create /b, 3 bytes, ephemeral]";
        assert_eq!(describe(ops::MULTI, &body), expected);
    }

    /// The secret that passwords are made of stays where it is.
    #[test]
    fn bootstrap_shows_no_secret() {
        let mut body = Vec::new();
        body.put_buf(Some(&[0xAB; CLUSTER_ID_BYTES]));
        body.put_buf(Some(&[0xCD; 32]));
        body.put_i64(1);
        let line = describe(ops::BOOTSTRAP, &body);
        assert_eq!(line, format!("bootstrap cluster {}", "ab".repeat(CLUSTER_ID_BYTES)));
    }

    /// Any bytes at all give a line.
    #[test]
    fn malformed_request_is_told_as_such() {
        for op in -1010..110 {
            for length in 0..12 {
                assert!(!describe(op, &vec![0xFF; length]).is_empty());
            }
        }
        assert_eq!(describe(ops::DELETE, &[1]), "operation 2, malformed, 1 bytes");
    }
}
