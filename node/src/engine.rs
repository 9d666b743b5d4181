//! The class `Engine`: every method hands its arguments to the front and its result back.
//!
//! On the hot path no Python object is made but the bytes of the replies. It decides nothing.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict};
use raftkeeper_engine::front::{Config, Front};

use crate::errors::to_py;
use crate::views;

const WANTS_BATCH: u8 = 1;
const WANTS_ACTIONS: u8 = 2;
const WANTS_BARRIER: u8 = 4;
const WANTS_RECONFIGS: u8 = 8;

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
        reconfig_enabled = false, ttl_enabled = true, member = 1, linearizable_reads = false,
        read_only_mode = false, unsent_bytes_max = 67_108_864
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
        member: u32,
        linearizable_reads: bool,
        read_only_mode: bool,
        unsent_bytes_max: usize,
    ) -> Self {
        let front = Front::new(Config {
            origin,
            member,
            min_session_timeout_ms,
            max_session_timeout_ms,
            frame_bytes_max,
            batch_bytes_max,
            connection_outstanding_max,
            outstanding_max,
            unsent_bytes_max,
            super_digest: super_digest.to_owned(),
            skip_acl,
            reconfig_enabled,
            ttl_enabled,
            linearizable_reads,
            read_only_mode,
        });
        Self { front }
    }

    // ---- connections

    fn connect(&mut self, address: &str, now_us: i64) -> u64 {
        self.front.connect(address, now_us)
    }

    #[pyo3(signature = (conn, subject, *, is_super = false))]
    fn certify(&mut self, conn: u64, subject: &str, is_super: bool) {
        self.front.certify(conn, subject, is_super);
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

    fn touch(&mut self, conn: u64) {
        self.front.touch(conn);
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
        if self.front.wants_reconfigs() {
            bits |= WANTS_RECONFIGS;
        }
        if self.front.wants_barrier() {
            bits |= WANTS_BARRIER;
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

    fn refuse_writes(&mut self, reason: &str) {
        self.front.refuse_writes(reason);
    }

    // ---- the ensemble

    fn set_member(&mut self, member: u32) {
        self.front.set_member(member);
    }

    fn take_group<'py>(&mut self, py: Python<'py>) -> Option<(u64, Bound<'py, PyBytes>)> {
        let (number, group) = self.front.take_group()?;
        Some((number, PyBytes::new(py, &group)))
    }

    #[getter]
    fn groups_settled(&self) -> u64 {
        self.front.groups_settled()
    }

    #[allow(clippy::needless_pass_by_value)] // the extracted arguments own the bytes
    fn seal_entry<'py>(
        &mut self,
        py: Python<'py>,
        now_ms: i64,
        groups: Vec<PyBackedBytes>,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let groups: Vec<&[u8]> = groups.iter().map(AsRef::as_ref).collect();
        let entry = self.front.seal_entry(now_ms, &groups);
        let entry = entry.map_err(|_| PyValueError::new_err("a group is malformed"))?;
        Ok(entry.map(|entry| PyBytes::new(py, &entry)))
    }

    fn lead(&mut self, leading: bool, now_us: i64) {
        self.front.lead(leading, now_us);
    }

    fn enforce_quotas(&mut self, enforces: bool) {
        self.front.enforce_quotas(enforces);
    }

    fn take_touches<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.front.take_touches())
    }

    fn merge_touches(&mut self, touches: &[u8], now_us: i64) -> PyResult<()> {
        let merged = self.front.merge_touches(touches, now_us);
        merged.map_err(|_| PyValueError::new_err("touches are malformed"))
    }

    fn take_barrier(&mut self) -> Option<u64> {
        self.front.take_barrier()
    }

    fn pass_barrier(&mut self, token: u64, index: u64) {
        self.front.pass_barrier(token, index);
    }

    fn no_leader(&mut self, lost: bool, now_us: i64) {
        self.front.no_leader(lost, now_us);
    }

    #[getter]
    fn read_only(&self) -> bool {
        self.front.read_only()
    }

    fn digest(&self) -> (u64, i64, u64) {
        let machine = self.front.machine();
        (machine.applied_index(), machine.last_zxid(), machine.digest())
    }

    fn drain(&mut self, count: usize) -> usize {
        self.front.drain(count)
    }

    fn undrain(&mut self) {
        self.front.undrain();
    }

    // ---- changes of the membership

    fn take_reconfigs<'py>(&mut self, py: Python<'py>) -> Vec<(u64, Bound<'py, PyBytes>)> {
        let reconfigs = self.front.take_reconfigs().into_iter();
        reconfigs.map(|(conn, body)| (conn, PyBytes::new(py, &body))).collect()
    }

    fn answer_reconfig(&mut self, conn: u64, error: i32, now_us: i64) {
        self.front.answer_reconfig(conn, error, now_us);
    }

    // ---- snapshots

    fn succeed(&mut self, cluster_id: &[u8]) -> PyResult<()> {
        self.front.succeed(cluster_id).map_err(to_py)
    }

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

    fn restore_more(&mut self, znodes: u32) -> PyResult<bool> {
        self.front.restore_more(znodes).map_err(to_py)
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
