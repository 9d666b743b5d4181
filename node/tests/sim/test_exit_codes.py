"""What the command line tells a machine."""

import pytest

from raftkeeper.testing import sim
from raftkeeper.testing.sim_failure import Kind, SimFailure
from raftkeeper.testing.sim_run import Outcome


def outcome(kind: Kind | None) -> Outcome:
    failure = SimFailure(kind, "checker", "sentence") if kind else None
    return Outcome(1, "core", failure, steps=0, simulated_ms=0, took_s=0.0)


@pytest.mark.parametrize(
    ("kinds", "code"),
    [
        ([], 0),
        ([Kind.LIVENESS], 12),
        ([Kind.LIVENESS, Kind.CRASH], 10),
        ([Kind.LIVENESS, Kind.CRASH, Kind.SAFETY], 11),
    ],
)
def test_the_gravest_kind_is_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, kinds: list[Kind], code: int
) -> None:
    """A broken promise before a crash before standing still."""
    outcomes = iter([outcome(kind) for kind in kinds])
    monkeypatch.setattr(sim, "run_seed", lambda *_, **__: next(outcomes, outcome(None)))
    assert sim.main(["--seeds", "4", "--level", "core"]) == code


def test_a_failure_comes_back_from_another_process() -> None:
    """Otherwise the one seed that fails would be the one that nobody hears of."""
    failed = ["--seeds", "2", "--level", "core", "--jobs", "2"]
    assert sim.main([*failed, "--mutation", "answer_before_the_fsync"]) == Kind.SAFETY


def test_one_seed_prints_its_options_and_how_it_ended(capsys: pytest.CaptureFixture[str]) -> None:
    """Enough to understand it without the source."""
    assert sim.main(["--seed", "1", "--level", "core"]) == 0
    printed = capsys.readouterr().out
    assert "loss_per_mille" in printed
    assert "seed 1 (core): ok" in printed
