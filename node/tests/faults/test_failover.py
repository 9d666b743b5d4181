"""The failover page says what was measured and what was not; a machine without namespaces goes without."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.failover.clients import Write, Writes
from tests.faults.failover.cut_off import measure_cut_offs
from tests.faults.failover.measure import Gaps, Transfers
from tests.faults.failover.page import render

from raftkeeper.raft import longest_timeout_ticks
from raftkeeper.server.config import Config

ROW = "| cut off (all packets dropped) |"


def test_page_counts_silent_leaders_that_took_longer_than_two_election_timeouts() -> None:
    """Frozen and cut-off ones of ours; killed ones and ZooKeeper's are no silence of ours."""
    ensemble = Config().ensemble
    two_ms = 2 * ensemble.election_ticks * ensemble.tick_ms
    longer = Gaps([two_ms + 1.0], [9.0])
    page = render(
        {"raftkeeper": longer},
        {"raftkeeper": Gaps([two_ms + 1.0, 2.0], [3.0, 4.0]), "zookeeper": longer},
        Gaps([5.0, two_ms + 7.0, 6.0], [7.0, 9.0, 8.0]),
        Transfers(),
        "command",
    )
    assert f"{ROW} raftkeeper | 3 | 6 / {two_ms + 7:,} ms | 8 / 9 ms |" in page
    longest_ms = longest_timeout_ticks(ensemble.election_ticks) * ensemble.tick_ms
    assert f"drawn between that and {longest_ms:,} ms" in page
    assert f"at worst: {two_ms:,} ms" in page
    assert "Of the 5 gaps of *raw* above, 2 took longer." in page


def test_page_without_cut_offs_has_no_row_of_them_and_says_so() -> None:
    """A row of nothing would look like a figure."""
    page = render({"raftkeeper": Gaps([1.0], [2.0])}, {}, Gaps(), Transfers(), "command")
    assert ROW not in page
    assert "No leader was cut off in this run." in page
    assert "took longer" not in page


def test_longest_gap_reaches_back_to_the_last_write_before_the_moment() -> None:
    """A cut takes effect somewhere after the moment, and the old leader may acknowledge until then."""
    writes = Writes(
        [Write(0, 100), Write(100, 110), Write(110, 140), Write(140, 900), Write(900, 910)]
    )
    assert writes.longest_gap_us(105) == 760
    assert writes.longest_gap_us(905) == 10


def test_cut_offs_are_left_out_where_the_tools_are_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The rest of the page is worth having all the same."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert measure_cut_offs(1) == Gaps()
    said = capfd.readouterr().err
    assert said.startswith("cut-offs are left out, this machine cannot make them: ")
    assert said.count("\n") == 1
