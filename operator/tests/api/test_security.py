"""Rules about certificates, tried: a change is let through where members go on trusting each other.

The rules are CEL. A real API server evaluates them in the end-to-end stories; here their few forms are read
as Python, which is close enough for `has`, comparisons and logic.
"""

import re
from types import SimpleNamespace
from typing import Any

import pytest

from raftkeeper_operator.api.part import Part
from raftkeeper_operator.api.security import ClientTls, PeerTls

ISSUER = {"name": "ours"}
BY_ISSUER = {"issuerRef": ISSUER}


def refusals(model: type[Part], after: dict[str, Any], before: dict[str, Any]) -> list[str]:
    """Messages of the rules that a change breaks; a rule about changes alone looks at `before`."""
    values = {"self": _filled(model, after), "oldSelf": _filled(model, before)}
    return [
        rule.message
        for rule in model.rules
        if not _holds(rule.expression.replace("\n", " "), values)
    ]


def _filled(model: type[Part], given: dict[str, Any]) -> SimpleNamespace:
    """With its defaults, as the API server sees it."""
    dumped = model.model_validate(given).model_dump(mode="json", by_alias=True, exclude_none=True)
    return _as_object(dumped)


def _as_object(value: dict[str, Any]) -> SimpleNamespace:
    return SimpleNamespace(
        **{key: _as_object(v) if isinstance(v, dict) else v for key, v in value.items()}
    )


def _holds(expression: str, values: dict[str, Any]) -> bool:
    python = re.sub(r"has\((\w+)\.(\w+)\)", r"hasattr(\1, '\2')", expression)
    python = python.replace("&&", " and ").replace("||", " or ")
    python = re.sub(r"!(?!=)", " not ", python)
    return bool(eval(python, {"hasattr": hasattr}, values))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"secretName": "a"}),
        ({"secretName": "a"}, {}),
        ({"secretName": "a"}, {"secretName": "b"}),
        ({"secretName": "a"}, BY_ISSUER),
        (BY_ISSUER, {"secretName": "a"}),
        (BY_ISSUER, {"issuerRef": {"name": "theirs"}}),
        (BY_ISSUER, {"issuerRef": {**ISSUER, "kind": "ClusterIssuer"}}),
        (BY_ISSUER, {"issuerRef": {**ISSUER, "group": "example.test"}}),
    ],
)
def test_members_certificates_come_from_where_they_came_from(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    """Behind every other name there may be another CA, and the sentence says what to do instead."""
    (message,) = refusals(PeerTls, after, before)
    assert "would not trust each other" in message
    assert "ca.crt to both CAs" in message


@pytest.mark.parametrize("spec", [{}, {"secretName": "a"}, BY_ISSUER])
def test_a_spec_that_is_applied_again_is_no_change(spec: dict[str, Any]) -> None:
    """Defaults of an issuer that are written out are none either."""
    assert refusals(PeerTls, spec, spec) == []
    written_out = {"issuerRef": {**ISSUER, "kind": "Issuer", "group": "cert-manager.io"}}
    assert refusals(PeerTls, written_out, BY_ISSUER) == []


@pytest.mark.parametrize("wish", ["Want", "Need"])
def test_clients_certificates_need_somebody_who_signs_them(wish: str) -> None:
    """The operator's own CA does not, so nobody could come in."""
    asked = {"mode": "Required", "clientAuth": wish}
    (message,) = refusals(ClientTls, asked, asked)
    assert "signs members only" in message
    for source in ({"secretName": "a"}, BY_ISSUER):
        assert refusals(ClientTls, asked | source, {}) == []
    assert refusals(ClientTls, {"mode": "Required"}, {}) == []
