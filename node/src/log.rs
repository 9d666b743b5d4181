//! The border of the log's blocks: tuples to records and back. It decides nothing.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use raftkeeper_engine::log_frame::{self, Record};

/// (index, term, kind, payload offset, payload length)
type Place = (u64, u64, u8, usize, usize);

#[pyfunction]
#[pyo3(signature = (data, seed = 0))]
pub fn crc32c(data: &[u8], seed: u32) -> u32 {
    log_frame::crc32c(data, seed)
}

#[pyfunction]
#[allow(clippy::needless_pass_by_value)] // the extracted arguments own the payloads
pub fn frame_block(
    py: Python<'_>,
    records: Vec<(u64, u64, u8, PyBackedBytes)>,
    salt: u64,
    previous: u32,
) -> PyResult<Bound<'_, PyBytes>> {
    let records: Vec<Record<'_>> = records
        .iter()
        .map(|(index, term, kind, payload)| Record {
            index: *index,
            term: *term,
            kind: *kind,
            payload,
        })
        .collect();
    let block = log_frame::frame(&records, salt, previous)
        .map_err(|_| PyValueError::new_err("a block needs records without a gap, below 4 GiB"))?;
    Ok(PyBytes::new(py, &block))
}

#[pyfunction]
pub fn scan_block(data: &[u8], offset: usize, salt: u64) -> Option<(Vec<Place>, usize, u32, u32)> {
    let block = log_frame::scan(data, offset, salt)?;
    let places = block
        .records
        .iter()
        .map(|place| (place.index, place.term, place.kind, place.offset, place.length))
        .collect();
    Some((places, block.next, block.crc, block.previous))
}
