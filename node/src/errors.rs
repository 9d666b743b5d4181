//! The one exception of the engine: state and input do not fit, and the node must stop.

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use raftkeeper_engine::front::Refusal;

create_exception!(raftkeeper._engine, EngineError, PyException);

/// Takes the place of `From`, which neither type allows here.
pub fn to_py(refusal: Refusal) -> PyErr {
    EngineError::new_err(refusal.0.into_owned())
}
