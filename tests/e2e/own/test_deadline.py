"""Waiting: what counts as found, and what is said when the time is over."""

import pytest

from e2e.deadline import NotInTime, wait_for
from e2e.local.provisioner import bytes_of


def test_first_thing_found_is_returned() -> None:
    """None and False mean: not yet; so does an assertion that fails."""
    answers = iter([None, False, AssertionError("not yet"), "found"])

    def check() -> str | bool | None:
        answer = next(answers)
        if isinstance(answer, AssertionError):
            raise answer
        return answer

    assert wait_for("it", check, timeout_s=5, step_s=0) == "found"


def test_last_reason_is_said_when_time_is_over() -> None:
    """The error names what was waited for, and what was still wrong."""

    def check() -> bool:
        raise AssertionError("two are missing")

    with pytest.raises(NotInTime, match=r"all are there.*two are missing"):
        wait_for("all are there", check, timeout_s=0, step_s=0)


def test_errors_end_the_wait() -> None:
    """What is no AssertionError is no "not yet"."""

    def check() -> bool:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        wait_for("it", check, timeout_s=5)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1024", 1024), ("1Ki", 1024), ("2Gi", 2 << 30), ("500M", 500_000_000), ("1.5Gi", 3 << 29)],
)
def test_quantities_are_read(text: str, value: int) -> None:
    """Sizes as Kubernetes writes them."""
    assert bytes_of(text) == value
