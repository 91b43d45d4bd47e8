"""The base of every section of the settings."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{2,39}$")]
"""Name of a resource; every service that has one accepts it."""


class Section(BaseModel):
    """A section refuses unknown keys (a typo is an error, not a default) and cannot be changed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
