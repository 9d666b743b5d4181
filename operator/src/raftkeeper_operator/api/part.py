"""The base of every model of a resource, and the rules that the API server checks for us.

Python names are snake_case, the API's camelCase. A docstring below a field is its description in the
CRD. Unknown fields are ignored when read: the API server has pruned what its CRD does not know, and
an operator that is older than the CRD must not fail on what it cannot know.
"""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


@dataclass(frozen=True, slots=True)
class Rule:
    """One CEL expression that must hold, and the sentence that is shown when it does not.

    A rule that mentions `oldSelf` is about a change and is skipped when the object, or the optional
    part the rule belongs to, is new.
    """

    expression: str
    message: str
    path: str = ""
    """Field the message points at, relative to the part, as `.name`; empty for the part itself."""


class Part(BaseModel):
    """A piece of a resource."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
    )

    rules: ClassVar[tuple[Rule, ...]] = ()
    """What the API server checks of this part, beyond types and bounds."""
