//! Operation codes: those a client may send (protocol section 2.1), and ours that only a node puts into the log.

pub const CREATE: i32 = 1;
pub const DELETE: i32 = 2;
pub const EXISTS: i32 = 3;
pub const GET_DATA: i32 = 4;
pub const SET_DATA: i32 = 5;
pub const GET_ACL: i32 = 6;
pub const SET_ACL: i32 = 7;
pub const GET_CHILDREN: i32 = 8;
pub const SYNC: i32 = 9;
pub const PING: i32 = 11;
pub const GET_CHILDREN2: i32 = 12;
pub const CHECK: i32 = 13;
pub const MULTI: i32 = 14;
pub const CREATE2: i32 = 15;
pub const RECONFIG: i32 = 16;
pub const CHECK_WATCHES: i32 = 17;
pub const REMOVE_WATCHES: i32 = 18;
pub const CREATE_CONTAINER: i32 = 19;
pub const DELETE_CONTAINER: i32 = 20;
pub const CREATE_TTL: i32 = 21;
pub const MULTI_READ: i32 = 22;
pub const AUTH: i32 = 100;
pub const SET_WATCHES: i32 = 101;
pub const SASL: i32 = 102;
pub const GET_EPHEMERALS: i32 = 103;
pub const GET_ALL_CHILDREN_NUMBER: i32 = 104;
pub const SET_WATCHES2: i32 = 105;
pub const ADD_WATCH: i32 = 106;
pub const WHO_AM_I: i32 = 107;
pub const CREATE_SESSION: i32 = -10;
pub const CLOSE_SESSION: i32 = -11;
pub const ERROR: i32 = -1;

/// In the log only: a session (re)attached to a connection, which thereby owns it. Body: none.
pub const ATTACH_SESSION: i32 = -1001;
/// In the log only: sessions whose deadline passed. Body: vec of (session i64, origin u64, conn u64), the owner
/// being the one whose silence was noticed.
pub const EXPIRE_SESSIONS: i32 = -1002;
/// In the log only, the first command of a new cluster. Body: cluster id buf(16), secret buf(32), first session id i64.
pub const BOOTSTRAP: i32 = -1003;
/// In the log only: an empty container or outlived TTL node. Body: path str, czxid i64 (re-checked at apply).
pub const COLLECT: i32 = -1004;
/// In the log only: a multi that asks for TTL znodes, by way of a node where they are off. Its body is as it came;
/// what asks for one fails at its turn, if nothing before it does. So it changes no znode.
pub const MULTI_WITHOUT_TTL: i32 = -1005;
