//! The views of the admin side as Python values. Nothing here is on the hot path.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use raftkeeper_engine::front::{ConnectionView, Front, Value};

/// Room made at once for a piece of a snapshot, whatever the caller asks for.
pub const PIECE_RESERVED_MAX: usize = 4 << 20;

pub fn statistics<'py>(py: Python<'py>, front: &Front) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    for (name, value) in front.statistics() {
        match value {
            Value::Count(count) => out.set_item(name, count)?,
            Value::Mean(mean) => out.set_item(name, mean)?,
            Value::Histogram(counts) => out.set_item(name, counts)?,
        }
    }
    Ok(out)
}

/// Latencies are milliseconds here, as ZooKeeper prints them; other times are microseconds.
pub fn connection<'py>(py: Python<'py>, view: &ConnectionView<'_>) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    out.set_item("conn", view.conn)?;
    out.set_item("address", view.address)?;
    out.set_item("session", view.session)?;
    out.set_item("timeout_ms", view.timeout_ms)?;
    out.set_item("queued", view.queued)?;
    out.set_item("received", view.received)?;
    out.set_item("sent", view.sent)?;
    out.set_item("last_op", view.last_op)?;
    out.set_item("established_us", view.established_us)?;
    out.set_item("last_cxid", view.last_cxid)?;
    out.set_item("last_zxid", view.last_zxid)?;
    out.set_item("last_response_us", view.last_response_us)?;
    out.set_item("last_latency", view.last_latency_ms)?;
    out.set_item("min_latency", view.min_latency_ms)?;
    out.set_item("avg_latency", view.mean_latency_ms)?;
    out.set_item("max_latency", view.max_latency_ms)?;
    Ok(out)
}
