//! The class `Engine`: every method hands its arguments to the front and its result back.
//!
//! On the hot path no Python object is made but the bytes of the replies. It decides nothing.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use raftkeeper_engine::front::{Config, Front};

use crate::errors::to_py;
use crate::views;

const WANTS_BATCH: u8 = 1;
const WANTS_ACTIONS: u8 = 2;

#[pyclass(unsendable, module = "raftkeeper._engine")]
pub struct Engine {
    front: Front,
}

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (
        *, origin, min_session_timeout_ms, max_session_timeout_ms, frame_bytes_max, batch_bytes_max,
        connection_outstanding_max, outstanding_max, super_digest = "", skip_acl = false,
        reconfig_enabled = false, ttl_enabled = true
    ))]
    #[allow(clippy::too_many_arguments, clippy::fn_params_excessive_bools)] // keywords in Python
    fn new(
        origin: u64,
        min_session_timeout_ms: i32,
        max_session_timeout_ms: i32,
        frame_bytes_max: usize,
        batch_bytes_max: usize,
        connection_outstanding_max: usize,
        outstanding_max: usize,
        super_digest: &str,
        skip_acl: bool,
        reconfig_enabled: bool,
        ttl_enabled: bool,
    ) -> Self {
        let front = Front::new(Config {
            origin,
            min_session_timeout_ms,
            max_session_timeout_ms,
            frame_bytes_max,
            batch_bytes_max,
            connection_outstanding_max,
            outstanding_max,
            super_digest: super_digest.to_owned(),
            skip_acl,
            reconfig_enabled,
            ttl_enabled,
        });
        Self { front }
    }

    // ---- connections

    fn connect(&mut self, address: &str, now_us: i64) -> u64 {
        self.front.connect(address, now_us)
    }

    fn feed<'py>(
        &mut self,
        py: Python<'py>,
        conn: u64,
        data: &[u8],
        now_us: i64,
    ) -> Bound<'py, PyBytes> {
        self.front.feed(conn, data, now_us);
        let output = self.front.take_output(conn);
        let bytes = PyBytes::new(py, &output);
        self.front.recycle(output);
        bytes
    }

    fn disconnect(&mut self, conn: u64) {
        self.front.disconnect(conn);
    }

    #[getter]
    fn wants(&self) -> u8 {
        let mut bits = 0;
        if self.front.wants_batch() {
            bits |= WANTS_BATCH;
        }
        if self.front.wants_actions() || self.front.wants_replies() {
            bits |= WANTS_ACTIONS;
        }
        bits
    }

    fn take_actions(&mut self) -> Vec<(u64, u8, String)> {
        let actions = self.front.take_actions().into_iter();
        actions.map(|(conn, action, reason)| (conn, action as u8, reason.into_owned())).collect()
    }

    // ---- the log

    #[pyo3(signature = (*, cluster_id, secret, first_session, now_ms))]
    fn bootstrap_entry<'py>(
        &self,
        py: Python<'py>,
        cluster_id: &[u8],
        secret: &[u8],
        first_session: i64,
        now_ms: i64,
    ) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.front.bootstrap_entry(cluster_id, secret, first_session, now_ms))
    }

    #[getter]
    fn bootstrapped(&self) -> bool {
        self.front.machine().bootstrapped()
    }

    fn take_batch<'py>(&mut self, py: Python<'py>, now_ms: i64) -> Option<Bound<'py, PyBytes>> {
        Some(PyBytes::new(py, &self.front.take_batch(now_ms)?))
    }

    fn apply(&mut self, index: u64, payload: &[u8], now_us: i64) -> PyResult<()> {
        self.front.apply(index, payload, now_us).map_err(to_py)
    }

    fn take_replies<'py>(&mut self, py: Python<'py>) -> Vec<(u64, Bound<'py, PyBytes>)> {
        let mut replies = Vec::new();
        while let Some((conn, output)) = self.front.take_reply() {
            replies.push((conn, PyBytes::new(py, &output)));
            self.front.recycle(output);
        }
        replies
    }

    #[getter]
    fn applied_index(&self) -> u64 {
        self.front.machine().applied_index()
    }

    #[getter]
    fn last_zxid(&self) -> i64 {
        self.front.machine().last_zxid()
    }

    // ---- sessions and housekeeping

    fn tick(&mut self, now_us: i64) {
        self.front.tick(now_us);
    }

    fn collect(&mut self, now_ms: i64) -> usize {
        self.front.collect(now_ms)
    }

    fn refuse_writes(&mut self, reason: &str) -> PyResult<()> {
        self.front.refuse_writes(reason).map_err(to_py)
    }

    // ---- snapshots

    fn snapshot_begin(&mut self) -> (u64, i64) {
        self.front.snapshot_begin()
    }

    fn snapshot_next<'py>(&mut self, py: Python<'py>, bytes_max: usize) -> Bound<'py, PyBytes> {
        let mut piece = Vec::with_capacity(bytes_max.min(views::PIECE_RESERVED_MAX));
        self.front.snapshot_next(bytes_max, &mut piece);
        PyBytes::new(py, &piece)
    }

    fn snapshot_abandon(&mut self) {
        self.front.snapshot_abandon();
    }

    fn restore_begin(&mut self) {
        self.front.restore_begin();
    }

    fn restore_piece(&mut self, data: &[u8]) -> PyResult<()> {
        self.front.restore_piece(data).map_err(to_py)
    }

    fn restore_end(&mut self) -> PyResult<()> {
        self.front.restore_end().map_err(to_py)
    }

    // ---- views

    fn statistics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        views::statistics(py, &self.front)
    }

    fn reset_statistics(&mut self) {
        self.front.reset_statistics();
    }

    fn connections<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        self.front.connections().map(|view| views::connection(py, &view)).collect()
    }

    fn reset_connection_statistics(&mut self) {
        self.front.reset_connection_statistics();
    }

    fn sessions(&self) -> Vec<(i64, i32, i64)> {
        self.front.sessions()
    }

    fn ephemerals(&self) -> Vec<(i64, Vec<String>)> {
        self.front.ephemerals()
    }

    fn watches(&self) -> Vec<(i64, Vec<&str>)> {
        self.front.watches()
    }

    fn watch_counts(&self) -> (usize, usize, usize) {
        self.front.watch_counts()
    }

    fn set_config(&mut self, data: &[u8]) {
        self.front.set_config(data);
    }
}
