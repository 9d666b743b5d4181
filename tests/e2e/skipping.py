"""Hooks for pytest: what a provider cannot do is no failure of ours, in a story or in what it is given."""

from collections.abc import Iterator

import pytest

from e2e.provider import Unsupported


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_setup() -> Iterator[None]:
    """In a fixture. One for all stories says so to each of them."""
    yield from _skip_unsupported()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """In the story itself."""
    yield from _skip_unsupported()


def _skip_unsupported() -> Iterator[None]:
    outcome = yield
    error = outcome.excinfo  # type: ignore[attr-defined]  # pluggy's own result
    if error is not None and isinstance(error[1], Unsupported):
        outcome.force_exception(pytest.skip.Exception(str(error[1])))  # type: ignore[attr-defined]
