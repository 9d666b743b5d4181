"""Claims about the reference of the configuration."""

from pathlib import Path

from raftkeeper.server.config_sources import settings_by_flag
from raftkeeper.tools.config_reference import build_reference

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "configuration.md"


def test_page_is_what_the_schema_says() -> None:
    """`raftkeeper config-reference > docs/reference/configuration.md` when this fails."""
    assert PAGE.read_text() == build_reference()


def test_every_setting_is_on_the_page() -> None:
    """By its flag."""
    page = build_reference()
    assert [flag for flag in settings_by_flag() if f"`{flag}`" not in page] == []
