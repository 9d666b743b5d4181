//! What the admin side shows: plain values, computed when asked for.

use super::Front;
use super::connections::Connection;
use super::statistics::{ConnectionStatistics, LATENCY_BOUNDS_US, Latencies, Statistics};
use crate::ops;

/// A statistic.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Count(i64),
    Mean(f64),
    Histogram(Vec<i64>),
}

/// One connection, for `cons` and the like.
#[derive(Clone, Debug)]
pub struct ConnectionView<'a> {
    pub address: &'a str,
    pub conn: u64,
    pub session: i64,
    pub timeout_ms: i32,
    pub queued: usize,
    pub received: u64,
    pub sent: u64,
    /// As ZooKeeper abbreviates it.
    pub last_op: &'static str,
    pub established_us: i64,
    pub last_cxid: i32,
    pub last_zxid: i64,
    pub last_response_us: i64,
    pub last_latency_ms: i64,
    pub min_latency_ms: i64,
    pub mean_latency_ms: f64,
    pub max_latency_ms: i64,
}

impl Front {
    /// Gauges and counters, by ZooKeeper's names where it has them; latencies in milliseconds
    /// there.
    pub fn statistics(&self) -> Vec<(&'static str, Value)> {
        let mut out = self.gauges();
        let all = &self.statistics;
        let counters = [
            ("packets_received", all.received),
            ("packets_sent", all.sent),
            ("bytes_received_count", all.bytes_received),
            ("response_bytes", all.bytes_sent),
            ("commit_count", all.commits),
            ("connection_request_count", all.connections_accepted),
            ("connection_drop_count", all.connections_dropped),
            ("connection_rejected", all.handshakes_refused),
            ("connection_revalidate_count", all.sessions_revalidated),
            ("large_requests_rejected", all.large_requests_refused),
            ("auth_failed_count", all.auth_failed),
            ("quota_exceeded_count", all.quota_exceeded),
            ("stale_sessions_expired", all.sessions_expired),
            ("reads_after_write_in_session_queue", all.reads_behind_writes),
            ("groups_skipped", all.groups_skipped),
            ("groups_given_up", all.groups_given_up),
            ("node_created_watch_count", all.events[0]),
            ("node_deleted_watch_count", all.events[1]),
            ("node_changed_watch_count", all.events[2]),
            ("node_children_watch_count", all.events[3]),
        ];
        out.extend(counters.map(|(name, value)| (name, count(value))));
        let spread = all.all;
        out.push(("avg_latency", Value::Mean(spread.mean() / 1000.0)));
        out.push(("min_latency", Value::Count(spread.min / 1000)));
        out.push(("max_latency", Value::Count(spread.max / 1000)));
        out.push(("last_client_response_size", Value::Count(all.written_bytes.last)));
        out.push(("min_client_response_size", Value::Count(all.written_bytes.min)));
        out.push(("max_client_response_size", Value::Count(all.written_bytes.max)));
        out.push(("latency_bounds_us", Value::Histogram(LATENCY_BOUNDS_US.to_vec())));
        out.push(("latency_read_us", histogram(&all.reads)));
        out.push(("latency_write_us", histogram(&all.writes)));
        out.push(("latency_read_sum_us", Value::Count(all.reads.spread.sum)));
        out.push(("latency_write_sum_us", Value::Count(all.writes.spread.sum)));
        out
    }

    fn gauges(&self) -> Vec<(&'static str, Value)> {
        let machine = &self.machine;
        vec![
            ("num_alive_connections", count(self.connections.len() as u64)),
            ("outstanding_requests", count(self.outstanding as u64)),
            ("watch_count", count(self.watches.watch_count() as u64)),
            ("global_sessions", count(self.clock.len() as u64)),
            ("znode_count", count(machine.node_count())),
            ("ephemerals_count", count(machine.ephemerals_count() as u64)),
            ("approximate_data_size", count(machine.data_bytes())),
            ("memory_bytes", count(machine.memory_bytes())),
            ("writes_refused", count(u64::from(self.refusing.is_some()))),
            ("read_only", count(u64::from(self.read_only()))),
        ]
    }

    pub fn reset_statistics(&mut self) {
        self.statistics = Statistics::default();
    }

