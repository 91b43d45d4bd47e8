"""The base of every section of the settings."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A section refuses unknown keys (a typo is an error, not a default) and cannot be changed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
