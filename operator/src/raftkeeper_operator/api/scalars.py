"""Scalars of the API with their written form, bounds and meaning: durations, quantities, names.

Each type carries its JSON schema, so that the API server refuses what Python would not read.
"""

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, PlainSerializer, StringConstraints, WithJsonSchema

DURATION_PATTERN: Final = r"^([0-9]+(ms|s|m|h))+$"
DURATION_OR_NEVER_PATTERN: Final = r"^(Never|([0-9]+(ms|s|m|h))+)$"
_DURATION_PARTS = re.compile(r"([0-9]+)(ms|s|m|h)")
_UNIT_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}
DURATION_CHARACTERS_MAX: Final = 16
"""Long enough for every duration anybody means, short enough to keep the cost of rules small."""

NEVER: Final = "Never"

QUANTITY_PATTERN: Final = r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?$"
_QUANTITY = re.compile(r"^([0-9]+)(?:\.([0-9]+))?(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?$")
_SUFFIX_BYTES: Final[dict[str | None, int]] = {
    None: 1,
    **{f"{letter}i": 1024**power for power, letter in enumerate("KMGTP", start=1)},
    **{letter: 1000**power for power, letter in enumerate("kMGTP", start=1)},
}


def parse_duration_ms(text: object) -> int:
    """Milliseconds of `1h30m`, `250ms` and the like."""
    if isinstance(text, int):
        return text
    if not isinstance(text, str) or not re.fullmatch(DURATION_PATTERN, text):
        raise ValueError(f"{text!r} is no duration: write it like 30s, 10m or 1h30m")
    return sum(int(count) * _UNIT_MS[unit] for count, unit in _DURATION_PARTS.findall(text))


def format_duration(milliseconds: int) -> str:
    """The shortest written form: 5400000 is `1h30m`."""
    if milliseconds == 0:
        return "0s"
    text = ""
    for unit in ("h", "m", "s", "ms"):
        count, milliseconds = divmod(milliseconds, _UNIT_MS[unit])
        text += f"{count}{unit}" if count else ""
    return text


def _parse_duration_or_never(text: object) -> int | None:
    return None if text is None or text == NEVER else parse_duration_ms(text)


def parse_quantity(text: str) -> int:
    """Bytes of `10Gi`, rounded up to a whole one."""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no size: write it like 10Gi or 500Mi")
    whole, fraction, suffix = match.groups()
    digits = fraction or ""
    scaled = int(whole + digits) * _SUFFIX_BYTES[suffix]
    parts: int = 10 ** len(digits)
    return -(-scaled // parts)


def _check_quantity(text: str) -> str:
    parse_quantity(text)
    return text


DurationMs = Annotated[
    int,
    BeforeValidator(parse_duration_ms),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(
        {"type": "string", "pattern": DURATION_PATTERN, "maxLength": DURATION_CHARACTERS_MAX}
    ),
]
"""A duration, written `10m`; milliseconds in Python."""

DurationMsOrNever = Annotated[
    int | None,
    BeforeValidator(_parse_duration_or_never),
    PlainSerializer(lambda ms: NEVER if ms is None else format_duration(ms), return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": DURATION_OR_NEVER_PATTERN,
            "maxLength": DURATION_CHARACTERS_MAX,
        }
    ),
]
"""A duration or `Never`, which is None in Python."""

Quantity = Annotated[
    str,
    BeforeValidator(str),
    BeforeValidator(_check_quantity),
    WithJsonSchema({"type": "string", "pattern": QUANTITY_PATTERN, "maxLength": 24}),
]
"""A size in bytes as Kubernetes writes it; `parse_quantity` gives the number."""

Amount = Annotated[
    str,
    BeforeValidator(str),
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "x-kubernetes-int-or-string": True,
            "pattern": r"^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$",
            "maxLength": 24,
        }
    ),
]
"""An amount of a resource (`250m`, `1Gi`, `2`), passed on to Kubernetes as it is."""

Text = Annotated[str, Field(max_length=1024)]
"""A line that is passed on."""

ObjectName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", min_length=1, max_length=253),
]
"""Name of another object of the same namespace."""

SecretKey = Annotated[
    str, StringConstraints(pattern=r"^[-._a-zA-Z0-9]+$", min_length=1, max_length=253)
]

Zone = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", min_length=1, max_length=40)
]
"""A zone's name. It becomes a part of pods' names, hence the narrow alphabet."""

LabelKey = Annotated[
    str, StringConstraints(pattern=r"^([a-zA-Z0-9.-]+/)?[-._a-zA-Z0-9]+$", max_length=317)
]

StringMap = Annotated[
    dict[str, Annotated[str, Field(max_length=1024)]],
    Field(max_length=64),
]
"""Labels or annotations."""

RawObject = Annotated[
    dict[str, Any],
    WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
]
"""A piece of a Kubernetes object that is passed on; the API server checks it when it is used."""
