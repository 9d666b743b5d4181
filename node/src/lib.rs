//! The border between Python and the engine: it converts, and decides nothing.
mod disk;
mod log;

use pyo3::prelude::*;

#[pymodule]
fn _engine(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(log::crc32c, module)?)?;
    module.add_function(wrap_pyfunction!(log::frame_block, module)?)?;
    module.add_function(wrap_pyfunction!(log::scan_block, module)?)?;
    module.add_class::<disk::DiskThread>()?;
    Ok(())
}
