"""What tests of storage share."""

import pytest
from tests.unit.storage.log_bench import LogBench


@pytest.fixture
def bench() -> LogBench:
    return LogBench()
