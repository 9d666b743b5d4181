//! The border between Python and the engine: it converts, and decides nothing.
mod describe;
mod disk;
mod engine;
mod errors;
mod log;
mod views;

use pyo3::prelude::*;

#[pymodule]
fn _engine(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(describe::describe_entry, module)?)?;
    module.add_function(wrap_pyfunction!(log::crc32c, module)?)?;
    module.add_function(wrap_pyfunction!(log::frame_block, module)?)?;
    module.add_function(wrap_pyfunction!(log::scan_block, module)?)?;
    module.add_class::<disk::DiskThread>()?;
    module.add_class::<engine::Engine>()?;
    module.add("EngineError", module.py().get_type::<errors::EngineError>())?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    Ok(())
}
