"""What all sections of the configuration have in common. It must not know any of them."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

KIB = 1024
MIB = 1024 * KIB

Port = Annotated[int, Field(ge=1, le=65535)]


class Section(BaseModel):
    """One `[section]` of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
