"""Durations and sizes: what is written, what it means, and what is refused."""

import pytest

from raftkeeper_operator.api.scalars import format_duration, parse_duration_ms, parse_quantity


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("250ms", 250), ("30s", 30_000), ("1h30m", 5_400_000), ("0s", 0), ("1s500ms", 1_500)],
)
def test_duration_is_milliseconds(text: str, milliseconds: int) -> None:
    """A written duration means so many milliseconds, and is written back the same."""
    assert parse_duration_ms(text) == milliseconds
    assert format_duration(milliseconds) == text


@pytest.mark.parametrize("text", ["", "10", "m", "1d", "-1s", "1.5h", "1 h"])
def test_other_text_is_no_duration(text: str) -> None:
    """What is not written like 1h30m is refused with a sentence that shows how."""
    with pytest.raises(ValueError, match="write it like"):
        parse_duration_ms(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("10Gi", 10 * 1024**3),
        ("1G", 10**9),
        ("512", 512),
        ("1.5Ki", 1536),
        ("0.3k", 300),
        ("1.0001", 2),
    ],
)
def test_quantity_is_bytes_rounded_up(text: str, size: int) -> None:
    """A size means so many bytes; a fraction of a byte counts as one."""
    assert parse_quantity(text) == size


@pytest.mark.parametrize("text", ["", "10GB", "-1Gi", "Gi", "1e3"])
def test_other_text_is_no_quantity(text: str) -> None:
    """What is not written like 10Gi is refused."""
    with pytest.raises(ValueError, match="no size"):
        parse_quantity(text)
