"""Is an object as it should be? What we apply must be there; what else is there is not ours to judge.

Two signs that it is not: the digest of what was applied last (an annotation) is another one, so something
may have to go away; or a part of what we want is missing or different, so somebody changed it.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from raftkeeper_operator.api import labels
from raftkeeper_operator.observe.fields import Object, annotation

APPLIED = f"{labels.GROUP}/applied"
"""Annotation with the digest of what was applied."""
DIGEST_CHARACTERS = 16


def with_digest(desired: Object) -> Object:
    """The object to apply: what is wanted, and the digest of it."""
    text = json.dumps(desired, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()[:DIGEST_CHARACTERS]
    metadata = desired["metadata"]
    annotations = {**(metadata.get("annotations") or {}), APPLIED: digest}
    return {**desired, "metadata": {**metadata, "annotations": annotations}}


def was_applied(desired: Object, actual: Mapping[str, Any]) -> bool:
    """The last apply was of just this."""
    wanted = with_digest(desired)["metadata"]["annotations"][APPLIED]
    return annotation(actual, APPLIED) == str(wanted)


def contains(actual: Any, desired: Any) -> bool:
    """All that is desired is there; empty and absent are the same."""
    if isinstance(desired, Mapping):
        there = actual if isinstance(actual, Mapping) else {}
        return all(contains(there.get(key), value) for key, value in desired.items())
    if isinstance(desired, list):
        there_list = actual if isinstance(actual, list) else []
        return len(there_list) == len(desired) and all(
            contains(mine, wanted) for mine, wanted in zip(there_list, desired, strict=True)
        )
    if desired in ("", None):
        return actual in ("", None)
    return bool(actual == desired)
