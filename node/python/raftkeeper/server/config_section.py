"""What all sections of the configuration have in common. It must not know any of them."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

KIB = 1024
MIB = 1024 * KIB

Port = Annotated[int, Field(ge=1, le=65535)]


class Section(BaseModel):
    """One `[section]` of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    @field_validator("*", mode="before")
    @classmethod
    def refuse_yes_as_a_number(cls, value: object, info: ValidationInfo) -> object:
        """To Python `true` is 1, and a port of 1 is what nobody meant by `port = true`."""
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is int:
            raise PydanticCustomError("whole_number", "must be a whole number")
        return value
