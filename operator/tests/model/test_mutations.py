"""The model notices what it is for: each deliberate bug of mutations.toml breaks a promise."""

import pytest
from tests.model.mutants import Mutation, load_decide, play_seed, read_mutations, what_catches

from raftkeeper_operator.decide.decide import decide

pytestmark = pytest.mark.timeout(300)

MUTATIONS = read_mutations()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[mutation.name for mutation in MUTATIONS])
def test_bug_is_caught(mutation: Mutation) -> None:
    """With the bug the promise is broken; the same seed without it is kept."""
    with_bug = load_decide(mutation)
    assert what_catches(with_bug, mutation.seed, losses=mutation.losses).startswith(mutation.says)
    assert mutation.says
    play_seed(decide, mutation.seed, losses=mutation.losses)


def test_the_real_decisions_are_back_afterwards() -> None:
    """Loading a bug leaves nothing of it behind."""
    load_decide(MUTATIONS[0])
    from raftkeeper_operator.decide.decide import decide as again

    assert again is decide
