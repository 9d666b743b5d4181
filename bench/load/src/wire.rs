//! The few records of the `ZooKeeper` client protocol that a load needs: requests appended to a
//! buffer, reply headers read from one. It knows no sockets.

pub const OP_CREATE: i32 = 1;
pub const OP_DELETE: i32 = 2;
pub const OP_GET_DATA: i32 = 4;
pub const OP_SET_DATA: i32 = 5;
pub const OP_GET_CHILDREN: i32 = 8;
pub const OP_PING: i32 = 11;
pub const OP_CLOSE: i32 = -11;
pub const XID_PING: i32 = -2;

pub const ERROR_NODE_EXISTS: i32 = -110;

/// Length of the reply header behind the frame's length: xid, zxid, error.
pub const REPLY_HEADER_BYTES: usize = 16;
/// No reply to a load's request comes near this; a longer one means that the stream is lost.
pub const REPLY_BYTES_MAX: usize = 64 << 20;

const ANY_VERSION: i32 = -1;
const PERMS_ALL: i32 = 31;

/// What the header of a reply says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyHeader {
    pub xid: i32,
    pub error: i32,
}

pub fn put_connect(out: &mut Vec<u8>, timeout_ms: i32) {
    framed(out, |out| {
        put_i32(out, 0);
        out.extend_from_slice(&[0; 8]);
        put_i32(out, timeout_ms);
        out.extend_from_slice(&[0; 8]);
        put_buffer(out, &[0; 16]);
        out.push(0);
    });
}

pub fn put_create(out: &mut Vec<u8>, xid: i32, path: &[u8], data: &[u8]) {
    request(out, xid, OP_CREATE, |out| {
        put_buffer(out, path);
        put_buffer(out, data);
        put_i32(out, 1);
        put_i32(out, PERMS_ALL);
        put_buffer(out, b"world");
        put_buffer(out, b"anyone");
        put_i32(out, 0);
    });
}

pub fn put_delete(out: &mut Vec<u8>, xid: i32, path: &[u8]) {
    request(out, xid, OP_DELETE, |out| {
        put_buffer(out, path);
        put_i32(out, ANY_VERSION);
    });
}

pub fn put_set_data(out: &mut Vec<u8>, xid: i32, path: &[u8], data: &[u8]) {
    request(out, xid, OP_SET_DATA, |out| {
        put_buffer(out, path);
        put_buffer(out, data);
        put_i32(out, ANY_VERSION);
    });
}

/// getData or getChildren, without a watch.
pub fn put_read(out: &mut Vec<u8>, xid: i32, op: i32, path: &[u8]) {
    request(out, xid, op, |out| {
        put_buffer(out, path);
        out.push(0);
    });
}

pub fn put_ping(out: &mut Vec<u8>) {
    request(out, XID_PING, OP_PING, |_| ());
}

pub fn put_close(out: &mut Vec<u8>, xid: i32) {
    request(out, xid, OP_CLOSE, |_| ());
}

/// The body of the frame at the start of `bytes`, without its length; `None` while it is not whole.
pub fn first_frame(bytes: &[u8]) -> Result<Option<&[u8]>, String> {
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let length = usize::try_from(i32::from_be_bytes(*length))
        .ok()
        .filter(|length| *length <= REPLY_BYTES_MAX)
        .ok_or("a reply with an absurd length")?;
    Ok(rest.get(..length))
}

pub fn reply_header(frame: &[u8]) -> Result<ReplyHeader, String> {
    if frame.len() < REPLY_HEADER_BYTES {
        return Err("a reply shorter than its header".into());
    }
    Ok(ReplyHeader { xid: get_i32(frame, 0), error: get_i32(frame, 12) })
}

/// The negotiated timeout of a `ConnectResponse`; zero or less means that the session was refused.
pub fn connect_timeout_ms(frame: &[u8]) -> Result<i32, String> {
    if frame.len() < 36 {
        return Err("a connect response that is too short".into());
    }
    Ok(get_i32(frame, 4))
}

fn request(out: &mut Vec<u8>, xid: i32, op: i32, body: impl FnOnce(&mut Vec<u8>)) {
    framed(out, |out| {
        put_i32(out, xid);
        put_i32(out, op);
        body(out);
    });
}

fn framed(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    body(out);
    let length = (out.len() - start - 4) as i32;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

fn put_i32(out: &mut Vec<u8>, value: i32) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn put_buffer(out: &mut Vec<u8>, bytes: &[u8]) {
    put_i32(out, bytes.len() as i32);
    out.extend_from_slice(bytes);
}

fn get_i32(frame: &[u8], at: usize) -> i32 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&frame[at..at + 4]);
    i32::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A get is the bytes that the protocol says, length first.
    #[test]
    fn a_get_is_framed_as_the_protocol_says() {
        let mut out = Vec::new();
        put_read(&mut out, 7, OP_GET_DATA, b"/a");
        assert_eq!(out, [0, 0, 0, 15, 0, 0, 0, 7, 0, 0, 0, 4, 0, 0, 0, 2, b'/', b'a', 0]);
    }

    /// Half a frame is waited for; a negative length is an error.
    #[test]
    fn half_frames_wait_and_negative_lengths_fail() {
        assert_eq!(first_frame(&[0, 0, 0]), Ok(None));
        assert_eq!(first_frame(&[0, 0, 0, 2, 1]), Ok(None));
        assert_eq!(first_frame(&[0, 0, 0, 2, 1, 2, 3]), Ok(Some(&[1, 2][..])));
        assert!(first_frame(&[255, 255, 255, 255]).is_err());
    }
}
