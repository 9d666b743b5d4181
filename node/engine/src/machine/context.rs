//! What an operation knows of the request that it carries out, apart from the request's own fields.

use crate::auth::AuthId;
use crate::error::ErrorCode;

#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    pub zxid: i64,
    /// The time of the log entry.
    pub time_ms: i64,
    /// The session, or why it may not write. Operations ask at their own point in the order of checks.
    pub session: Result<i64, ErrorCode>,
    pub auth: &'a [AuthId],
    /// Whether what exceeds the hard limit of a quota is refused.
    pub enforces_quotas: bool,
    /// Whether TTL znodes are off where the request comes from.
    pub refuses_ttl: bool,
}

/// `expected` −1 is any version. Answers the next version, which wraps as ZooKeeper's does.
pub fn next_version(current: i32, expected: i32) -> Result<i32, ErrorCode> {
    if expected != -1 && expected != current {
        return Err(ErrorCode::BAD_VERSION);
    }
    Ok(current.wrapping_add(1))
}
