//! Log entries in words, as Python values: for `raftkeeper inspect`.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use raftkeeper_engine::entry::{Entry, Group};
use raftkeeper_engine::front::Refusal;
use raftkeeper_engine::machine::describe;

use crate::errors::to_py;

/// What the payload of a log entry asks for. `EngineError` where `apply` would refuse it.
#[pyfunction]
pub fn describe_entry<'py>(py: Python<'py>, payload: &[u8]) -> PyResult<Bound<'py, PyDict>> {
    let entry = Entry::decode(payload).map_err(|why| to_py(Refusal::from(why)))?;
    let out = PyDict::new(py);
    out.set_item("time_ms", entry.time_ms)?;
    out.set_item("enforces_quotas", entry.enforces_quotas)?;
    let groups = PyList::empty(py);
    for group in entry.groups {
        groups.append(group_of(py, group)?)?;
    }
    out.set_item("groups", groups)?;
    Ok(out)
}

fn group_of<'py>(py: Python<'py>, mut group: Group<'_>) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    out.set_item("member", group.id.member)?;
    out.set_item("run", group.id.run)?;
    out.set_item("origin", group.id.origin)?;
    out.set_item("sequence", group.id.sequence)?;
    let requests = PyList::empty(py);
    while let Some(request) = group.next_request().map_err(|why| to_py(Refusal::from(why)))? {
        let row = PyDict::new(py);
        row.set_item("conn", request.conn)?;
        row.set_item("session", request.session)?;
        row.set_item("xid", request.xid)?;
        row.set_item("op", request.op)?;
        row.set_item("text", describe(request.op, request.body))?;
        requests.append(row)?;
    }
    out.set_item("requests", requests)?;
    Ok(out)
}
