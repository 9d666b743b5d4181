//! Who a connection is: the ids that its requests carry into the log.

/// One authenticated identity, such as `digest` / `user:hash` or `ip` / `127.0.0.1`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AuthId {
    pub scheme: Box<str>,
    pub id: Box<str>,
}