    pub fn connections(&self) -> impl Iterator<Item = ConnectionView<'_>> {
        self.connections.iter().map(view)
    }

    pub fn reset_connection_statistics(&mut self) {
        for connection in self.connections.iter_mut() {
            connection.statistics.reset();
        }
    }

    /// (session, timeout in ms, ms until it expires)
    pub fn sessions(&self) -> Vec<(i64, i32, i64)> {
        let touched = |conn| self.connections.get(conn).map(|c| c.touched_us);
        let sessions = self.machine.sessions();
        let mut out: Vec<_> = sessions
            .map(|(session, view)| {
                let left_us = self.clock.left_us(session, touched).unwrap_or_default();
                (session, view.timeout_ms, left_us / 1000)
            })
            .collect();
        out.sort_unstable();
        out
    }

    /// (session, its ephemeral paths), sessions without any left out.
    pub fn ephemerals(&self) -> Vec<(i64, Vec<String>)> {
        let sessions = self.machine.sessions().map(|(session, _)| session);
        let mut out: Vec<_> = sessions
            .map(|session| (session, self.machine.ephemeral_paths(session)))
            .filter(|(_, paths)| !paths.is_empty())
            .collect();
        out.sort_unstable();
        out
    }

    /// (session, the paths it watches) of the data table.
    pub fn watches(&self) -> Vec<(i64, Vec<&str>)> {
        let session = |conn| self.connections.get(conn).map_or(0, |c| c.session);
        let dump = self.watches.data_paths().into_iter();
        dump.map(|(conn, paths)| (session(conn), paths)).collect()
    }

    /// (connections, paths, watches) of the data table.
    pub fn watch_counts(&self) -> (usize, usize, usize) {
        self.watches.data_counts()
    }
}

fn count(value: u64) -> Value {
    Value::Count(i64::try_from(value).unwrap_or(i64::MAX))
}

fn histogram(latencies: &Latencies) -> Value {
    Value::Histogram(latencies.counts.iter().map(|&n| n as i64).collect())
}

fn view(connection: &Connection) -> ConnectionView<'_> {
    let own = &connection.statistics;
    ConnectionView {
        address: &connection.address,
        conn: connection.id,
        session: connection.session,
        timeout_ms: connection.timeout_ms,
        queued: connection.queue.len(),
        received: own.received,
        sent: own.sent,
        last_op: short_name(own),
        established_us: own.established_us,
        last_cxid: own.last_cxid,
        last_zxid: own.last_zxid,
        last_response_us: own.last_response_us,
        last_latency_ms: own.latency.last / 1000,
        min_latency_ms: own.latency.min / 1000,
        mean_latency_ms: own.latency.mean() / 1000.0,
        max_latency_ms: own.latency.max / 1000,
    }
}

/// What `cons` prints for the last operation.
fn short_name(own: &ConnectionStatistics) -> &'static str {
    match own.last_op {
        _ if own.sent == 0 => "NA",
        ops::CREATE | ops::CREATE2 | ops::CREATE_CONTAINER | ops::CREATE_TTL => "CREA",
        ops::DELETE => "DELE",
        ops::EXISTS => "EXIS",
        ops::GET_DATA => "GETD",
        ops::SET_DATA => "SETD",
        ops::GET_ACL => "GETA",
        ops::SET_ACL => "SETA",
        ops::GET_CHILDREN | ops::GET_CHILDREN2 => "GETC",
        ops::SYNC => "SYNC",
        ops::PING => "PING",
        ops::MULTI => "MULT",
        ops::MULTI_READ => "MLTR",
        ops::RECONFIG => "RECO",
        ops::CHECK_WATCHES => "CHKW",
        ops::REMOVE_WATCHES => "REMW",
        ops::ADD_WATCH => "ADDW",
        ops::SET_WATCHES | ops::SET_WATCHES2 => "SETW",
        ops::GET_EPHEMERALS => "GETE",
        ops::GET_ALL_CHILDREN_NUMBER => "GETACN",
        ops::WHO_AM_I => "HOMI",
        ops::AUTH => "AUTH",
        ops::CREATE_SESSION | ops::ATTACH_SESSION => "SESS",
        ops::CLOSE_SESSION => "CLOS",
        _ => "NA",
    }
}
